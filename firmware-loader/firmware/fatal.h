/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Giving up: the core stops and the host sees OGPU_MC_FATAL_ASSERT with one of these details. */
#ifndef FW_FATAL_H
#define FW_FATAL_H

#include <stdint.h>

#include "hw.h"

/* 1 .. 31: an exception, the number is mcause. */
enum fatal_detail {
	FATAL_MBOX_PLACE = 32,	/* mailbox address or size unusable */
	FATAL_MBOX_HEADER = 33,	/* mailbox header breaks the rules of abi/mbox.h */
	FATAL_SLOTS = 34,	/* more slots than the contract knows */
};

/**
 * fatal() - stop for good
 * @detail: enum fatal_detail or the number of an exception
 */
static inline _Noreturn void fatal(uint32_t detail)
{
	hw_write(OGPU_MC_FATAL, detail);
	for (;;)
		;
}

#endif
