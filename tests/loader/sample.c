// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A small valid image, the same at each run.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/regs.h"
#include "sample.h"

void sample_image(struct signing_key *key, uint8_t **image, size_t *size)
{
	static const uint8_t code[SAMPLE_CODE_SIZE] = { 0x13, 0x05, 0x10, 0x00, 0x6f, 0x00 };
	static const uint8_t data[20] = { 1, 2, 3 };
	static const uint8_t seed[KEY_SIZE] = { 7 };
	const struct image_spec spec = {
		.version = { 1, 2, 3 },
		.svn = 5,
		.vendor = OGPU_PCI_VENDOR,
		.device = OGPU_PCI_DEVICE_OGPU1,
		.board_id = OGPU_BOARD_DEV,
		.hw_rev = { 1, 3 },
		.driver_abi = { 1, 1 },
		.fw_abi = { 2, 3 },
		.build_id = "0123456789abcdef0123456789abcdef01234567",
		.name = "sample",
		.info = "for tests",
	};
	const struct elf32 elf = {
		.entry = SAMPLE_CODE_ADDR,
		.count = 2,
		.segments = {
			{
				.data = code,
				.size = sizeof(code),
				.addr = SAMPLE_CODE_ADDR,
				.mem_size = 0x100,
				.executable = true,
			}, {
				.data = data,
				.size = sizeof(data),
				.addr = SAMPLE_DATA_ADDR,
				.mem_size = 64,
			},
		},
	};
	struct fw_error err;

	crypto_sign_seed_keypair(key->public, key->secret, seed);
	if (image_build(&spec, &elf, key, image, size, &err)) {
		fprintf(stderr, "sample image: %s\n", err.text);
		abort();
	}
}
