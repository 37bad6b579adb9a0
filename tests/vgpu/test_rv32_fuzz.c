// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The RV32IMC interpreter against libunicorn: every compressed encoding, random 32-bit encodings,
 * and random straight programs whose state develops. Same seed each time.
 *
 * Left out is what libunicorn does otherwise by design: floating point and atomics (it has them,
 * the core does not), privileged and CSR instructions, misaligned accesses, and traps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unicorn/unicorn.h>

#include "rv32.h"
#include "rv32_decode.h"

#define BASE		0x10000000u
#define SIZE		0x400000u
#define DATA		(BASE + 0x300000)	/* loads and stores of the tests go here */
#define STRIDE		16u			/* between single instructions */

#define NOP		0x00000013u

static uint8_t *ram;
static struct rv32 cpu;
static uc_engine *uc;
static uint64_t seed = 0x6f677075;

static uint32_t next_random(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 32;
}

static uint32_t interesting(void)
{
	static const uint32_t edges[] = {
		0, 1, 2, 31, 32, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff,
	};
	uint32_t pick = next_random() % 20;

	return pick < 10 ? edges[pick] : next_random() >> next_random() % 32;
}

static bool no_load(void *ctx, uint32_t addr, unsigned int size, uint32_t *value)
{
	(void)ctx;
	(void)addr;
	(void)size;
	(void)value;
	return false;
}

static bool no_store(void *ctx, uint32_t addr, unsigned int size, uint32_t value)
{
	(void)ctx;
	(void)addr;
	(void)size;
	(void)value;
	return false;
}

static int setup(void **state)
{
	const struct rv32_bus bus = { .load = no_load, .store = no_store };

	(void)state;
	ram = calloc(1, SIZE);
	if (!ram || !rv32_init(&cpu, ram, BASE, SIZE, &bus))
		return -1;
	if (uc_open(UC_ARCH_RISCV, UC_MODE_RISCV32, &uc) != UC_ERR_OK)
		return -1;
	return uc_mem_map(uc, BASE, SIZE, UC_PROT_ALL) == UC_ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	uc_close(uc);
	rv32_fini(&cpu);
	free(ram);
	return 0;
}

/* Puts bytes into both memories. libunicorn sees no change of code that it has translated. */
static void put(uint32_t addr, const void *bytes, size_t size)
{
	memcpy(ram + (addr - BASE), bytes, size);
	assert_int_equal(uc_mem_write(uc, addr, bytes, size), UC_ERR_OK);
}

static void set_registers(void)
{
	int i;

	for (i = 1; i < 32; i++) {
		cpu.x[i] = interesting();
		uc_reg_write(uc, UC_RISCV_REG_X0 + i, &cpu.x[i]);
	}
}

static void set_register(unsigned int reg, uint32_t value)
{
	if (!reg)
		return;
	cpu.x[reg] = value;
	uc_reg_write(uc, UC_RISCV_REG_X0 + reg, &value);
}

static void compare(const char *what, uint32_t word, uint32_t expected_pc)
{
	uint32_t value;
	int i;

	for (i = 1; i < 32; i++) {
		uc_reg_read(uc, UC_RISCV_REG_X0 + i, &value);
		if (value != cpu.x[i])
			fail_msg("%s 0x%08x: x%d is 0x%08x, unicorn has 0x%08x", what, word, i,
				 cpu.x[i], value);
	}
	if (expected_pc != cpu.pc)
		fail_msg("%s 0x%08x: pc is 0x%08x, unicorn has 0x%08x", what, word, cpu.pc,
			 expected_pc);
}

static void compare_data(const char *what, uint32_t word)
{
	static uint8_t theirs[0x2000];

	assert_int_equal(uc_mem_read(uc, DATA, theirs, sizeof(theirs)), UC_ERR_OK);
	if (memcmp(theirs, ram + (DATA - BASE), sizeof(theirs)))
		fail_msg("%s 0x%08x: memory differs", what, word);
}

/* The address that a load or store uses must be in the data area and aligned: arrange that. */
static bool arrange_access(uint32_t word, uint32_t pc)
{
	unsigned int size = 0;
	struct rv32_insn in;

	rv32_decode(&in, (const uint8_t *)&word, 4, pc);
	switch (in.op) {
	case RV32_SB:
	case RV32_LB:
	case RV32_LBU:
		size = 1;
		break;
	case RV32_SH:
	case RV32_LH:
	case RV32_LHU:
		size = 2;
		break;
	case RV32_SW:
	case RV32_LW:
		size = 4;
		break;
	}
	if (!size)
		return true;
	if (!in.rs1)
		return false;	/* an absolute address: not in RAM */
	set_register(in.rs1, DATA + 0x1000 - in.imm % size);
	return true;
}

/* One instruction at its own place, in both; compares the outcome. */
static void single(const char *what, uint32_t word, uint32_t pc)
{
	enum rv32_exit reason;
	uint32_t their_pc;
	uc_err err;

	set_registers();
	if (!arrange_access(word, pc))
		return;
	cpu.pc = pc;
	reason = rv32_run(&cpu, 1);
	err = uc_emu_start(uc, pc, 0, 0, 1);
	if (reason == RV32_EXIT_FATAL) {
		assert_int_equal(cpu.fatal_cause, RV32_CAUSE_ILLEGAL);
		if (err == UC_ERR_OK)
			fail_msg("%s 0x%08x: illegal, unicorn executes it", what, word);
		return;
	}
	/* A jump to nowhere: the core is one instruction away from noticing. */
	if (err != UC_ERR_OK && (err != UC_ERR_FETCH_UNMAPPED || cpu.pc - BASE < SIZE))
		fail_msg("%s 0x%08x: executed, unicorn says %s", what, word, uc_strerror(err));
	uc_reg_read(uc, UC_RISCV_REG_PC, &their_pc);
	compare(what, word, their_pc);
	compare_data(what, word);
}

static bool compressed_to_skip(uint32_t half)
{
	uint32_t quadrant = half & 3, funct3 = half >> 13;

	if (quadrant == 3)
		return true;
	if (half == 0x9002)	/* c.ebreak */
		return true;
	/* Shifts by 32 and more, left to vendors in RV32: libunicorn executes them. */
	if ((half & 0x1000) && ((quadrant == 2 && funct3 == 0) ||
				(quadrant == 1 && funct3 == 4 && !(half & 0x0800))))
		return true;
	/* Reserved encodings that libunicorn executes. */
	if ((quadrant == 0 && funct3 == 4) || (half & 0xfc03) == 0x9c01)
		return true;
	/* Floating-point loads and stores. */
	return quadrant != 1 && (funct3 & 1);
}

/* An odd mixture of places in a cell of STRIDE bytes. */
static uint32_t place(uint32_t index)
{
	return BASE + index * STRIDE + 2 * (index % 5);
}

static void test_all_compressed(void **state)
{
	uint32_t half;

	(void)state;
	/* All are put in place before any runs: a jump translates the code that it leads to. */
	for (half = 0; half < 0x10000; half++)
		put(place(half), &half, 2);
	rv32_flush(&cpu);
	for (half = 0; half < 0x10000; half++) {
		if (!compressed_to_skip(half))
			single("compressed", half, place(half));
	}
}

static uint32_t random_word(void)
{
	static const uint8_t opcodes[] = {
		0x37, 0x17, 0x6f, 0x67, 0x63, 0x03, 0x23, 0x13, 0x13, 0x33, 0x33, 0x33,
	};
	uint32_t word = next_random();

	word = (word & ~0x7fu) | opcodes[next_random() % sizeof(opcodes)];
	/* Most patterns of the upper seven bits mean nothing: prefer those that do. */
	if ((word & 0x7f) == 0x33 || ((word & 0x307f) == 0x1013)) {
		static const uint32_t funct7[] = { 0x00, 0x01, 0x20, 0x20, 0x01, 0x00 };
		uint32_t pick = next_random() % 7;

		if (pick < 6)
			word = (word & 0x01ffffff) | funct7[pick] << 25;
	}
	return word;
}

static void test_random_words(void **state)
{
	enum { COUNT = 150000 };
	uint32_t *words = calloc(COUNT, sizeof(*words));
	uint32_t i;

	(void)state;
	assert_non_null(words);
	for (i = 0; i < COUNT; i++) {
		words[i] = random_word();
		put(place(i), &words[i], 4);
	}
	rv32_flush(&cpu);
	uc_ctl_flush_tb(uc);
	for (i = 0; i < COUNT; i++)
		single("word", words[i], place(i));
	free(words);
}

/* Registers 8 and 9 point into the data area and are never written. */
static uint32_t program_word(void)
{
	for (;;) {
		uint32_t word = random_word();
		struct rv32_insn in;

		rv32_decode(&in, (const uint8_t *)&word, 4, BASE);
		if (in.rd == 8 || in.rd == 9)
			continue;
		switch (in.op) {
		case RV32_LW:
		case RV32_SW:
			/* The low two bits of the offset. */
			word &= in.op == RV32_LW ? ~(3u << 20) : ~(3u << 7);
			return (word & ~(31u << 15)) | 8u << 15;
		case RV32_LB:
		case RV32_LBU:
		case RV32_SB:
			return (word & ~(31u << 15)) | 9u << 15;
		case RV32_LI:
			if ((word & 0x7f) == 0x37)
				return word;
			continue;
		default:
			if (in.op >= RV32_ADDI && in.op <= RV32_REMU)
				return word;
		}
	}
}

static void test_random_programs(void **state)
{
	enum { LENGTH = 200 };
	uint32_t program[LENGTH + 1];
	uint32_t i, round, pc, end;

	(void)state;
	uc_ctl_flush_tb(uc);
	for (round = 0; round < 1000; round++) {
		pc = BASE + round * 0x400;
		end = pc + LENGTH * 4;
		for (i = 0; i < LENGTH; i++)
			program[i] = program_word();
		program[LENGTH] = NOP;
		put(pc, program, sizeof(program));
		rv32_flush(&cpu);
		set_registers();
		set_register(8, DATA + 0x1000);
		set_register(9, DATA + 0x1000);
		cpu.pc = pc;
		assert_int_equal(rv32_run(&cpu, LENGTH), RV32_EXIT_BUDGET);
		assert_int_equal(uc_emu_start(uc, pc, end, 0, 0), UC_ERR_OK);
		compare("program", round, end);
		compare_data("program", round);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_compressed),
		cmocka_unit_test(test_random_words),
		cmocka_unit_test(test_random_programs),
	};

	return cmocka_run_group_tests_name("rv32-fuzz", tests, setup, teardown);
}
