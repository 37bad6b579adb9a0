/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The boot ROM of the management controller.
 */
#ifndef OGPU_VGPU_BOOTROM_H
#define OGPU_VGPU_BOOTROM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/fw_image.h"
#include "abi/regs.h"

#define KEY_ID_SIZE	8u

struct vgpu;

struct bootrom {
	/* vfio thread; the helper thread reads mbox_* and image_* between START and the verdict */
	uint64_t addr;
	uint32_t size;
	uint64_t image_addr;
	uint32_t image_size;
	uint64_t mbox_addr;
	uint32_t mbox_size;
	/* vfio thread: no verdict before that, vgpu_time_ns() */
	uint64_t verdict_ns;
	/* what the core was started with: written by the helper thread while not valid */
	struct {
		_Atomic bool valid;
		uint32_t svn;
		uint8_t key_id[KEY_ID_SIZE];
		uint8_t hash[OGPU_FW_HASH_SIZE];
	} running;

	_Atomic uint32_t status;	/* OGPU_BOOT_STATUS; written by both */
};

void bootrom_init(struct vgpu *gpu);
void bootrom_reset(struct vgpu *gpu);
uint32_t bootrom_reg_read(struct vgpu *gpu, uint32_t reg);
void bootrom_reg_write(struct vgpu *gpu, uint32_t reg, uint32_t value);
void bootrom_run(struct vgpu *gpu);

#endif
