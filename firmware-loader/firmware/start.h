/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What start.S calls, and what it offers to C. */
#ifndef FW_START_H
#define FW_START_H

#include <stdbool.h>
#include <stdint.h>

struct guarded {
	uint32_t value;
	uint32_t ok;	/* 0: the memory did not answer */
};

int main(void);
uint32_t trap_handle(uint32_t cause, uint32_t pc, uint32_t tval);

struct guarded guarded_load(const volatile uint32_t *addr);
bool guarded_store(volatile uint32_t *addr, uint32_t value);
extern const char guarded_load_insn[], guarded_load_failed[];
extern const char guarded_store_insn[], guarded_store_failed[];

#endif
