/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Access to the controller's peripheral registers (abi/mc.h). */
#ifndef FW_HW_H
#define FW_HW_H

#include <stdint.h>

#include "abi/mc.h"

/**
 * hw_read() - read a peripheral register
 * @reg: offset from OGPU_MC_PERIPH_BASE
 */
static inline uint32_t hw_read(uint32_t reg)
{
	return *(volatile uint32_t *)(uintptr_t)(OGPU_MC_PERIPH_BASE + reg);
}

/**
 * hw_write() - write a peripheral register
 * @reg: offset from OGPU_MC_PERIPH_BASE
 * @value: what to write
 */
static inline void hw_write(uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)(uintptr_t)(OGPU_MC_PERIPH_BASE + reg) = value;
}

/**
 * hw_read64() - read a pair of registers, low half first, which latches the high one if it moves
 * @reg_lo: offset of the low one
 */
static inline uint64_t hw_read64(uint32_t reg_lo)
{
	uint32_t lo = hw_read(reg_lo);

	return (uint64_t)hw_read(reg_lo + 4) << 32 | lo;
}

/**
 * hw_write64() - write a pair of registers, low half first
 * @reg_lo: offset of the low one
 * @value: what to write
 */
static inline void hw_write64(uint32_t reg_lo, uint64_t value)
{
	hw_write(reg_lo, value);
	hw_write(reg_lo + 4, value >> 32);
}

/**
 * hw_fence() - order all accesses before it against all after it
 */
static inline void hw_fence(void)
{
	__asm__ volatile("fence" ::: "memory");
}

#endif
