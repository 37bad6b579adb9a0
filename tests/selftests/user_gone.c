// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * User queues whose card is reset or unbound while their pages are mapped: access raises SIGBUS,
 * who waits is told, and the next program has a card that works.
 */
#include <pthread.h>
#include <sys/types.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "user.h"

#define SLOW_MS	30000

struct setup {
	struct admin admin;
	struct card card;
	struct user u;
};

static void set_up(struct setup *t)
{
	if (!admin_init(&t->admin, 0))
		SKIP("no card");
	card_open(&t->card);
	user_vm(&t->card);
	user_open(&t->card, &t->u, 4096);
	user_fence(&t->u);
	user_wait_packet(&t->u, USER_WORD(&t->u), 12345);
	user_fence(&t->u);
	user_ring(&t->u);
	ASSERT_EQ(user_wait_for(&t->card, t->u.args.queue_id, t->u.word, 1, SLOW_MS), 0);
	ASSERT_EQ(user_touch(t->u.doorbell, true), 0);
	ASSERT_EQ(user_touch(t->u.control, false), 0);
}

static void *wait_in_thread(void *arg)
{
	struct setup *t = arg;

	return (void *)(intptr_t)user_wait_for(&t->card, t->u.args.queue_id, t->u.word, 1000,
					       60000);
}

static void check_next(void)
{
	struct card card;
	struct user u;

	card_open(&card);
	user_vm(&card);
	user_open(&card, &u, 4096);
	user_fence(&u);
	user_ring(&u);
	EXPECT_EQ(user_wait(&u, SLOW_MS), 0);
}

static void check_unmapped(struct setup *t)
{
	EXPECT_EQ(user_touch(t->u.doorbell, true), SIGBUS);
	EXPECT_EQ(user_touch(t->u.control, false), SIGBUS);
}

static void check_waiter(pthread_t waiter)
{
	void *ret;

	pthread_join(waiter, &ret);
	EXPECT_EQ((intptr_t)ret, -ENODEV);
}

static void check_lost(struct setup *t, pthread_t waiter)
{
	check_waiter(waiter);
	check_unmapped(t);
}

TEST_TIMEOUT(reset, 120)
{
	pthread_t waiter;
	struct setup t;

	set_up(&t);
	ASSERT_EQ(pthread_create(&waiter, NULL, wait_in_thread, &t), 0);
	ASSERT(admin_write(&t.admin, "reset", "1"));
	ASSERT(admin_wait(&t.admin, "state", "running"));
	check_lost(&t, waiter);
	check_next();
	/* Also when somebody else has the number. */
	check_unmapped(&t);
}

TEST_TIMEOUT(unbind, 120)
{
	pthread_t waiter;
	struct setup t;

	set_up(&t);
	ASSERT_EQ(pthread_create(&waiter, NULL, wait_in_thread, &t), 0);
	ASSERT(admin_unbind(&t.admin));
	check_lost(&t, waiter);
	ASSERT(admin_bind(&t.admin));
	ASSERT_EQ(admin_load_firmware(&t.admin), 0);
	ASSERT(admin_wait(&t.admin, "state", "running"));
	check_next();
	EXPECT_EQ(user_touch(t.u.doorbell, true), SIGBUS);
}

/* Firmware dies while memory is taken from a queue: the fence signals in the reset. */
TEST_TIMEOUT(firmware_dies, 120)
{
	struct drm_ogpu_query_memory mem;
	struct buffer buf;
	pthread_t waiter;
	struct setup t;
	struct card hog;

	set_up(&t);
	if (!admin_has_control(&t.admin))
		SKIP("no virtual GPU with a control socket");
	card_buffer(&t.card, &buf, 4 << 20, DRM_OGPU_BO_VRAM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	ASSERT_EQ(pthread_create(&waiter, NULL, wait_in_thread, &t), 0);
	card_open(&hog);
	mem = card_memory(&hog);
	ASSERT(admin_control(&t.admin, "{\"cmd\":\"inject\",\"fault\":\"mc-hang\"}"));
	/* Moves the buffer, so that the queue has to be suspended first. */
	card_buffer_create(&hog, &buf, mem.vram_size - (2 << 20), DRM_OGPU_BO_VRAM);
	check_waiter(waiter);
	ASSERT(admin_wait(&t.admin, "state", "running"));
	check_unmapped(&t);
	check_next();
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
