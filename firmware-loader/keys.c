// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Ed25519 keys: files, identities, and the set of public keys that the loader trusts.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys.h"
#include "util.h"

#define REVOKED	".revoked"

static_assert(crypto_sign_PUBLICKEYBYTES == KEY_SIZE, "Ed25519 public key");
static_assert(crypto_sign_SEEDBYTES == KEY_SIZE, "Ed25519 seed");

void keys_init(void)
{
	if (sodium_init() < 0) {
		fprintf(stderr, "cannot initialise libsodium\n");
		abort();
	}
}

void key_generate(struct signing_key *key)
{
	crypto_sign_keypair(key->public, key->secret);
}

int key_write(const struct signing_key *key, const char *secret_path, const char *public_path,
	      struct fw_error *err)
{
	char line[2 * KEY_SIZE + 2];
	uint8_t seed[KEY_SIZE];
	int ret;

	crypto_sign_ed25519_sk_to_seed(seed, key->secret);
	sodium_bin2hex(line, sizeof(line), seed, sizeof(seed));
	line[2 * KEY_SIZE] = '\n';
	/* A key pair that is lost by mistake cannot be made again: nothing is replaced. */
	ret = file_create(secret_path, 0600, line, 2 * KEY_SIZE + 1, err);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(line, sizeof(line));
	if (ret)
		return ret;

	sodium_bin2hex(line, sizeof(line), key->public, KEY_SIZE);
	line[2 * KEY_SIZE] = '\n';
	ret = file_create(public_path, 0644, line, 2 * KEY_SIZE + 1, err);
	if (ret)
		unlink(secret_path);
	return ret;
}

/* One line of hexadecimal digits or, if they may be @raw, the bytes themselves. */
static int read_bytes(const char *path, uint8_t *bytes, size_t length, bool raw,
		      unsigned int forbidden, const char *what, struct fw_error *err)
{
	size_t size, count;
	uint8_t *data;
	int ret = 0;

	if (file_read_guarded(path, 4096, forbidden, &data, &size, err)) {
		err->code = FW_EXIT_SIGNATURE;
		return -1;
	}

	if (raw && size == length)
		memcpy(bytes, data, length);
	else if (size < 2 * length || size > 2 * length + 1 ||
		 (size > 2 * length && data[2 * length] != '\n') ||
		 sodium_hex2bin(bytes, length, (char *)data, 2 * length, NULL, &count, NULL) ||
		 count != length)
		ret = fw_fail(err, FW_EXIT_SIGNATURE,
			      "%s: not a %s file (one line of %zu hexadecimal digits)", path, what,
			      2 * length);

	sodium_memzero(data, size);
	free(data);
	return ret;
}

static int key_read(const char *path, uint8_t key[KEY_SIZE], bool raw, unsigned int forbidden,
		    struct fw_error *err)
{
	return read_bytes(path, key, KEY_SIZE, raw, forbidden, "key", err);
}

int signature_read(const char *path, uint8_t signature[SIGNATURE_SIZE], struct fw_error *err)
{
	return read_bytes(path, signature, SIGNATURE_SIZE, true, 0, "signature", err);
}

int key_read_secret(const char *path, struct signing_key *key, struct fw_error *err)
{
	uint8_t seed[KEY_SIZE];

	if (key_read(path, seed, false, 0077, err))
		return -1;
	crypto_sign_seed_keypair(key->public, key->secret, seed);
	sodium_memzero(seed, sizeof(seed));
	return 0;
}

int key_read_public(const char *path, uint8_t key[KEY_SIZE], struct fw_error *err)
{
	return key_read(path, key, true, 0002, err);
}

void key_id(const uint8_t key[KEY_SIZE], uint8_t id[KEY_ID_SIZE])
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, key, KEY_SIZE);
	memcpy(id, hash, KEY_ID_SIZE);
}

static int keyring_add_file(struct keyring *ring, const char *path, bool revoked,
			    struct fw_error *err)
{
	struct public_key *key, *keys;

	keys = realloc(ring->keys, (ring->count + 1) * sizeof(*keys));
	if (!keys)
		return fw_fail(err, FW_EXIT_FAILED, "%s: out of memory", path);
	ring->keys = keys;

	key = &keys[ring->count];
	if (key_read_public(path, key->bytes, err))
		return -1;
	key_id(key->bytes, key->id);
	key->path = strdup(path);
	if (!key->path)
		return fw_fail(err, FW_EXIT_FAILED, "%s: out of memory", path);
	text_clean(key->path);
	key->revoked = revoked;
	ring->count++;
	return 0;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name), end = strlen(suffix);

	return length > end && !strcmp(name + length - end, suffix);
}

static int is_key(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (has_suffix(entry->d_name, ".pub") || has_suffix(entry->d_name, REVOKED));
}

static bool is_mask(const char *path)
{
	struct stat st;

	return !stat(path, &st) && (S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && !st.st_size));
}

/* Is there a file of this name in one of the first @count folders? */
static bool is_masked(const char * const *folders, size_t count, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	size_t i;

	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (!lstat(path, &st))
			return true;
	}
	return false;
}

/*
 * One key that cannot be read must not keep all cards from starting: it is missed only if an image
 * needs it. A revocation that cannot be read must.
 */
static int keyring_add_entry(struct keyring *ring, const char *path, struct fw_error *err)
{
	struct fw_error one;

	if (has_suffix(path, REVOKED))
		return keyring_add_file(ring, path, true, err);
	if (!is_mask(path) && keyring_add_file(ring, path, false, &one))
		fw_warn("key left out: %s", one.text);
	return 0;
}

int keyring_add_folders(struct keyring *ring, const char * const *folders, size_t count,
			struct fw_error *err)
{
	struct dirent **entries;
	struct stat st;
	int i, found, ret = 0;
	size_t folder;

	for (folder = 0; folder < count && !ret; folder++) {
		const char *path = folders[folder];

		/* What cannot be looked at may hold revocations. */
		if (stat(path, &st)) {
			if (errno == ENOENT)
				continue;
			return fw_fail(err, FW_EXIT_SIGNATURE, "%s: %s", path, strerror(errno));
		}
		if (st.st_mode & 0002)
			return fw_fail(err, FW_EXIT_SIGNATURE,
				       "%s: everybody can put keys there: chmod o-w, if it is still good",
				       path);
		found = scandir(path, &entries, is_key, alphasort);
		if (found < 0)
			return fw_fail(err, FW_EXIT_SIGNATURE, "%s: %s", path, strerror(errno));

		for (i = 0; i < found; i++) {
			const char *name = entries[i]->d_name;
			char file[PATH_MAX];

			snprintf(file, sizeof(file), "%s/%s", path, name);
			if (!ret && !is_masked(folders, folder, name))
				ret = keyring_add_entry(ring, file, err);
			free(entries[i]);
		}
		free(entries);
	}
	return ret;
}

int keyring_add(struct keyring *ring, const char *path, struct fw_error *err)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return keyring_add_folders(ring, &path, 1, err);
	return keyring_add_file(ring, path, false, err);
}

void keyring_free(struct keyring *ring)
{
	size_t i;

	for (i = 0; i < ring->count; i++)
		free(ring->keys[i].path);
	free(ring->keys);
	ring->keys = NULL;
	ring->count = 0;
}
