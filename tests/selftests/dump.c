// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Dumps of the card for the kernel's devcoredump: taken when a queue fails and when the card is
 * reset, one at a time, whole, for root alone, and with nothing in them that is a stranger's.
 *
 * Needs a virtual GPU whose control socket can be reached from the test machine.
 */
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "admin.h"
#include "card.h"
#include "clients.h"
#include "culprit.h"
#include "harness.h"

#define TIMEOUT_S	120
#define WAIT_MS		20000
#define DUMPS		"/sys/class/devcoredump/devcd*/data"
/* docs/operating.md */
#define DUMP_SIZE	(192 * 1024)
#define BAD_VA		0x123456789000ull
#define NOBODY		65534
/* How long queues have no other dump. */
#define QUEUE_MS	10000
#define PATH_SIZE	256

static char text[DUMP_SIZE + 1];

/* How many there are; one of them is at @path, of PATH_SIZE, unless that is NULL. */
static int count_dumps(char *path)
{
	glob_t found;
	int count = 0;

	if (!glob(DUMPS, 0, NULL, &found)) {
		count = found.gl_pathc;
		if (path)
			snprintf(path, PATH_SIZE, "%s", found.gl_pathv[0]);
		globfree(&found);
	}

	return count;
}

static void drop_dumps(void)
{
	uint64_t end = time_limit(30000);
	char path[PATH_SIZE];
	int fd;

	while (count_dumps(path)) {
		ASSERT_LE(time_ms(), end);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		/* It goes some time after it was told to. */
		if (write(fd, "1", 1) != 1)
			EXPECT_EQ(errno, ENODEV);
		close(fd);
	}
}

/* Reads the dump there is into @text. */
static bool read_dump(void)
{
	size_t used = 0;
	char path[PATH_SIZE];
	ssize_t bytes;
	int fd;

	if (!count_dumps(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while ((bytes = read(fd, text + used, DUMP_SIZE - used)) > 0)
		used += bytes;
	close(fd);
	text[used] = 0;

	return strstr(text, "[end]\n");
}

/* Waits for one of this event. */
static void wait_dump(int event)
{
	uint64_t end = time_limit(WAIT_MS);
	char want[32];

	snprintf(want, sizeof(want), "\nevent: %d\n", event);
	while (!read_dump() || !strstr(text, want)) {
		ASSERT_LE(time_ms(), end);
		sleep_ms(10);
	}
	ASSERT_EQ(strncmp(text, "ogpu-dump: 1\n", 13), 0);
}

static void find(struct admin *admin)
{
	if (!admin_init(admin, 0) || !admin_has_control(admin))
		SKIP("no virtual GPU with a control socket");
	drop_dumps();
}

static void submit(struct card *card, const struct stream *s, bool wait)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	uint32_t queue = card_queue(card, DRM_OGPU_ENGINE_COMPUTE, 600000);

	out.handle = card_syncobj(card);
	ASSERT_EQ(card_submit(card, queue, s, &out, 1), 0);
	if (wait)
		ASSERT_EQ(card_syncobj_wait(card, out.handle, WAIT_MS), 0);
}

static void fault(struct card *card)
{
	struct stream s;

	card_stream(card, &s, 4096);
	stream_fence(&s, BAD_VA, 1);
	submit(card, &s, true);
}

/* How often @what is in the dump. */
static int count(const char *what)
{
	const char *at = text;
	int times = 0;

	while ((at = strstr(at, what))) {
		times++;
		at += strlen(what);
	}

	return times;
}

/* Who is not root can not open it. */
static void expect_private(void)
{
	char path[PATH_SIZE];
	struct stat st;
	int status;
	pid_t pid;

	ASSERT_EQ(count_dumps(path), 1);
	ASSERT_EQ(stat(path, &st), 0);
	EXPECT_EQ(st.st_mode & 0177, 0);
	EXPECT_EQ(st.st_uid, 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (setuid(NOBODY))
			_exit(1);
		_exit(open(path, O_RDONLY) >= 0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST_TIMEOUT(queue_and_card, TIMEOUT_S)
{
	struct card card, neighbour;
	struct buffer page;
	struct admin admin;
	struct stream s;
	char want[64];

	find(&admin);
	/* Somebody whose addresses are like no other, with a job that does not end. */
	card_open(&neighbour);
	card_buffer(&neighbour, &page, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&neighbour, &s, 4096);
	stream_wait(&s, page.va, DRM_OGPU_COMPARE_EQ, 0x5ec2e75ec2e7ull, UINT64_MAX);
	submit(&neighbour, &s, false);

	sleep_ms(QUEUE_MS);
	card_open(&card);
	fault(&card);
	wait_dump(100 + DRM_OGPU_QUEUE_ERR_MEMORY);
	expect_private();
	snprintf(want, sizeof(want), " pid %d client ", getpid());
	EXPECT_EQ(count(want), 1);
	EXPECT_EQ(count("queue: number "), 1);
	snprintf(want, sizeof(want), "fault_va %#llx\n", BAD_VA);
	EXPECT_EQ(count(want), 1);
	EXPECT_EQ(count("path: level 3 entry 36: 0x0\n"), 1);
	EXPECT_EQ(count("control: error 4 "), 1);
	EXPECT_EQ(count("control: context"), 6);
	EXPECT_GE(count("ring: 0x"), 16);
	EXPECT_EQ(count("glb.magic: 0x"), 1);
	EXPECT_EQ(count("boot.mc_fatal: 0x0\n"), 1);
	EXPECT_GE(count("request: seq "), 1);
	EXPECT_GE(count("[firmware-log]\n"), 1);
	EXPECT_EQ(count("5ec2e7"), 0);

	/* A storm: what is there stays, and is all there is. */
	fault(&card);
	fault(&card);
	EXPECT_EQ(count_dumps(NULL), 1);

	/* That nobody has fetched it does not keep the card's away. */
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"mc-crash\"}"));
	wait_dump(3);
	EXPECT_EQ(count_dumps(NULL), 1);
	EXPECT_EQ(count("boot.mc_fatal: 0x0\n"), 0);
	EXPECT_EQ(count("state: resetting "), 1);
	/* Nobody was guilty: queues are listed, and no more. */
	EXPECT_EQ(count("queue: number "), 0);
	EXPECT_EQ(count("number engine priority"), 1);
	EXPECT_EQ(count("5ec2e7"), 0);
	EXPECT(admin_wait(&admin, "state", "running"));
	EXPECT(client_works());
	drop_dumps();
}

/* Registers of a kernel that ended itself. */
TEST_TIMEOUT(waves, TIMEOUT_S)
{
	struct culprits culprits;
	struct admin admin;
	struct card card;

	find(&admin);
	sleep_ms(QUEUE_MS);
	card_open(&card);
	culprits_open(&culprits, &card);
	culprit_start(&culprits, CULPRIT_TRAP);
	wait_dump(100 + DRM_OGPU_QUEUE_ERR_TRAP);
	EXPECT(culprits_end(&culprits));
	EXPECT_GE(count("wave: group 0 wave 0 of "), 1);
	EXPECT_GE(count("wave: pc0: 0x"), 1);
	EXPECT_GE(count(" x31: 0x"), 1);
	EXPECT_GE(count(" f31: 0x"), 1);
	EXPECT_GE(count("path: level 0 entry "), 1);
	drop_dumps();
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
