/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The mailbox: taking requests, sending messages, log text. */
#ifndef FW_MAILBOX_H
#define FW_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/mbox.h"

void mailbox_open(void);
bool mailbox_room(void);
void mailbox_send(const struct ogpu_msg *msg);
bool mailbox_waiting(void);
bool mailbox_take(struct ogpu_msg *msg);
void mailbox_show_progress(uint32_t ms);
void mailbox_log(const char *text, uint32_t bytes);

#endif
