// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Accesses by the host: configuration space and BARs. All in the vfio-user thread.
 *
 * Registers are 32 bits wide. Wider aligned accesses are split, narrower reads get their part of
 * the register, narrower or misaligned writes do nothing. A doorbell takes 64 bits at a time, too.
 */
#include <string.h>

#include "device.h"

/* By words, as registers are; the first and the last may be parts of one. */
static void trace_config(struct vgpu *gpu, const char *access, uint64_t offset, const uint8_t *buf,
			 size_t len)
{
	while (len) {
		size_t n = len < 4 - offset % 4 ? len : 4 - offset % 4;
		uint32_t value = 0;

		memcpy(&value, buf, n);
		vgpu_trace(gpu, TRACE_REG, "%s config 0x%03x bytes %zu = %#x", access,
			   (unsigned int)offset, n, value);
		offset += n;
		buf += n;
		len -= n;
	}
}

/**
 * vgpu_config_read() - the host reads configuration space.
 * @gpu: the card
 * @offset: first byte
 * @buf: where to
 * @len: bytes; offset + len is at most PCI_CONFIG_SIZE
 */
void vgpu_config_read(struct vgpu *gpu, uint64_t offset, void *buf, size_t len)
{
	if (vgpu_is_gone(gpu)) {
		memset(buf, 0xff, len);
		return;
	}
	pci_config_read(&gpu->pci, offset, buf, len);
	trace_config(gpu, "read ", offset, buf, len);
}

/**
 * vgpu_config_write() - the host writes configuration space.
 * @gpu: the card
 * @offset: first byte
 * @buf: what it writes
 * @len: bytes; offset + len is at most PCI_CONFIG_SIZE
 *
 * A function-level reset is done when this returns.
 */
void vgpu_config_write(struct vgpu *gpu, uint64_t offset, const void *buf, size_t len)
{
	unsigned int actions;

	if (vgpu_is_gone(gpu))
		return;
	trace_config(gpu, "write", offset, buf, len);
	actions = pci_config_write(&gpu->pci, offset, buf, len);
	if (actions & PCI_CONFIG_POWER)
		vgpu_reset_by_power(gpu);
	else if ((actions & PCI_CONFIG_FLR) && !gpu->stuck)
		vgpu_reset_by_host(gpu);
	else if (actions & PCI_CONFIG_BUS_MASTER)
		memory_set_dma(gpu, pci_config_bus_master(&gpu->pci));
	memory_set_atomics(gpu, pci_config_atomics(&gpu->pci));
	/* Another thread may have made it so meanwhile. */
	if (gpu->gone)
		memory_set_dma(gpu, false);
}

static void regs_bar_read(struct vgpu *gpu, uint64_t offset, uint8_t *buf, size_t len)
{
	while (len) {
		unsigned int skip = offset & 3;
		size_t n = 4 - skip < len ? 4 - skip : len;
		uint32_t value = regs_read(gpu, offset - skip);

		memcpy(buf, (uint8_t *)&value + skip, n);
		offset += n;
		buf += n;
		len -= n;
	}
}

static void regs_bar_write(struct vgpu *gpu, uint64_t offset, const uint8_t *buf, size_t len)
{
	if (offset % 4 || len % 4) {
		vgpu_trace(gpu, TRACE_REG, "write 0x%05x bytes %zu: ignored", (unsigned int)offset,
			   len);
		return;
	}
	for (; len; offset += 4, buf += 4, len -= 4) {
		uint32_t value;

		memcpy(&value, buf, sizeof(value));
		regs_write(gpu, offset, value);
	}
}

/* There is nothing to read. */
static void doorbell_read(struct vgpu *gpu, uint64_t offset, void *buf, size_t len)
{
	memset(buf, 0, len);
	vgpu_trace(gpu, TRACE_REG, "read  doorbells 0x%llx bytes %zu", (unsigned long long)offset,
		   len);
}

static void ring_doorbell(struct vgpu *gpu, uint32_t index, const uint64_t *wptr)
{
	if (wptr)
		vgpu_trace(gpu, TRACE_REG, "doorbell %u pointer 0x%llx", index,
			   (unsigned long long)*wptr);
	else
		vgpu_trace(gpu, TRACE_REG, "doorbell %u", index);
	if (!engines_doorbell(gpu->engines, index, wptr))
		mc_doorbell(gpu->mc, index);
}

/* A doorbell's write pointer comes in one piece, or in two of which the high one rings. */
static bool doorbell_word(struct vgpu *gpu, uint32_t index, uint32_t word, const void *buf,
			  size_t len)
{
	uint32_t value;
	uint64_t wptr;

	if (word == OGPU_DOORBELL_RING && len == sizeof(value)) {
		ring_doorbell(gpu, index, NULL);
		return true;
	}
	if (word == OGPU_DOORBELL_WPTR && len == sizeof(wptr)) {
		memcpy(&wptr, buf, sizeof(wptr));
		ring_doorbell(gpu, index, &wptr);
		return true;
	}
	if (len != sizeof(value))
		return false;
	memcpy(&value, buf, sizeof(value));
	if (word == OGPU_DOORBELL_WPTR) {
		gpu->doorbell_low[index] = value;
		return true;
	}
	if (word == OGPU_DOORBELL_WPTR + 4) {
		wptr = (uint64_t)value << 32 | gpu->doorbell_low[index];
		ring_doorbell(gpu, index, &wptr);
		return true;
	}
	return false;
}

static void doorbell_write(struct vgpu *gpu, uint64_t offset, const void *buf, size_t len)
{
	uint64_t index = offset / VGPU_DOORBELL_STRIDE;

	if (index < gpu->cfg.doorbells &&
	    doorbell_word(gpu, index, offset % VGPU_DOORBELL_STRIDE, buf, len))
		return;
	vgpu_trace(gpu, TRACE_REG, "write doorbells 0x%llx bytes %zu: ignored",
		   (unsigned long long)offset, len);
}

/**
 * vgpu_bar_read() - the host reads a BAR.
 * @gpu: the card
 * @bar: OGPU_BAR_*
 * @offset: first byte
 * @buf: where to
 * @len: bytes; offset + len is at most the size of the BAR
 */
void vgpu_bar_read(struct vgpu *gpu, unsigned int bar, uint64_t offset, void *buf, size_t len)
{
	if (vgpu_is_gone(gpu))
		memset(buf, 0xff, len);
	else if (bar == OGPU_BAR_REGS)
		regs_bar_read(gpu, offset, buf, len);
	else if (bar == OGPU_BAR_VRAM)
		memcpy(buf, gpu->mem.vram + offset, len);
	else
		doorbell_read(gpu, offset, buf, len);
}

/**
 * vgpu_bar_write() - the host writes a BAR.
 * @gpu: the card
 * @bar: OGPU_BAR_*
 * @offset: first byte
 * @buf: what it writes
 * @len: bytes; offset + len is at most the size of the BAR
 */
void vgpu_bar_write(struct vgpu *gpu, unsigned int bar, uint64_t offset, const void *buf,
		    size_t len)
{
	if (vgpu_is_gone(gpu))
		return;
	if (bar == OGPU_BAR_REGS)
		regs_bar_write(gpu, offset, buf, len);
	else if (bar == OGPU_BAR_VRAM)
		memcpy(gpu->mem.vram + offset, buf, len);
	else
		doorbell_write(gpu, offset, buf, len);
}
