// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Is this image genuine, and does it suit this card?
 */
#include <sodium.h>
#include <string.h>

#include "abi/regs.h"
#include "verify.h"

/* firmware-loader/development.pub */
static const uint8_t development_key[KEY_SIZE] = {
	0x88, 0x97, 0x02, 0x67, 0x40, 0xfe, 0x5b, 0x25,
	0x9c, 0x0f, 0x48, 0x11, 0x61, 0x83, 0x4c, 0xb0,
	0x5f, 0xb1, 0x6f, 0xf1, 0x4f, 0x77, 0x7b, 0xbc,
	0x85, 0xdc, 0xc4, 0xb4, 0x8f, 0xea, 0x9f, 0x55,
};

static int verify_components(const struct fw_image *image, struct fw_error *err)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	unsigned int i;

	for (i = 0; i < image->component_count; i++) {
		const struct fw_component *comp = &image->components[i];

		crypto_hash_sha256(hash, image->data + comp->offset, comp->size);
		if (sodium_memcmp(hash, comp->sha256, sizeof(hash)))
			return fw_fail(err, FW_EXIT_SIGNATURE,
				       "%s: component %u does not match its hash; get the file again",
				       image->path, i);
	}
	return 0;
}

/* Two keys may have the same identity, which is but a part of their hash: all are tried. */
static int find_key(const struct fw_image *image, const struct keyring *ring,
		    const struct public_key **found, struct fw_error *err)
{
	const struct public_key *key;
	size_t trusted = 0;
	bool known = false;

	*found = NULL;
	for (key = ring->keys; key != ring->keys + ring->count; key++) {
		trusted += !key->revoked;
		if (memcmp(key->id, image->key_id, sizeof(key->id)))
			continue;
		known = true;
		if (crypto_sign_verify_detached(image->data + image->signature_offset, image->data,
						image->signature_offset, key->bytes))
			continue;
		if (key->revoked)
			return fw_fail(err, FW_EXIT_SIGNATURE,
				       "%s: signed with key %s, which %s revokes; get a newer image",
				       image->path, image->key_id_text, key->path);
		*found = key;
	}

	if (*found)
		return 0;
	if (known)
		return fw_fail(err, FW_EXIT_SIGNATURE,
			       "%s: signature does not match the content; get the file again",
			       image->path);
	return fw_fail(err, FW_EXIT_SIGNATURE,
		       "%s: signed with key %s, which is not among the %zu trusted keys; name its public key with --key or put it into /etc/ogpu/keys.d",
		       image->path, image->key_id_text, trusted);
}

int verify_signature(const struct fw_image *image, const struct keyring *ring,
		     const struct public_key **key, struct fw_error *err)
{
	const struct public_key *found;

	if (find_key(image, ring, &found, err) || verify_components(image, err))
		return -1;
	*key = found;
	return 0;
}

int verify_key(const struct fw_image *image, const struct public_key *key,
	       const struct card *card, struct fw_error *err)
{
	if (memcmp(key->bytes, development_key, sizeof(development_key)) ||
	    card->board_id == OGPU_BOARD_DEV)
		return 0;
	return fw_fail(err, FW_EXIT_SIGNATURE,
		       "%s: signed with the development key, which everybody has: good for virtual cards, not for card %s",
		       image->path, card->address);
}

int verify_card(const struct fw_image *image, const struct card *card, struct fw_error *err)
{
	if (image->vendor != card->vendor || image->device != card->device)
		return fw_fail(err, FW_EXIT_INCOMPATIBLE,
			       "%s is for PCI ID %04x:%04x, card %s has %04x:%04x",
			       image->path, image->vendor, image->device, card->address,
			       card->vendor, card->device);
	if (!card->known)
		return fw_fail(err, FW_EXIT_IO,
			       "%s: driver does not tell board, revision, ABI and security version; is the card still there?",
			       card->address);
	if (image->board_id != card->board_id)
		return fw_fail(err, FW_EXIT_INCOMPATIBLE,
			       "%s is for board 0x%08x, card %s is board 0x%08x",
			       image->path, image->board_id, card->address, card->board_id);
	if (card->hw_rev < image->hw_rev[0] || card->hw_rev > image->hw_rev[1])
		return fw_fail(err, FW_EXIT_INCOMPATIBLE,
			       "%s is for board revisions %u to %u, card %s has revision %u",
			       image->path, image->hw_rev[0], image->hw_rev[1], card->address,
			       card->hw_rev);
	if (card->driver_abi < image->driver_abi[0] || card->driver_abi > image->driver_abi[1])
		return fw_fail(err, FW_EXIT_INCOMPATIBLE,
			       "%s needs driver ABI %u to %u, the driver has %u; install firmware and driver of the same release",
			       image->path, image->driver_abi[0], image->driver_abi[1],
			       card->driver_abi);
	if (card->fw_abi[1] < image->fw_abi[0] || card->fw_abi[0] > image->fw_abi[1])
		return fw_fail(err, FW_EXIT_INCOMPATIBLE,
			       "%s speaks firmware ABI %u to %u, the driver %u to %u; install firmware and driver of the same release",
			       image->path, image->fw_abi[0], image->fw_abi[1], card->fw_abi[0],
			       card->fw_abi[1]);
	if (image->svn < card->min_svn)
		return fw_fail(err, FW_EXIT_ROLLBACK,
			       "%s has security version %u, card %s accepts %u and later; use newer firmware",
			       image->path, image->svn, card->address, card->min_svn);
	return 0;
}
