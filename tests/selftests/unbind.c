// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers whose card is unbound: they give back their system memory, whether somebody keeps them or
 * they are on their way out, and can be freed in any order.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/types.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "partner.h"

#define CLIENTS		3
#define BUFFERS		400
#define BUFFER_BYTES	16384
#define ROUNDS		6

static void create(struct card *card, struct buffer *bufs, unsigned int count, bool private)
{
	unsigned int i;

	card_private = private;
	for (i = 0; i < count; i++)
		ASSERT_EQ(card_buffer_create(card, &bufs[i], BUFFER_BYTES, DRM_OGPU_BO_SYSTEM), 0);
	card_private = false;
}

static void give_back(struct admin *admin)
{
	ASSERT(admin_bind(admin));
	ASSERT_EQ(admin_load_firmware(admin), 0);
	ASSERT(admin_wait(admin, "state", "running"));
}

/*
 * The kernel knows first and last of the buffers that are private to an address space. A handle
 * that is free is used again, and closing a file frees by handles: the last, the first, and then
 * those between.
 */
TEST_TIMEOUT(order, 120)
{
	struct drm_gem_close close = {};
	struct buffer bufs[4];
	struct admin admin;
	struct card card;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	card_open(&card);
	create(&card, bufs, 4, true);
	close.handle = bufs[0].handle;
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_GEM_CLOSE, &close), 0);
	create(&card, bufs, 1, true);
	ASSERT_EQ(bufs[0].handle, close.handle);
	ASSERT(admin_unbind(&admin));
	card_close(&card);
	give_back(&admin);
}

/* Makes buffers, says so, and waits to be killed. */
static pid_t start_client(int ready, bool private)
{
	struct buffer bufs[BUFFERS];
	pid_t pid = fork();
	struct card card;

	ASSERT_GE(pid, 0);
	if (pid)
		return pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	card_open(&card);
	create(&card, bufs, BUFFERS, private);
	if (write(ready, "", 1) == 1)
		pause();
	_exit(1);
}

/* Programs end, each with many buffers, at the moment at which their card goes. */
static void end_together(struct admin *admin, bool private)
{
	pid_t clients[CLIENTS];
	int ready[2], i;
	char c;

	ASSERT_EQ(pipe(ready), 0);
	for (i = 0; i < CLIENTS; i++)
		clients[i] = start_client(ready[1], private);
	for (i = 0; i < CLIENTS; i++)
		ASSERT_EQ(read(ready[0], &c, 1), 1);
	for (i = 0; i < CLIENTS; i++)
		kill(clients[i], SIGKILL);
	EXPECT(admin_unbind(admin));
	for (i = 0; i < CLIENTS; i++)
		ASSERT_EQ(waitpid(clients[i], NULL, 0), clients[i]);
	close(ready[0]);
	close(ready[1]);
	give_back(admin);
}

TEST_TIMEOUT(crowd, 300)
{
	struct admin admin;
	int i;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	for (i = 0; i < ROUNDS; i++)
		end_together(&admin, i % 2);
}

/* What is kept has no memory any more, and can still be let go of. */
TEST_TIMEOUT(kept, 120)
{
	struct buffer bufs[2];
	struct admin admin;
	struct card card;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	card_open(&card);
	card_buffer(&card, &bufs[0], 1 << 20, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BIND_READ);
	card_buffer(&card, &bufs[1], 1 << 20, DRM_OGPU_BO_VRAM, DRM_OGPU_BIND_READ);
	memset(bufs[0].map, 0xa5, 1 << 20);
	ASSERT(admin_unbind(&admin));
	EXPECT_EQ(*(volatile uint8_t *)bufs[0].map, 0);
	card_close(&card);
	EXPECT_EQ(*(volatile uint8_t *)bufs[0].map, 0);
	EXPECT_EQ(munmap(bufs[0].map, 1 << 20), 0);
	give_back(&admin);
}

/*
 * A stranger's fence in buffers that nobody has any more: their memory is given back, and the card
 * is unbound. False if the fence was over too soon to tell.
 */
static bool end_with_strange_fence(struct admin *admin)
{
	struct dma_buf_import_sync_file add = { .flags = DMA_BUF_SYNC_WRITE };
	static const uint32_t kinds[] = { DRM_OGPU_BO_VRAM, DRM_OGPU_BO_SYSTEM };
	struct drm_ogpu_query_memory before;
	struct card card, look;
	unsigned int i;
	bool told;

	add.fd = partner_fence();
	if (add.fd < 0)
		SKIP("no other driver");
	card_open_unused(&look);
	before = card_memory(&look);
	for (i = 0; i < 2; i++) {
		struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
		struct buffer buf;

		card_open(&card);
		ASSERT_EQ(card_buffer_create(&card, &buf, BUFFER_BYTES, kinds[i]), 0);
		prime.handle = buf.handle;
		ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
		ASSERT_EQ(ioctl(prime.fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &add), 0);
		close(prime.fd);
		card_close(&card);
	}
	EXPECT_EQ(card_wait_memory(&look, &before), 0);
	card_close(&look);
	ASSERT(admin_unbind(admin));
	told = !partner_fence_is_over(add.fd);
	give_back(admin);
	close(add.fd);

	return told;
}

TEST_TIMEOUT(strange_fence, 240)
{
	struct admin admin;
	int i;

	if (!admin_init(&admin, 0))
		SKIP("no card");
	for (i = 0; i < 4; i++) {
		if (end_with_strange_fence(&admin))
			return;
	}
	HARNESS_FAIL("a fence holds up its card");
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
