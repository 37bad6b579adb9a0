/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Registers of 64 bits that are read and written as two halves of 32 bits.
 */
#ifndef OGPU_VGPU_REG64_H
#define OGPU_VGPU_REG64_H

#include <stdbool.h>
#include <stdint.h>

/**
 * reg64_get() - read one half.
 * @reg: the register
 * @high: bits 63:32, else bits 31:0
 *
 * Return: the half.
 */
static inline uint32_t reg64_get(uint64_t reg, bool high)
{
	return high ? reg >> 32 : reg;
}

/**
 * reg64_set() - write one half; the other one stays.
 * @reg: the register
 * @half: its new value
 * @high: bits 63:32, else bits 31:0
 */
static inline void reg64_set(uint64_t *reg, uint32_t half, bool high)
{
	if (high)
		*reg = (*reg & UINT32_MAX) | (uint64_t)half << 32;
	else
		*reg = (*reg & ~(uint64_t)UINT32_MAX) | half;
}

#endif
