// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Making firmware images: header, component table, signature, the bytes of each component, each
 * aligned to 8 bytes, with zeros in between.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "image_build.h"

static_assert(crypto_sign_BYTES == OGPU_FW_SIGNATURE_SIZE, "Ed25519 signature");

static size_t align8(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static unsigned int component_count(const struct image_spec *spec, const struct elf32 *elf)
{
	return elf->count + !!spec->info;
}

static size_t signature_offset(const struct image_spec *spec, const struct elf32 *elf)
{
	return sizeof(struct ogpu_fw_header) +
	       component_count(spec, elf) * sizeof(struct ogpu_fw_component);
}

static void fill_header(struct ogpu_fw_header *hdr, const struct image_spec *spec,
			const struct elf32 *elf, size_t size)
{
	unsigned int i;

	hdr->magic = OGPU_FW_MAGIC;
	hdr->format_major = OGPU_FW_FORMAT_MAJOR;
	hdr->format_minor = OGPU_FW_FORMAT_MINOR;
	hdr->header_size = sizeof(*hdr);
	hdr->image_size = (uint32_t)size;
	for (i = 0; i < 3; i++)
		hdr->version[i] = spec->version[i];
	hdr->svn = spec->svn;
	hdr->vendor = spec->vendor;
	hdr->device = spec->device;
	hdr->board_id = spec->board_id;
	hdr->hw_rev_min = (uint16_t)spec->hw_rev[0];
	hdr->hw_rev_max = (uint16_t)spec->hw_rev[1];
	hdr->driver_abi_min = spec->driver_abi[0];
	hdr->driver_abi_max = spec->driver_abi[1];
	hdr->fw_abi_min = spec->fw_abi[0];
	hdr->fw_abi_max = spec->fw_abi[1];
	hdr->entry = elf->entry;
	hdr->component_count = component_count(spec, elf);
	hdr->component_size = sizeof(struct ogpu_fw_component);
	hdr->signature_offset = (uint32_t)signature_offset(spec, elf);
	memcpy(hdr->build_id, spec->build_id, strlen(spec->build_id));
	memcpy(hdr->name, spec->name, strlen(spec->name));
}

/* Appends a component at *@offset and its entry to the table. */
static void add_component(uint8_t *image, unsigned int index, size_t *offset,
			  struct ogpu_fw_component comp, const void *data)
{
	comp.offset = (uint32_t)*offset;
	crypto_hash_sha256(comp.sha256, data, comp.size);
	memcpy(image + *offset, data, comp.size);
	memcpy(image + sizeof(struct ogpu_fw_header) + index * sizeof(comp), &comp, sizeof(comp));
	*offset = align8(*offset + comp.size);
}

static void fill_components(uint8_t *image, const struct image_spec *spec, const struct elf32 *elf)
{
	size_t offset = signature_offset(spec, elf) + OGPU_FW_SIGNATURE_SIZE;
	unsigned int i;

	for (i = 0; i < elf->count; i++) {
		const struct elf32_segment *seg = &elf->segments[i];
		struct ogpu_fw_component comp = {
			.type = seg->executable ? OGPU_FW_COMP_CODE : OGPU_FW_COMP_DATA,
			.size = seg->size,
			.load_addr = seg->addr,
			.mem_size = seg->mem_size,
		};

		add_component(image, i, &offset, comp, seg->data);
	}

	if (spec->info) {
		struct ogpu_fw_component comp = {
			.type = OGPU_FW_COMP_INFO,
			.size = (uint32_t)strlen(spec->info),
		};

		add_component(image, i, &offset, comp, spec->info);
	}
}

static size_t image_bytes(const struct image_spec *spec, const struct elf32 *elf)
{
	size_t size = signature_offset(spec, elf) + OGPU_FW_SIGNATURE_SIZE;
	unsigned int i;

	for (i = 0; i < elf->count; i++)
		size += align8(elf->segments[i].size);
	if (spec->info)
		size += align8(strlen(spec->info));
	return size;
}

static uint32_t signed_bytes(const uint8_t *image)
{
	struct ogpu_fw_header hdr;

	memcpy(&hdr, image, sizeof(hdr));
	return hdr.signature_offset;
}

int image_prepare(const struct image_spec *spec, const struct elf32 *elf,
		  const uint8_t public[KEY_SIZE], uint8_t **image, size_t *size,
		  struct fw_error *err)
{
	size_t bytes = image_bytes(spec, elf);
	struct ogpu_fw_header hdr = { 0 };
	enum ogpu_fw_check check;
	uint8_t *data;

	if (strlen(spec->build_id) > sizeof(hdr.build_id))
		return fw_fail(err, FW_EXIT_USAGE, "build ID: at most %zu characters",
			       sizeof(hdr.build_id));
	if (strlen(spec->name) > sizeof(hdr.name))
		return fw_fail(err, FW_EXIT_USAGE, "name: at most %zu characters",
			       sizeof(hdr.name));
	if (bytes > OGPU_FW_MAX_SIZE)
		return fw_fail(err, FW_EXIT_INVALID, "image would have %zu bytes, at most %u fit",
			       bytes, OGPU_FW_MAX_SIZE);

	data = calloc(1, bytes);
	if (!data)
		return fw_fail(err, FW_EXIT_FAILED, "out of memory");

	fill_header(&hdr, spec, elf, bytes);
	memcpy(data, &hdr, sizeof(hdr));
	fill_components(data, spec, elf);
	key_id(public, data + offsetof(struct ogpu_fw_header, key_id));

	check = ogpu_fw_image_check(data, bytes);
	if (check != OGPU_FW_OK) {
		free(data);
		return fw_fail(err, FW_EXIT_INVALID, "program does not make a valid image: %s",
			       ogpu_fw_check_text(check));
	}
	*image = data;
	*size = bytes;
	return 0;
}

int image_build(const struct image_spec *spec, const struct elf32 *elf,
		const struct signing_key *key, uint8_t **image, size_t *size, struct fw_error *err)
{
	int ret = image_prepare(spec, elf, key->public, image, size, err);

	if (!ret)
		image_sign(*image, *size, key);
	return ret;
}

int image_attach(uint8_t *image, const uint8_t public[KEY_SIZE],
		 const uint8_t signature[OGPU_FW_SIGNATURE_SIZE], struct fw_error *err)
{
	uint32_t offset = signed_bytes(image);
	uint8_t id[KEY_ID_SIZE];

	key_id(public, id);
	if (memcmp(id, image + offsetof(struct ogpu_fw_header, key_id), sizeof(id)))
		return fw_fail(err, FW_EXIT_SIGNATURE, "image was prepared for another key");
	if (crypto_sign_verify_detached(signature, image, offset, public))
		return fw_fail(err, FW_EXIT_SIGNATURE,
			       "signature is not that of this image with this key");
	memcpy(image + offset, signature, OGPU_FW_SIGNATURE_SIZE);
	return 0;
}

void image_sign(uint8_t *image, size_t size, const struct signing_key *key)
{
	struct ogpu_fw_header hdr;

	key_id(key->public, image + offsetof(struct ogpu_fw_header, key_id));
	memcpy(&hdr, image, sizeof(hdr));
	if (hdr.signature_offset < sizeof(hdr) ||
	    (uint64_t)hdr.signature_offset + OGPU_FW_SIGNATURE_SIZE > size)
		return;
	crypto_sign_detached(image + hdr.signature_offset, NULL, image, hdr.signature_offset,
			     key->secret);
}
