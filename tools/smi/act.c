// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Commands that change something: reset, limit of power. Writing may hang with the card, so that
 * processes do it that need not be waited for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smi.h"

#define DRIVER_DIR	"bus/pci/drivers/ogpu"
#define POLL_US		500000

struct write {
	const char *dir;
	const char *name;
	const char *text;
	int ret;
};

static void do_write(void *arg)
{
	struct write *write = arg;

	write->ret = attr_write(write->dir, write->name, write->text);
}

/* Return: 0, an errno of the kernel, or -ETIME if nothing came back by @deadline. */
static int write_bounded(const char *dir, const char *name, const char *text, int64_t deadline)
{
	struct write *write = smi_share(sizeof(*write));
	int64_t left = deadline - smi_now_ms();
	int ret;

	if (!write)
		return -ENOMEM;
	*write = (struct write){ .dir = dir, .name = name, .text = text };
	if (left < 0)
		return -ETIME;
	ret = smi_bounded("", do_write, write, (unsigned int)left);
	return ret ? ret : write->ret;
}

/* The function of a card that runs is reset; others are bound anew. */
static int reset_card(struct smi_card *card, const struct smi_options *opt, int64_t deadline)
{
	bool runs = !strcmp(card->card.state, CARD_STATE_RUNNING);
	char dir[PATH_MAX];
	int ret;

	if (runs)
		return write_bounded(card->card.pci_dir, "reset", "1", deadline);
	snprintf(dir, sizeof(dir), "%s/" DRIVER_DIR, opt->sysfs_root);
	ret = write_bounded(dir, "unbind", card->card.address, deadline);
	if (!ret)
		ret = write_bounded(dir, "bind", card->card.address, deadline);
	return ret;
}

static bool needs_reset(const struct smi_card *card, const struct smi_options *opt)
{
	/* Unasked only on the driver's word, not because a read was late. */
	return opt->device || opt->all || !strcmp(card->card.state, "wedged");
}

/* What became of it, once it is neither starting nor without firmware any more, or time is over. */
static void wait_outcome(struct smi_card *card, const struct smi_options *opt, int64_t deadline)
{
	struct smi_options one = *opt;
	struct smi_cards again;
	struct fw_error err;

	one.device = card->card.address;
	for (;;) {
		if (!smi_read(&again, &one, 1000, &err)) {
			*card = again.cards[0];
			smi_free(&again);
		}
		if (card->verdict != SMI_STARTING && card->verdict != SMI_NEEDS_FIRMWARE)
			return;
		if (smi_now_ms() >= deadline)
			return;
		usleep(POLL_US);
	}
}

static int reset_one(struct smi_card *card, const struct smi_options *opt, struct fw_error *err)
{
	int64_t deadline = smi_now_ms() + opt->timeout_s * 1000ll;
	int ret;

	if (!card_has_driver(&card->card))
		return fw_fail(err, FW_EXIT_NO_DEVICE, "%s: no ogpu driver is bound to it",
			       card->card.address);
	if (!opt->json && !opt->quiet) {
		printf("%s: resetting, at most %u s\n", card->card.address, opt->timeout_s);
		fflush(stdout);
	}
	ret = reset_card(card, opt, deadline);
	if (ret == -ETIME)
		return fw_fail(err, FW_EXIT_TIMEOUT,
			       "%s: the reset does not end; power the host off and on",
			       card->card.address);
	if (ret == -EPERM || ret == -EACCES)
		return fw_fail(err, FW_EXIT_FAILED, "%s: only root may reset it",
			       card->card.address);
	if (ret)
		return fw_fail(err, FW_EXIT_IO, "%s: reset failed: %s", card->card.address,
			       strerror(-ret));
	wait_outcome(card, opt, deadline);
	return 0;
}

/* One that fails does not keep others from being reset; the first failure is told. */
int smi_reset(struct smi_cards *cards, const struct smi_options *opt, struct fw_error *err)
{
	unsigned int i, done = 0;
	struct fw_error one;
	int ret = 0;

	for (i = 0; i < cards->count; i++) {
		if (!needs_reset(&cards->cards[i], opt))
			continue;
		done++;
		if (!reset_one(&cards->cards[i], opt, &one))
			continue;
		if (!ret)
			*err = one;
		else
			fw_warn("%s", one.text);
		ret = -1;
	}
	if (!done)
		return fw_fail(err, FW_EXIT_NOTHING,
			       "no card needs a reset; name one with -d to reset it");
	return ret;
}

int smi_power_cap(const struct smi_cards *cards, const struct smi_options *opt,
		  struct fw_error *err)
{
	const struct smi_card *card = cards->cards;
	char *end, text[32], dir[PATH_MAX + 80];
	double watts;
	int ret;

	errno = 0;
	watts = opt->argument ? strtod(opt->argument, &end) : 0;
	if (!opt->argument || errno || *end || !(watts > 0 && watts < 1e6))
		return fw_fail(err, FW_EXIT_USAGE, "power-cap needs a number of watts");
	if (cards->count != 1)
		return fw_fail(err, FW_EXIT_USAGE, "there are %u cards: name one with -d",
			       cards->count);
	if (!card->has[SMI_POWER_CAP])
		return fw_fail(err, FW_EXIT_FAILED, "%s: has no limit of power now",
			       card->card.address);
	if (watts * 1e6 < (double)card->value[SMI_POWER_CAP_MIN] ||
	    watts * 1e6 > (double)card->value[SMI_POWER_CAP_MAX])
		return fw_fail(err, FW_EXIT_USAGE, "%s: %g W is not within %lld to %lld W",
			       card->card.address, watts,
			       card->value[SMI_POWER_CAP_MIN] / 1000000,
			       card->value[SMI_POWER_CAP_MAX] / 1000000);

	snprintf(text, sizeof(text), "%.0f", watts * 1e6);
	snprintf(dir, sizeof(dir), "%s/%s", card->card.pci_dir, card->hwmon);
	ret = write_bounded(dir, "power1_cap", text, smi_now_ms() + 2000);
	if (ret)
		return fw_fail(err, ret == -ETIME ? FW_EXIT_TIMEOUT : FW_EXIT_FAILED,
			       "%s: power1_cap: %s", card->card.address, strerror(-ret));
	return 0;
}
