// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The compute units' instruction set against libunicorn: random programs, 32 lanes with registers
 * and memory of their own, branches and loops that make lanes part and meet again. Each lane's
 * result has to be what a single hart would have computed.
 *
 * Where libunicorn is known to differ from the ISA manual, programs are made so that it does
 * not matter: singles and doubles keep to their own registers (it does not box all singles, nor
 * look at the box), and operands of FMIN and FMAX are quieted first. Both are in test_cu.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unicorn/unicorn.h>

#define FAKE_STRICT false		/* code is put anew without saying so */
#include "fake_card.h"
#include "fake_dispatch.h"

#define CODE_VA		0x10000ull
#define CODE_BYTES	0x1000u
#define DATA_VA		0x20000ull
#define LANE_BYTES	0x100u
#define DATA_BYTES	(LANE_BYTES * VGPU_LANES)
#define ASID		1u
#define MAX_INSNS	60u
#define ROUNDS		3000u

/* Fixed registers: two ends of the lane's memory, and the loop counter. */
#define REG_DATA	8u
#define REG_ATOMIC	9u
#define REG_COUNT	31u

#define ECALL	0x00000073u
#define R(f7, rs2, rs1, f3, rd, op) \
	((uint32_t)(f7) << 25 | (uint32_t)(rs2) << 20 | (uint32_t)(rs1) << 15 | \
	 (uint32_t)(f3) << 12 | (uint32_t)(rd) << 7 | (op))
#define I(imm, rs1, f3, rd, op) \
	(((uint32_t)(imm) & 0xfff) << 20 | (uint32_t)(rs1) << 15 | (uint32_t)(f3) << 12 | \
	 (uint32_t)(rd) << 7 | (op))

struct program {
	uint8_t bytes[CODE_BYTES];
	uint32_t size;
};

struct lane {
	uint64_t x[32], f[32];
};

static uint64_t seed;
static struct vgpu *gpu;
static struct cu *cu;
static uc_engine *uc;
static uint8_t data_before[DATA_BYTES];

static uint32_t store(uint32_t imm, uint32_t rs2, uint32_t rs1, uint32_t f3, uint32_t op)
{
	return (imm >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | (imm & 31) << 7 | op;
}

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

static uint32_t below(uint32_t n)
{
	return (rnd() >> 32) % n;
}

static void put(struct program *p, uint32_t word)
{
	unsigned int n = (word & 3) == 3 ? 4 : 2;

	memcpy(p->bytes + p->size, &word, n);
	p->size += n;
}

/* A destination that is none of the fixed registers. */
static uint32_t rd(void)
{
	uint32_t n;

	do {
		n = below(31);
	} while (n == REG_DATA || n == REG_ATOMIC);
	return n;
}

static uint32_t rs(void)
{
	return below(32);
}

static uint32_t fs(void)
{
	return below(16);
}

static uint32_t fd(void)
{
	return 16 + below(16);
}

static uint32_t rm(void)
{
	static const uint8_t modes[] = { 0, 1, 2, 3, 4, 7, 7, 7 };

	return modes[below(8)];
}

static uint32_t offset(unsigned int size)
{
	return below(100) < 70 ? below(14) * size : below(112);
}

static void gen_integer(struct program *p)
{
	static const uint8_t op32_f3[] = { 0, 1, 5, 4, 6, 7 };
	uint32_t f3 = below(8);

	switch (below(8)) {
	case 0:
		if (f3 == 1)
			put(p, R(below(2), rs(), rs(), f3, rd(), 0x13));
		else if (f3 == 5)
			put(p, R(below(2) * 0x20 + below(2), rs(), rs(), f3, rd(), 0x13));
		else
			put(p, I(rnd(), rs(), f3, rd(), 0x13));
		break;
	case 1:
		put(p, R(f3 == 0 || f3 == 5 ? below(2) * 0x20 : 0, rs(), rs(), f3, rd(), 0x33));
		break;
	case 2:
		put(p, R(1, rs(), rs(), f3, rd(), 0x33));
		break;
	case 3:
		f3 = below(3) == 0 ? 0 : below(2) ? 1 : 5;
		if (f3 == 0)
			put(p, I(rnd(), rs(), 0, rd(), 0x1b));
		else
			put(p, R(f3 == 5 ? below(2) * 0x20 : 0, rs(), rs(), f3, rd(), 0x1b));
		break;
	case 4:
		f3 = op32_f3[below(3)];
		put(p, R(f3 == 1 ? 0 : below(2) * 0x20, rs(), rs(), f3, rd(), 0x3b));
		break;
	case 5:
		f3 = op32_f3[below(5) + 1];
		put(p, R(1, rs(), rs(), f3 == 1 ? 0 : f3, rd(), 0x3b));
		break;
	case 6:
		put(p, (rnd() & 0xfffff000u) | rd() << 7 | 0x37);
		break;
	default:
		put(p, (rnd() & 0xfffff000u) | rd() << 7 | 0x17);
		break;
	}
}

static void gen_compressed(struct program *p)
{
	uint32_t word, r;

	/* Any of quadrant 1's arithmetic and quadrant 2's moves whose registers are harmless. */
	switch (below(5)) {
	case 0:	/* c.addi, c.addiw, c.li */
		do {
			r = rd();
		} while (!r);
		put(p, below(3) << 13 | below(2) << 12 | r << 7 | below(32) << 2 | 1);
		break;
	case 1:	/* c.srli, c.srai, c.andi, c.sub .. c.addw on x10..x15 */
		do {
			word = 4u << 13 | below(8) << 10 | (2 + below(6)) << 7 | below(32) << 2 | 1;
		} while ((word >> 10 & 3) == 3 && word >> 12 & 1 && word >> 6 & 1);
		put(p, word);
		break;
	case 2:	/* c.slli */
		put(p, below(2) << 12 | rd() << 7 | below(32) << 2 | 2);
		break;
	case 3:	/* c.mv, c.add */
		put(p, 4u << 13 | below(2) << 12 | rd() << 7 | (1 + below(31)) << 2 | 2);
		break;
	default: /* c.lui */
		do {
			r = rd();
		} while (r == 2);
		put(p, 3u << 13 | below(2) << 12 | r << 7 | (1 + below(31)) << 2 | 1);
		break;
	}
}

static void gen_memory(struct program *p)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8, 1, 2, 4 };
	static const uint32_t compressed_f3[] = { 2, 3, 6, 7 };
	uint32_t f3;

	switch (below(6)) {
	case 0:
	case 1:
		f3 = below(7);
		put(p, I(offset(sizes[f3]), REG_DATA, f3, rd(), 0x03));
		break;
	case 2:
		f3 = below(4);
		put(p, store(offset(sizes[f3]), rs(), REG_DATA, f3, 0x23));
		break;
	case 3:
		if (below(2))
			put(p, I(offset(4), REG_DATA, 2, fs(), 0x07));
		else
			put(p, I(offset(8), REG_DATA, 3, fd(), 0x07));
		break;
	case 4:
		if (below(2))
			put(p, store(offset(4), fs(), REG_DATA, 2, 0x27));
		else
			put(p, store(offset(8), fd(), REG_DATA, 3, 0x27));
		break;
	default: /* c.lw, c.ld, c.sw, c.sd with x8, c.fld, c.fsd with x8 would need f8..f15 */
		f3 = below(4);
		put(p, compressed_f3[f3] << 13 | below(4) << 10 | below(4) << 5 |
		       (2 + below(6)) << 2);
		break;
	}
}

static void gen_atomic(struct program *p)
{
	static const uint8_t funct5[] = { 0, 1, 4, 8, 12, 16, 20, 24, 28 };
	uint32_t f3 = 2 + below(2), r;

	if (below(4)) {
		put(p, R(funct5[below(9)] << 2 | below(4), rs(), REG_ATOMIC, f3, rd(), 0x2f));
		return;
	}
	put(p, R(2 << 2 | below(4), 0, REG_ATOMIC, f3, rd(), 0x2f));
	if (below(2))
		gen_integer(p);
	do {
		r = rd();
	} while (!r);
	put(p, R(3 << 2 | below(4), rs(), REG_ATOMIC, f3, r, 0x2f));
}

/* With the registers that belong to the format. */
static uint32_t fp(bool dbl)
{
	return dbl ? fd() : fs();
}

static void gen_fp(struct program *p)
{
	const bool d = below(2);
	uint32_t a = fp(d), b = fp(d), rs2;

	switch (below(12)) {
	case 0:
	case 1:
		put(p, R(below(4) << 2 | d, b, a, rm(), fp(d), 0x53));
		break;
	case 2:
	case 3:
		put(p, R(fp(d) << 2 | d, b, a, rm(), fp(d), 0x43 + 4 * below(4)));
		break;
	case 4:
		put(p, R(0x2c | d, 0, a, rm(), fp(d), 0x53));
		break;
	case 5:
		put(p, R(0x10 | d, b, a, below(3), fp(d), 0x53));
		break;
	case 6:	/* fmin, fmax of what cannot be a signalling NaN */
		put(p, R(d, a, a, 0, a, 0x53));
		put(p, R(d, b, b, 0, b, 0x53));
		put(p, R(0x14 | d, b, a, below(2), fp(d), 0x53));
		break;
	case 7:
		put(p, R(0x50 | d, b, a, below(3), rd(), 0x53));
		break;
	case 8:
		put(p, R(0x60 | d, below(4), a, rm(), rd(), 0x53));
		break;
	case 9:
		rs2 = below(4);
		put(p, R(0x68 | d, rs2, rs(), d && rs2 < 2 ? 0 : rm(), fp(d), 0x53));
		break;
	case 10:
		if (below(2))
			put(p, R(0x70 | d, 0, a, below(2), rd(), 0x53));
		else
			put(p, R(0x78 | d, 0, rs(), 0, fp(d), 0x53));
		break;
	default:
		if (d)
			put(p, R(0x21, 0, fs(), 0, fd(), 0x53));
		else
			put(p, R(0x20, 1, fd(), rm(), fs(), 0x53));
		break;
	}
}

/* frm: the same in all lanes, or from a register. */
static void gen_frm(struct program *p)
{
	uint32_t r;

	if (below(3)) {
		put(p, I(2, below(5), 5, 0, 0x73));
		return;
	}
	do {
		r = rd();
	} while (!r);
	put(p, I(3, rs(), 7, r, 0x13));
	put(p, I(2, r, 1, 0, 0x73));
}

static void gen_one(struct program *p)
{
	uint32_t kind = below(100);

	if (kind < 25)
		gen_integer(p);
	else if (kind < 40)
		gen_compressed(p);
	else if (kind < 58)
		gen_memory(p);
	else if (kind < 63)
		gen_atomic(p);
	else if (kind < 97)
		gen_fp(p);
	else
		gen_frm(p);
}

static uint32_t branch(int32_t by, uint32_t rs2, uint32_t rs1, uint32_t f3)
{
	uint32_t o = by;

	return (o >> 12 & 1) << 31 | (o >> 5 & 0x3f) << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 |
	       (o >> 1 & 15) << 8 | (o >> 11 & 1) << 7 | 0x63;
}

/* A few instructions that some lanes step over. */
static void gen_skip(struct program *p)
{
	static const uint8_t f3[] = { 0, 1, 4, 5, 6, 7 };
	uint32_t at = p->size, word;

	put(p, 0x63);
	for (uint32_t n = 1 + below(4); n; n--)
		gen_one(p);
	word = branch(p->size - at, rs(), rs(), f3[below(6)]);
	memcpy(p->bytes + at, &word, 4);
}

/* A few instructions done a number of times that differs between lanes. */
static void gen_loop(struct program *p)
{
	uint32_t top;

	put(p, I(3, rs(), 7, REG_COUNT, 0x13));
	top = p->size;
	for (uint32_t n = 1 + below(3); n; n--) {
		if (below(4))
			gen_one(p);
		else
			gen_skip(p);
	}
	put(p, I(-1, REG_COUNT, 0, REG_COUNT, 0x13));
	put(p, branch((int32_t)top - (int32_t)p->size, 0, REG_COUNT, 5));
}

static void generate(struct program *p)
{
	p->size = 0;
	for (uint32_t n = 10 + below(MAX_INSNS - 10); n; n--) {
		uint32_t kind = below(20);

		if (kind == 0)
			gen_loop(p);
		else if (kind < 3)
			gen_skip(p);
		else
			gen_one(p);
	}
}

static uint64_t random_value(void)
{
	static const uint64_t special[] = {
		0, 1, ~0ull, 0x7fffffffull, 0x80000000ull, 0xffffffff80000000ull,
		0x7fffffffffffffffull, 0x8000000000000000ull,
	};

	return below(4) ? rnd() >> below(64) : special[below(8)];
}

static uint32_t random_single(void)
{
	static const uint32_t special[] = {
		0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
		0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0x4b000001, 0x3f000000, 0x4f000000,
	};

	if (!below(3))
		return special[below(14)];
	/* Exponents near to each other, so that sums cancel and ties happen. */
	return (rnd() & 0x807fffff) | (below(4) ? 110 + below(40) : below(255)) << 23;
}

static uint64_t random_double(void)
{
	static const uint64_t special[] = {
		0, 1ull << 63, 0x3ff0000000000000ull, 0x7ff0000000000000ull, 0xfff0000000000000ull,
		0x7ff8000000000000ull, 1, 0x800fffffffffffffull, 0x0010000000000000ull,
		0x7fefffffffffffffull, 0x41dfffffffc00000ull, 0xc1e0000000000000ull,
		0x43e0000000000000ull, 0x3fe0000000000000ull, 0x36a0000000000000ull,
		0x47efffffe0000000ull,
	};
	uint64_t exponent = below(4) ? 1000 + below(60) : below(2047);

	if (!below(3))
		return special[below(16)];
	return (rnd() & (below(2) ? ~0ull : ~0x1fffffffull) & 0x800fffffffffffffull) |
	       exponent << 52;
}

static void random_lane(struct lane *lane, unsigned int n)
{
	lane->x[0] = 0;
	for (unsigned int i = 1; i < 32; i++)
		lane->x[i] = random_value();
	lane->x[REG_DATA] = DATA_VA + n * LANE_BYTES + below(100) / 50;
	lane->x[REG_ATOMIC] = DATA_VA + n * LANE_BYTES + 0x80 + below(8) * 8;
	for (unsigned int i = 0; i < 16; i++)
		lane->f[i] = 0xffffffff00000000ull | random_single();
	for (unsigned int i = 16; i < 32; i++)
		lane->f[i] = random_double();
}

/* Some registers that compute units keep in affine form: all lanes the same, or steps apart. */
static void random_affine(struct lane *lanes)
{
	for (unsigned int i = 1; i < 31; i++) {
		const uint64_t start = random_value(), step = below(3) ? below(9) : random_value();

		if (i == REG_DATA || i == REG_ATOMIC || below(2))
			continue;
		for (unsigned int l = 0; l < VGPU_LANES; l++)
			lanes[l].x[i] = start + (i % 4 ? l : l % 16) * step;
	}
	for (unsigned int i = 0; i < 32; i++) {
		if (!below(4))
			for (unsigned int l = 1; l < VGPU_LANES; l++)
				lanes[l].f[i] = lanes[0].f[i];
	}
}

static void run_unicorn(struct lane *lane, uint32_t size)
{
	uint64_t zero = 0;
	uc_err err;

	for (int i = 1; i < 32; i++)
		uc_reg_write(uc, UC_RISCV_REG_X0 + i, &lane->x[i]);
	for (int i = 0; i < 32; i++)
		uc_reg_write(uc, UC_RISCV_REG_F0 + i, &lane->f[i]);
	uc_reg_write(uc, UC_RISCV_REG_FRM, &zero);
	err = uc_emu_start(uc, CODE_VA, CODE_VA + size, 0, 0);
	if (err)
		fail_msg("unicorn: %s", uc_strerror(err));
	for (int i = 1; i < 32; i++)
		uc_reg_read(uc, UC_RISCV_REG_X0 + i, &lane->x[i]);
	for (int i = 0; i < 32; i++)
		uc_reg_read(uc, UC_RISCV_REG_F0 + i, &lane->f[i]);
}

static void run_cu(const struct program *p, const struct lane *lanes, uint32_t live)
{
	static const struct cu_launch launch = {
		.asid = ASID, .entry = CODE_VA, .grid = { 1, 1, 1 }, .group = { 32, 1, 1 },
	};
	static const _Atomic uint32_t stop;
	struct cu_wave *w;

	memcpy(gpu->vram + FAKE_DATA, p->bytes, p->size);
	memcpy(gpu->vram + FAKE_DATA + p->size, &(uint32_t){ ECALL }, 4);
	assert_true(cu_begin(cu, &launch, &stop));
	w = cu->wave[0];
	for (unsigned int i = 1; i < 64; i++) {
		uint64_t row[VGPU_LANES];

		for (unsigned int l = 0; l < VGPU_LANES; l++)
			row[l] = i < 32 ? lanes[l].x[i] : lanes[l].f[i - 32];
		cu_write_register(w, i, row);
	}
	for (unsigned int l = 0; l < VGPU_LANES; l++) {
		w->pc[l] = CODE_VA;
		w->frm[l] = 0;
		w->reserved[l] = ~0ull;
	}
	w->frm_changed = false;
	w->live = live;
	w->barrier = 0;
	while (cu_run(cu, w) == CU_PAUSED)
		cu->budget = CU_BUDGET;
	if (cu->error.error)
		print_error("error %u pc 0x%lx insn 0x%x\n", cu->error.error,
			    (long)cu->error.pc, cu->error.insn);
	assert_int_equal(cu->error.error, OGPU_QERR_NONE);
	assert_int_equal(w->barrier, live);
	cu_end(cu);
}

static void dump(const struct program *p)
{
	FILE *f = fopen("/tmp/test_rv64.bin", "wb");

	if (!f)
		return;
	fwrite(p->bytes, 1, p->size, f);
	fclose(f);
	print_error("program is in /tmp/test_rv64.bin\n");
}

static void compare(const struct program *p, const struct lane *before, const struct lane *want,
		    unsigned int l, uint64_t round)
{
	const uint8_t *mem = gpu->vram + FAKE_DATA + 0x10000 + l * LANE_BYTES;
	uint8_t theirs[LANE_BYTES];
	for (unsigned int i = 1; i < 64; i++) {
		uint64_t v = i < 32 ? want->x[i] : want->f[i - 32], row[VGPU_LANES];

		if (i >= 32 && i < 48)
			v |= 0xffffffff00000000ull;
		cu_read_register(cu->wave[0], i, row);
		if (row[l] == v)
			continue;
		dump(p);
		fail_msg("%s: round %lu lane %u: %s%u is 0x%lx, should be 0x%lx, was 0x%lx",
			 cu->vec->name, (long)round, l, i < 32 ? "x" : "f", i % 32,
			 (long)row[l], (long)v,
			 (long)(i < 32 ? before->x[i] : before->f[i - 32]));
	}
	uc_mem_read(uc, DATA_VA + l * LANE_BYTES, theirs, sizeof(theirs));
	if (memcmp(theirs, mem, sizeof(theirs))) {
		dump(p);
		fail_msg("%s: round %lu lane %u: memory differs", cu->vec->name, (long)round, l);
	}
}

static void one_round(uint64_t round)
{
	struct lane before[VGPU_LANES], after[VGPU_LANES];
	struct program p;
	uint32_t live;

	seed = 0x9e3779b97f4a7c15ull * (round + 1);
	live = below(3) ? CU_ALL_LANES : (uint32_t)rnd() | 1;
	generate(&p);
	for (unsigned int i = 0; i < DATA_BYTES; i += 8) {
		uint64_t v = below(2) ? rnd() : random_double();

		memcpy(data_before + i, &v, 8);
	}
	for (unsigned int l = 0; l < VGPU_LANES; l++)
		random_lane(&before[l], l);
	if (below(2))
		random_affine(before);
	memcpy(after, before, sizeof(after));
	/* It does not notice all writes to code. */
	uc_ctl_remove_cache(uc, CODE_VA, CODE_VA + CODE_BYTES);
	uc_mem_write(uc, CODE_VA, p.bytes, p.size);
	uc_mem_write(uc, DATA_VA, data_before, DATA_BYTES);
	for (unsigned int l = 0; l < VGPU_LANES; l++) {
		if (live >> l & 1)
			run_unicorn(&after[l], p.size);
	}
	for (unsigned int n = 0; cu_vec_get(n); n++) {
		cu->vec = cu_vec_get(n);
		memcpy(gpu->vram + FAKE_DATA + 0x10000, data_before, DATA_BYTES);
		run_cu(&p, before, live);
		for (unsigned int l = 0; l < VGPU_LANES; l++) {
			if (live >> l & 1)
				compare(&p, &before[l], &after[l], l, round);
		}
	}
}

static void test_random_programs(void **state)
{
	const char *start = getenv("OGPU_RV64_ROUND"), *count = getenv("OGPU_RV64_ROUNDS");
	uint64_t first = start ? strtoull(start, NULL, 0) : 0;
	uint64_t rounds = count ? strtoull(count, NULL, 0) : ROUNDS;

	(void)state;
	for (uint64_t i = 0; i < rounds; i++)
		one_round(first + i);
}

static int setup(void **state)
{
	uint64_t mstatus = 0x6000;	/* FS dirty: floating point is on */

	(void)state;
	gpu = fake_create(1);
	fake_map(gpu, ASID, CODE_VA, VRAM(FAKE_DATA), CODE_BYTES, PTE_RX);
	fake_map(gpu, ASID, DATA_VA, VRAM(FAKE_DATA + 0x10000), DATA_BYTES, PTE_RW);
	cu = cu_create(gpu, &gpu->engines->as_table);
	if (!cu || uc_open(UC_ARCH_RISCV, UC_MODE_RISCV64, &uc))
		return -1;
	uc_mem_map(uc, CODE_VA, 0x2000, UC_PROT_ALL);
	uc_mem_map(uc, DATA_VA, DATA_BYTES, UC_PROT_ALL);
	uc_reg_write(uc, UC_RISCV_REG_MSTATUS, &mstatus);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	uc_close(uc);
	cu_free(cu);
	fake_destroy(gpu);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_programs),
	};

	return cmocka_run_group_tests_name("vgpu rv64", tests, setup, teardown);
}
