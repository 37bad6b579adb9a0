// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of the process that comes to VRAM while kernels use it, and goes back when anybody else
 * needs it: CPUs, fork(), who unbinds the card.
 */
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

	if (!svm_open(s))
		SKIP("no shared virtual memory");
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

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
