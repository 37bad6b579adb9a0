// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Ed25519 keys: files, identities, and the set of public keys that the loader trusts.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "keys.h"
#include "util.h"

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
	struct stat st;
	int ret;

	/* A key pair that is lost by mistake cannot be made again. */
	if (!lstat(secret_path, &st))
		return fw_fail(err, FW_EXIT_FAILED,
			       "%s exists: remove it first if the key is not needed", secret_path);

	crypto_sign_ed25519_sk_to_seed(seed, key->secret);
	sodium_bin2hex(line, sizeof(line), seed, sizeof(seed));
	line[2 * KEY_SIZE] = '\n';
	ret = file_write(secret_path, 0600, line, 2 * KEY_SIZE + 1, err);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(line, sizeof(line));
	if (ret)
		return ret;

	sodium_bin2hex(line, sizeof(line), key->public, KEY_SIZE);
	line[2 * KEY_SIZE] = '\n';
	return file_write(public_path, 0644, line, 2 * KEY_SIZE + 1, err);
}

static int key_read(const char *path, uint8_t key[KEY_SIZE], bool raw, struct fw_error *err)
{
	size_t size, count;
	uint8_t *data;
	int ret = 0;

	if (file_read(path, 4096, &data, &size, err)) {
		err->code = FW_EXIT_SIGNATURE;
		return -1;
	}

	if (raw && size == KEY_SIZE)
		memcpy(key, data, KEY_SIZE);
	else if (size < 2 * KEY_SIZE || size > 2 * KEY_SIZE + 1 ||
		 (size > 2 * KEY_SIZE && data[2 * KEY_SIZE] != '\n') ||
		 sodium_hex2bin(key, KEY_SIZE, (char *)data, 2 * KEY_SIZE, NULL, &count, NULL) ||
		 count != KEY_SIZE)
		ret = fw_fail(err, FW_EXIT_SIGNATURE,
			      "%s: not a key file (one line of 64 hexadecimal digits)", path);

	sodium_memzero(data, size);
	free(data);
	return ret;
}

int key_read_secret(const char *path, struct signing_key *key, struct fw_error *err)
{
	uint8_t seed[KEY_SIZE];

	if (key_read(path, seed, false, err))
		return -1;
	crypto_sign_seed_keypair(key->public, key->secret, seed);
	sodium_memzero(seed, sizeof(seed));
	return 0;
}

int key_read_public(const char *path, uint8_t key[KEY_SIZE], struct fw_error *err)
{
	return key_read(path, key, true, err);
}

void key_id(const uint8_t key[KEY_SIZE], uint8_t id[KEY_ID_SIZE])
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, key, KEY_SIZE);
	memcpy(id, hash, KEY_ID_SIZE);
}

static int keyring_add_file(struct keyring *ring, const char *path, struct fw_error *err)
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
	ring->count++;
	return 0;
}

static int is_public_key(const struct dirent *entry)
{
	return !fnmatch("*.pub", entry->d_name, FNM_PERIOD);
}

static int keyring_add_folder(struct keyring *ring, const char *path, struct fw_error *err)
{
	struct dirent **entries;
	int i, count, ret = 0;

	count = scandir(path, &entries, is_public_key, alphasort);
	if (count < 0)
		return fw_fail(err, FW_EXIT_SIGNATURE, "%s: %s", path, strerror(errno));

	for (i = 0; i < count; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		if (!ret)
			ret = keyring_add_file(ring, file, err);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

int keyring_add(struct keyring *ring, const char *path, struct fw_error *err)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return keyring_add_folder(ring, path, err);
	return keyring_add_file(ring, path, err);
}

const struct public_key *keyring_find(const struct keyring *ring, const uint8_t id[KEY_ID_SIZE])
{
	size_t i;

	for (i = 0; i < ring->count; i++)
		if (!memcmp(ring->keys[i].id, id, KEY_ID_SIZE))
			return &ring->keys[i];
	return NULL;
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
