// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What a program waits for when the machine is to sleep does not hold that up: it is frozen where
 * it is, and goes on waiting afterwards.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M' --append no_console_suspend \
 *     --qemu-args '-global pcie-root-port.hotplug=off'
 */
#include <pthread.h>

#include "card.h"
#include "harness.h"
#include "nap.h"
#include "own.h"
#include "user.h"

#define SLOW_MS		60000
#define SIZE		(64 * KIB)
#define ROUNDS		3

/** struct mapper - a thread that calls VM_BIND */
struct mapper {
	struct card *card;
	void *mem;
	volatile bool stop;
	volatile unsigned int calls;
	int ret;
};

static void *map_and_unmap(void *arg)
{
	struct mapper *m = arg;

	while (!m->stop && !m->ret) {
		m->ret = own_bind_op(m->card, own_op(m->mem, VA, SIZE, RW));
		if (!m->ret)
			m->ret = card_unbind(m->card, VA, SIZE);
		m->calls++;
	}

	return NULL;
}

/* In a space whose queue executes each mapping waits until the queue has seen it. */
TEST_TIMEOUT(mapping_own_memory, 240)
{
	struct mapper m = {};
	unsigned int i, calls;
	pthread_t thread;
	struct card card;
	struct user u;

	card_open(&card);
	if (!(card.info.flags & DRM_OGPU_DEVICE_USERPTR))
		SKIP("the card does not reach memory of programs");
	user_vm(&card);
	user_open(&card, &u, 4096);
	user_wait_packet(&u, USER_WORD(&u) + 8, 1);
	user_ring(&u);
	m.card = &card;
	m.mem = own_anon(SIZE);
	ASSERT_EQ(pthread_create(&thread, NULL, map_and_unmap, &m), 0);

	for (i = 0; i < ROUNDS; i++) {
		uint64_t end = time_limit(SLOW_MS);

		calls = m.calls;
		while (m.calls < calls + 2 && !m.ret)
			ASSERT_LE(time_ms(), end);
		nap_once();
	}
	m.stop = true;
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_EQ(m.ret, 0);

	own_fill(m.mem, SIZE, 1);
	ASSERT_EQ(own_bind_op(&card, own_op(m.mem, VA, SIZE, RW)), 0);
	user_fill(&u, VA, SIZE / 2, 7);
	user_fence(&u);
	user_ring(&u);
	u.word[1] = 1;
	ASSERT_EQ(user_wait(&u, SLOW_MS), 0);
	EXPECT_EQ(own_not_all(m.mem, SIZE / 2, 7), 0);
	card_close(&card);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
