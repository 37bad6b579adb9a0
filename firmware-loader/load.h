/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The whole way of an image into one card, and what came of it.
 */
#ifndef OGPU_LOADER_LOAD_H
#define OGPU_LOADER_LOAD_H

#include "device.h"
#include "image.h"
#include "keys.h"
#include "options.h"

/* The outcome for one card; error.text is empty in case of success. */
struct load_result {
	char address[CARD_TEXT];
	char file[PATH_MAX];		/* empty: no image was found */
	char version[CARD_TEXT];	/* of the image; empty: unknown */
	char previous[CARD_TEXT];	/* version that ran before; empty: none */
	bool signature_verified;
	struct fw_error error;
};

/**
 * load_card() - find the image for a card, verify it, and load it
 * @card: the card; refreshed
 * @opt: which file, which checks, whether to load at all
 * @ring: trusted keys
 * @deadline: of everything
 * @result: filled with what came of it
 *
 * Prints nothing but progress and warnings.
 */
void load_card(struct card *card, const struct options *opt, const struct keyring *ring,
	       int64_t deadline, struct load_result *result);

/**
 * load_pending() - is other firmware installed for a card than the one that it runs?
 * @card: the card; refreshed
 * @opt: which file
 * @ring: trusted keys
 * @result: filled; FW_EXIT_PENDING if so
 *
 * Changes nothing, and does not wait. Firmware that would be refused is an error.
 */
void load_pending(struct card *card, const struct options *opt, const struct keyring *ring,
		  struct load_result *result);

/**
 * load_update() - have a card run the firmware that is installed for it
 * @card: the card; refreshed
 * @opt: which file, and whether a card that runs may be bound to its driver anew
 * @ring: trusted keys
 * @deadline: of everything but the kernel's unbinding and binding
 * @result: filled with what came of it
 */
void load_update(struct card *card, const struct options *opt, const struct keyring *ring,
		 int64_t deadline, struct load_result *result);

#endif
