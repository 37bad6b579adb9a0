// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The card is reset, unbound and removed, and the driver unloaded, while programs work: none of
 * them hangs or does harm with what it holds, and the next one finds a card that works.
 */
#include <fcntl.h>
#include <glob.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/types.h>

#include <xf86drm.h>

#include "admin.h"
#include "card.h"
#include "clients.h"
#include "harness.h"

#define TIMEOUT_S	120
#define ROUNDS		3
/* So many that the one that waits has begun to. */
#define JOBS		20

static void set_up(struct admin *admin)
{
	if (!admin_init(admin, 0))
		SKIP("no card");
}

/* The next program can use the card. */
static void expect_works(struct admin *admin)
{
	EXPECT(admin_is(admin, "state", "running"));
	EXPECT(admin_is(admin, "last_error", ""));
	EXPECT(client_works());
}

static void expect_lost(struct clients *clients)
{
	int i;

	ASSERT(clients_wait_lost(clients));
	for (i = 0; i < CLIENTS; i++) {
		EXPECT_EQ(clients->client[i].error, -ENODEV);
		EXPECT(clients->client[i].signalled);
	}
}

static void read_all(const char *pattern)
{
	char text[4096];
	glob_t found;
	size_t i;

	if (glob(pattern, 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);

		while (fd >= 0 && read(fd, text, sizeof(text)) > 0)
			;
		if (fd >= 0)
			close(fd);
	}
	globfree(&found);
}

/* Opens and closes the card and reads all there is to read, whatever comes of it. */
static pid_t start_looking(struct admin *admin)
{
	char sysfs[96], hwmon[96], fdinfo[64];
	pid_t pid = fork();

	if (pid)
		return pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	snprintf(sysfs, sizeof(sysfs), "%s/[b-u]*", admin->dir);
	snprintf(hwmon, sizeof(hwmon), "%s/hwmon/hwmon*/*_*", admin->dir);
	for (;;) {
		struct card card = { .fd = drmOpenWithType("ogpu", NULL, DRM_NODE_RENDER) };
		struct drm_ogpu_vm_create vm = {};
		struct buffer buf;

		if (card.fd >= 0) {
			card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &vm);
			card_buffer_create(&card, &buf, 65536, DRM_OGPU_BO_VRAM);
			snprintf(fdinfo, sizeof(fdinfo), "/proc/self/fdinfo/%d", card.fd);
			read_all(fdinfo);
		}
		read_all(sysfs);
		read_all(hwmon);
		read_all("/sys/kernel/debug/dri/*/*");
		if (card.fd >= 0)
			card_close(&card);
	}
}

/* Does something to the card while programs work, at a somewhat different moment each time. */
static void while_working(struct admin *admin, void (*func)(struct admin *admin),
			  bool expect_sigbus)
{
	struct clients clients;
	int round, i;
	pid_t looker;

	looker = start_looking(admin);
	ASSERT_GE(looker, 0);
	for (round = 0; round < ROUNDS; round++) {
		ASSERT(clients_start(&clients, JOBS + 7 * round));
		func(admin);
		expect_lost(&clients);
		/* What the others still hold is no obstacle. */
		expect_works(admin);
		clients_end(&clients);
		for (i = 0; i < CLIENTS && expect_sigbus; i++) {
			EXPECT(clients.client[i].sigbus[0]);
			EXPECT(clients.client[i].sigbus[1]);
		}
		expect_works(admin);
	}
	kill(looker, SIGKILL);
	waitpid(looker, NULL, 0);
}

static void reset_function(struct admin *admin)
{
	ASSERT(admin_write(admin, "reset", "1"));
}

TEST_TIMEOUT(function_reset, TIMEOUT_S)
{
	struct admin admin;
	char before[16], after[16];

	set_up(&admin);
	admin_read(&admin, "reset_count", before, sizeof(before));
	while_working(&admin, reset_function, true);
	admin_read(&admin, "reset_count", after, sizeof(after));
	EXPECT_EQ(atoi(after), atoi(before) + ROUNDS);
}

static void rebind(struct admin *admin)
{
	ASSERT(admin_unbind(admin));
	EXPECT(admin_is(admin, "state", ""));
	ASSERT(admin_bind(admin));
	EXPECT(admin_is(admin, "state", "awaiting-firmware"));
	ASSERT_EQ(admin_load_firmware(admin), 0);
}

TEST_TIMEOUT(unbind, TIMEOUT_S)
{
	struct admin admin;

	set_up(&admin);
	while_working(&admin, rebind, false);
}

static void remove_and_rescan(struct admin *admin)
{
	ASSERT(admin_write(admin, "remove", "1"));
	EXPECT(access(admin->dir, F_OK));
	ASSERT(admin_rescan());
	/* Without user space: it starts with what ran. */
	EXPECT(admin_is(admin, "state", "running"));
}

/* The same without a program: all of it is there when bind returns, unless it is not wanted. */
TEST_TIMEOUT(bind_starts_what_ran, TIMEOUT_S)
{
	char hash[128];
	struct admin admin;
	int i;

	set_up(&admin);
	admin_read(&admin, "firmware_hash", hash, sizeof(hash));
	EXPECT(hash[0]);
	for (i = 0; i < 3; i++) {
		EXPECT(admin_is(&admin, "firmware_kept", "1"));
		ASSERT(admin_unbind_kept(&admin));
		ASSERT(admin_bind(&admin));
		EXPECT(admin_is(&admin, "state", "running"));
		EXPECT(admin_is(&admin, "firmware_hash", hash));
		EXPECT(client_works());
	}
	EXPECT(!admin_write(&admin, "firmware_kept", "1"));
	EXPECT(admin_write(&admin, "firmware_kept", "0"));
	EXPECT(admin_is(&admin, "firmware_kept", "0"));
	/* What runs is not touched. */
	EXPECT(client_works());
	ASSERT(admin_unbind_kept(&admin));
	ASSERT(admin_bind(&admin));
	EXPECT(admin_is(&admin, "state", "awaiting-firmware"));
	EXPECT_EQ(admin_load_firmware(&admin), 0);
	EXPECT(admin_is(&admin, "firmware_kept", "1"));
}

/* What ran is refused: the card is there, and waits for other firmware. */
TEST_TIMEOUT(bind_when_refused, TIMEOUT_S)
{
	struct admin admin;

	set_up(&admin);
	ASSERT(admin_unbind_kept(&admin));
	ASSERT(admin_control(&admin, "{\"cmd\":\"set\",\"fuse_svn\":1000}"));
	ASSERT(admin_bind(&admin));
	EXPECT(admin_is(&admin, "state", "awaiting-firmware"));
	EXPECT(admin_is(&admin, "firmware_error", "svn"));
	ASSERT(admin_control(&admin, "{\"cmd\":\"set\",\"fuse_svn\":0}"));
	/* Firmware that does not come up does not make bind fail. */
	ASSERT(admin_unbind_kept(&admin));
	ASSERT(admin_control(&admin, "{\"cmd\":\"set\",\"revoked_keys\":1}"));
	ASSERT(admin_bind(&admin));
	EXPECT(admin_is(&admin, "state", "awaiting-firmware"));
	EXPECT(admin_is(&admin, "firmware_error", "revoked"));
	ASSERT(admin_control(&admin, "{\"cmd\":\"set\",\"revoked_keys\":0}"));
	EXPECT_EQ(admin_load_firmware(&admin), 0);
	EXPECT(client_works());
}

TEST_TIMEOUT(removal, TIMEOUT_S)
{
	struct admin admin;

	set_up(&admin);
	while_working(&admin, remove_and_rescan, false);
}

/* Who has the card open keeps the driver loaded, and does not notice the attempt. */
TEST_TIMEOUT(unload_in_use, TIMEOUT_S)
{
	struct clients clients;
	struct admin admin;

	set_up(&admin);
	ASSERT(clients_start(&clients, JOBS));
	EXPECT(!admin_run("rmmod ogpu 2>/dev/null"));
	EXPECT(admin_is(&admin, "state", "running"));
	EXPECT(clients_go_on(&clients));

	/* Without a card as well. */
	ASSERT(admin_unbind(&admin));
	expect_lost(&clients);
	EXPECT(!admin_run("rmmod ogpu 2>/dev/null"));
	clients_end(&clients);
	ASSERT(admin_bind(&admin));
	ASSERT_EQ(admin_load_firmware(&admin), 0);
	expect_works(&admin);
}

/* It may take a moment until the last job of a program that ended is over. */
static void unload(void)
{
	uint64_t end = time_limit(ADMIN_WAIT_MS);

	while (!access("/sys/module/ogpu", F_OK) && !admin_run("rmmod ogpu 2>/dev/null"))
		ASSERT_LE(time_ms(), end);
}

static void load(struct admin *admin)
{
	ASSERT(admin_run("modprobe ogpu"));
	ASSERT_EQ(admin_load_firmware(admin), 0);
	expect_works(admin);
}

/* As soon as nobody uses the driver it can be unloaded, whatever programs have left behind. */
TEST_TIMEOUT(unload_after_kill, TIMEOUT_S)
{
	struct clients clients;
	struct admin admin;
	int round;

	set_up(&admin);
	for (round = 0; round < ROUNDS; round++) {
		ASSERT(clients_start(&clients, JOBS));
		clients_kill(&clients);
		unload();
		load(&admin);
	}
}

/* What a program keeps of a job that is over may outlive the driver, or keeps it loaded. */
TEST_TIMEOUT(unload_with_fence, TIMEOUT_S)
{
	struct drm_ogpu_sync done = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct sync_file_info info = {};
	struct admin admin;
	struct card card;
	int fence = -1;

	set_up(&admin);
	card_open(&card);
	done.handle = card_syncobj(&card);
	ASSERT_EQ(card_submit(&card, card_queue(&card, DRM_OGPU_ENGINE_COPY, 0), NULL, &done, 1),
		  0);
	ASSERT_EQ(card_syncobj_wait(&card, done.handle, ADMIN_WAIT_MS), 0);
	ASSERT_EQ(drmSyncobjExportSyncFile(card.fd, done.handle, &fence), 0);
	card_close(&card);

	admin_run("rmmod ogpu 2>/dev/null");
	EXPECT_EQ(ioctl(fence, SYNC_IOC_FILE_INFO, &info), 0);
	EXPECT_EQ(info.status, 1);
	close(fence);
	unload();
	load(&admin);
}

/* Nobody need ask again and again what state the card is in. */
TEST(state_is_told)
{
	struct pollfd state = { .events = POLLPRI };
	uint64_t end = time_limit(ADMIN_WAIT_MS);
	struct admin admin;
	char text[64], path[128];
	int uevents, told;

	set_up(&admin);
	uevents = admin_open_uevents();
	ASSERT_GE(uevents, 0);
	snprintf(path, sizeof(path), "%s/state", admin.dir);
	state.fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(state.fd, 0);
	/* What was before is told after it has happened. */
	do {
		ASSERT_LE(time_ms(), end);
		ASSERT_GE(pread(state.fd, text, sizeof(text), 0), 1);
		told = poll(&state, 1, 200);
		ASSERT_GE(told, 0);
	} while (told);

	reset_function(&admin);
	EXPECT_EQ(poll(&state, 1, ADMIN_WAIT_MS * time_scale()), 1);
	EXPECT(admin_wait_uevent(uevents, "OGPU_STATE=running"));
	expect_works(&admin);
}

/* With some values no card could start, or no job would be ended. */
TEST(parameters)
{
	struct admin module = { .dir = "/sys/module/ogpu/parameters" };
	struct card card;

	EXPECT(!admin_write(&module, "fw_timeout_ms", "0"));
	EXPECT(!admin_write(&module, "fw_timeout_ms", "99"));
	EXPECT(!admin_write(&module, "fw_timeout_ms", "600001"));
	EXPECT(!admin_write(&module, "job_timeout_ms", "-1"));
	EXPECT(!admin_write(&module, "job_timeout_ms", "86400001"));
	EXPECT(!admin_write(&module, "max_queues_per_user", "-1"));
	EXPECT(admin_write(&module, "fw_timeout_ms", "5000"));

	/* The administrator's word goes before the card's, if there is one. */
	EXPECT(admin_write(&module, "job_timeout_ms", "1234"));
	card_open(&card);
	EXPECT_EQ(card.info.max_job_ms, 1234);
	card_close(&card);
	EXPECT(admin_write(&module, "job_timeout_ms", "0"));
	card_open(&card);
	EXPECT_EQ(card.info.max_job_ms, 10000);
	card_close(&card);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
