// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The RV32IMC interpreter: directed tests of what other implementations do differently or
 * libunicorn cannot show (traps, interrupts, wfi, counters). The comparison with libunicorn is in
 * test_rv32_fuzz.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "rv32.h"

#define BASE	0x10000000u
#define SIZE	0x10000u
#define DEVICE	0x40000000u

static uint8_t ram[SIZE];
static struct rv32 cpu;
static uint32_t device_value, device_last_pc;

static bool bus_load(void *ctx, uint32_t addr, unsigned int size, uint32_t *value)
{
	(void)ctx;
	device_last_pc = cpu.pc;
	*value = size == 4 ? device_value : device_value & ((1u << 8 * size) - 1);
	return addr == DEVICE;
}

static bool bus_store(void *ctx, uint32_t addr, unsigned int size, uint32_t value)
{
	(void)ctx;
	(void)size;
	device_last_pc = cpu.pc;
	device_value = value;
	if (value == 0x51515151)
		rv32_raise(&cpu, RV32_LINE_HALT);
	return addr == DEVICE;
}

static int setup(void **state)
{
	const struct rv32_bus bus = { .load = bus_load, .store = bus_store };

	(void)state;
	memset(ram, 0, sizeof(ram));
	return rv32_init(&cpu, ram, BASE, SIZE, &bus) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	rv32_fini(&cpu);
	return 0;
}

static void put(uint32_t addr, const uint32_t *words, size_t count)
{
	memcpy(ram + (addr - BASE), words, count * 4);
	rv32_flush(&cpu);
}

#define CODE(addr, ...) do { \
	static const uint32_t words[] = { __VA_ARGS__ }; \
	put(addr, words, sizeof(words) / 4); \
} while (0)

/* Encodings used below; registers by number. */
#define ADDI(rd, rs1, imm)	(((uint32_t)(imm) & 0xfff) << 20 | (rs1) << 15 | (rd) << 7 | 0x13)
#define LUI(rd, imm20)		((uint32_t)(imm20) << 12 | (rd) << 7 | 0x37)
#define LW(rd, rs1, imm)	(((uint32_t)(imm) & 0xfff) << 20 | (rs1) << 15 | 2 << 12 | \
				 (rd) << 7 | 0x03)
#define LH(rd, rs1, imm)	(((uint32_t)(imm) & 0xfff) << 20 | (rs1) << 15 | 1 << 12 | \
				 (rd) << 7 | 0x03)
#define SW(rs2, rs1)		((rs2) << 20 | (rs1) << 15 | 2 << 12 | 0x23)
#define CSRRW(rd, csr, rs1)	((uint32_t)(csr) << 20 | (rs1) << 15 | 1 << 12 | (rd) << 7 | 0x73)
#define CSRRS(rd, csr, rs1)	((uint32_t)(csr) << 20 | (rs1) << 15 | 2 << 12 | (rd) << 7 | 0x73)
#define CSRRCI(rd, csr, imm)	((uint32_t)(csr) << 20 | (imm) << 15 | 7 << 12 | (rd) << 7 | 0x73)
#define MRET			0x30200073u
#define WFI			0x10500073u
#define ECALL			0x00000073u
#define EBREAK			0x00100073u
#define FENCE_I			0x0000100fu
#define LOOP			0x0000006fu	/* j . */

#define HANDLER	(BASE + 0x1000)

static void expect_fatal(uint32_t cause, uint32_t tval, uint32_t pc)
{
	assert_int_equal(rv32_run(&cpu, 100), RV32_EXIT_FATAL);
	assert_int_equal(cpu.fatal_cause, cause);
	assert_int_equal(cpu.fatal_tval, tval);
	assert_int_equal(cpu.pc, pc);
}

static void test_exception_without_handler_is_fatal(void **state)
{
	(void)state;
	CODE(BASE, ADDI(1, 0, 5), 0xffffffff);
	expect_fatal(RV32_CAUSE_ILLEGAL, 0xffffffff, BASE + 4);
	assert_int_equal(cpu.x[1], 5);
	assert_int_equal(cpu.instret, 1);
}

static void test_compressed_zero_is_illegal(void **state)
{
	(void)state;
	expect_fatal(RV32_CAUSE_ILLEGAL, 0, BASE);
}

static void test_reserved_compressed_is_illegal(void **state)
{
	static const uint16_t reserved[] = {
		0x0000, 0x8000, 0x2000, 0x6001, 0x6101, 0x9c01, 0x9c61, 0x9001, 0x9401, 0x1082,
		0x4002, 0x8002,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(reserved) / sizeof(*reserved); i++) {
		memcpy(ram, &reserved[i], 2);
		rv32_reset(&cpu, BASE);
		expect_fatal(RV32_CAUSE_ILLEGAL, reserved[i], BASE);
	}
}

static void test_exception_in_handler_is_fatal(void **state)
{
	(void)state;
	CODE(BASE, ECALL);
	CODE(HANDLER, ADDI(5, 5, 1), EBREAK);
	cpu.mtvec = HANDLER;
	expect_fatal(RV32_CAUSE_BREAKPOINT, HANDLER + 4, HANDLER + 4);
	assert_int_equal(cpu.mcause, RV32_CAUSE_ECALL);
	assert_int_equal(cpu.mepc, BASE);
	assert_int_equal(cpu.x[5], 1);
}

static void test_handler_returns(void **state)
{
	(void)state;
	/* The handler skips the instruction. */
	CODE(BASE, ECALL, EBREAK, ADDI(6, 0, 7), LOOP);
	CODE(HANDLER, CSRRS(5, 0x341, 0), ADDI(5, 5, 4), CSRRW(0, 0x341, 5), MRET);
	cpu.mtvec = HANDLER;
	assert_int_equal(rv32_run(&cpu, 20), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.x[6], 7);
	assert_int_equal(cpu.pc, BASE + 12);
	assert_int_equal(cpu.mcause, RV32_CAUSE_BREAKPOINT);
	assert_int_equal(cpu.instret, 20);
}

static void test_access_faults(void **state)
{
	(void)state;
	CODE(BASE, LUI(1, 0x20000), LW(2, 1, 8));
	expect_fatal(RV32_CAUSE_LOAD_FAULT, 0x20000008, BASE + 4);

	rv32_reset(&cpu, BASE);
	CODE(BASE, LUI(1, 0x20000), SW(2, 1));
	expect_fatal(RV32_CAUSE_STORE_FAULT, 0x20000000, BASE + 4);

	/* A load may not start in RAM and end behind it, nor be misaligned. */
	rv32_reset(&cpu, BASE);
	CODE(BASE, LUI(1, 0x10010), LW(2, 1, -2));
	expect_fatal(RV32_CAUSE_LOAD_MISALIGNED, BASE + SIZE - 2, BASE + 4);

	rv32_reset(&cpu, BASE);
	CODE(BASE, LUI(1, 0x10010), LH(2, 1, -2), LH(2, 1, 0));
	expect_fatal(RV32_CAUSE_LOAD_FAULT, BASE + SIZE, BASE + 8);

	rv32_reset(&cpu, BASE);
	CODE(BASE, LUI(1, 0x10002), ADDI(1, 1, 1), SW(2, 1));
	expect_fatal(RV32_CAUSE_STORE_MISALIGNED, BASE + 0x2001, BASE + 8);
}

static void test_fetch_faults(void **state)
{
	const uint32_t half = 0x0013;	/* first half of a 32-bit instruction */

	(void)state;
	rv32_reset(&cpu, 0);
	expect_fatal(RV32_CAUSE_FETCH_FAULT, 0, 0);
	rv32_reset(&cpu, BASE + SIZE);
	expect_fatal(RV32_CAUSE_FETCH_FAULT, BASE + SIZE, BASE + SIZE);

	memcpy(ram + SIZE - 2, &half, 2);
	rv32_reset(&cpu, BASE + SIZE - 2);
	expect_fatal(RV32_CAUSE_FETCH_FAULT, BASE + SIZE, BASE + SIZE - 2);
}

static void test_device_access(void **state)
{
	(void)state;
	CODE(BASE, LUI(1, 0x40000), ADDI(2, 0, -3), SW(2, 1), LW(3, 1, 0), LH(4, 1, 0), LOOP);
	assert_int_equal(rv32_run(&cpu, 5), RV32_EXIT_BUDGET);
	assert_int_equal(device_value, 0xfffffffd);
	assert_int_equal(cpu.x[3], 0xfffffffd);
	assert_int_equal(cpu.x[4], 0xfffffffd);
	assert_int_equal(device_last_pc, BASE + 16);
}

static void test_halt_from_device(void **state)
{
	(void)state;
	CODE(BASE, LUI(1, 0x40000), LUI(2, 0x51515), ADDI(2, 2, 0x151), SW(2, 1), ADDI(5, 0, 1));
	assert_int_equal(rv32_run(&cpu, 100), RV32_EXIT_HALT);
	assert_int_equal(cpu.pc, BASE + 16);
	assert_int_equal(cpu.x[5], 0);
	/* Stays down until the line is lowered. */
	assert_int_equal(rv32_run(&cpu, 100), RV32_EXIT_HALT);
	rv32_lower(&cpu, RV32_LINE_HALT);
	assert_int_equal(rv32_run(&cpu, 1), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.x[5], 1);
}

static void test_interrupts(void **state)
{
	(void)state;
	CODE(BASE, ADDI(1, 1, 1), LOOP);
	CODE(HANDLER, CSRRS(5, 0x342, 0), LOOP);
	cpu.mtvec = HANDLER;
	cpu.mie = RV32_LINE_TIMER | RV32_LINE_EXTERNAL;

	/* Pending but globally disabled. */
	rv32_raise(&cpu, RV32_LINE_TIMER | RV32_LINE_EXTERNAL);
	assert_int_equal(rv32_run(&cpu, 10), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.pc, BASE + 4);

	/* The external interrupt comes before the timer. */
	CODE(BASE + 4, ADDI(2, 0, 8), CSRRS(0, 0x300, 2), LOOP);
	assert_int_equal(rv32_run(&cpu, 10), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.x[5], 0x8000000b);
	assert_int_equal(cpu.mepc, BASE + 12);
	/* Interrupts are off in the handler, on again after mret. */
	assert_int_equal(cpu.mstatus, 0x80);
	CODE(HANDLER + 4, MRET);
	rv32_lower(&cpu, RV32_LINE_EXTERNAL);
	assert_int_equal(rv32_run(&cpu, 3), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.x[5], 0x80000007);
}

static void test_vectored_interrupt(void **state)
{
	(void)state;
	CODE(BASE, CSRRS(0, 0x300, 2), LOOP);
	CODE(HANDLER + 4 * 7, LOOP);
	cpu.x[2] = 8;
	cpu.mtvec = HANDLER | 1;
	cpu.mie = RV32_LINE_TIMER;
	rv32_raise(&cpu, RV32_LINE_TIMER);
	assert_int_equal(rv32_run(&cpu, 5), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.pc, HANDLER + 4 * 7);
}

static void test_wfi(void **state)
{
	(void)state;
	CODE(BASE, WFI, ADDI(1, 1, 1), WFI, ADDI(1, 1, 1), LOOP);
	assert_int_equal(rv32_run(&cpu, 100), RV32_EXIT_WFI);
	assert_int_equal(cpu.pc, BASE + 4);
	assert_false(rv32_awake(&cpu));
	/* Pending is not enough, it must be enabled in mie; mstatus does not matter. */
	rv32_raise(&cpu, RV32_LINE_EXTERNAL);
	assert_false(rv32_awake(&cpu));
	cpu.mie = RV32_LINE_EXTERNAL;
	assert_true(rv32_awake(&cpu));
	assert_int_equal(rv32_run(&cpu, 100), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.x[1], 2);
}

static void test_injected_fault(void **state)
{
	(void)state;
	CODE(BASE, WFI, LOOP);
	CODE(HANDLER, LOOP);
	assert_int_equal(rv32_run(&cpu, 10), RV32_EXIT_WFI);
	cpu.mtvec = HANDLER;
	rv32_raise(&cpu, RV32_LINE_FAULT);
	assert_true(rv32_awake(&cpu));
	assert_int_equal(rv32_run(&cpu, 10), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.mcause, RV32_CAUSE_FETCH_FAULT);
	assert_int_equal(cpu.mepc, BASE + 4);
	/* A second one finds the handler running. */
	rv32_raise(&cpu, RV32_LINE_FAULT);
	assert_int_equal(rv32_run(&cpu, 10), RV32_EXIT_FATAL);
}

static void test_counters(void **state)
{
	(void)state;
	CODE(BASE, ADDI(1, 0, 100), ADDI(0, 0, 0), CSRRS(2, 0xb02, 0), CSRRW(0, 0xb02, 1),
	     CSRRS(3, 0xc02, 0), CSRRS(4, 0xb00, 0), CSRRW(0, 0xb82, 1), CSRRS(5, 0xc82, 0), LOOP);
	assert_int_equal(rv32_run(&cpu, 8), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.x[2], 2);
	assert_int_equal(cpu.x[3], 100);
	assert_int_equal(cpu.x[4], 5);
	assert_int_equal(cpu.x[5], 100);
}

static void test_csr_rules(void **state)
{
	(void)state;
	/* Reading a read-only register with csrrs x0 is fine, writing it is not. */
	CODE(BASE, CSRRS(1, 0xf14, 0), CSRRS(2, 0x301, 0), CSRRCI(3, 0xc00, 0), CSRRW(0, 0xf14, 1));
	expect_fatal(RV32_CAUSE_ILLEGAL, CSRRW(0, 0xf14, 1), BASE + 12);
	assert_int_equal(cpu.x[1], 0);
	assert_int_equal(cpu.x[2], 0x40001104);

	/* An absent register. */
	rv32_reset(&cpu, BASE);
	CODE(BASE, CSRRS(1, 0x180, 0));
	expect_fatal(RV32_CAUSE_ILLEGAL, CSRRS(1, 0x180, 0), BASE);

	/* What cannot be changed reads as before. */
	rv32_reset(&cpu, BASE);
	CODE(BASE, ADDI(1, 0, -1), CSRRW(0, 0x300, 1), CSRRS(2, 0x300, 0), CSRRCI(3, 0x300, 8),
	     CSRRW(0, 0x304, 1), CSRRS(4, 0x304, 0), CSRRW(0, 0x341, 1), CSRRS(5, 0x341, 0), LOOP);
	assert_int_equal(rv32_run(&cpu, 8), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.x[2], 0x1888);
	assert_int_equal(cpu.x[4], 0x880);
	assert_int_equal(cpu.x[5], 0xfffffffe);
}

static void test_code_changes_with_fence_i(void **state)
{
	(void)state;
	/* Overwrites the instruction at BASE + 20 with "addi x7, x0, 2", then fence.i. */
	CODE(BASE, ADDI(7, 0, 0), LUI(1, 0x10000), LW(2, 1, 0x100), ADDI(1, 1, 20), SW(2, 1),
	     ADDI(7, 0, 1), ADDI(6, 6, 1), FENCE_I, LOOP);
	CODE(BASE + 0x100, ADDI(7, 0, 2));
	cpu.pc = BASE + 20;
	assert_int_equal(rv32_run(&cpu, 1), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.x[7], 1);
	cpu.pc = BASE;
	assert_int_equal(rv32_run(&cpu, 8), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.x[6], 1);
	cpu.pc = BASE + 20;
	assert_int_equal(rv32_run(&cpu, 1), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.x[7], 2);
}

static void test_jalr_through_own_register(void **state)
{
	(void)state;
	/* jalr x1, 9(x1): the target is taken from the old value, bit 0 is dropped. */
	CODE(BASE, LUI(1, 0x10000), 9u << 20 | 1 << 15 | 1 << 7 | 0x67, LOOP);
	assert_int_equal(rv32_run(&cpu, 2), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.pc, BASE + 8);
	assert_int_equal(cpu.x[1], BASE + 8);
}

static void test_x0_stays_zero(void **state)
{
	(void)state;
	CODE(BASE, ADDI(0, 0, 5), LUI(0, 5), ADDI(1, 0, 1), LOOP);
	assert_int_equal(rv32_run(&cpu, 3), RV32_EXIT_BUDGET);
	assert_int_equal(cpu.x[0], 0);
	assert_int_equal(cpu.x[1], 1);
}

int main(void)
{
#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_exception_without_handler_is_fatal),
		T(test_compressed_zero_is_illegal),
		T(test_reserved_compressed_is_illegal),
		T(test_exception_in_handler_is_fatal),
		T(test_handler_returns),
		T(test_access_faults),
		T(test_fetch_faults),
		T(test_device_access),
		T(test_halt_from_device),
		T(test_interrupts),
		T(test_vectored_interrupt),
		T(test_wfi),
		T(test_injected_fault),
		T(test_counters),
		T(test_csr_rules),
		T(test_code_changes_with_fence_i),
		T(test_jalr_through_own_register),
		T(test_x0_stays_zero),
	};

	return cmocka_run_group_tests_name("rv32", tests, NULL, NULL);
}
