// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The whole way of an image into one card. Everything that can be checked is checked before the
 * card is touched.
 */
#include <errno.h>
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
	/* As the kernel's own loader does, those of the administrator first. */
	static const char * const standard[] = {
		"/lib/firmware/updates/ogpu", "/lib/firmware/ogpu",
	};
	static const char * const suffixes[] = { "", ".xz", ".zst" };
	const char * const *folders = opt->firmware_dir ? &opt->firmware_dir : standard;
	size_t i, folder, count = opt->firmware_dir ? 1 : ARRAY_SIZE(standard);
	char path[PATH_MAX];

	if (opt->file)
		return image_open(image, opt->file, err);

	if (!card->known)
		return fw_fail(err, FW_EXIT_IO,
			       "%s: driver does not tell which board this is; name the image file",
			       card->address);
	for (folder = 0; folder < count; folder++) {
		for (i = 0; i < ARRAY_SIZE(suffixes); i++) {
			snprintf(path, sizeof(path), "%s/%08x.img%s", folders[folder],
				 card->board_id, suffixes[i]);
			if (!access(path, F_OK))
				return image_open(image, path, err);
		}
	}
	return fw_fail(err, FW_EXIT_NO_IMAGE,
		       "%s: board 0x%08x needs %s/%08x.img, which is not there",
		       card->address, card->board_id, folders[count - 1], card->board_id);
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
		       "%s: runs other firmware, %s; 'ogpu-fwload update --reset' replaces it, and programs lose the card",
		       card->address, card->fw_version);
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

/* The image for a card, verified; to be closed after success. */
static int find_image(struct card *card, const struct options *opt, const struct keyring *ring,
		      struct fw_image *image, struct load_result *result)
{
	memset(result, 0, sizeof(*result));
	snprintf(result->address, sizeof(result->address), "%s", card->address);

	if (upload_interrupted())
		return fw_fail(&result->error, FW_EXIT_CANCELLED, "%s: cancelled", card->address);
	if (!card_has_driver(card)) {
		no_driver(card, opt, &result->error);
		return -1;
	}
	if (open_image(image, card, opt, &result->error))
		return -1;
	snprintf(result->file, sizeof(result->file), "%s", image->path);
	snprintf(result->version, sizeof(result->version), "%s", image->version_text);
	snprintf(result->previous, sizeof(result->previous), "%s", card->fw_version);

	if (!verify_image(card, image, opt, ring, result))
		return 0;
	image_close(image);
	return -1;
}

void load_card(struct card *card, const struct options *opt, const struct keyring *ring,
	       int64_t deadline, struct load_result *result)
{
	struct fw_image image;

	if (find_image(card, opt, ring, &image, result))
		return;
	load_image(card, &image, opt, deadline, result);
	image_close(&image);
}

void load_pending(struct card *card, const struct options *opt, const struct keyring *ring,
		  struct load_result *result)
{
	struct fw_image image;

	if (find_image(card, opt, ring, &image, result))
		return;
	if (!upload_is_running(card, &image))
		fw_fail(&result->error, FW_EXIT_PENDING,
			"%s: %s is installed, signed hash %.12s...; the card runs %s",
			card->address, image.version_text, image.manifest_sha256,
			card->fw_version[0] ? card->fw_version : "none");
	image_close(&image);
}

/* The driver forgets the firmware, and the card waits for another. Programs lose it. */
static int bind_anew(struct card *card, const struct options *opt, struct fw_error *err)
{
	char dir[PATH_MAX];
	int ret;

	/* Otherwise it would start with the old one. Drivers that have no such attribute forget. */
	attr_write(card->pci_dir, "firmware_kept", "0");
	snprintf(dir, sizeof(dir), "%.4000s/bus/pci/drivers/ogpu", opt->sysfs_root);
	ret = attr_write(dir, "unbind", card->address);
	if (!ret)
		ret = attr_write(dir, "bind", card->address);
	if (ret)
		return fw_fail(err, ret == -EACCES || ret == -EPERM ? FW_EXIT_FAILED : FW_EXIT_IO,
			       "%s: cannot be bound to its driver anew: %s", card->address,
			       strerror(-ret));
	return 0;
}

void load_update(struct card *card, const struct options *opt, const struct keyring *ring,
		 int64_t deadline, struct load_result *result)
{
	struct options wait = *opt;
	struct fw_image image;
	bool anew;

	if (find_image(card, opt, ring, &image, result))
		return;
	anew = opt->reset && !strcmp(card->state, CARD_STATE_RUNNING) &&
	       !upload_is_running(card, &image);
	if (anew && bind_anew(card, opt, &result->error))
		goto close;

	/* Once it is bound, udev may have it loaded, too. */
	wait.wait = opt->wait || anew;
	load_image(card, &image, &wait, deadline, result);
	if (anew && result->error.code == FW_EXIT_NOTHING)
		fw_clear(&result->error);
close:
	image_close(&image);
}
