// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Groups of programs: who pays for the memory of buffers, and whose limit stops whom.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M'
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "mirror.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)

#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define SIZE	(4 * MIB)
#define MOST	32
#define BUFFERS	12

/* A group, and the hierarchy in which it is. */
struct group {
	char root[32];
	char path[64];
};

static bool put(const char *dir, const char *name, const char *text)
{
	char path[200];
	bool ok;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f)
		return false;
	ok = fputs(text, f) >= 0;

	return !fclose(f) && ok;
}

static void put_bytes(const char *dir, const char *name, const char *what, uint64_t bytes)
{
	char text[100];

	snprintf(text, sizeof(text), "%s%llu", what, (unsigned long long)bytes);
	ASSERT(put(dir, name, text));
}

/* What follows @key in a file, which may be "". */
static uint64_t get(const struct group *group, const char *name, const char *key)
{
	unsigned long long bytes = 0;
	char path[200], line[200];
	size_t length = strlen(key);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", group->path, name);
	f = fopen(path, "r");
	ASSERT(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, length) && sscanf(line + length, "%llu", &bytes) == 1)
			break;
	}
	fclose(f);

	return bytes;
}

static void group_begin(struct group *group, const char *controller)
{
	*group = (struct group) { .root = "/tmp/cgroup-XXXXXX" };
	ASSERT(mkdtemp(group->root));
	ASSERT_EQ(mount("none", group->root, "cgroup2", 0, NULL), 0);
	if (!put(group->root, "cgroup.subtree_control", controller)) {
		umount(group->root);
		rmdir(group->root);
		SKIP("the kernel has no such controller: %s", controller);
	}
	snprintf(group->path, sizeof(group->path), "%s/ogpu-test", group->root);
	ASSERT_EQ(mkdir(group->path, 0700), 0);
}

static void group_join(const struct group *group)
{
	ASSERT(put(group->path, "cgroup.procs", "0"));
}

static void group_leave(const struct group *group)
{
	ASSERT(put(group->root, "cgroup.procs", "0"));
}

static void group_end(const struct group *group)
{
	group_leave(group);
	EXPECT_EQ(rmdir(group->path), 0);
	EXPECT_EQ(umount(group->root), 0);
	EXPECT_EQ(rmdir(group->root), 0);
}

/* The CPU need not see it. */
static int create(struct card *card, struct buffer *buf, uint64_t size, uint32_t placement,
		  uint32_t flags)
{
	struct drm_ogpu_bo_create args = { .size = size, .placement = placement, .flags = flags };
	int ret = card_ioctl(card, DRM_IOCTL_OGPU_BO_CREATE, &args);

	*buf = (struct buffer) { .handle = args.handle, .size = args.size };

	return ret;
}

/* Makes buffers until there is an error; returns how many. */
static unsigned int create_all(struct card *card, uint32_t placement, int *error)
{
	struct buffer buf;
	unsigned int n;

	*error = 0;
	for (n = 0; n < MOST; n++) {
		*error = create(card, &buf, SIZE, placement, 0);
		if (*error)
			break;
	}

	return n;
}

/* What the group pays is told exactly, but for a little per CPU. */
static bool pays(const struct group *group, uint64_t least, uint64_t most)
{
	uint64_t limit = time_limit(30000), now;

	do {
		now = get(group, "memory.current", "");
		if (now >= least && now <= most)
			return true;
	} while (time_ms() < limit && !usleep(10000));
	printf("# charged: %llu bytes, not %llu to %llu\n", (unsigned long long)now,
	       (unsigned long long)least, (unsigned long long)most);

	return false;
}

/* Who makes a buffer in system memory pays for it, until it is gone, whoever has it then. */
static void check_charge(uint32_t flags)
{
	struct drm_ogpu_query_memory mem;
	struct drm_gem_close close_args;
	struct group group;
	struct buffer buf;
	struct card card;
	uint64_t before;

	group_begin(&group, "+memory");
	card_open_unused(&card);
	mem = card_memory(&card);
	group_join(&group);
	before = get(&group, "memory.current", "");
	ASSERT_EQ(create(&card, &buf, 2 * SIZE, DRM_OGPU_BO_SYSTEM, flags), 0);
	group_leave(&group);
	EXPECT(pays(&group, before + 3 * SIZE / 2, before + 3 * SIZE));
	close_args = (struct drm_gem_close) { .handle = buf.handle };
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_GEM_CLOSE, &close_args), 0);
	EXPECT(pays(&group, 0, before + SIZE));
	EXPECT_EQ(card_wait_memory(&card, &mem), 0);
	group_end(&group);
}

TEST(pages_are_charged)
{
	check_charge(0);
}

TEST(write_combined_pages_are_charged)
{
	check_charge(DRM_OGPU_BO_WRITE_COMBINED);
}

/* The limit of a group stops its programs, by an error, and nobody else. */
TEST(limit_of_system_memory)
{
	struct card card, other;
	struct buffer buf;
	struct group group;
	unsigned int n;
	int error;

	group_begin(&group, "+memory");
	card_open(&card);
	card_open(&other);
	put_bytes(group.path, "memory.max", "", 6 * SIZE + SIZE / 2);
	group_join(&group);
	n = create_all(&card, DRM_OGPU_BO_SYSTEM, &error);
	EXPECT_EQ(error, -ENOMEM);
	EXPECT_GE(n, 2);
	EXPECT_LE(n, 6);
	EXPECT_EQ(get(&group, "memory.events", "oom_kill "), 0);
	group_leave(&group);
	for (n = 0; n < 8; n++)
		EXPECT_EQ(create(&other, &buf, SIZE, DRM_OGPU_BO_SYSTEM, 0), 0);

	/* There is room again when they are gone. */
	card_close(&card);
	EXPECT(pays(&group, 0, 3 * SIZE));
	group_join(&group);
	card_open(&card);
	EXPECT_EQ(create(&card, &buf, SIZE, DRM_OGPU_BO_SYSTEM, 0), 0);
	card_close(&card);
	group_end(&group);
}

static uint32_t word(uint64_t number)
{
	return (number + 1) * 2654435761u;
}

/* A stranger gets VRAM though the group that has to make way is at its limit. */
TEST(limit_does_not_keep_vram)
{
	struct buffer bufs[BUFFERS], out, buf;
	struct card card, other;
	struct group group;
	struct stream s;
	uint32_t queue, *words;
	unsigned int i, n;
	int error;

	group_begin(&group, "+memory");
	card_open_unused(&card);
	if (card_memory(&card).vram_size > 64 * MIB)
		SKIP("needs a card with 64 MiB of VRAM");
	card_open(&other);
	put_bytes(group.path, "memory.max", "", 4 * SIZE + SIZE / 2);
	group_join(&group);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	card_stream(&card, &s, 4096);
	card_buffer(&card, &out, SIZE, DRM_OGPU_BO_SYSTEM, RW);
	for (i = 0; i < BUFFERS; i++) {
		ASSERT_EQ(create(&card, &bufs[i], SIZE, DRM_OGPU_BO_VRAM, 0), 0);
		bufs[i].va = card.next_va;
		card.next_va += SIZE;
		ASSERT_EQ(card_bind(&card, &bufs[i], bufs[i].va, RW), 0);
		stream_reset(&s);
		stream_fill(&s, bufs[i].va, SIZE, word(i));
		card_run(&card, queue, &s);
	}
	group_leave(&group);

	n = create_all(&other, DRM_OGPU_BO_VRAM, &error);
	EXPECT_EQ(error, 0);
	EXPECT_EQ(n, MOST);
	EXPECT_EQ(get(&group, "memory.events", "oom_kill "), 0);
	card_close(&other);

	words = out.map;
	for (i = 0; i < BUFFERS; i++) {
		stream_reset(&s);
		stream_copy(&s, bufs[i].va, out.va, SIZE);
		card_run(&card, queue, &s);
		EXPECT_EQ(words[0], word(i));
		EXPECT_EQ(words[SIZE / 4 - 1], word(i));
	}
	card_close(&card);

	/* Who is in the group does not get out of its limit by way of VRAM. */
	card_open(&card);
	group_join(&group);
	n = create_all(&card, DRM_OGPU_BO_VRAM, &error);
	/* Older kernels cannot tell that it is not VRAM that ran out. */
	EXPECT(error == -ENOMEM || error == -ENOSPC);
	EXPECT_LE(n, 16 + 4);
	card_close(&card);
	card_open(&card);
	EXPECT_EQ(create(&card, &buf, SIZE, DRM_OGPU_BO_VRAM, 0), 0);
	group_end(&group);
}

/* VRAM of a group: over the limit its own buffers make way, and nobody else's. */
TEST(limit_of_vram)
{
	struct drm_ogpu_query_memory before;
	struct buffer buf, theirs;
	struct card card, other;
	struct drm_ogpu_bo_info info;
	char region[64];
	struct admin admin;
	struct group group;
	unsigned int n;
	uint64_t limit;
	int error;

	group_begin(&group, "+dmem");
	ASSERT(admin_init(&admin, 0));
	snprintf(region, sizeof(region), "drm/%s/vram ", admin.address);
	card_open_unused(&other);
	card_open(&card);
	before = card_memory(&card);
	EXPECT_EQ(get(&group, "dmem.max", region), 0);
	put_bytes(group.path, "dmem.max", region, 4 * SIZE);
	EXPECT_EQ(get(&group, "dmem.max", region), 4 * SIZE);

	ASSERT_EQ(create(&other, &theirs, SIZE, DRM_OGPU_BO_VRAM, 0), 0);
	group_join(&group);
	EXPECT_EQ(create(&card, &buf, 5 * SIZE, DRM_OGPU_BO_VRAM, 0), -ENOSPC);
	EXPECT_EQ(create(&card, &buf, 5 * SIZE, DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM, 0), 0);
	n = create_all(&card, DRM_OGPU_BO_VRAM, &error);
	EXPECT_EQ(error, 0);
	EXPECT_EQ(n, MOST);
	EXPECT_LE(get(&group, "dmem.current", region), 4 * SIZE);
	EXPECT_GE(get(&group, "dmem.current", region), SIZE);
	EXPECT_LE(card_memory(&card).vram_used, before.vram_used + 5 * SIZE);
	info = (struct drm_ogpu_bo_info) { .handle = theirs.handle };
	ASSERT_EQ(card_ioctl(&other, DRM_IOCTL_OGPU_BO_INFO, &info), 0);
	EXPECT_EQ(info.current_placement, DRM_OGPU_BO_VRAM);

	/* A lower limit takes effect at once where nothing is in use, as by moves. */
	group_leave(&group);
	limit = time_limit(30000);
	do {
		put_bytes(group.path, "dmem.max", region, SIZE);
	} while (get(&group, "dmem.current", region) > SIZE && time_ms() < limit);
	EXPECT_LE(get(&group, "dmem.current", region), SIZE);
	card_close(&card);
	EXPECT_EQ(create(&other, &buf, 5 * SIZE, DRM_OGPU_BO_VRAM, 0), 0);
	group_end(&group);
}

/* Nobody could charge the group for memory of the process that comes to VRAM: it stays. */
TEST(mirrored_memory)
{
	const uint64_t huge = 2 * MIB, words = huge / sizeof(uint64_t);
	volatile uint64_t *at;
	struct group group;
	uint64_t used, i, wrong = 0;
	struct svm s;
	char *map;

	if (!svm_open_vram(&s))
		SKIP("no shared virtual memory in VRAM");
	map = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(map != MAP_FAILED);
	at = (volatile uint64_t *)(((uintptr_t)map + huge - 1) & ~(huge - 1));
	for (i = 0; i < words; i++)
		at[i] = i;

	group_begin(&group, "+dmem");
	group_join(&group);
	used = card_memory(&s.card).vram_used;
	EXPECT_EQ(svm_add(&s, at, words / SVM_ITEMS), 0);
	EXPECT_LE(card_memory(&s.card).vram_used, used + huge - 1);
	for (i = 0; i < words; i++)
		wrong += at[i] != i + 1;
	EXPECT_EQ(wrong, 0);
	group_end(&group);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
