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

#endif
