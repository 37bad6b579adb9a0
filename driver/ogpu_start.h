/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Starting a card: trouble meanwhile, and waiting for those who hold it.
 */
#ifndef _OGPU_START_H_
#define _OGPU_START_H_

#include "ogpu_report.h"

struct ogpu_device;

void ogpu_start_begin(struct ogpu_device *odev);
void ogpu_start_note(struct ogpu_device *odev, enum ogpu_trouble trouble);
int ogpu_start_end(struct ogpu_device *odev);
void ogpu_start_running(struct ogpu_device *odev);
void ogpu_start_wait(struct ogpu_device *odev);
void ogpu_start_wake(struct ogpu_device *odev);

#endif
