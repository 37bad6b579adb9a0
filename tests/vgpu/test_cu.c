// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Compute units: compiled kernels against the host's results, every kind of failure of a work-item,
 * and what the comparison with libunicorn (test_rv64.c) leaves out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/cu.h"
#include "cu_fp.h"
#define FAKE_STRICT false		/* code is put anew without saying so */
#include "fake_dispatch.h"
#include "fake_kernels.h"

#define ASID	1u
#define ARGS_VA	0x1000000ull
#define DATA_VA	0x2000000ull		/* DATA_BYTES of VRAM */
#define DATA	0x1000000u		/* VRAM offset */
#define DATA_BYTES	0x1000000u
#define CODE_VA	0x3ff000ull		/* two pages for hand-made code, in front of the kernels */
#define CODE	(FAKE_DATA + 0x1000)	/* VRAM offset */
#define RO_VA	0x8000000ull		/* one page, read only */
#define GONE_VA	0x9000000ull		/* one page that does not answer */

#define EBREAK	0x00100073u
#define RET	0x00008067u
#define SIGN_BIT	0x8000000000000000ull

static struct vgpu *gpu;
static struct cu *cu;
static const _Atomic uint32_t stop;

static uint8_t *mem(uint64_t offset)
{
	return gpu->vram + DATA + offset;
}

static int setup(void **state)
{
	(void)state;
	gpu = fake_create(1);
	kernels_load(gpu, ASID, FAKE_DATA + 0x10000);
	fake_map(gpu, ASID, CODE_VA - MMU_PAGE, VRAM(CODE), 2 * MMU_PAGE, PTE_RX);
	fake_map(gpu, ASID, ARGS_VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
	fake_map(gpu, ASID, DATA_VA, VRAM(DATA), DATA_BYTES, PTE_RW);
	fake_map(gpu, ASID, RO_VA, VRAM(DATA), MMU_PAGE, OGPU_PTE_READ);
	fake_map(gpu, ASID, GONE_VA, SYSTEM(FAKE_LATE), MMU_PAGE, PTE_RWX);
	cu = cu_create(gpu, &gpu->engines->as_table);
	return cu ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	cu_free(cu);
	fake_destroy(gpu);
	return 0;
}

static enum cu_result run_launch(struct cu_launch *launch)
{
	uint64_t groups = (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2];
	enum cu_result result = CU_DONE;

	launch->asid = ASID;
	memcpy(launch->total, launch->grid, sizeof(launch->total));
	assert_true(cu_begin(cu, launch, &stop));
	for (uint64_t i = 0; i < groups && result == CU_DONE; i++)
		result = cu_workgroup(cu, i);
	cu_end(cu);
	return result;
}

static void run_kernel(const char *name, struct cu_launch launch, const void *args, size_t size)
{
	launch.entry = kernel_entry(name);
	launch.args = ARGS_VA;
	memcpy(gpu->vram + FAKE_DATA, args, size);
	if (run_launch(&launch) != CU_DONE)
		fail_msg("%s: error %u reason %u va 0x%lx pc 0x%lx insn 0x%x", name,
			 cu->error.error, cu->error.fault.reason, (long)cu->error.fault.va,
			 (long)cu->error.pc, cu->error.insn);
}

/* Calls a test body with each variant of the lane operations. */
static void each_variant(void (*body)(void))
{
	for (unsigned int n = 0; cu_vec_get(n); n++) {
		cu->vec = cu_vec_get(n);
		body();
	}
}

static void saxpy(void)
{
	const struct saxpy_args args = { DATA_VA, DATA_VA + 0x100004, 10007, 1.25f };
	float *x = (float *)mem(0), *y = (float *)mem(0x100004), want[10100];

	for (unsigned int i = 0; i < 10100; i++) {
		x[i] = (float)i * 0.37f;
		y[i] = (float)(i % 100) - 50.0f;
		want[i] = i < args.n ? __builtin_fmaf(args.a, x[i], y[i]) : y[i];
	}
	run_kernel("saxpy", (struct cu_launch){ .grid = { 101, 1, 1 }, .group = { 100, 1, 1 } },
		   &args, sizeof(args));
	assert_memory_equal(y, want, sizeof(want));
}

static void matmul(void)
{
	const struct matmul_args args = { DATA_VA, DATA_VA + 0x10000, DATA_VA + 0x20000, 48 };
	float *a = (float *)mem(0), *b = (float *)mem(0x10000), *c = (float *)mem(0x20000);

	for (unsigned int i = 0; i < 48 * 48; i++) {
		a[i] = (float)(i % 17) * 0.5f;
		b[i] = (float)(i % 23) - 11.0f;
	}
	run_kernel("matmul", (struct cu_launch){ .grid = { 3, 6, 1 }, .group = { 16, 8, 1 } },
		   &args, sizeof(args));
	for (unsigned int row = 0; row < 48; row++) {
		for (unsigned int col = 0; col < 48; col++) {
			float sum = 0;

			for (unsigned int k = 0; k < 48; k++)
				sum = __builtin_fmaf(a[row * 48 + k], b[k * 48 + col], sum);
			assert_true(c[row * 48 + col] == sum);
		}
	}
}

static void reduce(void)
{
	const struct reduce_args args = { DATA_VA, DATA_VA + 0x800000, 100000 };
	float *in = (float *)mem(0), *out = (float *)mem(0x800000), sum = 0;

	for (unsigned int i = 0; i < args.n; i++)
		in[i] = (float)(i % 64);
	run_kernel("reduce", (struct cu_launch){ .grid = { 16, 1, 1 }, .group = { 256, 1, 1 },
		   .local_bytes = 1024 }, &args, sizeof(args));
	for (unsigned int i = 0; i < 16; i++)
		sum += out[i];
	/* Small integers: the sum is exact in any order. */
	assert_true(sum == 100000 / 64 * 2016.0f + 31 * 32 / 2);
}

static void collatz(void)
{
	const struct collatz_args args = { DATA_VA };
	const uint32_t *out = (uint32_t *)mem(0);

	run_kernel("collatz", (struct cu_launch){ .grid = { 20, 1, 1 }, .group = { 50, 1, 1 } },
		   &args, sizeof(args));
	for (uint64_t i = 0; i < 1000; i++) {
		uint32_t steps = 0;

		for (uint64_t n = i + 1; n != 1; steps++)
			n = n & 1 ? 3 * n + 1 : n / 2;
		assert_int_equal(out[i], steps);
	}
}

static void insertion_sort(void)
{
	const struct sort_args args = { DATA_VA, DATA_VA + 0x100000 };
	uint32_t *in = (uint32_t *)mem(0), *out = (uint32_t *)mem(0x100000);

	for (uint32_t i = 0; i < 300 * SORT_ITEMS; i++)
		in[i] = i * 2654435761u >> 7;
	run_kernel("insertion_sort", (struct cu_launch){ .grid = { 3, 1, 1 },
		   .group = { 100, 1, 1 }, .private_bytes = 256 }, &args, sizeof(args));
	for (uint32_t i = 0; i < 300; i++) {
		uint64_t a = 0, b = 0;

		for (uint32_t n = 0; n < SORT_ITEMS; n++) {
			a += in[i * SORT_ITEMS + n];
			b += out[i * SORT_ITEMS + n];
			if (n)
				assert_true(out[i * SORT_ITEMS + n - 1] <= out[i * SORT_ITEMS + n]);
		}
		assert_true(a == b);
	}
}

static void ids(void)
{
	const struct ids_args args = { DATA_VA };
	const struct ids_out *out = (struct ids_out *)mem(0);

	run_kernel("ids", (struct cu_launch){ .grid = { 3, 2, 4 }, .group = { 5, 3, 7 },
		   .local_bytes = 24 }, &args, sizeof(args));
	for (uint32_t z = 0; z < 28; z++) {
		for (uint32_t y = 0; y < 6; y++) {
			for (uint32_t x = 0; x < 15; x++, out++) {
				const struct ids_out want = {
					{ x, y, z }, { x % 5, y % 3, z % 7 },
					{ x / 5, y / 3, z / 7 }, 24,
				};

				assert_memory_equal(out, &want, sizeof(want));
			}
		}
	}
}

static void ping_pong(void)
{
	const struct count_args args = { DATA_VA };

	memset(mem(0), 0, 256);
	run_kernel("ping_pong", (struct cu_launch){ .grid = { 1, 1, 1 }, .group = { 64, 1, 1 },
		   .local_bytes = 16 }, &args, sizeof(args));
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(((uint32_t *)mem(0))[i], 77);
}

/* --- one access, with addresses of many patterns ---------------------------------------------- */

#define PATTERN_BYTES	0x4000u		/* of memory that is accessed, local and global */
#define PATTERN_DATA	0x10000u	/* offsets in the data: what is accessed */
#define PATTERN_LOCAL	0x20000u

static uint32_t pattern_seed;

static uint32_t pick(uint32_t n)
{
	pattern_seed = pattern_seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)pattern_seed * n >> 32);
}

/* Offsets of the 32 lanes' accesses of so many bytes. */
static void pattern(uint32_t *offset, uint32_t size)
{
	uint32_t start = pick(PATTERN_BYTES / 2) & ~(pick(4) ? size - 1 : 0u);
	uint32_t run = 1u << pick(6), stride = pick(3) ? size : pick(300), kind = pick(6);
	uint32_t row = pick(3) ? pick(9) * size : pick(200);

	for (uint32_t i = 0; i < 32; i++) {
		switch (kind) {
		case 0:	/* all in a row or wider apart, or all the same */
			offset[i] = start + i * stride;
			break;
		case 1:	/* rows of a tile */
			offset[i] = start + i / run * row + i % run * size;
			break;
		case 2:	/* a few places */
			offset[i] = start + i / run * row;
			break;
		case 3:	/* the same row again */
			offset[i] = start + i % run * size;
			break;
		case 4:	/* within a page */
			offset[i] = (start & ~(MMU_PAGE - 1)) + pick(MMU_PAGE - size + 1);
			break;
		default:
			offset[i] = pick(PATTERN_BYTES - size);
			break;
		}
		if (offset[i] > PATTERN_BYTES - size)
			offset[i] = PATTERN_BYTES - size;
	}
	/* One that is otherwise. */
	if (!pick(6))
		offset[pick(32)] = pick(PATTERN_BYTES - size);
}

/* What a load leaves in a register. */
static uint64_t loaded(const uint8_t *p, uint32_t op)
{
	uint64_t v = 0;

	memcpy(&v, p, op == 7 ? 4 : 1u << (op & 3));
	switch (op) {
	case 0:
		return (uint64_t)(int8_t)v;
	case 1:
		return (uint64_t)(int16_t)v;
	case 2:
		return (uint64_t)(int32_t)v;
	case 7:
		return CU_BOX | v;
	default:
		return v;
	}
}

static void one_access(uint32_t live, uint32_t op, bool local)
{
	const struct access_args args = {
		DATA_VA, DATA_VA + 0x100, DATA_VA + 0x200, DATA_VA + PATTERN_LOCAL, op,
	};
	uint64_t *address = (uint64_t *)mem(0), *result = (uint64_t *)mem(0x100);
	uint64_t *value = (uint64_t *)mem(0x200);
	uint8_t *target = mem(local ? PATTERN_LOCAL : PATTERN_DATA);
	uint32_t offset[32], size = op == 7 ? 4 : 1u << (op & 3);
	static uint8_t want[PATTERN_BYTES];

	pattern(offset, size);
	for (uint32_t i = 0; i < PATTERN_BYTES; i++)
		mem(PATTERN_DATA)[i] = mem(PATTERN_LOCAL)[i] = pick(256);
	memcpy(want, target, PATTERN_BYTES);
	for (uint32_t i = 0; i < 32; i++) {
		address[i] = (local ? OGPU_CU_LOCAL_BASE : DATA_VA + PATTERN_DATA) + offset[i];
		value[i] = (uint64_t)pick(~0u) << 32 | pick(~0u);
		if (!(live >> i & 1))
			address[i] = 0;
		else if (op >= 8)	/* the highest lane is the last */
			memcpy(want + offset[i], &value[i], size);
	}
	run_kernel("one_access", (struct cu_launch){ .grid = { 1, 1, 1 }, .group = { 32, 1, 1 },
		   .local_bytes = PATTERN_BYTES }, &args, sizeof(args));
	assert_memory_equal(target, want, PATTERN_BYTES);
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(result[i], op < 8 && live >> i & 1 ?
				 loaded(want + offset[i], op) : value[i]);
}

static void patterns(void)
{
	pattern_seed = 1;
	for (unsigned int i = 0; i < 4000; i++)
		one_access(pick(2) ? CU_ALL_LANES : pick(~0u) | 1u << pick(32), pick(12), pick(2));
}

static void test_patterns(void **state)
{
	(void)state;
	each_variant(patterns);
}

static void test_saxpy(void **state)
{
	(void)state;
	each_variant(saxpy);
}

static void test_matmul(void **state)
{
	(void)state;
	each_variant(matmul);
}

static void test_reduce(void **state)
{
	(void)state;
	each_variant(reduce);
}

static void test_collatz(void **state)
{
	(void)state;
	each_variant(collatz);
}

static void test_private(void **state)
{
	(void)state;
	each_variant(insertion_sort);
}

static void test_ids(void **state)
{
	(void)state;
	each_variant(ids);
}

static void test_turns(void **state)
{
	(void)state;
	each_variant(ping_pong);
}

/* --- hand-made code --------------------------------------------------------------------------- */

static void code(uint64_t va, const uint32_t *words, unsigned int count)
{
	uint8_t *p = gpu->vram + CODE + (va - (CODE_VA - MMU_PAGE));

	for (unsigned int i = 0; i < count; i++) {
		unsigned int n = (words[i] & 3) == 3 ? 4 : 2;

		memcpy(p, &words[i], n);
		p += n;
	}
}

static enum cu_result run_at(uint64_t va, uint64_t args, uint32_t items)
{
	struct cu_launch launch = {
		.entry = va, .args = args, .grid = { 1, 1, 1 }, .group = { items, 1, 1 },
		.local_bytes = 64, .private_bytes = 64,
	};

	return run_launch(&launch);
}

static void fails(uint64_t va, uint64_t args, enum ogpu_queue_error error, uint64_t pc,
		  uint32_t insn)
{
	assert_int_equal(run_at(va, args, 40), CU_FAILED);
	assert_int_equal(cu->error.error, error);
	assert_int_equal(cu->error.pc, pc);
	assert_int_equal(cu->error.insn, insn);
}

static void faults(uint64_t va, uint64_t args, uint64_t pc, uint32_t insn, uint64_t fault_va,
		   enum ogpu_access access, enum ogpu_fault_reason reason)
{
	fails(va, args, OGPU_QERR_MEMORY, pc, insn);
	assert_int_equal(cu->error.fault.va, fault_va);
	assert_int_equal(cu->error.fault.access, access);
	assert_int_equal(cu->error.fault.reason, reason);
}

/* Counters go up, and each read of cycle and instret is later than the one before. */
static void test_counters(void **state)
{
	static const uint32_t counts[] = {
		0xc00025f3,	/* csrr a1, cycle */
		0xc0002673,	/* csrr a2, cycle */
		0xc02026f3,	/* csrr a3, instret */
		0xc0202773,	/* csrr a4, instret */
		0xc01027f3,	/* csrr a5, time */
		0xc0102873,	/* csrr a6, time */
		0x00b53023,	/* sd a1, 0(a0) */
		0x00c53423,	/* sd a2, 8(a0) */
		0x00d53823,	/* sd a3, 16(a0) */
		0x00e53c23,	/* sd a4, 24(a0) */
		0x02f53023,	/* sd a5, 32(a0) */
		0x03053423,	/* sd a6, 40(a0) */
		RET,
	};
	const uint64_t *read = (uint64_t *)mem(0);
	uint64_t last[6] = { 0 };

	(void)state;
	code(CODE_VA, counts, ARRAY_SIZE(counts));
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(run_at(CODE_VA, DATA_VA, 40), CU_DONE);
		assert_true(read[0] < read[1]);
		assert_true(read[2] < read[3]);
		assert_true(read[4] <= read[5]);
		assert_true(read[0] > last[1] && read[2] > last[3] && read[4] >= last[5]);
		memcpy(last, read, sizeof(last));
	}
}

static void test_traps(void **state)
{
	static const uint32_t illegal[] = {
		0xffffffff,		/* no such major opcode */
		0x00000000,		/* all zero, 16 bits */
		0x10500073,		/* wfi */
		0x30200073,		/* mret */
		0x30002573,		/* csrr a0, mstatus */
		0xcc0015f3,		/* csrrw a1, 0xcc0, x0: read only */
		0xc0001073,		/* csrrw x0, cycle, x0 */
		0xcd202573,		/* csrr a0, 0xcd2: beyond the last */
		0x0000050b,		/* a wave barrier with a result */
		0x0220050b,		/* a ballot of two operands */
		0x0600150b,		/* a shuffle with a type */
		0x2000450b,		/* a sum of a type that is not there */
		0x2600050b,		/* no such wave operation */
		0x02055553 | 1u << 26,	/* a format that is not there */
		0x00205053 | 5u << 12,	/* fadd with a reserved rounding mode */
		0x0200101b,		/* slliw by 32 */
		0x60301013,		/* clz's neighbours: nothing, */
		0x60601013,		/* nothing, */
		0x6030101b,		/* and no clzw */
		0x28601013 | 4u << 12,	/* beside orc.b */
		0x6b701013 | 4u << 12,	/* beside rev8 */
		0x0810403b,		/* zext.h with a second operand */
		0x2000003b | 1u << 12,	/* no sh?add.uw */
		0x20000033 | 5u << 12,	/* no sh?add */
		0x0a000033 | 3u << 12,	/* clmulh is Zbc */
		0x0e000033 | 6u << 12,	/* beside czero */
		0x44200053,		/* fcvt.h.h */
		0x40800053,		/* fcvt.s of what is not there */
		0x44600053,		/* bf16 to half */
		0x48000053 | 6u << 25,	/* a format that is not there */
		0x04006043,		/* fmadd.h with a reserved rounding mode */
		0x00004007,		/* flq */
		0x6001,			/* c.lui of nothing */
		0x8002,			/* c.jr x0 */
	};
	const uint32_t nop = 0x13, trap = EBREAK, ctrap = 0x9002;

	(void)state;
	code(CODE_VA, &nop, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(illegal); i++) {
		code(CODE_VA + 4, &illegal[i], 1);
		fails(CODE_VA, 0, OGPU_QERR_INSTRUCTION, CODE_VA + 4, illegal[i]);
	}
	code(CODE_VA + 4, &trap, 1);
	fails(CODE_VA, 0, OGPU_QERR_TRAP, CODE_VA + 4, EBREAK);
	code(CODE_VA + 4, &ctrap, 1);
	fails(CODE_VA, 0, OGPU_QERR_TRAP, CODE_VA + 4, ctrap);
}

static void test_fetch_faults(void **state)
{
	const uint32_t jump = 0x00050067;	/* jr a0 */
	static const struct {
		uint64_t to;
		enum ogpu_fault_reason reason;
	} cases[] = {
		{ DATA_VA, OGPU_FAULT_PERMISSION }, { 0, OGPU_FAULT_NOT_MAPPED },
		{ GONE_VA, OGPU_FAULT_BUS },
		{ (1ull << 48) - 2, OGPU_FAULT_NOT_MAPPED },
		{ OGPU_CU_LOCAL_BASE, OGPU_FAULT_APERTURE },
		{ OGPU_CU_PRIVATE_BASE + 16, OGPU_FAULT_APERTURE },
		{ OGPU_CU_EXIT + 2, OGPU_FAULT_VA_RANGE }, { ~1ull, OGPU_FAULT_VA_RANGE },
	};

	(void)state;
	code(CODE_VA, &jump, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		faults(CODE_VA, cases[i].to, cases[i].to, 0, cases[i].to, OGPU_ACCESS_EXEC,
		       cases[i].reason);
		faults(cases[i].to, 0, cases[i].to, 0, cases[i].to, OGPU_ACCESS_EXEC,
		       cases[i].reason);
	}
	assert_int_equal(run_at(CODE_VA, OGPU_CU_EXIT, 33), CU_DONE);
	assert_int_equal(run_at(CODE_VA, OGPU_CU_EXIT | 1, 33), CU_DONE);
}

static void test_data_faults(void **state)
{
	const uint32_t load = 0x00053583, store = 0x00b53023, amo = 0x00b5352f;
	static const struct {
		uint64_t va;
		enum ogpu_fault_reason load, store;
	} cases[] = {
		{ 0, OGPU_FAULT_NOT_MAPPED, OGPU_FAULT_NOT_MAPPED },
		{ RO_VA, OGPU_FAULT_NONE, OGPU_FAULT_PERMISSION },
		{ GONE_VA, OGPU_FAULT_BUS, OGPU_FAULT_BUS },
		{ 1ull << 47, OGPU_FAULT_NOT_MAPPED, OGPU_FAULT_NOT_MAPPED },
		{ OGPU_CU_LOCAL_BASE, OGPU_FAULT_NONE, OGPU_FAULT_NONE },
		{ OGPU_CU_LOCAL_BASE + 64, OGPU_FAULT_APERTURE, OGPU_FAULT_APERTURE },
		{ OGPU_CU_PRIVATE_BASE + 56, OGPU_FAULT_NONE, OGPU_FAULT_NONE },
		{ OGPU_CU_PRIVATE_BASE + 64, OGPU_FAULT_APERTURE, OGPU_FAULT_APERTURE },
		{ OGPU_CU_EXIT, OGPU_FAULT_VA_RANGE, OGPU_FAULT_VA_RANGE },
		{ ~7ull, OGPU_FAULT_VA_RANGE, OGPU_FAULT_VA_RANGE },
	};

	(void)state;
	code(CODE_VA + 4, &(uint32_t){ RET }, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t va = cases[i].va;

		code(CODE_VA, &load, 1);
		if (cases[i].load)
			faults(CODE_VA, va, CODE_VA, load, va, OGPU_ACCESS_READ, cases[i].load);
		else
			assert_int_equal(run_at(CODE_VA, va, 40), CU_DONE);
		code(CODE_VA, &store, 1);
		if (cases[i].store)
			faults(CODE_VA, va, CODE_VA, store, va, OGPU_ACCESS_WRITE,
			       cases[i].store);
		else
			assert_int_equal(run_at(CODE_VA, va, 40), CU_DONE);
		code(CODE_VA, &amo, 1);
		if (cases[i].store)
			faults(CODE_VA, va, CODE_VA, amo, va, OGPU_ACCESS_ATOMIC,
			       cases[i].store);
		else
			assert_int_equal(run_at(CODE_VA, va, 40), CU_DONE);
	}
	/* The second half of an access is refused. */
	code(CODE_VA, &load, 1);
	faults(CODE_VA, RO_VA + 0xffc, CODE_VA, load, RO_VA + 0x1000, OGPU_ACCESS_READ,
	       OGPU_FAULT_NOT_MAPPED);
	faults(CODE_VA, OGPU_CU_LOCAL_BASE + 60, CODE_VA, load, OGPU_CU_LOCAL_BASE + 64,
	       OGPU_ACCESS_READ, OGPU_FAULT_APERTURE);
	/* Misaligned atomics. */
	code(CODE_VA, &amo, 1);
	fails(CODE_VA, DATA_VA + 4, OGPU_QERR_MISALIGNED, CODE_VA, amo);
}

/* Loads and stores of each lane at DATA_VA + id * 4093, so that many are misaligned and split. */
static void test_misaligned(void **state)
{
	static const uint32_t words[] = {
		0xcc0025f3,		/* csrr a1, global id */
		0x00001637,		/* lui a2, 1 */
		0xffd60613,		/* addi a2, a2, -3 */
		0x02c58633,		/* mul a2, a1, a2 */
		0x00a60633,		/* add a2, a2, a0 */
		0x00158693,		/* addi a3, a1, 1 */
		0x00d63023,		/* sd a3, 0(a2) */
		0x00063703,		/* ld a4, 0(a2) */
		0x00e63823,		/* sd a4, 16(a2) */
		RET,
	};

	(void)state;
	code(CODE_VA, words, sizeof(words) / 4);
	memset(mem(0), 0xee, 0x100000);
	assert_int_equal(run_at(CODE_VA, DATA_VA, 200), CU_DONE);
	for (uint64_t i = 0; i < 200; i++) {
		uint64_t v;

		memcpy(&v, mem(i * 4093), 8);
		assert_int_equal(v, i + 1);
		memcpy(&v, mem(i * 4093 + 16), 8);
		assert_int_equal(v, i + 1);
	}
}

/* Code that lies on two pages, code that changes, code that goes away. */
static void test_code_places(void **state)
{
	uint32_t add[] = { 0x00100593, 0x00b53023, RET };	/* li a1, 1; sd a1, 0(a0) */

	(void)state;
	code(CODE_VA - 6, &(uint32_t){ 0x0001 }, 1);		/* c.nop, so that what follows */
	code(CODE_VA - 4, &(uint32_t){ 0x0001 }, 1);		/* is split between pages */
	code(CODE_VA - 2, add, 3);
	memset(mem(0), 0, 8);
	assert_int_equal(run_at(CODE_VA - 6, DATA_VA, 40), CU_DONE);
	assert_int_equal(*(uint64_t *)mem(0), 1);
	/* New code at the same place, seen by the next dispatch. */
	add[0] = 0x00200593;
	code(CODE_VA - 2, add, 3);
	assert_int_equal(run_at(CODE_VA - 6, DATA_VA, 40), CU_DONE);
	assert_int_equal(*(uint64_t *)mem(0), 2);
	/* The second page goes away. */
	*fake_entry(gpu, ASID, CODE_VA, 0) = 0;
	vgpu_mem_invalidate(gpu, &(struct tlbi){ 0 }, 1);
	faults(CODE_VA - 6, DATA_VA, CODE_VA - 2, 0, CODE_VA, OGPU_ACCESS_EXEC,
	       OGPU_FAULT_NOT_MAPPED);
}

/* Memory that begins to answer at any moment: an atomic is done or refused, never left out. */
static void test_late_atomics(void **state)
{
	/* li a1, 1; amoadd.d zero, a1, (a0) */
	const uint32_t words[] = { 0x00100593, 0x00b5302f, RET };
	unsigned int done = 0, refused = 0;

	(void)state;
	code(CODE_VA, words, ARRAY_SIZE(words));
	for (unsigned int asks = 1; asks < 16; asks++) {
		enum cu_result result;

		memset(gpu->page, 0, 8);
		gpu->late = false;
		gpu->late_after = asks;
		fake_lose_pointers(gpu);
		result = run_at(CODE_VA, GONE_VA, 40);
		if (result == CU_DONE) {
			assert_int_equal(*(uint64_t *)gpu->page, 40);
			done++;
		} else {
			assert_int_equal(result, CU_FAILED);
			assert_int_equal(cu->error.error, OGPU_QERR_MEMORY);
			assert_int_equal(cu->error.fault.reason, OGPU_FAULT_BUS);
			refused++;
		}
	}
	assert_true(done > 0 && refused > 0);
}

/* LR asks for what SC needs, and SC of another size finds no reservation. */
static void test_reservations(void **state)
{
	static const struct {
		uint32_t lr, sc;
		uint64_t result;
	} cases[] = {
		{ 0x100525af, 0x18b5262f, 0 },		/* lr.w a1, (a0); sc.w a2, a1, (a0) */
		{ 0x100535af, 0x18b5362f, 0 },		/* lr.d; sc.d */
		{ 0x100525af, 0x18b5362f, 1 },		/* lr.w; sc.d */
		{ 0x100535af, 0x18b5262f, 1 },		/* lr.d; sc.w */
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint32_t words[] = { cases[i].lr, cases[i].sc, 0x00c53423, RET };

		code(CODE_VA, words, 4);		/* the third is sd a2, 8(a0) */
		memset(mem(0), 0, 16);
		assert_int_equal(run_at(CODE_VA, DATA_VA, 1), CU_DONE);
		assert_int_equal(*(uint64_t *)mem(8), cases[i].result);
	}
	code(CODE_VA, &cases[0].lr, 1);
	faults(CODE_VA, RO_VA, CODE_VA, cases[0].lr, RO_VA, OGPU_ACCESS_ATOMIC,
	       OGPU_FAULT_PERMISSION);
}

/* SC looks at the value and not at who stored meanwhile: the sd stands for anybody's store. */
static void test_compare_and_swap(void **state)
{
	/* lr.d a1, (a0); sd zero or a1, 0(a0); li a3, 5; sc.d a2, a3, (a0); sd a2, 8(a0) */
	static const struct {
		uint32_t store;
		uint64_t result, value;
	} cases[] = {
		{ 0x00053023, 1, 0 },	/* another value */
		{ 0x00b53023, 0, 5 },	/* the same value again */
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint32_t words[] = {
			0x100535af, cases[i].store, 0x00500693, 0x18d5362f, 0x00c53423, RET,
		};

		code(CODE_VA, words, ARRAY_SIZE(words));
		*(uint64_t *)mem(0) = 7;
		assert_int_equal(run_at(CODE_VA, DATA_VA, 1), CU_DONE);
		assert_int_equal(*(uint64_t *)mem(8), cases[i].result);
		assert_int_equal(*(uint64_t *)mem(0), cases[i].value);
	}
}

/* Runs until it is told to stop. */
static void *store_for_ever(void *arg)
{
	struct cu_launch launch = {
		.entry = CODE_VA, .args = DATA_VA, .grid = { 1, 1, 1 }, .group = { 32, 1, 1 },
		.asid = ASID,
	};

	assert_true(cu_begin(cu, &launch, arg));
	assert_int_equal(cu_workgroup(cu, 0), CU_PAUSED);
	cu_end(cu);
	return NULL;
}

static uint64_t read_word(unsigned int f3)
{
	switch (f3) {
	case 1:
		return __atomic_load_n((uint16_t *)mem(0), __ATOMIC_RELAXED) * 0x1000100010001ull;
	case 2:
		return __atomic_load_n((uint32_t *)mem(0), __ATOMIC_RELAXED) * 0x100000001ull;
	default:
		return __atomic_load_n((uint64_t *)mem(0), __ATOMIC_RELAXED);
	}
}

/* Nobody sees half of an aligned store, to whatever places the lanes store. */
static void test_whole_stores(void **state)
{
	static _Atomic uint32_t now;
	pthread_t thread;

	(void)state;
	/* Bytes between the lanes' places: all the same, side by side, and wide apart. */
	for (unsigned int i = 0; i < 9; i++) {
		const unsigned int f3 = 1 + i % 3, kind = i / 3;
		const uint32_t step = kind == 2 ? 72 : kind << f3;
		const uint32_t words[] = {
			0xcc3025f3,				/* csrr a1, local id */
			step << 20 | 0x00000613,		/* li a2, step */
			0x02c585b3,				/* mul a1, a1, a2 */
			0x00b50533,				/* add a0, a0, a1 */
			0xfff00693,				/* li a3, -1 */
			0x00050023 | f3 << 12,			/* s? x0, 0(a0) */
			0x00d50023 | f3 << 12,			/* s? a3, 0(a0) */
			0xff9ff06f,				/* j -8 */
		};
		uint64_t changes = 0, last = 0, v = 0, n;

		code(CODE_VA, words, ARRAY_SIZE(words));
		atomic_store(&now, 0);
		memset(mem(0), 0, MMU_PAGE);
		assert_int_equal(pthread_create(&thread, NULL, store_for_ever, &now), 0);
		for (n = 0; (n < 8000000 || !changes) && changes < 1000000; n++) {
			v = read_word(f3);
			changes += v != last;
			last = v;
			if (v && ~v)
				break;
			/* Leaves the line to the other thread for a moment. */
			for (volatile unsigned int pause = 0; pause < 5; pause++)
				;
		}
		atomic_store(&now, 1);
		assert_int_equal(pthread_join(thread, NULL), 0);
		if (v && ~v)
			fail_msg("case %u: 0x%lx after %lu reads", i, (long)v, (long)n);
	}
}

/* Large workgroups that end at once must not keep an unmap waiting. */
static void test_setup_pauses(void **state)
{
	struct cu_launch launch = {
		.entry = CODE_VA, .grid = { 100, 1, 1 }, .group = { VGPU_MAX_WORKGROUP, 1, 1 },
		.local_bytes = VGPU_LOCAL_BYTES,
	};
	uint64_t before = gpu->brackets;

	(void)state;
	code(CODE_VA, &(uint32_t){ RET }, 1);
	assert_int_equal(run_launch(&launch), CU_DONE);
	assert_true(gpu->brackets - before > 10);
}

/* No work-item may learn what was in registers or memory before. */
static void test_start_state(void **state)
{
	struct cu_launch launch = {
		.entry = CODE_VA, .args = DATA_VA, .grid = { 1, 1, 1 }, .group = { 64, 1, 1 },
		.local_bytes = 256, .private_bytes = 128, .asid = ASID,
	};

	(void)state;
	/* Something that dirties registers and local memory. */
	insertion_sort();
	reduce();
	code(CODE_VA, &(uint32_t){ RET }, 1);
	assert_true(cu_begin(cu, &launch, &stop));
	assert_int_equal(cu_workgroup(cu, 0), CU_DONE);
	for (unsigned int l = 0; l < 64; l++) {
		for (unsigned int i = 0; i < 64; i++) {
			uint64_t row[VGPU_LANES];
			uint64_t want = i == 1 ? OGPU_CU_EXIT :
					i == 2 ? OGPU_CU_PRIVATE_BASE + 128 :
					i == 10 ? DATA_VA : 0;

			cu_read_register(cu->wave[l / 32], i, row);
			assert_int_equal(row[l % 32], want);
		}
	}
	for (unsigned int i = 0; i < 256; i++)
		assert_int_equal(cu->local_mem[i], 0);
	cu_end(cu);
}

/* --- single operations that libunicorn does otherwise ----------------------------------------- */

static uint64_t alu(enum cu_op op, uint64_t a, uint64_t b)
{
	uint64_t x[32], y[32], z[32] = { 0 }, r[32];

	for (unsigned int i = 0; i < 32; i++) {
		x[i] = a;
		y[i] = b;
	}
	cu->vec->alu[op](r, x, y, z, 0);
	for (unsigned int i = 1; i < 32; i++)
		assert_int_equal(r[i], r[0]);
	return r[0];
}

static void boxes(void)
{
	const uint64_t box = CU_BOX, one = CU_BOX | 0x3f800000, nan = CU_BOX | CU_NAN_S;
	const uint64_t snan = CU_BOX | 0x7f800001, zero = CU_BOX, minus = CU_BOX | 0x80000000;
	const uint64_t dnan = CU_NAN_D, dsnan = 0x7ff0000000000001ull, done = 0x3ff0000000000000ull;

	/* What is not boxed is the canonical NaN, except where bits are moved. */
	assert_int_equal(alu(CU_FADD_S, 0x3f800000, one), nan);
	assert_int_equal(alu(CU_FSGNJ_S, 0x3f800000, one), nan);
	assert_int_equal(alu(CU_FSGNJ_S, one, 0xbf800000), one);
	assert_int_equal(alu(CU_FCLASS_S, 0x3f800000, 0), 1 << 9);
	assert_int_equal(alu(CU_FEQ_S, 0x3f800000, 0x3f800000), 0);
	assert_int_equal(alu(CU_FCVT_W_S, 0x3f800000, 0), 0x7fffffff);
	assert_int_equal(alu(CU_FMV_X_W, 0x3f800000, 0), 0x3f800000);
	assert_int_equal(alu(CU_FMV_X_W, 0xbf800000, 0), 0xffffffffbf800000ull);
	assert_int_equal(alu(CU_FMV_W_X, 0x123456783f800000ull, 0), one);
	assert_int_equal(cu_fp_round(CU_FADD_S, CU_RTZ, 0x3f800000, one, 0), nan);
	/* A NaN gives way to a number, signalling or not. */
	assert_int_equal(alu(CU_FMIN_S, snan, one), one);
	assert_int_equal(alu(CU_FMAX_S, one, snan), one);
	assert_int_equal(alu(CU_FMIN_S, snan, nan), nan);
	assert_int_equal(alu(CU_FMIN_S, zero, minus), minus);
	assert_int_equal(alu(CU_FMIN_S, minus, zero), minus);
	assert_int_equal(alu(CU_FMAX_S, zero, minus), zero);
	assert_int_equal(alu(CU_FMAX_S, minus, zero), zero);
	assert_int_equal(alu(CU_FMIN_D, dsnan, done), done);
	assert_int_equal(alu(CU_FMAX_D, done, dsnan), done);
	assert_int_equal(alu(CU_FMAX_D, dsnan, dnan), dnan);
	assert_int_equal(alu(CU_FMIN_D, 0, SIGN_BIT), SIGN_BIT);
	assert_int_equal(alu(CU_FMAX_D, SIGN_BIT, 0), 0);
	assert_int_equal(alu(CU_FCVT_D_S, box | 0xff812345, 0), dnan);
}

static void test_boxes(void **state)
{
	(void)state;
	each_variant(boxes);
}

/* Any bytes at all as code: it fails, ends or has to be stopped, and nothing else happens. */
static void test_garbage(void **state)
{
	static _Atomic uint32_t now;
	struct cu_launch launch = {
		.entry = CODE_VA, .args = DATA_VA, .grid = { 1, 1, 1 }, .group = { 70, 1, 1 },
		.local_bytes = 128, .private_bytes = 128, .asid = ASID,
	};
	uint8_t *p = gpu->vram + CODE;
	uint32_t x = 99;

	(void)state;
	atomic_store(&now, 1);	/* stop as soon as anybody looks */
	for (unsigned int round = 0; round < 3000; round++) {
		for (unsigned int i = 0; i < 2 * MMU_PAGE; i++) {
			x = x * 1664525 + 1013904223;
			p[i] = x >> 24;
			/* Mostly 32-bit instructions with low registers, to get further. */
			if (i % 4 == 0 && x & 0x300)
				p[i] |= 3;
		}
		launch.args = x & 1 ? DATA_VA : OGPU_CU_LOCAL_BASE;
		assert_true(cu_begin(cu, &launch, &now));
		cu_workgroup(cu, 0);
		cu_end(cu);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_saxpy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_matmul, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reduce, setup, teardown),
		cmocka_unit_test_setup_teardown(test_collatz, setup, teardown),
		cmocka_unit_test_setup_teardown(test_private, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patterns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_traps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fetch_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_data_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_misaligned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_code_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reservations, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compare_and_swap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_atomics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole_stores, setup, teardown),
		cmocka_unit_test_setup_teardown(test_setup_pauses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_boxes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu cu", tests, NULL, NULL);
}
