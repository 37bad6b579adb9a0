// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the bus does to a card: errors that the PCI core tells of (AER), links that go down for a
 * moment, resets at the wrong time. Whatever comes together, all fences signal, old files are
 * stale, and the next program finds a card that works.
 *
 * Needs a virtual GPU whose control socket can be reached from the test machine, and aer_inject.
 * Once that has injected an error, lockdep complains of it when somebody reads configuration space
 * by sysfs: it takes a spinlock below a raw one.
 * VM-ALONE: --cards 1
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/prctl.h>
#include <sys/types.h>

#include "admin.h"
#include "aer.h"
#include "card.h"
#include "clients.h"
#include "harness.h"

#define TIMEOUT_S	120
#define FENCE_MS	20000
/* Much longer than unbinding takes, much shorter than what it must not wait for. */
#define SOON_MS		10000
#define JOB_MS		600000
#define FOREVER_MS	"600000"

/** struct setup - a card with a job that does not end */
struct setup {
	struct admin admin;
	struct card card;
	uint32_t queue;
	uint32_t done;
	int resets;
};

static int reset_count(const struct admin *admin)
{
	char text[32];

	admin_read(admin, "reset_count", text, sizeof(text));
	return atoi(text);
}

static void find(struct admin *admin)
{
	if (!admin_init(admin, 0) || !admin_has_control(admin))
		SKIP("no virtual GPU with a control socket");
}

static void set_up(struct setup *t)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct buffer gate;
	struct stream s;

	find(&t->admin);
	t->resets = reset_count(&t->admin);
	card_open(&t->card);
	card_buffer(&t->card, &gate, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&t->card, &s, 4096);
	stream_fence(&s, gate.va + 8, 1);
	stream_wait(&s, gate.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	t->queue = card_queue(&t->card, DRM_OGPU_ENGINE_COMPUTE, JOB_MS);
	t->done = card_syncobj(&t->card);
	out.handle = t->done;
	ASSERT_EQ(card_submit(&t->card, t->queue, &s, &out, 1), 0);
	while (!((volatile uint64_t *)gate.map)[1])
		sleep_ms(1);
}

static void expect_lost(struct setup *t)
{
	struct drm_ogpu_vm_create vm = {};

	EXPECT_EQ(card_syncobj_wait(&t->card, t->done, FENCE_MS), 0);
	EXPECT_EQ(card_ioctl(&t->card, DRM_IOCTL_OGPU_VM_CREATE, &vm), -ENODEV);
	EXPECT_EQ(card_submit(&t->card, t->queue, NULL, NULL, 0), -ENODEV);
	EXPECT(admin_wait(&t->admin, "state", "running"));
	EXPECT(client_works());
}

/* Has the virtual GPU play a fault. */
static bool play(const struct admin *admin, const char *what)
{
	char json[128];

	snprintf(json, sizeof(json), "{\"cmd\":\"inject\",%s}", what);
	return admin_control(admin, json);
}

/* A process of its own, which ends with the test. */
static pid_t start(void)
{
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);

	return pid;
}

/* Its exit status, or -ETIME. */
static int wait_exit(pid_t pid, unsigned int ms)
{
	uint64_t end = time_limit(ms);
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (time_ms() >= end)
			return -ETIME;
		sleep_ms(5);
	}

	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

/* Somebody only wants to know: the card goes on. */
TEST_TIMEOUT(error_without_harm, TIMEOUT_S)
{
	struct setup t;

	set_up(&t);
	if (!aer_can(&t.admin))
		SKIP("the kernel has no AER, or no aer_inject");
	ASSERT(aer_play_nonfatal(&t.admin));
	EXPECT_EQ(card_syncobj_wait(&t.card, t.done, 500), -ETIME);
	EXPECT(admin_is(&t.admin, "state", "running"));
	EXPECT_EQ(reset_count(&t.admin), t.resets);
	EXPECT(client_works());
}

/* The PCI core resets the bus. */
TEST_TIMEOUT(fatal_error, TIMEOUT_S)
{
	struct setup t;

	set_up(&t);
	if (!aer_can(&t.admin))
		SKIP("the kernel has no AER, or no aer_inject");
	ASSERT(aer_play(&t.admin, PCI_ERR_UNC_DLP));
	expect_lost(&t);
	EXPECT_EQ(reset_count(&t.admin), t.resets + 1);
}

/* Where a word of the PCI Express capability is in the card's configuration space. */
static off_t express_word(int config, unsigned int offset)
{
	uint8_t at = PCI_CAPABILITY_LIST, id = 0;

	do {
		if (pread(config, &at, 1, at) != 1 || !at || pread(config, &id, 1, at) != 1)
			return -1;
	} while (id != PCI_CAP_ID_EXP && at++);

	return at + offset;
}

/* What an administrator has changed after probe is as it was, not as probe left it. */
TEST_TIMEOUT(configuration_after_bus_reset, TIMEOUT_S)
{
	uint16_t before, changed, after;
	struct setup t;
	char path[160];
	int config;
	off_t at;

	set_up(&t);
	if (!aer_can(&t.admin))
		SKIP("the kernel has no AER, or no aer_inject");
	/* Who reads the configuration gets there with a raw spinlock held. */
	if (!access("/proc/lockdep", F_OK))
		SKIP("aer_inject takes a lock that lockdep complains of");
	snprintf(path, sizeof(path), "%s/config", t.admin.dir);
	config = open(path, O_RDWR | O_CLOEXEC);
	ASSERT(config >= 0);
	at = express_word(config, PCI_EXP_DEVCTL);
	ASSERT(at > 0);
	ASSERT_EQ(pread(config, &before, 2, at), 2);
	changed = before ^ PCI_EXP_DEVCTL_RELAX_EN;
	ASSERT_EQ(pwrite(config, &changed, 2, at), 2);
	ASSERT(aer_play(&t.admin, PCI_ERR_UNC_DLP));
	expect_lost(&t);
	ASSERT_EQ(pread(config, &after, 2, at), 2);
	EXPECT_EQ(after & PCI_EXP_DEVCTL_RELAX_EN, changed & PCI_EXP_DEVCTL_RELAX_EN);
	ASSERT_EQ(pwrite(config, &before, 2, at), 2);
	close(config);
}

/*
 * The same harmless error, told while recovery waits for its turn: whose end of error recovery is
 * not the end of ours. Work on bad pages waits for
 * firmware that hangs, recovery does not wait for it.
 */
TEST_TIMEOUT(error_before_recovery, TIMEOUT_S)
{
	struct setup t;

	set_up(&t);
	if (!aer_can(&t.admin))
		SKIP("the kernel has no AER, or no aer_inject");
	/* So that recovery is seen. */
	ASSERT(play(&t.admin, "\"fault\":\"rom-delay\",\"ms\":2000"));
	ASSERT(play(&t.admin, "\"fault\":\"mc-hang\""));
	ASSERT(play(&t.admin, "\"fault\":\"ecc-uncorrected\",\"offset\":134217728"));
	sleep_ms(100);
	ASSERT(play(&t.admin, "\"fault\":\"error\",\"block\":2,\"severity\":1,\"addr\":0"));
	EXPECT(admin_wait(&t.admin, "state", "resetting"));
	ASSERT(aer_play_nonfatal(&t.admin));
	EXPECT(play(&t.admin, "\"fault\":\"rom-delay\",\"ms\":0"));
	expect_lost(&t);
}

/* All-ones for a moment, with nobody who tells why. */
static void link_down(unsigned int ms)
{
	struct setup t;
	char fault[64];

	set_up(&t);
	snprintf(fault, sizeof(fault), "\"fault\":\"gone\",\"ms\":%u", ms);
	ASSERT(play(&t.admin, fault));
	expect_lost(&t);
	EXPECT_EQ(reset_count(&t.admin), t.resets + 1);
}

TEST_TIMEOUT(link_down_for_a_moment, TIMEOUT_S)
{
	link_down(5);
}

/* Everybody has noticed. */
TEST_TIMEOUT(link_down_for_longer, TIMEOUT_S)
{
	link_down(3000);
}

/* Asks for what may be read from the card, until killed. */
static pid_t start_reader(const struct admin *admin)
{
	pid_t pid = start();
	char text[32];

	while (!pid)
		admin_read(admin, "min_svn", text, sizeof(text));

	return pid;
}

static void end_reader(pid_t reader)
{
	kill(reader, SIGKILL);
	wait_exit(reader, SOON_MS);
}

static void unload(struct admin *admin)
{
	find(admin);
	ASSERT(admin_unbind(admin));
	ASSERT(admin_bind(admin));
	ASSERT(admin_is(admin, "state", "awaiting-firmware"));
}

/* Who reads an attribute while a card without firmware is reset does not lose it. */
TEST_TIMEOUT(read_while_waiting, TIMEOUT_S)
{
	struct admin admin;
	pid_t reader;
	int i;

	unload(&admin);
	reader = start_reader(&admin);
	for (i = 0; i < 5; i++)
		EXPECT(admin_write(&admin, "reset", "1"));
	/* Nor while its link is down. */
	EXPECT(play(&admin, "\"fault\":\"gone\",\"ms\":500"));
	sleep_ms(700);
	end_reader(reader);
	EXPECT(admin_is(&admin, "state", "awaiting-firmware"));
	EXPECT_EQ(admin_load_firmware(&admin), 0);
	EXPECT(client_works());
}

TEST_TIMEOUT(read_while_running, TIMEOUT_S)
{
	struct admin admin;
	pid_t reader;
	int i;

	find(&admin);
	reader = start_reader(&admin);
	for (i = 0; i < 3; i++) {
		EXPECT(admin_write(&admin, "reset", "1"));
		EXPECT(admin_is(&admin, "state", "running"));
	}
	end_reader(reader);
	EXPECT(client_works());
}

/* The reset began before, and is still going on when the image is complete. */
TEST_TIMEOUT(upload_during_reset, TIMEOUT_S)
{
	struct admin admin;
	pid_t resetter;
	int i;

	for (i = 0; i < 5; i++) {
		unload(&admin);
		resetter = start();
		if (!resetter)
			_exit(!admin_write(&admin, "reset", "1"));
		sleep_ms(20 * i);
		EXPECT_EQ(admin_load_firmware(&admin), 0);
		EXPECT_EQ(wait_exit(resetter, 60000), 0);
		EXPECT(admin_wait(&admin, "state", "running"));
	}
	EXPECT(client_works());
}

/* The card fails once more while it starts: that is not forgotten. */
TEST_TIMEOUT(trouble_while_starting, TIMEOUT_S)
{
	struct admin admin;
	pid_t resetter;
	int before, i;

	find(&admin);
	before = reset_count(&admin);
	ASSERT(play(&admin, "\"fault\":\"rom-delay\",\"ms\":2000"));
	resetter = start();
	if (!resetter)
		_exit(!admin_write(&admin, "reset", "1"));
	EXPECT(admin_wait(&admin, "state", "resetting"));
	for (i = 0; i < 10; i++) {
		EXPECT(play(&admin, "\"fault\":\"error\",\"block\":2,\"severity\":1,\"addr\":0"));
		sleep_ms(100);
	}
	EXPECT(play(&admin, "\"fault\":\"rom-delay\",\"ms\":0"));
	EXPECT_EQ(wait_exit(resetter, 60000), 0);
	EXPECT(admin_wait(&admin, "state", "running"));
	EXPECT(client_works());
	/* One more if the last errors came after it. */
	EXPECT_GE(reset_count(&admin), before + 2);
}

/* Nobody waits minutes for a recovery that is not wanted any more. */
TEST_TIMEOUT(unbind_during_recovery, TIMEOUT_S)
{
	struct setup t;
	pid_t unbinder;
	int ret;

	set_up(&t);
	ASSERT(admin_run("echo " FOREVER_MS " >/sys/module/ogpu/parameters/fw_timeout_ms"));
	ASSERT(play(&t.admin, "\"fault\":\"rom-delay\",\"ms\":" FOREVER_MS));
	ASSERT(play(&t.admin, "\"fault\":\"mc-crash\""));
	EXPECT_EQ(card_syncobj_wait(&t.card, t.done, FENCE_MS), 0);
	EXPECT(admin_wait(&t.admin, "state", "resetting"));
	unbinder = start();
	if (!unbinder)
		_exit(!admin_unbind(&t.admin));
	ret = wait_exit(unbinder, SOON_MS);
	EXPECT_EQ(ret, 0);
	EXPECT(play(&t.admin, "\"fault\":\"rom-delay\",\"ms\":0"));
	EXPECT(admin_run("echo 5000 >/sys/module/ogpu/parameters/fw_timeout_ms"));
	if (ret)
		wait_exit(unbinder, 60000);
	ASSERT(admin_bind(&t.admin));
	EXPECT_EQ(admin_load_firmware(&t.admin), 0);
	EXPECT(client_works());
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
