// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The small parts of loader and signing tool: numbers, key files, ELF parser, decompression.
 */
#include <elf.h>
#include <ftw.h>
#include <lzma.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <cmocka.h>

#include "decompress.h"
#include "elf32.h"
#include "keys.h"
#include "util.h"

static void test_numbers(void **state)
{
	static const char * const bad[] = {
		"", " 1", "-1", "+1", "1 ", "x", "0x", "1x", "4294967296", "99999999999999999999",
	};
	uint32_t value, low, high;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_u32(bad[i], UINT32_MAX, &value));
	assert_true(parse_u32("4294967295", UINT32_MAX, &value));
	assert_int_equal(value, UINT32_MAX);
	assert_true(parse_u32("0x4F470001", UINT32_MAX, &value));
	assert_int_equal(value, 0x4f470001);
	assert_false(parse_u32("0x10000", UINT16_MAX, &value));

	assert_true(parse_range("1-65535", UINT16_MAX, &low, &high));
	assert_int_equal(low, 1);
	assert_int_equal(high, 65535);
	assert_true(parse_range("7", UINT16_MAX, &low, &high));
	assert_int_equal(low, 7);
	assert_int_equal(high, 7);
	assert_false(parse_range("2-1", UINT16_MAX, &low, &high));
	assert_false(parse_range("-1", UINT16_MAX, &low, &high));
	assert_false(parse_range("1-", UINT16_MAX, &low, &high));
	assert_false(parse_range("000000000000000000000000001-2", UINT16_MAX, &low, &high));
}

static void test_versions(void **state)
{
	static const char * const bad[] = {
		"", "1", "1.2", "1.2.", "1.2.3.", "1.2.3.4", "1..3", "1.2.x", "65536.0.0", "-1.0.0",
		"1.2.3 ", "99999999999999999999999.0.0",
	};
	uint16_t version[3];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_version(bad[i], version));
	assert_true(parse_version("0.10.65535", version));
	assert_int_equal(version[0], 0);
	assert_int_equal(version[1], 10);
	assert_int_equal(version[2], 65535);
}

/* A folder of its own for each test. */
static int make_folder(void **state)
{
	char *path = strdup("/tmp/ogpu-test-XXXXXX");

	*state = path;
	return mkdtemp(path) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int remove_folder(void **state)
{
	int ret = nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return ret;
}

static void test_keys(void **state)
{
	char secret[256], public[256], other[256];
	struct signing_key key, again;
	uint8_t read[KEY_SIZE];
	struct fw_error err;
	struct stat st;

	snprintf(secret, sizeof(secret), "%s/key", (char *)*state);
	snprintf(public, sizeof(public), "%s/a.pub", (char *)*state);
	key_generate(&key);
	assert_int_equal(key_write(&key, secret, public, &err), 0);
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	/* Never replaces a private key. */
	assert_int_equal(key_write(&key, secret, public, &err), -1);
	assert_int_equal(key_read_secret(secret, &again, &err), 0);
	assert_memory_equal(again.secret, key.secret, sizeof(key.secret));
	assert_int_equal(key_read_public(public, read, &err), 0);
	assert_memory_equal(read, key.public, KEY_SIZE);

	snprintf(other, sizeof(other), "%s/raw.pub", (char *)*state);
	assert_int_equal(file_write(other, 0644, key.public, KEY_SIZE, &err), 0);
	assert_int_equal(key_read_public(other, read, &err), 0);
	assert_memory_equal(read, key.public, KEY_SIZE);

	/* If the public key cannot be written, no private key is left that nobody can use. */
	unlink(secret);
	assert_int_equal(key_write(&key, secret, public, &err), -1);
	assert_int_equal(access(secret, F_OK), -1);
	assert_int_equal(key_read_public(public, again.public, &err), 0);
	assert_memory_equal(again.public, read, KEY_SIZE);

	/* What others can read is no secret; what others can write is no key. */
	unlink(public);
	assert_int_equal(key_write(&key, secret, public, &err), 0);
	assert_int_equal(chmod(secret, 0640), 0);
	assert_int_equal(key_read_secret(secret, &again, &err), -1);
	assert_int_equal(err.code, FW_EXIT_SIGNATURE);
	assert_int_equal(chmod(public, 0646), 0);
	assert_int_equal(key_read_public(public, read, &err), -1);
	assert_int_equal(err.code, FW_EXIT_SIGNATURE);
}

/* Writes @text, or the key if there is none, into @name of folder @folder. */
static void put_key(const char *folder, const char *name, const struct signing_key *key,
		    const char *text)
{
	char path[256], line[2 * KEY_SIZE + 2];
	struct fw_error err;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	sodium_bin2hex(line, sizeof(line), key->public, KEY_SIZE);
	if (!text)
		text = line;
	assert_int_equal(file_write(path, 0644, text, strlen(text), &err), 0);
}

static void test_keyring(void **state)
{
	char etc[64], usr[64], path[128];
	const char * const folders[] = { etc, usr, "/tmp/ogpu-test-nothing" };
	struct keyring ring = { 0 };
	struct signing_key key[3];
	struct fw_error err;
	unsigned int i;

	snprintf(etc, sizeof(etc), "%s/etc", (char *)*state);
	snprintf(usr, sizeof(usr), "%s/usr", (char *)*state);
	assert_int_equal(mkdir(etc, 0755) | mkdir(usr, 0755), 0);
	for (i = 0; i < 3; i++)
		key_generate(&key[i]);

	/* Only *.pub counts; what is damaged, a folder, a pipe or a dangling link is left out. */
	put_key(usr, "a.pub", &key[0], NULL);
	put_key(usr, "b.pub", &key[1], NULL);
	put_key(usr, "c.txt", &key[2], NULL);
	put_key(usr, "bad.pub", &key[2], "0123456789");
	put_key(usr, "lines.pub", &key[2], "# a comment\r\n");
	snprintf(path, sizeof(path), "%s/folder.pub", usr);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/pipe.pub", usr);
	assert_int_equal(mkfifo(path, 0644), 0);
	snprintf(path, sizeof(path), "%s/link.pub", usr);
	assert_int_equal(symlink("nothing", path), 0);
	assert_int_equal(keyring_add_folders(&ring, folders, 3, &err), 0);
	assert_int_equal(ring.count, 2);
	assert_memory_equal(ring.keys[0].bytes, key[0].public, KEY_SIZE);
	assert_memory_equal(ring.keys[1].bytes, key[1].public, KEY_SIZE);
	keyring_free(&ring);

	/* Named by itself a damaged one is an error. */
	snprintf(path, sizeof(path), "%s/bad.pub", usr);
	assert_int_equal(keyring_add(&ring, path, &err), -1);
	assert_int_equal(err.code, FW_EXIT_SIGNATURE);
	keyring_free(&ring);

	/* The first folder masks one key and replaces the other. */
	snprintf(path, sizeof(path), "%s/a.pub", etc);
	assert_int_equal(symlink("/dev/null", path), 0);
	put_key(etc, "b.pub", &key[2], NULL);
	assert_int_equal(keyring_add_folders(&ring, folders, 2, &err), 0);
	assert_int_equal(ring.count, 1);
	assert_memory_equal(ring.keys[0].bytes, key[2].public, KEY_SIZE);
	assert_false(ring.keys[0].revoked);
	keyring_free(&ring);

	/* A revocation that cannot be read is an error. */
	put_key(etc, "old.revoked", &key[0], NULL);
	assert_int_equal(keyring_add_folders(&ring, folders, 2, &err), 0);
	assert_int_equal(ring.count, 2);
	assert_true(ring.keys[1].revoked);
	keyring_free(&ring);
	put_key(etc, "old.revoked", &key[0], "nothing");
	assert_int_equal(keyring_add_folders(&ring, folders, 2, &err), -1);
	keyring_free(&ring);

	/* Nor may a folder that is there be passed over; a file instead of it stands for that. */
	snprintf(path, sizeof(path), "%s/a.pub/keys.d", usr);
	assert_int_equal(keyring_add_folders(&ring, (const char * const []){ path }, 1, &err), -1);
	assert_int_equal(err.code, FW_EXIT_SIGNATURE);
	keyring_free(&ring);

	/* A folder that everybody can write to is worth nothing. */
	assert_int_equal(chmod(etc, 0777), 0);
	snprintf(path, sizeof(path), "%s/old.revoked", etc);
	unlink(path);
	assert_int_equal(keyring_add_folders(&ring, folders, 2, &err), -1);
	assert_int_equal(err.code, FW_EXIT_SIGNATURE);
	keyring_free(&ring);
}

static void test_clean(void **state)
{
	static const char * const texts[][2] = {
		{ "plain \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", NULL },
		{ "a\x1b[2Jb\nc\x7f", "a?[2Jb?c?" },
		{ "\xff\xc3", "??" },
		{ "\xc0\x80 \xe0\x80\x80", "?? ???" },
		{ "\xed\xa0\x80 \xc2\x85", "??? ??" },
	};
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		snprintf(text, sizeof(text), "%s", texts[i][0]);
		text_clean(text);
		assert_string_equal(text, texts[i][1] ? texts[i][1] : texts[i][0]);
	}
}

struct program {
	Elf32_Ehdr hdr;
	Elf32_Phdr ph[2];
	uint8_t bytes[64];
};

static struct program good_program(void)
{
	return (struct program){
		.hdr = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB },
			.e_type = ET_EXEC,
			.e_machine = EM_RISCV,
			.e_entry = 0x10000000,
			.e_phoff = offsetof(struct program, ph),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 2,
		},
		.ph = {
			{
				.p_type = PT_LOAD,
				.p_offset = offsetof(struct program, bytes),
				.p_paddr = 0x10000000,
				.p_filesz = 32,
				.p_memsz = 32,
				.p_flags = PF_R | PF_X,
			}, {
				.p_type = PT_LOAD,
				.p_offset = offsetof(struct program, bytes) + 32,
				.p_paddr = 0x10000020,
				.p_filesz = 32,
				.p_memsz = 64,
				.p_flags = PF_R | PF_W,
			},
		},
	};
}

/* The parser's view of a copy that has exactly @size bytes. */
static bool parse_program(const struct program *program, size_t size, struct elf32 *elf)
{
	uint8_t *bytes = malloc(size ? size : 1);
	struct fw_error err;
	bool good;

	memcpy(bytes, program, size);
	good = !elf32_parse(elf, "program", bytes, size, &err);
	if (!good)
		assert_int_equal(err.code, FW_EXIT_INVALID);
	free(bytes);
	return good;
}

static void test_elf(void **state)
{
	struct program program = good_program();
	struct elf32 elf;
	size_t size;

	(void)state;
	assert_true(parse_program(&program, sizeof(program), &elf));
	assert_int_equal(elf.count, 2);
	assert_true(elf.segments[0].executable);
	assert_false(elf.segments[1].executable);
	assert_int_equal(elf.segments[1].mem_size, 64);

	for (size = 0; size < sizeof(program); size++)
		assert_false(parse_program(&program, size, &elf));

#define REFUSED(member, value) do { \
	program = good_program(); \
	program.member = value; \
	assert_false(parse_program(&program, sizeof(program), &elf)); \
} while (0)

	REFUSED(hdr.e_ident[0], 0);
	REFUSED(hdr.e_ident[EI_CLASS], ELFCLASS64);
	REFUSED(hdr.e_ident[EI_DATA], ELFDATA2MSB);
	REFUSED(hdr.e_machine, EM_X86_64);
	REFUSED(hdr.e_type, ET_DYN);
	REFUSED(hdr.e_phentsize, 0);
	REFUSED(hdr.e_phoff, 0xffffffff);
	REFUSED(hdr.e_phnum, 0);
	REFUSED(hdr.e_phnum, 0xffff);
	REFUSED(ph[0].p_offset, 0xffffffff);
	REFUSED(ph[0].p_filesz, 0xffffffff);
	REFUSED(ph[0].p_memsz, 31);
	REFUSED(ph[1].p_memsz, 0xffffffff);
	REFUSED(ph[1].p_offset, offsetof(struct program, bytes) + 33);
}

static void test_decompress(void **state)
{
	static const uint8_t text[5000] = "plain text, and then zeros";
	const size_t limit = sizeof(text);
	size_t packed_size[2] = { 0 }, size;
	uint8_t packed[2][8192];
	const char *compression;
	struct fw_error err;
	unsigned int i;

	(void)state;
	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, text, sizeof(text),
						 packed[0], &packed_size[0], sizeof(packed[0])),
			 LZMA_OK);
	packed_size[1] = ZSTD_compress(packed[1], sizeof(packed[1]), text, sizeof(text), 3);
	assert_false(ZSTD_isError(packed_size[1]));

	for (i = 0; i < 2; i++) {
		uint8_t *data = malloc(packed_size[i]);
		size_t cut;

		memcpy(data, packed[i], packed_size[i]);
		size = packed_size[i];
		assert_int_equal(decompress("x", &data, &size, limit, &compression, &err), 0);
		assert_string_equal(compression, i ? "zstd" : "xz");
		assert_int_equal(size, sizeof(text));
		assert_memory_equal(data, text, size);
		free(data);

		/* One byte more than may be. */
		data = malloc(packed_size[i]);
		memcpy(data, packed[i], packed_size[i]);
		size = packed_size[i];
		assert_int_equal(decompress("x", &data, &size, limit - 1, &compression, &err), -1);
		assert_int_equal(err.code, FW_EXIT_INVALID);

		for (cut = 6; cut < packed_size[i]; cut++) {
			size = cut;
			assert_int_equal(decompress("x", &data, &size, limit, &compression, &err),
					 -1);
		}
		free(data);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_versions),
		cmocka_unit_test_setup_teardown(test_keys, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_keyring, make_folder, remove_folder),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_elf),
		cmocka_unit_test(test_decompress),
	};

	keys_init();
	return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
