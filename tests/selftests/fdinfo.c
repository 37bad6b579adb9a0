// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What /proc/PID/fdinfo tells of a file: time on the engines, memory by region.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M'
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define KIB		1024ull
#define WAIT_MS		10000

/* Sums of all buffers of a file. */
struct memory {
	uint64_t vram_total, vram_resident, vram_active;
	uint64_t system_total, system_resident, system_active;
};

struct setup {
	struct card card;
	/* A page that CPU and card write. */
	struct buffer page;
	volatile uint64_t *words;
	struct buffer data;
	struct stream fill;
};

static uint64_t copy_ns(const struct card *card)
{
	return fdinfo_get(card, "drm-engine-copy");
}

static void expect_memory(const struct card *card, const struct memory *want)
{
	char text[4096];

	card_fdinfo(card, text, sizeof(text));
	EXPECT_EQ(fdinfo_number(text, "drm-total-vram"), want->vram_total);
	EXPECT_EQ(fdinfo_number(text, "drm-resident-vram"), want->vram_resident);
	EXPECT_EQ(fdinfo_number(text, "drm-active-vram"), want->vram_active);
	EXPECT_EQ(fdinfo_number(text, "drm-total-system"), want->system_total);
	EXPECT_EQ(fdinfo_number(text, "drm-resident-system"), want->system_resident);
	EXPECT_EQ(fdinfo_number(text, "drm-active-system"), want->system_active);
	/* None was exported. */
	EXPECT_EQ(fdinfo_number(text, "drm-shared-vram"), 0);
	EXPECT_EQ(fdinfo_number(text, "drm-shared-system"), 0);
}

static void set_up(struct setup *t)
{
	card_open(&t->card);
	card_buffer(&t->card, &t->page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	t->words = t->page.map;
	card_buffer(&t->card, &t->data, 1024 * KIB, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&t->card, &t->fill, 4096);
	stream_fill(&t->fill, t->data.va, t->data.size, 0x12345678);
}

/* The card tells of time a little later. Returns once it is more than that. */
static uint64_t wait_unit_ns(struct card *card, uint32_t queue, uint64_t more_than)
{
	uint64_t end = time_limit(WAIT_MS);
	struct drm_ogpu_queue_get_state state;

	do {
		card_queue_state(card, queue, &state);
		if (state.unit_ns > more_than)
			return state.unit_ns;
		sleep_ms(1);
	} while (time_ms() < end);
	HARNESS_FAIL("a queue's time is still %llu ns", (unsigned long long)state.unit_ns);

	return 0;
}

/* Likewise for a file. */
static uint64_t wait_engine_ns(const struct card *card, const char *key, uint64_t more_than)
{
	uint64_t end = time_limit(WAIT_MS), ns;

	do {
		ns = fdinfo_get(card, key);
		if (ns > more_than)
			return ns;
		sleep_ms(1);
	} while (time_ms() < end);
	HARNESS_FAIL("time of %s is still %llu ns", key, (unsigned long long)ns);

	return 0;
}

TEST(keys)
{
	char text[4096], id[64];
	struct setup t;

	set_up(&t);
	card_fdinfo(&t.card, text, sizeof(text));
	EXPECT(!strncmp(fdinfo_value(text, "drm-driver"), "ogpu\n", 5));
	snprintf(id, sizeof(id), "%s", fdinfo_value(text, "drm-pdev"));
	EXPECT(strchr(id, ':'));
	EXPECT_GE(fdinfo_number(text, "drm-client-id"), 1);
	EXPECT_GE(fdinfo_number(text, "drm-engine-capacity-compute"), 1);
	EXPECT_GE(fdinfo_number(text, "drm-engine-capacity-copy"), 1);
	EXPECT_EQ(fdinfo_number(text, "drm-engine-compute"), 0);
	EXPECT_EQ(fdinfo_number(text, "drm-engine-copy"), 0);
}

/* Time belongs to a file and an engine, and stays when the queue is destroyed. */
TEST(time_of_engines)
{
	uint64_t copy, more;
	struct card other;
	struct setup t;
	uint32_t queue;

	set_up(&t);
	card_open(&other);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	card_run(&t.card, queue, &t.fill);
	more = wait_unit_ns(&t.card, queue, 0);
	copy = copy_ns(&t.card);
	EXPECT_GE(copy, more);
	EXPECT_EQ(fdinfo_get(&t.card, "drm-engine-compute"), 0);

	EXPECT_EQ(card_queue_destroy(&t.card, queue), 0);
	EXPECT_GE(copy_ns(&t.card), copy);

	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COMPUTE, 0);
	card_run(&t.card, queue, &t.fill);
	wait_engine_ns(&t.card, "drm-engine-compute", 0);
	EXPECT_GE(copy_ns(&t.card), copy);

	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	card_run(&t.card, queue, &t.fill);
	more = wait_unit_ns(&t.card, queue, 0);
	EXPECT_GE(copy_ns(&t.card), copy + more);

	EXPECT_EQ(copy_ns(&other), 0);
	EXPECT_EQ(fdinfo_get(&other, "drm-engine-compute"), 0);
}

/* So does that of jobs that run after their queue was destroyed. */
TEST(time_after_destroy)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct stream gated;
	uint64_t before;
	struct setup t;
	uint32_t queue;

	set_up(&t);
	card_stream(&t.card, &gated, 4096);
	stream_wait(&gated, t.page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	stream_fill(&gated, t.data.va, t.data.size, 0x9abcdef0);
	out.handle = card_syncobj(&t.card);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	ASSERT_EQ(card_submit(&t.card, queue, &gated, &out, 1), 0);
	EXPECT_EQ(card_queue_destroy(&t.card, queue), 0);
	before = copy_ns(&t.card);

	t.words[0] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, 10000), 0);
	wait_engine_ns(&t.card, "drm-engine-copy", before);
}

struct watcher {
	const struct card *card;
	atomic_bool stop;
};

static void *watch(void *arg)
{
	struct watcher *watcher = arg;
	uint64_t last = 0, now;

	while (!watcher->stop) {
		now = copy_ns(watcher->card);
		EXPECT_GE(now, last);
		last = now;
	}

	return NULL;
}

/* Whatever becomes of queues meanwhile. */
TEST(time_never_decreases)
{
	struct drm_ogpu_queue_get_state state;
	struct watcher watcher = {};
	uint64_t sum = 0;
	pthread_t thread;
	struct setup t;
	uint32_t queue;
	int i;

	set_up(&t);
	watcher.card = &t.card;
	ASSERT_EQ(pthread_create(&thread, NULL, watch, &watcher), 0);
	for (i = 0; i < 40; i++) {
		queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
		card_run(&t.card, queue, &t.fill);
		/* One out of two is destroyed at work. */
		if (i & 1)
			ASSERT_EQ(card_submit(&t.card, queue, &t.fill, NULL, 0), 0);
		card_queue_state(&t.card, queue, &state);
		sum += state.unit_ns;
		EXPECT_EQ(card_queue_destroy(&t.card, queue), 0);
	}
	watcher.stop = true;
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_GE(copy_ns(&t.card), sum);
}

TEST(memory_by_region)
{
	struct buffer vram, system, both;
	struct memory want = {};
	struct card card, other;

	card_open(&other);
	card_open(&card);
	expect_memory(&card, &want);

	ASSERT_EQ(card_buffer_create(&card, &vram, 192 * KIB, DRM_OGPU_BO_VRAM), 0);
	want.vram_total = 192 * KIB;
	want.vram_resident = 192 * KIB;
	ASSERT_EQ(card_buffer_create(&card, &system, 68 * KIB, DRM_OGPU_BO_SYSTEM), 0);
	want.system_total = 68 * KIB;
	want.system_resident = 68 * KIB;
	/* Wiped before use, which counts as activity. */
	while (fdinfo_get(&card, "drm-active-vram") || fdinfo_get(&card, "drm-active-system"))
		sleep_ms(1);
	expect_memory(&card, &want);

	ASSERT_EQ(card_buffer_create(&card, &both, 64 * KIB,
				     DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM), 0);
	EXPECT_EQ(fdinfo_get(&card, "drm-total-vram"), 256 * KIB);
	EXPECT_EQ(drmCloseBufferHandle(card.fd, both.handle), 0);
	EXPECT_EQ(drmCloseBufferHandle(card.fd, vram.handle), 0);
	want.vram_total = 0;
	want.vram_resident = 0;
	expect_memory(&card, &want);

	memset(&want, 0, sizeof(want));
	expect_memory(&other, &want);
}

/* Memory is active while jobs may use it. */
TEST(memory_of_jobs)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct stream gate;
	struct memory want;
	struct buffer vram;
	struct setup t;
	uint32_t queue;

	set_up(&t);
	card_buffer(&t.card, &vram, 64 * KIB, DRM_OGPU_BO_VRAM, READ_WRITE);
	card_stream(&t.card, &gate, 4096);
	stream_wait(&gate, t.page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	out.handle = card_syncobj(&t.card);
	queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, 0);
	ASSERT_EQ(card_submit(&t.card, queue, &gate, &out, 1), 0);

	want.vram_total = vram.size;
	want.vram_resident = vram.size;
	want.vram_active = vram.size;
	want.system_total = t.page.size + t.data.size + t.fill.buf.size + gate.buf.size;
	want.system_resident = want.system_total;
	want.system_active = want.system_total;
	expect_memory(&t.card, &want);

	t.words[0] = 1;
	EXPECT_EQ(card_syncobj_wait(&t.card, out.handle, 10000), 0);
	want.vram_active = 0;
	want.system_active = 0;
	expect_memory(&t.card, &want);
}

/* A buffer counts where it was meant to be, and is resident where it is. */
TEST(memory_that_moves)
{
	struct drm_ogpu_bo_create create = {
		.size = 20 * 1024 * KIB,
		.placement = DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM,
	};
	struct drm_ogpu_bo_mmap_offset offset = {};
	struct drm_ogpu_bo_info info = {};
	struct card card;
	volatile char *map;

	card_open(&card);
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	EXPECT_EQ(fdinfo_get(&card, "drm-resident-vram"), create.size);

	/* More than the CPU can reach in VRAM: it reaches it in system memory only. */
	offset.handle = create.handle;
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_MMAP_OFFSET, &offset), 0);
	map = mmap(NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED, card.fd, offset.offset);
	ASSERT(map != MAP_FAILED);
	map[0] = 1;
	info.handle = create.handle;
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_INFO, &info), 0);
	if (info.current_placement != DRM_OGPU_BO_SYSTEM)
		SKIP("the CPU reaches all VRAM");
	EXPECT_EQ(fdinfo_get(&card, "drm-total-vram"), create.size);
	EXPECT_EQ(fdinfo_get(&card, "drm-resident-vram"), 0);
	EXPECT_EQ(fdinfo_get(&card, "drm-total-system"), 0);
	EXPECT_EQ(fdinfo_get(&card, "drm-resident-system"), create.size);
}

/* What all files have together is what the card says is in use, wherever it was moved to. */
TEST(sum_of_memory)
{
	enum { FILES = 6, SIZE = 12 * 1024 * KIB };
	struct drm_ogpu_query_memory before, now;
	uint64_t vram = 0, system = 0, total = 0;
	struct card card, files[FILES];
	struct buffer buf;
	unsigned int i;

	card_open_unused(&card);
	for (i = 0; i < FILES; i++)
		card_open(&files[i]);
	before = card_memory(&card);
	for (i = 0; i < FILES; i++) {
		struct drm_ogpu_bo_create create = {
			.size = SIZE, .placement = DRM_OGPU_BO_VRAM,
			.vm_id = i % 2 ? files[i].vm : 0,
		};

		ASSERT_EQ(card_ioctl(&files[i], DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
		ASSERT_EQ(card_buffer_create(&files[i], &buf, (i + 1) * 4 * KIB,
					     DRM_OGPU_BO_SYSTEM), 0);
	}
	for (i = 0; i < FILES; i++) {
		vram += fdinfo_get(&files[i], "drm-resident-vram");
		system += fdinfo_get(&files[i], "drm-resident-system");
		total += fdinfo_get(&files[i], "drm-total-vram");
	}
	now = card_memory(&card);
	EXPECT_EQ(total, FILES * SIZE);
	EXPECT_EQ(vram, now.vram_used - before.vram_used);
	EXPECT_EQ(system, now.system_used - before.system_used);
	if (now.vram_size < total)
		EXPECT(system > total - now.vram_size);
}

/* A buffer that was exported counts as shared, once, for who made it, until it is gone. */
TEST(shared)
{
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC };
	struct drm_gem_close close_handle = {};
	struct card card, other;
	struct buffer buf;
	int fds[2], i;
	uint64_t end;

	card_open(&card);
	card_open(&other);
	ASSERT_EQ(card_buffer_create(&card, &buf, 64 * KIB, DRM_OGPU_BO_SYSTEM), 0);
	prime.handle = buf.handle;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
		fds[i] = prime.fd;
	}
	ASSERT_EQ(card_ioctl(&other, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime), 0);
	EXPECT_EQ(fdinfo_get(&card, "drm-shared-system"), 64 * KIB);
	EXPECT_EQ(fdinfo_get(&card, "drm-total-system"), 64 * KIB);
	EXPECT_EQ(fdinfo_get(&other, "drm-shared-system"), 0);
	EXPECT_EQ(fdinfo_get(&other, "drm-total-system"), 0);

	/* Both files of the dma-buf are one; the last handle is that of the other file. */
	close(fds[0]);
	close(fds[1]);
	close_handle.handle = buf.handle;
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_GEM_CLOSE, &close_handle), 0);
	EXPECT_EQ(fdinfo_get(&card, "drm-shared-system"), 64 * KIB);
	card_close(&other);
	end = time_limit(WAIT_MS);
	while (fdinfo_get(&card, "drm-shared-system") && time_ms() < end)
		sleep_ms(1);
	EXPECT_EQ(fdinfo_get(&card, "drm-shared-system"), 0);
	EXPECT_EQ(fdinfo_get(&card, "drm-total-system"), 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
