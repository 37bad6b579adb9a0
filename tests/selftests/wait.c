// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * WAIT and QUEUE_EVENTFD: waiting for memory without a fence, and what signals cost.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>

#include "card.h"
#include "harness.h"
#include "user.h"

#define SLOW_MS	10000
/* Longer than any test may take. */
#define EVER_MS	3600000

static struct drm_ogpu_wait_fence fence(const volatile void *at, uint64_t value, uint32_t queue)
{
	return (struct drm_ogpu_wait_fence) {
		.pointer = (uintptr_t)at,
		.value = value,
		.mask = UINT64_MAX,
		.compare = DRM_OGPU_COMPARE_GE,
		.queue_id = queue,
	};
}

static int wait_for(struct card *card, struct drm_ogpu_wait_fence *fences, uint32_t count,
		    uint32_t flags, int ms, uint32_t *index)
{
	struct drm_ogpu_wait args = {
		.flags = flags,
		.timeout_ns = time_limit_ns(ms),
		.fences = CARD_ARRAY(fences, count),
	};
	int ret = ioctl(card->fd, DRM_IOCTL_OGPU_WAIT, &args) ? -errno : 0;

	if (index)
		*index = args.index;

	return ret;
}

static void stream_fence_signal(struct stream *s, uint64_t addr, uint64_t value)
{
	struct drm_ogpu_pkt_fence packet = {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_FENCE, sizeof(packet)) | DRM_OGPU_FENCE_SIGNAL,
		.addr = addr,
		.value = value,
	};

	stream_add(s, &packet, sizeof(packet));
}

/** struct setup - a queue and memory that it stores to */
struct setup {
	struct card card;
	struct buffer memory;
	volatile uint64_t *words;
	struct stream stream;
	uint32_t queue;
};

static void set_up(struct setup *s)
{
	card_open(&s->card);
	card_buffer(&s->card, &s->memory, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	s->words = s->memory.map;
	card_stream(&s->card, &s->stream, 1 << 20);
	s->queue = card_queue(&s->card, DRM_OGPU_ENGINE_COMPUTE, 0);
}

TEST(bad_arguments)
{
	struct drm_ogpu_wait_fence f[2];
	struct drm_ogpu_wait args;
	uint64_t word = 1;
	struct setup s;

	set_up(&s);
	f[0] = fence(&word, 1, 0);
	EXPECT_EQ(wait_for(&s.card, f, 1, 0, 0, NULL), 0);
	EXPECT_EQ(wait_for(&s.card, f, 1, 4, 0, NULL), -EINVAL);
	EXPECT_EQ(wait_for(&s.card, f, 1, 1u << 31, 0, NULL), -EINVAL);
	EXPECT_EQ(wait_for(&s.card, f, 0, 0, 0, NULL), -EINVAL);
	EXPECT_EQ(wait_for(&s.card, f, DRM_OGPU_MAX_WAIT_FENCES + 1, 0, 0, NULL), -EINVAL);

	f[0].compare = DRM_OGPU_COMPARE_LT + 1;
	EXPECT_EQ(wait_for(&s.card, f, 1, 0, 0, NULL), -EINVAL);
	f[0] = fence((char *)&word + 4, 1, 0);
	EXPECT_EQ(wait_for(&s.card, f, 1, 0, 0, NULL), -EINVAL);
	f[0] = fence(&word, 2, s.queue + 1);
	EXPECT_EQ(wait_for(&s.card, f, 1, 0, 0, NULL), -ENOENT);
	f[0] = fence(NULL, 2, s.queue);
	EXPECT_EQ(wait_for(&s.card, f, 1, 0, 0, NULL), -EFAULT);
	f[0] = fence((void *)0xffff800000000000ull, 0, s.queue);
	EXPECT_EQ(wait_for(&s.card, f, 1, 0, 0, NULL), -EFAULT);

	args = (struct drm_ogpu_wait) {
		.timeout_ns = INT64_MIN,
		.fences = CARD_ARRAY(f, 1),
	};
	f[0] = fence(&word, 2, s.queue);
	EXPECT_EQ(card_ioctl(&s.card, DRM_IOCTL_OGPU_WAIT, &args), -ETIME);
	args.fences.stride = 24;
	EXPECT_EQ(card_ioctl(&s.card, DRM_IOCTL_OGPU_WAIT, &args), -EINVAL);
}

TEST(conditions)
{
	static const struct {
		uint64_t memory, value, mask;
		uint32_t compare;
		int ret;
	} cases[] = {
		{ 5, 5, UINT64_MAX, DRM_OGPU_COMPARE_EQ, 0 },
		{ 5, 6, UINT64_MAX, DRM_OGPU_COMPARE_EQ, -ETIME },
		{ 0x15, 0x25, 0xf, DRM_OGPU_COMPARE_EQ, 0 },
		{ 5, 6, UINT64_MAX, DRM_OGPU_COMPARE_NE, 0 },
		{ 5, 6, 0, DRM_OGPU_COMPARE_NE, -ETIME },
		{ UINT64_MAX, 1, UINT64_MAX, DRM_OGPU_COMPARE_GE, 0 },
		{ 0, 1, UINT64_MAX, DRM_OGPU_COMPARE_GE, -ETIME },
		{ 1ull << 40, 1ull << 33, UINT64_MAX, DRM_OGPU_COMPARE_GE, 0 },
		{ 0, 1, UINT64_MAX, DRM_OGPU_COMPARE_LT, 0 },
		{ UINT64_MAX, 1, UINT64_MAX, DRM_OGPU_COMPARE_LT, -ETIME },
	};
	struct drm_ogpu_wait_fence f;
	struct setup s;
	unsigned int i;
	int ret;

	set_up(&s);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s.words[0] = cases[i].memory;
		f = fence(s.words, cases[i].value, s.queue);
		f.mask = cases[i].mask;
		f.compare = cases[i].compare;
		ret = wait_for(&s.card, &f, 1, 0, 0, NULL);
		if (ret != cases[i].ret)
			HARNESS_FAIL("case %u: %d", i, ret);
	}
}

/* Waiters are told at once: the watchdog, which makes up for lost interrupts, would take 100 s. */
TEST_TIMEOUT(signalled, 120)
{
	struct drm_ogpu_wait_fence f;
	uint64_t before;
	struct setup s;
	uint64_t i;

	set_up(&s);
	before = time_ms();
	for (i = 1; i <= 100; i++) {
		stream_reset(&s.stream);
		stream_fence_signal(&s.stream, s.memory.va, i);
		ASSERT_EQ(card_submit(&s.card, s.queue, &s.stream, NULL, 0), 0);
		f = fence(s.words, i, s.queue);
		ASSERT_EQ(wait_for(&s.card, &f, 1, 0, SLOW_MS, NULL), 0);
	}
	EXPECT_LE(time_ms() - before, 50000);
}

TEST(timeout)
{
	struct drm_ogpu_wait_fence f;
	uint64_t before;
	struct setup s;

	set_up(&s);
	f = fence(s.words, 1, s.queue);
	before = time_ms();
	EXPECT_EQ(wait_for(&s.card, &f, 1, 0, 200, NULL), -ETIME);
	EXPECT_GE(time_ms() - before, 200 * time_scale() - 1);
}

TEST(any_and_all)
{
	struct drm_ogpu_wait_fence f[3];
	struct setup s;
	uint32_t index, second;

	set_up(&s);
	second = card_queue(&s.card, DRM_OGPU_ENGINE_COPY, 0);
	f[0] = fence(&s.words[0], 1, s.queue);
	f[1] = fence(&s.words[1], 1, second);
	f[2] = fence(&s.words[2], 1, s.queue);

	stream_fence_signal(&s.stream, s.memory.va + 8, 1);
	ASSERT_EQ(card_submit(&s.card, second, &s.stream, NULL, 0), 0);
	ASSERT_EQ(wait_for(&s.card, f, 3, 0, SLOW_MS, &index), 0);
	EXPECT_EQ(index, 1);
	EXPECT_EQ(wait_for(&s.card, f, 3, DRM_OGPU_WAIT_ALL, 100, NULL), -ETIME);

	stream_reset(&s.stream);
	stream_fence_signal(&s.stream, s.memory.va, 1);
	stream_fence_signal(&s.stream, s.memory.va + 16, 1);
	ASSERT_EQ(card_submit(&s.card, s.queue, &s.stream, NULL, 0), 0);
	EXPECT_EQ(wait_for(&s.card, f, 3, DRM_OGPU_WAIT_ALL, SLOW_MS, NULL), 0);
}

/** struct store - what a thread stores to, once another one waits */
struct store {
	pid_t waiter;
	volatile uint64_t *word;
};

static void *store_later(void *arg)
{
	struct store *store = arg;

	wait_asleep(store->waiter, SYS_ioctl);
	*store->word = 1;

	return NULL;
}

/* Nobody signals for what the CPU stores. It is not the end of the wait that shows it. */
TEST(cpu_stores)
{
	uint64_t word = 0;
	struct store store = { gettid(), &word };
	struct drm_ogpu_wait_fence f;
	pthread_t thread;
	struct setup s;

	set_up(&s);
	f = fence(&word, 1, 0);
	ASSERT_EQ(pthread_create(&thread, NULL, store_later, &store), 0);
	EXPECT_EQ(wait_for(&s.card, &f, 1, 0, EVER_MS, NULL), 0);
	pthread_join(thread, NULL);
}

TEST(failed_queue)
{
	struct drm_ogpu_wait_fence f[2];
	uint32_t index, bad = 0xff;
	struct setup s;

	set_up(&s);
	stream_fence_signal(&s.stream, s.memory.va, 1);
	stream_add(&s.stream, &bad, sizeof(bad));
	stream_add(&s.stream, &bad, sizeof(bad));
	f[0] = fence(&s.words[0], 1, s.queue);
	f[1] = fence(&s.words[1], 1, s.queue);
	ASSERT_EQ(card_submit(&s.card, s.queue, &s.stream, NULL, 0), 0);
	EXPECT_EQ(wait_for(&s.card, f, 2, DRM_OGPU_WAIT_ALL, SLOW_MS, &index), -ECANCELED);
	EXPECT_EQ(index, 1);
	/* What it stored before is not lost. */
	EXPECT_EQ(wait_for(&s.card, f, 1, 0, 0, NULL), 0);
}

static void on_alarm(int number __attribute__((unused)))
{
}

TEST(interrupted)
{
	/* The first one may come before the call. */
	const struct itimerval each_second = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct drm_ogpu_wait_fence f;
	struct setup s;

	set_up(&s);
	f = fence(s.words, 1, s.queue);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each_second, NULL);
	EXPECT_EQ(wait_for(&s.card, &f, 1, 0, EVER_MS, NULL), -EINTR);
}

/*
 * Whom the signal interrupt wakes, as the kernel's tracing tells
 */

#define TRACING		"/sys/kernel/tracing/"
#define TRACED_CPUS	64
#define IRQ_WAKES	66	/* what the interrupt may do itself, and two threads */

static bool trace_file(const char *name, const char *text)
{
	char path[256];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", name);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);

	return ok;
}

static bool trace_enable(const char *text)
{
	return trace_file("events/irq/irq_handler_exit/enable", text) &&
	       trace_file("events/irq/irq_handler_entry/enable", text) &&
	       trace_file("events/sched/sched_waking/enable", text);
}

static bool trace_begin(void)
{
	return trace_file("buffer_size_kb", "4096") && trace_file("trace", "\n") &&
	       trace_file("events/irq/irq_handler_entry/filter", "name ~ \"ogpu-signal*\"") &&
	       trace_enable("1");
}

/* Most threads that one interrupt has woken; *@irqs: how many interrupts there were. */
static unsigned int trace_end(unsigned int *irqs)
{
	unsigned int woken[TRACED_CPUS] = { 0 }, most = 0, cpu;
	bool inside[TRACED_CPUS] = { false };
	char line[1024], *at;
	FILE *f;

	*irqs = 0;
	trace_enable("0");
	f = fopen(TRACING "trace", "r");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		at = strchr(line, '[');
		if (line[0] == '#' || !at)
			continue;
		cpu = strtoul(at + 1, NULL, 10);
		if (cpu >= TRACED_CPUS)
			continue;
		if (strstr(line, ": irq_handler_entry:")) {
			inside[cpu] = true;
			woken[cpu] = 0;
			++*irqs;
		} else if (strstr(line, ": irq_handler_exit:")) {
			inside[cpu] = false;
		} else if (inside[cpu] && strstr(line, ": sched_waking:")) {
			woken[cpu]++;
			most = woken[cpu] > most ? woken[cpu] : most;
		}
	}
	fclose(f);
	trace_file("buffer_size_kb", "7");
	trace_file("trace", "\n");

	return most;
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
	struct drm_ogpu_wait_fence f = fence(w->s->words, 1, w->s->queue);

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_SEQ_CST);
	w->ret = wait_for(&w->s->card, &f, 1, 0, EVER_MS, NULL);
	__atomic_store_n(&w->returned, true, __ATOMIC_SEQ_CST);

	return NULL;
}

#define WAITERS		300
#define MOST_WAITERS	256	/* of a queue */

/* Waits until as many as may are waiting and the others are refused. False if that never comes. */
static bool wait_settled(const struct waiter *waiters)
{
	uint64_t end = time_limit(20000);
	int i, asleep, returned;
	pid_t tid;

	do {
		sleep_ms(10);
		asleep = 0;
		returned = 0;
		for (i = 0; i < WAITERS; i++) {
			tid = __atomic_load_n(&waiters[i].tid, __ATOMIC_SEQ_CST);
			if (__atomic_load_n(&waiters[i].returned, __ATOMIC_SEQ_CST))
				returned++;
			else if (tid)
				asleep += is_asleep(tid, SYS_ioctl);
		}
		if (asleep == MOST_WAITERS && returned == WAITERS - MOST_WAITERS)
			return true;
	} while (time_ms() < end);
	printf("# %d wait, %d have returned\n", asleep, returned);

	return false;
}

/* All who wait are woken, most not by the interrupt, and there is a limit to how many they are. */
TEST_TIMEOUT(many_waiters, 120)
{
	static struct waiter waiters[WAITERS];
	int i, woken = 0, refused = 0;
	unsigned int irqs, most;
	struct setup s;
	bool traced;

	set_up(&s);
	traced = trace_begin();
	for (i = 0; i < WAITERS; i++) {
		waiters[i].s = &s;
		ASSERT_EQ(pthread_create(&waiters[i].thread, NULL, wait_for_ever, &waiters[i]), 0);
	}
	EXPECT(wait_settled(waiters));
	stream_fence_signal(&s.stream, s.memory.va, 1);
	ASSERT_EQ(card_submit(&s.card, s.queue, &s.stream, NULL, 0), 0);
	for (i = 0; i < WAITERS; i++) {
		pthread_join(waiters[i].thread, NULL);
		woken += waiters[i].ret == 0;
		refused += waiters[i].ret == -EBUSY;
	}
	if (!traced)
		return;
	most = trace_end(&irqs);
	printf("# %u of them by the interrupt\n", most);
	EXPECT_GE(irqs, 1);
	EXPECT_LE(most, IRQ_WAKES);
	EXPECT_EQ(woken, MOST_WAITERS);
	EXPECT_EQ(refused, WAITERS - MOST_WAITERS);
}

/*
 * Eventfds
 */

static int set_eventfd(struct setup *s, int fd, uint32_t events)
{
	struct drm_ogpu_queue_eventfd args = {
		.queue_id = s->queue,
		.fd = fd,
		.events = events,
	};

	return card_ioctl(&s->card, DRM_IOCTL_OGPU_QUEUE_EVENTFD, &args);
}

static bool is_told(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t count;

	return poll(&p, 1, ms * time_scale()) == 1 &&
	       read(fd, &count, sizeof(count)) == sizeof(count);
}

TEST(eventfd_bad_arguments)
{
	int fd = eventfd(0, 0), pipes[2];
	struct setup s;

	set_up(&s);
	ASSERT_EQ(pipe(pipes), 0);
	EXPECT_EQ(set_eventfd(&s, fd, 0), -EINVAL);
	EXPECT_EQ(set_eventfd(&s, fd, 4), -EINVAL);
	EXPECT_EQ(set_eventfd(&s, fd, 1u << 31), -EINVAL);
	EXPECT_EQ(set_eventfd(&s, -1, DRM_OGPU_EVENT_SIGNAL), -EINVAL);
	EXPECT_EQ(set_eventfd(&s, -2, DRM_OGPU_EVENT_SIGNAL), -EINVAL);
	EXPECT_EQ(set_eventfd(&s, pipes[0], DRM_OGPU_EVENT_SIGNAL), -EINVAL);
	EXPECT_EQ(set_eventfd(&s, 1000, DRM_OGPU_EVENT_SIGNAL), -EBADF);
	EXPECT_EQ(set_eventfd(&s, -1, 0), 0);
	EXPECT_EQ(set_eventfd(&s, fd, DRM_OGPU_EVENT_SIGNAL), 0);
	s.queue++;
	EXPECT_EQ(set_eventfd(&s, fd, DRM_OGPU_EVENT_SIGNAL), -ENOENT);
}

TEST(eventfd_signal)
{
	int fd = eventfd(0, 0), other = eventfd(0, 0);
	struct setup s;
	uint64_t i;

	set_up(&s);
	ASSERT_EQ(set_eventfd(&s, fd, DRM_OGPU_EVENT_SIGNAL), 0);
	for (i = 1; i <= 100; i++) {
		stream_reset(&s.stream);
		stream_fence_signal(&s.stream, s.memory.va, i);
		ASSERT_EQ(card_submit(&s.card, s.queue, &s.stream, NULL, 0), 0);
		do {
			ASSERT(is_told(fd, SLOW_MS));
		} while (s.words[0] != i);
	}
	/* One may be told twice. */
	while (is_told(fd, 100))
		;

	/* Another one takes its place. What was told before the call may be found after it. */
	ASSERT_EQ(set_eventfd(&s, other, DRM_OGPU_EVENT_SIGNAL), 0);
	is_told(fd, 0);
	card_run(&s.card, s.queue, &s.stream);
	EXPECT(is_told(other, SLOW_MS));
	EXPECT(!is_told(fd, 100));
	/* Then there is none. */
	ASSERT_EQ(set_eventfd(&s, -1, 0), 0);
	is_told(other, 0);
	card_run(&s.card, s.queue, &s.stream);
	EXPECT(!is_told(other, 100));
}

TEST(eventfd_error)
{
	int fd = eventfd(0, 0), late = eventfd(0, 0);
	uint32_t bad[2] = { 0xff };
	struct setup s;

	set_up(&s);
	ASSERT_EQ(set_eventfd(&s, fd, DRM_OGPU_EVENT_ERROR), 0);
	stream_fence_signal(&s.stream, s.memory.va, 1);
	card_run(&s.card, s.queue, &s.stream);
	EXPECT(!is_told(fd, 100));

	stream_add(&s.stream, bad, sizeof(bad));
	ASSERT_EQ(card_submit(&s.card, s.queue, &s.stream, NULL, 0), 0);
	EXPECT(is_told(fd, SLOW_MS));
	/* Who comes too late is told, too. */
	ASSERT_EQ(set_eventfd(&s, late, DRM_OGPU_EVENT_ERROR), 0);
	EXPECT(is_told(late, 0));
}

/* The kernel holds the eventfd, whatever becomes of the descriptor, and lets go with the queue. */
TEST(eventfd_closed)
{
	int fd = eventfd(0, 0);
	struct setup s;

	set_up(&s);
	ASSERT_EQ(set_eventfd(&s, fd, DRM_OGPU_EVENT_SIGNAL | DRM_OGPU_EVENT_ERROR), 0);
	close(fd);
	stream_fence_signal(&s.stream, s.memory.va, 1);
	card_run(&s.card, s.queue, &s.stream);
	ASSERT_EQ(card_submit(&s.card, s.queue, &s.stream, NULL, 0), 0);
	EXPECT_EQ(card_queue_destroy(&s.card, s.queue), 0);
}

#define CROWD	200

/** struct fan - a thread that has an eventfd, which does not block */
struct fan {
	int fd;
	volatile uint64_t *word;
	pthread_t thread;
	pid_t tid;
	int ret;
};

static void *wait_for_eventfd(void *arg)
{
	struct fan *fan = arg;
	struct pollfd p = { .fd = fan->fd, .events = POLLIN };
	eventfd_t count;

	__atomic_store_n(&fan->tid, gettid(), __ATOMIC_SEQ_CST);
	/* What a queue signalled that had the number before may be told, too. */
	for (;;) {
		fan->ret = ppoll(&p, 1, NULL, NULL);
		if (fan->ret != 1 || *fan->word)
			return NULL;
		eventfd_read(fan->fd, &count);
	}
}

/* However many hang on an eventfd, the interrupt has nothing to do with them. */
TEST_TIMEOUT(eventfd_crowd, 120)
{
	static struct fan fans[CROWD];
	int i, fd = eventfd(0, EFD_NONBLOCK);
	unsigned int irqs, most;
	uint64_t end;
	struct setup s;

	set_up(&s);
	ASSERT_EQ(set_eventfd(&s, fd, DRM_OGPU_EVENT_SIGNAL), 0);
	for (i = 0; i < CROWD; i++) {
		fans[i].fd = fd;
		fans[i].word = s.words;
		ASSERT_EQ(pthread_create(&fans[i].thread, NULL, wait_for_eventfd, &fans[i]), 0);
	}
	/* Who is asleep stays so: each is looked at until it is. */
	for (i = 0, end = time_limit(60000); i < CROWD;) {
		pid_t tid = __atomic_load_n(&fans[i].tid, __ATOMIC_SEQ_CST);

		ASSERT_LE(time_ms(), end);
		if (tid && is_asleep(tid, SYS_ppoll))
			i++;
		else
			sleep_ms(1);
	}
	if (!trace_begin())
		SKIP("no tracing");
	stream_fence_signal(&s.stream, s.memory.va, 1);
	card_run(&s.card, s.queue, &s.stream);
	for (i = 0; i < CROWD; i++) {
		pthread_join(fans[i].thread, NULL);
		EXPECT_EQ(fans[i].ret, 1);
	}
	most = trace_end(&irqs);
	printf("# %u woken by the interrupt\n", most);
	EXPECT_GE(irqs, 1);
	EXPECT_LE(most, 2);
}

/*
 * What signals cost others
 */

/* Signal interrupts that the cards have raised so far; -1 if nobody knows. */
static long count_interrupts(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	char line[4096], *at, *end;
	long sum = 0, n;
	bool any = false;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, "ogpu-signal"))
			continue;
		any = true;
		at = strchr(line, ':') + 1;
		for (n = strtol(at, &end, 10); end != at; n = strtol(at, &end, 10)) {
			sum += n;
			at = end;
		}
	}
	fclose(f);

	return any ? sum : -1;
}

static void fill_with_signals(struct setup *s, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		stream_fence_signal(&s->stream, s->memory.va, i + 1);
}

/* With nobody waiting a queue may signal as much as it likes: at most one interrupt. */
TEST(signals_without_waiter)
{
	struct setup s;
	long before;

	set_up(&s);
	fill_with_signals(&s, 20000);
	before = count_interrupts();
	if (before < 0)
		SKIP("no such line in /proc/interrupts");
	card_run(&s.card, s.queue, &s.stream);
	EXPECT_EQ(s.words[0], 20000);
	EXPECT_LE(count_interrupts() - before, 1);
}

/* With an eventfd there are at most sixteen in a tick, and a tick is at least 1 ms. */
TEST(signals_with_eventfd)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t start, elapsed;
	struct setup s;
	long before;

	set_up(&s);
	ASSERT_EQ(set_eventfd(&s, fd, DRM_OGPU_EVENT_SIGNAL), 0);
	fill_with_signals(&s, 20000);
	before = count_interrupts();
	if (before < 0)
		SKIP("no such line in /proc/interrupts");
	start = time_ms();
	card_run(&s.card, s.queue, &s.stream);
	elapsed = time_ms() - start + 2;
	EXPECT_LE(count_interrupts() - before, 20 * (long)elapsed);
	EXPECT(is_told(fd, SLOW_MS));
}

/*
 * Queues that signal without end
 */

#define STORM_QUEUES	16

/** struct storm - user queues that each execute FENCE SIGNAL until they are killed */
struct storm {
	struct card card;
	struct buffer words;
	struct stream levels[4];
	struct user queues[STORM_QUEUES];
};

/* Some 10^12 packets: each level is executed for each packet of the next one. */
static void storm_prepare(struct storm *s)
{
	struct drm_ogpu_pkt_indirect indirect = {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_INDIRECT, sizeof(indirect)),
	};
	unsigned int i, j;

	card_open(&s->card);
	user_vm(&s->card);
	card_buffer(&s->card, &s->words, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&s->card, &s->levels[0], 4096);
	for (i = 0; i < 100; i++)
		stream_fence_signal(&s->levels[0], s->words.va, i);
	for (i = 1; i < 4; i++) {
		card_stream(&s->card, &s->levels[i], 64 << 10);
		indirect.bytes = s->levels[i - 1].bytes;
		indirect.addr = s->levels[i - 1].buf.va;
		for (j = 0; j < 4096; j++)
			stream_add(&s->levels[i], &indirect, sizeof(indirect));
	}
}

static void storm_begin(struct storm *s)
{
	struct drm_ogpu_pkt_indirect indirect = {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_INDIRECT, sizeof(indirect)),
		.bytes = s->levels[3].bytes,
		.addr = s->levels[3].buf.va,
	};
	unsigned int i;

	for (i = 0; i < STORM_QUEUES; i++) {
		user_open(&s->card, &s->queues[i], 4096);
		user_add(&s->queues[i], &indirect, sizeof(indirect));
		user_ring(&s->queues[i]);
	}
}

/* For what none of them is going to store. */
static int storm_wait(struct storm *s, int ms)
{
	struct drm_ogpu_wait_fence f[STORM_QUEUES];
	volatile uint64_t *words = s->words.map;
	unsigned int i;

	for (i = 0; i < STORM_QUEUES; i++)
		f[i] = fence(&words[1], 1, s->queues[i].args.queue_id);

	return wait_for(&s->card, f, STORM_QUEUES, 0, ms, NULL);
}

/* Who waits for queues that never leave him alone can be killed all the same. */
TEST(killed_in_storm)
{
	static struct storm s;
	long before = count_interrupts();
	uint64_t end;
	pid_t pid;

	if (before < 0)
		SKIP("no such line in /proc/interrupts");
	pid = fork();
	if (!pid) {
		storm_prepare(&s);
		storm_begin(&s);
		storm_wait(&s, 3 * SLOW_MS);
		_exit(1);
	}
	ASSERT(pid > 0);
	/* It waits: nobody else arms anything. */
	for (end = time_limit(SLOW_MS); count_interrupts() - before < 100;) {
		ASSERT_LE(time_ms(), end);
		sleep_ms(1);
	}
	kill(pid, SIGKILL);
	for (end = time_limit(SLOW_MS); !waitpid(pid, NULL, WNOHANG);) {
		ASSERT_LE(time_ms(), end);
		sleep_ms(1);
	}
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
