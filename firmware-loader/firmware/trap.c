// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Exceptions. Only a guarded load is expected to meet one; every other is a defect of firmware or
 * memory that the host took away, is logged and stops the core.
 */
#include "fatal.h"
#include "log.h"
#include "start.h"

#define CAUSE_LOAD_FAULT	5

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
	log_line("fatal exception %lu at 0x%08lx, value 0x%08lx", cause, pc, tval);
	fatal(cause);
}
