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
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "abi/addr.h"
#include "abi/event.h"
#include "abi/mc.h"
#include "abi/packet.h"
#include "boot_image.h"

#define RING		0x200000u	/* VRAM offsets */
#define POINTERS	0x201000u
#define FENCE		0x202000u
#define WATCHED		0x203000u
#define PATTERN		0x300000u
#define TABLES		0x400000u
#define KERNEL		0x500000u
#define SIGNALS		0x100000u	/* bus address */
#define EVENTS		(SIGNALS + PAGE)
#define PAGE		4096u
#define WAIT_MS		20000
#define RESET_NS	100000000u

/* What a program begins with that has slot 0 for a queue in VRAM: then t1 is 1, t2 the slot. */
#define SLOT_0 \
	0x400013b7,	/* lui t2, slot 0 */ \
	0x00200337,	/* lui t1, ring */ \
	0x0063a823,	/* sw t1, RING_LO(t2) */ \
	0x00001337,	/* lui t1, 4096 */ \
	0x0063ac23,	/* sw t1, RING_SIZE(t2) */ \
	0x00201337,	/* lui t1, read pointer */ \
	0x0263a023,	/* sw t1, RPTR_LO(t2) */ \
	0x00830313,	/* addi t1, t1, 8 */ \
	0x0263a423,	/* sw t1, WPTR_LO(t2) */ \
	0x00100313,	/* li t1, 1 */ \
	0x0063a623	/* sw t1, FLAGS(t2): privileged */

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
		SLOT_0,
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

/*
 * What the core reads after a write to BAR 0 has in it what was written to BAR 2 before, though
 * none of these is answered: a program answers the bell with a word of VRAM.
 */
static void test_registers_push(void **state)
{
	static const uint32_t code[] = {
		0x400002b7,	/* lui t0, peripherals */
		0x80200e37,	/* lui t3, 2 MiB of VRAM in window 0 */
		0x0002a303,	/* lw t1, IRQ_PENDING(t0) */
		0x00137313,	/* andi t1, t1, 1 */
		0xfe030ce3,	/* beqz t1, 2 back */
		0x0062a423,	/* sw t1, IRQ_ACK(t0) */
		0x000e2303,	/* lw t1, 0(t3) */
		0x0262a023,	/* sw t1, HEARTBEAT(t0) */
		0xfe9ff06f,	/* j 6 back */
	};
	const uint32_t bell = 1;
	struct server *s = *state;

	run_program(s, code, sizeof(code));
	for (uint32_t value = 1; value < 200; value++) {
		client_post(s, OGPU_BAR_VRAM, RING, &value, 4);
		client_post(s, OGPU_BAR_REGS, BLOCK_MBOX + OGPU_MBOX_BELL, &bell, 4);
		while (reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT) == value - 1)
			;
		assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT), value);
	}
}

static void wait_for_rptr(struct server *s, uint64_t value)
{
	while (__atomic_load_n((uint64_t *)(s->vram + POINTERS), __ATOMIC_ACQUIRE) != value)
		;
}

/* Likewise what an engine reads after a doorbell of either kind: packets and the write pointer. */
static void test_doorbells_push(void **state)
{
	static const uint32_t code[] = {
		SLOT_0,
		0x0063ae23,	/* sw t1, CTRL(t2): START */
		0x0000006f,	/* j . */
	};
	struct ogpu_pkt_fence fence = {
		.header = OGPU_PKT_HDR(OGPU_OP_FENCE, OGPU_FENCE_PHYS, sizeof(fence)),
		.addr = FENCE,
	};
	struct server *s = *state;
	uint64_t wptr = 0;

	memset(s->vram + RING, 0, 3 * PAGE);
	run_program(s, code, sizeof(code));
	for (unsigned int i = 1; i < 150; i++) {
		fence.value = i;
		client_post(s, OGPU_BAR_VRAM, RING + wptr, &fence, sizeof(fence));
		wptr += sizeof(fence);
		client_post(s, OGPU_BAR_VRAM, POINTERS + 8, &wptr, 8);
		if (i % 2)
			client_post(s, OGPU_BAR_DOORBELL, OGPU_DOORBELL_RING, &wptr, 4);
		else
			client_post(s, OGPU_BAR_DOORBELL, OGPU_DOORBELL_WPTR, &wptr, 8);
		wait_for_rptr(s, wptr);
		assert_int_equal(*(volatile uint64_t *)(s->vram + FENCE), i);
	}
}

/* VRAM keeps what it has while the card is idle, and may be accessed; work ends it. */
static void test_idle_keeps_vram(void **state)
{
	static const uint32_t code[] = {
		SLOT_0,
		0x400002b7,	/* lui t0, peripherals */
		0x0a62a823,	/* sw t1, IDLE(t0) */
		0x0b02a303,	/* lw t1, IDLE(t0) */
		0x10030313,	/* addi t1, t1, 0x100 */
		0x0262a023,	/* sw t1, HEARTBEAT(t0) */
		0x0002a303,	/* lw t1, IRQ_PENDING(t0) */
		0x00137313,	/* andi t1, t1, 1 */
		0xfe0306e3,	/* beqz t1, 5 back */
		0x0062a423,	/* sw t1, IRQ_ACK(t0) */
		0x0063ae23,	/* sw t1, CTRL(t2): START */
		0xfe1ff06f,	/* j 8 back */
	};
	static uint8_t kept[64 * PAGE];
	struct ogpu_pkt_copy copy = {
		.header = OGPU_PKT_HDR(OGPU_OP_COPY, OGPU_COPY_SRC_PHYS | OGPU_COPY_DST_PHYS,
				       sizeof(copy)),
		.src = PATTERN, .dst = PATTERN + sizeof(kept), .bytes = sizeof(kept),
	};
	struct server *s = *state;
	uint32_t word;

	randombytes_buf(kept, sizeof(kept));
	memcpy(s->vram + PATTERN, kept, sizeof(kept));
	memset(s->vram + PATTERN + sizeof(kept), 0, sizeof(kept));
	memset(s->vram + RING, 0, 2 * PAGE);
	memcpy(s->vram + RING, &copy, sizeof(copy));
	*(uint64_t *)(s->vram + POINTERS + 8) = sizeof(copy);
	run_program(s, code, sizeof(code));
	while (reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT) != 0x101)
		;
	assert_memory_equal(s->vram + PATTERN, kept, sizeof(kept));
	for (uint32_t i = 0; i < sizeof(kept); i += PAGE) {
		assert_int_equal(client_read(s, OGPU_BAR_VRAM, PATTERN + i, &word, 4), 0);
		assert_memory_equal(&word, kept + i, 4);
		word = ~word;
		memcpy(kept + i, &word, 4);
		assert_int_equal(client_write(s, OGPU_BAR_VRAM, PATTERN + i, &word, 4), 0);
	}
	/* Such an access ends nothing. */
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT), 0x101);
	reg_write(s, BLOCK_MBOX + OGPU_MBOX_BELL, 1);
	while (reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT) != 0x100)
		;
	wait_for_rptr(s, sizeof(copy));
	assert_memory_equal(s->vram + PATTERN + sizeof(kept), kept, sizeof(kept));
}

/* Of ASID 1: the page of signals at address 0, that of the kernel behind it. */
static void map_tables(struct server *s)
{
	uint64_t *table = (uint64_t *)(s->vram + TABLES);

	memset(table, 0, 5 * PAGE);
	table[sizeof(struct ogpu_as_entry) / 8] = (TABLES + PAGE) | OGPU_PTE_VALID;
	for (unsigned int i = 1; i < 4; i++)
		table[i * PAGE / 8] = (TABLES + (i + 1) * PAGE) | OGPU_PTE_VALID;
	table[4 * PAGE / 8] = SIGNALS | OGPU_PTE_VALID | OGPU_PTE_LEAF | OGPU_PTE_READ |
		OGPU_PTE_WRITE | FIELD_PREP(OGPU_PTE_TARGET, OGPU_TARGET_SYSTEM);
	table[4 * PAGE / 8 + 1] = KERNEL | OGPU_PTE_VALID | OGPU_PTE_LEAF | OGPU_PTE_READ |
		OGPU_PTE_EXEC;
	reg_write(s, BLOCK_MMU + OGPU_MMU_AS_ADDR_LO, TABLES);
	reg_write(s, BLOCK_MMU + OGPU_MMU_AS_COUNT, 2);
}

/*
 * An atomic on system memory that the platform refuses faults if it is sent as an AtomicOp, and
 * only then. The program shows the slot's STATUS.
 */
static void test_atomics_refused(void **state)
{
	static const uint32_t code[] = {
		SLOT_0,
		0x0063a423,	/* sw t1, ASID(t2) */
		0x0063ae23,	/* sw t1, CTRL(t2): START */
		0x400002b7,	/* lui t0, peripherals */
		0x0303a303,	/* lw t1, STATUS(t2) */
		0x0262a023,	/* sw t1, HEARTBEAT(t0) */
		0xff9ff06f,	/* j 2 back */
	};
	const uint32_t failed =
		FIELD_PREP(OGPU_SLOT_STATUS_STATE, OGPU_SLOT_FAILED) |
		FIELD_PREP(OGPU_SLOT_STATUS_ERROR, OGPU_QERR_MEMORY) |
		FIELD_PREP(OGPU_SLOT_STATUS_ACCESS, OGPU_ACCESS_ATOMIC) |
		FIELD_PREP(OGPU_SLOT_STATUS_REASON, OGPU_FAULT_ATOMIC);
	struct ogpu_pkt_atomic add = {
		.header = OGPU_PKT_HDR(OGPU_OP_ATOMIC, OGPU_PKT_BARRIER, sizeof(add)),
		.op = OGPU_ATOMIC_ADD | OGPU_ATOMIC_WIDE, .value = 1,
	};
	struct server *s = *state;
	const unsigned int control2 = config_find_cap(s, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL2;
	int fd = memfd_create("word", MFD_CLOEXEC);
	volatile uint64_t *word;
	uint64_t wptr = 0;

	assert_return_code(ftruncate(fd, PAGE), errno);
	word = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(word, MAP_FAILED);
	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	assert_int_equal(dma_map(s, SIGNALS, PAGE, VFIO_DMA_MAP_FLAG_READ |
				 VFIO_DMA_MAP_FLAG_WRITE, fd, 0), 0);
	memset(s->vram + RING, 0, 2 * PAGE);
	for (unsigned int i = 0; i < 100; i++)
		memcpy(s->vram + RING + i * sizeof(add), &add, sizeof(add));
	map_tables(s);
	run_program(s, code, sizeof(code));

	for (uint64_t i = 1; i <= 3; i++) {
		/* Sent and carried; neither; not sent, and so nobody refuses it. */
		config_write(s, control2, i == 1 ? PCI_EXP_DEVCTL2_ATOMIC_REQ : 0, 2);
		if (i == 3)
			assert_true(control_ok(s, "{\"cmd\":\"set\",\"atomics\":false}"));
		wptr += sizeof(add);
		client_post(s, OGPU_BAR_VRAM, POINTERS + 8, &wptr, 8);
		client_post(s, OGPU_BAR_DOORBELL, OGPU_DOORBELL_RING, &wptr, 4);
		wait_for_rptr(s, wptr);
		assert_int_equal(*word, i);
	}
	config_write(s, control2, PCI_EXP_DEVCTL2_ATOMIC_REQ, 2);
	wptr += sizeof(add);
	client_post(s, OGPU_BAR_VRAM, POINTERS + 8, &wptr, 8);
	client_post(s, OGPU_BAR_DOORBELL, OGPU_DOORBELL_RING, &wptr, 4);
	while (reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT) != failed)
		;
	assert_int_equal(*word, 3);
	munmap((void *)word, PAGE);
	close(fd);
}

static uint64_t server_ns(struct server *s)
{
	struct timespec ts;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(s->pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &ts), 0);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/*
 * Resets of a card whose core executes and whose slot waits end in time: what the model takes of
 * processors for them. That of engines at work is in test_bracket.c.
 */
static void test_resets_end(void **state)
{
	static const uint32_t code[] = {
		SLOT_0,
		0x0063ae23,	/* sw t1, CTRL(t2): START */
		0x400002b7,	/* lui t0, peripherals */
		0x00130313,	/* addi t1, t1, 1 */
		0x0262a023,	/* sw t1, HEARTBEAT(t0) */
		0xff9ff06f,	/* j 2 back */
	};
	struct ogpu_pkt_wait wait = {
		.header = OGPU_PKT_HDR(OGPU_OP_WAIT, OGPU_WAIT_PHYS, sizeof(wait)),
		.addr = FENCE, .value = 1, .mask = UINT64_MAX,
	};
	uint64_t best[2] = { UINT64_MAX, UINT64_MAX }, start;
	struct server *s = *state;

	memset(s->vram + RING, 0, 3 * PAGE);
	memcpy(s->vram + RING, &wait, sizeof(wait));
	*(uint64_t *)(s->vram + POINTERS + 8) = sizeof(wait);
	for (unsigned int i = 0; i < 4; i++) {
		run_program(s, code, sizeof(code));
		while (reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT) < 100)
			;
		start = server_ns(s);
		if (i % 2) {
			assert_int_equal(client_request(s, CMD_RESET, NULL, 0, NULL, 0, NULL, 0),
					 0);
		} else {
			reg_write(s, OGPU_GLB_RESET, OGPU_GLB_RESET_COMPUTE | OGPU_GLB_RESET_MC);
			while (reg_read(s, OGPU_GLB_RESET))
				;
		}
		start = server_ns(s) - start;
		if (start < best[i % 2])
			best[i % 2] = start;
		assert_int_equal(reg_read(s, OGPU_GLB_STATUS), OGPU_GLB_STATUS_VRAM_READY);
		/* Nothing goes on that was reset. */
		*(volatile uint64_t *)(s->vram + FENCE) = 1;
		for (unsigned int j = 0; j < 100; j++)
			assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT), 0);
		assert_int_equal(*(volatile uint64_t *)(s->vram + POINTERS), 0);
		*(volatile uint64_t *)(s->vram + FENCE) = 0;
	}
	/* Of either kind one had the processors for itself. */
	assert_in_range(best[0], 1, RESET_NS);
	assert_in_range(best[1], 1, RESET_NS);
}

static void interrupted(int irq)
{
	struct pollfd raised = { .fd = irq, .events = POLLIN };
	eventfd_t value;

	assert_int_equal(poll(&raised, 1, WAIT_MS), 1);
	assert_int_equal(eventfd_read(irq, &value), 0);
}

static void wait_for_event(struct server *s, int irq, uint32_t count)
{
	while (reg_read(s, BLOCK_EVENT + OGPU_EVENT_WPTR) != count)
		;
	interrupted(irq);
}

/*
 * While the core is dead a queue on a slot goes on: it wakes in a WAIT, its work-items run, its
 * FENCE makes an event and a signal. So do invalidations. A watch and a doorbell of others wait for
 * the next start, which forgets them: its program pops nothing.
 */
static void test_dead_core(void **state)
{
	static const uint32_t code[] = {
		SLOT_0,
		0x0063a423,	/* sw t1, ASID(t2) */
		0x00600337,	/* lui t1, save area, which is as large */
		0x0863a023,	/* sw t1, SAVE_LO(t2) */
		0x0863a423,	/* sw t1, SAVE_SIZE(t2) */
		0x400002b7,	/* lui t0, peripherals */
		0x00203337,	/* lui t1, watched */
		0x0462a823,	/* sw t1, WATCH_ADDR_LO(t0) */
		0x00100313,	/* li t1, 1 */
		0x0462ac23,	/* sw t1, WATCH_VALUE_LO(t0) */
		0x0662a023,	/* sw t1, WATCH_MASK_LO(t0) */
		0x00300313,	/* li t1, queue 3 */
		0x0662a623,	/* sw t1, WATCH_CTRL(t0) */
		0x00100313,	/* li t1, 1 */
		0x0063ae23,	/* sw t1, CTRL(t2): START */
		0,		/* and something illegal */
	};
	static const uint32_t next[] = {
		0x400002b7,	/* lui t0, peripherals */
		0x0402a303,	/* lw t1, DOORBELL_POP(t0) */
		0x0262a023,	/* sw t1, HEARTBEAT(t0) */
		0x0000006f,	/* j . */
	};
	static const uint32_t kernel[] = {
		0x03700593,	/* li a1, 55 */
		0x00b53023,	/* sd a1, 0(a0) */
		0x00008067,	/* ret */
	};
	const struct {
		struct ogpu_pkt_wait wait;
		struct ogpu_pkt_dispatch dispatch;
		struct ogpu_pkt_fence fence;
	} packets = {
		.wait = {
			.header = OGPU_PKT_HDR(OGPU_OP_WAIT, OGPU_WAIT_PHYS, sizeof(packets.wait)),
			.addr = FENCE + 8, .value = 1, .mask = UINT64_MAX,
		},
		.dispatch = {
			.header = OGPU_PKT_HDR(OGPU_OP_DISPATCH, OGPU_PKT_BARRIER,
					       sizeof(packets.dispatch)),
			.entry = PAGE, .args = PAGE / 2, .grid = { 1, 1, 1 }, .group = { 1, 1, 1 },
		},
		.fence = {
			.header = OGPU_PKT_HDR(OGPU_OP_FENCE, OGPU_FENCE_PHYS | OGPU_FENCE_IRQ |
					       OGPU_FENCE_SIGNAL, sizeof(packets.fence)),
			.addr = FENCE, .value = 77,
		},
	};
	struct server *s = *state;
	int event_irq = eventfd(0, EFD_CLOEXEC), signal_irq = eventfd(0, EFD_CLOEXEC);
	int fd = memfd_create("rings", MFD_CLOEXEC);
	const uint64_t wptr = sizeof(packets);
	const struct ogpu_event *event;
	uint8_t *ram;

	assert_return_code(ftruncate(fd, 2 * PAGE), errno);
	ram = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(ram, MAP_FAILED);
	event = (const struct ogpu_event *)(ram + PAGE);
	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	assert_int_equal(dma_map(s, SIGNALS, 2 * PAGE, VFIO_DMA_MAP_FLAG_READ |
				 VFIO_DMA_MAP_FLAG_WRITE, fd, 0), 0);
	assert_int_equal(set_irq_fd(s, OGPU_VECTOR_EVENT, event_irq), 0);
	assert_int_equal(set_irq_fd(s, OGPU_VECTOR_SIGNAL, signal_irq), 0);
	reg_write(s, BLOCK_EVENT + OGPU_EVENT_ADDR_LO, EVENTS);
	reg_write(s, BLOCK_EVENT + OGPU_EVENT_ENTRIES, 8);
	reg_write(s, BLOCK_EVENT + OGPU_SIGNAL_ADDR_LO, SIGNALS);
	reg_write(s, BLOCK_EVENT + OGPU_SIGNAL_ENTRIES, PAGE / 2 / sizeof(struct ogpu_signal));
	memset(s->vram + RING, 0, 4 * PAGE);
	memcpy(s->vram + KERNEL, kernel, sizeof(kernel));
	map_tables(s);
	run_program(s, code, sizeof(code));
	while (!(reg_read(s, OGPU_GLB_STATUS) & OGPU_GLB_STATUS_MC_FATAL))
		;

	reg_write(s, BLOCK_EVENT + OGPU_SIGNAL_ARM, 0);
	memcpy(s->vram + RING, &packets, sizeof(packets));
	*(uint64_t *)(s->vram + POINTERS + 8) = wptr;
	client_post(s, OGPU_BAR_DOORBELL, OGPU_DOORBELL_WPTR, &wptr, 8);
	assert_int_equal(reg_read(s, BLOCK_EVENT + OGPU_EVENT_WPTR), 0);
	__atomic_store_n((uint64_t *)(s->vram + FENCE + 8), 1, __ATOMIC_SEQ_CST);
	wait_for_event(s, event_irq, 1);
	assert_int_equal(event[0].type, OGPU_EVENT_FENCE);
	assert_int_equal(event[0].value0, FENCE);
	assert_int_equal(event[0].value1, 77);
	assert_int_equal(*(volatile uint64_t *)(s->vram + FENCE), 77);
	assert_int_equal(*(volatile uint64_t *)(ram + PAGE / 2), 55);
	expect_signal(s, signal_irq, (const struct ogpu_signal *)ram, 1);

	reg_write(s, BLOCK_MMU + OGPU_MMU_TLBI, FIELD_PREP(OGPU_MMU_TLBI_TYPE, OGPU_MMU_TLBI_AS) |
		  1 | OGPU_MMU_TLBI_NOTIFY);
	wait_for_event(s, event_irq, 2);
	assert_int_equal(event[1].type, OGPU_EVENT_TLBI);
	assert_int_equal(event[1].value0, 1);

	client_post(s, OGPU_BAR_DOORBELL, 6 * PAGE + OGPU_DOORBELL_RING, &wptr, 4);
	__atomic_store_n((uint64_t *)(s->vram + WATCHED), 1, __ATOMIC_SEQ_CST);
	run_program(s, next, sizeof(next));
	while (!reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT))
		;
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT), OGPU_MC_NO_DOORBELL);
	munmap(ram, 2 * PAGE);
	close(fd);
	close(signal_irq);
	close(event_irq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fatal_access, setup, teardown),
		cmocka_unit_test_setup_teardown(test_registers_push, setup, teardown),
		cmocka_unit_test_setup_teardown(test_doorbells_push, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle_keeps_vram, setup, teardown),
		cmocka_unit_test_setup_teardown(test_atomics_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resets_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead_core, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu-core", tests, NULL, NULL);
}
