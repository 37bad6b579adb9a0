// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A small firmware image, and its start as a driver does it: see boot_image.h.
 */
#include <sodium.h>
#include <string.h>

#include "boot_image.h"

/* wfi; j . - 4 */
static const uint32_t idle_code[] = { 0x10500073, 0xffdff06f };

/* An image without signature. */
void image_server(struct server *s, const char *const *options)
{
	server_start(s, options);
	client_connect(s);
	client_negotiate(s);
	client_map_vram(s);
}

void image_make(struct server *s, struct boot_image *image)
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	memset(image, 0, sizeof(*image));
	image->header = (struct ogpu_fw_header){
		.magic = OGPU_FW_MAGIC,
		.format_major = OGPU_FW_FORMAT_MAJOR,
		.header_size = sizeof(image->header),
		.image_size = sizeof(*image),
		.version = { 1, 2, 3 },
		.svn = 5,
		.vendor = OGPU_PCI_VENDOR,
		.device = OGPU_PCI_DEVICE_OGPU1,
		.board_id = 7,
		.hw_rev_min = 2,
		.hw_rev_max = 3,
		.driver_abi_min = OGPU_DRIVER_ABI_VERSION,
		.driver_abi_max = OGPU_DRIVER_ABI_VERSION,
		.fw_abi_min = 2,
		.fw_abi_max = 2,
		.entry = OGPU_MC_SRAM_BASE,
		.component_count = 1,
		.component_size = sizeof(image->comp),
		.signature_offset = offsetof(struct boot_image, signature),
		.build_id = "test",
		.name = "test",
	};
	static_assert(sizeof(*image) % 8 == 0, "the last component is padded");
	image->comp = (struct ogpu_fw_component){
		.type = OGPU_FW_COMP_CODE,
		.offset = offsetof(struct boot_image, code),
		.size = sizeof(image->code),
		.load_addr = OGPU_MC_SRAM_BASE,
		.mem_size = sizeof(image->code),
	};
	memcpy(image->code, idle_code, sizeof(idle_code));
	crypto_hash_sha256(hash, s->public_key, sizeof(s->public_key));
	memcpy(image->header.key_id, hash, sizeof(image->header.key_id));
}

void image_sign(struct server *s, struct boot_image *image)
{
	crypto_hash_sha256(image->comp.sha256, (uint8_t *)image->code, sizeof(image->code));
	crypto_sign_ed25519_detached(image->signature, NULL, (uint8_t *)image,
				     offsetof(struct boot_image, signature), s->secret_key);
}

void image_make_program(struct server *s, struct boot_image *image, const uint32_t *code,
			size_t bytes)
{
	image_make(s, image);
	assert_true(bytes <= sizeof(image->code));
	memcpy(image->code, code, bytes);
	image_sign(s, image);
}

void image_start(struct server *s, uint64_t addr, uint32_t size)
{
	reg_write(s, BLOCK_BOOT + OGPU_BOOT_ADDR_LO, addr);
	reg_write(s, BLOCK_BOOT + OGPU_BOOT_ADDR_HI, addr >> 32);
	reg_write(s, BLOCK_BOOT + OGPU_BOOT_SIZE, size);
	reg_write(s, BLOCK_BOOT + OGPU_BOOT_CTRL, OGPU_BOOT_CTRL_START);
}

/* Waits for the verdict: 0 if it started. */
enum ogpu_boot_error image_verdict(struct server *s)
{
	uint32_t status, state, error;

	do {
		status = reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS);
		state = FIELD_GET(OGPU_BOOT_STATUS_STATE, status);
	} while (state == OGPU_BOOT_VERIFYING);
	error = FIELD_GET(OGPU_BOOT_STATUS_ERROR, status);
	assert_int_equal(state, error ? OGPU_BOOT_REFUSED : OGPU_BOOT_STARTED);
	return error;
}

enum ogpu_boot_error image_boot(struct server *s, const struct boot_image *image)
{
	memcpy(s->vram + IMAGE_ADDR, image, sizeof(*image));
	image_start(s, IMAGE_ADDR, sizeof(*image));
	return image_verdict(s);
}
