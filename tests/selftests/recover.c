// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What becomes of jobs when the card fails: their fences signal, old files say that they are stale,
 * and the next one finds a card that works.
 *
 * Needs a virtual GPU whose control socket can be reached from the test machine.
 */
#include <fcntl.h>
#include <sys/types.h>

#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define CONTROL		"/dev/virtio-ports/ogpu.control.0"
#define RECOVERY_MS	30000

struct setup {
	struct card card;
	struct buffer page;
	volatile uint64_t *words;
	struct stream endless;
	uint32_t queue;
	uint32_t done;
};

static void inject_fault(const char *what)
{
	char command[128], answer[512];
	ssize_t bytes;
	int fd, len;

	fd = open(CONTROL, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		SKIP("no control socket of a virtual GPU");
	len = snprintf(command, sizeof(command), "{\"cmd\":\"inject\",%s}\n", what);
	ASSERT_EQ(write(fd, command, len), len);
	bytes = read(fd, answer, sizeof(answer) - 1);
	ASSERT_GE(bytes, 1);
	answer[bytes] = 0;
	ASSERT(strstr(answer, "\"ok\":true"));
	close(fd);
}

/* A job that is running and will not end by itself. */
static void set_up(struct setup *t, uint32_t timeout_ms)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };

	if (access(CONTROL, R_OK | W_OK))
		SKIP("no control socket of a virtual GPU");
	card_open(&t->card);
	card_buffer(&t->card, &t->page, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	t->words = t->page.map;
	card_stream(&t->card, &t->endless, 4096);
	stream_fence(&t->endless, t->page.va + 8, 1);
	stream_wait(&t->endless, t->page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	t->queue = card_queue(&t->card, DRM_OGPU_ENGINE_COMPUTE, timeout_ms);
	t->done = card_syncobj(&t->card);
	out.handle = t->done;
	ASSERT_EQ(card_submit(&t->card, t->queue, &t->endless, &out, 1), 0);
	while (!t->words[1])
		sleep_ms(1);
}

/* Opens the card anew as soon as it works again, and runs a job. */
static void expect_recovery(void)
{
	uint64_t end = time_ms() + RECOVERY_MS;
	struct drm_ogpu_vm_create vm = {};
	struct buffer page;
	struct stream s;
	struct card card;
	int ret;

	do {
		sleep_ms(50);
		card.fd = drmOpenWithType("ogpu", NULL, DRM_NODE_RENDER);
		ret = card.fd < 0 ? -ENODEV : card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &vm);
		if (card.fd >= 0)
			close(card.fd);
	} while (ret && time_ms() < end);
	ASSERT_EQ(ret, 0);

	card_open(&card);
	card_buffer(&card, &page, 65536, DRM_OGPU_BO_VRAM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&card, &s, 4096);
	stream_fill(&s, page.va, 65536, 0x12345678);
	card_run(&card, card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0), &s);
	EXPECT_EQ(*(volatile uint32_t *)page.map, 0x12345678);
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

	set_up(&t, 0);
	inject_fault("\"fault\":\"lost-irq\",\"count\":2");
	t.words[0] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, t.done, 8000), 0);
	inject_fault("\"fault\":\"lost-irq\",\"count\":0");
	card_queue_state(&t.card, t.queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
	EXPECT_EQ(state.completed, 1);
}

TEST(firmware_crash)
{
	struct setup t;

	set_up(&t, 0);
	inject_fault("\"fault\":\"mc-crash\"");
	expect_stale(&t);
	expect_recovery();
}

TEST(firmware_hang)
{
	struct setup t;

	set_up(&t, 0);
	inject_fault("\"fault\":\"mc-hang\"");
	expect_stale(&t);
	expect_recovery();
}

/* Slots that do not even obey firmware when the job is to be killed. */
TEST(hung_slots)
{
	char what[64];
	struct setup t;
	int slot;

	set_up(&t, 500);
	for (slot = 0; slot < 8; slot++) {
		snprintf(what, sizeof(what), "\"fault\":\"hang\",\"slot\":%d", slot);
		inject_fault(what);
	}
	expect_stale(&t);
	expect_recovery();
}

/*
 * A job that becomes ready while its queue is being killed waits for the one that still runs: the
 * fence of a job says that all jobs before it are over. Firmware hangs, so the kill takes long.
 */
TEST(ready_while_killed)
{
	struct drm_ogpu_sync other = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_sync late[2] = { {}, { .flags = DRM_OGPU_SYNC_SIGNAL } };
	struct stream wait;
	struct setup t;
	uint32_t queue;

	set_up(&t, 500);
	card_stream(&t.card, &wait, 4096);
	stream_fence(&wait, t.page.va + 24, 1);
	stream_wait(&wait, t.page.va + 16, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, 0);
	other.handle = card_syncobj(&t.card);
	ASSERT_EQ(card_submit(&t.card, queue, &wait, &other, 1), 0);
	while (!t.words[3])
		sleep_ms(1);

	late[0].handle = other.handle;
	late[1].handle = card_syncobj(&t.card);
	ASSERT_EQ(card_submit(&t.card, t.queue, NULL, late, 2), 0);

	inject_fault("\"fault\":\"mc-hang\"");
	/* Longer than the job may run, shorter than the reset takes that follows. */
	sleep_ms(1300);
	EXPECT_EQ(card_syncobj_wait(&t.card, t.done, 0), -ETIME);
	t.words[2] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, late[1].handle, RECOVERY_MS), 0);
	EXPECT_EQ(card_syncobj_wait(&t.card, t.done, 0), 0);
	expect_recovery();
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
