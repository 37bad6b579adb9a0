/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * First instructions, the exception entry, and loads and stores that survive memory that does not
 * answer.
 *
 * Interrupts are never taken: mie only chooses what ends wfi, and the main loop looks at what is
 * pending. So nothing can happen between two instructions of the program but an exception.
 */

	.section .text.start, "ax"
	.globl _start
_start:
	.option push
	.option norelax
	la	gp, __global_pointer$
	.option pop
	la	sp, __stack_top
	la	t0, trap_entry
	csrw	mtvec, t0
	la	t0, __bss_start
	la	t1, __bss_end
1:	bgeu	t0, t1, 2f
	sw	zero, 0(t0)
	addi	t0, t0, 4
	j	1b
2:	call	main
	/* main() does not return. */
	ebreak

/*
 * trap_entry: an exception. trap_handle(cause, pc, tval) returns where to go on, or never. A stack
 * that has overflowed into the hole below makes the stores fault, which stops the core.
 */
	.text
	.balign	4
trap_entry:
	addi	sp, sp, -64
	sw	ra, 0(sp)
	sw	t0, 4(sp)
	sw	t1, 8(sp)
	sw	t2, 12(sp)
	sw	a0, 16(sp)
	sw	a1, 20(sp)
	sw	a2, 24(sp)
	sw	a3, 28(sp)
	sw	a4, 32(sp)
	sw	a5, 36(sp)
	sw	a6, 40(sp)
	sw	a7, 44(sp)
	sw	t3, 48(sp)
	sw	t4, 52(sp)
	sw	t5, 56(sp)
	sw	t6, 60(sp)
	csrr	a0, mcause
	csrr	a1, mepc
	csrr	a2, mtval
	call	trap_handle
	csrw	mepc, a0
	lw	ra, 0(sp)
	lw	t0, 4(sp)
	lw	t1, 8(sp)
	lw	t2, 12(sp)
	lw	a0, 16(sp)
	lw	a1, 20(sp)
	lw	a2, 24(sp)
	lw	a3, 28(sp)
	lw	a4, 32(sp)
	lw	a5, 36(sp)
	lw	a6, 40(sp)
	lw	a7, 44(sp)
	lw	t3, 48(sp)
	lw	t4, 52(sp)
	lw	t5, 56(sp)
	lw	t6, 60(sp)
	addi	sp, sp, 64
	mret

/*
 * struct guarded guarded_load(const volatile uint32_t *addr): a0 is the value, a1 whether the load
 * worked. trap_handle() sends a fault at guarded_load_insn to guarded_load_failed.
 */
	.globl guarded_load
	.globl guarded_load_insn
	.globl guarded_load_failed
guarded_load:
guarded_load_insn:
	lw	a0, 0(a0)
	li	a1, 1
	ret
guarded_load_failed:
	li	a0, 0
	li	a1, 0
	ret

/*
 * bool guarded_store(volatile uint32_t *addr, uint32_t value): whether the store worked, likewise.
 */
	.globl guarded_store
	.globl guarded_store_insn
	.globl guarded_store_failed
guarded_store:
guarded_store_insn:
	sw	a1, 0(a0)
	li	a0, 1
	ret
guarded_store_failed:
	li	a0, 0
	ret
