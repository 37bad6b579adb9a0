/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the program has to say, as text for people or as JSON for programs (ogpu-fwload(8) documents
 * the JSON).
 */
#ifndef OGPU_LOADER_REPORT_H
#define OGPU_LOADER_REPORT_H

#include <cjson/cJSON.h>

#include "device.h"
#include "image.h"
#include "load.h"
#include "options.h"

/* All text goes to standard output unless @json; then only report_finish() prints. */
struct report {
	const struct options *opt;
	cJSON *json;	/* NULL: text */
	bool told;	/* why it failed is on standard error already */
};

/**
 * report_start() - begin
 * @report: filled
 * @opt: text or JSON, quiet or not
 */
void report_start(struct report *report, const struct options *opt);

/**
 * report_cards() - the answer to "list"
 * @report: where
 * @cards: what was found
 */
void report_cards(struct report *report, const struct card_list *cards);

/**
 * report_uploads() - the answer to "status"
 * @report: where
 * @cards: what was found
 */
void report_uploads(struct report *report, const struct card_list *cards);

/**
 * report_image() - the answer to "info"
 * @report: where
 * @image: the image
 */
void report_image(struct report *report, const struct fw_image *image);

/**
 * report_verified() - the answer to "verify" if all is well
 * @report: where
 * @image: the image
 * @key_path: file of the trusted key that made the signature
 */
void report_verified(struct report *report, const struct fw_image *image, const char *key_path);

/**
 * report_loaded() - what "load" did to one card, or why not
 * @report: where
 * @result: from load_card()
 */
void report_loaded(struct report *report, const struct load_result *result);

/**
 * report_cancelled() - what "cancel" did to one card
 * @report: where
 * @card: the card
 */
void report_cancelled(struct report *report, const struct card *card);

/**
 * report_finish() - say how it ended and free everything
 * @report: ended
 * @err: how it ended
 *
 * Return: the exit code of the program.
 */
int report_finish(struct report *report, const struct fw_error *err);

#endif
