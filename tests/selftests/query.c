// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * QUERY: arguments, sizes, and what it says; sensors, which say the rest about a card.
 */
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"
#include "card.h"
#include "harness.h"

#define MAX_SIZE	4096
#define PAGE		4096u
#define KERNEL_ADDRESS	0xffff888000000000ull

static const uint32_t sizes[] = {
	[DRM_OGPU_QUERY_DEVICE] = sizeof(struct drm_ogpu_query_device),
	[DRM_OGPU_QUERY_FIRMWARE] = sizeof(struct drm_ogpu_query_firmware),
	[DRM_OGPU_QUERY_MEMORY] = sizeof(struct drm_ogpu_query_memory),
	[DRM_OGPU_QUERY_TIME] = sizeof(struct drm_ogpu_query_time),
};

#define TYPES	(sizeof(sizes) / sizeof(sizes[0]))

/* The low half of the card's time, in nanoseconds, wraps once in this time. */
#define WRAP_NS		(1ull << 32)

/* Returns 0 or a negative errno; @size is updated. */
static int query(struct card *card, uint32_t type, uint32_t *size, uint64_t pointer)
{
	struct drm_ogpu_query args = { .type = type, .size = *size, .pointer = pointer };
	int ret = card_ioctl(card, DRM_IOCTL_OGPU_QUERY, &args);

	*size = args.size;

	return ret;
}

static int query_error(struct card *card, uint32_t type, uint32_t size, uint64_t pointer)
{
	return query(card, type, &size, pointer);
}

TEST(bad_arguments)
{
	struct card card;
	char buf[8];

	card_open(&card);
	EXPECT_EQ(query_error(&card, TYPES, 0, 0), -EINVAL);
	EXPECT_EQ(query_error(&card, TYPES, 8, (uintptr_t)buf), -EINVAL);
	EXPECT_EQ(query_error(&card, UINT32_MAX, 8, (uintptr_t)buf), -EINVAL);
	EXPECT_EQ(query_error(&card, 0, MAX_SIZE + 1, (uintptr_t)buf), -EINVAL);
	EXPECT_EQ(query_error(&card, 0, UINT32_MAX, (uintptr_t)buf), -EINVAL);
}

TEST(bad_pointers)
{
	struct card card;
	uint32_t type;
	char *pages;

	card_open(&card);
	pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(pages, MAP_FAILED);
	ASSERT_EQ(mprotect(pages + PAGE, PAGE, PROT_READ), 0);
	for (type = 0; type < TYPES; type++) {
		EXPECT_EQ(query_error(&card, type, 8, 0), -EFAULT);
		EXPECT_EQ(query_error(&card, type, 8, 8), -EFAULT);
		EXPECT_EQ(query_error(&card, type, 8, UINT64_MAX), -EFAULT);
		EXPECT_EQ(query_error(&card, type, 8, KERNEL_ADDRESS), -EFAULT);
		EXPECT_EQ(query_error(&card, type, 8, (uintptr_t)pages + PAGE), -EFAULT);
		/* Over the end: of what is filled, and of what is zeroed behind it. */
		EXPECT_EQ(query_error(&card, type, 8, (uintptr_t)pages + PAGE - 4), -EFAULT);
		EXPECT_EQ(query_error(&card, type, sizes[type] + 8,
				      (uintptr_t)pages + PAGE - sizes[type]), -EFAULT);
		EXPECT_EQ(query_error(&card, type, sizes[type],
				      (uintptr_t)pages + PAGE - sizes[type]), 0);
	}
}

/* What a later driver may have: a program finds out that this one has not. */
TEST(unknown_ioctls)
{
	uint8_t args[256] = {};
	struct card card;
	unsigned int nr;

	card_open(&card);
	for (nr = DRM_OGPU_BO_PREFETCH + 1; nr < DRM_COMMAND_END - DRM_COMMAND_BASE; nr++)
		EXPECT_EQ(card_ioctl(&card, DRM_IOWR(DRM_COMMAND_BASE + nr, args), args), -EINVAL);
}

/* A structure from a later header: what is longer does not matter and stays as it is. */
TEST(longer_structure)
{
	struct {
		struct drm_ogpu_vm_create create;
		uint64_t more;
	} args = { .more = 0x0101010101010101 };
	struct card card;

	card_open(&card);
	EXPECT_EQ(card_ioctl(&card, DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_VM_CREATE, args), &args),
		  0);
	EXPECT_GE(args.create.vm_id, 1);
	EXPECT_EQ(args.more, 0x0101010101010101);
}

/* Size 0 asks for the size; the pointer does not matter. */
TEST(size_probing)
{
	struct card card;
	uint32_t type, size;

	card_open(&card);
	for (type = 0; type < TYPES; type++) {
		size = 0;
		EXPECT_EQ(query(&card, type, &size, KERNEL_ADDRESS), 0);
		EXPECT_EQ(size, sizes[type]);
	}
}

static bool all(const uint8_t *buf, uint32_t from, uint32_t to, uint8_t value)
{
	while (from < to) {
		if (buf[from++] != value)
			return false;
	}

	return true;
}

/* A program that is older or newer than the kernel. */
TEST(other_sizes)
{
	uint8_t whole[MAX_SIZE], buf[MAX_SIZE + 8];
	struct card card;
	uint32_t type, size;

	card_open(&card);
	for (type = 0; type < TYPES; type++) {
		size = sizes[type];
		ASSERT_EQ(query(&card, type, &size, (uintptr_t)whole), 0);
		EXPECT_EQ(size, sizes[type]);

		/* At an odd address, too. */
		memset(buf, 0xee, sizeof(buf));
		size = 7;
		ASSERT_EQ(query(&card, type, &size, (uintptr_t)buf + 1), 0);
		EXPECT_EQ(size, 7);
		EXPECT(!all(buf, 1, 8, 0xee));
		EXPECT(buf[0] == 0xee && all(buf, 8, sizeof(buf), 0xee));

		memset(buf, 0xee, sizeof(buf));
		size = MAX_SIZE;
		ASSERT_EQ(query(&card, type, &size, (uintptr_t)buf), 0);
		EXPECT_EQ(size, sizes[type]);
		EXPECT(all(buf, sizes[type], MAX_SIZE, 0));
		EXPECT(all(buf, MAX_SIZE, sizeof(buf), 0xee));
		/* Nothing else of it changes all the time. */
		if (type == DRM_OGPU_QUERY_DEVICE || type == DRM_OGPU_QUERY_FIRMWARE)
			EXPECT(!memcmp(buf, whole, sizes[type]));
	}
}

TEST(device)
{
	struct drm_ogpu_query_device *info;
	struct card card;

	card_open(&card);
	info = &card.info;
	EXPECT_EQ(info->generation, 1);
	EXPECT_GE(info->cu_count, 1);
	EXPECT_GE(info->lanes, 1);
	EXPECT_GE(info->max_workgroup, info->lanes);
	EXPECT_GE(info->clock_khz, 1);
	EXPECT_GE(info->resident_groups, 1);
	EXPECT_GE(info->resident_waves * info->lanes, info->max_workgroup);
	EXPECT_GE(info->resident_local, info->local_bytes);
	EXPECT_EQ(info->save_wave_bytes % 256, 0);
	EXPECT_GE(info->save_wave_bytes, 64 * 8 * info->lanes);
	EXPECT_GE(info->quantum_us, 1);
	EXPECT_GE(info->starve_ms, 1);
	EXPECT_GE(info->preempt_ms, 1);
	EXPECT_EQ(info->max_job_ms, 10000);
	EXPECT(!strncmp((char *)info->isa, "rv64i", 5));
	EXPECT_EQ(info->isa[sizeof(info->isa) - 1], 0);
	EXPECT_GE(info->max_queues, 1);
	EXPECT_EQ(info->va_bits, 48);
	EXPECT(info->page_sizes & 4096);
	EXPECT(!all(info->uuid, 0, sizeof(info->uuid), 0));
	EXPECT(info->name[0]);
	EXPECT_EQ(info->name[sizeof(info->name) - 1], 0);
}

/* A program is told that atomics reach the CPU only if the function may send them. */
TEST(system_atomics)
{
	enum { CAP_POINTER = 0x34, CAP_EXPRESS = 0x10, CONTROL2 = 0x28, ATOMICS = 1 << 6 };
	struct admin admin;
	uint8_t config[256];
	struct card card;
	char path[128];
	uint8_t at;
	int fd;

	card_open(&card);
	EXPECT_EQ(card.info.flags & ~(DRM_OGPU_DEVICE_SYSTEM_ATOMICS | DRM_OGPU_DEVICE_SVM |
				      DRM_OGPU_DEVICE_USERPTR | DRM_OGPU_DEVICE_SVM_VRAM), 0);
	ASSERT(admin_init(&admin, 0));
	snprintf(path, sizeof(path), "%s/config", admin.dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(pread(fd, config, sizeof(config), 0), sizeof(config));
	close(fd);

	for (at = config[CAP_POINTER]; config[at] != CAP_EXPRESS; at = config[at + 1])
		ASSERT_GE(at, 0x40);
	EXPECT_EQ(!!(config[at + CONTROL2] & ATOMICS),
		  !!(card.info.flags & DRM_OGPU_DEVICE_SYSTEM_ATOMICS));
}

TEST(memory)
{
	struct drm_ogpu_query_memory mem;
	struct card card;

	card_open(&card);
	mem = card_memory(&card);
	EXPECT_LE(mem.vram_used, mem.vram_size);
	EXPECT_LE(mem.vram_visible_size, mem.vram_size);
	EXPECT_LE(mem.vram_visible_used, mem.vram_visible_size);
	EXPECT_LE(mem.vram_visible_used, mem.vram_used);
	EXPECT_GE(mem.system_size, 1);
	EXPECT_LE(mem.system_used, mem.system_size);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);

	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

TEST(time)
{
	struct drm_ogpu_query_time time = {};
	uint64_t before = monotonic_ns(), gpu_before = 0;
	uint32_t i, size = sizeof(time);
	struct card card;

	card_open(&card);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(query(&card, DRM_OGPU_QUERY_TIME, &size, (uintptr_t)&time), 0);
		EXPECT_LE(before, time.cpu_ns);
		EXPECT_LE(time.cpu_ns + time.uncertainty_ns, monotonic_ns());
		EXPECT_LE(gpu_before + 1, time.gpu_ns);
		before = time.cpu_ns + time.uncertainty_ns;
		gpu_before = time.gpu_ns;
	}
}

static struct card time_card;
static _Atomic uint64_t time_latest;	/* of all threads */

/* Until the low half has wrapped; the number of times that did not come after all before them. */
static void *time_forth(void *arg)
{
	uint64_t *back = arg, first = time_latest, before, latest;
	struct drm_ogpu_query_time time = {};
	uint32_t size = sizeof(time);

	do {
		before = time_latest;
		if (query(&time_card, DRM_OGPU_QUERY_TIME, &size, (uintptr_t)&time) ||
		    time.gpu_ns < before)
			++*back;
		latest = before;
		while (latest < time.gpu_ns &&
		       !atomic_compare_exchange_weak(&time_latest, &latest, time.gpu_ns))
			;
	} while (!*back && time.gpu_ns - first < WRAP_NS + WRAP_NS / 16);

	return NULL;
}

/* Two threads read a time of two halves, which wrap meanwhile: for none it goes back. */
TEST(time_of_threads)
{
	struct drm_ogpu_query_time time = {};
	uint32_t i, size = sizeof(time);
	uint64_t back[2] = {};
	pthread_t threads[2];

	card_open(&time_card);
	ASSERT_EQ(query(&time_card, DRM_OGPU_QUERY_TIME, &size, (uintptr_t)&time), 0);
	time_latest = time.gpu_ns;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, time_forth, &back[i]), 0);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(pthread_join(threads[i], NULL), 0);
	EXPECT_EQ(back[0], 0);
	EXPECT_EQ(back[1], 0);
	EXPECT_GE(time_latest >> 32, (time.gpu_ns >> 32) + 1);
}

/* An attribute of the sensors as a number. */
static long long sensor(const struct admin *admin, const char *hwmon, const char *name)
{
	char attribute[128], text[64];

	snprintf(attribute, sizeof(attribute), "%s/%s", hwmon, name);
	admin_read(admin, attribute, text, sizeof(text));
	if (!text[0])
		HARNESS_FAIL("no value of %s", name);

	return atoll(text);
}

static void expect_text(const struct admin *admin, const char *hwmon, const char *name,
			const char *text)
{
	char attribute[128];

	snprintf(attribute, sizeof(attribute), "%s/%s", hwmon, name);
	EXPECT(admin_is(admin, attribute, text));
}

/* The folder of the sensors, in that of the device. */
static void find_hwmon(const struct admin *admin, char *hwmon, size_t size)
{
	char pattern[96];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/hwmon/hwmon*", admin->dir);
	ASSERT_EQ(glob(pattern, 0, NULL, &found), 0);
	ASSERT_EQ(found.gl_pathc, 1);
	snprintf(hwmon, size, "%s", found.gl_pathv[0] + strlen(admin->dir) + 1);
	globfree(&found);
}

TEST(sensors)
{
	struct admin admin;
	struct card card;
	long long energy;
	char hwmon[64];
	uint64_t end;

	card_open(&card);
	ASSERT(admin_init(&admin, 0));
	find_hwmon(&admin, hwmon, sizeof(hwmon));

	expect_text(&admin, hwmon, "name", "ogpu");
	expect_text(&admin, hwmon, "temp1_label", "gpu");
	expect_text(&admin, hwmon, "temp2_label", "mem");
	expect_text(&admin, hwmon, "freq1_label", "compute");
	expect_text(&admin, hwmon, "freq2_label", "mem");
	/* Millidegree, microwatt, hertz. */
	EXPECT_GE(sensor(&admin, hwmon, "temp1_input"), 10000);
	EXPECT_LE(sensor(&admin, hwmon, "temp1_input"), 110000);
	EXPECT_GE(sensor(&admin, hwmon, "temp2_input"), 10000);
	EXPECT_LE(sensor(&admin, hwmon, "temp2_input"), 110000);
	EXPECT_GE(sensor(&admin, hwmon, "power1_input"), 1000000);
	EXPECT_LE(sensor(&admin, hwmon, "power1_input"), 1000000000);
	EXPECT_GE(sensor(&admin, hwmon, "power1_average"), 1000000);
	EXPECT_GE(sensor(&admin, hwmon, "fan1_input"), 1);
	EXPECT_GE(sensor(&admin, hwmon, "freq1_input"), 1000000);
	EXPECT_LE(sensor(&admin, hwmon, "freq1_input"), card.info.clock_khz * 1000ll);
	EXPECT_GE(sensor(&admin, hwmon, "freq2_input"), 1000000);
	EXPECT_LE(sensor(&admin, hwmon, "freq2_input"), 100000000000ll);

	/* Old values are not shown for ever. */
	energy = sensor(&admin, hwmon, "energy1_input");
	EXPECT_GE(energy, 1);
	end = time_limit(ADMIN_WAIT_MS);
	while (sensor(&admin, hwmon, "energy1_input") <= energy && time_ms() < end)
		sleep_ms(10);
	EXPECT_GE(sensor(&admin, hwmon, "energy1_input"), energy + 1);
}

/* Why the card is slow is told, and that it is no more. */
TEST(throttle)
{
	struct admin admin;
	struct card card;

	if (!admin_init(&admin, 0) || !admin_has_control(&admin))
		SKIP("no virtual GPU with a control socket");
	card_open(&card);
	EXPECT(admin_wait(&admin, "throttle", "none"));
	ASSERT(admin_control(&admin, "{\"cmd\":\"set\",\"brake\":true}"));
	EXPECT(admin_wait(&admin, "throttle", "brake"));
	ASSERT(admin_control(&admin, "{\"cmd\":\"set\",\"temp_mdeg\":99000}"));
	EXPECT(admin_wait(&admin, "throttle", "thermal brake"));
	ASSERT(admin_control(&admin, "{\"cmd\":\"set\",\"brake\":false}"));
	EXPECT(admin_wait(&admin, "throttle", "thermal"));
	ASSERT(admin_control(&admin, "{\"cmd\":\"set\",\"temp_mdeg\":40000}"));
	EXPECT(admin_wait(&admin, "throttle", "none"));
}

/* Power can be limited, within what the card tells, also by who asks for more or less. */
TEST(power_cap)
{
	long long low, high, before;
	char hwmon[64], attribute[96], text[32];
	struct admin admin;

	ASSERT(admin_init(&admin, 0));
	find_hwmon(&admin, hwmon, sizeof(hwmon));
	snprintf(attribute, sizeof(attribute), "%s/power1_cap", hwmon);
	low = sensor(&admin, hwmon, "power1_cap_min");
	high = sensor(&admin, hwmon, "power1_cap_max");
	before = sensor(&admin, hwmon, "power1_cap");
	ASSERT_GE(low, 1);
	ASSERT_GE(high, low + 2);
	EXPECT_GE(before, low);
	EXPECT_LE(before, high);

	snprintf(text, sizeof(text), "%lld", low + 1);
	ASSERT(admin_write(&admin, attribute, text));
	EXPECT_EQ(sensor(&admin, hwmon, "power1_cap"), low + 1);
	ASSERT(admin_write(&admin, attribute, "0"));
	EXPECT_EQ(sensor(&admin, hwmon, "power1_cap"), low);
	ASSERT(admin_write(&admin, attribute, "999999999999"));
	EXPECT_EQ(sensor(&admin, hwmon, "power1_cap"), high);
	EXPECT(!admin_write(&admin, attribute, "much"));
	snprintf(text, sizeof(text), "%lld", before);
	EXPECT(admin_write(&admin, attribute, text));
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
