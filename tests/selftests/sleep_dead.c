// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Firmware stops working at the moment at which the machine is to sleep: nobody waits for it once
 * for each of a program's many queues, and the card is recovered.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M --doorbells 512' --append no_console_suspend \
 *     --qemu-args '-global pcie-root-port.hotplug=off'
 */
#include "admin.h"
#include "card.h"
#include "harness.h"
#include "nap.h"

/* So many that they are asked in several pieces. */
#define QUEUES	96
#define EVER	3600000
/* Firmware is given 30 s by the clock of a machine that is busy, once for each of two requests. */
#define BOUND_MS	120000

TEST_TIMEOUT(many_queues, 400)
{
	unsigned int i;
	struct admin admin;
	struct card card;
	uint64_t began;
	int ret;

	if (!admin_init(&admin, 0) || !admin_has_control(&admin))
		SKIP("no virtual GPU with a control socket");
	nap_need("/sys/power/pm_test", "devices");
	nap_put("/sys/module/suspend/parameters/pm_test_delay", "1");
	ASSERT(nap_put("/sys/power/pm_test", "devices"));
	card_open(&card);
	if (card.info.max_queues < 4 * QUEUES)
		SKIP("the card has too few queues");
	for (i = 0; i < QUEUES; i++)
		card_queue(&card, DRM_OGPU_ENGINE_COPY, EVER);

	ASSERT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"mc-hang\"}"));
	began = time_ms();
	ret = nap_machine("freeze");
	printf("# %d after %llu ms\n", ret, (unsigned long long)(time_ms() - began));
	EXPECT_LE(time_ms() - began, BOUND_MS);
	ASSERT(nap_put("/sys/power/pm_test", "none"));
	card_close(&card);
	EXPECT(admin_wait(&admin, "state", "running"));
	card_open(&card);
	card_close(&card);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
