// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The signal ring: arming, signals that come together, storms, rings that cannot be; and that none
 * of it touches the event ring. Memory and interrupts are stand-ins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device.h"

#define QUEUES	1024u
#define RING	0x10000u		/* bus addresses */
#define EVENTS	0x20000u
#define BYTES	0x40000u

static struct vgpu *gpu;
static uint8_t *memory;
static bool answers;
static _Atomic unsigned int raised[OGPU_VECTOR_COUNT];

_Atomic bool vgpu_trace_on;

void vgpu_trace_line(struct vgpu *card, enum vgpu_trace kind, const char *fmt, ...)
{
	(void)card;
	(void)kind;
	(void)fmt;
}

uint64_t vgpu_mem_begin(struct vgpu *card)
{
	(void)card;
	return 1;
}

void vgpu_mem_end(struct vgpu *card)
{
	(void)card;
}

void *vgpu_mem_ptr(struct vgpu *card, enum ogpu_target target, uint64_t addr, size_t len,
		   bool write)
{
	(void)card;
	assert_int_equal(target, OGPU_TARGET_SYSTEM);
	assert_true(write);
	return answers && addr < BYTES && len <= BYTES - addr ? memory + addr : NULL;
}

void vgpu_irq_raise(struct vgpu *card, unsigned int vector)
{
	(void)card;
	raised[vector]++;
}

static void set_ring(uint64_t addr, uint32_t entries)
{
	signal_reg_write(gpu, OGPU_SIGNAL_ADDR_LO, (uint32_t)addr);
	signal_reg_write(gpu, OGPU_SIGNAL_ADDR_HI, addr >> 32);
	signal_reg_write(gpu, OGPU_SIGNAL_ENTRIES, entries);
}

static void arm(uint32_t queue)
{
	signal_reg_write(gpu, OGPU_SIGNAL_ARM, queue);
}

static uint32_t wptr(void)
{
	return signal_reg_read(&gpu->signal, OGPU_SIGNAL_WPTR);
}

static struct ogpu_signal *entry(uint32_t n)
{
	return (struct ogpu_signal *)(memory + RING) + n % QUEUES;
}

static int setup(void **state)
{
	(void)state;
	gpu = calloc(1, sizeof(*gpu));
	memory = calloc(1, BYTES);
	assert_non_null(gpu);
	assert_non_null(memory);
	assert_int_equal(signal_init(&gpu->signal, QUEUES), 0);
	event_init(&gpu->event);
	answers = true;
	memset((void *)raised, 0, sizeof(raised));
	set_ring(RING, QUEUES);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	event_fini(&gpu->event);
	signal_fini(&gpu->signal);
	free(memory);
	free(gpu);
	return 0;
}

static void expect(uint32_t count, uint32_t last_queue)
{
	assert_int_equal(wptr(), count);
	assert_int_equal(raised[OGPU_VECTOR_SIGNAL], count);
	assert_int_equal(entry(count)->seq, count >= QUEUES ? count - QUEUES + 1 : 0);
	assert_int_equal(entry(count - 1)->queue, last_queue);
	assert_int_equal(entry(count - 1)->seq, count);
}

static void test_arm(void **state)
{
	(void)state;
	arm(7);
	assert_int_equal(wptr(), 0);
	vgpu_signal(gpu, 7);
	expect(1, 7);
	/* Not armed: remembered, as one. */
	vgpu_signal(gpu, 7);
	vgpu_signal(gpu, 7);
	expect(1, 7);
	arm(7);
	expect(2, 7);
	arm(7);
	arm(7);
	expect(2, 7);
	/* One queue's state is its own. */
	vgpu_signal(gpu, 8);
	arm(9);
	expect(2, 7);
	arm(8);
	expect(3, 8);
	vgpu_signal(gpu, 9);
	expect(4, 9);
	vgpu_signal(gpu, 7);
	expect(5, 7);
}

static void test_no_such_queue(void **state)
{
	(void)state;
	arm(QUEUES);
	vgpu_signal(gpu, QUEUES);
	vgpu_signal(gpu, OGPU_EVENT_NO_QUEUE);
	arm(~0u);
	assert_int_equal(wptr(), 0);
	assert_int_equal(raised[OGPU_VECTOR_SIGNAL], 0);
}

static void test_registers(void **state)
{
	(void)state;
	set_ring(0x123456789abcull, QUEUES);
	assert_int_equal(signal_reg_read(&gpu->signal, OGPU_SIGNAL_ADDR_LO), 0x56789000);
	assert_int_equal(signal_reg_read(&gpu->signal, OGPU_SIGNAL_ADDR_HI), 0x1234);
	assert_int_equal(signal_reg_read(&gpu->signal, OGPU_SIGNAL_ENTRIES), QUEUES);
	assert_int_equal(signal_reg_read(&gpu->signal, OGPU_SIGNAL_ARM), 0);
	assert_int_equal(signal_reg_read(&gpu->signal, 0x34), 0);
	signal_reg_write(gpu, OGPU_SIGNAL_WPTR, 5);
	assert_int_equal(wptr(), 0);
}

/* A ring that is too small, no power of two, or off: no queue is told, nor kept in mind. */
static void test_bad_ring(void **state)
{
	static const uint32_t bad[] = { 0, 1, QUEUES / 2, QUEUES - 1, QUEUES + 1, 3 * QUEUES };

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		set_ring(RING, bad[i]);
		arm(7);
		vgpu_signal(gpu, 7);
		assert_int_equal(wptr(), 0);
	}
	set_ring(RING, QUEUES);
	arm(7);
	assert_int_equal(raised[OGPU_VECTOR_SIGNAL], 0);
	/* A new ring disarms all and forgets what is owed. */
	set_ring(RING, QUEUES);
	vgpu_signal(gpu, 7);
	assert_int_equal(wptr(), 0);
	set_ring(RING, QUEUES);
	arm(7);
	assert_int_equal(wptr(), 0);
	vgpu_signal(gpu, 7);
	expect(1, 7);
}

/* Memory that does not answer: told when the host arms the queue the next time. */
static void test_no_memory(void **state)
{
	(void)state;
	arm(7);
	answers = false;
	vgpu_signal(gpu, 7);
	arm(7);
	assert_int_equal(wptr(), 0);
	assert_int_equal(raised[OGPU_VECTOR_SIGNAL], 0);
	answers = true;
	arm(7);
	expect(1, 7);
}

static void test_reset(void **state)
{
	(void)state;
	arm(7);
	signal_reset(&gpu->signal);
	vgpu_signal(gpu, 7);
	assert_int_equal(signal_reg_read(&gpu->signal, OGPU_SIGNAL_ENTRIES), 0);
	assert_int_equal(signal_reg_read(&gpu->signal, OGPU_SIGNAL_ADDR_LO), 0);
	assert_int_equal(raised[OGPU_VECTOR_SIGNAL], 0);
}

static void *storm(void *arg)
{
	_Atomic bool *stop = arg;

	while (!*stop)
		for (uint32_t queue = 0; queue < QUEUES; queue++)
			vgpu_signal(gpu, queue);
	return NULL;
}

/*
 * A thousand queues signal as fast as they can, and the host takes an entry when it likes. No more
 * entries than queues are there at a time, each queue has at most one, none is forgotten, and
 * events of the kernel's fences find their own ring as empty as ever.
 */
static void test_storm(void **state)
{
	const struct ogpu_event event = { .type = OGPU_EVENT_FENCE, .queue = 3 };
	static bool there[QUEUES];
	unsigned int taken[QUEUES] = { 0 };
	_Atomic bool stop = false;
	pthread_t thread[2];
	uint32_t rptr = 0;

	(void)state;
	event_reg_write(&gpu->event, OGPU_EVENT_ADDR_LO, EVENTS);
	event_reg_write(&gpu->event, OGPU_EVENT_ENTRIES, 16);
	for (uint32_t i = 0; i < QUEUES; i++)
		arm(i);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, storm, &stop), 0);
	for (unsigned int n = 0; n < 20 * QUEUES; ) {
		uint32_t seq = __atomic_load_n(&entry(rptr)->seq, __ATOMIC_ACQUIRE), queue;

		if (seq != rptr + 1)
			continue;
		queue = entry(rptr)->queue;
		assert_true(queue < QUEUES);
		taken[queue]++;
		assert_true(wptr() - rptr <= QUEUES);
		rptr++;
		n++;
		if (n % 64 == 0) {
			vgpu_event_push(gpu, &event);
			event_reg_write(&gpu->event, OGPU_EVENT_RPTR,
					event_reg_read(&gpu->event, OGPU_EVENT_WPTR));
		}
		arm(queue);
	}
	stop = true;
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(event_reg_read(&gpu->event, OGPU_EVENT_DROPPED), 0);
	assert_int_equal(event_reg_read(&gpu->event, OGPU_EVENT_WPTR), 20 * QUEUES / 64);
	for (; rptr != wptr(); rptr++) {
		assert_false(there[entry(rptr)->queue]);
		there[entry(rptr)->queue] = true;
	}
	for (uint32_t i = 0; i < QUEUES; i++)
		assert_true(taken[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_arm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_such_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_storm, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu signal", tests, NULL, NULL);
}
