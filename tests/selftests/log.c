// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the kernel log says of queues that fail: one line with a number, the queue, the process, the
 * cause and what to do. Who fails again and again does not take the lines of others. The attribute
 * "events" has the same lines, numbered, for programs.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/types.h>

#include "admin.h"
#include "card.h"
#include "harness.h"

#define TIMEOUT_MS	300
/* Of a user, in five seconds. */
#define LINES_MAX	10
#define LINES_MS	5000
#define FLOOD		(3 * LINES_MAX)
#define NOBODY		65534
/* Number of that event. */
#define FW_CRASH	3

static const uint32_t bad_packet[2] = { DRM_OGPU_PKT(0x7f, 8) };

/* For messages from now on. */
static int open_kernel_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(lseek(fd, 0, SEEK_END), 0);
	return fd;
}

/* How many messages since then have all of these. */
static int count_lines(int log, const char *one, const char *two, const char *three)
{
	char line[2048];
	ssize_t bytes;
	int count = 0;

	while ((bytes = read(log, line, sizeof(line) - 1)) > 0) {
		line[bytes] = 0;
		if (strstr(line, one) && strstr(line, two) && strstr(line, three))
			count++;
	}

	return count;
}

/* What a line says of this process. */
static const char *process(void)
{
	static char text[64];
	char name[16];

	ASSERT_EQ(prctl(PR_GET_NAME, name), 0);
	snprintf(text, sizeof(text), " of %s[%d]: job 1: ", name, getpid());
	return text;
}

/* One job, which fails. */
static void fail(struct card *card, const struct stream *s, uint32_t timeout_ms)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	uint32_t queue = card_queue(card, DRM_OGPU_ENGINE_COPY, timeout_ms);

	out.handle = card_syncobj(card);
	ASSERT_EQ(card_submit(card, queue, s, &out, 1), 0);
	ASSERT_EQ(card_syncobj_wait(card, out.handle, 10000), 0);
	ASSERT_EQ(card_queue_destroy(card, queue), 0);
}

TEST(packet)
{
	int log = open_kernel_log();
	struct stream s;
	struct card card;

	card_open(&card);
	card_stream(&card, &s, 4096);
	stream_add(&s, bad_packet, sizeof(bad_packet));
	fail(&card, &s, 0);
	EXPECT_EQ(count_lines(log, "event 101: queue ", process(),
			      "unknown packet; action: reset queue"), 1);
}

TEST(fault)
{
	int log = open_kernel_log();
	struct stream s;
	struct card card;

	card_open(&card);
	card_stream(&card, &s, 4096);
	stream_fence(&s, 0x123456000, 1);
	fail(&card, &s, 0);
	EXPECT_EQ(count_lines(log, "event 104: queue ", process(),
			      "memory fault at 0x123456000; action: reset queue"), 1);
}

TEST(timeout)
{
	int log = open_kernel_log();
	struct buffer gate;
	struct stream s;
	struct card card;

	card_open(&card);
	card_buffer(&card, &gate, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&card, &s, 4096);
	stream_wait(&s, gate.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	fail(&card, &s, TIMEOUT_MS);
	EXPECT_EQ(count_lines(log, "event 111: queue ", process(), "ran too long"), 1);
}

/* A name that would look like a line of its own. */
TEST(name)
{
	int log = open_kernel_log();
	struct stream s;
	struct card card;

	ASSERT_EQ(prctl(PR_SET_NAME, "a\nevent 1:"), 0);
	card_open(&card);
	card_stream(&card, &s, 4096);
	stream_add(&s, bad_packet, sizeof(bad_packet));
	fail(&card, &s, 0);
	/* The log escapes the backslash of the escape. */
	EXPECT_EQ(count_lines(log, "event 101: queue ", " of a\\x5cnevent 1:[", "unknown packet"),
		  1);
}

/* Somebody floods the log: some lines are enough, and another user still has his. */
TEST(flood)
{
	int i, lines, most, status, log = open_kernel_log();
	uint64_t begin = time_ms();
	struct stream s;
	struct card card;
	pid_t other;

	card_let_all();
	other = fork();
	ASSERT_GE(other, 0);
	if (!other) {
		ASSERT_EQ(setuid(NOBODY), 0);
		ASSERT_EQ(prctl(PR_SET_NAME, "flooder"), 0);
	} else {
		ASSERT_EQ(waitpid(other, &status, 0), other);
		ASSERT(WIFEXITED(status) && !WEXITSTATUS(status));
	}
	card_open(&card);
	card_stream(&card, &s, 4096);
	stream_add(&s, bad_packet, sizeof(bad_packet));
	if (!other) {
		for (i = 0; i < FLOOD; i++)
			fail(&card, &s, 0);
		most = ((time_ms() - begin) / LINES_MS + 1) * LINES_MAX;
		lines = count_lines(log, "event 101: queue ", " of flooder[", "unknown packet");
		printf("# %d lines of %d, %d may be\n", lines, i, most);
		_exit(lines < 1 || lines > most);
	}
	log = open_kernel_log();
	fail(&card, &s, 0);
	EXPECT_EQ(count_lines(log, "event 101: queue ", process(), "unknown packet"), 1);
}

/* Nor has he all of them again by closing the card. */
TEST(flood_of_programs)
{
	int i, lines, most, status, log = open_kernel_log();
	uint64_t begin = time_ms();
	struct stream s;
	struct card card;
	pid_t other;

	card_let_all();
	for (i = 0; i < FLOOD; i++) {
		other = fork();
		ASSERT_GE(other, 0);
		if (!other) {
			ASSERT_EQ(setuid(NOBODY - 1), 0);
			ASSERT_EQ(prctl(PR_SET_NAME, "flooders"), 0);
			card_open(&card);
			card_stream(&card, &s, 4096);
			stream_add(&s, bad_packet, sizeof(bad_packet));
			fail(&card, &s, 0);
			_exit(0);
		}
		ASSERT_EQ(waitpid(other, &status, 0), other);
		ASSERT(WIFEXITED(status) && !WEXITSTATUS(status));
	}
	most = ((time_ms() - begin) / LINES_MS + 1) * LINES_MAX;
	lines = count_lines(log, "event 101: queue ", " of flooders[", "unknown packet");
	printf("# %d lines of %d, %d may be\n", lines, i, most);
	EXPECT_GE(lines, 1);
	EXPECT_LE(lines, most);
}

/* Lines of "events" ---------------------------------------------------------------------------- */

struct event {
	unsigned long long seq, s, us;
	unsigned int number;
	char text[200];
};

/* From the beginning, so that poll() waits for more. Returns how many there are. */
static int read_events(int fd, struct event *events, int most)
{
	char page[4097];
	ssize_t bytes = pread(fd, page, sizeof(page) - 1, 0);
	char *line, *next = page;
	int count = 0;

	ASSERT_GE(bytes, 0);
	page[bytes] = 0;
	while ((line = strsep(&next, "\n")) && *line) {
		struct event *e = &events[count++];
		int got;

		ASSERT_LE(count, most);
		got = sscanf(line, "%llu %llu.%6llu event %u: %199[^\n]", &e->seq, &e->s, &e->us,
			     &e->number, e->text);
		ASSERT_EQ(got, 5);
		if (count > 1)
			ASSERT_LE(events[count - 2].seq + 1, e->seq);
	}

	return count;
}

static int open_events(struct admin *admin)
{
	char path[128];
	int fd;

	ASSERT(admin_init(admin, 0));
	snprintf(path, sizeof(path), "%s/events", admin->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	return fd;
}

TEST(events)
{
	struct event events[32];
	struct pollfd ready = { .events = POLLPRI };
	uint64_t before, after;
	struct admin admin;
	struct stream s;
	struct card card;
	unsigned long long seq;
	int count;

	ready.fd = open_events(&admin);
	card_open(&card);
	card_stream(&card, &s, 4096);
	stream_fence(&s, 0x123456000, 1);
	count = read_events(ready.fd, events, 32);
	seq = count ? events[count - 1].seq : 0;
	before = time_ms();
	fail(&card, &s, 0);
	/* The first may still be for an event of before. */
	do {
		ASSERT_EQ(poll(&ready, 1, 10000), 1);
		EXPECT(ready.revents & POLLPRI);
		count = read_events(ready.fd, events, 32);
		ASSERT_GE(count, 1);
	} while (events[count - 1].seq == seq);
	after = time_ms();
	EXPECT_EQ(events[count - 1].seq, seq + 1);
	EXPECT_EQ(events[count - 1].number, 104);
	EXPECT(strstr(events[count - 1].text, process()));
	EXPECT(strstr(events[count - 1].text, "memory fault at 0x123456000; action: reset queue"));
	EXPECT_LE(before, events[count - 1].s * 1000 + events[count - 1].us / 1000 + 1);
	EXPECT_LE(events[count - 1].s * 1000 + events[count - 1].us / 1000, after + 1);
}

TEST(events_are_for_root)
{
	struct admin admin;
	char path[128];
	int status;
	pid_t pid;

	ASSERT(admin_init(&admin, 0));
	snprintf(path, sizeof(path), "%s/events", admin.dir);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		ASSERT_EQ(setuid(NOBODY), 0);
		_exit(open(path, O_RDONLY) >= 0 || errno != EACCES);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

/* What users cause pushes out their own, and the numbers tell; what happened to the card stays. */
TEST(events_of_the_card_stay)
{
	unsigned long long reset = 0, first = 0;
	struct event events[32];
	struct pollfd ready = { .events = POLLPRI };
	int i, user, count, status;
	struct admin admin;
	pid_t pid;

	ready.fd = open_events(&admin);
	if (!admin_has_control(&admin))
		SKIP("needs a virtual GPU");
	count = read_events(ready.fd, events, 32);
	first = count ? events[count - 1].seq : 0;
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"mc-crash\"}"));
	while (!reset) {
		ASSERT_EQ(poll(&ready, 1, ADMIN_WAIT_MS), 1);
		count = read_events(ready.fd, events, 32);
		for (i = 0; i < count; i++)
			if (events[i].seq > first && events[i].number == FW_CRASH)
				reset = events[i].seq;
	}
	ASSERT(admin_wait(&admin, "state", "running"));
	first = 0;

	card_let_all();
	for (user = 0; user < 3; user++) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			struct stream s;
			struct card card;

			ASSERT_EQ(setuid(NOBODY - 2 - user), 0);
			card_open(&card);
			card_stream(&card, &s, 4096);
			stream_add(&s, bad_packet, sizeof(bad_packet));
			for (i = 0; i < LINES_MAX; i++)
				fail(&card, &s, 0);
			_exit(0);
		}
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		ASSERT_EQ(status, 0);
	}
	count = read_events(ready.fd, events, 32);
	for (i = 0; i < count; i++) {
		if (events[i].seq == reset)
			EXPECT_EQ(events[i].number, FW_CRASH);
		if (events[i].seq > reset && !first)
			first = events[i].seq;
	}
	EXPECT_LE(events[0].seq, reset);
	/* More came than are kept. */
	EXPECT_GE(first, reset + 2);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
