/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Cards as sysfs shows them: the PCI function with the attributes of the driver, and the kernel's
 * firmware-upload device that belongs to it.
 */
#ifndef OGPU_LOADER_DEVICE_H
#define OGPU_LOADER_DEVICE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#define CARD_TEXT	64
#define SYSFS_ROOT	"/sys"

/* Words of the driver's "state" attribute that matter here, and two that only we know. */
#define CARD_STATE_BOOTING	"booting"
#define CARD_STATE_RUNNING	"running"
#define CARD_STATE_RESETTING	"resetting"
#define CARD_STATE_NO_DRIVER	"no-driver"
#define CARD_STATE_UNKNOWN	"unknown"

struct card {
	char address[CARD_TEXT];	/* 0000:03:00.0 */
	char pci_dir[PATH_MAX];
	char upload_dir[PATH_MAX];
	char run_dir[PATH_MAX];		/* for the lock; need not exist */

	uint32_t vendor, device;
	char driver[CARD_TEXT];		/* empty: none */
	char state[CARD_TEXT];

	bool known;			/* the driver told all of these */
	uint32_t board_id, hw_rev;
	uint32_t min_svn;
	uint32_t driver_abi;
	uint32_t fw_abi[2];		/* messages that the driver speaks: lowest, highest */

	char fw_version[CARD_TEXT];	/* empty: none runs */
	char fw_build_id[CARD_TEXT];
	char fw_hash[CARD_TEXT + 1];	/* SHA-256 of what is signed, hexadecimal */
	char fw_key[CARD_TEXT];		/* of the key that it is signed with */

	/* Empty if there is no upload device. */
	char upload_status[CARD_TEXT];
	char upload_error[CARD_TEXT];
	uint32_t upload_remaining;
};

struct card_list {
	struct card *cards;
	unsigned int count;
};

/**
 * cards_find() - find all OGPU cards, with or without driver
 * @list: filled in order of addresses, with IDs and driver only; to be freed after success
 * @sysfs_root: "/sys", or another tree
 * @err: filled in case of error
 *
 * Return: 0, also if there is none, or -1.
 */
int cards_find(struct card_list *list, const char *sysfs_root, struct fw_error *err);

/**
 * cards_free() - free a list
 * @list: empty afterwards
 */
void cards_free(struct card_list *list);

/**
 * cards_get() - look for a card
 * @list: where
 * @name: "0000:03:00.0", "03:00.0" or the name of the upload device, "ogpu-0000:03:00.0"
 *
 * Return: the card in @list, or NULL.
 */
struct card *cards_get(const struct card_list *list, const char *name);

/**
 * card_refresh() - read all attributes of a card again
 * @card: what cannot be read becomes empty; a card that is gone has no driver
 */
void card_refresh(struct card *card);

/**
 * card_has_driver() - is our driver bound to the card?
 * @card: the card
 *
 * Return: true if so.
 */
bool card_has_driver(const struct card *card);

/**
 * driver_is_loaded() - is our driver there, bound to a card or not?
 * @sysfs_root: "/sys", or another tree
 *
 * Return: true if so.
 */
bool driver_is_loaded(const char *sysfs_root);

/**
 * card_is_ready() - is our driver bound to the card, and has it told all about it?
 * @card: the card
 *
 * The attributes come a moment after the driver has been bound.
 *
 * Return: true if so.
 */
bool card_is_ready(const struct card *card);

/**
 * attr_open() - open an attribute
 * @dir: folder in sysfs
 * @name: of the attribute
 * @flags: as of open()
 *
 * Return: a descriptor or a negative errno.
 */
int attr_open(const char *dir, const char *name, int flags);

/**
 * attr_read() - read an attribute
 * @dir: folder in sysfs
 * @name: of the attribute
 * @text: filled with the contents up to the first newline, empty in case of error
 * @size: room in @text
 *
 * Return: 0 or a negative errno.
 */
int attr_read(const char *dir, const char *name, char *text, unsigned int size);

/**
 * attr_write() - write an attribute
 * @dir: folder in sysfs
 * @name: of the attribute
 * @text: what to write
 *
 * Return: 0 or a negative errno.
 */
int attr_write(const char *dir, const char *name, const char *text);

#endif
