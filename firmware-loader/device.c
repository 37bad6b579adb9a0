// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Cards as sysfs shows them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/regs.h"
#include "device.h"
#include "util.h"

#define DRIVER_NAME	"ogpu"
#define UPLOAD_PREFIX	"ogpu-"
#define RUN_DIR		"/run/ogpu"

int attr_open(const char *dir, const char *name, int flags)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	flags = open(path, flags | O_CLOEXEC);
	return flags < 0 ? -errno : flags;
}

int attr_read(const char *dir, const char *name, char *text, unsigned int size)
{
	int fd = attr_open(dir, name, O_RDONLY);
	ssize_t got;

	text[0] = '\0';
	if (fd < 0)
		return fd;
	got = read(fd, text, size - 1);
	if (got < 0)
		got = -errno;
	close(fd);
	if (got < 0)
		return (int)got;

	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int attr_write(const char *dir, const char *name, const char *text)
{
	int fd = attr_open(dir, name, O_WRONLY | O_TRUNC);
	int ret = 0;

	if (fd < 0)
		return fd;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static bool attr_read_u32(const char *dir, const char *name, uint32_t *value)
{
	char text[CARD_TEXT];

	*value = 0;
	return !attr_read(dir, name, text, sizeof(text)) && parse_u32(text, UINT32_MAX, value);
}

/* A range as in "2-3". */
static bool attr_read_range(const char *dir, const char *name, uint32_t range[2])
{
	char text[CARD_TEXT];

	memset(range, 0, 2 * sizeof(*range));
	return !attr_read(dir, name, text, sizeof(text)) &&
	       parse_range(text, UINT32_MAX, &range[0], &range[1]);
}

static void read_driver(struct card *card)
{
	char path[PATH_MAX + 8], target[PATH_MAX];
	const char *base;
	ssize_t len;

	card->driver[0] = '\0';
	snprintf(path, sizeof(path), "%s/driver", card->pci_dir);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return;
	target[len] = '\0';
	base = strrchr(target, '/');
	snprintf(card->driver, sizeof(card->driver), "%.*s", CARD_TEXT - 1,
		 base ? base + 1 : target);
}

bool card_has_driver(const struct card *card)
{
	return !strcmp(card->driver, DRIVER_NAME);
}

bool driver_is_loaded(const char *sysfs_root)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/bus/pci/drivers/" DRIVER_NAME, sysfs_root) <
		       (int)sizeof(path) &&
	       !access(path, F_OK);
}

bool card_is_ready(const struct card *card)
{
	return card_has_driver(card) && card->known;
}

void card_refresh(struct card *card)
{
	read_driver(card);

	if (attr_read(card->pci_dir, "state", card->state, sizeof(card->state)))
		snprintf(card->state, sizeof(card->state), "%s",
			 card->driver[0] ? CARD_STATE_UNKNOWN : CARD_STATE_NO_DRIVER);

	card->known = attr_read_u32(card->pci_dir, "board_id", &card->board_id);
	card->known &= attr_read_u32(card->pci_dir, "hw_rev", &card->hw_rev);
	card->known &= attr_read_u32(card->pci_dir, "min_svn", &card->min_svn);
	card->known &= attr_read_u32(card->pci_dir, "driver_abi", &card->driver_abi);
	card->known &= attr_read_range(card->pci_dir, "firmware_abi_range", card->fw_abi);

	attr_read(card->pci_dir, "firmware_version", card->fw_version, sizeof(card->fw_version));
	attr_read(card->pci_dir, "firmware_build_id", card->fw_build_id,
		  sizeof(card->fw_build_id));
	attr_read(card->pci_dir, "firmware_hash", card->fw_hash, sizeof(card->fw_hash));
	attr_read(card->pci_dir, "firmware_key", card->fw_key, sizeof(card->fw_key));

	attr_read(card->upload_dir, "status", card->upload_status, sizeof(card->upload_status));
	attr_read(card->upload_dir, "error", card->upload_error, sizeof(card->upload_error));
	attr_read_u32(card->upload_dir, "remaining_size", &card->upload_remaining);
}

/* Fills @card if @address is an OGPU card. */
static bool card_probe(struct card *card, const char *sysfs_root, const char *address)
{
	/* Another tree has locks of its own, so that tests touch nothing else. */
	const char *run_root = strcmp(sysfs_root, SYSFS_ROOT) ? sysfs_root : "";

	memset(card, 0, sizeof(*card));
	if (strlen(address) >= sizeof(card->address) ||
	    snprintf(card->pci_dir, sizeof(card->pci_dir), "%s/bus/pci/devices/%s", sysfs_root,
		     address) >= (int)sizeof(card->pci_dir) ||
	    snprintf(card->upload_dir, sizeof(card->upload_dir), "%s/class/firmware/%s%s",
		     sysfs_root, UPLOAD_PREFIX, address) >= (int)sizeof(card->upload_dir) ||
	    snprintf(card->run_dir, sizeof(card->run_dir), "%s" RUN_DIR, run_root) >=
		     (int)sizeof(card->run_dir))
		return false;
	memcpy(card->address, address, strlen(address) + 1);

	if (!attr_read_u32(card->pci_dir, "vendor", &card->vendor) ||
	    !attr_read_u32(card->pci_dir, "device", &card->device))
		return false;
	/* Whatever the driver took is a card. Without a driver there are only the IDs to tell. */
	read_driver(card);
	return card_has_driver(card) ||
	       (card->vendor == OGPU_PCI_VENDOR && card->device == OGPU_PCI_DEVICE_OGPU1);
}

static int is_not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int cards_find(struct card_list *list, const char *sysfs_root, struct fw_error *err)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int i, count;

	memset(list, 0, sizeof(*list));
	snprintf(path, sizeof(path), "%s/bus/pci/devices", sysfs_root);
	count = scandir(path, &entries, is_not_hidden, alphasort);
	if (count < 0)
		return fw_fail(err, FW_EXIT_NO_DEVICE, "%s: %s", path, strerror(errno));

	list->cards = calloc((size_t)count + 1, sizeof(*list->cards));
	for (i = 0; i < count; i++) {
		struct card *card = list->cards ? &list->cards[list->count] : NULL;

		if (card && card_probe(card, sysfs_root, entries[i]->d_name))
			list->count++;
		free(entries[i]);
	}
	free(entries);
	if (!list->cards)
		return fw_fail(err, FW_EXIT_FAILED, "out of memory");
	return 0;
}

void cards_free(struct card_list *list)
{
	free(list->cards);
	memset(list, 0, sizeof(*list));
}

struct card *cards_get(const struct card_list *list, const char *name)
{
	unsigned int i;

	if (!strncmp(name, UPLOAD_PREFIX, strlen(UPLOAD_PREFIX)))
		name += strlen(UPLOAD_PREFIX);

	for (i = 0; i < list->count; i++) {
		const char *address = list->cards[i].address;

		if (!strcasecmp(address, name) ||
		    (!strncmp(address, "0000:", 5) && !strcasecmp(address + 5, name)))
			return &list->cards[i];
	}
	return NULL;
}
