// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * ogpu-fwload: verifies firmware images and loads them into cards.
 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "device.h"
#include "image.h"
#include "keys.h"
#include "load.h"
#include "options.h"
#include "report.h"
#include "upload.h"
#include "util.h"
#include "verify.h"

static int open_keyring(struct keyring *ring, const struct options *opt, struct fw_error *err)
{
	static const char * const folders[] = { "/etc/ogpu/keys.d", "/usr/share/ogpu/keys" };
	size_t i;

	memset(ring, 0, sizeof(*ring));
	for (i = 0; i < opt->key_count; i++)
		if (keyring_add(ring, opt->keys[i], err))
			return -1;
	return opt->key_count ? 0 :
	       keyring_add_folders(ring, folders, ARRAY_SIZE(folders), err);
}

/* Reduces @list to the card that --device names, if it does. */
static int select_card(struct card_list *list, const struct options *opt, struct fw_error *err)
{
	struct card *card;

	if (opt->device) {
		card = cards_get(list, opt->device);
		if (!card)
			return fw_fail(err, FW_EXIT_NO_DEVICE,
				       "no OGPU card %s; 'ogpu-fwload list' shows the cards",
				       opt->device);
		if (card != list->cards)
			list->cards[0] = *card;
		list->count = 1;
	}
	return 0;
}

static int find_cards(struct card_list *list, const struct options *opt, struct fw_error *err)
{
	unsigned int i;

	if (cards_find(list, opt->sysfs_root, err))
		return -1;
	if (!select_card(list, opt, err)) {
		for (i = 0; i < list->count; i++)
			card_refresh(&list->cards[i]);
		return 0;
	}
	cards_free(list);
	return -1;
}

/* The cards that load or cancel shall work on: one, unless the user says --all. */
static int find_targets(struct card_list *list, const struct options *opt, struct fw_error *err)
{
	if (find_cards(list, opt, err))
		return -1;
	if (list->count == 1 || (list->count && opt->all))
		return 0;

	if (list->count)
		fw_fail(err, FW_EXIT_USAGE,
			"there are %u cards: name one with --device, or say --all", list->count);
	else
		fw_fail(err, FW_EXIT_NO_DEVICE, "there is no OGPU card");
	cards_free(list);
	return -1;
}

/* Those that pending and update work on: all, unless one is named. */
static int find_cards_here(struct card_list *list, const struct options *opt, struct fw_error *err)
{
	if (find_cards(list, opt, err))
		return -1;
	if (list->count)
		return 0;
	cards_free(list);
	return fw_fail(err, FW_EXIT_NO_DEVICE, "there is no OGPU card");
}

static int cmd_list(const struct options *opt, struct report *report, struct fw_error *err)
{
	struct card_list cards;

	if (find_cards(&cards, opt, err))
		return -1;
	if (opt->command == CMD_STATUS)
		report_uploads(report, &cards);
	else
		report_cards(report, &cards);
	cards_free(&cards);
	return 0;
}

static int cmd_info(const struct options *opt, struct report *report, struct fw_error *err)
{
	struct fw_image image;

	if (image_open(&image, opt->file, err))
		return -1;
	report_image(report, &image);
	image_close(&image);
	return 0;
}

static int verify_for_cards(const struct fw_image *image, const struct public_key *key,
			    const struct options *opt, struct fw_error *err)
{
	struct card_list cards;
	unsigned int i;
	int ret = 0;

	if (find_targets(&cards, opt, err))
		return -1;
	for (i = 0; i < cards.count && !ret; i++) {
		ret = verify_key(image, key, &cards.cards[i], err);
		if (!ret)
			ret = verify_card(image, &cards.cards[i], err);
	}
	cards_free(&cards);
	return ret;
}

static int cmd_verify(const struct options *opt, struct report *report, struct fw_error *err)
{
	const struct public_key *key;
	struct fw_image image;
	struct keyring ring;
	int ret;

	ret = open_keyring(&ring, opt, err);
	if (ret)
		goto free_ring;
	ret = image_open(&image, opt->file, err);
	if (ret)
		goto free_ring;

	ret = verify_signature(&image, &ring, &key, err);
	if (!ret && (opt->device || opt->all))
		ret = verify_for_cards(&image, key, opt, err);
	if (!ret)
		report_verified(report, &image, key->path);

	image_close(&image);
free_ring:
	keyring_free(&ring);
	return ret;
}

/* With --wait, a card may still be on its way: it is being plugged. */
static int wait_for_targets(struct card_list *cards, const struct options *opt, int64_t deadline,
			    struct fw_error *err)
{
	struct waiter pause = { 0 };

	while (find_targets(cards, opt, err)) {
		if (!opt->wait || err->code != FW_EXIT_NO_DEVICE)
			return -1;
		if (waiter_retry(&pause, deadline))
			continue;
		return upload_interrupted() ?
			fw_fail(err, FW_EXIT_CANCELLED, "cancelled while waiting") : -1;
	}
	return 0;
}

/*
 * Puts a card that is ready at this place of the list, if there is one from there on. With --wait,
 * waits until there is: the driver is loading, or does not tell all yet. Cards that never become
 * ready come last, so that they do not use up the time of others.
 */
static struct card *next_target(struct card_list *list, unsigned int place,
				const struct options *opt, int64_t deadline)
{
	struct card *next = &list->cards[place];
	struct waiter pause = { 0 };

	do {
		unsigned int i;

		for (i = place; i < list->count; i++) {
			struct card *card = &list->cards[i], first = *next;

			card_refresh(card);
			if (!card_is_ready(card))
				continue;
			*next = *card;
			if (card != next)
				*card = first;
			return next;
		}
	} while (opt->wait && waiter_retry(&pause, deadline));
	return next;
}

static int rank(enum fw_exit code)
{
	switch (code) {
	case FW_EXIT_NOTHING:
		return 0;
	case FW_EXIT_OK:
		return 1;
	case FW_EXIT_PENDING:
		return 2;
	default:
		return 3;
	}
}

/*
 * The outcome of several cards as one: the first failure; an update that is pending; success if at
 * least one was loaded; nothing to do if that is so for all.
 */
static void merge(struct fw_error *total, const struct fw_error *one, bool first)
{
	if (first || rank(one->code) > rank(total->code))
		*total = *one;
}

static int cmd_load(const struct options *opt, struct report *report, struct fw_error *err)
{
	int64_t deadline = deadline_after(opt->timeout_s);
	struct card_list cards;
	struct keyring ring;
	unsigned int i;
	int ret;

	upload_catch_signals();
	ret = open_keyring(&ring, opt, err);
	if (ret)
		goto free_ring;
	if (opt->command == CMD_PENDING || opt->command == CMD_UPDATE)
		ret = find_cards_here(&cards, opt, err);
	else
		ret = wait_for_targets(&cards, opt, deadline, err);
	if (ret)
		goto free_ring;

	for (i = 0; i < cards.count; i++) {
		struct card *card = next_target(&cards, i, opt, deadline);
		struct load_result result;

		if (opt->command == CMD_PENDING)
			load_pending(card, opt, &ring, &result);
		else if (opt->command == CMD_UPDATE)
			load_update(card, opt, &ring, deadline, &result);
		else
			load_card(card, opt, &ring, deadline, &result);
		report_loaded(report, &result);
		merge(err, &result.error, i == 0);
	}
	ret = err->code ? -1 : 0;

	cards_free(&cards);
free_ring:
	keyring_free(&ring);
	return ret;
}

static int cmd_cancel(const struct options *opt, struct report *report, struct fw_error *err)
{
	int64_t deadline = deadline_after(opt->timeout_s);
	struct card_list cards;
	unsigned int i;

	upload_catch_signals();
	if (find_targets(&cards, opt, err))
		return -1;

	for (i = 0; i < cards.count; i++) {
		struct fw_error one = { .code = FW_EXIT_OK };

		if (!upload_cancel(&cards.cards[i], deadline, &one))
			report_cancelled(report, &cards.cards[i]);
		merge(err, &one, i == 0);
	}
	cards_free(&cards);
	return err->code ? -1 : 0;
}

static void run(const struct options *opt, struct report *report, struct fw_error *err)
{
	switch (opt->command) {
	case CMD_LIST:
	case CMD_STATUS:
		cmd_list(opt, report, err);
		break;
	case CMD_INFO:
		cmd_info(opt, report, err);
		break;
	case CMD_VERIFY:
		cmd_verify(opt, report, err);
		break;
	case CMD_LOAD:
	case CMD_PENDING:
	case CMD_UPDATE:
		cmd_load(opt, report, err);
		break;
	case CMD_CANCEL:
		cmd_cancel(opt, report, err);
		break;
	case CMD_HELP:
	case CMD_VERSION:
		break;
	}
}

int main(int argc, char **argv)
{
	struct fw_error err = { .code = FW_EXIT_OK };
	struct report report;
	struct options opt;

	if (options_parse(&opt, argc, argv, &err)) {
		fprintf(stderr, "ogpu-fwload: %s\n", err.text);
		return err.code;
	}
	if (opt.command == CMD_HELP) {
		options_help();
		return FW_EXIT_OK;
	}
	if (opt.command == CMD_VERSION) {
		printf("ogpu-fwload %s\n", OGPU_VERSION);
		return FW_EXIT_OK;
	}

	keys_init();
	openlog("ogpu-fwload", LOG_PID, LOG_DAEMON);
	report_start(&report, &opt);
	run(&opt, &report, &err);
	return report_finish(&report, &err);
}
