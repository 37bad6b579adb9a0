// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The trace: what the host and the management core do with registers is in it, line by line, and so
 * are packets and interrupts.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "abi/packet.h"
#include "boot_image.h"

#define RING		0x200000u	/* in VRAM, as the program below says */
#define RING_RPTR	0x201000u
#define RING_WPTR	0x201008u
#define DOORBELL	5u

struct traced {
	struct server server;
	char path[64];
	FILE *file;
};

static int setup(void **state)
{
	static struct traced t;
	const char *const options[] = { OPTIONS_FOR_IMAGE, "--trace", t.path, NULL };
	int fd;

	snprintf(t.path, sizeof(t.path), "/tmp/ogpu-vgpu-trace.XXXXXX");
	fd = mkstemp(t.path);
	assert_return_code(fd, errno);
	t.file = fdopen(fd, "r");
	assert_non_null(t.file);
	image_server(&t.server, options);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	struct traced *t = *state;

	fclose(t->file);
	return unlink(t->path);
}

/*
 * The lines of a kind, without kind and time, are these and no others. The server has ended: all
 * that it did is in the file.
 */
static void assert_lines(struct traced *t, const char *kind, const char *const *expected,
			 unsigned int count)
{
	unsigned int found = 0, seconds, nanoseconds;
	char line[256], name[16];
	int words, text;

	rewind(t->file);
	while (fgets(line, sizeof(line), t->file)) {
		words = sscanf(line, " %u.%9u %15s %n", &seconds, &nanoseconds, name, &text);
		assert_int_equal(words, 3);
		if (strcmp(name, kind))
			continue;
		line[strcspn(line, "\n")] = '\0';
		assert_in_range(found, 0, count - 1);
		assert_string_equal(line + text, expected[found++]);
	}
	assert_int_equal(found, count);
}

static bool has_line(struct traced *t, const char *end)
{
	char line[256];

	rewind(t->file);
	while (fgets(line, sizeof(line), t->file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strlen(line) >= strlen(end) && !strcmp(line + strlen(line) - strlen(end), end))
			return true;
	}
	return false;
}

static void ring(struct server *s, uint32_t page, uint32_t offset, uint64_t value, uint32_t bytes)
{
	assert_int_equal(client_write(s, OGPU_BAR_DOORBELL, page * VGPU_DOORBELL_STRIDE + offset,
				      &value, bytes), 0);
}

/* Write pointers in one piece and in two, whose halves belong to their page; and neither. */
static void doorbell_pointers(struct server *s)
{
	ring(s, DOORBELL, OGPU_DOORBELL_WPTR, 0x123456789abcdef0ull, 8);
	ring(s, DOORBELL, OGPU_DOORBELL_WPTR, 0x55, 4);
	ring(s, DOORBELL - 1, OGPU_DOORBELL_WPTR, 0x66, 4);
	ring(s, DOORBELL, OGPU_DOORBELL_WPTR + 4, 0x77, 4);
	ring(s, DOORBELL - 1, OGPU_DOORBELL_WPTR + 4, 0x88, 4);
	ring(s, DOORBELL, OGPU_DOORBELL_WPTR + 4, 0x99, 4);
	ring(s, DOORBELL, OGPU_DOORBELL_WPTR, 0, 2);
	ring(s, DOORBELL, 16, 0, 4);
	ring(s, DOORBELL, OGPU_DOORBELL_RING, 0, 8);
	ring(s, DOORBELL, OGPU_DOORBELL_WPTR + 4, 0, 8);
}

static void test_host(void **state)
{
	static const char * const lines[] = {
		"read  0x00000 = 0x5550474f",
		"read  0x10000 = 0x5444474f",
		"write 0x00020 = 0x1234",
		"read  0x00020 = 0x1234",
		"read  0x00024 = 0",
		"read  0x00020 = 0x1234",
		"write 0x00020 bytes 2: ignored",
		"read  0x7f000 = 0",
		"doorbell 5",
		"write doorbells 0x5004 bytes 4: ignored",
		"doorbell 5 pointer 0x123456789abcdef0",
		"doorbell 5 pointer 0x7700000055",
		"doorbell 4 pointer 0x8800000066",
		"doorbell 5 pointer 0x9900000055",
		"write doorbells 0x5008 bytes 2: ignored",
		"write doorbells 0x5010 bytes 4: ignored",
		"write doorbells 0x5000 bytes 8: ignored",
		"write doorbells 0x500c bytes 8: ignored",
		"read  doorbells 0x5000 bytes 4",
		"read  config 0x000 bytes 2 = 0x1234",
		"read  config 0x000 bytes 4 = 0x6011234",
		"read  config 0x004 bytes 2 = 0",
		"write config 0x004 bytes 2 = 0x4",
		"write 0x00020 = 0x5678",
	};
	struct traced *t = *state;
	struct server *s = &t->server;
	uint8_t config[6];
	uint32_t word = 1;
	uint64_t wide;

	reg_read(s, OGPU_GLB_MAGIC);
	reg_read(s, BLOCK_DISCOVERY);
	reg_write(s, OGPU_GLB_SCRATCH, 0x1234);
	assert_int_equal(client_read(s, OGPU_BAR_REGS, OGPU_GLB_SCRATCH, &wide, 8), 0);
	assert_int_equal(client_read(s, OGPU_BAR_REGS, OGPU_GLB_SCRATCH, &word, 1), 0);
	assert_int_equal(client_write(s, OGPU_BAR_REGS, OGPU_GLB_SCRATCH, &word, 2), 0);
	reg_read(s, 0x7f000);
	assert_int_equal(client_write(s, OGPU_BAR_DOORBELL, DOORBELL * VGPU_DOORBELL_STRIDE, &word,
				      4), 0);
	assert_int_equal(client_write(s, OGPU_BAR_DOORBELL, DOORBELL * VGPU_DOORBELL_STRIDE + 4,
				      &word, 4), 0);
	doorbell_pointers(s);
	assert_int_equal(client_read(s, OGPU_BAR_DOORBELL, DOORBELL * VGPU_DOORBELL_STRIDE, &word,
				     4), 0);
	config_read(s, PCI_VENDOR_ID, 2);
	assert_int_equal(client_read(s, REGION_CONFIG, PCI_VENDOR_ID, config, sizeof(config)), 0);
	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);

	assert_true(control_ok(s, "{\"cmd\":\"set\",\"trace\":false}"));
	reg_read(s, OGPU_GLB_MAGIC);
	assert_true(control_ok(s, "{\"cmd\":\"set\",\"trace\":true}"));
	reg_write(s, OGPU_GLB_SCRATCH, 0x5678);

	assert_int_equal(server_stop(s), 0);
	assert_lines(t, "reg", lines, ARRAY_SIZE(lines));
	assert_true(has_line(t, " irq    core: doorbell 5"));
}

/* A program uses the core's registers, has slot 0 execute a packet, and dies of a bus error. */
static void test_core(void **state)
{
	static const uint32_t code[] = {
		0x400002b7,	/* lui t0, peripherals */
		0x0382a303,	/* lw t1, SLOTS(t0) */
		0x00100313,	/* li t1, vector of events */
		0x0062a623,	/* sw t1, HOST_IRQ(t0) */
		0x400013b7,	/* lui t2, slot 0 */
		0x00200337,	/* lui t1, ring */
		0x0063a823,	/* sw t1, RING_LO(t2) */
		0x00001337,	/* lui t1, 4096 */
		0x0063ac23,	/* sw t1, RING_SIZE(t2) */
		0x00201337,	/* lui t1, read pointer */
		0x0263a023,	/* sw t1, RPTR_LO(t2) */
		0x00830313,	/* addi t1, t1, 8 */
		0x0263a423,	/* sw t1, WPTR_LO(t2) */
		0x00100313,	/* li t1, START */
		0x0063ae23,	/* sw t1, CTRL(t2) */
		0x02628023,	/* sb t1, HEARTBEAT(t0) */
	};
	static const char * const lines[] = {
		"core starts at 0x10000000, svn 5",
		"read  0x0038 = 0x20006",
		"write 0x000c = 0x1",
		"write 0x1010 = 0x200000",
		"write 0x1018 = 0x1000",
		"write 0x1020 = 0x201000",
		"write 0x1028 = 0x201008",
		"write 0x101c = 0x1",
		"write of 1 bytes at 0x40000020: bus error",
		"core stopped: fatal 1 detail 0x7 pc 0x1000003c",
	};
	static const char * const packets[] = {
		"slot 0 queue 0 ring 0x0 opcode 0 flags 0x0 bytes 8",
	};
	struct traced *t = *state;
	struct server *s = &t->server;
	int irq = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct boot_image image;

	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	assert_int_equal(set_irq_fd(s, OGPU_VECTOR_EVENT, irq), 0);
	*(uint32_t *)(s->vram + RING) = FIELD_PREP(OGPU_PKT_OPCODE, OGPU_OP_NOP) |
					FIELD_PREP(OGPU_PKT_WORDS, 2);
	*(uint64_t *)(s->vram + RING_WPTR) = 8;
	image_make_program(s, &image, code, sizeof(code));
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_OK);
	while (!(reg_read(s, OGPU_GLB_STATUS) & OGPU_GLB_STATUS_MC_FATAL))
		;
	while (__atomic_load_n((uint64_t *)(s->vram + RING_RPTR), __ATOMIC_ACQUIRE) != 8)
		;

	assert_int_equal(server_stop(s), 0);
	assert_lines(t, "mc", lines, ARRAY_SIZE(lines));
	assert_lines(t, "packet", packets, ARRAY_SIZE(packets));
	assert_true(has_line(t, " irq    vector 1: raised"));
	close(irq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_host, setup, teardown),
		cmocka_unit_test_setup_teardown(test_core, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu-trace", tests, NULL, NULL);
}
