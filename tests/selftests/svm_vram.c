// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of the process that comes to VRAM while kernels use it, if the program allows that, and
 * goes back when anybody else needs it, or the VRAM: CPUs, buffers, who unbinds the card or has the
 * machine sleep. What a reset loses is not replaced by something else. If the program does not
 * allow it nothing leaves system memory, and nothing is lost.
 *
 * VM: --append no_console_suspend --qemu-args '-global pcie-root-port.hotplug=off'
 */
#include <fcntl.h>
#include <sys/types.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "mirror.h"

#define PAGE	4096ul
#define HUGE	(2ul << 20)
#define WORDS	(HUGE / 8)
#define GROUPS	(WORDS / SVM_ITEMS)

static uint64_t vram_used(struct svm *s)
{
	return card_memory(&s->card).vram_used;
}

/* Aligned, so that it is one range. */
static volatile uint64_t *get_memory(size_t size)
{
	char *at = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);

	ASSERT(at != MAP_FAILED);
	return (uint64_t *)(((uintptr_t)at + HUGE - 1) & ~(HUGE - 1));
}

static void fill(volatile uint64_t *at)
{
	uint64_t i;

	for (i = 0; i < WORDS; i++)
		at[i] = i;
}

static void expect_words(volatile uint64_t *at, uint64_t more)
{
	uint64_t i, wrong = 0;

	for (i = 0; i < WORDS; i++)
		wrong += at[i] != i + more;
	EXPECT_EQ(wrong, 0);
}

/* In VRAM, each word one more than its number. */
static volatile uint64_t *bring(struct svm *s)
{
	volatile uint64_t *at = get_memory(HUGE);
	uint64_t used;
	int i;

	if (!svm_open_vram(s))
		SKIP("no shared virtual memory in VRAM");
	/* What the queue needs itself. */
	ASSERT_EQ(svm_add(s, get_memory(HUGE), 1), 0);
	/* What the programs before this one had may be given back meanwhile. */
	for (i = 0; i < 16; i++) {
		at = get_memory(HUGE);
		fill(at);
		used = vram_used(s);
		ASSERT_EQ(svm_add(s, at, GROUPS), 0);
		if (vram_used(s) >= used + HUGE)
			return at;
	}
	SKIP("memory of the process does not come to VRAM");
}

/* A buffer for which something must make way. */
static int create_buffer(struct card *card)
{
	struct drm_ogpu_query_memory memory = card_memory(card);
	struct drm_ogpu_bo_create create = {
		.size = (memory.vram_size - memory.vram_used + HUGE / 2) & ~0xffffull,
		.placement = DRM_OGPU_BO_VRAM,
	};

	return card_ioctl(card, DRM_IOCTL_OGPU_BO_CREATE, &create);
}

static void expect_less(struct svm *s, uint64_t used)
{
	uint64_t end = time_limit(10000);

	while (vram_used(s) + HUGE > used && time_ms() < end)
		sleep_ms(1);
	EXPECT_LE(vram_used(s) + HUGE, used);
}

TEST(cpu_takes_back)
{
	volatile uint64_t *at;
	struct svm s;
	uint64_t used;
	int i;

	at = bring(&s);
	for (i = 1; i < 8; i++) {
		used = vram_used(&s);
		expect_words(at, i);
		if (i == 1)
			expect_less(&s, used);
		ASSERT_EQ(svm_add(&s, at, GROUPS), 0);
	}
	expect_words(at, i);
}

TEST(untouched_is_zero)
{
	volatile uint64_t *at;
	struct svm s;
	uint64_t i, wrong = 0;

	bring(&s);
	at = get_memory(HUGE);
	ASSERT_EQ(svm_add(&s, at, GROUPS), 0);
	for (i = 0; i < WORDS; i++)
		wrong += at[i] != 1;
	EXPECT_EQ(wrong, 0);
}

/* A child that looks at the memory when it is told to. Returns the pipe that tells it. */
static int fork_to_look(volatile uint64_t *at, uint64_t more, pid_t *pid)
{
	int ends[2];

	ASSERT_EQ(pipe(ends), 0);
	*pid = fork();
	ASSERT_GE(*pid, 0);
	if (!*pid) {
		uint64_t i, wrong = 0;
		char byte;

		close(ends[1]);
		if (read(ends[0], &byte, 1) < 0)
			_exit(2);
		for (i = 0; i < WORDS; i++)
			wrong += at[i] != i + more;
		_exit(!!wrong);
	}
	close(ends[0]);

	return ends[1];
}

static void expect_seen(int tell, pid_t pid)
{
	int status;

	close(tell);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

/* What kernels of the parent do after fork() is not the child's, whoever comes first. */
TEST(fork_in_vram)
{
	volatile uint64_t *at;
	struct svm s;
	int tell;
	pid_t pid;

	at = bring(&s);
	tell = fork_to_look(at, 1, &pid);
	ASSERT_EQ(svm_add(&s, at, GROUPS), 0);
	expect_seen(tell, pid);
	expect_words(at, 2);

	ASSERT_EQ(svm_add(&s, at, GROUPS), 0);
	tell = fork_to_look(at, 3, &pid);
	svm_add_nowait(&s, (const void *)at, GROUPS);
	expect_seen(tell, pid);
	ASSERT_EQ(svm_finish(&s), 0);
	expect_words(at, 4);
}

/* Kernels write to what fork() has made common, though it comes to VRAM only afterwards. */
TEST(fork_before_vram)
{
	volatile uint64_t *at;
	struct svm s;
	int tell;
	pid_t pid;

	bring(&s);
	at = get_memory(HUGE);
	fill(at);
	tell = fork_to_look(at, 0, &pid);
	ASSERT_EQ(svm_add(&s, at, GROUPS), 0);
	expect_seen(tell, pid);
	expect_words(at, 1);
}

TEST(munmap_in_vram)
{
	volatile uint64_t *at;
	struct svm s;
	uint64_t used;

	at = bring(&s);
	used = vram_used(&s);
	munmap((void *)at, HUGE);
	expect_less(&s, used);
}

TEST(mprotect_in_vram)
{
	volatile uint64_t *at;
	struct svm s;

	at = bring(&s);
	ASSERT_EQ(mprotect((char *)at + 16 * PAGE, PAGE, PROT_READ), 0);
	ASSERT_EQ(svm_add(&s, at, 8), 0);
	EXPECT_EQ(at[5], 7);
	EXPECT_EQ(at[WORDS - 1], WORDS);
}

/* Buffers that need all of VRAM get it, and it costs nobody his memory. */
TEST(buffer_needs_room)
{
	volatile uint64_t *at;
	struct svm s;

	at = bring(&s);
	ASSERT_EQ(create_buffer(&s.card), 0);
	expect_words(at, 1);
	/* There is no room for it now. */
	ASSERT_EQ(svm_add(&s, at, GROUPS), 0);
	expect_words(at, 2);
}

/* Pages that only a child still has make way, too. */
TEST(orphan_makes_way)
{
	struct card card;
	struct svm s;
	int tell[2], told[2], status;
	char byte = 0;
	pid_t pid;

	card_open_unused(&card);
	ASSERT_EQ(pipe(tell), 0);
	ASSERT_EQ(pipe(told), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		volatile uint64_t *at = bring(&s);
		uint64_t i, wrong = 0;

		pid = fork();
		if (pid)
			_exit(pid < 0);
		close(tell[1]);
		if (write(told[1], &byte, 1) != 1 || read(tell[0], &byte, 1) < 0)
			_exit(1);
		for (i = 0; i < WORDS; i++)
			wrong += at[i] != i + 1;
		byte = wrong ? 'w' : 'r';
		_exit(write(told[1], &byte, 1) != 1);
	}
	close(told[1]);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	/* It had nothing in VRAM. */
	if (read(told[0], &byte, 1) != 1)
		SKIP("memory of the process does not come to VRAM");

	EXPECT_EQ(create_buffer(&card), 0);
	close(tell[1]);
	ASSERT_EQ(read(told[0], &byte, 1), 1);
	EXPECT_EQ(byte, 'r');
}

/* Memory of a process that ends goes back. */
TEST(exit_in_vram)
{
	struct drm_ogpu_query_memory before;
	struct card card;
	struct svm s;
	pid_t pid;
	int status;

	card_open_unused(&card);
	before = card_memory(&card);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		bring(&s);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(card_wait_memory(&card, &before), 0);
}

TEST_TIMEOUT(unbind_in_vram, 120)
{
	volatile uint64_t *at;
	struct admin admin;
	struct svm s;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	at = bring(&s);
	ASSERT(admin_unbind(&admin));
	expect_words(at, 1);
	ASSERT(admin_bind(&admin));
	ASSERT_EQ(admin_load_firmware(&admin), 0);
	ASSERT(admin_wait(&admin, "state", "running"));
}

/* Who touches what a reset has lost is told, and gets nothing else. What was not there is kept. */
TEST_TIMEOUT(reset_in_vram, 120)
{
	volatile uint64_t *at, *other;
	struct admin admin;
	struct svm s;
	int status;
	pid_t pid;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	at = bring(&s);
	other = get_memory(HUGE);
	fill(other);
	ASSERT(admin_write(&admin, "reset", "1"));
	ASSERT(admin_wait(&admin, "state", "running"));
	expect_words(other, 0);

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		_exit(at[0] != 1);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);

	/* New memory there is memory as any other, and nobody waits for the old one. */
	ASSERT_EQ(madvise((void *)at, HUGE / 2, MADV_DONTNEED), 0);
	EXPECT_EQ(at[0], 0);
	ASSERT(admin_unbind(&admin));
	ASSERT_EQ(munmap((void *)at, HUGE), 0);
	ASSERT(admin_bind(&admin));
	ASSERT_EQ(admin_load_firmware(&admin), 0);
	ASSERT(admin_wait(&admin, "state", "running"));
}

/* More than programs of before may give back meanwhile. */
#define STAYING	8

static void add_to_all(struct svm *s, volatile uint64_t **at)
{
	int i;

	for (i = 0; i < STAYING; i++)
		ASSERT_EQ(svm_add(s, at[i], GROUPS), 0);
}

/* Without the flag nothing comes, and a reset costs nothing. */
TEST_TIMEOUT(stays_unless_allowed, 120)
{
	volatile uint64_t *at[STAYING];
	struct admin admin;
	uint64_t used;
	struct svm s;
	int i;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	if (!svm_open(&s))
		SKIP("no shared virtual memory");
	/* What the queue needs itself. */
	ASSERT_EQ(svm_add(&s, get_memory(HUGE), 1), 0);
	for (i = 0; i < STAYING; i++) {
		at[i] = get_memory(HUGE);
		fill(at[i]);
	}
	used = vram_used(&s);
	add_to_all(&s, at);
	EXPECT_LE(vram_used(&s), used + HUGE - 1);
	for (i = 0; i < STAYING; i++)
		expect_words(at[i], 1);

	add_to_all(&s, at);
	ASSERT(admin_write(&admin, "reset", "1"));
	ASSERT(admin_wait(&admin, "state", "running"));
	for (i = 0; i < STAYING; i++)
		expect_words(at[i], 2);
}

/* An address space without the flag uses what another one of the process has had come. */
TEST(both_kinds)
{
	volatile uint64_t *at;
	struct svm with, without;

	at = bring(&with);
	ASSERT(svm_open(&without));
	ASSERT_EQ(svm_add(&without, at, GROUPS), 0);
	ASSERT_EQ(svm_add(&with, at, GROUPS), 0);
	ASSERT_EQ(svm_add(&without, at, GROUPS), 0);
	expect_words(at, 4);
	/* From system memory it does not come for the one without. */
	ASSERT_EQ(svm_add(&without, at, GROUPS), 0);
	expect_words(at, 5);
}

/* Pages that nobody's flag would bring any more are still the process's, or its child's. */
TEST(last_one_goes)
{
	volatile uint64_t *at;
	struct svm with, without;

	at = bring(&with);
	ASSERT(svm_open(&without));
	card_close(&with.card);
	ASSERT_EQ(svm_add(&without, at, GROUPS), 0);
	expect_words(at, 2);
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return written;
}

/* The machine sleeps: the card is started anew, and what the process had there is kept. */
TEST_TIMEOUT(sleep_in_vram, 120)
{
	volatile uint64_t *at;
	struct admin admin;
	struct svm s;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	if (!put("/sys/power/pm_test", "devices"))
		SKIP("the kernel cannot try how to sleep");
	put("/sys/module/suspend/parameters/pm_test_delay", "1");
	at = bring(&s);
	ASSERT(put("/sys/power/state", "freeze"));
	ASSERT(put("/sys/power/pm_test", "none"));
	ASSERT(admin_wait(&admin, "state", "running"));
	expect_words(at, 1);
	/* It may come again. */
	card_close(&s.card);
	bring(&s);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
