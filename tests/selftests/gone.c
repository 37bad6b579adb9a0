// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Cards that fall off the bus: they answer all-ones and do nothing any more. A virtual GPU stays
 * like that as long as the machine is on, so each test has a card of its own.
 *
 * VM: --cards 3
 */
#include <sys/types.h>

#include <xf86drm.h>

#include "admin.h"
#include "card.h"
#include "clients.h"
#include "harness.h"

#define TIMEOUT_S	120
#define LOAD_IO_ERROR	9
#define LOAD_NO_DRIVER	3

static void set_up(struct admin *admin, int number)
{
	if (!admin_init(admin, number) || !admin_has_control(admin))
		SKIP("no virtual GPU %d with a control socket", number);
}

/* Time of a card that is not there is no time. */
static void expect_no_time(const struct card *card)
{
	struct drm_ogpu_query_time time;
	struct drm_ogpu_query query = {
		.type = DRM_OGPU_QUERY_TIME, .size = sizeof(time), .pointer = (uintptr_t)&time,
	};

	EXPECT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_QUERY, &query), -ENODEV);
}

/* @card: a file of it, or NULL. */
static void lose(struct admin *admin, const struct card *card)
{
	int uevents = admin_open_uevents();
	char error[256];

	ASSERT_GE(uevents, 0);
	ASSERT(admin_is(admin, "state", "running"));
	ASSERT(admin_control(admin, "{\"cmd\":\"inject\",\"fault\":\"gone\"}"));
	if (card)
		expect_no_time(card);
	EXPECT(admin_wait_uevent(uevents, "OGPU_STATE=gone"));
	EXPECT(admin_is(admin, "state", "gone"));
	admin_read(admin, "last_error", error, sizeof(error));
	EXPECT(error[0]);
	/* Nothing that was true before. */
	EXPECT(admin_is(admin, "firmware_version", ""));
	EXPECT(admin_is(admin, "firmware_hash", ""));
	EXPECT_EQ(admin_load_firmware(admin), LOAD_IO_ERROR);
}

static void expect_no_driver(struct admin *admin)
{
	EXPECT(admin_is(admin, "state", ""));
	EXPECT_EQ(admin_load_firmware(admin), LOAD_NO_DRIVER);
	/* There is nothing to talk to. */
	EXPECT(!admin_bind(admin));
}

/* Nobody uses the card; the driver finds out all the same. */
TEST_TIMEOUT(idle, TIMEOUT_S)
{
	struct drm_ogpu_vm_create vm = {};
	struct admin admin;
	struct card card;

	set_up(&admin, 0);
	card_open(&card);
	lose(&admin, &card);
	EXPECT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &vm), -ENODEV);
	card_close(&card);
	ASSERT(admin_unbind(&admin));
	expect_no_driver(&admin);
	EXPECT(client_works());
}

/* The first node is now that of the second card. */
TEST_TIMEOUT(while_working, TIMEOUT_S)
{
	struct clients clients;
	struct admin admin;
	int i;

	set_up(&admin, 1);
	ASSERT(clients_start(&clients, 20));
	lose(&admin, NULL);
	ASSERT(clients_wait_lost(&clients));
	for (i = 0; i < CLIENTS; i++) {
		EXPECT_EQ(clients.client[i].error, -ENODEV);
		EXPECT(clients.client[i].signalled);
	}
	ASSERT(admin_unbind(&admin));
	expect_no_driver(&admin);
	clients_end(&clients);
	EXPECT(client_works());
}

/* All others are as good as before. */
TEST(others)
{
	struct admin admin;

	set_up(&admin, 2);
	EXPECT(admin_is(&admin, "state", "running"));
	EXPECT(admin_is(&admin, "reset_count", "0"));
	EXPECT(client_works());
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
