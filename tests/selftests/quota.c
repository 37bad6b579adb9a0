// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues that a user leaves to others: half of what there is for each who comes, a fixed number if
 * the administrator says so, and all for who has CAP_SYS_RESOURCE. And what of a user's jobs may
 * wait outside of rings.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "card.h"
#include "harness.h"

#define LIMIT	"/sys/module/ogpu/parameters/max_queues_per_user"

/* Opened by this user; the caller is root again afterwards. */
static void open_as(struct card *card, uid_t uid)
{
	ASSERT_EQ(seteuid(uid), 0);
	card_open(card);
	ASSERT_EQ(seteuid(0), 0);
}

static int create_as(struct card *card, uid_t uid, uint32_t *id)
{
	struct drm_ogpu_queue_create args = {
		.vm_id = card->vm,
		.engine = DRM_OGPU_ENGINE_COPY,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
	};
	int ret;

	ASSERT_EQ(seteuid(uid), 0);
	ret = card_ioctl(card, DRM_IOCTL_OGPU_QUEUE_CREATE, &args);
	ASSERT_EQ(seteuid(0), 0);
	if (id)
		*id = args.queue_id;

	return ret;
}

/* Until it is refused with this error; returns how many there were. */
static uint32_t create_all(struct card *card, uid_t uid, int error)
{
	uint32_t count = 0;
	int ret;

	while (!(ret = create_as(card, uid, NULL)))
		count++;
	EXPECT_EQ(ret, error);

	return count;
}

static void set_limit(unsigned int limit)
{
	FILE *f = fopen(LIMIT, "w");

	ASSERT(f);
	fprintf(f, "%u\n", limit);
	ASSERT_EQ(fclose(f), 0);
}

TEST(shares)
{
	struct card first, again, second, root;
	uint32_t max, half, quarter, id;

	/* Queues of programs before count until they have been destroyed. */
	card_open_unused(&root);
	card_close(&root);
	card_let_all();
	open_as(&first, 65534);
	open_as(&second, 65533);
	card_open(&root);
	max = first.info.max_queues;
	ASSERT_GE(max, 8);

	/* One who has as many as are left for others gets no more, with another file neither. */
	half = create_all(&first, 65534, -EDQUOT);
	EXPECT_EQ(half, (max + 1) / 2);
	open_as(&again, 65534);
	EXPECT_EQ(create_as(&again, 65534, NULL), -EDQUOT);

	quarter = create_all(&second, 65533, -EDQUOT);
	EXPECT_EQ(quarter, (max - half + 1) / 2);

	/* What was destroyed can be had again at once. */
	card_close(&second);
	open_as(&second, 65533);
	EXPECT_EQ(create_as(&second, 65533, &id), 0);
	EXPECT_EQ(card_queue_destroy(&second, id), 0);
	EXPECT_EQ(create_all(&second, 65533, -EDQUOT), quarter);

	EXPECT_EQ(create_all(&root, 0, -ENOSPC), max - half - quarter);
}

TEST(limit)
{
	struct card first, second;

	card_let_all();
	open_as(&first, 65534);
	open_as(&second, 65533);
	set_limit(3);
	EXPECT_EQ(create_all(&first, 65534, -EDQUOT), 3);
	EXPECT_EQ(create_all(&second, 65533, -EDQUOT), 3);
	set_limit(4);
	EXPECT_EQ(create_all(&first, 65534, -EDQUOT), 1);
	set_limit(0);
	EXPECT_EQ(create_as(&first, 65534, NULL), 0);
}

/* What holds up others does so for longer than any test takes. */
#define EVER_MS		3600000

/* A user's file, with a job in the way of all others of its queues. */
struct closed {
	struct card card;
	struct buffer gate;
	struct stream s;
};

static void open_closed(struct closed *c, uid_t uid)
{
	open_as(&c->card, uid);
	card_buffer(&c->card, &c->gate, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&c->card, &c->s, 4096);
	stream_wait(&c->s, c->gate.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
}

static void close_closed(struct closed *c)
{
	/* A mapping would keep the file. */
	munmap(c->gate.map, c->gate.size);
	munmap(c->s.buf.map, c->s.buf.size);
	card_close(&c->card);
}

/* As many jobs as a queue may have: those for which the ring has no room wait outside. */
static int fill_queue(struct closed *c)
{
	static struct drm_ogpu_job jobs[DRM_OGPU_MAX_JOBS];
	uint32_t queue = card_queue(&c->card, DRM_OGPU_ENGINE_COPY, EVER_MS);
	uint32_t left = DRM_OGPU_MAX_QUEUED_JOBS - 1, count;
	int ret;

	ret = card_submit(&c->card, queue, &c->s, NULL, 0);
	for (; !ret && left; left -= count) {
		count = left < DRM_OGPU_MAX_JOBS ? left : DRM_OGPU_MAX_JOBS;
		ret = card_submit_jobs(&c->card, queue, jobs, count);
	}

	return ret;
}

/* What waits outside of rings counts for the user, whichever file it is of. */
TEST_TIMEOUT(waiting_jobs, 60)
{
	struct closed first, again, second;
	unsigned int queues = 0;
	uint64_t end;
	int ret;

	card_let_all();
	open_closed(&first, 65534);
	open_closed(&again, 65534);
	open_closed(&second, 65533);
	do {
		ret = fill_queue(&first);
	} while (!ret && ++queues < 16);
	EXPECT_EQ(ret, -EBUSY);
	EXPECT_GE(queues, 4);

	EXPECT_EQ(fill_queue(&again), -EBUSY);
	EXPECT_EQ(fill_queue(&second), 0);

	/* They are over when their file is closed. */
	close_closed(&first);
	end = time_limit(30000);
	do {
		/* What it has had, too. */
		close_closed(&again);
		sleep_ms(100);
		open_closed(&again, 65534);
		ret = fill_queue(&again);
	} while (ret == -EBUSY && time_ms() < end);
	EXPECT_EQ(ret, 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
