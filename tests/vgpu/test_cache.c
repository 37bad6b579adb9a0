// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The data caches of a strict card: what a work-item has read and written of CACHED pages is kept
 * until the contract says otherwise, and what somebody else may have by then is left alone.
 *
 * There is one unit, and the page of data is mapped as CACHED, UNCACHED and COHERENT memory side by
 * side, so a work-item sees by itself what is in its cache and what is in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/cu.h"
#include "fake_queue.h"

#define ASID		3u
#define CODE_VA		0x10000000u
#define CODE		FAKE_DATA		/* VRAM offsets */
#define DATA		(FAKE_DATA + 0x10000)
#define OTHER		(FAKE_DATA + 0x11000)
#define OUT		(FAKE_DATA + 0x12000)
#define MANY		(FAKE_DATA + 0x100000)
#define MANY_PAGES	300u
#define CACHED_VA	0x20000000u		/* the page of data, as three types */
#define UNCACHED_VA	0x20100000u
#define COHERENT_VA	0x20200000u
#define OTHER_VA	0x20300000u		/* CACHED, for atomics */
#define OUT_VA		0x20400000u		/* COHERENT: results, and flags to wait for */
#define MANY_VA		0x30000000u		/* CACHED */
#define COPY_SLOT	2u

#define UNCACHED	FIELD_PREP(OGPU_PTE_MTYPE, OGPU_MTYPE_UNCACHED)
#define COHERENT	FIELD_PREP(OGPU_PTE_MTYPE, OGPU_MTYPE_COHERENT)

static struct vgpu *gpu;
static struct fake_queue queue, *q = &queue, copy_queue, *copies = &copy_queue;
static uint64_t fences;
static bool strict;
static uint8_t *data;			/* the page of data in memory */

/* Where it is; host memory is kept as VRAM is. */
static int setup_at(void **state, uint64_t operand, uint8_t *(*host)(void))
{
	strict = *(const bool *)*state;
	fake_config.strict = strict;
	fake_config.cu_count = 1;
	gpu = fake_create(1);
	fences = 0;
	data = host();
	fake_map(gpu, ASID, CODE_VA, VRAM(CODE), MMU_PAGE, PTE_RX);
	fake_map(gpu, ASID, CACHED_VA, operand, MMU_PAGE, PTE_RW);
	fake_map(gpu, ASID, UNCACHED_VA, operand, MMU_PAGE, PTE_RW | UNCACHED);
	fake_map(gpu, ASID, COHERENT_VA, operand, MMU_PAGE, PTE_RW | COHERENT);
	fake_map(gpu, ASID, OTHER_VA, VRAM(OTHER), MMU_PAGE, PTE_RW);
	fake_map(gpu, ASID, OUT_VA, VRAM(OUT), MMU_PAGE, PTE_RW | COHERENT);
	fake_map(gpu, ASID, MANY_VA, VRAM(MANY), MANY_PAGES * MMU_PAGE, PTE_RW);
	q_init(q, gpu, 0, ASID, 0);
	q_start(q);
	q_init(copies, gpu, COPY_SLOT, ASID, 0);
	q_start(copies);
	return 0;
}

static uint8_t *in_vram(void)
{
	return gpu->vram + DATA;
}

static uint8_t *in_system(void)
{
	return gpu->system + 0x10000;
}

static int setup(void **state)
{
	return setup_at(state, VRAM(DATA), in_vram);
}

static int setup_system(void **state)
{
	return setup_at(state, SYSTEM(FAKE_SYSTEM + 0x10000), in_system);
}

static int teardown(void **state)
{
	(void)state;
	fake_destroy(gpu);
	return 0;
}

static uint64_t *out(unsigned int n)
{
	return (uint64_t *)(gpu->vram + OUT) + n;
}

static uint64_t load(const void *p)
{
	return __atomic_load_n((const uint64_t *)p, __ATOMIC_SEQ_CST);
}

static void store(void *p, uint64_t v)
{
	__atomic_store_n((uint64_t *)p, v, __ATOMIC_SEQ_CST);
}

static void wait_for(const void *p, uint64_t v)
{
	const uint64_t end = vgpu_time_ns(gpu) + Q_TIMEOUT_S * 1000000000ull;

	while (load(p) != v && vgpu_time_ns(gpu) < end)
		sched_yield();
	assert_int_equal(load(p), v);
}

/* --- programs --------------------------------------------------------------------------------- */

enum { CACHED_REG = 5, UNCACHED_REG, COHERENT_REG, OTHER_REG = 28, OUT_REG, X = 10, Y, Z };

static uint32_t program[64];
static unsigned int words;

static void put(uint32_t word)
{
	assert_true(words < ARRAY_SIZE(program));
	program[words++] = word;
}

static void put_i(uint32_t opcode, unsigned int rd, unsigned int rs1, int imm)
{
	put((uint32_t)imm << 20 | rs1 << 15 | rd << 7 | opcode);
}

static void put_s(uint32_t funct3, unsigned int rs2, unsigned int rs1, unsigned int imm)
{
	put(imm >> 5 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 31) << 7 | 0x23);
}

static void put_lui(unsigned int rd, uint32_t va)
{
	put(va | rd << 7 | 0x37);
}

static void put_li(unsigned int rd, int imm)
{
	put_i(0x13, rd, 0, imm);
}

static void put_ld(unsigned int rd, unsigned int rs1, int imm)
{
	put_i(0x3003, rd, rs1, imm);
}

static void put_sd(unsigned int rs2, unsigned int rs1, unsigned int imm)
{
	put_s(3, rs2, rs1, imm);
}

static void put_sb(unsigned int rs2, unsigned int rs1, unsigned int imm)
{
	put_s(0, rs2, rs1, imm);
}

/* To a word that is so far back. */
static void put_bnez_back(unsigned int rs1, unsigned int back)
{
	const uint32_t imm = -4 * back;

	put((imm >> 12 & 1) << 31 | (imm >> 5 & 63) << 25 | rs1 << 15 | 1 << 12 |
	    (imm >> 1 & 15) << 8 | (imm >> 11 & 1) << 7 | 0x63);
}

static void begin(void)
{
	words = 0;
	put_lui(CACHED_REG, CACHED_VA);
	put_lui(UNCACHED_REG, UNCACHED_VA);
	put_lui(COHERENT_REG, COHERENT_VA);
	put_lui(OTHER_REG, OTHER_VA);
	put_lui(OUT_REG, OUT_VA);
}

/* Says that it got here, and waits until the test says that it may go on. */
static void put_meet(unsigned int flag)
{
	put_li(Z, 1);
	put_sd(Z, OUT_REG, 8 * flag);
	put_ld(Z, OUT_REG, 8 * flag);
	put_i(0x13, Z, Z, -2);
	put_bnez_back(Z, 2);
}

static void arrived(unsigned int flag)
{
	q_ring(q);
	wait_for(out(flag), 1);
}

static void go_on(unsigned int flag)
{
	store(out(flag), 2);
}

static void launch(struct fake_queue *on, unsigned int items)
{
	struct ogpu_pkt_dispatch d = {
		.entry = CODE_VA, .grid = { 1, 1, 1 }, .group = { items, 1, 1 },
	};
	struct ogpu_pkt_cache c = { .ops = OGPU_CACHE_CODE };

	put(0x00008067);	/* ret */
	memcpy(gpu->vram + CODE, program, words * 4);
	q_put(on, OGPU_OP_CACHE, 0, &c, sizeof(c));
	q_put(on, OGPU_OP_DISPATCH, OGPU_PKT_BARRIER, &d, sizeof(d));
}

static void put_fence(struct fake_queue *on, uint32_t flags)
{
	struct ogpu_pkt_fence f = { .addr = OUT_VA + 8 * 100, .value = ++fences };

	q_put(on, OGPU_OP_FENCE, flags, &f, sizeof(f));
	q_ring(on);
}

static void finish(void)
{
	put_fence(q, 0);
	wait_for(out(100), fences);
}

/* --- what a work-item has to say -------------------------------------------------------------- */

#define AMOADD_D	0x0000302fu	/* at OTHER, of x0 */
#define LR_D		0x1000302fu
#define SC_D		0x1800302fu
#define AQ		(1u << 26)
#define RL		(1u << 25)
#define FENCE(p, s)	((p) << 24 | (s) << 20 | 0x0fu)
#define R		2u
#define W		1u

static const struct order {
	uint32_t word;
	bool release, acquire;
} orders[] = {
	{ 0x00000013, false, false },			/* nop */
	{ FENCE(R, W), false, false },
	{ FENCE(W, W), true, false },
	{ FENCE(R, R), false, true },
	{ FENCE(R | W, R | W), true, true },
	{ 0x8330000f, true, true },			/* fence.tso */
	{ AMOADD_D, false, false },
	{ AMOADD_D | RL, true, false },
	{ AMOADD_D | AQ, false, true },
	{ AMOADD_D | AQ | RL, true, true },
	{ LR_D, false, false },
	{ LR_D | AQ, false, true },
	{ SC_D | RL, true, false },
	{ 0x00000073, false, false },			/* ecall: for the group only */
};

static uint32_t ordered(const struct order *o)
{
	return (o->word & 0x7f) == 0x2f ? o->word | OTHER_REG << 15 : o->word;
}

/* What was read is kept until an acquire. */
static void test_acquire(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		store(data, 0);
		begin();
		put_ld(X, CACHED_REG, 0);
		put_li(Y, 1);
		put_sd(Y, UNCACHED_REG, 0);
		put_ld(X, CACHED_REG, 0);
		put_sd(X, OUT_REG, 0);
		put(ordered(&orders[i]));
		put_ld(X, CACHED_REG, 0);
		put_sd(X, OUT_REG, 8);
		launch(q, 1);
		finish();
		assert_int_equal(*out(0), !strict);
		assert_int_equal(*out(1), !strict || orders[i].acquire);
		assert_int_equal(load(data), 1);
	}
}

/* What was stored is kept until a release; an acquire may write it back as well. */
static void test_release(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		store(data, 0);
		begin();
		put_li(Y, 1);
		put_sd(Y, CACHED_REG, 0);
		put_ld(X, UNCACHED_REG, 0);
		put_sd(X, OUT_REG, 0);
		put_ld(X, CACHED_REG, 0);
		put_sd(X, OUT_REG, 16);
		put(ordered(&orders[i]));
		put_ld(X, UNCACHED_REG, 0);
		put_sd(X, OUT_REG, 8);
		launch(q, 1);
		finish();
		assert_int_equal(*out(0), !strict);
		assert_int_equal(*out(2), 1);
		if (orders[i].release || !orders[i].acquire)
			assert_int_equal(*out(1), !strict || orders[i].release);
		/* The end of the workgroup is one. */
		assert_int_equal(load(data), 1);
	}
}

/* Pages of the other types are seen at once; a dispatch begins with what is in memory. */
static void test_types(void **state)
{
	static const unsigned int reg[] = { UNCACHED_REG, COHERENT_REG };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		store(data, 5);
		begin();
		put_ld(X, CACHED_REG, 0);
		put_sd(X, OUT_REG, 0);
		put_li(Y, 7);
		put_sd(Y, reg[i], 0);
		put_ld(X, reg[!i], 0);
		put_sd(X, OUT_REG, 8);
		put_meet(2);
		put_ld(X, reg[i], 0);
		put_sd(X, OUT_REG, 24);
		put_li(Y, 9);
		put_sd(Y, reg[i], 0);
		put_meet(4);
		launch(q, 1);
		arrived(2);
		assert_int_equal(load(data), 7);
		store(data, 8);
		go_on(2);
		wait_for(out(4), 1);
		assert_int_equal(load(data), 9);
		go_on(4);
		finish();
		assert_int_equal(*out(0), 5);
		assert_int_equal(*out(1), 7);
		assert_int_equal(*out(3), 8);
	}
}

/* An atomic works on what is in memory, after the work-item's own stores there. */
static void test_atomics(void **state)
{
	(void)state;
	store(data, 1);
	begin();
	put_ld(X, CACHED_REG, 0);
	put_li(Y, 5);
	put_sd(Y, CACHED_REG, 0);
	put(AMOADD_D | Y << 20 | CACHED_REG << 15 | X << 7);
	put_sd(X, OUT_REG, 0);
	put_ld(X, UNCACHED_REG, 0);
	put_sd(X, OUT_REG, 8);
	put_ld(X, CACHED_REG, 0);
	put_sd(X, OUT_REG, 16);
	launch(q, 1);
	finish();
	assert_int_equal(*out(0), 5);
	assert_int_equal(*out(1), 10);
	assert_int_equal(*out(2), 10);
}

/* --- others ----------------------------------------------------------------------------------- */

/* What somebody else writes meanwhile, to data. */
static void by_cpu(void)
{
	store(data, 6);
}

static void by_write(void)
{
	struct {
		struct ogpu_pkt_write write;
		uint64_t value;
	} p = { { .dst = CACHED_VA }, 6 };

	q_put(copies, OGPU_OP_WRITE, 0, &p, sizeof(p));
	put_fence(copies, 0);
	wait_for(out(100), fences);
}

static void by_copy(void)
{
	struct ogpu_pkt_copy c = { .src = OUT_VA + 8 * 50, .dst = CACHED_VA, .bytes = 8 };

	store(out(50), 6);
	q_put(copies, OGPU_OP_COPY, 0, &c, sizeof(c));
	put_fence(copies, OGPU_PKT_CARD);
	wait_for(out(100), fences);
}

/* The CPU, and another queue with a fence of either scope: a running work-item has to acquire. */
static void test_others_write(void **state)
{
	static void (*const write[])(void) = { by_cpu, by_write, by_copy };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(write); i++) {
		store(data, 5);
		begin();
		put_ld(X, CACHED_REG, 0);
		put_sd(X, OUT_REG, 0);
		put_meet(1);
		put_ld(X, CACHED_REG, 0);
		put_sd(X, OUT_REG, 16);
		put(FENCE(R, R));
		put_ld(X, CACHED_REG, 0);
		put_sd(X, OUT_REG, 24);
		launch(q, 1);
		arrived(1);
		write[i]();
		go_on(1);
		finish();
		assert_int_equal(*out(0), 5);
		assert_int_equal(*out(2), strict ? 5 : 6);
		assert_int_equal(*out(3), 6);
	}
}

/* What a work-item has released, and a FENCE of either scope behind it, is there for the others. */
static void test_others_read(void **state)
{
	struct ogpu_pkt_wait w = { .addr = OUT_VA + 8, .value = 1, .mask = UINT64_MAX };
	struct ogpu_pkt_copy c = { .src = CACHED_VA, .dst = OUT_VA + 16, .bytes = 8 };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		memset(out(0), 0, 64);
		store(data, 0);
		begin();
		put_li(Y, 3 + i);
		put_sd(Y, CACHED_REG, 0);
		put(FENCE(W, W));
		put_meet(1);
		put_li(Y, 5 + i);
		put_sd(Y, CACHED_REG, 0);
		launch(q, 1);
		q_put(copies, OGPU_OP_WAIT, i ? OGPU_PKT_CARD : 0, &w, sizeof(w));
		q_put(copies, OGPU_OP_COPY, OGPU_PKT_BARRIER, &c, sizeof(c));
		q_ring(q);
		put_fence(copies, i ? OGPU_PKT_CARD : 0);
		wait_for(out(100), fences);
		assert_int_equal(*out(2), 3 + i);
		go_on(1);
		put_fence(q, i ? OGPU_PKT_CARD : 0);
		wait_for(out(100), fences);
		assert_int_equal(load(data), 5 + i);
	}
}

/* Bytes that others have written beside those of a work-item stay, whatever the alignment. */
static void test_neighbours(void **state)
{
	static const uint8_t want[24] = {
		0x11, 9, 0x11, 0x11, 0x11, 9, 9, 0,
		0x7f, 0, 0, 0, 0, 0, 0, 0,
		9, 9, 9, 9, 9, 9, 9, 9
	};

	(void)state;
	memset(data, 0, 64);
	begin();
	put_li(Y, 0x11);
	put_sb(Y, CACHED_REG, 0);
	put_sb(Y, CACHED_REG, 2);
	put_sb(Y, CACHED_REG, 3);
	put_sb(Y, CACHED_REG, 4);
	put_li(Y, 0x7f);
	put_s(3, Y, CACHED_REG, 8);
	put_li(Y, -1);
	put_s(2, Y, CACHED_REG, 37);	/* over two words */
	put_s(1, Y, CACHED_REG, 47);
	put_meet(1);
	launch(q, 1);
	arrived(1);
	for (unsigned int i = 0; i < sizeof(want); i++)
		if (want[i] == 9)
			__atomic_store_n(data + i, 9, __ATOMIC_SEQ_CST);
	__atomic_store_n(data + 36, 9, __ATOMIC_SEQ_CST);
	__atomic_store_n(data + 41, 9, __ATOMIC_SEQ_CST);
	go_on(1);
	finish();
	assert_memory_equal(data, want, sizeof(want));
	assert_memory_equal(data + 36, ((const uint8_t []){ 9, 255, 255, 255, 255, 9 }), 6);
	assert_memory_equal(data + 46, ((const uint8_t []){ 0, 255, 255, 0 }), 4);
}

/* More pages than there is room for, each written and read again. */
static void test_many(void **state)
{
	unsigned int loop;

	(void)state;
	begin();
	put_lui(X, MANY_VA);
	put_lui(Y, MMU_PAGE);
	put_li(Z, MANY_PAGES);
	loop = words;
	put_sd(Z, X, 0);
	put(Y << 20 | X << 15 | X << 7 | 0x33);		/* add X, X, Y */
	put_i(0x13, Z, Z, -1);
	put_bnez_back(Z, words - loop);
	put_lui(X, MANY_VA);
	put_li(Z, MANY_PAGES);
	put_li(13, 0);
	loop = words;
	put_ld(14, X, 0);
	put(14 << 20 | 13 << 15 | 13 << 7 | 0x33);
	put(Y << 20 | X << 15 | X << 7 | 0x33);
	put_i(0x13, Z, Z, -1);
	put_bnez_back(Z, words - loop);
	put_sd(13, OUT_REG, 0);
	launch(q, 1);
	finish();
	assert_int_equal(*out(0), MANY_PAGES * (MANY_PAGES + 1) / 2);
	for (unsigned int i = 0; i < MANY_PAGES; i++)
		assert_int_equal(*(uint64_t *)(gpu->vram + MANY + i * MMU_PAGE), MANY_PAGES - i);
}

/* Lanes in runs of eight that read pages which have the same place in the cache. */
static void test_runs(void **state)
{
	const uint32_t stride = 65 * MMU_PAGE;

	(void)state;
	for (unsigned int i = 0; i < 32; i++)
		store(gpu->vram + MANY + i / 8 * stride + i % 8 * 8, i + 1);
	begin();
	put((uint32_t)OGPU_CSR_LANE << 20 | 2 << 12 | X << 7 | 0x73);
	put_i(0x5013, Y, X, 3);				/* srli Y, X, 3 */
	put_lui(Z, stride);
	put(1 << 25 | Z << 20 | Y << 15 | Y << 7 | 0x33);	/* mul Y, Y, Z */
	put_i(0x7013, Z, X, 7);				/* andi Z, X, 7 */
	put_i(0x1013, Z, Z, 3);
	put(Z << 20 | Y << 15 | Y << 7 | 0x33);
	put_lui(Z, MANY_VA);
	put(Z << 20 | Y << 15 | Y << 7 | 0x33);
	put_ld(Z, Y, 0);
	put_i(0x1013, X, X, 3);
	put(OUT_REG << 20 | X << 15 | X << 7 | 0x33);
	put_sd(Z, X, 0);
	launch(q, 32);
	finish();
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(*out(i), i + 1);
}

/* --- memory that is taken away ---------------------------------------------------------------- */

/*
 * Before an invalidation ends what was stored is in memory, and nothing is kept that comes later.
 * This is vgpu_mem_invalidate(), with a look at memory before anybody can go on.
 */
static void test_invalidation(void **state)
{
	static const struct tlbi what = { ASID, CACHED_VA, CACHED_VA + MMU_PAGE };
	uint64_t seen;

	(void)state;
	store(data, 0);
	begin();
	put_li(Y, 4);
	put_sd(Y, CACHED_REG, 0);
	put_meet(1);
	put_ld(X, CACHED_REG, 0);
	put_sd(X, OUT_REG, 16);
	launch(q, 1);
	arrived(1);
	pthread_rwlock_wrlock(&gpu->bracket);
	engines_clean(gpu->engines);
	seen = load(data);
	store(data, 6);			/* somebody else's now */
	tlbi_log_add(&gpu->tlbi, &what, 1);
	pthread_rwlock_unlock(&gpu->bracket);
	assert_int_equal(seen, 4);
	go_on(1);
	finish();
	assert_int_equal(*out(2), 6);
	assert_int_equal(load(data), 6);
}

/* The same page with other memory behind it, and a card that looks for its pointers anew. */
static void test_remapped(void **state)
{
	static const struct tlbi what = { ASID, CACHED_VA, CACHED_VA + MMU_PAGE };

	(void)state;
	store(data, 5);
	store(gpu->vram + OTHER, 6);
	begin();
	put_ld(X, CACHED_REG, 0);
	put_meet(1);
	put_ld(X, CACHED_REG, 0);
	put_sd(X, OUT_REG, 16);
	put_li(Y, 9);
	put_sd(Y, CACHED_REG, 0);
	launch(q, 1);
	arrived(1);
	fake_lose_pointers(gpu);
	fake_map(gpu, ASID, CACHED_VA, VRAM(OTHER), MMU_PAGE, PTE_RW);
	engines_tlb_invalidate(gpu->engines, &what);
	go_on(1);
	finish();
	assert_int_equal(*out(2), 6);
	assert_int_equal(load(data), 5);
	assert_int_equal(load(gpu->vram + OTHER), 9);
}

/* A queue that leaves its slot, for good or not, has its stores in memory, and finds them there. */
static void test_leave(void **state)
{
	static const uint32_t order[] = { OGPU_SLOT_CMD_PREEMPT, OGPU_SLOT_CMD_KILL };
	static const enum ogpu_slot_state end[] = { OGPU_SLOT_SAVED, OGPU_SLOT_FAILED };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		store(data, 0);
		begin();
		put_li(Y, 4);
		put_sd(Y, CACHED_REG, 0);
		put_meet(1);
		put_ld(X, CACHED_REG, 0);
		put_sd(X, OUT_REG, 16);
		launch(q, 1);
		arrived(1);
		q_write(q, OGPU_SLOT_CTRL, order[i]);
		assert_true(q_wait(q, end[i]));
		assert_int_equal(load(data), 4);
		store(data, 6);
		if (i)
			break;
		q_clear(q);
		q_start(q);
		go_on(1);
		finish();
		assert_int_equal(*out(2), 6);
	}
	assert_int_equal(load(data), 6);
}

/* What was done before a fault stays done. */
static void test_fault(void **state)
{
	(void)state;
	store(data, 0);
	begin();
	put_li(Y, 4);
	put_sd(Y, CACHED_REG, 0);
	put_ld(X, 0, 0);
	launch(q, 1);
	q_ring(q);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_MEMORY);
	assert_int_equal(load(data), 4);
}

#define WITH(test, setup, state) \
	cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, &(state))

int main(void)
{
	static bool yes = true, no;
	const struct CMUnitTest tests[] = {
		WITH(test_acquire, setup, yes), WITH(test_acquire, setup, no),
		WITH(test_acquire, setup_system, yes),
		WITH(test_release, setup, yes), WITH(test_release, setup, no),
		WITH(test_release, setup_system, yes),
		WITH(test_types, setup, yes), WITH(test_types, setup_system, yes),
		WITH(test_atomics, setup, yes), WITH(test_atomics, setup_system, yes),
		WITH(test_others_write, setup, yes), WITH(test_others_write, setup, no),
		WITH(test_others_write, setup_system, yes),
		WITH(test_others_read, setup, yes), WITH(test_others_read, setup_system, yes),
		WITH(test_neighbours, setup, yes), WITH(test_neighbours, setup, no),
		WITH(test_many, setup, yes), WITH(test_many, setup, no),
		WITH(test_runs, setup, yes), WITH(test_runs, setup, no),
		WITH(test_invalidation, setup, yes), WITH(test_invalidation, setup_system, yes),
		WITH(test_remapped, setup, yes), WITH(test_remapped, setup_system, yes),
		WITH(test_leave, setup, yes), WITH(test_leave, setup_system, yes),
		WITH(test_fault, setup, yes), WITH(test_fault, setup_system, yes),
	};

	return cmocka_run_group_tests_name("vgpu data caches", tests, NULL, NULL);
}
