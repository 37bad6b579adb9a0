// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Cards that take no new programs, for who wants to update, reset or remove one: nobody but root
 * may open their device files, and those that have them open go on. A file for each such card in
 * /run/ogpu/drained remembers the permissions; a udev rule sees it too, so that a card that is
 * bound again stays closed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "smi.h"
#include "util.h"

#define DRAINED_DIR	"ogpu/drained"
#define POLL_US		200000
#define MAX_NODES	8

struct nodes {
	unsigned int count;
	char name[MAX_NODES][CARD_TEXT];
};

static void marker_path(const struct smi_options *opt, const char *address, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" DRAINED_DIR "/%s", opt->run_root, address);
}

bool smi_is_drained(const struct smi_options *opt, const char *address)
{
	char path[PATH_MAX];

	marker_path(opt, address, path);
	/* Where nobody but root may look it might be. */
	return !access(path, F_OK) || errno != ENOENT;
}

/* The device files of a card: it may be used by any of them. */
static void find_nodes(const struct smi_card *card, struct nodes *nodes)
{
	char path[PATH_MAX + 16];
	struct dirent *entry;
	DIR *dir;

	nodes->count = 0;
	snprintf(path, sizeof(path), "%s/drm", card->card.pci_dir);
	dir = opendir(path);
	while (dir && nodes->count < MAX_NODES && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "renderD", 7) || !strncmp(entry->d_name, "card", 4))
			snprintf(nodes->name[nodes->count++], CARD_TEXT, "%.63s", entry->d_name);
	if (dir)
		closedir(dir);
}

static int set_mode(const struct smi_options *opt, const char *node, unsigned int mode,
		    struct fw_error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/dri/%s", opt->dev_root, node);
	if (chmod(path, mode))
		return fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
	return 0;
}

/* udev takes away, or gives again, what users at the console may do. */
static void tell_udev(const struct smi_card *card, const struct nodes *nodes)
{
	char dir[PATH_MAX + CARD_TEXT + 8];
	unsigned int i;

	for (i = 0; i < nodes->count; i++) {
		snprintf(dir, sizeof(dir), "%s/drm/%s", card->card.pci_dir, nodes->name[i]);
		attr_write(dir, "uevent", "change");
	}
}

/* Everybody may know which cards are drained, whatever the umask. */
static int make_folder(const struct smi_options *opt, const char *name, struct fw_error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", opt->run_root, name);
	if ((mkdir(path, 0755) && errno != EEXIST) || chmod(path, 0755))
		return fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
	return 0;
}

/* Remembers what the device files were, before any is closed. */
static int write_marker(const struct smi_card *card, const struct smi_options *opt,
			struct fw_error *err)
{
	char text[MAX_NODES * (CARD_TEXT + 8)], path[PATH_MAX];
	struct nodes nodes;
	size_t used = 0;
	struct stat st;
	unsigned int i;

	find_nodes(card, &nodes);
	for (i = 0; i < nodes.count; i++) {
		snprintf(path, sizeof(path), "%s/dri/%s", opt->dev_root, nodes.name[i]);
		if (stat(path, &st))
			return fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %o\n",
					 nodes.name[i], st.st_mode & 0777);
	}
	marker_path(opt, card->card.address, path);
	if (make_folder(opt, "ogpu", err) || make_folder(opt, DRAINED_DIR, err))
		return -1;
	return file_write(path, 0644, text, used, err);
}

static int drain_one(struct smi_card *card, const struct smi_options *opt, struct fw_error *err)
{
	struct nodes nodes;
	unsigned int i;
	int ret = 0;

	if (!card->drained && write_marker(card, opt, err))
		return -1;
	card->drained = true;
	/* From here on udev closes those that come; those that came meanwhile are found here. */
	find_nodes(card, &nodes);
	for (i = 0; i < nodes.count; i++)
		ret |= set_mode(opt, nodes.name[i], 0, err);
	tell_udev(card, &nodes);
	return ret;
}

static int return_one(struct smi_card *card, const struct smi_options *opt, struct fw_error *err)
{
	char path[PATH_MAX], text[MAX_NODES * (CARD_TEXT + 8)], *line, *rest = text;
	struct nodes nodes;
	unsigned int i, mode;
	uint8_t *data;
	size_t size;
	int ret = 0;

	marker_path(opt, card->card.address, path);
	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	if (file_read(path, sizeof(text) - 1, &data, &size, err))
		return -1;
	memcpy(text, data, size);
	text[size] = '\0';
	free(data);
	if (unlink(path))
		return fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
	card->drained = false;

	/*
	 * A card that was bound again since may have others, which udev sees to. It is told in any
	 * case: nothing but that would open them again.
	 */
	find_nodes(card, &nodes);
	while ((line = strsep(&rest, "\n"))) {
		char name[CARD_TEXT];

		if (sscanf(line, "%63s %o", name, &mode) != 2)
			continue;
		for (i = 0; i < nodes.count; i++)
			if (!strcmp(name, nodes.name[i]))
				ret |= set_mode(opt, name, mode & 0777, err);
	}
	tell_udev(card, &nodes);
	return ret;
}

/*
 * Until no program has one of the cards open any more, or time is over. Return: how many have, at
 * least one if not all could be read, or -1.
 */
static int wait_unused(const struct smi_cards *cards, const struct smi_options *opt,
		       struct fw_error *err)
{
	int64_t deadline = smi_now_ms() + opt->timeout_s * 1000ll;
	struct smi_uses uses;
	int users;

	for (;;) {
		if (smi_scan(&uses, cards, opt, err))
			return -1;
		users = uses.count || uses.complete ? (int)uses.count : 1;
		smi_scan_free(&uses);
		if (!users || smi_now_ms() >= deadline)
			return users;
		usleep(POLL_US);
	}
}

/* One that fails does not keep others from being drained; the first failure is told. */
int smi_drain(struct smi_cards *cards, const struct smi_options *opt, struct fw_error *err)
{
	bool drain = !strcmp(opt->command, "drain");
	struct fw_error one;
	int users, ret = 0;
	unsigned int i;

	if (!opt->device && !opt->all)
		return fw_fail(err, FW_EXIT_USAGE, "%s: name a card with -d, or --all",
			       opt->command);
	for (i = 0; i < cards->count; i++) {
		if (!(drain ? drain_one(&cards->cards[i], opt, &one) :
			      return_one(&cards->cards[i], opt, &one)))
			continue;
		if (!ret)
			*err = one;
		else
			fw_warn("%s", one.text);
		ret = -1;
	}
	for (i = 0; i < cards->count; i++)
		smi_judge(&cards->cards[i]);
	if (!drain || ret)
		return ret;

	users = wait_unused(cards, opt, err);
	if (users < 0)
		return -1;
	if (users && opt->timeout_s)
		return fw_fail(err, FW_EXIT_TIMEOUT,
			       "drained, but %d clients go on; 'ogpu-smi ps' shows them", users);
	if (users && !opt->json && !opt->quiet)
		printf("%d clients go on; 'ogpu-smi ps' shows them\n", users);
	return 0;
}
