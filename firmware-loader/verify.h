/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Is this image genuine, and does it suit this card? The card's boot ROM asks the same again and
 * has the last word; asking here gives a clear answer before anything is changed.
 */
#ifndef OGPU_LOADER_VERIFY_H
#define OGPU_LOADER_VERIFY_H

#include "device.h"
#include "image.h"
#include "keys.h"

/**
 * verify_signature() - is the image signed with a trusted key?
 * @image: has passed the structural check
 * @ring: trusted keys
 * @key: set to the one that made the signature
 * @err: filled in case of error
 *
 * Return: 0, or -1 with FW_EXIT_SIGNATURE.
 */
int verify_signature(const struct fw_image *image, const struct keyring *ring,
		     const struct public_key **key, struct fw_error *err);

/**
 * verify_key() - is the key good for a card?
 * @image: the image
 * @key: the trusted key that made the signature
 * @card: the card, as its driver described it
 * @err: filled in case of error
 *
 * The private half of the development key is public, so that everybody can build firmware for
 * virtual cards.
 *
 * Return: 0, or -1 with FW_EXIT_SIGNATURE.
 */
int verify_key(const struct fw_image *image, const struct public_key *key,
	       const struct card *card, struct fw_error *err);

/**
 * verify_card() - does the image suit a card?
 * @image: the image
 * @card: the card, as its driver described it
 * @err: filled in case of error
 *
 * Return: 0, or -1 with FW_EXIT_INCOMPATIBLE (PCI ID, board, revision, driver ABI),
 * FW_EXIT_ROLLBACK (security version) or FW_EXIT_IO (driver does not tell).
 */
int verify_card(const struct fw_image *image, const struct card *card, struct fw_error *err);

#endif
