// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Structure and signature of firmware images: every truncation, every altered byte, every header
 * and component member with values that it must not have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "image.h"
#include "sample.h"
#include "util.h"
#include "verify.h"

struct fixture {
	struct signing_key key;
	uint8_t *image;
	size_t size;
	struct keyring ring;
};

static int setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));

	sample_image(&fix->key, &fix->image, &fix->size);
	fix->ring.keys = calloc(1, sizeof(*fix->ring.keys));
	fix->ring.count = 1;
	memcpy(fix->ring.keys[0].bytes, fix->key.public, KEY_SIZE);
	key_id(fix->key.public, fix->ring.keys[0].id);
	*state = fix;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fix = *state;

	keyring_free(&fix->ring);
	free(fix->image);
	free(fix);
	return 0;
}

/* A copy of exactly @size bytes, so that the sanitizer sees every read beyond them. */
static uint8_t *copy(const uint8_t *image, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1);

	memcpy(bytes, image, size);
	return bytes;
}

/* The exit code that the loader would end with. */
static enum fw_exit judge(const struct fixture *fix, const uint8_t *bytes, size_t size)
{
	struct fw_error err = { .code = FW_EXIT_OK };
	const struct public_key *key;
	struct fw_image image;

	if (image_parse(&image, "image", copy(bytes, size), size, &err))
		return err.code;
	verify_signature(&image, &fix->ring, &key, &err);
	image_close(&image);
	return err.code;
}

static void test_valid(void **state)
{
	struct fixture *fix = *state;
	struct fw_error err;
	struct fw_image image;

	assert_int_equal(ogpu_fw_image_check(fix->image, fix->size), OGPU_FW_OK);
	assert_int_equal(judge(fix, fix->image, fix->size), FW_EXIT_OK);

	assert_int_equal(image_parse(&image, "x", copy(fix->image, fix->size), fix->size, &err), 0);
	assert_string_equal(image.version_text, "1.2.3");
	assert_string_equal(image.build_id, "0123456789abcdef0123456789abcdef01234567");
	assert_string_equal(image.name, "sample");
	assert_int_equal(image.svn, 5);
	assert_int_equal(image.component_count, 3);
	assert_int_equal(image.components[0].type, OGPU_FW_COMP_CODE);
	assert_int_equal(image.components[0].size, SAMPLE_CODE_SIZE);
	assert_int_equal(image.components[1].load_addr, SAMPLE_DATA_ADDR);
	assert_int_equal(image.components[2].mem_size, 0);
	image_close(&image);
}

static void test_misaligned_buffer(void **state)
{
	struct fixture *fix = *state;
	uint8_t *bytes = malloc(fix->size + 1);

	memcpy(bytes + 1, fix->image, fix->size);
	assert_int_equal(ogpu_fw_image_check(bytes + 1, fix->size), OGPU_FW_OK);
	free(bytes);
}

static void test_reproducible(void **state)
{
	struct fixture *fix = *state;
	struct signing_key key;
	uint8_t *image;
	size_t size;

	sample_image(&key, &image, &size);
	assert_int_equal(size, fix->size);
	assert_memory_equal(image, fix->image, size);
	free(image);
}

static void test_truncated(void **state)
{
	struct fixture *fix = *state;
	size_t size;

	for (size = 0; size < fix->size; size++) {
		uint8_t *bytes = copy(fix->image, size);

		assert_int_equal(ogpu_fw_image_check(bytes, size), OGPU_FW_ERR_TRUNCATED);
		assert_int_equal(judge(fix, bytes, size), FW_EXIT_INVALID);
		free(bytes);
	}
}

static void test_appended(void **state)
{
	struct fixture *fix = *state;
	uint8_t *bytes = calloc(1, fix->size + 8);

	memcpy(bytes, fix->image, fix->size);
	assert_int_equal(ogpu_fw_image_check(bytes, fix->size + 1), OGPU_FW_ERR_SIZE);
	assert_int_equal(ogpu_fw_image_check(bytes, fix->size + 8), OGPU_FW_ERR_SIZE);
	free(bytes);
}

static void test_every_bit(void **state)
{
	struct fixture *fix = *state;
	size_t bit;

	for (bit = 0; bit < 8 * fix->size; bit++) {
		uint8_t *bytes = copy(fix->image, fix->size);
		enum fw_exit code;

		bytes[bit / 8] ^= 1 << bit % 8;
		code = judge(fix, bytes, fix->size);
		assert_true(code == FW_EXIT_INVALID || code == FW_EXIT_SIGNATURE);
		free(bytes);
	}
}

static void test_other_key(void **state)
{
	struct fixture *fix = *state;
	uint8_t *bytes = copy(fix->image, fix->size);
	struct signing_key other;

	key_generate(&other);
	image_sign(bytes, fix->size, &other);
	assert_int_equal(ogpu_fw_image_check(bytes, fix->size), OGPU_FW_OK);
	assert_int_equal(judge(fix, bytes, fix->size), FW_EXIT_SIGNATURE);

	/* The right identity does not help. */
	key_id(fix->key.public, bytes + offsetof(struct ogpu_fw_header, key_id));
	assert_int_equal(judge(fix, bytes, fix->size), FW_EXIT_SIGNATURE);
	free(bytes);
}

struct edit {
	const char *what;
	size_t offset;
	unsigned int size;
	uint64_t value;
	enum ogpu_fw_check expected;
};

/* A member of the header and its bytes; members of components have four. */
#define HDR(member, bytes, value, expected) \
	{ #member " = " #value, offsetof(struct ogpu_fw_header, member), bytes, value, \
	  OGPU_FW_##expected }
#define COMP(index, member, value, expected) \
	{ #index "." #member " = " #value, \
	  sizeof(struct ogpu_fw_header) + (index) * sizeof(struct ogpu_fw_component) + \
	  offsetof(struct ogpu_fw_component, member), 4, value, OGPU_FW_##expected }

static const struct edit edits[] = {
	HDR(magic, 4, 0, ERR_MAGIC),
	HDR(magic, 4, 0x4746474f, ERR_MAGIC),
	HDR(format_major, 2, 0, ERR_FORMAT),
	HDR(format_major, 2, 1, ERR_FORMAT),
	HDR(format_major, 2, 3, ERR_FORMAT),
	HDR(format_minor, 2, 7, OK),
	HDR(header_size, 4, 0, ERR_HEADER),
	HDR(header_size, 4, 176, ERR_HEADER),
	HDR(header_size, 4, 185, ERR_HEADER),
	HDR(header_size, 4, 192, ERR_TABLE),
	HDR(header_size, 4, 0xfffffff8, ERR_TABLE),
	HDR(image_size, 4, 0, ERR_SIZE),
	HDR(image_size, 4, 1 << 10, ERR_TRUNCATED),
	HDR(image_size, 4, 1 << 20, ERR_TRUNCATED),
	HDR(image_size, 4, (1 << 20) + 1, ERR_SIZE),
	HDR(image_size, 4, 0xffffffff, ERR_SIZE),
	HDR(version[0], 2, 65535, OK),
	HDR(version[3], 2, 1, ERR_HEADER),
	HDR(svn, 4, 0xffffffff, OK),
	HDR(flags, 4, 1, ERR_HEADER),
	HDR(flags, 4, 0x80000000, ERR_HEADER),
	HDR(vendor, 2, 1, OK),
	HDR(device, 2, 1, OK),
	HDR(board_id, 4, 1, OK),
	HDR(hw_rev_min, 2, 3, OK),
	HDR(hw_rev_min, 2, 4, ERR_HEADER),
	HDR(hw_rev_max, 2, 0, ERR_HEADER),
	HDR(driver_abi_min, 4, 2, ERR_HEADER),
	HDR(driver_abi_max, 4, 0, ERR_HEADER),
	HDR(fw_abi_min, 4, 4, ERR_HEADER),
	HDR(fw_abi_min, 4, 0, OK),
	HDR(fw_abi_max, 4, 1, ERR_HEADER),
	HDR(entry, 4, 0, ERR_COMPONENT),
	HDR(entry, 4, SAMPLE_CODE_ADDR + 1, ERR_COMPONENT),
	HDR(entry, 4, SAMPLE_CODE_ADDR + 2, OK),
	HDR(entry, 4, SAMPLE_CODE_ADDR + SAMPLE_CODE_SIZE - 2, OK),
	HDR(entry, 4, SAMPLE_CODE_ADDR + SAMPLE_CODE_SIZE, ERR_COMPONENT),
	HDR(entry, 4, SAMPLE_CODE_ADDR - 2, ERR_COMPONENT),
	HDR(entry, 4, SAMPLE_DATA_ADDR, ERR_COMPONENT),
	HDR(component_count, 4, 0, ERR_TABLE),
	HDR(component_count, 4, 2, ERR_TABLE),
	HDR(component_count, 4, 4, ERR_TABLE),
	HDR(component_count, 4, 16, ERR_TABLE),
	HDR(component_count, 4, 17, ERR_TABLE),
	HDR(component_count, 4, 0x08000000, ERR_TABLE),
	HDR(component_count, 4, 0xffffffff, ERR_TABLE),
	HDR(component_size, 4, 0, ERR_TABLE),
	HDR(component_size, 4, 24, ERR_TABLE),
	HDR(component_size, 4, 32, ERR_TABLE),
	HDR(component_size, 4, 72, ERR_TABLE),
	HDR(component_size, 4, 0xffffffe0, ERR_TABLE),
	HDR(signature_offset, 4, 0, ERR_TABLE),
	HDR(signature_offset, 4, 384, ERR_TABLE),
	HDR(signature_offset, 4, 0xffffffff, ERR_TABLE),
	HDR(key_id[0], 1, 0, OK),
	HDR(build_id[0], 1, '\n', ERR_HEADER),
	HDR(build_id[0], 1, 0x1b, ERR_HEADER),
	HDR(build_id[0], 1, 0, ERR_HEADER),
	HDR(build_id[39], 1, 0, OK),
	HDR(name[0], 1, 0x80, ERR_HEADER),
	HDR(name[31], 1, 'x', ERR_HEADER),
	HDR(rsvd0, 4, 1, ERR_HEADER),
	HDR(rsvd1[0], 1, 1, ERR_HEADER),
	HDR(rsvd1[23], 1, 1, ERR_HEADER),

	COMP(0, type, OGPU_FW_COMP_DATA, ERR_COMPONENT),	/* no code at the entry */
	COMP(0, type, OGPU_FW_COMP_INFO, ERR_COMPONENT),
	COMP(1, type, 0, ERR_COMPONENT),
	COMP(1, type, 4, ERR_COMPONENT),
	COMP(1, type, 0x7fffffff, ERR_COMPONENT),
	COMP(1, type, OGPU_FW_COMP_OPTIONAL | 4, OK),
	COMP(0, type, OGPU_FW_COMP_OPTIONAL | 1, ERR_COMPONENT),
	COMP(0, offset, 0, ERR_COMPONENT),
	COMP(0, offset, 184, ERR_COMPONENT),	/* the table */
	COMP(0, offset, 448, ERR_COMPONENT),	/* bytes that nobody would check */
	COMP(0, offset, 0xfffffff8, ERR_COMPONENT),
	COMP(1, offset, 440, ERR_COMPONENT),	/* the code */
	COMP(1, offset, 481, ERR_COMPONENT),
	COMP(2, offset, 488, ERR_COMPONENT),
	COMP(0, size, 0, ERR_COMPONENT),	/* no bytes at the entry */
	COMP(0, size, 41, ERR_COMPONENT),
	COMP(0, size, 0xffffffff, ERR_COMPONENT),
	COMP(1, size, 0, ERR_COMPONENT),	/* the next one follows too late */
	COMP(1, size, 24, OK),			/* all of its padding */
	COMP(1, size, 65, ERR_COMPONENT),	/* more than mem_size */
	COMP(2, size, 8, ERR_COMPONENT),	/* bytes at the end that nobody would check */
	COMP(2, size, 17, ERR_COMPONENT),	/* beyond the end */
	COMP(0, load_addr, SAMPLE_DATA_ADDR, ERR_COMPONENT),
	COMP(1, load_addr, SAMPLE_CODE_ADDR + 0xff, ERR_COMPONENT),
	COMP(1, load_addr, SAMPLE_CODE_ADDR - 63, ERR_COMPONENT),
	COMP(1, load_addr, SAMPLE_CODE_ADDR - 64, OK),
	COMP(1, load_addr, 0xffffffc0, OK),
	COMP(1, load_addr, 0xffffffc1, ERR_COMPONENT),
	COMP(2, load_addr, 8, ERR_COMPONENT),
	COMP(0, mem_size, 35, ERR_COMPONENT),
	COMP(0, mem_size, 0x101, ERR_COMPONENT),
	COMP(1, mem_size, 0, ERR_COMPONENT),
	COMP(1, mem_size, 0xffffffff, ERR_COMPONENT),
	COMP(2, mem_size, 8, ERR_COMPONENT),
	COMP(0, sha256[0], 0, OK),		/* not a matter of structure */
	COMP(0, rsvd[0], 1, ERR_COMPONENT),
	COMP(1, rsvd[2], 1, ERR_COMPONENT),
};

/* A component without bytes of its own: all of it is zero in memory. */
static void test_empty_component(void **state)
{
	struct fixture *fix = *state;
	struct ogpu_fw_header hdr;
	struct ogpu_fw_component comp[3];
	uint8_t *bytes = copy(fix->image, fix->size), *less;
	uint32_t gone, next;
	size_t size;

	memcpy(&hdr, bytes, sizeof(hdr));
	memcpy(comp, bytes + sizeof(hdr), sizeof(comp));
	next = comp[2].offset;
	gone = next - comp[1].offset;
	comp[1].size = 0;
	crypto_hash_sha256(comp[1].sha256, NULL, 0);
	comp[2].offset = comp[1].offset;
	size = fix->size - gone;
	hdr.image_size = size;
	memmove(bytes + comp[2].offset, bytes + next, fix->size - next);
	memcpy(bytes, &hdr, sizeof(hdr));
	memcpy(bytes + sizeof(hdr), comp, sizeof(comp));
	less = copy(bytes, size);
	image_sign(less, size, &fix->key);
	assert_int_equal(ogpu_fw_image_check(less, size), OGPU_FW_OK);
	assert_int_equal(judge(fix, less, size), FW_EXIT_OK);
	free(less);
	free(bytes);
}

/* Even with a good signature each of these is refused, or accepted where that is right. */
static void test_members(void **state)
{
	struct fixture *fix = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(edits); i++) {
		const struct edit *edit = &edits[i];
		uint8_t *bytes = copy(fix->image, fix->size);
		enum ogpu_fw_check check;

		memcpy(bytes + edit->offset, &edit->value, edit->size);
		image_sign(bytes, fix->size, &fix->key);
		/* Signing fixed the key identity; the edit may be of just that. */
		memcpy(bytes + edit->offset, &edit->value, edit->size);
		check = ogpu_fw_image_check(bytes, fix->size);
		if (check != edit->expected)
			fail_msg("%s: %s, expected: %s", edit->what, ogpu_fw_check_text(check),
				 ogpu_fw_check_text(edit->expected));
		free(bytes);
	}
}

/* A component with other bytes, another hash, or something behind it. */
static void test_components(void **state)
{
	struct fixture *fix = *state;
	uint8_t *bytes = copy(fix->image, fix->size);
	struct ogpu_fw_component comp;

	memcpy(&comp, bytes + sizeof(struct ogpu_fw_header) + sizeof(comp), sizeof(comp));
	bytes[comp.offset + comp.size - 1] ^= 1;
	assert_int_equal(judge(fix, bytes, fix->size), FW_EXIT_SIGNATURE);
	bytes[comp.offset + comp.size - 1] ^= 1;
	assert_int_equal(judge(fix, bytes, fix->size), FW_EXIT_OK);

	bytes[comp.offset + comp.size] = 1;
	assert_int_equal(ogpu_fw_image_check(bytes, fix->size), OGPU_FW_ERR_COMPONENT);
	bytes[comp.offset + comp.size] = 0;

	bytes[sizeof(struct ogpu_fw_header) + offsetof(struct ogpu_fw_component, sha256)] ^= 1;
	image_sign(bytes, fix->size, &fix->key);
	assert_int_equal(judge(fix, bytes, fix->size), FW_EXIT_SIGNATURE);
	free(bytes);
}

/* A boot ROM has only the manifest: the same verdict from no more than that. */
static void test_manifest(void **state)
{
	struct fixture *fix = *state;
	struct ogpu_fw_header hdr;
	uint8_t *bytes;
	size_t size;

	memcpy(&hdr, fix->image, sizeof(hdr));
	size = hdr.signature_offset + OGPU_FW_SIGNATURE_SIZE;
	bytes = copy(fix->image, size);
	assert_int_equal(ogpu_fw_manifest_check(bytes, size, fix->size), OGPU_FW_OK);
	assert_int_equal(ogpu_fw_manifest_check(bytes, size, fix->size - 1),
			 OGPU_FW_ERR_TRUNCATED);
	assert_int_equal(ogpu_fw_manifest_check(bytes, size, fix->size + 1), OGPU_FW_ERR_SIZE);
	free(bytes);
}

static struct card good_card(void)
{
	return (struct card){
		.address = "0000:01:00.0",
		.vendor = 0x1234,
		.device = 0x0601,
		.known = true,
		.board_id = 0x4f470001,
		.hw_rev = 1,
		.min_svn = 5,
		.driver_abi = 1,
		.fw_abi = { 1, 9 },
	};
}

static void test_card(void **state)
{
	struct fixture *fix = *state;
	struct card card = good_card();
	struct fw_image image;
	struct fw_error err;

	assert_int_equal(image_parse(&image, "x", copy(fix->image, fix->size), fix->size, &err), 0);
	assert_int_equal(verify_card(&image, &card, &err), 0);

#define REFUSED(member, value, exit_code) do { \
	card = good_card(); \
	card.member = value; \
	assert_int_equal(verify_card(&image, &card, &err), -1); \
	assert_int_equal(err.code, exit_code); \
} while (0)

	REFUSED(vendor, 0x1235, FW_EXIT_INCOMPATIBLE);
	REFUSED(device, 0x0602, FW_EXIT_INCOMPATIBLE);
	REFUSED(board_id, 0x4f470002, FW_EXIT_INCOMPATIBLE);
	REFUSED(hw_rev, 0, FW_EXIT_INCOMPATIBLE);
	REFUSED(hw_rev, 4, FW_EXIT_INCOMPATIBLE);
	REFUSED(driver_abi, 0, FW_EXIT_INCOMPATIBLE);
	REFUSED(driver_abi, 2, FW_EXIT_INCOMPATIBLE);
	REFUSED(fw_abi[1], 1, FW_EXIT_INCOMPATIBLE);
	REFUSED(fw_abi[0], 4, FW_EXIT_INCOMPATIBLE);
	REFUSED(min_svn, 6, FW_EXIT_ROLLBACK);
	REFUSED(known, false, FW_EXIT_IO);
	image_close(&image);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_valid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_misaligned_buffer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reproducible, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_appended, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_bit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_component, setup, teardown),
		cmocka_unit_test_setup_teardown(test_members, setup, teardown),
		cmocka_unit_test_setup_teardown(test_components, setup, teardown),
		cmocka_unit_test_setup_teardown(test_manifest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_card, setup, teardown),
	};

	keys_init();
	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
