/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A small firmware image, and its start as a driver does it.
 *
 * It suits a server that was started with OPTIONS_FOR_IMAGE, whose VRAM is mapped. Functions assert
 * by cmocka.
 */
#ifndef OGPU_TEST_VGPU_BOOT_IMAGE_H
#define OGPU_TEST_VGPU_BOOT_IMAGE_H

#include "abi/fw_image.h"
#include "client.h"

#define IMAGE_ADDR	0x100000u	/* in VRAM */

#define OPTIONS_FOR_IMAGE \
	"--vram", "16M", "--board-id", "7", "--hw-rev", "3", "--fuse-svn", "5"

struct boot_image {
	struct ogpu_fw_header header;
	struct ogpu_fw_component comp;
	uint8_t signature[OGPU_FW_SIGNATURE_SIZE];
	/* At its start wfi and a jump back to it; more than the boot ROM reads at once. */
	uint32_t code[515];
	uint32_t pad;
};

/* A server and its client, ready for an image. */
void image_server(struct server *s, const char *const *options);
void image_make(struct server *s, struct boot_image *image);
/* With a program of the caller's, signed. */
void image_make_program(struct server *s, struct boot_image *image, const uint32_t *code,
			size_t bytes);
/* Makes hash and signature anew. */
void image_sign(struct server *s, struct boot_image *image);
void image_start(struct server *s, uint64_t addr, uint32_t size);
enum ogpu_boot_error image_verdict(struct server *s);
enum ogpu_boot_error image_boot(struct server *s, const struct boot_image *image);

#endif
