// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What becomes of jobs when the card fails: their fences signal, old files say that they are stale,
 * and the next one finds a card that works.
 *
 * Needs a virtual GPU whose control socket can be reached from the test machine.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "admin.h"
#include "card.h"
#include "clients.h"
#include "harness.h"

#define RECOVERY_MS	30000
/* Longer than any test takes. */
#define NO_TIMEOUT_MS	600000
/* Of the virtual GPU unless told otherwise; copy slots follow. */
#define COMPUTE_SLOTS	6
#define SLOTS		8

struct setup {
	struct admin admin;
	struct card card;
	struct buffer page;
	volatile uint64_t *words;
	struct stream endless;
	uint32_t queue;
	uint32_t done;
	/** @killer: the thread that kills the queue */
	pid_t killer;
};

static void inject_fault(struct setup *t, const char *what)
{
	char json[128];

	snprintf(json, sizeof(json), "{\"cmd\":\"inject\",%s}", what);
	ASSERT(admin_control(&t->admin, json));
}

/* A job that is running and will not end by itself. */
static void set_up(struct setup *t)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };

	if (!admin_init(&t->admin, 0) || !admin_has_control(&t->admin))
		SKIP("no virtual GPU with a control socket");
	card_open(&t->card);
	card_buffer(&t->card, &t->page, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	t->words = t->page.map;
	card_stream(&t->card, &t->endless, 4096);
	stream_fence(&t->endless, t->page.va + 8, 1);
	stream_wait(&t->endless, t->page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	t->queue = card_queue(&t->card, DRM_OGPU_ENGINE_COMPUTE, NO_TIMEOUT_MS);
	t->done = card_syncobj(&t->card);
	out.handle = t->done;
	ASSERT_EQ(card_submit(&t->card, t->queue, &t->endless, &out, 1), 0);
	while (!t->words[1])
		sleep_ms(1);
}

/* The card works again, and the next program can use it. */
static void expect_recovery(struct setup *t)
{
	EXPECT(admin_wait(&t->admin, "state", "running"));
	EXPECT(client_works());
}

static void expect_stale(struct setup *t)
{
	struct drm_ogpu_vm_create vm = {};

	EXPECT_EQ(card_syncobj_wait(&t->card, t->done, RECOVERY_MS), 0);
	EXPECT_EQ(card_submit(&t->card, t->queue, NULL, NULL, 0), -ENODEV);
	EXPECT_EQ(card_ioctl(&t->card, DRM_IOCTL_OGPU_VM_CREATE, &vm), -ENODEV);
	EXPECT_EQ(card_queue_destroy(&t->card, t->queue), -ENODEV);
}

/* Nobody notices but for the time it takes. */
TEST(lost_interrupts)
{
	struct drm_ogpu_queue_get_state state;
	struct setup t;

	set_up(&t);
	inject_fault(&t, "\"fault\":\"lost-irq\",\"count\":2");
	t.words[0] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, t.done, RECOVERY_MS), 0);
	inject_fault(&t, "\"fault\":\"lost-irq\",\"count\":0");
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
	EXPECT_EQ(state.completed, 1);
}

TEST(firmware_crash)
{
	struct setup t;

	set_up(&t);
	inject_fault(&t, "\"fault\":\"mc-crash\"");
	expect_stale(&t);
	expect_recovery(&t);
}

TEST(firmware_hang)
{
	struct setup t;

	set_up(&t);
	inject_fault(&t, "\"fault\":\"mc-hang\"");
	expect_stale(&t);
	expect_recovery(&t);
}

/* Who asks how a queue stands does not wait for firmware. */
TEST(state_while_firmware_hangs)
{
	struct drm_ogpu_queue_get_state state;
	unsigned int answers = 0;
	char text[4096];
	struct setup t;
	int ret;

	set_up(&t);
	inject_fault(&t, "\"fault\":\"mc-hang\"");
	/* Until somebody notices, which takes seconds. */
	for (;;) {
		state = (struct drm_ogpu_queue_get_state) { .queue_id = t.queue };
		ret = card_ioctl(&t.card, DRM_IOCTL_OGPU_QUEUE_GET_STATE, &state);
		ASSERT_EQ(ret, 0);
		EXPECT_EQ(state.submitted, 1);
		if (state.error)
			break;
		card_fdinfo(&t.card, text, sizeof(text));
		answers++;
	}
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_ENGINE);
	/* Each one proves it: to ask firmware would take until then. */
	EXPECT_GE(answers, 1);
	expect_stale(&t);
	expect_recovery(&t);
}

/* Slots that do not even obey firmware when the job is to be killed. */
static void hang_slots(struct setup *t, int count)
{
	char what[64];
	int slot;

	for (slot = 0; slot < count; slot++) {
		snprintf(what, sizeof(what), "\"fault\":\"hang\",\"slot\":%d", slot);
		inject_fault(t, what);
	}
}

/* Returns when the job is over, however that comes about. */
static void *kill_queue(void *arg)
{
	struct setup *t = arg;
	struct drm_ogpu_queue_kill args = { .queue_id = t->queue };

	__atomic_store_n(&t->killer, gettid(), __ATOMIC_SEQ_CST);
	EXPECT_EQ(card_ioctl(&t->card, DRM_IOCTL_OGPU_QUEUE_KILL, &args), 0);

	return NULL;
}

TEST(hung_slots)
{
	struct setup t;

	set_up(&t);
	hang_slots(&t, SLOTS);
	kill_queue(&t);
	expect_stale(&t);
	expect_recovery(&t);
}

/*
 * A slot that does not give way when another queue is to have its turn. Nobody has asked for its
 * job to be killed, but it may still access memory: it is over when the card has been reset.
 */
TEST(hung_slots_in_a_crowd)
{
	struct setup t;
	struct stream s;
	uint32_t queue;
	int i;

	set_up(&t);
	for (i = 1; i < COMPUTE_SLOTS; i++) {
		card_stream(&t.card, &s, 4096);
		stream_fence(&s, t.page.va + 8 * (1 + i), 1);
		stream_wait(&s, t.page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
		queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, NO_TIMEOUT_MS);
		ASSERT_EQ(card_submit(&t.card, queue, &s, NULL, 0), 0);
		while (!t.words[1 + i])
			sleep_ms(1);
	}
	hang_slots(&t, COMPUTE_SLOTS);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, NO_TIMEOUT_MS);
	ASSERT_EQ(card_submit(&t.card, queue, NULL, NULL, 0), 0);
	expect_stale(&t);
	expect_recovery(&t);
}

/*
 * A job that becomes ready while its queue is being killed waits for the one that still runs: the
 * fence of a job says that all jobs before it are over. Its slot hangs, so the kill takes long.
 */
TEST(ready_while_killed)
{
	struct drm_ogpu_sync other = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_sync late[2] = { {}, { .flags = DRM_OGPU_SYNC_SIGNAL } };
	struct stream wait;
	pthread_t killer;
	struct setup t;
	uint32_t queue;

	set_up(&t);
	card_stream(&t.card, &wait, 4096);
	stream_fence(&wait, t.page.va + 24, 1);
	stream_wait(&wait, t.page.va + 16, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, NO_TIMEOUT_MS);
	other.handle = card_syncobj(&t.card);
	ASSERT_EQ(card_submit(&t.card, queue, &wait, &other, 1), 0);
	while (!t.words[3])
		sleep_ms(1);

	late[0].handle = other.handle;
	late[1].handle = card_syncobj(&t.card);
	ASSERT_EQ(card_submit(&t.card, t.queue, NULL, late, 2), 0);

	hang_slots(&t, COMPUTE_SLOTS);
	/* The kill has begun; firmware gives a slot that does not obey a second. */
	t.killer = 0;
	ASSERT_EQ(pthread_create(&killer, NULL, kill_queue, &t), 0);
	while (!__atomic_load_n(&t.killer, __ATOMIC_SEQ_CST))
		sleep_ms(1);
	wait_asleep(t.killer, SYS_ioctl);
	t.words[2] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, late[1].handle, RECOVERY_MS), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, t.done, 0), 0);
	pthread_join(killer, NULL);
	expect_recovery(&t);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
