// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Registers in affine form: whatever is done with them, lanes, memory and faults have to be what
 * they are with the same values in rows. Operands lie near to where number ranges and pages end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/cu.h"
#include "fake_card.h"
#include "fake_dispatch.h"

#define ASID		1u
#define DATA_VA		0x20000ull
#define DATA_BYTES	(2 * MMU_PAGE)		/* before and after it is nothing */
#define DATA		(FAKE_DATA + 0x10000)	/* its second page first */
#define LOCAL_BYTES	0x480u
#define ROUNDS		20000u

#define RS1	5
#define RS2	6
#define RD	7

static struct vgpu *gpu;
static struct cu *cu;
static struct cu_wave *w;
static uint64_t seed;

static uint64_t rnd(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 32 ^ seed << 32;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)rnd() % n;
}

/* Near the ends of the ranges that operations look at. */
static uint64_t edge(void)
{
	static const uint8_t bits[] = { 0, 4, 11, 16, 31, 32, 60, 63 };
	const uint64_t top = 1ull << bits[below(8)];

	return (below(2) ? top : 0 - top) + below(512) - 256;
}

static struct cu_affine operand(void)
{
	static const uint8_t shift[] = { 0, 0, 2, 16, 31, 32, 48, 60 };
	struct cu_affine a = { .step = (uint64_t)((int64_t)below(9) - 4) << shift[below(8)] };
	const uint64_t base = below(3) ? edge() : edge() << 32;

	if (!below(8))
		a.step = rnd();
	for (unsigned int run = 0; run < CU_RUNS; run++)
		a.base[run] = base + (below(2) ? run * CU_RUN * a.step : below(64));
	if (!below(4)) {
		a.step = 0;
		for (unsigned int run = 1; run < CU_RUNS; run++)
			a.base[run] = a.base[0];
	}
	return a;
}

static void each_variant(void (*body)(void))
{
	for (unsigned int n = 0; cu_vec_get(n); n++) {
		cu->vec = cu_vec_get(n);
		seed = 1;
		body();
	}
}

static void operations(void)
{
	uint64_t x[VGPU_LANES], y[VGPU_LANES], want[VGPU_LANES], got[VGPU_LANES];

	for (unsigned int op = 0; op < CU_AFFINE_OPS; op++) {
		unsigned int done = 0;

		for (unsigned int round = 0; round < ROUNDS && cu->vec->affine[op]; round++) {
			struct cu_affine a = operand(), b = operand();
			const int64_t imm = op == CU_SLLIW ? below(32) : below(2) ? below(64) :
					    op == CU_ADDI || op == CU_ADDIW || op == CU_ANDI ?
					    (int64_t)below(4096) - 2048 : below(64);

			cu->vec->spread(x, &a);
			cu->vec->spread(y, &b);
			cu->vec->alu[op](want, x, y, y, imm);
			/* The result may take the place of an operand. */
			if (!cu->vec->affine[op](&a, &a, &b, imm))
				continue;
			cu->vec->spread(got, &a);
			assert_memory_equal(got, want, sizeof(want));
			done++;
		}
		if (cu->vec->affine[op] && done < ROUNDS / 100)
			fail_msg("%s: operation %u only %u times", cu->vec->name, op, done);
	}
}

static void test_operations(void **state)
{
	(void)state;
	each_variant(operations);
}

static void branches(void)
{
	uint64_t x[VGPU_LANES], y[VGPU_LANES];

	for (unsigned int op = CU_BEQ; op <= CU_BGEU; op++) {
		const struct cu_insn insn = { .op = op, .rs1 = RS1, .rs2 = RS2 };
		unsigned int done = 0, some = 0;

		for (unsigned int round = 0; round < ROUNDS; round++) {
			struct cu_affine a = operand(), b = operand();
			uint32_t want, taken;

			if (below(2)) {
				b = a;
				b.base[below(CU_RUNS)] += below(3) - 1;
			}
			cu->vec->spread(x, &a);
			cu->vec->spread(y, &b);
			want = cu->vec->branch[op - CU_BEQ](x, y);
			cu_put_affine(w, RS1, &a);
			cu_put_affine(w, RS2, &b);
			if (!cu_affine_branch(w, &insn, &taken))
				continue;
			assert_int_equal(taken, want);
			done++;
			some += taken && ~taken;
		}
		assert_true(done > ROUNDS / 10 && some > ROUNDS / 100);
	}
}

static void test_branches(void **state)
{
	(void)state;
	each_variant(branches);
}

static void find(void)
{
	uint64_t x[VGPU_LANES], y[VGPU_LANES];
	struct cu_affine a, b;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		a = operand();
		cu->vec->spread(x, &a);
		assert_true(cu_find_affine(x, &b));
		cu->vec->spread(y, &b);
		assert_memory_equal(x, y, sizeof(x));
		x[below(VGPU_LANES / CU_RUN) * CU_RUN + 1 + below(CU_RUN - 1)]++;
		assert_false(cu_find_affine(x, &b));
		cu_write_register(w, RD, x);
		cu_read_register(w, RD, y);
		assert_memory_equal(x, y, sizeof(x));
	}
}

static void test_find(void **state)
{
	(void)state;
	each_variant(find);
}

/* --- loads and stores ------------------------------------------------------------------------- */

struct outcome {
	bool ok;
	struct cu_error error;
	uint64_t rd[VGPU_LANES];
	uint8_t data[DATA_BYTES], local[LOCAL_BYTES], private[VGPU_LANES * 64];
};

static void access(const struct cu_insn *insn, uint32_t lanes, const uint64_t *address,
		   const uint64_t *value, bool rows, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	for (unsigned int i = 0; i < DATA_BYTES; i++)
		gpu->vram[DATA + i] = i * 7 + (i >> 8);
	for (unsigned int i = 0; i < LOCAL_BYTES; i++)
		cu->local_mem[i] = i * 5 + (i >> 8);
	for (unsigned int i = 0; i < sizeof(o->private); i++)
		gpu->vram[(w->private_at & OGPU_OPERAND_ADDR) + i] = i * 3 + (i >> 8);
	w->live = lanes;
	cu->vec->expand_mask(w->mask, lanes);
	cu_write_register(w, RD, value + 1);
	if (rows) {
		memcpy(cu_new_row(w, RS1), address, sizeof(w->reg[0]));
		memcpy(cu_new_row(w, RS2), value, sizeof(w->reg[0]));
	} else {
		cu_write_register(w, RS1, address);
		cu_write_register(w, RS2, value);
	}
	cu->error = (struct cu_error){ .error = OGPU_QERR_NONE };
	o->ok = insn->op >= CU_SB ? cu_store(cu, w, insn, lanes) : cu_load(cu, w, insn, lanes);
	if (!o->ok)
		o->error = cu->error;
	cu_read_register(w, RD, o->rd);
	/* Lanes that do not take part may have any value. */
	for (unsigned int lane = 0; lane < VGPU_LANES; lane++)
		if (!o->ok || !(lanes >> lane & 1))
			o->rd[lane] = 0;
	memcpy(o->data, gpu->vram + DATA, DATA_BYTES);
	memcpy(o->local, cu->local_mem, LOCAL_BYTES);
	memcpy(o->private, gpu->vram + (w->private_at & OGPU_OPERAND_ADDR), sizeof(o->private));
}

static uint64_t place(unsigned int size)
{
	const uint64_t near = (below(80) - 40) * size + below(4) / 3;

	switch (below(8)) {
	case 0:
		return OGPU_CU_LOCAL_BASE + near;
	case 1:
		return OGPU_CU_LOCAL_BASE + LOCAL_BYTES + near;
	case 2:
		return OGPU_CU_LOCAL_BASE + 512 + near;
	case 3:
		return OGPU_CU_PRIVATE_BASE + (below(2) ? 32 : near);
	case 4:
		return DATA_VA + MMU_PAGE + near;
	case 5:
		return DATA_VA + (below(2) ? DATA_BYTES : 0) + near;
	default:
		return DATA_VA + 512 + near;
	}
}

static void memory(void)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8, 1, 2, 4, 4, 2, 1, 2, 4, 8 };
	static struct outcome with, without;
	unsigned int ok = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		const unsigned int kind = below(sizeof(sizes)), size = sizes[kind];
		const struct cu_insn insn = {
			.op = kind > CU_FLH - CU_LB ? CU_SB + kind - (CU_FLH - CU_LB + 1) :
						      CU_LB + kind,
			.rd = below(4) ? RD : RS1, .rs1 = RS1, .rs2 = RS2, .size = size,
			.imm = (int32_t)below(64) - 32,
		};
		const uint32_t lanes = below(4) ? CU_ALL_LANES : (uint32_t)rnd() | 1;
		const bool one = !below(4);
		uint64_t address[VGPU_LANES], value[VGPU_LANES + 1];
		struct cu_affine a = { .step = !one && below(3) ? size : 0 }, v = operand();

		if (!one && !below(8))
			a.step = below(2) ? 2 * size : 0 - (uint64_t)size;
		a.base[0] = place(size) - (uint64_t)insn.imm;
		for (unsigned int run = 1; run < CU_RUNS; run++)
			a.base[run] = one ? a.base[0] : below(3) ?
				      a.base[run - 1] + CU_RUN * a.step :
				      below(4) ? a.base[0] : place(size) - (uint64_t)insn.imm;
		cu->vec->spread(address, &a);
		cu->vec->spread(value, &v);
		value[VGPU_LANES] = rnd();
		access(&insn, lanes, address, value, true, &without);
		access(&insn, lanes, address, value, false, &with);
		assert_int_equal(with.ok, without.ok);
		assert_int_equal(with.error.error, without.error.error);
		assert_int_equal(with.error.fault.va, without.error.fault.va);
		assert_int_equal(with.error.fault.access, without.error.fault.access);
		assert_int_equal(with.error.fault.reason, without.error.fault.reason);
		if (insn.rd == RD || insn.op >= CU_SB)
			assert_memory_equal(with.rd, without.rd, sizeof(with.rd));
		assert_memory_equal(with.data, without.data, sizeof(with.data));
		assert_memory_equal(with.local, without.local, sizeof(with.local));
		assert_memory_equal(with.private, without.private, sizeof(with.private));
		ok += with.ok;
	}
	assert_in_range(ok, ROUNDS / 4, ROUNDS - ROUNDS / 20);
}

static void test_memory(void **state)
{
	(void)state;
	each_variant(memory);
}

static int setup(void **state)
{
	static const struct cu_launch launch = {
		.asid = ASID, .grid = { 1, 1, 1 }, .group = { 32, 1, 1 },
		.local_bytes = LOCAL_BYTES, .private_bytes = 64,
	};
	static const _Atomic uint32_t stop;

	(void)state;
	gpu = fake_create(1);
	fake_map(gpu, ASID, DATA_VA, VRAM(DATA + MMU_PAGE), MMU_PAGE, PTE_RW);
	fake_map(gpu, ASID, DATA_VA + MMU_PAGE, VRAM(DATA), MMU_PAGE, PTE_RW);
	cu = cu_create(gpu, &gpu->engines->as_table);
	if (!cu || !cu_begin(cu, &launch, &stop))
		return -1;
	w = cu->wave[0];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cu_end(cu);
	cu_free(cu);
	fake_destroy(gpu);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_branches),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests_name("vgpu affine", tests, setup, teardown);
}
