/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Making firmware images.
 */
#ifndef OGPU_LOADER_IMAGE_BUILD_H
#define OGPU_LOADER_IMAGE_BUILD_H

#include "abi/fw_image.h"
#include "elf32.h"
#include "error.h"
#include "keys.h"

/* What the command line says about an image. */
struct image_spec {
	uint16_t version[3];
	uint32_t svn;
	uint16_t vendor, device;
	uint32_t board_id;
	uint32_t hw_rev[2];	/* lowest, highest */
	uint32_t driver_abi[2];
	uint32_t fw_abi[2];
	const char *build_id;
	const char *name;
	const char *info;	/* text for people, NULL: none */
};

/**
 * image_build() - make a signed image from the segments of a program
 * @spec: members of the header
 * @elf: the program
 * @key: signs the image
 * @image: new buffer, freed by the caller
 * @size: bytes in it
 * @err: filled in case of error
 *
 * The same input gives the same bytes. The result has passed ogpu_fw_image_check().
 *
 * Return: 0 or -1.
 */
int image_build(const struct image_spec *spec, const struct elf32 *elf,
		const struct signing_key *key, uint8_t **image, size_t *size,
		struct fw_error *err);

/**
 * image_prepare() - make an image that is signed later
 * @spec: members of the header
 * @elf: the program
 * @public: key that it will be signed with
 * @image: new buffer, freed by the caller
 * @size: bytes in it
 * @err: filled in case of error
 *
 * As image_build(), with a signature of zeros.
 *
 * Return: 0 or -1.
 */
int image_prepare(const struct image_spec *spec, const struct elf32 *elf,
		  const uint8_t public[KEY_SIZE], uint8_t **image, size_t *size,
		  struct fw_error *err);

/**
 * image_attach() - put a signature that was made elsewhere into an image
 * @image: has passed ogpu_fw_image_check()
 * @public: key that the signature was made with
 * @signature: of all bytes before its place
 * @err: filled in case of error
 *
 * Return: 0, or -1 with FW_EXIT_SIGNATURE if it is wrong; then the image is as it was.
 */
int image_attach(uint8_t *image, const uint8_t public[KEY_SIZE],
		 const uint8_t signature[OGPU_FW_SIGNATURE_SIZE], struct fw_error *err);

/**
 * image_sign() - write key identity and signature into an image
 * @image: header, table, room for the signature, components
 * @size: bytes of it
 * @key: signs the image
 *
 * Looks only for the place of the signature, and writes none if that is not behind the header:
 * tests sign broken ones with it.
 */
void image_sign(uint8_t *image, size_t size, const struct signing_key *key);

#endif
