// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Firmware that floods the host (tests/loader/flood.c: it begins when a queue is destroyed after a
 * compute queue was made): jobs still get their error in time, the host goes on, the log stays
 * short, and the card is reset once and then given up.
 *
 * VM-ALONE: --no-firmware --add build/loader/tests/images
 */
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "admin.h"
#include "card.h"
#include "clients.h"
#include "harness.h"

#define IMAGE		"/job/images/flood.img"
#define TIMEOUT_S	120
/* Longer than the test takes: nothing but the driver's action ends the job. */
#define JOB_TIMEOUT_MS	600000
/* From the first message of the flood until the job has its error. */
#define END_MS		30000
/* Longest time for which a process may not run that wants to, on a usual machine. */
#define STALL_MS	5000
#define LOG_LINES	40

/* Has firmware flood while a job is under way that does not end. */
static void flood(void)
{
	struct drm_ogpu_sync done = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_vm_create vm = {};
	uint64_t begin, before, now, end, longest = 0;
	struct buffer page;
	struct stream endless;
	struct card card;
	uint32_t queue;
	int ret;

	card_open(&card);
	card_buffer(&card, &page, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&card, &endless, 4096);
	stream_wait(&endless, page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	done.handle = card_syncobj(&card);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, JOB_TIMEOUT_MS);
	ASSERT_EQ(card_submit(&card, queue, &endless, &done, 1), 0);
	ASSERT(card_syncobj_wait(&card, done.handle, 0));

	card_queue_destroy(&card, card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0));
	begin = time_ms();
	end = time_limit(END_MS);
	before = begin;
	do {
		ret = card_syncobj_wait(&card, done.handle, 0);
		now = time_ms();
		longest = now - before > longest ? now - before : longest;
		before = now;
		sleep_ms(1);
	} while (ret && now < end);
	printf("# job over after %llu ms, longest stall %llu ms\n",
	       (unsigned long long)(now - begin), (unsigned long long)longest);
	EXPECT_EQ(ret, 0);
	EXPECT_LE(longest, STALL_MS * time_scale());
	ret = card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &vm);
	/* The file is stale, or the card wedged. */
	EXPECT(ret == -ENODEV || ret == -EIO);
	/* Mappings hold the file. */
	munmap(page.map, page.size);
	munmap(endless.buf.map, endless.buf.size);
	card_close(&card);
}

TEST_TIMEOUT(firmware_floods, TIMEOUT_S)
{
	struct admin admin;
	char command[256];
	uint64_t end;
	int uevents;

	if (!admin_init(&admin, 0) || access(IMAGE, R_OK))
		SKIP("no image of firmware that floods");
	ASSERT(admin_run("ogpu-fwload load --quiet " IMAGE));
	uevents = admin_open_uevents();
	ASSERT_GE(uevents, 0);
	ASSERT(client_works());
	ASSERT(admin_is(&admin, "reset_count", "0"));

	flood();
	EXPECT(admin_wait(&admin, "state", "running"));
	EXPECT(admin_is(&admin, "reset_count", "1"));
	flood();
	EXPECT(admin_wait_uevent(uevents, "WEDGED=rebind,bus-reset"));
	close(uevents);
	EXPECT(admin_is(&admin, "state", "wedged"));
	EXPECT(admin_is(&admin, "last_error", "firmware floods the host again"));

	EXPECT(admin_run("test $(dmesg | grep -c 'resetting the card: firmware floods') -eq 2"));
	EXPECT(admin_run("test $(dmesg | grep -c 'card is wedged: firmware floods') -eq 1"));
	snprintf(command, sizeof(command), "test $(dmesg | grep -c 'ogpu %s') -lt %d",
		 admin.address, LOG_LINES);
	EXPECT(admin_run(command));

	/* Queues that firmware did not destroy are gone with the card. */
	ASSERT(admin_unbind(&admin));
	end = time_limit(ADMIN_WAIT_MS);
	while (!admin_run("rmmod ogpu 2>/dev/null"))
		ASSERT_LE(time_ms(), end);
	ASSERT(admin_run("modprobe ogpu"));
	ASSERT_EQ(admin_load_firmware(&admin), 0);
	EXPECT(client_works());
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
