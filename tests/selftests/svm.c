// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Address spaces that mirror the process: kernels and packets use its memory without any bind,
 * whatever the process does with that memory meanwhile. Programs that are killed, and cards that
 * are reset, unbound or do not answer while they do so are in svm_gone.c.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "card.h"
#include "harness.h"
#include "mirror.h"

#define SLOW_MS	30000
#define PAGE	4096ul
#define HUGE	(2ul << 20)

/* As malloc() gives it, or anybody else. */
static void *get_memory(size_t size, int prot)
{
	void *at = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(at != MAP_FAILED);
	return at;
}

static void open_svm(struct svm *s)
{
	if (!svm_open(s))
		SKIP("no shared virtual memory");
}

static void expect_fault(struct svm *s, const void *at, uint32_t reason)
{
	struct drm_ogpu_queue_get_state state;

	card_queue_wait_error(&s->card, s->u.args.queue_id, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	EXPECT_EQ(state.fault_va & ~(PAGE - 1), (uintptr_t)at & ~(PAGE - 1));
	EXPECT_EQ(state.reason, reason);
}

/* Every word one more than before, by a kernel. */
static void expect_added(struct svm *s, volatile uint64_t *words, uint64_t groups)
{
	uint64_t i, wrong = 0;

	for (i = 0; i < groups * SVM_ITEMS; i++)
		words[i] = i;
	ASSERT_EQ(svm_add(s, words, groups), 0);
	for (i = 0; i < groups * SVM_ITEMS; i++)
		wrong += words[i] != i + 1;
	EXPECT_EQ(wrong, 0);
}

/* What VM_CREATE says about flags. */
static int create_vm(struct card *card, uint32_t flags)
{
	struct drm_ogpu_vm_create args = { .flags = flags };

	return card_ioctl(card, DRM_IOCTL_OGPU_VM_CREATE, &args);
}

/* On all kernels: what is told is what there is, and flags go together or not at all. */
TEST(capability)
{
	const uint32_t lr = DRM_OGPU_VM_LONG_RUNNING, svm = DRM_OGPU_VM_SVM;
	const uint32_t vram = DRM_OGPU_VM_SVM_VRAM, unknown = 1u << 3;
	struct card card;
	uint32_t told;

	card_open(&card);
	told = card.info.flags;
	EXPECT_EQ(create_vm(&card, svm), -EINVAL);
	EXPECT_EQ(create_vm(&card, vram), -EINVAL);
	EXPECT_EQ(create_vm(&card, svm | vram), -EINVAL);
	EXPECT_EQ(create_vm(&card, lr | vram), -EINVAL);
	EXPECT_EQ(create_vm(&card, lr | unknown), -EINVAL);
	EXPECT_EQ(create_vm(&card, lr | svm | unknown), -EINVAL);
	EXPECT_EQ(create_vm(&card, lr | svm | vram | unknown), -EINVAL);

	EXPECT_EQ(create_vm(&card, lr | svm), told & DRM_OGPU_DEVICE_SVM ? 0 : -EOPNOTSUPP);
	EXPECT_EQ(create_vm(&card, lr | svm | vram),
		  told & DRM_OGPU_DEVICE_SVM_VRAM ? 0 : -EOPNOTSUPP);
	/* It does not come alone. */
	if (told & DRM_OGPU_DEVICE_SVM_VRAM)
		EXPECT(told & DRM_OGPU_DEVICE_SVM);
}

TEST(bind_is_for_the_other_half)
{
	struct buffer buf;
	struct svm s;

	open_svm(&s);
	ASSERT_EQ(card_buffer_create(&s.card, &buf, HUGE, DRM_OGPU_BO_SYSTEM), 0);
	EXPECT_EQ(card_bind(&s.card, &buf, 0x10000, SVM_RW), -EINVAL);
	EXPECT_EQ(card_bind(&s.card, &buf, DRM_OGPU_SVM_END - PAGE, SVM_RW), -EINVAL);
	EXPECT_EQ(card_unbind(&s.card, 0x10000, DRM_OGPU_SVM_END), -EINVAL);
	EXPECT_EQ(card_bind(&s.card, &buf, DRM_OGPU_SVM_END, SVM_RW), 0);
	EXPECT_EQ(card_unbind(&s.card, DRM_OGPU_SVM_END, HUGE), 0);
}

TEST(packets)
{
	size_t size = 3 * HUGE + 12345, i, wrong = 0;
	struct svm s;
	char *a, *b;

	open_svm(&s);
	a = malloc(size);
	b = malloc(size);
	ASSERT(a && b);
	for (i = 0; i < size; i++)
		a[i] = i * 7;
	user_copy(&s.u, (uintptr_t)a, (uintptr_t)b, size);
	ASSERT_EQ(svm_finish(&s), 0);
	for (i = 0; i < size; i++)
		wrong += a[i] != b[i];
	EXPECT_EQ(wrong, 0);
}

static uint64_t global[SVM_ITEMS];

TEST(kernels)
{
	uint64_t stack[SVM_ITEMS];
	uint64_t *heap;
	struct svm s;

	open_svm(&s);
	heap = malloc(64 * SVM_ITEMS * sizeof(*heap));
	ASSERT(heap);
	expect_added(&s, heap, 64);
	expect_added(&s, stack, 1);
	expect_added(&s, global, 1);
	/* Nobody has touched it before. */
	heap = get_memory(PAGE, PROT_READ | PROT_WRITE);
	ASSERT_EQ(svm_add(&s, heap, 1), 0);
	EXPECT_EQ(heap[SVM_ITEMS - 1], 1);
}

TEST(files)
{
	int fd = memfd_create("svm", 0);
	uint64_t *shared, *private;
	uint64_t word = 41;
	struct svm s;

	open_svm(&s);
	ASSERT_GE(fd, 0);
	/* Ends in the second of 16 pages that are mapped. */
	ASSERT_EQ(ftruncate(fd, PAGE + 100), 0);
	ASSERT_EQ(pwrite(fd, &word, sizeof(word), 0), sizeof(word));
	shared = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT(shared != MAP_FAILED && private != MAP_FAILED);
	ASSERT_EQ(svm_add(&s, shared, 1), 0);
	ASSERT_EQ(svm_add(&s, private, 1), 0);
	ASSERT_EQ(svm_add(&s, private, 1), 0);
	EXPECT_EQ(pread(fd, &word, sizeof(word), 0), sizeof(word));
	EXPECT_EQ(word, 42);
	EXPECT_EQ(shared[0], 42);
	EXPECT_EQ(private[0], 44);

	/* Behind its end. */
	svm_add_nowait(&s, (char *)shared + 2 * PAGE, 1);
	expect_fault(&s, (char *)shared + 2 * PAGE, DRM_OGPU_FAULT_NOT_MAPPED);
}

TEST(nothing_there)
{
	struct svm s;
	char *at;

	open_svm(&s);
	at = get_memory(PAGE, PROT_READ | PROT_WRITE);
	ASSERT_EQ(svm_add(&s, at, 1), 0);
	munmap(at, PAGE);
	svm_add_nowait(&s, at, 1);
	expect_fault(&s, at, DRM_OGPU_FAULT_NOT_MAPPED);
}

TEST(null_pointer)
{
	struct svm s;

	open_svm(&s);
	svm_add_nowait(&s, NULL, 1);
	expect_fault(&s, NULL, DRM_OGPU_FAULT_NOT_MAPPED);
}

TEST(read_only)
{
	volatile uint64_t *to;
	uint64_t *at;
	struct svm s;

	open_svm(&s);
	at = get_memory(PAGE, PROT_READ | PROT_WRITE);
	to = get_memory(PAGE, PROT_READ | PROT_WRITE);
	at[0] = 77;
	ASSERT_EQ(svm_add(&s, at, 1), 0);
	ASSERT_EQ(mprotect(at, PAGE, PROT_READ), 0);
	user_copy(&s.u, (uintptr_t)at, (uintptr_t)to, PAGE);
	ASSERT_EQ(svm_finish(&s), 0);
	EXPECT_EQ(to[0], 78);
	svm_add_nowait(&s, at, 1);
	expect_fault(&s, at, DRM_OGPU_FAULT_PERMISSION);
	EXPECT_EQ(at[0], 78);
}

/* Read first, written later: not more than the access asks for, and then that. */
TEST(read_then_write)
{
	volatile uint64_t *at, *to;
	struct svm s;

	open_svm(&s);
	at = get_memory(PAGE, PROT_READ | PROT_WRITE);
	to = get_memory(PAGE, PROT_READ | PROT_WRITE);
	user_copy(&s.u, (uintptr_t)at, (uintptr_t)to, PAGE);
	ASSERT_EQ(svm_finish(&s), 0);
	/* Now the page of zeros goes. */
	at[0] = 5;
	ASSERT_EQ(svm_add(&s, (void *)at, 1), 0);
	EXPECT_EQ(at[0], 6);
	user_copy(&s.u, (uintptr_t)at, (uintptr_t)to, PAGE);
	ASSERT_EQ(svm_finish(&s), 0);
	EXPECT_EQ(to[0], 6);
}

TEST(not_executable)
{
	struct svm s;
	uint32_t *at;

	open_svm(&s);
	at = get_memory(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	at[0] = 0x00008067;	/* ret */
	svm_dispatch(&s, (uintptr_t)at, 0, 1, 1);
	user_fence(&s.u);
	user_ring(&s.u);
	EXPECT_EQ(user_error(&s.u), DRM_OGPU_QUEUE_ERR_MEMORY);
}

/* Memory of devices: a buffer that the CPU has mapped. */
TEST(mapped_buffer)
{
	struct drm_ogpu_queue_get_state state;
	struct buffer buf;
	struct svm s;

	open_svm(&s);
	card_buffer(&s.card, &buf, PAGE, DRM_OGPU_BO_SYSTEM, SVM_RW);
	svm_add_nowait(&s, buf.map, 1);
	card_queue_wait_error(&s.card, s.u.args.queue_id, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	EXPECT_EQ(state.reason, DRM_OGPU_FAULT_BUS);
}

TEST(munmap_running)
{
	struct svm s;
	void *at;

	open_svm(&s);
	at = get_memory(PAGE, PROT_READ | PROT_WRITE);
	svm_spin(&s, at);
	munmap(at, PAGE);
	expect_fault(&s, at, DRM_OGPU_FAULT_NOT_MAPPED);
}

TEST(mprotect_running)
{
	volatile uint64_t *at;
	struct svm s;
	uint64_t was;

	open_svm(&s);
	at = get_memory(PAGE, PROT_READ | PROT_WRITE);
	svm_spin(&s, at);
	ASSERT_EQ(mprotect((void *)at, PAGE, PROT_READ), 0);
	was = at[0];
	expect_fault(&s, (void *)at, DRM_OGPU_FAULT_PERMISSION);
	EXPECT_EQ(at[0], was);
}

/* Each has its own from then on. */
TEST(fork_running)
{
	volatile uint64_t *at;
	struct svm s;
	int i, status;
	uint64_t was;
	pid_t pid;

	open_svm(&s);
	at = get_memory(PAGE, PROT_READ | PROT_WRITE);
	svm_spin(&s, at);
	for (i = 0; i < 5; i++) {
		int go[2];
		char c;

		ASSERT_EQ(pipe(go), 0);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			was = at[0];
			if (read(go[0], &c, 1) != 1)
				_exit(2);
			_exit(at[0] != was);
		}
		/* Goes on here while the child looks. */
		svm_wait_spin(&s, at);
		svm_wait_spin(&s, at);
		EXPECT_EQ(write(go[1], "", 1), 1);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_EQ(status, 0);
		close(go[0]);
		close(go[1]);
	}
	EXPECT_EQ(svm_stop_spin(&s), 0);
}

TEST(mremap_running)
{
	volatile uint64_t *at, *new;
	struct svm s;
	uint64_t was;

	open_svm(&s);
	at = get_memory(PAGE, PROT_READ | PROT_WRITE);
	new = get_memory(PAGE, PROT_READ | PROT_WRITE);
	svm_spin(&s, at);
	/* The new one comes to where the kernel is, what was there goes. */
	new[1] = 4711;
	ASSERT(mremap((void *)new, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at);
	EXPECT_EQ(at[1], 4711);
	svm_wait_spin(&s, at);
	EXPECT_EQ(svm_stop_spin(&s), 0);
	was = at[0];
	EXPECT_EQ(at[0], was);
}

/* For CPUs the address is never missing: what is there is another page, again and again. */
TEST(replaced_running)
{
	volatile uint64_t *at;
	struct svm s;
	char *raw;
	int i;

	open_svm(&s);
	/* Neighbours that are not mapped along with it. */
	raw = get_memory(3 * PAGE, PROT_NONE);
	at = (uint64_t *)(raw + PAGE);
	ASSERT_EQ(mprotect((void *)at, PAGE, PROT_READ | PROT_WRITE), 0);
	svm_spin(&s, at);
	for (i = 0; i < 300; i++) {
		ASSERT(mmap((void *)at, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
		if (i % 20 == 0)
			svm_wait_spin(&s, at);
	}
	svm_wait_spin(&s, at);
	EXPECT_EQ(svm_stop_spin(&s), 0);
}

TEST(discard_running)
{
	volatile uint64_t *at;
	struct svm s;
	int i;

	open_svm(&s);
	at = get_memory(HUGE, PROT_READ | PROT_WRITE);
	svm_spin(&s, at);
	for (i = 0; i < 50; i++) {
		at[1] = 99;
		ASSERT_EQ(madvise((void *)at, HUGE, MADV_DONTNEED), 0);
		svm_wait_spin(&s, at);
		EXPECT_EQ(at[1], 0);
	}
	EXPECT_EQ(svm_stop_spin(&s), 0);
}

TEST(huge_pages)
{
	char *raw, *at;
	uint64_t *words;
	struct svm s;

	open_svm(&s);
	raw = get_memory(4 * HUGE, PROT_READ | PROT_WRITE);
	at = (char *)(((uintptr_t)raw + HUGE - 1) & ~(HUGE - 1));
	words = (uint64_t *)at;
	if (madvise(at, 2 * HUGE, MADV_HUGEPAGE))
		SKIP("no huge pages");
	expect_added(&s, words, 2 * HUGE / 8 / SVM_ITEMS);
	/* One part changes, which splits the page. */
	ASSERT_EQ(mprotect(at + 16 * PAGE, PAGE, PROT_READ), 0);
	ASSERT_EQ(svm_add(&s, at, 8), 0);
	EXPECT_EQ(words[5], 7);
	ASSERT_EQ(mprotect(at + 16 * PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
	madvise(at, 2 * HUGE, MADV_COLLAPSE);
	ASSERT_EQ(svm_add(&s, at, 2 * HUGE / 8 / SVM_ITEMS), 0);
	EXPECT_EQ(words[5], 8);
	EXPECT_EQ(words[2 * HUGE / 8 - 1], 2 * HUGE / 8 + 1);
	munmap(at + HUGE, PAGE);
	ASSERT_EQ(svm_add(&s, at, HUGE / 8 / SVM_ITEMS), 0);
	EXPECT_EQ(words[5], 9);
	ASSERT_EQ(svm_add(&s, at + HUGE + PAGE, 8), 0);
}

/* More than a user may have mirrored: what was touched long ago is forgotten, and found again. */
TEST_TIMEOUT(more_than_quota, 120)
{
	size_t size = (size_t)sysconf(_SC_PHYS_PAGES) * PAGE * 2 + 64 * HUGE, i;
	volatile uint64_t *to;
	struct svm s;
	char *at;

	open_svm(&s);
	to = get_memory(PAGE, PROT_READ | PROT_WRITE);
	at = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT(at != MAP_FAILED);
	for (i = 0; i < size; i += HUGE) {
		to[0] = 1;
		user_copy(&s.u, (uintptr_t)at + i, (uintptr_t)to, 8);
		ASSERT_EQ(svm_finish(&s), 0);
		ASSERT_EQ(to[0], 0);
	}
	to[0] = 1;
	user_copy(&s.u, (uintptr_t)at, (uintptr_t)to, 8);
	ASSERT_EQ(svm_finish(&s), 0);
	EXPECT_EQ(to[0], 0);
}

/* A program that has the card fault without end, for as long as it lives. */
static pid_t start_greedy(void)
{
	volatile uint64_t *at;
	int ready[2];
	struct svm s;
	pid_t pid;
	char c;

	ASSERT_EQ(pipe(ready), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		open_svm(&s);
		at = get_memory(HUGE, PROT_READ | PROT_WRITE);
		svm_spin(&s, at);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			madvise((void *)at, HUGE, MADV_DONTNEED);
	}
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	return pid;
}

TEST_TIMEOUT(stranger_of_greedy, 120)
{
	pid_t greedy[2];
	struct svm s;
	uint64_t *at;
	int i;

	open_svm(&s);
	greedy[0] = start_greedy();
	greedy[1] = start_greedy();
	for (i = 0; i < 10; i++) {
		at = get_memory(16 * PAGE, PROT_READ | PROT_WRITE);
		expect_added(&s, at, 4);
	}
	for (i = 0; i < 2; i++) {
		kill(greedy[i], SIGKILL);
		waitpid(greedy[i], NULL, 0);
	}
}

/* Memory that comes when its owner wants: his fault waits, nobody else's does. */
TEST(stranger_of_late_memory)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_zeropage zero = {};
	struct svm late, s;
	uint64_t *at, *mine;
	struct uffd_msg msg;
	int fd;

	open_svm(&late);
	open_svm(&s);
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		SKIP("no userfaultfd");
	at = get_memory(PAGE, PROT_READ | PROT_WRITE);
	reg.range.start = (uintptr_t)at;
	reg.range.len = PAGE;
	ASSERT_EQ(ioctl(fd, UFFDIO_REGISTER, &reg), 0);
	svm_add_nowait(&late, at, 1);
	ASSERT_EQ(read(fd, &msg, sizeof(msg)), sizeof(msg));
	EXPECT_EQ(msg.event, UFFD_EVENT_PAGEFAULT);

	mine = get_memory(16 * PAGE, PROT_READ | PROT_WRITE);
	expect_added(&s, mine, 4);

	zero.range = reg.range;
	ASSERT_EQ(ioctl(fd, UFFDIO_ZEROPAGE, &zero), 0);
	EXPECT_EQ(user_wait(&late.u, SLOW_MS), 0);
	EXPECT_EQ(at[SVM_ITEMS - 1], 1);
}

/** struct changer - a thread that has its memory moved about, but never loses the right to it */
struct changer {
	char *at;
	size_t size;
	volatile bool stop;
	unsigned int changes;
};

static void *change_memory(void *arg)
{
	struct changer *c = arg;

	while (!c->stop) {
		char *part = c->at + c->changes * 7 % 16 * (c->size / 16);

		switch (c->changes++ % 4) {
		case 0:
			mprotect(part, c->size / 16, PROT_READ | PROT_WRITE | PROT_EXEC);
			mprotect(part, c->size / 16, PROT_READ | PROT_WRITE);
			break;
		case 1:
			madvise(part, c->size / 16, MADV_PAGEOUT);
			break;
		case 2:
			/* All pages are somebody else's, too, until they are written. */
			if (!fork())
				_exit(0);
			wait(NULL);
			break;
		default:
			madvise(c->at, c->size, MADV_COLLAPSE);
			break;
		}
	}

	return NULL;
}

/* Nothing is lost while the memory is write-protected, copied, taken and joined all the time. */
TEST_TIMEOUT(changes, 120)
{
	struct changer c = { .size = 2 * HUGE };
	uint64_t i, wrong = 0, rounds = 0;
	pthread_t thread;
	struct svm s;
	uint64_t *at;

	open_svm(&s);
	c.at = get_memory(2 * c.size, PROT_READ | PROT_WRITE);
	c.at = (char *)(((uintptr_t)c.at + HUGE - 1) & ~(HUGE - 1));
	at = (uint64_t *)c.at;
	ASSERT_EQ(pthread_create(&thread, NULL, change_memory, &c), 0);
	while (rounds < 10 || c.changes < 40) {
		ASSERT_EQ(svm_add(&s, at, c.size / 8 / SVM_ITEMS), 0);
		rounds++;
	}
	c.stop = true;
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	for (i = 0; i < c.size / 8; i++)
		wrong += at[i] != rounds;
	EXPECT_EQ(wrong, 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
