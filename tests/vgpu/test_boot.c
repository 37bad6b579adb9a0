// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The boot ROM: it starts a good image and refuses every other for the right reason.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/mc.h"
#include "abi/packet.h"
#include "boot_image.h"

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

static bool mc_is_running(struct server *s)
{
	return reg_read(s, OGPU_GLB_STATUS) & OGPU_GLB_STATUS_MC_RUNNING;
}

static void reset_mc(struct server *s)
{
	reg_write(s, OGPU_GLB_RESET, OGPU_GLB_RESET_MC);
	while (reg_read(s, OGPU_GLB_RESET))
		;
}

static void test_good(void **state)
{
	struct server *s = *state;
	struct boot_image image;

	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS), 0);
	image_make(s, &image);
	image_sign(s, &image);
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_OK);
	assert_true(mc_is_running(s));
	/* A second one has to wait for a reset; the first goes on. */
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_ERR_BUSY);
	assert_true(mc_is_running(s));
	reset_mc(s);
	assert_false(mc_is_running(s));
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS), 0);
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_OK);
}

static void test_key_registers(void **state)
{
	struct server *s = *state;
	uint8_t hash[crypto_hash_sha256_BYTES];
	uint32_t key[2];

	crypto_hash_sha256(hash, s->public_key, sizeof(s->public_key));
	memcpy(key, hash, sizeof(key));
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_KEY(0)), key[0]);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_KEY(0) + 4), key[1]);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_KEY(1)), 0);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_KEYS), 1);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_SVN), 5);
}

static void test_address(void **state)
{
	static const uint64_t bad[] = {
		IMAGE_ADDR + 8,			/* misaligned */
		16 << 20,			/* right behind VRAM */
		(16 << 20) - 4096 + 4096 * 2,
		0x100000000ull,
		-4096ull,
	};
	struct server *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		image_start(s, bad[i], 4096);
		assert_int_equal(image_verdict(s), OGPU_BOOT_ERR_ADDRESS);
	}
	image_start(s, (16 << 20) - 4096, 4097);
	assert_int_equal(image_verdict(s), OGPU_BOOT_ERR_ADDRESS);
	image_start(s, 0, 0xffffffff);
	assert_int_equal(image_verdict(s), OGPU_BOOT_ERR_ADDRESS);
	assert_false(mc_is_running(s));
}

static void test_truncated(void **state)
{
	struct server *s = *state;
	struct boot_image image;

	image_make(s, &image);
	image_sign(s, &image);
	memcpy(s->vram + IMAGE_ADDR, &image, sizeof(image));
	for (uint32_t size = 0; size < sizeof(image); size++) {
		image_start(s, IMAGE_ADDR, size);
		assert_int_equal(image_verdict(s), OGPU_BOOT_ERR_FORMAT);
	}
	image_start(s, IMAGE_ADDR, OGPU_FW_MAX_SIZE + 8);
	assert_int_equal(image_verdict(s), OGPU_BOOT_ERR_FORMAT);
}

/* A flipped bit anywhere: never accepted. */
static void test_altered(void **state)
{
	struct server *s = *state;
	struct boot_image image;
	uint8_t *bytes = (uint8_t *)&image;

	image_make(s, &image);
	image_sign(s, &image);
	for (size_t i = 0; i < sizeof(image); i++) {
		bytes[i] ^= 1 << (i % 8);
		assert_int_not_equal(image_boot(s, &image), OGPU_BOOT_OK);
		bytes[i] ^= 1 << (i % 8);
	}
	image.header.svn ^= 8;
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_ERR_SIGNATURE);
	image.header.svn ^= 8;
	assert_false(mc_is_running(s));
}

/* Components are held to their hashes, first byte and last, and the bytes between them to zero. */
static void test_hash(void **state)
{
	const unsigned int words = ARRAY_SIZE(((struct boot_image *)0)->code);
	const unsigned int at[] = { 0, 255, 256, 257, words - 1, words };
	struct server *s = *state;
	struct boot_image image;

	image_make(s, &image);
	image_sign(s, &image);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		uint32_t *word = (uint32_t *)((uint8_t *)&image +
					      offsetof(struct boot_image, code)) + at[i];

		*word ^= 0x80;
		assert_int_equal(image_boot(s, &image), OGPU_BOOT_ERR_HASH);
		assert_false(mc_is_running(s));
		*word ^= 0x80;
	}
	image.comp.sha256[31] ^= 1;
	crypto_sign_ed25519_detached(image.signature, NULL, (uint8_t *)&image,
				     offsetof(struct boot_image, signature), s->secret_key);
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_ERR_HASH);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_HASH(0)), 0);
}

/* What runs can be told from outside: it is what was signed. */
static void test_measured(void **state)
{
	struct server *s = *state;
	struct boot_image image;
	uint32_t hash[8], key[2];

	image_make(s, &image);
	image_sign(s, &image);
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_OK);
	crypto_hash_sha256((uint8_t *)hash, (uint8_t *)&image,
			   offsetof(struct boot_image, signature));
	memcpy(key, image.header.key_id, sizeof(key));
	/* A START that is refused because it runs changes nothing. */
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_ERR_BUSY);
	for (unsigned int i = 0; i < ARRAY_SIZE(hash); i++)
		assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_HASH(i)), hash[i]);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_IMAGE_KEY0), key[0]);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_IMAGE_KEY1), key[1]);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_IMAGE_SVN), 5);
	reset_mc(s);
	for (unsigned int i = 0; i < ARRAY_SIZE(hash); i++)
		assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_HASH(i)), 0);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_IMAGE_KEY0), 0);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_IMAGE_SVN), 0);
}

static void test_other_key(void **state)
{
	uint8_t public_key[ROOT_KEY_SIZE], mine[SECRET_KEY_SIZE];
	struct server *s = *state;
	struct boot_image image;

	image_make(s, &image);
	memcpy(mine, s->secret_key, sizeof(mine));
	crypto_sign_keypair(public_key, s->secret_key);
	/* Claims the fused key. */
	image_sign(s, &image);
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_ERR_SIGNATURE);
	/* Admits to another. */
	image.header.key_id[0] ^= 1;
	image_sign(s, &image);
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_ERR_KEY);
	memcpy(s->secret_key, mine, sizeof(mine));
}

static enum ogpu_boot_error boot_signed(struct server *s, struct boot_image *image)
{
	image_sign(s, image);
	return image_boot(s, image);
}

static bool add_key(struct server *s, const uint8_t key[ROOT_KEY_SIZE])
{
	char hex[2 * ROOT_KEY_SIZE + 1], line[128];

	sodium_bin2hex(hex, sizeof(hex), key, ROOT_KEY_SIZE);
	snprintf(line, sizeof(line), "{\"cmd\":\"set\",\"fuse_key\":\"%s\"}", hex);
	return control_ok(s, line);
}

/* A second key is as good as the first; a revoked one is refused, also if it was fused twice. */
static void test_key_slots(void **state)
{
	uint8_t first_secret[SECRET_KEY_SIZE], first_public[ROOT_KEY_SIZE];
	struct server *s = *state;
	struct boot_image first, second;

	image_make(s, &first);
	image_sign(s, &first);
	memcpy(first_secret, s->secret_key, sizeof(first_secret));
	memcpy(first_public, s->public_key, sizeof(first_public));
	crypto_sign_keypair(s->public_key, s->secret_key);
	image_make(s, &second);
	image_sign(s, &second);

	assert_int_equal(image_boot(s, &second), OGPU_BOOT_ERR_KEY);
	assert_true(add_key(s, s->public_key));
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_KEYS), 0x3);
	assert_int_equal(image_boot(s, &second), OGPU_BOOT_OK);
	reset_mc(s);
	assert_int_equal(image_boot(s, &first), OGPU_BOOT_OK);
	reset_mc(s);

	assert_true(control_ok(s, "{\"cmd\":\"set\",\"revoked_keys\":1}"));
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_KEYS), 0x13);
	assert_int_equal(image_boot(s, &first), OGPU_BOOT_ERR_REVOKED);
	assert_int_equal(image_boot(s, &second), OGPU_BOOT_OK);
	reset_mc(s);
	assert_true(add_key(s, first_public));
	assert_int_equal(image_boot(s, &first), OGPU_BOOT_ERR_REVOKED);
	assert_true(add_key(s, first_public));
	assert_false(add_key(s, first_public));
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_KEYS), 0x1f);
	assert_false(control_ok(s, "{\"cmd\":\"set\",\"fuse_key\":\"12\"}"));
	assert_false(control_ok(s, "{\"cmd\":\"set\",\"revoked_keys\":16}"));
	memcpy(s->secret_key, first_secret, sizeof(first_secret));
	memcpy(s->public_key, first_public, sizeof(first_public));
}

static void test_board(void **state)
{
	struct server *s = *state;
	struct boot_image image;

	image_make(s, &image);
	image.header.board_id = 8;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_BOARD);
	image_make(s, &image);
	image.header.device++;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_BOARD);
	image_make(s, &image);
	image.header.vendor++;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_BOARD);
	image_make(s, &image);
	image.header.hw_rev_max = 2;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_BOARD);
	image_make(s, &image);
	image.header.hw_rev_min = 4;
	image.header.hw_rev_max = 9;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_BOARD);
}

static void test_svn(void **state)
{
	struct server *s = *state;
	struct boot_image image;

	image_make(s, &image);
	image.header.svn = 4;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_SVN);
	/* Booting a newer one does not burn the fuse. */
	image.header.svn = 6;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_SVN), 5);
	reset_mc(s);
	image.header.svn = 5;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
	reset_mc(s);
	assert_true(control_ok(s, "{\"cmd\":\"set\",\"fuse_svn\":6}"));
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_SVN);
	/* Power-off does not mend a fuse. */
	client_disconnect(s);
	client_connect(s);
	client_negotiate(s);
	client_map_vram(s);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_SVN), 6);
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_SVN);
}

/* Firmware commits to its own security version: not to a later one, and not back. */
static void test_commit_svn(void **state)
{
	static const uint32_t code[] = {
		0x400002b7,		/* lui t0, peripherals */
		0x00700313, 0x0662a823,	/* li t1, 7; sw t1, FUSE_SVN(t0) */
		0x00600313, 0x0662a823,	/* 6 */
		0x00500313, 0x0662a823,	/* 5 */
		0x10500073, 0xffdff06f,	/* wfi; j . - 4 */
	};
	struct server *s = *state;
	struct boot_image image;

	image_make_program(s, &image, code, sizeof(code));
	image.header.svn = 6;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
	/* Once a write after the commit is done, the last one is, too. */
	while (reg_read(s, BLOCK_BOOT + OGPU_BOOT_SVN) == 5)
		;
	reset_mc(s);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_SVN), 6);
	image.header.svn = 5;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_SVN);
	assert_int_equal(client_request(s, CMD_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_SVN);
	image.header.svn = 6;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
}

/* Fuses are kept in the file of state, from one process to the next. */
static void test_state_file(void **state)
{
	char path[] = "/tmp/ogpu-state.XXXXXX";
	const char *const options[] = { OPTIONS_FOR_IMAGE, "--state", path, NULL };
	struct server s;
	int fd = mkstemp(path);

	(void)state;
	assert_return_code(fd, errno);
	close(fd);
	unlink(path);

	for (unsigned int run = 0; run < 2; run++) {
		server_start(&s, options);
		client_connect(&s);
		client_negotiate(&s);
		assert_int_equal(reg_read(&s, BLOCK_BOOT + OGPU_BOOT_SVN), run ? 9 : 5);
		assert_int_equal(reg_read(&s, BLOCK_BOOT + OGPU_BOOT_KEYS), run ? 0x41 : 1);
		assert_true(control_ok(&s, "{\"cmd\":\"set\",\"fuse_svn\":9}"));
		assert_true(control_ok(&s, "{\"cmd\":\"set\",\"revoked_keys\":4}"));
		server_stop(&s);
	}
	unlink(path);
}

static void test_component(void **state)
{
	struct server *s = *state;
	struct boot_image image;

	/* Outside SRAM. */
	image_make(s, &image);
	image.comp.load_addr = 0x20000000;
	image.header.entry = 0x20000000;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_COMPONENT);
	/* More memory than there is. */
	image_make(s, &image);
	image.comp.mem_size = VGPU_MC_SRAM_SIZE + 8;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_ERR_COMPONENT);
	assert_false(mc_is_running(s));
	/* Exactly fits. */
	image.comp.mem_size = VGPU_MC_SRAM_SIZE;
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
}

/* A refused image can be followed by a good one, without a reset. */
static void test_retry(void **state)
{
	struct server *s = *state;
	struct boot_image image;

	image_make(s, &image);
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_ERR_SIGNATURE);
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
}

static void test_crash_and_flr(void **state)
{
	struct server *s = *state;
	struct boot_image image;

	image_make(s, &image);
	memset(image.code, 0, sizeof(image.code));	/* an illegal instruction */
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
	while (!(reg_read(s, OGPU_GLB_STATUS) & OGPU_GLB_STATUS_MC_FATAL))
		;
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_MC_FATAL) & 0xff, OGPU_MC_FATAL_TRAP);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_MC_PC), OGPU_MC_SRAM_BASE);
	assert_int_equal(client_request(s, CMD_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS), 0);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_MC_FATAL), 0);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_ADDR_LO), 0);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_SIZE), 0);
	image_make(s, &image);
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
}

/* What the core died of: an access of a window that memory does not answer, or of a hole. */
static void test_fatal_access(void **state)
{
	static const struct {
		uint32_t code[5];
		enum ogpu_mc_fatal cause;
	} cases[] = {
		/* lui t0, 0x40000; lui t1, 0x40000; sw t1, WINDOW_HI(15)(t0): host memory */
		/* lui t0, 0x8f000; lw t1, 0(t0) */
		{ { 0x400002b7, 0x40000337, 0x1662ae23, 0x8f0002b7, 0x0002a303 },
		  OGPU_MC_FATAL_BUS },
		/* lui t0, 0x90000; lw t1, 0(t0): behind the windows */
		{ { 0x900002b7, 0x0002a303 }, OGPU_MC_FATAL_TRAP },
	};
	struct server *s = *state;
	struct boot_image image;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t fatal;

		image_make(s, &image);
		memcpy(image.code, cases[i].code, sizeof(cases[i].code));
		assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
		while (!(reg_read(s, OGPU_GLB_STATUS) & OGPU_GLB_STATUS_MC_FATAL))
			;
		fatal = reg_read(s, BLOCK_BOOT + OGPU_BOOT_MC_FATAL);
		assert_int_equal(fatal & 0xff, cases[i].cause);
		assert_int_equal(fatal >> 8, 5);	/* mcause: load access fault */
	}
}

#define SLOTS	8	/* of the card as it is started here */

static enum ogpu_slot_state slot_state_of(struct server *s, int index)
{
	cJSON *json = control(s, "{\"cmd\":\"state\"}");
	const cJSON *slots = cJSON_GetObjectItem(json, "slots");
	const cJSON *slot = cJSON_GetArrayItem(slots, index);
	enum ogpu_slot_state state = cJSON_GetNumberValue(cJSON_GetObjectItem(slot, "state"));

	assert_int_equal(cJSON_GetArraySize(slots), SLOTS);
	cJSON_Delete(json);
	return state;
}

static enum ogpu_slot_state slot_state(struct server *s)
{
	return slot_state_of(s, 0);
}

/* A new start after firmware died finds no queue on a slot. */
static void test_start_after_crash(void **state)
{
	/* lui t0, SLOT(0); li t1, START; sw t1, CTRL(t0); and something illegal */
	static const uint32_t code[] = { 0x400012b7, 0x00100313, 0x0062ae23, 0 };
	struct server *s = *state;
	struct boot_image image;

	image_make_program(s, &image, code, sizeof(code));
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
	while (!(reg_read(s, OGPU_GLB_STATUS) & OGPU_GLB_STATUS_MC_FATAL))
		;
	/* Its ring is nowhere. */
	while (slot_state(s) != OGPU_SLOT_FAILED)
		;
	image_make(s, &image);
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
	assert_int_equal(slot_state(s), OGPU_SLOT_EMPTY);
}

/* What is on a slot runs on when firmware dies, and nothing gets on one. */
static void test_dead_core(void **state)
{
	/* VRAM offsets, as the program below has them. */
	enum { RING = 0x200000, RPTR = 0x201000, WPTR = 0x202000, DONE = 0x203000 };
	static const uint32_t code[] = {
		0x400012b7,			/* lui t0, SLOT(0) */
		0x00500313, 0x0062a223,		/* DOORBELL: 5 */
		0x00100313, 0x0062a623,		/* FLAGS: privileged */
		0x00200337, 0x0062a823,		/* RING */
		0x00001337, 0x0062ac23,		/* RING_SIZE: 4096 */
		0x00201337, 0x0262a023,		/* RPTR */
		0x00202337, 0x0262a423,		/* WPTR */
		0x00100313, 0x0062ae23,		/* CTRL: START */
		0,				/* and something illegal */
	};
	const struct ogpu_pkt_fence fence = {
		.header = FIELD_PREP(OGPU_PKT_OPCODE, OGPU_OP_FENCE) |
			  FIELD_PREP(OGPU_PKT_FLAGS, OGPU_FENCE_PHYS) |
			  FIELD_PREP(OGPU_PKT_WORDS, sizeof(fence) / 4),
		.addr = DONE,
		.value = 77,
	};
	struct server *s = *state;
	struct boot_image image;
	uint32_t one = 1;

	image_make_program(s, &image, code, sizeof(code));
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
	while (!(reg_read(s, OGPU_GLB_STATUS) & OGPU_GLB_STATUS_MC_FATAL))
		;
	while (slot_state(s) != OGPU_SLOT_IDLE)
		;
	memcpy(s->vram + RING, &fence, sizeof(fence));
	*(volatile uint64_t *)(s->vram + WPTR) = sizeof(fence);
	/* A queue that is on no slot stays where it is. */
	assert_int_equal(client_write(s, OGPU_BAR_DOORBELL, 6 * 4096, &one, 4), 0);
	assert_int_equal(client_write(s, OGPU_BAR_DOORBELL, 5 * 4096, &one, 4), 0);
	while (*(volatile uint64_t *)(s->vram + DONE) != 77)
		;
	while (slot_state(s) != OGPU_SLOT_IDLE)
		;
	for (int i = 1; i < SLOTS; i++)
		assert_int_equal(slot_state_of(s, i), OGPU_SLOT_EMPTY);
	image_make(s, &image);
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
	assert_int_equal(slot_state(s), OGPU_SLOT_EMPTY);
}

/* Too hot: the card stops, and starts nothing before it is cool. */
static void test_too_hot(void **state)
{
	struct server *s = *state;
	struct boot_image image;

	image_make(s, &image);
	assert_int_equal(boot_signed(s, &image), OGPU_BOOT_OK);
	assert_true(control_ok(s, "{\"cmd\":\"set\",\"temp_mdeg\":110000}"));
	while (!(reg_read(s, OGPU_GLB_STATUS) & OGPU_GLB_STATUS_MC_FATAL))
		;
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_MC_FATAL), OGPU_MC_FATAL_THERMAL);
	assert_false(mc_is_running(s));
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_HASH(0)), 0);
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_ERR_HOT);
	assert_int_equal(client_request(s, CMD_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_ERR_HOT);
	assert_true(control_ok(s, "{\"cmd\":\"set\",\"temp_mdeg\":84000}"));
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_OK);
}

/* START and reset at the same time, many times: the reset always wins in the end. */
static void test_start_and_reset(void **state)
{
	struct server *s = *state;
	struct boot_image image;

	image_make(s, &image);
	image_sign(s, &image);
	memcpy(s->vram + IMAGE_ADDR, &image, sizeof(image));
	for (unsigned int i = 0; i < 100; i++) {
		image_start(s, IMAGE_ADDR, sizeof(image));
		reset_mc(s);
		assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS), 0);
		assert_false(mc_is_running(s));
		image_start(s, IMAGE_ADDR, sizeof(image));
		assert_int_equal(client_request(s, CMD_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
		assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS), 0);
		assert_false(mc_is_running(s));
	}
}

/* What firmware makes of SLOT_RESET, SLOT_IRQ and slot 0 is in the heartbeat. */
static bool heartbeat_becomes(struct server *s, uint32_t value)
{
	for (unsigned int i = 0; i < 200000; i++)
		if (reg_read(s, BLOCK_BOOT + OGPU_BOOT_HEARTBEAT) == value)
			return true;
	return false;
}

/* Slots that were reset under firmware do not start before it has acknowledged that. */
static void test_slot_reset(void **state)
{
	static const uint32_t code[] = {
		0x40000437,	/* lui s0, peripherals */
		0x400014b7,	/* lui s1, slot 0 */
		0x00100e13,	/* li t3, 1 */
		0xfff00f13,	/* li t5, -1 */
		0x05e42223,	/* loop: SLOT_IRQ = t5 */
		0x04842283,	/* t0 = SLOT_RESET */
		0x00042303,	/* t1 = IRQ_PENDING */
		0x00137393,	/* andi t2, t1, the bell */
		0x00038463,	/* beqz t2, 1f */
		0x04742423,	/* SLOT_RESET = 1 */
		0x01c4ae23,	/* 1: CTRL = START */
		0x0304ae83,	/* 2: t4 = STATUS */
		0x0ffefe93,	/* andi t4, t4, 0xff */
		0xffce8ce3,	/* beq t4, RUNNING, 2b */
		0x00829293,	/* slli t0, t0, 8 */
		0x005eeeb3,	/* or t4, t4, t0 */
		0x00437313,	/* andi t1, t1, a slot */
		0x00731313,	/* slli t1, t1, 7 */
		0x006eeeb3,	/* or t4, t4, t1 */
		0x03d42023,	/* HEARTBEAT = t4 */
		0xfc1ff06f,	/* j loop */
	};
	struct server *s = *state;
	struct boot_image image;

	image_make_program(s, &image, code, sizeof(code));
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_OK);
	assert_true(heartbeat_becomes(s, OGPU_SLOT_FAILED));
	for (unsigned int i = 0; i < 2; i++) {
		reg_write(s, OGPU_GLB_RESET, OGPU_GLB_RESET_COMPUTE);
		assert_true(heartbeat_becomes(s, 0x300 | OGPU_SLOT_EMPTY));
	}
	reg_write(s, BLOCK_MBOX + OGPU_MBOX_BELL, 1);
	assert_true(heartbeat_becomes(s, OGPU_SLOT_FAILED));
	/* With the core the slots are reset, too, and there is nobody to acknowledge it. */
	reset_mc(s);
	assert_int_equal(image_boot(s, &image), OGPU_BOOT_OK);
	assert_true(heartbeat_becomes(s, OGPU_SLOT_FAILED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_altered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_measured, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_slots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_board, setup, teardown),
		cmocka_unit_test_setup_teardown(test_svn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commit_svn, setup, teardown),
		cmocka_unit_test(test_state_file),
		cmocka_unit_test_setup_teardown(test_component, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash_and_flr, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fatal_access, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_after_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead_core, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_hot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_and_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slot_reset, setup, teardown),
	};

	return cmocka_run_group_tests_name("vgpu-boot", tests, NULL, NULL);
}
