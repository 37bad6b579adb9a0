// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the host sees of things that a program of the management core sets going: small programs
 * that do what firmware does, on a whole card.
 */
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "abi/event.h"
#include "abi/mc.h"
#include "abi/packet.h"
#include "boot_image.h"

#define RING		0x200000u	/* VRAM offsets */
#define POINTERS	0x201000u
#define FENCE		0x202000u
#define SIGNALS		0x100000u	/* bus address */
#define PAGE		4096u
#define WAIT_MS		20000

static int setup(void **state)
{
	static const char * const options[] = { OPTIONS_FOR_IMAGE, NULL };
	static struct server s;

	image_server(&s, options);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	return server_stop(*state);
}

static void run_program(struct server *s, const uint32_t *code, size_t bytes)
{
	struct boot_image image;

	image_make_program(s, &image, code, bytes);
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_OK);
}

/* A program arms a watch through its registers, and pops the queue's number when memory changes. */
static void test_watch(void **state)
{
	static const uint32_t code[] = {
		0x400002b7,	/* lui t0, peripherals */
		0x00200337,	/* lui t1, 2 MiB of VRAM */
		0x0462a823,	/* sw t1, WATCH_ADDR_LO(t0) */
		0x12300313,	/* li t1, 0x123 */
		0x0462ac23,	/* sw t1, WATCH_VALUE_LO(t0) */
		0x0462ae23,	/* sw t1, WATCH_VALUE_HI(t0) */
		0xfff00313,	/* li t1, -1 */
		0x0662a023,	/* sw t1, WATCH_MASK_LO(t0) */
		0x0662a223,	/* sw t1, WATCH_MASK_HI(t0) */
		0x00300313,	/* li t1, queue 3 */
		0x0662a623,	/* sw t1, WATCH_CTRL(t0) */
		0x05c2a383,	/* lw t2, WATCH_VALUE_HI(t0) */
		0x0272a023,	/* sw t2, HEARTBEAT(t0) */
		0x0402a303,	/* lw t1, DOORBELL_POP(t0) */
		0xfe034ee3,	/* bltz t1, 4 back */
		0x20030313,	/* addi t1, t1, 0x200 */
		0x0262a023,	/* sw t1, HEARTBEAT(t0) */
		0x0000006f,	/* j . */
	};
	struct server *s = *state;

	*(uint64_t *)(s->vram + RING) = 0;
	run_program(s, code, sizeof(code));
	while (reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT) != 0x123)
		;
	/* Half of it, then all. */
	__atomic_store_n((uint64_t *)(s->vram + RING), 0x123, __ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT), 0x123);
	__atomic_store_n((uint64_t *)(s->vram + RING), 0x12300000123ull, __ATOMIC_SEQ_CST);
	while (reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT) == 0x123)
		;
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT), 0x203);
	assert_true(reg_read(s, OGPU_GLB_STATUS) & OGPU_GLB_STATUS_MC_RUNNING);
}

/* Waits for the next entry and its interrupt. */
static void expect_signal(struct server *s, int irq, const struct ogpu_signal *entry, uint32_t seq)
{
	struct pollfd raised = { .fd = irq, .events = POLLIN };
	eventfd_t value;

	do {
		assert_int_equal(poll(&raised, 1, WAIT_MS), 1);
		assert_int_equal(eventfd_read(irq, &value), 0);
	} while (__atomic_load_n(&entry->seq, __ATOMIC_ACQUIRE) != seq);
	assert_int_equal(entry->queue, 0);
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_SIGNAL_WPTR), seq);
}

/* Queue 0 signals three times: that is two entries, the second one when the host has armed it. */
static void test_signal(void **state)
{
	static const uint32_t code[] = {
		0x400013b7,	/* lui t2, slot 0 */
		0x00200337,	/* lui t1, ring */
		0x0063a823,	/* sw t1, RING_LO(t2) */
		0x00001337,	/* lui t1, 4096 */
		0x0063ac23,	/* sw t1, RING_SIZE(t2) */
		0x00201337,	/* lui t1, read pointer */
		0x0263a023,	/* sw t1, RPTR_LO(t2) */
		0x00830313,	/* addi t1, t1, 8 */
		0x0263a423,	/* sw t1, WPTR_LO(t2) */
		0x00100313,	/* li t1, 1 */
		0x0063a623,	/* sw t1, FLAGS(t2): privileged */
		0x0063ae23,	/* sw t1, CTRL(t2): START */
		0x0000006f,	/* j . */
	};
	struct server *s = *state;
	struct ogpu_pkt_fence fence = {
		.header = OGPU_PKT_HDR(OGPU_OP_FENCE, OGPU_FENCE_PHYS | OGPU_FENCE_SIGNAL,
				       sizeof(fence)),
		.addr = FENCE,
	};
	int irq = eventfd(0, EFD_CLOEXEC), fd = memfd_create("signals", MFD_CLOEXEC);
	struct ogpu_signal *ring;

	assert_return_code(ftruncate(fd, PAGE), errno);
	ring = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(ring, MAP_FAILED);
	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	assert_int_equal(dma_map(s, SIGNALS, PAGE, VFIO_DMA_MAP_FLAG_READ |
				 VFIO_DMA_MAP_FLAG_WRITE, fd, 0), 0);
	assert_int_equal(set_irq_fd(s, OGPU_VECTOR_SIGNAL, irq), 0);
	reg_write(s, BLOCK_EVENT + OGPU_SIGNAL_ADDR_LO, SIGNALS);
	reg_write(s, BLOCK_EVENT + OGPU_SIGNAL_ENTRIES, PAGE / sizeof(*ring));
	reg_write(s, BLOCK_EVENT + OGPU_SIGNAL_ARM, 0);
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_SIGNAL_ENTRIES), PAGE / sizeof(*ring));
	for (unsigned int i = 0; i < 3; i++) {
		fence.value = i + 1;
		memcpy(s->vram + RING + i * sizeof(fence), &fence, sizeof(fence));
	}
	*(uint64_t *)(s->vram + POINTERS + 8) = 3 * sizeof(fence);
	run_program(s, code, sizeof(code));
	expect_signal(s, irq, &ring[0], 1);
	while (__atomic_load_n((uint64_t *)(s->vram + POINTERS), __ATOMIC_ACQUIRE) !=
	       3 * sizeof(fence))
		;
	assert_int_equal(*(uint64_t *)(s->vram + FENCE), 3);
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_SIGNAL_WPTR), 1);
	reg_write(s, BLOCK_EVENT + OGPU_SIGNAL_ARM, 0);
	expect_signal(s, irq, &ring[1], 2);
	assert_int_equal(ring[2].seq, 0);
	/* The kernel's ring has seen nothing of it. */
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_WPTR), 0);
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_DROPPED), 0);
	munmap(ring, PAGE);
	close(fd);
	close(irq);
}

/* What stops the core: no memory behind a window, or nothing at that address at all. */
static void test_fatal_access(void **state)
{
	static const struct {
		uint32_t page;		/* from which the program loads */
		enum ogpu_mc_fatal cause;
	} cases[] = {
		{ 0x80000, OGPU_MC_FATAL_BUS },		/* window 0, far behind VRAM */
		{ 0x90000, OGPU_MC_FATAL_TRAP },	/* behind the last window */
		{ 0x10100, OGPU_MC_FATAL_TRAP },	/* behind SRAM */
		{ 0x7ffff, OGPU_MC_FATAL_TRAP },	/* before the first window */
	};
	struct server *s = *state;

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint32_t code[] = {
			0x400002b7,	/* lui t0, peripherals */
			0x10000313,	/* li t1, 256 TiB */
			0x1062a223,	/* sw t1, WINDOW0_HI(t0) */
			cases[i].page << 12 | 0x2b7,	/* lui t0, page */
			0x0002a303,	/* lw t1, 0(t0) */
			0x0000006f,	/* j . */
		};

		run_program(s, code, sizeof(code));
		while (!(reg_read(s, OGPU_GLB_STATUS) & OGPU_GLB_STATUS_MC_FATAL))
			;
		assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_MC_FATAL),
				 cases[i].cause | 5 << 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fatal_access, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu-core", tests, NULL, NULL);
}
