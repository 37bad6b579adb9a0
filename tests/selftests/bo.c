// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * BO_CREATE, BO_MMAP_OFFSET, BO_INFO, BO_SET_LABEL: arguments, limits, content, accounting.
 */
#include <fcntl.h>

#include "card.h"
#include "harness.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)
#define TIB	(1024 * 1024 * MIB)

#define BOTH	(DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM)

#define CREATE(card, args)	card_ioctl(card, DRM_IOCTL_OGPU_BO_CREATE, args)
#define OFFSET(card, args)	card_ioctl(card, DRM_IOCTL_OGPU_BO_MMAP_OFFSET, args)
#define INFO(card, args)	card_ioctl(card, DRM_IOCTL_OGPU_BO_INFO, args)
#define LABEL(card, args)	card_ioctl(card, DRM_IOCTL_OGPU_BO_SET_LABEL, args)

static int create(struct card *card, uint64_t size, uint32_t placement, uint32_t flags,
		  uint32_t *handle)
{
	struct drm_ogpu_bo_create args = {
		.size = size, .placement = placement, .flags = flags,
	};
	int ret = CREATE(card, &args);

	*handle = args.handle;

	return ret;
}

static void close_handle(struct card *card, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_GEM_CLOSE, &args), 0);
}

static void *map(struct card *card, uint32_t handle, uint64_t size)
{
	struct drm_ogpu_bo_mmap_offset args = { .handle = handle };
	void *ptr;

	ASSERT_EQ(OFFSET(card, &args), 0);
	ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, card->fd, args.offset);
	ASSERT(ptr != MAP_FAILED);

	return ptr;
}

static bool is_zero(const void *map, uint64_t size)
{
	const uint64_t *words = map;
	uint64_t i;

	for (i = 0; i < size / sizeof(*words); i++) {
		if (words[i])
			return false;
	}

	return true;
}

TEST(create_bad_arguments)
{
	static const uint32_t placements[] = { 0, 4, 7, 0x80000001, UINT32_MAX };
	struct drm_ogpu_bo_create args;
	struct card card;
	unsigned int i;

	card_open(&card);
	for (i = 0; i < sizeof(placements) / sizeof(placements[0]); i++) {
		args = (struct drm_ogpu_bo_create) { .size = 4096, .placement = placements[i] };
		EXPECT_EQ(CREATE(&card, &args), -EINVAL);
	}
	for (i = 2; i < 32; i++) {
		args = (struct drm_ogpu_bo_create) {
			.size = 4096, .placement = DRM_OGPU_BO_SYSTEM, .flags = 1u << i,
		};
		EXPECT_EQ(CREATE(&card, &args), -EINVAL);
	}
	args = (struct drm_ogpu_bo_create) {
		.size = 4096, .placement = DRM_OGPU_BO_SYSTEM, .vm_id = card.vm + 1,
	};
	EXPECT_EQ(CREATE(&card, &args), -ENOENT);
	args.vm_id = UINT32_MAX;
	EXPECT_EQ(CREATE(&card, &args), -ENOENT);
	args.vm_id = 0;
	args.size = 0;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);
	args.size = TIB + 1;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);
	args.size = UINT64_MAX;
	EXPECT_EQ(CREATE(&card, &args), -EINVAL);
}

TEST(create_bad_pointer)
{
	struct card card;

	card_open(&card);
	EXPECT_EQ(CREATE(&card, NULL), -EFAULT);
	EXPECT_EQ(CREATE(&card, (void *)8), -EFAULT);
	EXPECT_EQ(CREATE(&card, (void *)-64l), -EFAULT);
}

TEST(create_sizes)
{
	static const struct {
		uint64_t size, vram, system;
	} cases[] = {
		{ 1, 64 * KIB, 4 * KIB },
		{ 4096, 64 * KIB, 4 * KIB },
		{ 4097, 64 * KIB, 8 * KIB },
		{ 64 * KIB, 64 * KIB, 64 * KIB },
		{ 64 * KIB + 1, 128 * KIB, 68 * KIB },
		{ 3 * MIB, 3 * MIB, 3 * MIB },
	};
	struct drm_ogpu_bo_create args;
	struct card card;
	unsigned int i;

	card_open(&card);
	if (sysconf(_SC_PAGESIZE) != 4096)
		SKIP("sizes are for pages of 4 KiB");

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		args = (struct drm_ogpu_bo_create) {
			.size = cases[i].size, .placement = DRM_OGPU_BO_VRAM,
		};
		EXPECT_EQ(CREATE(&card, &args), 0);
		EXPECT_EQ(args.size, cases[i].vram);
		args.placement = BOTH;
		args.size = cases[i].size;
		EXPECT_EQ(CREATE(&card, &args), 0);
		EXPECT_EQ(args.size, cases[i].vram);
		args.placement = DRM_OGPU_BO_SYSTEM;
		args.size = cases[i].size;
		EXPECT_EQ(CREATE(&card, &args), 0);
		EXPECT_EQ(args.size, cases[i].system);
		EXPECT_NE(args.handle, 0);
	}
}

TEST(create_too_large)
{
	struct drm_ogpu_query_memory before, after;
	struct card card;
	uint32_t handle;

	card_open_unused(&card);
	before = card_memory(&card);
	EXPECT_EQ(create(&card, TIB, DRM_OGPU_BO_VRAM, 0, &handle), -ENOSPC);
	EXPECT_EQ(create(&card, before.vram_size + 1, DRM_OGPU_BO_VRAM, 0, &handle), -ENOSPC);
	EXPECT_EQ(create(&card, before.vram_visible_size + 1, DRM_OGPU_BO_VRAM,
			 DRM_OGPU_BO_CPU_ACCESS, &handle), -ENOSPC);
	EXPECT_EQ(create(&card, TIB, DRM_OGPU_BO_SYSTEM, 0, &handle), -ENOMEM);
	EXPECT_EQ(create(&card, TIB, BOTH, 0, &handle), -ENOMEM);
	EXPECT_EQ(create(&card, before.system_size + 4096, DRM_OGPU_BO_SYSTEM, 0, &handle),
		  -ENOMEM);
	after = card_memory(&card);
	EXPECT_EQ(after.vram_used, before.vram_used);
	EXPECT_EQ(after.system_used, before.system_used);
}

/* Buffers do not leave their file through a name, for which there is another node. */
TEST(no_names)
{
	struct drm_gem_open by_name = { .name = 1 };
	struct drm_gem_flink flink = {};
	struct card card, primary = { .fd = -1 };
	char path[32];
	int i;

	card_open(&card);
	for (i = 0; i < 16 && primary.fd < 0; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		primary.fd = open(path, O_RDWR);
		if (primary.fd >= 0 &&
		    create(&primary, 4096, DRM_OGPU_BO_SYSTEM, 0, &flink.handle)) {
			close(primary.fd);
			primary.fd = -1;
		}
	}
	if (primary.fd < 0)
		SKIP("no primary node, or it may not be opened");
	EXPECT_EQ(card_ioctl(&primary, DRM_IOCTL_GEM_FLINK, &flink), -EOPNOTSUPP);
	EXPECT_EQ(card_ioctl(&primary, DRM_IOCTL_GEM_OPEN, &by_name), -EOPNOTSUPP);
}

/* A debugger sees and changes what the program has mapped. */
TEST(debugger)
{
	static const struct {
		uint32_t placement, flags;
	} kinds[] = {
		{ DRM_OGPU_BO_VRAM, DRM_OGPU_BO_CPU_ACCESS },
		{ DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS },
		{ DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_WRITE_COMBINED },
		{ BOTH, 0 },
	};
	int mem = open("/proc/self/mem", O_RDWR);
	struct card card;
	uint32_t handle;
	unsigned int i;

	ASSERT(mem >= 0);
	card_open(&card);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char *ptr, seen[12] = "";

		ASSERT_EQ(create(&card, MIB, kinds[i].placement, kinds[i].flags, &handle), 0);
		ptr = map(&card, handle, MIB);
		/* Before the program has touched it, and over the edge of a page. */
		ASSERT_EQ(pread(mem, seen, 12, (uintptr_t)ptr + 65530), 12);
		EXPECT(is_zero(seen, 8));
		ASSERT_EQ(pwrite(mem, "hello world", 12, (uintptr_t)ptr + 65530), 12);
		EXPECT(!strcmp(ptr + 65530, "hello world"));
		memcpy(ptr + 65530, "HELLO", 6);
		ASSERT_EQ(pread(mem, seen, 12, (uintptr_t)ptr + 65530), 12);
		EXPECT(!strcmp(seen, "HELLO"));
	}
}

TEST(bad_handles)
{
	struct drm_ogpu_bo_mmap_offset offset = {};
	struct drm_ogpu_bo_set_label label = {};
	struct drm_ogpu_bo_info info = {};
	static const uint32_t handles[] = { 0, 1000, UINT32_MAX };
	struct card card, other;
	uint32_t handle;
	unsigned int i;

	card_open(&card);
	card_open(&other);
	for (i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
		offset.handle = handles[i];
		info.handle = handles[i];
		label.handle = handles[i];
		EXPECT_EQ(OFFSET(&card, &offset), -ENOENT);
		EXPECT_EQ(INFO(&card, &info), -ENOENT);
		EXPECT_EQ(LABEL(&card, &label), -ENOENT);
	}

	/* A handle is worth nothing in another file, and nothing after it was closed. */
	ASSERT_EQ(create(&card, 4096, DRM_OGPU_BO_SYSTEM, 0, &handle), 0);
	info.handle = handle;
	EXPECT_EQ(INFO(&card, &info), 0);
	EXPECT_EQ(INFO(&other, &info), -ENOENT);
	close_handle(&card, handle);
	EXPECT_EQ(INFO(&card, &info), -ENOENT);
}

TEST(mmap_offset)
{
	struct drm_ogpu_bo_mmap_offset args = {};
	struct card card, other;
	uint32_t handle;
	int bit;

	card_open(&card);
	card_open(&other);
	ASSERT_EQ(create(&card, 4096, DRM_OGPU_BO_SYSTEM, 0, &handle), 0);
	for (bit = 0; bit < 32; bit++) {
		args = (struct drm_ogpu_bo_mmap_offset) { .handle = handle, .flags = 1u << bit };
		EXPECT_EQ(OFFSET(&card, &args), -EINVAL);
	}
	args.flags = 0;
	ASSERT_EQ(OFFSET(&card, &args), 0);
	EXPECT_EQ(args.offset % sysconf(_SC_PAGESIZE), 0);

	/* More than there is, somewhere else, as a private copy, through another file. */
	EXPECT(mmap(NULL, 2 * MIB, PROT_READ, MAP_SHARED, card.fd, args.offset) == MAP_FAILED);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, card.fd, 0) == MAP_FAILED);
	EXPECT(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, card.fd, args.offset) ==
	       MAP_FAILED);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, other.fd, args.offset) == MAP_FAILED);
	EXPECT_EQ(errno, EACCES);

	ASSERT_EQ(create(&card, 4096, DRM_OGPU_BO_VRAM, 0, &handle), 0);
	args.handle = handle;
	EXPECT_EQ(OFFSET(&card, &args), -EPERM);
	ASSERT_EQ(create(&card, 4096, BOTH, 0, &handle), 0);
	args.handle = handle;
	EXPECT_EQ(OFFSET(&card, &args), 0);
}

TEST(info)
{
	static const uint32_t placements[] = { DRM_OGPU_BO_VRAM, DRM_OGPU_BO_SYSTEM, BOTH };
	struct drm_ogpu_bo_info args = {};
	struct card card;
	uint32_t handle;
	unsigned int i;

	card_open(&card);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(create(&card, MIB, placements[i], DRM_OGPU_BO_CPU_ACCESS, &handle), 0);
		memset(&args, 0xff, sizeof(args));
		args.handle = handle;
		EXPECT_EQ(INFO(&card, &args), -EINVAL);
		args.pad = 0;
		ASSERT_EQ(INFO(&card, &args), 0);
		EXPECT_EQ(args.size, MIB);
		EXPECT_EQ(args.placement, placements[i]);
		EXPECT_EQ(args.flags, DRM_OGPU_BO_CPU_ACCESS);
		EXPECT_EQ(args.current_placement, placements[i] & DRM_OGPU_BO_VRAM ?
			  DRM_OGPU_BO_VRAM : DRM_OGPU_BO_SYSTEM);
		EXPECT_EQ(args.pad2, 0);
	}
}

/* Makes a buffer in system memory, uses it, frees it. */
static void use_once(struct card *card, uint32_t flags)
{
	struct drm_ogpu_bo_info info = {};
	uint32_t *words, handle, n;

	ASSERT_EQ(create(card, 4 * MIB, DRM_OGPU_BO_SYSTEM, flags, &handle), 0);
	info.handle = handle;
	ASSERT_EQ(INFO(card, &info), 0);
	EXPECT_EQ(info.flags, flags);
	words = map(card, handle, 4 * MIB);
	EXPECT(is_zero((char *)words, 4 * MIB));
	for (n = 0; n < MIB; n++)
		words[n] = n * 2654435761u;
	for (n = 0; n < MIB && words[n] == n * 2654435761u; n++)
		;
	EXPECT_EQ(n, MIB);
	munmap(words, 4 * MIB);
	close_handle(card, handle);
}

/* Pages whose caching was changed are as all others when the system gets them back. */
TEST(write_combined)
{
	struct card card;
	unsigned int i;

	card_open(&card);
	for (i = 0; i < 4; i++)
		use_once(&card, i & 1 ? 0 : DRM_OGPU_BO_WRITE_COMBINED);
}

TEST(label)
{
	char text[DRM_OGPU_LABEL_MAX + 1];
	struct drm_ogpu_bo_set_label args = {};
	struct card card;

	card_open(&card);
	ASSERT_EQ(create(&card, 4096, DRM_OGPU_BO_SYSTEM, 0, &args.handle), 0);

	memset(text, 'x', sizeof(text));
	args.label = (uintptr_t)text;
	EXPECT_EQ(LABEL(&card, &args), -E2BIG);
	text[DRM_OGPU_LABEL_MAX] = 0;
	EXPECT_EQ(LABEL(&card, &args), -E2BIG);
	text[DRM_OGPU_LABEL_MAX - 1] = 0;
	EXPECT_EQ(LABEL(&card, &args), 0);
	text[0] = 0;
	EXPECT_EQ(LABEL(&card, &args), 0);
	args.label = 0;
	EXPECT_EQ(LABEL(&card, &args), 0);
	args.label = 8;
	EXPECT_EQ(LABEL(&card, &args), -EFAULT);
	args.label = UINT64_MAX;
	EXPECT_EQ(LABEL(&card, &args), -EFAULT);
	args.label = (uintptr_t)text;
	args.pad = 1;
	EXPECT_EQ(LABEL(&card, &args), -EINVAL);
}

/* Reads all that fits; false if there is no such file. */
static bool read_debugfs(const char *name, char *text, size_t size)
{
	char path[80];
	size_t bytes;
	FILE *file;
	int i;

	for (i = 128; i < 192; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%d/%s", i, name);
		file = fopen(path, "r");
		if (file)
			break;
	}
	if (i == 192)
		return false;
	bytes = fread(text, 1, size - 1, file);
	text[bytes] = 0;
	fclose(file);

	return true;
}

TEST(label_in_debugfs)
{
	static char text[65536];
	struct drm_ogpu_bo_set_label args = { .label = (uintptr_t)"my favourite buffer" };
	struct card card;

	card_open(&card);
	ASSERT_EQ(create(&card, 4096, DRM_OGPU_BO_SYSTEM, 0, &args.handle), 0);
	ASSERT_EQ(LABEL(&card, &args), 0);
	if (!read_debugfs("buffers", text, sizeof(text)))
		SKIP("debugfs cannot be read: not mounted, or not root");
	EXPECT(strstr(text, "my favourite buffer"));
	args.label = (uintptr_t)"one\nclient 1";
	ASSERT_EQ(LABEL(&card, &args), 0);
	ASSERT(read_debugfs("buffers", text, sizeof(text)));
	EXPECT(strstr(text, "label \"one\\nclient 1\""));
	args.label = 0;
	ASSERT_EQ(LABEL(&card, &args), 0);
	ASSERT(read_debugfs("buffers", text, sizeof(text)));
	EXPECT(!strstr(text, "my favourite buffer"));
}

TEST(new_is_zero)
{
	static const uint32_t placements[] = { DRM_OGPU_BO_VRAM, DRM_OGPU_BO_SYSTEM };
	struct card card;
	uint32_t handle;
	unsigned int i, round;

	card_open(&card);
	for (i = 0; i < 2; i++) {
		/* The second time around, memory has been used before. */
		for (round = 0; round < 6; round++) {
			void *ptr;

			ASSERT_EQ(create(&card, 3 * MIB, placements[i], DRM_OGPU_BO_CPU_ACCESS,
					 &handle), 0);
			ptr = map(&card, handle, 3 * MIB);
			EXPECT(is_zero(ptr, 3 * MIB));
			memset(ptr, 0xa5, 3 * MIB);
			EXPECT_EQ(((unsigned char *)ptr)[3 * MIB - 1], 0xa5);
			if (round % 2)
				munmap(ptr, 3 * MIB);
			close_handle(&card, handle);
		}
	}
}

/* Mappings keep the memory, whatever becomes of the handle and the file. */
TEST(map_outlives_handle)
{
	struct card card;
	uint32_t handle;
	char *vram, *system;

	card_open(&card);
	ASSERT_EQ(create(&card, MIB, DRM_OGPU_BO_VRAM, DRM_OGPU_BO_CPU_ACCESS, &handle), 0);
	vram = map(&card, handle, MIB);
	close_handle(&card, handle);
	ASSERT_EQ(create(&card, MIB, DRM_OGPU_BO_SYSTEM, 0, &handle), 0);
	system = map(&card, handle, MIB);
	close_handle(&card, handle);
	card_close(&card);

	memset(vram, 1, MIB);
	memset(system, 2, MIB);
	EXPECT_EQ(vram[MIB - 1], 1);
	EXPECT_EQ(system[MIB - 1], 2);
}

TEST(map_after_fork)
{
	struct card card;
	uint32_t handle;
	int status;
	pid_t pid;
	char *ptr;

	card_open(&card);
	ASSERT_EQ(create(&card, MIB, DRM_OGPU_BO_VRAM, DRM_OGPU_BO_CPU_ACCESS, &handle), 0);
	ptr = map(&card, handle, MIB);
	ptr[0] = 1;
	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		ptr[4096] = ptr[0] + 1;
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(ptr[4096], 2);
}

/* With both placements system memory is used when VRAM is full, and nothing is evicted for it. */
TEST(spill_to_system)
{
	struct drm_ogpu_query_memory mem;
	struct drm_ogpu_bo_info info = {};
	struct card card;
	uint32_t handle, first = 0;
	uint64_t size;
	int i;

	card_open(&card);
	mem = card_memory(&card);
	size = mem.vram_size / 8 & ~(64 * KIB - 1);
	for (i = 0; i < 12; i++) {
		ASSERT_EQ(create(&card, size, BOTH, 0, &handle), 0);
		if (!first)
			first = handle;
	}
	info.handle = handle;
	ASSERT_EQ(INFO(&card, &info), 0);
	EXPECT_EQ(info.current_placement, DRM_OGPU_BO_SYSTEM);
	info.handle = first;
	ASSERT_EQ(INFO(&card, &info), 0);
	EXPECT_EQ(info.current_placement, DRM_OGPU_BO_VRAM);
}

/* System memory has a limit that holds, and what is over it is not taken from VRAM or others. */
TEST(system_limit)
{
	struct drm_ogpu_query_memory before, now;
	struct card watch, card;
	uint32_t handle;
	uint64_t size;
	int ret = 0;
	int n;

	card_open_unused(&watch);
	before = card_memory(&watch);
	size = before.system_size / 8 & ~4095ull;
	card_open(&card);
	for (n = 0; n < 12 && !ret; n++)
		ret = create(&card, size, DRM_OGPU_BO_SYSTEM, 0, &handle);
	EXPECT_EQ(ret, -ENOMEM);
	EXPECT_GE(n, 8);
	EXPECT_EQ(create(&card, MIB, BOTH, 0, &handle), 0);
	now = card_memory(&watch);
	EXPECT_LE(now.system_used, now.system_size);
	card_close(&card);
	ASSERT_EQ(card_wait_memory(&watch, &before), 0);
}

TEST(accounting)
{
	struct drm_ogpu_query_memory before, now;
	struct card watch, card;
	uint32_t handle;
	void *ptr;

	card_open_unused(&watch);
	before = card_memory(&watch);
	EXPECT_GE(before.vram_size, before.vram_visible_size);
	EXPECT_GE(before.vram_size, before.vram_used);
	EXPECT_GE(before.system_size, before.system_used);

	card_open(&card);
	ASSERT_EQ(create(&card, MIB, DRM_OGPU_BO_VRAM, DRM_OGPU_BO_CPU_ACCESS, &handle), 0);
	ptr = map(&card, handle, MIB);
	memset(ptr, 1, MIB);
	now = card_memory(&watch);
	EXPECT_GE(now.vram_used, before.vram_used + MIB);
	EXPECT_GE(now.vram_visible_used, before.vram_visible_used + MIB);
	ASSERT_EQ(create(&card, 5 * MIB, DRM_OGPU_BO_SYSTEM, 0, &handle), 0);
	now = card_memory(&watch);
	EXPECT_EQ(now.system_used, before.system_used + 5 * MIB);
	close_handle(&card, handle);
	now = card_memory(&watch);
	EXPECT_EQ(now.system_used, before.system_used);

	card_close(&card);
	munmap(ptr, MIB);
	ASSERT_EQ(card_wait_memory(&watch, &before), 0);
}

/* A process that is killed with everything open leaves nothing behind. */
TEST(accounting_after_kill)
{
	struct drm_ogpu_query_memory before;
	struct card watch;
	int round;

	card_open_unused(&watch);
	before = card_memory(&watch);
	for (round = 0; round < 5; round++) {
		pid_t pid = fork();

		ASSERT(pid >= 0);
		if (!pid) {
			struct card card;

			card_open(&card);
			for (;;) {
				struct buffer buf;

				card_buffer(&card, &buf, MIB, BOTH, DRM_OGPU_BIND_READ);
				memset(buf.map, 1, buf.size);
			}
		}
		sleep_ms(20 + 60 * round);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	}
	ASSERT_EQ(card_wait_memory(&watch, &before), 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
