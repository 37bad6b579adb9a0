// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A card that cannot be recovered: user space is told so, programs get EIO, and what the uevent
 * names repairs it. Here the boot ROM starts no firmware, because the card is too hot. One that
 * refuses the firmware that ran, because the fuse counter of the security version was raised
 * meanwhile, is not lost: it waits for other firmware.
 *
 * Needs a virtual GPU whose control socket can be reached from the test machine.
 */
#include <sys/types.h>

#include <xf86drm.h>

#include "admin.h"
#include "card.h"
#include "clients.h"
#include "harness.h"
#include "user.h"

#define TIMEOUT_S	120
#define LOAD_IO_ERROR	9

#define LOAD_ROLLBACK	7

/* What a program gets that opens the card now. */
static int open_error(void)
{
	struct card card = { .fd = drmOpenWithType("ogpu", NULL, DRM_NODE_RENDER) };
	struct drm_ogpu_vm_create vm = {};
	int ret;

	ASSERT_GE(card.fd, 0);
	ret = card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &vm);
	card_close(&card);

	return ret;
}

/* Leaves a card that would boot again, if somebody told it to. */
static void wedge(struct admin *admin)
{
	struct clients clients;
	char error[256];
	int uevents, i;

	if (!admin_init(admin, 0) || !admin_has_control(admin))
		SKIP("no virtual GPU with a control socket");
	uevents = admin_open_uevents();
	ASSERT_GE(uevents, 0);
	ASSERT(clients_start(&clients, 20));
	ASSERT(admin_control(admin, "{\"cmd\":\"set\",\"temp_mdeg\":500000}"));
	EXPECT(admin_wait_uevent(uevents, "WEDGED=rebind,bus-reset"));
	EXPECT(admin_control(admin, "{\"cmd\":\"set\",\"temp_mdeg\":40000}"));
	close(uevents);

	EXPECT(admin_is(admin, "state", "wedged"));
	admin_read(admin, "last_error", error, sizeof(error));
	EXPECT(error[0]);
	EXPECT_EQ(open_error(), -EIO);
	EXPECT_EQ(admin_load_firmware(admin), LOAD_IO_ERROR);
	ASSERT(clients_wait_lost(&clients));
	for (i = 0; i < CLIENTS; i++)
		EXPECT(clients.client[i].signalled);
	clients_end(&clients);
	EXPECT(admin_is(admin, "state", "wedged"));
}

static void expect_repaired(struct admin *admin)
{
	EXPECT(admin_is(admin, "state", "running"));
	EXPECT(admin_is(admin, "last_error", ""));
	EXPECT(client_works());
}

/* What a process had mapped of its queue stays away: a store would reach a card that is off. */
TEST_TIMEOUT(pages_of_queues_stay_away, TIMEOUT_S)
{
	struct admin admin;
	struct card card;
	struct user u;

	card_open(&card);
	user_vm(&card);
	user_open(&card, &u, 4096);
	ASSERT_EQ(user_touch(u.doorbell, true), 0);
	wedge(&admin);
	EXPECT_EQ(user_touch(u.doorbell, true), SIGBUS);
	EXPECT_EQ(user_touch(u.control, false), SIGBUS);
	EXPECT(admin_write(&admin, "reset", "1"));
	expect_repaired(&admin);
	EXPECT_EQ(user_touch(u.doorbell, true), SIGBUS);
}

TEST_TIMEOUT(rebind_repairs, TIMEOUT_S)
{
	struct admin admin;

	wedge(&admin);
	ASSERT(admin_unbind(&admin));
	ASSERT(admin_bind(&admin));
	ASSERT_EQ(admin_load_firmware(&admin), 0);
	expect_repaired(&admin);
}

TEST_TIMEOUT(bus_reset_repairs, TIMEOUT_S)
{
	struct admin admin;

	wedge(&admin);
	ASSERT(admin_write(&admin, "reset_method", "bus"));
	EXPECT(admin_write(&admin, "reset", "1"));
	ASSERT(admin_write(&admin, "reset_method", "default"));
	expect_repaired(&admin);
}

TEST_TIMEOUT(function_reset_repairs, TIMEOUT_S)
{
	struct admin admin;

	wedge(&admin);
	EXPECT(admin_write(&admin, "reset", "1"));
	expect_repaired(&admin);
}

/* Other firmware would do, so the card waits for it; and the old one does once it may again. */
TEST_TIMEOUT(firmware_refused, TIMEOUT_S)
{
	struct clients clients;
	struct admin admin;
	int uevents, i;

	if (!admin_init(&admin, 0) || !admin_has_control(&admin))
		SKIP("no virtual GPU with a control socket");
	uevents = admin_open_uevents();
	ASSERT_GE(uevents, 0);
	ASSERT(clients_start(&clients, 20));
	ASSERT(admin_control(&admin, "{\"cmd\":\"set\",\"fuse_svn\":1000}"));
	EXPECT(admin_control(&admin, "{\"cmd\":\"inject\",\"fault\":\"mc-crash\"}"));
	EXPECT(admin_wait_uevent(uevents, "OGPU_STATE=awaiting-firmware"));
	close(uevents);
	ASSERT(clients_wait_lost(&clients));
	for (i = 0; i < CLIENTS; i++)
		EXPECT(clients.client[i].signalled);
	clients_end(&clients);

	EXPECT(admin_is(&admin, "state", "awaiting-firmware"));
	EXPECT(admin_is(&admin, "firmware_error", "svn"));
	EXPECT(admin_is(&admin, "firmware_version", ""));
	EXPECT_EQ(open_error(), -ENODEV);
	/* A reset changes nothing. */
	EXPECT(admin_write(&admin, "reset", "1"));
	EXPECT(admin_is(&admin, "state", "awaiting-firmware"));
	EXPECT_EQ(admin_load_firmware(&admin), LOAD_ROLLBACK);
	ASSERT(admin_control(&admin, "{\"cmd\":\"set\",\"fuse_svn\":0}"));
	ASSERT_EQ(admin_load_firmware(&admin), 0);
	expect_repaired(&admin);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
