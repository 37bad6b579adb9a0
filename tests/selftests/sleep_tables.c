// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Page tables are lost to bad memory, which is found when the machine sleeps: their address space
 * is of no use any more and says so, the machine sleeps, and strangers notice nothing. Page tables
 * are in the visible part of VRAM, of which every fourth chunk is bad here. The address space has
 * so many that those of a stranger have no room there.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M' --append no_console_suspend \
 *     --qemu-args '-global pcie-root-port.hotplug=off'
 */
#include <fcntl.h>
#include <unistd.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "nap.h"

#define KIB		1024ull
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)
#define RW		(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define VA		0x200000000000ull
#define STEP		(4 * 64 * KIB)
#define BAD_MAX		64
#define EVER		3600000
#define SLOW_MS		60000
/* Each has two page tables of its own: more than fit into a quarter of the visible part. */
#define MAPPINGS	640
#define WORD		0x5a17c0deu

/** struct space - an address space with a buffer, and a job that is about to look at it */
struct space {
	struct card card;
	struct buffer buf, page;
	uint32_t queue, out;
	struct stream stream;
};

/* Bytes at the head of VRAM that are the driver's own, or -1. */
static long long reserved_bytes(void)
{
	char path[64], text[4096];
	unsigned int i;
	ssize_t got;
	char *at;
	int fd;

	for (i = 128; i < 192; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%u/memory", i);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[got > 0 ? got : 0] = 0;
		at = strstr(text, "reserved: ");
		if (at)
			return atoll(at + 10);
	}

	return -1;
}

static void space_open(struct space *s, unsigned int mappings)
{
	struct drm_ogpu_bo_create create = { .size = MIB, .placement = DRM_OGPU_BO_VRAM };
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct stream fill;
	unsigned int i;

	card_open(&s->card);
	card_buffer(&s->card, &s->page, 4096, DRM_OGPU_BO_SYSTEM, RW);
	ASSERT_EQ(card_ioctl(&s->card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	s->buf = (struct buffer) { .handle = create.handle, .size = create.size };
	for (i = 0; i < mappings; i++)
		ASSERT_EQ(card_bind(&s->card, &s->buf, VA + i * GIB, RW), 0);
	s->queue = card_queue(&s->card, DRM_OGPU_ENGINE_COMPUTE, EVER);
	card_stream(&s->card, &fill, 4096);
	stream_fill(&fill, VA, MIB, WORD);
	card_run(&s->card, s->queue, &fill);

	s->out = card_syncobj(&s->card);
	card_stream(&s->card, &s->stream, 4096);
	stream_fence(&s->stream, s->page.va + 8, 1);
	stream_wait(&s->stream, s->page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	stream_copy(&s->stream, VA, s->page.va + 16, 4);
	sync.handle = s->out;
	ASSERT_EQ(card_submit(&s->card, s->queue, &s->stream, &sync, 1), 0);
	while (!((volatile uint64_t *)s->page.map)[1])
		sleep_ms(1);
}

/* Returns what became of its job. */
static int space_end(struct space *s)
{
	*(volatile uint64_t *)s->page.map = 1;
	ASSERT_EQ(card_syncobj_wait(&s->card, s->out, SLOW_MS), 0);

	return card_fence_status(&s->card, s->out);
}

TEST_TIMEOUT(lost_tables, 120)
{
	struct drm_ogpu_queue_create create = {
		.engine = DRM_OGPU_ENGINE_COPY,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
	};
	struct drm_ogpu_query_memory memory;
	struct drm_ogpu_vm_create vm = {};
	struct space victim, stranger;
	unsigned int count = 0;
	struct admin admin;
	uint32_t idle;
	uint64_t at;
	char json[96];

	if (!admin_init(&admin, 0) || !admin_has_control(&admin))
		SKIP("no virtual GPU with a control socket");
	if (reserved_bytes() < 0)
		SKIP("debugfs cannot be read: not mounted, or not root");
	space_open(&victim, MAPPINGS);
	idle = card_queue(&victim.card, DRM_OGPU_ENGINE_COPY, EVER);
	space_open(&stranger, 1);

	memory = card_memory(&victim.card);
	for (at = reserved_bytes(); at < memory.vram_visible_size; at += STEP) {
		ASSERT_LE(++count, BAD_MAX);
		snprintf(json, sizeof(json),
			 "{\"cmd\":\"inject\",\"fault\":\"ecc-uncorrected\",\"offset\":%llu}",
			 (unsigned long long)at);
		ASSERT(admin_control(&admin, json));
	}

	nap_once();
	EXPECT_EQ(space_end(&stranger), 1);
	EXPECT_EQ(((uint32_t *)stranger.page.map)[4], WORD);
	EXPECT_EQ(space_end(&victim), -EIO);

	EXPECT_EQ(card_bind(&victim.card, &victim.buf, VA + MAPPINGS * GIB, RW), -EBADMSG);
	EXPECT_EQ(card_submit(&victim.card, idle, &victim.stream, NULL, 0), -EBADMSG);
	create.vm_id = victim.card.vm;
	EXPECT_EQ(card_ioctl(&victim.card, DRM_IOCTL_OGPU_QUEUE_CREATE, &create), -EBADMSG);
	ASSERT_EQ(card_ioctl(&victim.card, DRM_IOCTL_OGPU_VM_CREATE, &vm), 0);
	victim.card.vm = vm.vm_id;
	EXPECT_EQ(card_bind(&victim.card, &victim.buf, VA, RW), 0);
	card_close(&victim.card);
	card_close(&stranger.card);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
