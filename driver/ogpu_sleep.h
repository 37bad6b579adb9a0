/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Sleep: the card loses its power, and what is on it is kept.
 */
#ifndef _OGPU_SLEEP_H_
#define _OGPU_SLEEP_H_

struct ogpu_device;

int ogpu_sleep_init(struct ogpu_device *odev);
int ogpu_sleep_begin(struct ogpu_device *odev);
void ogpu_sleep_begin_off(struct ogpu_device *odev);
void ogpu_sleep_end(struct ogpu_device *odev);

#endif
