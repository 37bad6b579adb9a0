// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A program that waits for its own jobs holds up nobody who takes a card away: neither another
 * card, whatever it waits in, nor this one for the sake of fences that belong elsewhere, or of
 * memory that does not come.
 *
 * VM: --cards 2 --vgpu-args '--vram 64M --aperture 16M'
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>

#include <xf86drm.h>

#include "admin.h"
#include "card.h"
#include "harness.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
/* Longer than the test takes: it is the gate alone that ends a job. */
#define JOB_TIMEOUT_MS	3600000
#define WAIT_MS		30000
#define HIDDEN_BYTES	(12ull << 20)

/** struct setup - a card with a job that ends when the gate opens, and another card */
struct setup {
	struct card card;
	struct admin other;
	struct buffer gate;
	struct stream gated;
	uint32_t queue;
	/** @done: signalled by the job */
	uint32_t done;
};

/* The address on the PCI bus of the card behind a file. */
static void address_of(int fd, char *address, size_t size)
{
	char path[64], real[PATH_MAX];
	struct stat st;

	ASSERT_EQ(fstat(fd, &st), 0);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	ASSERT(realpath(path, real));
	snprintf(address, size, "%s", basename(real));
}

static void find_other(const struct card *card, struct admin *other)
{
	char address[64];
	int i;

	address_of(card->fd, address, sizeof(address));
	for (i = 0; i < 2; i++) {
		if (!admin_init(other, i))
			SKIP("needs two cards");
		if (strcmp(other->address, address))
			return;
	}
	SKIP("needs two cards");
}

static void set_up(struct setup *t)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };

	card_open(&t->card);
	find_other(&t->card, &t->other);
	card_buffer(&t->card, &t->gate, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&t->card, &t->gated, 4096);
	stream_wait(&t->gated, t->gate.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	t->queue = card_queue(&t->card, DRM_OGPU_ENGINE_COMPUTE, JOB_TIMEOUT_MS);
	t->done = card_syncobj(&t->card);
	out.handle = t->done;
	ASSERT_EQ(card_submit(&t->card, t->queue, &t->gated, &out, 1), 0);
}

static void open_gate(struct setup *t)
{
	*(volatile uint64_t *)t->gate.map = 1;
}

/* A process of its own, which ends with the test. */
static pid_t start(void)
{
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);

	return pid;
}

/* Likewise, one that uses a card. The first use of a file in another process may have to wait. */
static pid_t start_with(const struct card *card)
{
	int ready[2];
	uint64_t cap;
	pid_t pid;

	ASSERT_EQ(pipe(ready), 0);
	pid = start();
	if (!pid) {
		drmGetCap(card->fd, DRM_CAP_SYNCOBJ, &cap);
		close(ready[1]);
		return 0;
	}
	close(ready[1]);
	ASSERT_EQ(read(ready[0], &cap, 1), 0);
	close(ready[0]);

	return pid;
}

/* Waits for a process to end. Its exit status, or -ETIME if it has not. */
static int wait_exit(pid_t pid, unsigned int ms)
{
	uint64_t end = time_limit(ms);
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (time_ms() >= end)
			return -ETIME;
		sleep_ms(5);
	}

	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

/* Takes the other card away while a process waits, and goes on waiting. */
static void expect_unbind(struct setup *t, pid_t waiter, int where)
{
	pid_t unbinder;
	int ret;

	wait_asleep(waiter, where);
	unbinder = start();
	if (!unbinder)
		_exit(!admin_unbind(&t->other));
	ret = wait_exit(unbinder, WAIT_MS);
	EXPECT_EQ(ret, 0);
	/* Not because the gate has opened. */
	EXPECT_EQ(card_fence_status(&t->card, t->done), 0);
	EXPECT_EQ(wait_exit(waiter, 0), -ETIME);
	open_gate(t);
	if (ret == -ETIME)
		EXPECT_EQ(wait_exit(unbinder, 60000), 0);
}

static void give_back(struct setup *t)
{
	EXPECT(admin_bind(&t->other));
	EXPECT_EQ(admin_load_firmware(&t->other), 0);
}

/* Maps the gate's page once more. 0 or a negative errno. */
static int bind_again(struct card *card, uint32_t handle, uint32_t flags, uint32_t wait_for)
{
	struct drm_ogpu_sync in = { .handle = wait_for };
	struct drm_ogpu_bind_op op = {
		.op = DRM_OGPU_BIND_MAP,
		.flags = READ_WRITE,
		.bo_handle = handle,
		.va = 0x700000000,
		.size = 4096,
	};
	struct drm_ogpu_vm_bind bind = {
		.vm_id = card->vm,
		.flags = flags,
		.ops = CARD_ARRAY(&op, 1),
		.syncs = CARD_ARRAY(&in, wait_for ? 1 : 0),
	};

	return card_ioctl(card, DRM_IOCTL_OGPU_VM_BIND, &bind);
}

/* A synchronous VM_BIND waits for its in-syncs, that is for any job. */
TEST_TIMEOUT(bind_waits_for_job, 120)
{
	struct setup t;
	pid_t waiter;

	set_up(&t);
	waiter = start_with(&t.card);
	if (!waiter)
		_exit(-bind_again(&t.card, t.gate.handle, 0, t.done));
	expect_unbind(&t, waiter, SYS_ioctl);
	EXPECT_EQ(wait_exit(waiter, WAIT_MS), 0);
	give_back(&t);
}

/* It also waits for earlier calls, which may wait for a job. */
TEST_TIMEOUT(bind_waits_for_bind, 120)
{
	struct setup t;
	pid_t waiter;

	set_up(&t);
	ASSERT_EQ(bind_again(&t.card, t.gate.handle, DRM_OGPU_VM_BIND_ASYNC, t.done), 0);
	waiter = start_with(&t.card);
	if (!waiter)
		_exit(-bind_again(&t.card, t.gate.handle, 0, 0));
	expect_unbind(&t, waiter, SYS_ioctl);
	EXPECT_EQ(wait_exit(waiter, WAIT_MS), 0);
	give_back(&t);
}

/* The CPU cannot reach all of VRAM: a buffer that it touches is moved once no job uses it. */
TEST_TIMEOUT(touch_waits_for_job, 120)
{
	struct drm_ogpu_bo_mmap_offset offset = {};
	struct drm_ogpu_bo_info info = {};
	struct drm_ogpu_bo_create create = {
		.size = HIDDEN_BYTES, .placement = DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM,
	};
	struct buffer hidden = { .size = HIDDEN_BYTES };
	volatile uint32_t *map;
	struct stream next;
	struct setup t;
	pid_t waiter;

	set_up(&t);
	ASSERT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	hidden.handle = create.handle;
	ASSERT_EQ(card_bind(&t.card, &hidden, 0x600000000, READ_WRITE), 0);
	info.handle = hidden.handle;
	ASSERT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_BO_INFO, &info), 0);
	ASSERT_EQ(info.current_placement, DRM_OGPU_BO_VRAM);
	/* A job that may use it: it is behind the one that waits. */
	card_stream(&t.card, &next, 4096);
	stream_nop(&next, 2);
	ASSERT_EQ(card_submit(&t.card, t.queue, &next, NULL, 0), 0);

	offset.handle = hidden.handle;
	ASSERT_EQ(card_ioctl(&t.card, DRM_IOCTL_OGPU_BO_MMAP_OFFSET, &offset), 0);
	map = mmap(NULL, HIDDEN_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, t.card.fd,
		   offset.offset);
	ASSERT(map != MAP_FAILED);
	waiter = start_with(&t.card);
	if (!waiter)
		_exit(*map);
	expect_unbind(&t, waiter, -1);
	EXPECT_EQ(wait_exit(waiter, WAIT_MS), 0);
	give_back(&t);
}

/* The other card itself goes while one of its calls waits for a job of this one. */
TEST_TIMEOUT(bind_waits_for_other_card, 120)
{
	char path[64], address[64];
	struct card other = { .fd = -1 };
	struct drm_ogpu_vm_create vm = {};
	struct buffer page;
	int i, fence = -1;
	uint32_t imported;
	struct setup t;
	pid_t waiter;

	set_up(&t);
	for (i = 128; i < 192 && other.fd < 0; i++) {
		snprintf(path, sizeof(path), "/dev/dri/renderD%d", i);
		other.fd = open(path, O_RDWR | O_CLOEXEC);
		if (other.fd < 0)
			continue;
		address_of(other.fd, address, sizeof(address));
		if (strcmp(address, t.other.address)) {
			close(other.fd);
			other.fd = -1;
		}
	}
	ASSERT_GE(other.fd, 0);
	ASSERT_EQ(card_ioctl(&other, DRM_IOCTL_OGPU_VM_CREATE, &vm), 0);
	other.vm = vm.vm_id;
	ASSERT_EQ(card_buffer_create(&other, &page, 4096, DRM_OGPU_BO_SYSTEM), 0);
	ASSERT_EQ(drmSyncobjExportSyncFile(t.card.fd, t.done, &fence), 0);
	imported = card_syncobj(&other);
	ASSERT_EQ(drmSyncobjImportSyncFile(other.fd, imported, fence), 0);

	waiter = start_with(&other);
	if (!waiter)
		_exit(-bind_again(&other, page.handle, 0, imported));
	expect_unbind(&t, waiter, SYS_ioctl);
	/* Then there is nothing that it could be mapped for. */
	EXPECT_EQ(wait_exit(waiter, WAIT_MS), ENODEV);
	close(other.fd);
	give_back(&t);
}

/* An address that nobody answers for, until it is cancelled: whoever reads there waits. */
struct hole {
	int fd;
	void *page;
};

static void open_hole(struct hole *hole)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	hole->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (hole->fd < 0)
		SKIP("no userfaultfd");
	ASSERT_EQ(ioctl(hole->fd, UFFDIO_API, &api), 0);
	hole->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(hole->page != MAP_FAILED);
	range.range.start = (uintptr_t)hole->page;
	range.range.len = 4096;
	ASSERT_EQ(ioctl(hole->fd, UFFDIO_REGISTER, &range), 0);
}

/* Waits until somebody waits. */
static void wait_in_hole(const struct hole *hole)
{
	struct uffd_msg msg;

	ASSERT_EQ(read(hole->fd, &msg, sizeof(msg)), (ssize_t)sizeof(msg));
	EXPECT_EQ(msg.event, UFFD_EVENT_PAGEFAULT);
}

static void fill_hole(const struct hole *hole)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)hole->page, .len = 4096 },
	};

	ASSERT_EQ(ioctl(hole->fd, UFFDIO_ZEROPAGE, &zero), 0);
}

/* A call whose memory does not come. */
struct stuck {
	struct card *card;
	unsigned long request;
	void *arg;
	int ret;
};

static void *call_stuck(void *arg)
{
	struct stuck *stuck = arg;

	stuck->ret = ioctl(stuck->card->fd, stuck->request, stuck->arg) ? -errno : 0;
	return NULL;
}

/* Takes the card away meanwhile, and gives it back. */
static void expect_unplug(struct setup *t, struct stuck *stuck, int ret)
{
	char address[64];
	pthread_t thread;
	struct hole hole;
	struct admin own;
	int i;

	address_of(t->card.fd, address, sizeof(address));
	for (i = 0; i < 2; i++) {
		ASSERT(admin_init(&own, i));
		if (!strcmp(own.address, address))
			break;
	}
	open_hole(&hole);
	if (stuck->arg)
		((struct drm_ogpu_submit *)stuck->arg)->jobs.array = (uintptr_t)hole.page;
	else
		stuck->arg = hole.page;
	stuck->card = &t->card;
	ASSERT_EQ(pthread_create(&thread, NULL, call_stuck, stuck), 0);
	wait_in_hole(&hole);

	/* Before the memory comes. */
	ASSERT(admin_unbind(&own));
	fill_hole(&hole);
	pthread_join(thread, NULL);
	EXPECT_EQ(stuck->ret, ret);
	ASSERT(admin_bind(&own));
	ASSERT_EQ(admin_load_firmware(&own), 0);
	close(hole.fd);
}

/* A program whose memory does not come holds up nobody who takes away the card that it uses. */
TEST_TIMEOUT(array_that_does_not_come, 120)
{
	struct drm_ogpu_submit submit;
	struct stuck stuck = { .request = DRM_IOCTL_OGPU_SUBMIT, .arg = &submit };
	struct setup t;

	set_up(&t);
	submit = (struct drm_ogpu_submit) {
		.queue_id = t.queue,
		.jobs = { .count = 1, .stride = sizeof(struct drm_ogpu_job) },
	};
	expect_unplug(&t, &stuck, -ENODEV);
}

TEST_TIMEOUT(arguments_that_do_not_come, 120)
{
	struct stuck stuck = { .request = DRM_IOCTL_OGPU_BO_CREATE };
	struct setup t;

	set_up(&t);
	expect_unplug(&t, &stuck, -ENODEV);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
