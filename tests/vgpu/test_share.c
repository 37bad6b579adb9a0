// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Who gets a unit next: the policy alone, with made-up time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "share.h"

#define SLOTS	OGPU_MC_SLOT_MAX
#define THREADS	4
#define MS	1000000ull
#define FOR_NS	(2000 * MS)

/* A card whose threads serve slots, turn by turn. */
struct sim {
	struct share share[SLOTS];
	unsigned int slots, threads;
	unsigned int groups[SLOTS];	/* workgroups that the slot has */
	uint64_t unit_ns[SLOTS];	/* of all units */
	uint64_t longest_ns[SLOTS];	/* without a unit */
	uint64_t now;
	uint64_t late_ns;		/* for that a turn now and then takes longer */
	unsigned int turns;
	struct {
		int slot;
		uint64_t start, end, unit;
	} thread[THREADS];
};

static void begin(struct sim *s, unsigned int n, uint64_t busy)
{
	struct share *share[SLOTS];
	int last = s->thread[n].slot, slot;

	for (unsigned int i = 0; i < s->slots; i++) {
		s->share[i].ready = s->share[i].running < s->groups[i];
		share[i] = &s->share[i];
	}
	slot = share_pick(share, s->slots, busy, s->now, last);
	if (slot == SHARE_NONE) {
		s->thread[n].slot = SHARE_NONE;
		s->thread[n].end = s->now + SHARE_TURN_NS;
		s->thread[n].unit = 0;
		return;
	}
	assert_in_range(slot, 0, s->slots - 1);
	assert_true(s->share[slot].ready);
	s->thread[n].slot = slot;
	s->thread[n].start = s->now;
	s->thread[n].end = s->now + SHARE_TURN_NS;
	if (s->late_ns && !(++s->turns % 17))
		s->thread[n].end += s->late_ns;
	s->thread[n].unit = s->share[slot].mask & ~busy;
	assert_true(s->thread[n].unit);
	s->thread[n].unit &= -s->thread[n].unit;
	if (!s->share[slot].running && s->now - s->share[slot].left_ns > s->longest_ns[slot])
		s->longest_ns[slot] = s->now - s->share[slot].left_ns;
	s->share[slot].running++;
}

static void run(struct sim *s)
{
	for (unsigned int n = 0; n < s->threads; n++) {
		s->thread[n].slot = SHARE_NONE;
		s->thread[n].end = n * SHARE_TURN_NS / 3;
	}
	while (s->now < FOR_NS) {
		unsigned int n = 0;
		uint64_t busy = ~255ull;
		int slot;

		for (unsigned int i = 1; i < s->threads; i++)
			if (s->thread[i].end < s->thread[n].end)
				n = i;
		s->now = s->thread[n].end;
		slot = s->thread[n].slot;
		if (slot != SHARE_NONE) {
			s->share[slot].running--;
			s->share[slot].left_ns = s->now;
			s->unit_ns[slot] += s->now - s->thread[n].start;
			share_charge(&s->share[slot], s->now - s->thread[n].start);
		}
		s->thread[n].unit = 0;
		for (unsigned int i = 0; i < s->threads; i++)
			busy |= s->thread[i].unit;
		begin(s, n, busy);
	}
}

static struct sim *sim(unsigned int slots, unsigned int threads)
{
	static struct sim s;

	memset(&s, 0, sizeof(s));
	s.slots = slots;
	s.threads = threads;
	for (unsigned int i = 0; i < slots; i++) {
		s.share[i].mask = 255;
		s.groups[i] = 100;
	}
	return &s;
}

static void assert_share(const struct sim *s, unsigned int slot, double share)
{
	const double got = (double)s->unit_ns[slot] / (double)(FOR_NS * s->threads);

	if (got < share - 0.02 || got > share + 0.02)
		fail_msg("slot %u has %.3f of the units, not %.3f", slot, got, share);
}

static void test_equal(void **state)
{
	(void)state;
	for (unsigned int threads = 1; threads <= THREADS; threads++) {
		for (unsigned int slots = 1; slots <= 7; slots++) {
			struct sim *s = sim(slots, threads);

			run(s);
			for (unsigned int i = 0; i < slots; i++)
				assert_share(s, i, 1.0 / slots);
		}
	}
}

/* Whoever has a turn that the host drags out has less for it later. */
static void test_late_host(void **state)
{
	(void)state;
	for (unsigned int threads = 1; threads <= 2; threads++) {
		struct sim *s = sim(4, threads);

		s->late_ns = 8 * MS;
		run(s);
		for (unsigned int i = 0; i < 4; i++)
			assert_share(s, i, 0.25);
	}
}

static void test_priority(void **state)
{
	(void)state;
	for (unsigned int threads = 1; threads <= THREADS; threads++) {
		struct sim *s = sim(3, threads);

		s->share[1].priority = 2;
		s->groups[1] = 1;
		run(s);
		/* It needs one unit and has it but for turns of the others, lest they starve. */
		assert_true(s->unit_ns[1] > FOR_NS * 9 / 10);
		assert_true(s->longest_ns[1] <= 2 * SHARE_TURN_NS);
		assert_true(s->unit_ns[0] > 0 && s->unit_ns[2] > 0);
	}
}

static void test_nobody_starves(void **state)
{
	(void)state;
	for (unsigned int threads = 1; threads <= THREADS; threads++) {
		struct sim *s = sim(SLOTS, threads);

		for (unsigned int i = 0; i < SLOTS; i++)
			s->share[i].priority = i == 0 ? 3 : i % 3;
		run(s);
		for (unsigned int i = 0; i < SLOTS; i++) {
			assert_true(s->unit_ns[i] > 0);
			if (s->longest_ns[i] > VGPU_STARVE_MS * MS)
				fail_msg("slot %u was %lu us without a unit", i,
					 (long)s->longest_ns[i] / 1000);
		}
		assert_true(s->unit_ns[0] > s->unit_ns[1] * 10);
	}
}

/* Slots with units of their own do not compete. */
static void test_masks(void **state)
{
	struct sim *s = sim(2, 2);

	(void)state;
	s->share[0].mask = 0x0f;
	s->share[1].mask = 0xf0;
	s->share[0].priority = 3;
	run(s);
	assert_share(s, 0, 0.5);
	assert_share(s, 1, 0.5);
	/* One unit for one, and nothing for who may use none that is free. */
	s = sim(2, 3);
	s->share[0].mask = 0x01;
	s->share[1].mask = 0x80;
	run(s);
	assert_true(s->unit_ns[0] > FOR_NS * 9 / 10 && s->unit_ns[0] <= FOR_NS);
	assert_true(s->unit_ns[1] > FOR_NS * 9 / 10 && s->unit_ns[1] <= FOR_NS);
}

static void test_nothing(void **state)
{
	struct share idle = { .mask = 1 }, no_units = { .ready = true };
	struct share *const share[] = { NULL, &idle, &no_units };

	(void)state;
	assert_int_equal(share_pick(share, 3, 0, 5, SHARE_NONE), SHARE_NONE);
	assert_int_equal(share_pick(share, 3, 0, 5, 1), SHARE_NONE);
	assert_int_equal(share_pick(share, 0, 0, 5, SHARE_NONE), SHARE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_late_host),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_nobody_starves),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests_name("vgpu share", tests, NULL, NULL);
}
