// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Kernels that use memory of the process while the process is killed, or while the card is reset,
 * unbound, dies or does not answer: the process gets its memory back, and the next program has a
 * card that works.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "mirror.h"

#define PAGE	4096ul
#define BYTES	(2ul << 20)

static void open_svm(struct svm *s)
{
	if (!svm_open(s))
		SKIP("no shared virtual memory");
}

static volatile uint64_t *get_memory(void)
{
	void *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(at != MAP_FAILED);
	return at;
}

/*
 * What has been freed is the first to be used again. So memory that is filled right after something
 * was taken from the card shows whether the card still writes there.
 */
#define FRESH_BYTES	(4 * BYTES)
#define FRESH_WORD	0x5ca1ab1e5ca1ab1eull

static volatile uint64_t *fill_fresh(void)
{
	volatile uint64_t *at;
	size_t i;

	at = mmap(NULL, FRESH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(at != MAP_FAILED);
	for (i = 0; i < FRESH_BYTES / 8; i++)
		at[i] = FRESH_WORD;

	return at;
}

static void check_fresh(volatile uint64_t *at)
{
	size_t i, wrong = 0;

	for (i = 0; i < FRESH_BYTES / 8; i++)
		wrong += at[i] != FRESH_WORD;
	EXPECT_EQ(wrong, 0);
	munmap((void *)at, FRESH_BYTES);
}

static void check_next(void)
{
	volatile uint64_t *at = get_memory();
	struct svm s;

	open_svm(&s);
	ASSERT_EQ(svm_add(&s, at, 8), 0);
	EXPECT_EQ(at[8 * SVM_ITEMS - 1], 1);
}

/* A program with a kernel that faults without end. */
static pid_t start_victim(void)
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
		at = get_memory();
		svm_spin(&s, at);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			madvise((void *)at, BYTES, MADV_DONTNEED);
	}
	close(ready[1]);
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

TEST_TIMEOUT(killed, 120)
{
	struct drm_ogpu_query_memory before;
	volatile uint64_t *fresh;
	struct card card;
	pid_t pid;
	int i;

	card_open_unused(&card);
	if (!(card.info.flags & DRM_OGPU_DEVICE_SVM))
		SKIP("no shared virtual memory");
	before = card_memory(&card);
	for (i = 0; i < 10; i++) {
		pid = start_victim();
		sleep_ms(i * 3);
		ASSERT_EQ(kill(pid, SIGKILL), 0);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
		fresh = fill_fresh();
		check_fresh(fresh);
	}
	EXPECT_EQ(card_wait_memory(&card, &before), 0);
	check_next();
}

/** struct late - a kernel that waits for memory that does not come */
struct late {
	struct svm s;
	int fd;
	volatile uint64_t *at;
};

static void open_late(struct late *l)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffd_msg msg;

	open_svm(&l->s);
	l->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (l->fd < 0 || ioctl(l->fd, UFFDIO_API, &api))
		SKIP("no userfaultfd");
	l->at = get_memory();
	reg.range.start = (uintptr_t)l->at;
	reg.range.len = PAGE;
	ASSERT_EQ(ioctl(l->fd, UFFDIO_REGISTER, &reg), 0);
	svm_add_nowait(&l->s, (void *)l->at, 1);
	ASSERT_EQ(read(l->fd, &msg, sizeof(msg)), sizeof(msg));
}

/* Nobody waits for it: it comes when the card has long been another. */
static void give_late(struct late *l)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)l->at, PAGE } };

	ASSERT_EQ(ioctl(l->fd, UFFDIO_ZEROPAGE, &zero), 0);
	EXPECT_EQ(l->at[0], 0);
}

TEST_TIMEOUT(killed_in_fault, 120)
{
	struct late late;
	int ready[2];
	pid_t pid;
	char c;

	ASSERT_EQ(pipe(ready), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		open_late(&late);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		SKIP("no late memory");
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	check_next();
}

TEST_TIMEOUT(reset_in_fault, 120)
{
	struct admin admin;
	struct late late;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	open_late(&late);
	ASSERT(admin_write(&admin, "reset", "1"));
	ASSERT(admin_wait(&admin, "state", "running"));
	check_next();
	give_late(&late);
	check_next();
}

static void give_back(struct admin *admin)
{
	ASSERT(admin_bind(admin));
	ASSERT_EQ(admin_load_firmware(admin), 0);
	ASSERT(admin_wait(admin, "state", "running"));
}

TEST_TIMEOUT(unbind_in_fault, 120)
{
	struct admin admin;
	struct late late;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	open_late(&late);
	ASSERT(admin_unbind(&admin));
	give_late(&late);
	give_back(&admin);
	check_next();
}

TEST_TIMEOUT(unbind_running, 120)
{
	volatile uint64_t *at, *fresh;
	struct admin admin;
	struct svm s;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	open_svm(&s);
	at = get_memory();
	svm_spin(&s, at);
	ASSERT(admin_unbind(&admin));
	EXPECT_EQ(munmap((void *)at, PAGE), 0);
	fresh = fill_fresh();
	give_back(&admin);
	check_fresh(fresh);
	check_next();
}

TEST_TIMEOUT(reset_running, 120)
{
	volatile uint64_t *at, *fresh;
	struct admin admin;
	struct svm s;
	int i;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	open_svm(&s);
	at = get_memory();
	svm_spin(&s, at);
	ASSERT(admin_write(&admin, "reset", "1"));
	/* Before it, in it, after it. */
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(madvise((void *)at, BYTES, MADV_DONTNEED), 0);
		fresh = fill_fresh();
		at[1] = 1;
		check_fresh(fresh);
	}
	ASSERT_EQ(madvise((void *)at, BYTES, MADV_DONTNEED), 0);
	fresh = fill_fresh();
	ASSERT(admin_wait(&admin, "state", "running"));
	check_fresh(fresh);
	ASSERT_EQ(madvise((void *)at, BYTES, MADV_DONTNEED), 0);
	EXPECT_EQ(at[0], 0);
	check_next();
}

/* A card that confirms nothing: memory goes back once it has been stopped, and not before. */
TEST_TIMEOUT(link_lost, 120)
{
	volatile uint64_t *at, *fresh;
	struct admin admin;
	struct svm s;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	open_svm(&s);
	if (!admin_has_control(&admin))
		SKIP("no virtual GPU with a control socket");
	at = get_memory();
	svm_spin(&s, at);
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"gone\",\"ms\":300}"));
	ASSERT_EQ(madvise((void *)at, BYTES, MADV_DONTNEED), 0);
	fresh = fill_fresh();
	EXPECT_EQ(at[0], 0);
	/* That it was lost may be found out only now. */
	EXPECT_EQ(user_wait(&s.u, 30000), -ENODEV);
	ASSERT(admin_wait(&admin, "state", "running"));
	check_fresh(fresh);
	EXPECT_EQ(at[0], 0);
	check_next();
}

/* The same while it goes on executing, and so writing. */
TEST_TIMEOUT(forgets_nothing, 120)
{
	volatile uint64_t *at, *fresh;
	struct admin admin;
	struct svm s;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	open_svm(&s);
	if (!admin_has_control(&admin))
		SKIP("no virtual GPU with a control socket");
	at = get_memory();
	svm_spin(&s, at);
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"tlbi\"}"));
	ASSERT_EQ(madvise((void *)at, BYTES, MADV_DONTNEED), 0);
	fresh = fill_fresh();
	EXPECT_EQ(user_wait(&s.u, 30000), -ENODEV);
	ASSERT(admin_wait(&admin, "state", "running"));
	check_fresh(fresh);
	check_next();
}

TEST_TIMEOUT(firmware_dies, 120)
{
	volatile uint64_t *at, *fresh;
	struct admin admin;
	struct svm s;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	open_svm(&s);
	if (!admin_has_control(&admin))
		SKIP("no virtual GPU with a control socket");
	at = get_memory();
	svm_spin(&s, at);
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"mc-crash\"}"));
	ASSERT_EQ(madvise((void *)at, BYTES, MADV_DONTNEED), 0);
	fresh = fill_fresh();
	/* When it is over somebody has noticed. */
	EXPECT_EQ(user_wait(&s.u, 30000), -ENODEV);
	ASSERT(admin_wait(&admin, "state", "running"));
	check_fresh(fresh);
	ASSERT_EQ(madvise((void *)at, BYTES, MADV_DONTNEED), 0);
	EXPECT_EQ(at[0], 0);
	check_next();
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
