// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The boot ROM: it copies the image out of VRAM, where the host could still change it, checks the
 * copy completely, and only then loads the components and starts the core. It runs in the helper
 * thread.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "abi/fw_image.h"
#include "device.h"
#include "reg64.h"

#define IMAGE_ALIGN	4096u

static void set_status(struct vgpu *gpu, enum ogpu_boot_state state, enum ogpu_boot_error error)
{
	gpu->boot.status = FIELD_PREP(OGPU_BOOT_STATUS_STATE, state) |
			   FIELD_PREP(OGPU_BOOT_STATUS_ERROR, error);
	vgpu_trace(gpu, TRACE_STATE, "boot ROM: state %d error %d", state, error);
}

/**
 * bootrom_init() - the boot ROM at power-up.
 * @gpu: the card; its helper thread is idle or not there yet
 */
void bootrom_init(struct vgpu *gpu)
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	gpu->boot = (struct bootrom){ 0 };
	crypto_hash_sha256(hash, gpu->cfg.root_key, sizeof(gpu->cfg.root_key));
	memcpy(gpu->boot.key_id, hash, sizeof(gpu->boot.key_id));
}

/**
 * bootrom_reset() - wait for START again.
 * @gpu: the card; holds reset_lock
 */
void bootrom_reset(struct vgpu *gpu)
{
	set_status(gpu, OGPU_BOOT_IDLE, OGPU_BOOT_OK);
}

static void start(struct vgpu *gpu)
{
	struct bootrom *boot = &gpu->boot;

	if (worker_busy(gpu->worker, WORKER_BOOT) || worker_busy(gpu->worker, WORKER_RESET_MC))
		return;
	boot->image_addr = boot->addr;
	boot->image_size = boot->size;
	boot->mbox_addr = gpu->regs.mbox_addr;
	boot->mbox_size = gpu->regs.mbox_size;
	set_status(gpu, OGPU_BOOT_VERIFYING, OGPU_BOOT_OK);
	worker_post(gpu->worker, WORKER_BOOT);
}

/**
 * bootrom_reg_read() - the host reads a register of the BOOT block.
 * @gpu: the card
 * @reg: offset in the block
 *
 * Return: the value, 0 for registers that do not exist.
 */
uint32_t bootrom_reg_read(struct vgpu *gpu, uint32_t reg)
{
	const struct bootrom *boot = &gpu->boot;
	uint32_t value;

	switch (reg) {
	case OGPU_BOOT_STATUS:
		/* No verdict before the helper thread takes the next START. */
		if (worker_busy(gpu->worker, WORKER_BOOT))
			return FIELD_PREP(OGPU_BOOT_STATUS_STATE, OGPU_BOOT_VERIFYING);
		return boot->status;
	case OGPU_BOOT_ADDR_LO:
	case OGPU_BOOT_ADDR_HI:
		return reg64_get(boot->addr, reg == OGPU_BOOT_ADDR_HI);
	case OGPU_BOOT_SIZE:
		return boot->size;
	case OGPU_BOOT_SVN:
		return gpu->fuse_svn;
	case OGPU_BOOT_HEARTBEAT:
		return mc_heartbeat(gpu->mc);
	case OGPU_BOOT_MC_FATAL:
		return mc_fatal(gpu->mc);
	case OGPU_BOOT_MC_PC:
		return mc_fatal_pc(gpu->mc);
	case OGPU_BOOT_KEY0:
	case OGPU_BOOT_KEY1:
		memcpy(&value, boot->key_id + (reg - OGPU_BOOT_KEY0), sizeof(value));
		return value;
	default:
		return 0;
	}
}

/**
 * bootrom_reg_write() - the host writes a register of the BOOT block.
 * @gpu: the card
 * @reg: offset in the block
 * @value: what it writes
 */
void bootrom_reg_write(struct vgpu *gpu, uint32_t reg, uint32_t value)
{
	switch (reg) {
	case OGPU_BOOT_CTRL:
		if (value & OGPU_BOOT_CTRL_START)
			start(gpu);
		break;
	case OGPU_BOOT_ADDR_LO:
	case OGPU_BOOT_ADDR_HI:
		reg64_set(&gpu->boot.addr, value, reg == OGPU_BOOT_ADDR_HI);
		break;
	case OGPU_BOOT_SIZE:
		gpu->boot.size = value;
		break;
	}
}

static bool is_for_this_card(const struct vgpu_config *cfg, const struct ogpu_fw_header *header)
{
	return header->vendor == OGPU_PCI_VENDOR && header->device == OGPU_PCI_DEVICE_OGPU1 &&
	       header->board_id == cfg->board_id && header->hw_rev_min <= cfg->hw_rev &&
	       cfg->hw_rev <= header->hw_rev_max;
}

static enum ogpu_boot_error authenticate(struct vgpu *gpu, const uint8_t *image, uint32_t size)
{
	struct ogpu_fw_header header;

	if (ogpu_fw_image_check(image, size) != OGPU_FW_OK)
		return OGPU_BOOT_ERR_FORMAT;
	memcpy(&header, image, sizeof(header));

	if (memcmp(header.key_id, gpu->boot.key_id, sizeof(header.key_id)))
		return OGPU_BOOT_ERR_KEY;
	if (crypto_sign_ed25519_verify_detached(image + header.signature_offset, image,
						header.signature_offset, gpu->cfg.root_key))
		return OGPU_BOOT_ERR_SIGNATURE;
	if (!is_for_this_card(&gpu->cfg, &header))
		return OGPU_BOOT_ERR_BOARD;
	if (header.svn < gpu->fuse_svn)
		return OGPU_BOOT_ERR_SVN;
	return OGPU_BOOT_OK;
}

/* The image has been authenticated and its structure checked. */
static enum ogpu_boot_error load_and_start(struct vgpu *gpu, const uint8_t *image)
{
	struct ogpu_fw_header header;

	memcpy(&header, image, sizeof(header));
	/* Queues may still be on the slots of a core that died. */
	vgpu_reset_core(gpu);
	for (uint32_t i = 0; i < header.component_count; i++) {
		struct ogpu_fw_component comp;

		memcpy(&comp, image + header.component_offset + i * header.component_size,
		       sizeof(comp));
		if (comp.type != OGPU_FW_COMP_CODE && comp.type != OGPU_FW_COMP_DATA)
			continue;
		if (!mc_load(gpu->mc, comp.load_addr, image + comp.offset, comp.size,
			     comp.mem_size)) {
			mc_reset(gpu->mc);
			return OGPU_BOOT_ERR_COMPONENT;
		}
	}

	mc_set_mbox(gpu->mc, gpu->boot.mbox_addr, gpu->boot.mbox_size);
	mc_start(gpu->mc, header.entry, header.svn);
	return OGPU_BOOT_OK;
}

static enum ogpu_boot_error boot(struct vgpu *gpu)
{
	uint64_t addr = gpu->boot.image_addr;
	uint32_t size = gpu->boot.image_size;
	enum ogpu_boot_error error;
	uint8_t *image;

	if (mc_running(gpu->mc))
		return OGPU_BOOT_ERR_BUSY;
	if (addr % IMAGE_ALIGN || addr >= gpu->cfg.vram_size || size > gpu->cfg.vram_size - addr)
		return OGPU_BOOT_ERR_ADDRESS;
	if (size > OGPU_FW_MAX_SIZE)
		return OGPU_BOOT_ERR_FORMAT;

	image = malloc(size ? size : 1);
	if (!image || !vgpu_mem_read(gpu, OGPU_OPERAND(OGPU_TARGET_VRAM, addr), image, size)) {
		free(image);
		return OGPU_BOOT_ERR_ADDRESS;
	}
	error = authenticate(gpu, image, size);
	if (!error)
		error = load_and_start(gpu, image);
	free(image);
	return error;
}

/**
 * bootrom_run() - authenticate and start the image that START named.
 * @gpu: the card
 *
 * In the helper thread. The verdict is in BOOT_STATUS afterwards. A core that is already running
 * goes on.
 */
void bootrom_run(struct vgpu *gpu)
{
	enum ogpu_boot_error error;

	pthread_mutex_lock(&gpu->reset_lock);
	error = boot(gpu);
	set_status(gpu, error ? OGPU_BOOT_REFUSED : OGPU_BOOT_STARTED, error);
	pthread_mutex_unlock(&gpu->reset_lock);
}
