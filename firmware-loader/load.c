// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The whole way of an image into one card. Everything that can be checked is checked before the
 * card is touched.
 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "load.h"
#include "upload.h"
#include "util.h"
#include "verify.h"

/* The image of the command line or, without one, that for the card's board. */
static int open_image(struct fw_image *image, const struct card *card, const struct options *opt,
		      struct fw_error *err)
{
	static const char * const suffixes[] = { "", ".xz", ".zst" };
	char path[PATH_MAX];
	size_t i;

	if (opt->file)
		return image_open(image, opt->file, err);

	if (!card->known)
		return fw_fail(err, FW_EXIT_IO,
			       "%s: driver does not tell which board this is; name the image file",
			       card->address);
	for (i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(path, sizeof(path), "%s/%08x.img%s", opt->firmware_dir,
			 card->board_id, suffixes[i]);
		if (!access(path, F_OK))
			return image_open(image, path, err);
	}
	return fw_fail(err, FW_EXIT_FAILED,
		       "%s: board 0x%08x needs %s/%08x.img, which is not there",
		       card->address, card->board_id, opt->firmware_dir, card->board_id);
}

/* Whoever turns a check off shall find that in the log. */
static void log_skipped(const struct card *card, const struct fw_image *image, const char *what)
{
	syslog(LOG_WARNING, "%s: %s not checked for %s, as the command line says", card->address,
	       what, image->path);
	fprintf(stderr, "ogpu-fwload: warning: %s: %s not checked, as the command line says\n",
		card->address, what);
}

static int verify_image(const struct card *card, const struct fw_image *image,
			const struct options *opt, const struct keyring *ring,
			struct load_result *result)
{
	const struct public_key *key;

	if (opt->no_verify_signature)
		log_skipped(card, image, "signature");
	else if (verify_signature(image, ring, &key, &result->error) ||
		 verify_key(image, key, card, &result->error))
		return -1;
	result->signature_verified = !opt->no_verify_signature;

	if (!opt->force)
		return verify_card(image, card, &result->error);
	log_skipped(card, image, "board, ABI and security version");
	return 0;
}

/* Is there something to do, and may it be done now? The card is locked. */
static int check_state(const struct card *card, const struct fw_image *image,
		       const struct options *opt, struct fw_error *err)
{
	if (opt->force || strcmp(card->state, CARD_STATE_RUNNING))
		return 0;
	if (upload_is_running(card, image))
		return fw_fail(err, FW_EXIT_NOTHING, "%s: already runs firmware %s", card->address,
			       image->version_text);
	return fw_fail(err, FW_EXIT_BUSY,
		       "%s: runs firmware %s; to load %s, unbind the card from the driver and bind it again",
		       card->address, card->fw_version, image->version_text);
}

/* Return: the card was busy with something that ends, so that it is worth trying again. */
static bool try_load(struct card *card, const struct fw_image *image, const struct options *opt,
		     int64_t deadline, struct load_result *result)
{
	int lock = upload_lock(card, opt->wait, deadline, &result->error);
	bool progress = !opt->quiet && !opt->json && isatty(STDERR_FILENO);
	bool uploaded = false;

	if (lock < 0)
		return false;

	snprintf(result->previous, sizeof(result->previous), "%s", card->fw_version);
	if (!check_state(card, image, opt, &result->error) && !opt->dry_run) {
		upload_image(card, image, progress, deadline, &result->error);
		uploaded = true;
	}
	upload_unlock(lock);
	return uploaded && result->error.code == FW_EXIT_BUSY &&
	       strcmp(card->state, CARD_STATE_RUNNING);
}

static void load_image(struct card *card, const struct fw_image *image, const struct options *opt,
		       int64_t deadline, struct load_result *result)
{
	struct waiter pause = { 0 };

	while (try_load(card, image, opt, deadline, result) && opt->wait &&
	       waiter_retry(&pause, deadline))
		;
}

static void no_driver(const struct card *card, const struct options *opt, struct fw_error *err)
{
	if (card->driver[0])
		fw_fail(err, FW_EXIT_NO_DEVICE,
			"%s: driver %s is bound to this card; unbind it and bind the card to ogpu",
			card->address, card->driver);
	else if (driver_is_loaded(opt->sysfs_root))
		fw_fail(err, FW_EXIT_NO_DEVICE,
			"%s: module ogpu is loaded but not bound to this card; bind it, or see the kernel log for why it refused the card",
			card->address);
	else
		fw_fail(err, FW_EXIT_NO_DEVICE,
			"%s: no ogpu driver is bound to this card; load the module ogpu",
			card->address);
}

void load_card(struct card *card, const struct options *opt, const struct keyring *ring,
	       int64_t deadline, struct load_result *result)
{
	struct fw_image image;

	memset(result, 0, sizeof(*result));
	snprintf(result->address, sizeof(result->address), "%s", card->address);

	if (upload_interrupted()) {
		fw_fail(&result->error, FW_EXIT_CANCELLED, "%s: cancelled", card->address);
		return;
	}
	if (!card_has_driver(card)) {
		no_driver(card, opt, &result->error);
		return;
	}
	if (open_image(&image, card, opt, &result->error))
		return;
	snprintf(result->file, sizeof(result->file), "%s", image.path);
	snprintf(result->version, sizeof(result->version), "%s", image.version_text);

	if (!verify_image(card, &image, opt, ring, result))
		load_image(card, &image, opt, deadline, result);
	image_close(&image);
}
