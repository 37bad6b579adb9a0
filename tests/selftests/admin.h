/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The administrator's side of a card, for tests: sysfs, uevents, firmware loader, and faults that a
 * virtual GPU is told to have.
 */
#ifndef _ADMIN_H_
#define _ADMIN_H_

#include <stdbool.h>

#define ADMIN_WAIT_MS	30000

/** struct admin - a card, whether the driver is bound to it or not */
struct admin {
	/** @number: in the order of addresses, from 0 */
	int number;
	/** @address: on the PCI bus */
	char address[32];
	/** @dir: of the device in sysfs */
	char dir[64];
};

/* False if there is none of that number. */
bool admin_init(struct admin *admin, int number);

/* Attributes of the device. Reading gives "" if there is no such attribute any more. */
bool admin_write(const struct admin *admin, const char *attribute, const char *text);
void admin_read(const struct admin *admin, const char *attribute, char *text, int size);
bool admin_is(const struct admin *admin, const char *attribute, const char *text);
/* Waits for it at most ADMIN_WAIT_MS. */
bool admin_wait(const struct admin *admin, const char *attribute, const char *text);

/* When it is bound again it waits for firmware; or starts with what ran. */
bool admin_unbind(const struct admin *admin);
bool admin_unbind_kept(const struct admin *admin);
bool admin_bind(const struct admin *admin);
/* Looks for cards that are not there. */
bool admin_rescan(void);
/* Exit status of the firmware loader. */
int admin_load_firmware(const struct admin *admin);
/* Runs a line in a shell; false if that fails. */
bool admin_run(const char *command);

/* For uevents from now on; -1 if that is not possible. */
int admin_open_uevents(void);
/* Waits at most ADMIN_WAIT_MS for an event with this line. */
bool admin_wait_uevent(int fd, const char *line);

/* Is it a virtual GPU that can be told to fail? */
bool admin_has_control(const struct admin *admin);
/* A command for it, as its manual page lists them. */
bool admin_control(const struct admin *admin, const char *json);

#endif
