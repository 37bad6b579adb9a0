// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Faults that stall a queue until its memory is there (OGPU_QUEUE_REPLAY). */
#include "abi/save.h"
#include "fake_slots.h"

#define VA_BYTES	0x800000u		/* at VA */
#define ARGS	0x100u			/* offsets from VA */
#define DONE	0x9000u
#define SAVE	0x400000u
#define SAVE_BYTES	0x400000u
#define LATE_VA	0x20000000ull		/* what is mapped page by page */
#define LATE	(FAKE_DATA + VA_BYTES)	/* VRAM offset */
#define LATE_PAGES	32u

static struct fake_queue queue, *const q = &queue;

static uint64_t *late(uint64_t offset)
{
	return (uint64_t *)(gpu->vram + LATE + offset);
}

static void power_up(uint32_t threads)
{
	fake_slots(threads, VA_BYTES);
	/* Tables only. */
	fake_map(gpu, ASID, LATE_VA, VRAM(LATE), MMU_PAGE, PTE_RW);
	*fake_entry(gpu, ASID, LATE_VA, 0) = 0;
	memset(mem(DONE), 0, 64);
	memset(late(0), 0, LATE_PAGES * MMU_PAGE);
	q_init(q, gpu, 0, ASID, OGPU_QUEUE_REPLAY);
	q->save = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, VA + SAVE);
	q->save_size = SAVE_BYTES;
}

static void put_fence(uint64_t value)
{
	struct ogpu_pkt_fence f = { .addr = VA + DONE, .value = value };

	q_put(q, OGPU_OP_FENCE, 0, &f, sizeof(f));
	q_ring(q);
}

static void put_dispatch(const char *kernel, uint32_t groups, uint32_t items, const void *args,
			 size_t size)
{
	struct ogpu_pkt_dispatch d = {
		.entry = kernel_entry(kernel), .args = VA + ARGS, .grid = { groups, 1, 1 },
		.group = { items, 1, 1 }, .local_bytes = 4096, .private_bytes = 256,
	};

	memcpy(mem(ARGS), args, size);
	q_put(q, OGPU_OP_DISPATCH, 0, &d, sizeof(d));
	put_fence(1);
}

/* The fault that the slot tells must be one of the late pages; maps it. */
static void mend(void)
{
	const uint64_t va = q_read64(q, OGPU_SLOT_FAULT_VA_LO);

	assert_in_range(va, LATE_VA, LATE_VA + LATE_PAGES * MMU_PAGE - 1);
	assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_REASON, q_read(q, OGPU_SLOT_STATUS)),
			 OGPU_FAULT_NOT_MAPPED);
	assert_int_equal(q_error(q), OGPU_QERR_MEMORY);
	fake_map(gpu, ASID, va & ~(uint64_t)(MMU_PAGE - 1),
		 VRAM(LATE + ((va - LATE_VA) & ~(uint64_t)(MMU_PAGE - 1))), MMU_PAGE, PTE_RW);
}

/* Mends all faults until the fence; how many there were. */
static unsigned int until_done(bool off_the_slot)
{
	unsigned int faults = 0;

	while (cell(DONE) != 1) {
		if (q_state(q) == OGPU_SLOT_FAILED)
			fail_msg("error %u va 0x%lx", q_error(q),
				 (long)q_read64(q, OGPU_SLOT_FAULT_VA_LO));
		if (q_state(q) != OGPU_SLOT_FAULTED) {
			sched_yield();
			continue;
		}
		faults++;
		if (!off_the_slot) {
			mend();
			q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_RESUME);
			continue;
		}
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
		assert_true(q_wait(q, OGPU_SLOT_SAVED));
		q_clear(q);
		assert_true(q->held > 0);
		q_start(q);
		/* The access is tried again, and refused again, before anything else. */
		assert_true(q_wait(q, OGPU_SLOT_FAULTED));
		mend();
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_RESUME);
	}
	return faults;
}

static void sort(bool off_the_slot)
{
	const uint32_t items = 200, groups = 6;
	const struct sort_args args = { VA + 0x20000, LATE_VA + 4 };
	uint32_t *in = (uint32_t *)mem(0x20000), *out = (uint32_t *)late(4);

	for (unsigned int i = 0; i < groups * items * SORT_ITEMS; i++)
		in[i] = i * 2654435761u;
	q_start(q);
	put_dispatch("insertion_sort", groups, items, &args, sizeof(args));
	/* One fault for each page of the results at least. */
	assert_true(until_done(off_the_slot) >= groups * items * SORT_ITEMS * 4 / MMU_PAGE);
	for (unsigned int i = 0; i < groups * items; i++) {
		uint64_t left = 0, right = 0;

		for (unsigned int n = 0; n < SORT_ITEMS; n++) {
			left += in[i * SORT_ITEMS + n];
			right += out[i * SORT_ITEMS + n];
			assert_true(!n || out[i * SORT_ITEMS + n] >= out[i * SORT_ITEMS + n - 1]);
		}
		assert_int_equal(left, right);
	}
}

static void test_stores(void **state)
{
	(void)state;
	sort(false);
}

/* The stalled context leaves the slot and comes back. */
static void test_preempt(void **state)
{
	(void)state;
	sort(true);
}

/* Each lane's atomic is done once, though half of the lanes fault at first. */
static void test_atomics(void **state)
{
	const struct spread_args args = { LATE_VA, MMU_PAGE };

	(void)state;
	q_start(q);
	put_dispatch("spread_atomics", 4, 32, &args, sizeof(args));
	assert_true(until_done(false) > 0);
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(*late(i * MMU_PAGE), 4);
}

/* A packet that faults goes on where it was. */
static void test_packets(void **state)
{
	struct ogpu_pkt_copy c = {
		.src = VA + 0x20000, .dst = LATE_VA + 8, .bytes = 5 * MMU_PAGE,
	};
	struct ogpu_pkt_wait w = {
		.addr = LATE_VA + 16 * MMU_PAGE, .mask = ~0ull, .value = 0,
	};

	(void)state;
	for (unsigned int i = 0; i < c.bytes; i++)
		mem(0x20000)[i] = i * 7 + i / 256;
	q_start(q);
	q_put(q, OGPU_OP_COPY, 0, &c, sizeof(c));
	q_put(q, OGPU_OP_WAIT, 0, &w, sizeof(w));
	put_fence(1);
	assert_int_equal(until_done(false), 7);
	assert_memory_equal(late(8), mem(0x20000), c.bytes);
}

static void test_kill(void **state)
{
	const struct spread_args args = { LATE_VA, MMU_PAGE };

	(void)state;
	q_start(q);
	put_dispatch("spread_atomics", 4, 32, &args, sizeof(args));
	assert_true(q_wait(q, OGPU_SLOT_FAULTED));
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_KILLED);
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(*late(i * MMU_PAGE), 0);
	/* RESUME is for FAULTED only; and without the flag a fault is the end. */
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_RESUME);
	assert_int_equal(q_state(q), OGPU_SLOT_FAILED);
	q->flags = 0;
	q_restart(q);
	put_dispatch("spread_atomics", 4, 32, &args, sizeof(args));
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_MEMORY);
}

/* Where nothing could be kept there is nothing to go on with. */
static void test_no_area(void **state)
{
	const struct spread_args args = { LATE_VA, MMU_PAGE };

	(void)state;
	q->save = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, LATE_VA + 0x10000000);
	q_start(q);
	put_dispatch("spread_atomics", 4, 32, &args, sizeof(args));
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_MEMORY);
}

/* Nor where only private memory, which is a part of it, is not there. */
static void test_no_private(void **state)
{
	const uint64_t private = OGPU_SAVE_PRIVATE(VGPU_LANES, 1, 4096) & ~(uint64_t)(MMU_PAGE - 1);
	const struct mixed_args args = { VA + 0x10000, VA + 0x8000, 1, 1 };

	(void)state;
	fake_map(gpu, ASID, LATE_VA, VRAM(LATE), private + MMU_PAGE, PTE_RW);
	q->save = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, LATE_VA);
	q->save_size = 8 * MMU_PAGE;
	q_start(q);
	put_dispatch("mixed", 1, 32, &args, sizeof(args));
	assert_true(q_wait(q, OGPU_SLOT_FAILED));
	assert_int_equal(q_error(q), OGPU_QERR_MEMORY);
	assert_in_range(q_read64(q, OGPU_SLOT_FAULT_VA_LO), LATE_VA + private + MMU_PAGE,
			LATE_VA + q->save_size - 1);
	assert_int_not_equal(q_read64(q, OGPU_SLOT_FAULT_PC_LO), 0);
}

/* A ring and pointers at LATE_VA, a page each; both pointers are in the same memory. */
static void start_virtual(void)
{
	static const uint32_t reg[] = { OGPU_SLOT_RING_LO, OGPU_SLOT_RPTR_LO, OGPU_SLOT_WPTR_LO };

	q_start(q);
	assert_true(q_wait(q, OGPU_SLOT_IDLE));
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
	assert_true(q_wait(q, OGPU_SLOT_SAVED));
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
	for (unsigned int i = 0; i < ARRAY_SIZE(reg); i++) {
		uint64_t va = LATE_VA + i * MMU_PAGE;

		fake_map(gpu, ASID, va, i ? SYSTEM(Q_POINTERS) : VRAM(Q_RING), MMU_PAGE, PTE_RW);
		if (reg[i] == OGPU_SLOT_WPTR_LO)
			va += 8;
		q_write64(q, reg[i], OGPU_OPERAND(OGPU_TARGET_VIRTUAL, va));
	}
}

/* A ring or pointer that is not there, or not any more, is the end, with the error of rings. */
static void test_ring(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		const bool later = i >= 3;
		const uint64_t va = LATE_VA + i % 3 * MMU_PAGE;

		q_init(q, gpu, 0, ASID, OGPU_QUEUE_REPLAY);
		start_virtual();
		if (later) {
			q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_START);
			put_fence(i);
			assert_true(q_wait(q, OGPU_SLOT_IDLE));
			while (cell(DONE) != i)
				sched_yield();
		}
		*fake_entry(gpu, ASID, va, 0) = 0;
		engines_tlb_invalidate(gpu->engines, &(struct tlbi){ ASID, va, va + MMU_PAGE });
		put_fence(100);
		if (!later)
			q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_START);
		/* Who is FAULTED would wait for RESUME. */
		assert_true(q_wait(q, OGPU_SLOT_FAILED));
		assert_int_equal(q_error(q), OGPU_QERR_RING);
		assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_ACCESS, q_read(q, OGPU_SLOT_STATUS)),
				 i % 3 == 1 ? OGPU_ACCESS_WRITE : OGPU_ACCESS_READ);
		assert_int_equal(FIELD_GET(OGPU_SLOT_STATUS_REASON, q_read(q, OGPU_SLOT_STATUS)),
				 OGPU_FAULT_NOT_MAPPED);
		assert_int_equal(q_read64(q, OGPU_SLOT_FAULT_VA_LO) & ~(uint64_t)(MMU_PAGE - 1),
				 va);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_RESUME);
		assert_int_equal(q_state(q), OGPU_SLOT_FAILED);
		q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_CLEAR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_stores),
		T(test_preempt),
		T(test_atomics),
		T(test_packets),
		T(test_kill),
		T(test_no_area),
		T(test_no_private),
		T(test_ring),
	};

	return cmocka_run_group_tests_name("vgpu replay", tests, NULL, NULL);
}
