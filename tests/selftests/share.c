// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A card that strangers share: whatever one of them runs, others make progress, are not the ones
 * who are killed, and get right results. Times are only limits for a test that hangs.
 *
 * On hosts with one thread and with two:
 *
 * VM: --vgpu-args '--threads 1'
 * VM: --vgpu-args '--threads 2'
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define EVER		3600000u
#define WAIT_MS		60000

/* Kernels, one after the other. */
static const uint32_t code[] = {
	/* store: word 0 becomes its own address, by way of the stack */
	0xfea13c23,	/*	sd	a0, -8(sp)	*/
	0xff813583,	/*	ld	a1, -8(sp)	*/
	0x00b53023,	/*	sd	a1, 0(a0)	*/
	0x00008067,	/*	ret			*/
	/* loop: for ever */
	0x0000006f,	/*	j	.		*/
	/* spin: for as many ns as word 0 says, then word 1 is the time */
	0x00053583,	/*	ld	a1, 0(a0)	*/
	0xc0102673,	/*	rdtime	a2		*/
	0x00c585b3,	/*	add	a1, a1, a2	*/
	0xc0102673,	/* 1:	rdtime	a2		*/
	0xfeb66ee3,	/*	bltu	a2, a1, 1b	*/
	0x00c53423,	/*	sd	a2, 8(a0)	*/
	0x00008067,	/*	ret			*/
	/* meet: count up word 0, wait until it is word 1 */
	0x00100593,	/*	li	a1, 1		*/
	0x00b5302f,	/*	amoadd.d zero, a1, (a0)	*/
	0x00853683,	/*	ld	a3, 8(a0)	*/
	0x00053603,	/* 1:	ld	a2, 0(a0)	*/
	0x0220000f,	/*	fence	r, r		*/
	0xfed66ce3,	/*	bltu	a2, a3, 1b	*/
	0x00008067,	/*	ret			*/
};

enum { STORE = 4 * 0, LOOP = 4 * 4, SPIN = 4 * 5, MEET = 4 * 12 };

/* A program of its own: its own file, address space and memory. */
struct client {
	struct card card;
	struct buffer code, page;
	volatile uint64_t *words;
	struct stream s;
};

static void open_client(struct client *c)
{
	card_open(&c->card);
	card_buffer(&c->card, &c->code, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
	memcpy(c->code.map, code, sizeof(code));
	card_buffer(&c->card, &c->page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	c->words = c->page.map;
	card_stream(&c->card, &c->s, 4096);
}

static uint32_t open_queue(struct client *c, uint32_t priority, uint32_t timeout_ms,
			   uint64_t save_va, uint64_t save_bytes)
{
	struct drm_ogpu_queue_create create = {
		.vm_id = c->card.vm,
		.engine = DRM_OGPU_ENGINE_COMPUTE,
		.priority = priority,
		.timeout_ms = timeout_ms,
		.save_va = save_va,
		.save_bytes = save_bytes,
	};

	ASSERT_EQ(card_ioctl(&c->card, DRM_IOCTL_OGPU_QUEUE_CREATE, &create), 0);

	return create.queue_id;
}

/* With a save area for this number of workgroups of one wave, as stream_dispatch() makes them. */
static uint32_t wave_queue(struct client *c, uint32_t priority, uint32_t timeout_ms,
			   uint32_t groups)
{
	const struct drm_ogpu_query_device *info = &c->card.info;
	uint64_t bytes = (256 + info->save_wave_bytes + info->lanes * 4096ull) * groups;

	bytes = (bytes + 4095) & ~4095ull;

	return open_queue(c, priority, timeout_ms, card_save_area(&c->card, bytes), bytes);
}

static uint64_t unit_ns(struct client *c, uint32_t queue)
{
	struct drm_ogpu_queue_get_state state;

	card_queue_state(&c->card, queue, &state);
	ASSERT_EQ(state.error, DRM_OGPU_QUEUE_OK);

	return state.unit_ns;
}

/* Waits for a queue to have had a unit for longer than @ns, and tells how long it had. */
static uint64_t wait_unit_ns(struct client *c, uint32_t queue, uint64_t ns)
{
	uint64_t end = time_limit(WAIT_MS), now;

	while ((now = unit_ns(c, queue)) <= ns) {
		ASSERT_LE(time_ms(), end);
		sleep_ms(1);
	}

	return now;
}

/* Workgroups of one wave that the card holds at a time. */
static uint32_t resident(const struct client *c)
{
	const struct drm_ogpu_query_device *info = &c->card.info;

	return info->cu_count * (info->resident_groups < info->resident_waves ?
				 info->resident_groups : info->resident_waves);
}

/* Takes all units for ever, with twice as many workgroups as they hold. */
static uint32_t open_hog(struct client *c, uint32_t priority)
{
	uint32_t queue;

	open_client(c);
	queue = wave_queue(c, priority, EVER, resident(c));
	stream_dispatch(&c->s, c->code.va + LOOP, 0, 2 * resident(c), c->card.info.lanes);
	ASSERT_EQ(card_submit(&c->card, queue, &c->s, NULL, 0), 0);
	wait_unit_ns(c, queue, 0);

	return queue;
}

/* A small job whose result is known. */
static void work(struct client *c, uint32_t queue)
{
	stream_reset(&c->s);
	stream_dispatch(&c->s, c->code.va + STORE, c->page.va, 1, c->card.info.lanes);
	c->words[0] = 0;
	card_run(&c->card, queue, &c->s);
	ASSERT_EQ(c->words[0], c->page.va);
}

/* Works beside a hog whose priority is such. Neither of them is killed. */
static void victim_and_hog(uint32_t priority, uint32_t hogs_priority)
{
	uint32_t queue, hogs_queue;
	struct client victim, hog;
	uint64_t before;
	int i;

	hogs_queue = open_hog(&hog, hogs_priority);
	open_client(&victim);
	queue = wave_queue(&victim, priority, 2000, 1);
	for (i = 0; i < 30; i++)
		work(&victim, queue);
	before = unit_ns(&hog, hogs_queue);
	wait_unit_ns(&hog, hogs_queue, before);
	work(&victim, queue);
	EXPECT_GE(wait_unit_ns(&victim, queue, 0), 1);
}

TEST_TIMEOUT(normal_beside_low_hog, 100)
{
	victim_and_hog(DRM_OGPU_PRIORITY_NORMAL, DRM_OGPU_PRIORITY_LOW);
}

TEST_TIMEOUT(normal_beside_normal_hog, 100)
{
	victim_and_hog(DRM_OGPU_PRIORITY_NORMAL, DRM_OGPU_PRIORITY_NORMAL);
}

TEST_TIMEOUT(high_beside_low_hog, 100)
{
	victim_and_hog(DRM_OGPU_PRIORITY_HIGH, DRM_OGPU_PRIORITY_LOW);
}

/* Not even priority takes all that there is. */
TEST_TIMEOUT(low_beside_high_hog, 100)
{
	victim_and_hog(DRM_OGPU_PRIORITY_LOW, DRM_OGPU_PRIORITY_HIGH);
}

/* Who only copies needs no unit: it goes on beside who has all of them. */
TEST_TIMEOUT(copies_beside_a_hog, 100)
{
	struct drm_ogpu_queue_create create = {
		.engine = DRM_OGPU_ENGINE_COPY,
		.priority = DRM_OGPU_PRIORITY_LOW,
		.timeout_ms = 2000 * time_scale(),
	};
	struct drm_ogpu_queue_get_state first, last;
	struct client copier, hog;
	struct buffer from, to;
	uint32_t hogs_queue;
	unsigned int i;

	hogs_queue = open_hog(&hog, DRM_OGPU_PRIORITY_HIGH);
	open_client(&copier);
	create.vm_id = copier.card.vm;
	ASSERT_EQ(card_ioctl(&copier.card, DRM_IOCTL_OGPU_QUEUE_CREATE, &create), 0);
	card_buffer(&copier.card, &from, 1 << 16, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_buffer(&copier.card, &to, 1 << 16, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_queue_state(&hog.card, hogs_queue, &first);
	for (i = 1; i <= 30; i++) {
		memset(from.map, i, from.size);
		stream_reset(&copier.s);
		stream_copy(&copier.s, from.va, to.va, from.size);
		card_run(&copier.card, create.queue_id, &copier.s);
		ASSERT_EQ(memcmp(from.map, to.map, from.size), 0);
	}
	/* It went on, and was not off its slot meanwhile. */
	wait_unit_ns(&hog, hogs_queue, first.unit_ns);
	card_queue_state(&hog.card, hogs_queue, &last);
	EXPECT_EQ(first.waited_ns, last.waited_ns);
}

/* Two that never have enough: the one with priority gets more, the other one something. */
TEST_TIMEOUT(priority_gets_more, 150)
{
	const uint64_t ms = 1000000;
	uint64_t low_before, high_before, low_more, high_more;
	uint32_t low_queue, high_queue;
	struct client low, high;

	low_queue = open_hog(&low, DRM_OGPU_PRIORITY_LOW);
	high_queue = open_hog(&high, DRM_OGPU_PRIORITY_HIGH);
	/* What is told may be 100 ms old: not from when one was alone. */
	wait_unit_ns(&high, high_queue, unit_ns(&high, high_queue) + 200 * ms);
	low_before = unit_ns(&low, low_queue);
	high_before = unit_ns(&high, high_queue);
	high_more = wait_unit_ns(&high, high_queue, high_before + 2000 * ms) - high_before;
	low_more = unit_ns(&low, low_queue) - low_before;
	printf("# time with a unit: low %llu ns, high %llu ns\n", (unsigned long long)low_more,
	       (unsigned long long)high_more);
	EXPECT_GE(high_more, 2 * low_more);
	wait_unit_ns(&low, low_queue, low_before);
}

/* A workgroup of three seconds, and seven queues with short ones on six slots. */
TEST_TIMEOUT(long_workgroup_in_a_crowd, 150)
{
	enum { OTHERS = 7, JOBS = 30 };
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_queue_get_state state;
	uint32_t queue, others[OTHERS], done[OTHERS];
	struct client lengthy, crowd;
	int i, k;

	open_client(&lengthy);
	queue = wave_queue(&lengthy, DRM_OGPU_PRIORITY_NORMAL, EVER, 1);
	lengthy.words[0] = 3000000000;
	stream_dispatch(&lengthy.s, lengthy.code.va + SPIN, lengthy.page.va, 1, 1);
	out.handle = card_syncobj(&lengthy.card);
	ASSERT_EQ(card_submit(&lengthy.card, queue, &lengthy.s, &out, 1), 0);
	wait_unit_ns(&lengthy, queue, 0);

	open_client(&crowd);
	/* Of 100 ms. */
	crowd.words[0] = 100000000;
	stream_dispatch(&crowd.s, crowd.code.va + SPIN, crowd.page.va, 1, 1);
	for (i = 0; i < OTHERS; i++)
		others[i] = wave_queue(&crowd, DRM_OGPU_PRIORITY_NORMAL, EVER, 1);
	for (i = 0; i < OTHERS; i++) {
		struct drm_ogpu_sync last = {
			.handle = card_syncobj(&crowd.card),
			.flags = DRM_OGPU_SYNC_SIGNAL,
		};

		done[i] = last.handle;
		for (k = 1; k <= JOBS; k++)
			ASSERT_EQ(card_submit(&crowd.card, others[i], &crowd.s, &last, k == JOBS),
				  0);
	}

	EXPECT_EQ(card_syncobj_wait(&lengthy.card, out.handle, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&lengthy.card, out.handle), 1);
	EXPECT(lengthy.words[1]);
	for (i = 0; i < OTHERS; i++) {
		EXPECT_EQ(card_syncobj_wait(&crowd.card, done[i], WAIT_MS), 0);
		card_queue_state(&crowd.card, others[i], &state);
		EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
		EXPECT_EQ(state.completed, JOBS);
	}
}

/* As many workgroups as the card holds, which all wait for the last one. */
static void meet(struct client *c, uint32_t queue)
{
	struct drm_ogpu_sync out = {
		.handle = card_syncobj(&c->card),
		.flags = DRM_OGPU_SYNC_SIGNAL,
	};
	uint32_t groups = resident(c);

	c->words[0] = 0;
	c->words[1] = groups;
	stream_reset(&c->s);
	stream_dispatch(&c->s, c->code.va + MEET, c->page.va, groups, 1);
	ASSERT_EQ(card_submit(&c->card, queue, &c->s, &out, 1), 0);
	EXPECT_EQ(card_syncobj_wait(&c->card, out.handle, WAIT_MS), 0);
	EXPECT_EQ(card_fence_status(&c->card, out.handle), 1);
	EXPECT_EQ(c->words[0], groups);
}

TEST_TIMEOUT(workgroups_that_wait_for_each_other, 150)
{
	struct client c, hog;
	uint32_t queue;
	int i;

	open_client(&c);
	queue = wave_queue(&c, DRM_OGPU_PRIORITY_NORMAL, EVER, resident(&c));
	for (i = 0; i < 3; i++)
		meet(&c, queue);
	open_hog(&hog, DRM_OGPU_PRIORITY_NORMAL);
	meet(&c, queue);
}

/* Far more queues in a WAIT than the card has slots, and one that works. */
TEST_TIMEOUT(many_wait_and_one_works, 150)
{
	enum { QUEUES = 48 };
	struct drm_ogpu_sync out[QUEUES];
	struct client c, idle;
	uint32_t queue;
	int i;

	open_client(&idle);
	stream_wait(&idle.s, idle.page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	for (i = 0; i < QUEUES; i++) {
		out[i] = (struct drm_ogpu_sync) {
			.handle = card_syncobj(&idle.card),
			.flags = DRM_OGPU_SYNC_SIGNAL,
		};
		queue = card_queue(&idle.card, DRM_OGPU_ENGINE_COMPUTE, EVER);
		ASSERT_EQ(card_submit(&idle.card, queue, &idle.s, &out[i], 1), 0);
	}

	open_client(&c);
	queue = wave_queue(&c, DRM_OGPU_PRIORITY_NORMAL, 2000, 1);
	for (i = 0; i < 100; i++)
		work(&c, queue);
	for (i = 0; i < QUEUES; i++)
		EXPECT_EQ(card_syncobj_wait(&idle.card, out[i].handle, 0), -ETIME);

	idle.words[0] = 1;
	for (i = 0; i < QUEUES; i++) {
		EXPECT_EQ(card_syncobj_wait(&idle.card, out[i].handle, WAIT_MS), 0);
		EXPECT_EQ(card_fence_status(&idle.card, out[i].handle), 1);
	}
}

/* One dispatch in a queue with such a save area, and its end. */
static void run_with_area(struct client *c, uint64_t va, uint64_t bytes,
			  struct drm_ogpu_queue_get_state *state)
{
	uint32_t queue = open_queue(c, DRM_OGPU_PRIORITY_NORMAL, 10000, va, bytes);

	stream_reset(&c->s);
	stream_dispatch(&c->s, c->code.va + STORE, c->page.va, 1, 1);
	ASSERT_EQ(card_submit(&c->card, queue, &c->s, NULL, 0), 0);
	card_queue_wait_error(&c->card, queue, state);
	EXPECT_EQ(card_queue_destroy(&c->card, queue), 0);
}

/* Areas that do not serve: the documented error, and nobody else notices. */
TEST(bad_save_areas)
{
	struct drm_ogpu_queue_get_state state;
	struct client c, stranger;
	struct buffer area;
	uint32_t queue;

	open_client(&stranger);
	queue = wave_queue(&stranger, DRM_OGPU_PRIORITY_NORMAL, 0, 1);
	open_client(&c);

	/* Nothing is mapped there. */
	run_with_area(&c, 0x200000000, 1 << 20, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	EXPECT_EQ(state.reason, DRM_OGPU_FAULT_NOT_MAPPED);
	work(&stranger, queue);

	/* Only for reading. */
	card_buffer(&c.card, &area, 1 << 20, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BIND_READ);
	run_with_area(&c, area.va, area.size, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	EXPECT_EQ(state.reason, DRM_OGPU_FAULT_PERMISSION);
	EXPECT(state.access == DRM_OGPU_ACCESS_WRITE || state.access == DRM_OGPU_ACCESS_ATOMIC);
	work(&stranger, queue);

	/* A page less than the frame of one work-item, and none. */
	card_buffer(&c.card, &area, 1 << 20, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	run_with_area(&c, area.va, (256 + c.card.info.save_wave_bytes +
				    c.card.info.lanes * 4096ull) & ~4095ull, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_DISPATCH);
	run_with_area(&c, 0, 0, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_DISPATCH);
	work(&stranger, queue);
}

/* Writes into save areas as fast as it can. */
struct vandal {
	struct buffer *areas;
	int count;
	atomic_bool stop;
};

static void *scribble(void *arg)
{
	struct vandal *vandal = arg;
	int i;

	while (!vandal->stop) {
		for (i = 0; i < vandal->count; i++)
			memset(vandal->areas[i].map, 0xff, vandal->areas[i].size);
	}

	return NULL;
}

static bool is_own_fault(uint32_t error)
{
	switch (error) {
	case DRM_OGPU_QUEUE_ERR_SAVE:
	case DRM_OGPU_QUEUE_ERR_MEMORY:
	case DRM_OGPU_QUEUE_ERR_INSTRUCTION:
	case DRM_OGPU_QUEUE_ERR_MISALIGNED:
	case DRM_OGPU_QUEUE_ERR_TRAP:
		return true;
	default:
		return false;
	}
}

/*
 * More queues than slots, so that they are taken off and put on all the time, and garbage in what
 * was saved. They fail by their own fault, until so few are left that none has to give way.
 */
TEST_TIMEOUT(save_areas_overwritten, 150)
{
	enum { QUEUES = 9 };
	static struct buffer areas[QUEUES];
	struct vandal vandal = { .areas = areas, .count = QUEUES };
	struct drm_ogpu_queue_get_state state;
	uint64_t end = time_limit(WAIT_MS);
	uint32_t queue, queues[QUEUES];
	struct client c, stranger;
	int i, failed;
	pthread_t thread;

	open_client(&stranger);
	queue = wave_queue(&stranger, DRM_OGPU_PRIORITY_NORMAL, 0, 1);
	open_client(&c);
	stream_dispatch(&c.s, c.code.va + LOOP, 0, 1, 1);
	for (i = 0; i < QUEUES; i++) {
		card_buffer(&c.card, &areas[i], 0x30000, DRM_OGPU_BO_SYSTEM, READ_WRITE);
		queues[i] = open_queue(&c, DRM_OGPU_PRIORITY_NORMAL, EVER, areas[i].va,
				       areas[i].size);
		ASSERT_EQ(card_submit(&c.card, queues[i], &c.s, NULL, 0), 0);
	}
	ASSERT_EQ(pthread_create(&thread, NULL, scribble, &vandal), 0);
	do {
		work(&stranger, queue);
		for (i = failed = 0; i < QUEUES; i++) {
			card_queue_state(&c.card, queues[i], &state);
			if (state.error == DRM_OGPU_QUEUE_OK)
				continue;
			if (!is_own_fault(state.error))
				HARNESS_FAIL("error %u", state.error);
			failed++;
		}
	} while (failed < 3 && time_ms() < end);
	vandal.stop = true;
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	printf("# %d of %d queues failed\n", failed, QUEUES);
	EXPECT_GE(failed, 3);
	work(&stranger, queue);
}

/* Two queues with one area spoil each other's results at most. */
TEST_TIMEOUT(save_area_shared, 150)
{
	enum { QUEUES = 9 };
	struct drm_ogpu_queue_get_state state;
	uint32_t queue, queues[QUEUES];
	struct client c, stranger;
	uint64_t area;
	int i, k;

	open_client(&stranger);
	queue = wave_queue(&stranger, DRM_OGPU_PRIORITY_NORMAL, 0, 1);
	open_client(&c);
	area = card_save_area(&c.card, 0x30000);
	c.words[0] = 20000000;
	stream_dispatch(&c.s, c.code.va + SPIN, c.page.va, 20, 1);
	for (i = 0; i < QUEUES; i++)
		queues[i] = open_queue(&c, DRM_OGPU_PRIORITY_NORMAL, 5000, area, 0x30000);
	for (i = 0; i < QUEUES; i++) {
		ASSERT_EQ(card_submit(&c.card, queues[i], &c.s, NULL, 0), 0);
		work(&stranger, queue);
	}
	for (i = 0; i < QUEUES; i++) {
		for (k = 0; k < WAIT_MS / 10; k++) {
			card_queue_state(&c.card, queues[i], &state);
			if (state.error != DRM_OGPU_QUEUE_OK || state.completed)
				break;
			work(&stranger, queue);
			sleep_ms(10);
		}
		/* It may also have come to run for too long. */
		if (state.error != DRM_OGPU_QUEUE_OK &&
		    state.error != DRM_OGPU_QUEUE_ERR_TIMEOUT && !is_own_fault(state.error))
			HARNESS_FAIL("error %u", state.error);
		EXPECT(state.error != DRM_OGPU_QUEUE_OK || state.completed == 1);
	}
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
