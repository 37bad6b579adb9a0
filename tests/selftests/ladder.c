// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The steps of recovery: each is tried in its turn, bounded, counted with its cause, and takes no
 * more from others than it must.
 *
 * Needs a virtual GPU whose control socket can be reached from the test machine.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin.h"
#include "card.h"
#include "clients.h"
#include "harness.h"

#define TIMEOUT_S	120
#define FENCE_MS	60000
/* Numbers of events in the log: docs/operating.md. */
#define EVENT_FW_CRASH	3
#define EVENT_KILLED	(100 + DRM_OGPU_QUEUE_ERR_KILLED)

/** struct step - what sysfs tells of one */
struct step {
	int tried;
	int helped;
	int event;
	int ms;
};

static struct step step_of(const struct admin *admin, const char *name)
{
	struct step step = { .tried = -1 };
	char text[1024], *line;
	int got;

	admin_read(admin, "recovery", text, sizeof(text));
	line = strstr(text, name);
	ASSERT(line);
	got = sscanf(line + strlen(name), " tried %d helped %d event %d ms %d", &step.tried,
		     &step.helped, &step.event, &step.ms);
	ASSERT_EQ(got, 4);

	return step;
}

static void expect_step(const struct admin *admin, const char *name, const struct step *before,
			int tried, int helped)
{
	struct step now = step_of(admin, name);

	printf("# %s: tried %d, helped %d, event %d, %d ms\n", name, now.tried, now.helped,
	       now.event, now.ms);
	EXPECT_EQ(now.tried, before->tried + tried);
	EXPECT_EQ(now.helped, before->helped + helped);
}

static void find(struct admin *admin)
{
	if (!admin_init(admin, 0) || !admin_has_control(admin))
		SKIP("no virtual GPU with a control socket");
}

/* A job that does not end. Returns its queue. */
static uint32_t start_job(struct card *card, uint32_t *done)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct buffer gate;
	struct stream s;
	uint32_t queue;

	card_buffer(card, &gate, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(card, &s, 4096);
	stream_fence(&s, gate.va + 8, 1);
	stream_wait(&s, gate.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	queue = card_queue(card, DRM_OGPU_ENGINE_COMPUTE, 600000);
	*done = card_syncobj(card);
	out.handle = *done;
	ASSERT_EQ(card_submit(card, queue, &s, &out, 1), 0);
	while (!((volatile uint64_t *)gate.map)[1])
		sleep_ms(1);

	return queue;
}

/* The lowest step: nobody else notices. */
TEST_TIMEOUT(queue_kill, TIMEOUT_S)
{
	struct drm_ogpu_queue_kill args = {};
	struct card card, neighbour;
	uint32_t done, other;
	struct admin admin;
	struct step kill;
	char resets[32];

	find(&admin);
	admin_read(&admin, "reset_count", resets, sizeof(resets));
	card_open(&neighbour);
	start_job(&neighbour, &other);
	card_open(&card);
	args.queue_id = start_job(&card, &done);
	kill = step_of(&admin, "queue-kill");
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_QUEUE_KILL, &args), 0);
	EXPECT_EQ(card_syncobj_wait(&card, done, 0), 0);
	expect_step(&admin, "queue-kill", &kill, 1, 1);
	EXPECT_EQ(step_of(&admin, "queue-kill").event, EVENT_KILLED);
	EXPECT_EQ(card_syncobj_wait(&neighbour, other, 100), -ETIME);
	EXPECT(admin_is(&admin, "reset_count", resets));
}

/* The next one, and no other. */
TEST_TIMEOUT(core_reset, TIMEOUT_S)
{
	struct step core, function;
	struct admin admin;
	struct card card;
	uint32_t done;

	find(&admin);
	core = step_of(&admin, "core-reset");
	function = step_of(&admin, "function-reset");
	card_open(&card);
	start_job(&card, &done);
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"mc-crash\"}"));
	EXPECT_EQ(card_syncobj_wait(&card, done, FENCE_MS), 0);
	EXPECT(admin_wait(&admin, "state", "running"));
	expect_step(&admin, "core-reset", &core, 1, 1);
	EXPECT_EQ(step_of(&admin, "core-reset").event, EVENT_FW_CRASH);
	expect_step(&admin, "function-reset", &function, 0, 0);
	EXPECT(client_works());
}

/*
 * A program ends while firmware has been started and not yet been configured. What is asked because
 * of its queue, which that firmware has never known, is no reason to reset the card once more.
 */
TEST_TIMEOUT(closed_while_it_starts, TIMEOUT_S)
{
	struct step core, function;
	struct admin admin;
	struct card card;
	uint64_t end;
	uint32_t done;
	int ready[2];
	pid_t pid;
	char byte;

	find(&admin);
	if (!admin_run("cat /sys/kernel/debug/dri/*/state >/dev/null"))
		SKIP("debugfs cannot be read: not mounted, or not root");
	core = step_of(&admin, "core-reset");
	function = step_of(&admin, "function-reset");
	ASSERT_EQ(pipe(ready), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		card_open(&card);
		start_job(&card, &done);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	ASSERT_EQ(read(ready[0], &byte, 1), 1);
	card_open(&card);
	start_job(&card, &done);
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"rom-delay\",\"ms\":2000}"));
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"mc-crash\"}"));
	/* Then the mailbox is off, until the card is started. */
	EXPECT_EQ(card_syncobj_wait(&card, done, FENCE_MS), 0);
	end = time_limit(FENCE_MS);
	while (!admin_run("grep -q '^mailbox: on' /sys/kernel/debug/dri/*/state"))
		ASSERT_LE(time_ms(), end);
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	EXPECT(admin_wait(&admin, "state", "running"));
	EXPECT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"rom-delay\",\"ms\":0}"));
	expect_step(&admin, "core-reset", &core, 1, 1);
	expect_step(&admin, "function-reset", &function, 0, 0);
	EXPECT(client_works());
}

/* A card that obeys nothing but its bus. */
TEST_TIMEOUT(bus_reset, TIMEOUT_S)
{
	struct step core, function, bus, wedged;
	char command[128];
	struct admin admin;
	struct card card;
	uint32_t done;

	find(&admin);
	core = step_of(&admin, "core-reset");
	function = step_of(&admin, "function-reset");
	bus = step_of(&admin, "bus-reset");
	wedged = step_of(&admin, "wedged");
	card_open(&card);
	start_job(&card, &done);
	/* So long each attempt waits for what does not happen. */
	snprintf(command, sizeof(command),
		 "echo %u >/sys/module/ogpu/parameters/fw_timeout_ms", 5000 * time_scale());
	ASSERT(admin_run(command));
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"stuck\"}"));
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"mc-crash\"}"));
	EXPECT_EQ(card_syncobj_wait(&card, done, FENCE_MS), 0);
	EXPECT(admin_wait(&admin, "state", "running"));
	EXPECT(admin_run("echo 5000 >/sys/module/ogpu/parameters/fw_timeout_ms"));
	expect_step(&admin, "core-reset", &core, 1, 0);
	expect_step(&admin, "function-reset", &function, 1, 0);
	expect_step(&admin, "bus-reset", &bus, 1, 1);
	expect_step(&admin, "wedged", &wedged, 0, 0);
	EXPECT(admin_is(&admin, "last_error", ""));
	EXPECT(client_works());
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
