// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Exceptions. Only guarded loads and stores are expected to meet one; every other is a defect of
 * firmware or memory that the host took away, is logged and stops the core.
 */
#include "fatal.h"
#include "log.h"
#include "start.h"

#define CAUSE_LOAD_FAULT	5
#define CAUSE_STORE_FAULT	7

/**
 * trap_handle() - decide what an exception means; called by the entry in start.S
 * @cause: mcause
 * @pc: the instruction
 * @tval: the address or instruction word in question
 *
 * Return: where to go on.
 */
uint32_t trap_handle(uint32_t cause, uint32_t pc, uint32_t tval)
{
	if (cause == CAUSE_LOAD_FAULT && pc == (uintptr_t)guarded_load_insn)
		return (uintptr_t)guarded_load_failed;
	if (cause == CAUSE_STORE_FAULT && pc == (uintptr_t)guarded_store_insn)
		return (uintptr_t)guarded_store_failed;
	log_line("fatal exception %lu at 0x%08lx, value 0x%08lx", cause, pc, tval);
	fatal(cause);
}
