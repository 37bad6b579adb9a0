// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * An error of the bus that the PCI core does not recover from, because another function beside the
 * card has no driver. Newer kernels say that the card is lost; older ones say nothing more, and the
 * driver takes the card back.
 *
 * VM-ALONE: --cards 1 --neighbour
 * ARGS 7.3: given_up others_on_the_bus
 * ARGS debug: given_up others_on_the_bus
 * ARGS 6.12: taken_back others_on_the_bus
 */
#include <linux/pci_regs.h>

#include "admin.h"
#include "aer.h"
#include "card.h"
#include "clients.h"
#include "harness.h"

#define TIMEOUT_S	180
/* How long the driver waits for the core, with some time for a start: docs/operating.md. */
#define TAKEN_MS	45000
#define SOON_MS		20000

/* With a job whose fence signals soon, whatever becomes of the card. */
static void fail(struct admin *admin)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct buffer gate;
	struct stream s;
	struct card card;

	if (!admin_init(admin, 0) || !admin_has_control(admin))
		SKIP("no virtual GPU with a control socket");
	if (!aer_can(admin))
		SKIP("the kernel has no AER, or no aer_inject");
	card_open(&card);
	card_buffer(&card, &gate, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE);
	card_stream(&card, &s, 4096);
	stream_wait(&s, gate.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	out.handle = card_syncobj(&card);
	ASSERT_EQ(card_submit(&card, card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 600000), &s, &out,
			      1), 0);
	ASSERT(aer_play(admin, PCI_ERR_UNC_DLP));
	EXPECT_EQ(card_syncobj_wait(&card, out.handle, SOON_MS), 0);
}

TEST_TIMEOUT(taken_back, TIMEOUT_S)
{
	struct admin admin;
	uint64_t begin;
	char text[1024];

	fail(&admin);
	begin = time_ms();
	EXPECT(admin_is(&admin, "state", "resetting"));
	while (!admin_is(&admin, "state", "running")) {
		ASSERT_LE(time_ms() - begin, TAKEN_MS * time_scale());
		sleep_ms(100);
	}
	printf("# taken back after %llu ms\n", (unsigned long long)(time_ms() - begin));
	admin_read(&admin, "recovery", text, sizeof(text));
	EXPECT(strstr(text, "function-reset tried 1 helped 1 event 21 "));
	EXPECT(client_works());
}

/* The PCI core has the last word. Who finds the device anew finds it well. */
TEST_TIMEOUT(given_up, TIMEOUT_S)
{
	struct admin admin;

	fail(&admin);
	EXPECT(admin_wait(&admin, "state", "gone"));
	EXPECT(admin_write(&admin, "remove", "1"));
	ASSERT(admin_rescan());
	ASSERT(admin_init(&admin, 0));
	EXPECT(admin_wait(&admin, "state", "running"));
	EXPECT(client_works());
}

/* The bus is not the driver's to reset: the other function is there, too. */
TEST_TIMEOUT(others_on_the_bus, TIMEOUT_S)
{
	struct admin admin;
	char text[1024];

	if (!admin_init(&admin, 0) || !admin_has_control(&admin))
		SKIP("no virtual GPU with a control socket");
	ASSERT(admin_run("echo 1000 >/sys/module/ogpu/parameters/fw_timeout_ms"));
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"stuck\"}"));
	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"mc-crash\"}"));
	EXPECT(admin_wait(&admin, "state", "wedged"));
	admin_read(&admin, "recovery", text, sizeof(text));
	EXPECT(strstr(text, "bus-reset tried 0 "));
	EXPECT(strstr(text, "wedged tried 1 "));
	EXPECT(admin_unbind(&admin));
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
