// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Time and sleep. wfi ends when an interrupt enabled in mie is pending although interrupts are
 * globally off, so what arrives between the last look and wfi is not missed.
 */
#include "clock.h"

#include "hw.h"

#define MIE_TIMER	(1u << 7)
#define MIE_EXTERNAL	(1u << 11)

/**
 * clock_now() - nanoseconds since power-up
 */
uint64_t clock_now(void)
{
	return hw_read64(OGPU_MC_TIME_LO);
}

/**
 * clock_sleep() - stop the core until an interrupt is pending or time has come
 * @until: in nanoseconds as clock_now(); CLOCK_NEVER: no limit
 */
void clock_sleep(uint64_t until)
{
	/* The high half first to all ones, so that no mixture of halves lies in the past. */
	hw_write(OGPU_MC_TIMECMP_HI, UINT32_MAX);
	hw_write64(OGPU_MC_TIMECMP_LO, until);
	__asm__ volatile("csrs mie, %0" :: "r"(MIE_TIMER | MIE_EXTERNAL));
	__asm__ volatile("wfi" ::: "memory");
}
