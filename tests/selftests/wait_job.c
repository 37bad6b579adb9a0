// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * WAIT for jobs by their numbers.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "user.h"

#define SLOW_MS	10000
/* Longer than any test may take. */
#define EVER_MS	3600000

/** struct setup - two queues, and a gate in memory that a stream waits for */
struct setup {
	struct card card;
	struct buffer gate;
	volatile uint64_t *word;
	struct stream gated, empty;
	uint32_t queue, other;
};

static void set_up(struct setup *s)
{
	card_open(&s->card);
	card_buffer(&s->card, &s->gate, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	s->word = s->gate.map;
	card_stream(&s->card, &s->gated, 4096);
	stream_wait(&s->gated, s->gate.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	card_stream(&s->card, &s->empty, 4096);
	stream_nop(&s->empty, 2);
	s->queue = card_queue(&s->card, DRM_OGPU_ENGINE_COMPUTE, EVER_MS);
	s->other = card_queue(&s->card, DRM_OGPU_ENGINE_COPY, EVER_MS);
}

static void submit(struct setup *s, uint32_t queue, const struct stream *stream)
{
	ASSERT_EQ(card_submit(&s->card, queue, stream, NULL, 0), 0);
}

static int kill_queue(struct setup *s, uint32_t queue)
{
	struct drm_ogpu_queue_kill args = { .queue_id = queue };

	return card_ioctl(&s->card, DRM_IOCTL_OGPU_QUEUE_KILL, &args);
}

static struct drm_ogpu_wait_fence job(uint32_t queue, uint64_t number)
{
	return (struct drm_ogpu_wait_fence) {
		.type = DRM_OGPU_WAIT_JOB,
		.queue_id = queue,
		.value = number,
	};
}

static struct drm_ogpu_wait_fence memory(const volatile void *at, uint64_t value)
{
	return (struct drm_ogpu_wait_fence) {
		.pointer = (uintptr_t)at,
		.value = value,
		.mask = UINT64_MAX,
		.compare = DRM_OGPU_COMPARE_GE,
	};
}

static int wait_for(struct setup *s, struct drm_ogpu_wait_fence *fences, uint32_t count,
		    uint32_t flags, int ms, uint32_t *index)
{
	struct drm_ogpu_wait args = {
		.flags = flags,
		.timeout_ns = time_limit_ns(ms),
		.fences = CARD_ARRAY(fences, count),
	};
	int ret = ioctl(s->card.fd, DRM_IOCTL_OGPU_WAIT, &args) ? -errno : 0;

	if (index)
		*index = args.index;

	return ret;
}

/* With DRM_OGPU_WAIT_STATES and one condition. */
static void expect_state(struct setup *s, struct drm_ogpu_wait_fence f, int ret, uint32_t state,
			 uint32_t error)
{
	f.state = 77;
	f.error = 77;
	EXPECT_EQ(wait_for(s, &f, 1, DRM_OGPU_WAIT_STATES, 0, NULL), ret);
	EXPECT_EQ(f.state, state);
	EXPECT_EQ(f.error, error);
}

TEST(bad_arguments)
{
	struct drm_ogpu_wait_fence f;
	struct drm_ogpu_wait args;
	struct setup s;

	set_up(&s);
	submit(&s, s.queue, &s.empty);
	f = job(s.queue, 1);
	ASSERT_EQ(wait_for(&s, &f, 1, 0, SLOW_MS, NULL), 0);
	EXPECT_EQ(wait_for(&s, &f, 1, 4, 0, NULL), -EINVAL);

	f.pointer = 8;
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -EINVAL);
	f = job(s.queue, 1);
	f.mask = 1;
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -EINVAL);
	f = job(s.queue, 1);
	f.compare = DRM_OGPU_COMPARE_GE;
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -EINVAL);
	f = job(s.queue, 1);
	f.pad = 1;
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -EINVAL);
	f = job(s.queue, 1);
	f.type = DRM_OGPU_WAIT_JOB + 1;
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -EINVAL);

	/* No queue, none of that number, and jobs that nobody submitted. */
	f = job(0, 1);
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -EINVAL);
	f = job(s.other + 1, 1);
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -ENOENT);
	f = job(s.queue, 0);
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -EINVAL);
	f = job(s.queue, 2);
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -EINVAL);
	f = job(s.other, 1);
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -EINVAL);
	f = job(s.queue, UINT64_MAX);
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -EINVAL);

	/* Elements of the first version have no room for states. */
	f = memory(s.word, 0);
	args = (struct drm_ogpu_wait) { .fences = CARD_ARRAY(&f, 1) };
	args.fences.stride = 32;
	EXPECT_EQ(card_ioctl(&s.card, DRM_IOCTL_OGPU_WAIT, &args), 0);
	args.flags = DRM_OGPU_WAIT_STATES;
	EXPECT_EQ(card_ioctl(&s.card, DRM_IOCTL_OGPU_WAIT, &args), -EINVAL);
}

/* States are written where they are wanted, and nowhere else. */
TEST(read_only)
{
	struct drm_ogpu_wait_fence *f;
	struct drm_ogpu_wait args;
	struct setup s;

	set_up(&s);
	f = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(f != MAP_FAILED);
	f[0] = memory(s.word, 0);
	ASSERT_EQ(mprotect(f, 4096, PROT_READ), 0);
	args = (struct drm_ogpu_wait) { .fences = CARD_ARRAY(f, 1) };
	EXPECT_EQ(card_ioctl(&s.card, DRM_IOCTL_OGPU_WAIT, &args), 0);
	args.flags = DRM_OGPU_WAIT_STATES;
	EXPECT_EQ(card_ioctl(&s.card, DRM_IOCTL_OGPU_WAIT, &args), -EFAULT);
}

TEST(user_queue)
{
	struct drm_ogpu_wait_fence f;
	struct setup s;
	struct user u;

	card_open(&s.card);
	user_vm(&s.card);
	user_open(&s.card, &u, 4096);
	f = job(u.args.queue_id, 1);
	EXPECT_EQ(wait_for(&s, &f, 1, 0, 0, NULL), -EINVAL);
	/* What it stores can be waited for, and the state of that is told. */
	f = memory(u.word, 0);
	f.queue_id = u.args.queue_id;
	expect_state(&s, f, 0, DRM_OGPU_WAIT_HELD, DRM_OGPU_QUEUE_OK);
}

TEST(pending_and_done)
{
	struct drm_ogpu_wait_fence f[2];
	uint64_t before;
	struct setup s;

	set_up(&s);
	submit(&s, s.queue, &s.empty);
	submit(&s, s.queue, &s.gated);
	f[0] = job(s.queue, 1);
	f[1] = job(s.queue, 2);
	ASSERT_EQ(wait_for(&s, f, 1, 0, SLOW_MS, NULL), 0);
	expect_state(&s, f[0], 0, DRM_OGPU_WAIT_HELD, DRM_OGPU_QUEUE_OK);
	expect_state(&s, f[1], -ETIME, DRM_OGPU_WAIT_PENDING, DRM_OGPU_QUEUE_OK);
	before = time_ms();
	EXPECT_EQ(wait_for(&s, f, 2, DRM_OGPU_WAIT_ALL | DRM_OGPU_WAIT_STATES, 200, NULL), -ETIME);
	EXPECT_GE(time_ms() - before, 200 * time_scale() - 1);
	EXPECT_EQ(f[0].state, DRM_OGPU_WAIT_HELD);
	EXPECT_EQ(f[1].state, DRM_OGPU_WAIT_PENDING);
	*s.word = 1;
	EXPECT_EQ(wait_for(&s, f, 2, DRM_OGPU_WAIT_ALL | DRM_OGPU_WAIT_STATES, SLOW_MS, NULL), 0);
	EXPECT_EQ(f[0].state, DRM_OGPU_WAIT_HELD);
	EXPECT_EQ(f[1].state, DRM_OGPU_WAIT_HELD);
}

/* Who waits is told at once: the watchdog, which makes up for lost interrupts, would take 100 s. */
TEST_TIMEOUT(at_once, 120)
{
	struct drm_ogpu_wait_fence f;
	uint64_t before, i;
	struct setup s;

	set_up(&s);
	before = time_ms();
	for (i = 1; i <= 100; i++) {
		submit(&s, s.queue, &s.empty);
		f = job(s.queue, i);
		ASSERT_EQ(wait_for(&s, &f, 1, 0, SLOW_MS, NULL), 0);
	}
	EXPECT_LE(time_ms() - before, 50000);
}

/** struct act - what a thread does once another one waits */
struct act {
	struct setup *s;
	pid_t waiter;
	void (*act)(struct setup *s);
};

static void *act_later(void *arg)
{
	struct act *act = arg;

	wait_asleep(act->waiter, SYS_ioctl);
	act->act(act->s);

	return NULL;
}

/* Waits, with @act done as soon as it does. */
static int wait_and(struct setup *s, void (*act)(struct setup *s), struct drm_ogpu_wait_fence *f,
		    uint32_t count, uint32_t flags, uint32_t *index)
{
	struct act later = { s, gettid(), act };
	pthread_t thread;
	int ret;

	ASSERT_EQ(pthread_create(&thread, NULL, act_later, &later), 0);
	ret = wait_for(s, f, count, flags, EVER_MS, index);
	pthread_join(thread, NULL);

	return ret;
}


static void open_gate(struct setup *s)
{
	*s->word = 1;
}

TEST(any_and_all)
{
	struct drm_ogpu_wait_fence f[3];
	struct setup s;
	uint32_t index;

	set_up(&s);
	submit(&s, s.queue, &s.gated);
	submit(&s, s.queue, &s.empty);
	submit(&s, s.other, &s.empty);
	f[0] = job(s.queue, 2);
	f[1] = job(s.queue, 1);
	f[2] = job(s.other, 1);
	EXPECT_EQ(wait_for(&s, f, 3, 0, SLOW_MS, &index), 0);
	EXPECT_EQ(index, 2);
	EXPECT_EQ(wait_for(&s, f, 3, DRM_OGPU_WAIT_ALL, 100, NULL), -ETIME);
	EXPECT_EQ(wait_and(&s, open_gate, f, 3, DRM_OGPU_WAIT_ALL, NULL), 0);
	/* Of two jobs of a queue the first to be done is enough. */
	EXPECT_EQ(wait_for(&s, f, 2, 0, 0, &index), 0);
	EXPECT_EQ(index, 0);
}

/* One of a queue's jobs wakes who waits for any, though the other one never ends. */
TEST(first_of_two)
{
	struct drm_ogpu_wait_fence f[2];
	struct buffer second;
	struct stream gated;
	struct setup s;
	uint32_t index;

	set_up(&s);
	card_buffer(&s.card, &second, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&s.card, &gated, 4096);
	stream_wait(&gated, second.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	submit(&s, s.queue, &s.gated);
	submit(&s, s.queue, &gated);
	f[0] = job(s.queue, 2);
	f[1] = job(s.queue, 1);
	EXPECT_EQ(wait_and(&s, open_gate, f, 2, DRM_OGPU_WAIT_STATES, &index), 0);
	EXPECT_EQ(index, 1);
	EXPECT_EQ(f[0].state, DRM_OGPU_WAIT_PENDING);
	EXPECT_EQ(f[1].state, DRM_OGPU_WAIT_HELD);
}

TEST(mixed)
{
	struct drm_ogpu_wait_fence f[2];
	uint64_t word = 0;
	struct setup s;
	uint32_t index;

	set_up(&s);
	submit(&s, s.queue, &s.gated);
	f[0] = memory(&word, 1);
	f[1] = job(s.queue, 1);
	EXPECT_EQ(wait_and(&s, open_gate, f, 2, DRM_OGPU_WAIT_STATES, &index), 0);
	EXPECT_EQ(index, 1);
	EXPECT_EQ(f[0].state, DRM_OGPU_WAIT_PENDING);
	EXPECT_EQ(f[0].error, DRM_OGPU_QUEUE_OK);
	EXPECT_EQ(f[1].state, DRM_OGPU_WAIT_HELD);
	EXPECT_EQ(wait_for(&s, f, 2, DRM_OGPU_WAIT_ALL, 100, NULL), -ETIME);
	word = 1;
	EXPECT_EQ(wait_for(&s, f, 2, DRM_OGPU_WAIT_ALL, 0, NULL), 0);
}

static void kill_it(struct setup *s)
{
	EXPECT_EQ(kill_queue(s, s->queue), 0);
}

TEST(killed_queue)
{
	struct drm_ogpu_wait_fence f[3];
	struct setup s;
	uint32_t index;

	set_up(&s);
	submit(&s, s.queue, &s.empty);
	submit(&s, s.other, &s.gated);
	submit(&s, s.queue, &s.gated);
	f[0] = job(s.queue, 1);
	f[1] = job(s.other, 1);
	f[2] = job(s.queue, 2);
	EXPECT_EQ(wait_and(&s, kill_it, f, 3, DRM_OGPU_WAIT_ALL | DRM_OGPU_WAIT_STATES, &index),
		  -ECANCELED);
	EXPECT_EQ(index, 2);
	EXPECT_EQ(f[0].state, DRM_OGPU_WAIT_HELD);
	EXPECT_EQ(f[0].error, DRM_OGPU_QUEUE_ERR_KILLED);
	EXPECT_EQ(f[1].state, DRM_OGPU_WAIT_PENDING);
	EXPECT_EQ(f[1].error, DRM_OGPU_QUEUE_OK);
	EXPECT_EQ(f[2].state, DRM_OGPU_WAIT_FAILED);
	EXPECT_EQ(f[2].error, DRM_OGPU_QUEUE_ERR_KILLED);
	/* Later calls, too. */
	expect_state(&s, f[2], -ECANCELED, DRM_OGPU_WAIT_FAILED, DRM_OGPU_QUEUE_ERR_KILLED);
	expect_state(&s, f[0], 0, DRM_OGPU_WAIT_HELD, DRM_OGPU_QUEUE_ERR_KILLED);
}

/* A job that never begins, for what it waits for does not come: its fence would not tell. */
TEST(killed_before_it_began)
{
	struct drm_ogpu_sync syncs[2] = { { .flags = DRM_OGPU_SYNC_SIGNAL }, { 0 } };
	struct drm_ogpu_wait_fence f;
	struct setup s;

	set_up(&s);
	syncs[0].handle = card_syncobj(&s.card);
	syncs[1].handle = syncs[0].handle;
	ASSERT_EQ(card_submit(&s.card, s.other, &s.gated, &syncs[0], 1), 0);
	ASSERT_EQ(card_submit(&s.card, s.queue, &s.empty, &syncs[1], 1), 0);
	f = job(s.queue, 1);
	EXPECT_EQ(wait_and(&s, kill_it, &f, 1, 0, NULL), -ECANCELED);
	expect_state(&s, f, -ECANCELED, DRM_OGPU_WAIT_FAILED, DRM_OGPU_QUEUE_ERR_KILLED);
}

TEST(failed_queue)
{
	struct drm_ogpu_wait_fence f[3];
	uint32_t bad[2] = { 0 };
	struct stream broken;
	struct setup s;
	uint32_t index;

	set_up(&s);
	card_stream(&s.card, &broken, 4096);
	stream_add(&broken, bad, sizeof(bad));
	submit(&s, s.queue, &s.empty);
	submit(&s, s.queue, &s.gated);
	submit(&s, s.queue, &broken);
	f[0] = job(s.queue, 1);
	f[1] = job(s.queue, 2);
	f[2] = job(s.queue, 3);
	EXPECT_EQ(wait_and(&s, open_gate, f, 3, DRM_OGPU_WAIT_ALL | DRM_OGPU_WAIT_STATES, &index),
		  -ECANCELED);
	EXPECT_EQ(index, 2);
	EXPECT_EQ(f[0].state, DRM_OGPU_WAIT_HELD);
	EXPECT_EQ(f[1].state, DRM_OGPU_WAIT_HELD);
	EXPECT_EQ(f[2].state, DRM_OGPU_WAIT_FAILED);
	EXPECT_EQ(f[2].error, DRM_OGPU_QUEUE_ERR_PACKET);
}

static void on_alarm(int number __attribute__((unused)))
{
}

TEST(interrupted)
{
	/* The first one may come before the call. */
	const struct itimerval each_second = { { .tv_sec = 1 }, { .tv_sec = 1 } }, never = {};
	struct sigaction action = { .sa_handler = on_alarm };
	struct drm_ogpu_wait_fence f;
	struct setup s;

	set_up(&s);
	submit(&s, s.queue, &s.gated);
	f = job(s.queue, 1);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each_second, NULL);
	EXPECT_EQ(wait_for(&s, &f, 1, 0, EVER_MS, NULL), -EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	*s.word = 1;
	EXPECT_EQ(wait_for(&s, &f, 1, 0, SLOW_MS, NULL), 0);
}

static struct admin admin;

static void reset_card(struct setup *s __attribute__((unused)))
{
	EXPECT(admin_write(&admin, "reset", "1"));
}

TEST_TIMEOUT(reset, 120)
{
	struct drm_ogpu_wait_fence f[2];
	struct setup s;

	if (!admin_init(&admin, 0))
		SKIP("no card that can be reset");
	set_up(&s);
	submit(&s, s.other, &s.empty);
	submit(&s, s.queue, &s.gated);
	f[0] = job(s.other, 1);
	f[1] = job(s.queue, 1);
	ASSERT_EQ(wait_for(&s, f, 1, 0, SLOW_MS, NULL), 0);
	EXPECT_EQ(wait_and(&s, reset_card, f, 2, DRM_OGPU_WAIT_ALL, NULL), -ENODEV);
	EXPECT_EQ(wait_for(&s, f, 1, 0, 0, NULL), -ENODEV);
	EXPECT(admin_wait(&admin, "state", "running"));
}

/** struct waiter - a thread that waits, and what it was told when it has returned */
struct waiter {
	struct setup *s;
	pthread_t thread;
	pid_t tid;
	bool returned;
	int ret;
};

static void *wait_for_ever(void *arg)
{
	struct waiter *w = arg;
	struct drm_ogpu_wait_fence f = job(w->s->queue, 1);

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_SEQ_CST);
	w->ret = wait_for(w->s, &f, 1, 0, EVER_MS, NULL);
	__atomic_store_n(&w->returned, true, __ATOMIC_SEQ_CST);

	return NULL;
}

#define WAITERS		270
#define MOST_WAITERS	256	/* of a queue */

/* Until all wait or have been refused. */
static bool wait_settled(const struct waiter *waiters)
{
	uint64_t end = time_limit(20000);
	int i, settled;

	do {
		sleep_ms(10);
		for (i = 0, settled = 0; i < WAITERS; i++) {
			pid_t tid = __atomic_load_n(&waiters[i].tid, __ATOMIC_SEQ_CST);

			settled += __atomic_load_n(&waiters[i].returned, __ATOMIC_SEQ_CST) ||
				   (tid && is_asleep(tid, SYS_ioctl));
		}
		if (settled == WAITERS)
			return true;
	} while (time_ms() < end);

	return false;
}

/* All who wait are woken, and there is a limit to how many they are. */
TEST_TIMEOUT(many_waiters, 120)
{
	static struct waiter waiters[WAITERS];
	int i, woken = 0, refused = 0;
	struct setup s;

	set_up(&s);
	submit(&s, s.queue, &s.gated);
	for (i = 0; i < WAITERS; i++) {
		waiters[i].s = &s;
		ASSERT_EQ(pthread_create(&waiters[i].thread, NULL, wait_for_ever, &waiters[i]), 0);
	}
	EXPECT(wait_settled(waiters));
	*s.word = 1;
	for (i = 0; i < WAITERS; i++) {
		pthread_join(waiters[i].thread, NULL);
		woken += waiters[i].ret == 0;
		refused += waiters[i].ret == -EBUSY;
	}
	EXPECT_EQ(woken, MOST_WAITERS);
	EXPECT_EQ(refused, WAITERS - MOST_WAITERS);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
