/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * How a test has the machine sleep. The harness sees to it that something wakes it up.
 */
#ifndef _NAP_H_
#define _NAP_H_

#include <stdbool.h>

/* Writes a word to a file of the kernel; errno says why not. */
bool nap_put(const char *path, const char *word);
/* Whether a word is in a file of the kernel. */
bool nap_offers(const char *path, const char *word);
/* Skips the test if it is not. */
void nap_need(const char *path, const char *word);
/* Returns when it is awake: 0 or a negative errno. */
int nap_machine(const char *state);
/* Once, the quickest way that the kernel has: only the card is stopped and started anew, or all. */
void nap_once(void);

#endif
