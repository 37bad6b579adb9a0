// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The boot ROM. VRAM may change while it looks, so it reads each byte of the image once: the
 * manifest into memory of its own, where it is checked; the components into the core's SRAM, where
 * they are hashed piece by piece. A wrong hash clears SRAM. It runs in the helper thread.
 */
#include <sodium.h>
#include <string.h>

#include "abi/fw_image.h"
#include "device.h"
#include "nonvol.h"
#include "reg64.h"
#include "sensors.h"

#define IMAGE_ALIGN	4096u
#define PIECE		1024u		/* bytes of a component that are read at a time */

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
	gpu->boot = (struct bootrom){ 0 };
}

/**
 * bootrom_reset() - wait for START again.
 * @gpu: the card; holds reset_lock
 */
void bootrom_reset(struct vgpu *gpu)
{
	gpu->boot.running.valid = false;
	set_status(gpu, OGPU_BOOT_IDLE, OGPU_BOOT_OK);
}

static void start(struct vgpu *gpu)
{
	struct bootrom *boot = &gpu->boot;

	if (worker_busy(gpu->worker, WORKER_BOOT) || worker_busy(gpu->worker, WORKER_RESET_MC))
		return;
	boot->verdict_ns = vgpu_time_ns(gpu) + gpu->rom_delay_ns;
	boot->image_addr = boot->addr;
	boot->image_size = boot->size;
	boot->mbox_addr = gpu->regs.mbox_addr;
	boot->mbox_size = gpu->regs.mbox_size;
	set_status(gpu, OGPU_BOOT_VERIFYING, OGPU_BOOT_OK);
	worker_post(gpu->worker, WORKER_BOOT);
}

/* What key_id of the image header holds for a key. */
static void key_id(const uint8_t key[NONVOL_KEY_SIZE], uint8_t id[KEY_ID_SIZE])
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, key, NONVOL_KEY_SIZE);
	memcpy(id, hash, KEY_ID_SIZE);
}

static uint32_t read_word(const uint8_t *bytes, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

static uint32_t read_key(struct vgpu *gpu, uint32_t offset)
{
	uint8_t key[NONVOL_KEY_SIZE], id[KEY_ID_SIZE];
	bool revoked;

	if (!nonvol_key(gpu->cfg.nonvol, offset / KEY_ID_SIZE, key, &revoked))
		return 0;
	key_id(key, id);
	return read_word(id, offset % KEY_ID_SIZE);
}

/* Registers about the image that the core was started with. */
static uint32_t read_running(const struct bootrom *boot, uint32_t reg)
{
	if (!boot->running.valid)
		return 0;
	switch (reg) {
	case OGPU_BOOT_IMAGE_SVN:
		return boot->running.svn;
	case OGPU_BOOT_IMAGE_KEY0:
	case OGPU_BOOT_IMAGE_KEY1:
		return read_word(boot->running.key_id, reg - OGPU_BOOT_IMAGE_KEY0);
	default:
		return read_word(boot->running.hash, reg - OGPU_BOOT_HASH(0));
	}
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

	switch (reg) {
	case OGPU_BOOT_STATUS:
		/* No verdict before the helper thread takes the next START. */
		if (worker_busy(gpu->worker, WORKER_BOOT) ||
		    (boot->status != OGPU_BOOT_IDLE && vgpu_time_ns(gpu) < boot->verdict_ns))
			return FIELD_PREP(OGPU_BOOT_STATUS_STATE, OGPU_BOOT_VERIFYING);
		return boot->status;
	case OGPU_BOOT_ADDR_LO:
	case OGPU_BOOT_ADDR_HI:
		return reg64_get(boot->addr, reg == OGPU_BOOT_ADDR_HI);
	case OGPU_BOOT_SIZE:
		return boot->size;
	case OGPU_BOOT_SVN:
		return nonvol_svn(gpu->cfg.nonvol);
	case OGPU_BOOT_HEARTBEAT:
		return mc_heartbeat(gpu->mc);
	case OGPU_BOOT_MC_FATAL:
		return mc_fatal(gpu->mc);
	case OGPU_BOOT_MC_PC:
		return mc_fatal_pc(gpu->mc);
	case OGPU_BOOT_KEYS:
		return nonvol_keys(gpu->cfg.nonvol);
	case OGPU_BOOT_IMAGE_SVN ... OGPU_BOOT_IMAGE_KEY1:
	case OGPU_BOOT_HASH(0) ... OGPU_BOOT_HASH(7):
		return read_running(boot, reg);
	case OGPU_BOOT_KEY(0) ... OGPU_BOOT_KEY(OGPU_BOOT_KEY_SLOTS) - 4:
		return read_key(gpu, reg - OGPU_BOOT_KEY(0));
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

/* Finds the key that the image names. */
static enum ogpu_boot_error find_key(struct vgpu *gpu, const uint8_t wanted[KEY_ID_SIZE],
				     uint8_t key[NONVOL_KEY_SIZE])
{
	uint8_t candidate[NONVOL_KEY_SIZE], id[KEY_ID_SIZE];
	enum ogpu_boot_error error = OGPU_BOOT_ERR_KEY;
	bool revoked;

	for (unsigned int i = 0; nonvol_key(gpu->cfg.nonvol, i, candidate, &revoked); i++) {
		key_id(candidate, id);
		if (memcmp(wanted, id, KEY_ID_SIZE))
			continue;
		/* A key that was fused twice is revoked if one of them is. */
		if (revoked)
			return OGPU_BOOT_ERR_REVOKED;
		memcpy(key, candidate, NONVOL_KEY_SIZE);
		error = OGPU_BOOT_OK;
	}
	return error;
}

static enum ogpu_boot_error authenticate(struct vgpu *gpu, const uint8_t *manifest,
					 const struct ogpu_fw_header *header)
{
	uint8_t key[NONVOL_KEY_SIZE];
	enum ogpu_boot_error error = find_key(gpu, header->key_id, key);

	if (error)
		return error;
	if (crypto_sign_ed25519_verify_detached(manifest + header->signature_offset, manifest,
						header->signature_offset, key))
		return OGPU_BOOT_ERR_SIGNATURE;
	if (!is_for_this_card(&gpu->cfg, header))
		return OGPU_BOOT_ERR_BOARD;
	if (header->svn < nonvol_svn(gpu->cfg.nonvol))
		return OGPU_BOOT_ERR_SVN;
	return OGPU_BOOT_OK;
}

/* Reads on in the image. False: VRAM does not answer. */
static bool read_image(struct vgpu *gpu, uint32_t offset, void *buf, size_t len)
{
	return vgpu_mem_read(gpu, OGPU_OPERAND(OGPU_TARGET_VRAM, gpu->boot.image_addr + offset),
			     buf, len);
}

/* Streams a component, with the zeros behind it, into SRAM if it belongs there, and hashes it. */
static enum ogpu_boot_error stream(struct vgpu *gpu, const struct ogpu_fw_component *comp)
{
	bool loaded = comp->type == OGPU_FW_COMP_CODE || comp->type == OGPU_FW_COMP_DATA;
	static const uint8_t zeros[8];
	uint8_t piece[PIECE], hash[OGPU_FW_HASH_SIZE];
	crypto_hash_sha256_state sha;
	uint32_t pad = -comp->size % 8;
	uint32_t n;

	/* All of its memory is there, and zero. */
	if (loaded && !mc_load(gpu->mc, comp->load_addr, zeros, 0, comp->mem_size))
		return OGPU_BOOT_ERR_COMPONENT;
	crypto_hash_sha256_init(&sha);
	for (uint32_t done = 0; done < comp->size; done += n) {
		n = comp->size - done < PIECE ? comp->size - done : PIECE;
		if (!read_image(gpu, comp->offset + done, piece, n))
			return OGPU_BOOT_ERR_ADDRESS;
		crypto_hash_sha256_update(&sha, piece, n);
		if (loaded)
			mc_load(gpu->mc, comp->load_addr + done, piece, n, n);
	}
	crypto_hash_sha256_final(&sha, hash);
	if (!read_image(gpu, comp->offset + comp->size, piece, pad))
		return OGPU_BOOT_ERR_ADDRESS;
	return memcmp(hash, comp->sha256, sizeof(hash)) || memcmp(piece, zeros, pad) ?
	       OGPU_BOOT_ERR_HASH : OGPU_BOOT_OK;
}

/* The manifest has been authenticated and its structure checked. */
static enum ogpu_boot_error load_and_start(struct vgpu *gpu, const uint8_t *manifest,
					   const struct ogpu_fw_header *header)
{
	gpu->boot.running.valid = false;
	/* Queues may still be on the slots of a core that died. */
	vgpu_reset_core(gpu);
	for (uint32_t i = 0; i < header->component_count; i++) {
		struct ogpu_fw_component comp;
		enum ogpu_boot_error error;

		memcpy(&comp, manifest + header->header_size + i * header->component_size,
		       sizeof(comp));
		error = stream(gpu, &comp);
		if (error) {
			mc_reset(gpu->mc);
			return error;
		}
	}

	gpu->boot.running.svn = header->svn;
	memcpy(gpu->boot.running.key_id, header->key_id, KEY_ID_SIZE);
	crypto_hash_sha256(gpu->boot.running.hash, manifest, header->signature_offset);
	gpu->boot.running.valid = true;
	mc_set_mbox(gpu->mc, gpu->boot.mbox_addr, gpu->boot.mbox_size);
	mc_start(gpu->mc, header->entry, header->svn);
	return OGPU_BOOT_OK;
}

static enum ogpu_boot_error boot(struct vgpu *gpu)
{
	uint8_t manifest[OGPU_FW_MAX_MANIFEST];
	uint64_t addr = gpu->boot.image_addr;
	uint32_t size = gpu->boot.image_size;
	uint32_t first = size < sizeof(manifest) ? size : sizeof(manifest);
	struct ogpu_fw_header header;
	enum ogpu_boot_error error;

	if (mc_running(gpu->mc))
		return OGPU_BOOT_ERR_BUSY;
	if (sensors_tripped(gpu->sensors))
		return OGPU_BOOT_ERR_HOT;
	if (addr % IMAGE_ALIGN || addr >= gpu->cfg.vram_size || size > gpu->cfg.vram_size - addr)
		return OGPU_BOOT_ERR_ADDRESS;
	if (!read_image(gpu, 0, manifest, first))
		return OGPU_BOOT_ERR_ADDRESS;
	if (ogpu_fw_manifest_check(manifest, first, size) != OGPU_FW_OK)
		return OGPU_BOOT_ERR_FORMAT;
	memcpy(&header, manifest, sizeof(header));
	error = authenticate(gpu, manifest, &header);
	return error ? error : load_and_start(gpu, manifest, &header);
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
