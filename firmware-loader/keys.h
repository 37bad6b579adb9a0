/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Ed25519 keys: files, identities, and the set of public keys that the loader trusts.
 *
 * A key file is one line of 64 hexadecimal digits: the seed of a private key or a public key. A
 * public key may also be stored as 32 raw bytes.
 */
#ifndef OGPU_LOADER_KEYS_H
#define OGPU_LOADER_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define KEY_SIZE	32
#define KEY_ID_SIZE	8
#define SIGNATURE_SIZE	64

struct signing_key {
	uint8_t secret[64];	/* as libsodium wants it: seed, then public key */
	uint8_t public[KEY_SIZE];
};

struct public_key {
	uint8_t bytes[KEY_SIZE];
	uint8_t id[KEY_ID_SIZE];
	char *path;		/* for people */
	bool revoked;		/* never to be trusted */
};

struct keyring {
	struct public_key *keys;
	size_t count;
};

/**
 * keys_init() - prepare the cryptographic library
 *
 * Before all other functions. Ends the program if there is no source of randomness.
 */
void keys_init(void);

/**
 * key_generate() - make a new key pair
 * @key: filled
 */
void key_generate(struct signing_key *key);

/**
 * key_write() - write both files of a key pair
 * @key: the pair
 * @secret_path: file of the private key, mode 0600
 * @public_path: file of the public key
 * @err: filled in case of error
 *
 * Return: 0, or -1 if one of them exists or cannot be written; then there is neither.
 */
int key_write(const struct signing_key *key, const char *secret_path, const char *public_path,
	      struct fw_error *err);

/**
 * key_read_secret() - read a private key
 * @path: the file; only its owner may have any access
 * @key: filled
 * @err: filled in case of error
 *
 * Return: 0 or -1.
 */
int key_read_secret(const char *path, struct signing_key *key, struct fw_error *err);

/**
 * key_read_public() - read a public key
 * @path: the file; not everybody may write it
 * @key: filled
 * @err: filled in case of error
 *
 * Return: 0 or -1.
 */
int key_read_public(const char *path, uint8_t key[KEY_SIZE], struct fw_error *err);

/**
 * signature_read() - read a signature
 * @path: the file: 64 bytes, or one line of 128 hexadecimal digits
 * @signature: filled
 * @err: filled in case of error
 *
 * Return: 0 or -1.
 */
int signature_read(const char *path, uint8_t signature[SIGNATURE_SIZE], struct fw_error *err);

/**
 * key_id() - the identity of a key, as in the header of an image
 * @key: public key
 * @id: filled with the first bytes of its SHA-256
 */
void key_id(const uint8_t key[KEY_SIZE], uint8_t id[KEY_ID_SIZE]);

/**
 * keyring_add() - trust more keys
 * @ring: where to add; all zero at first
 * @path: a key file, or a folder as for keyring_add_folders()
 * @err: filled in case of error
 *
 * Return: 0 or -1.
 */
int keyring_add(struct keyring *ring, const char *path, struct fw_error *err);

/**
 * keyring_add_folders() - trust the keys in folders
 * @ring: where to add; all zero at first
 * @folders: the first ones go before later ones; those that are not there are left out
 * @count: how many there are
 * @err: filled in case of error
 *
 * Files *.pub are trusted, keys in files *.revoked never, wherever else they are. A file hides
 * those of the same name in later folders; an empty one, or a link to /dev/null, does only that. A
 * *.pub that cannot be read is left out with a warning.
 *
 * Return: 0, or -1 if a folder or a revocation cannot be read, or everybody may write a folder.
 */
int keyring_add_folders(struct keyring *ring, const char * const *folders, size_t count,
			struct fw_error *err);

/**
 * keyring_free() - forget all keys
 * @ring: empty afterwards
 */
void keyring_free(struct keyring *ring);

#endif
