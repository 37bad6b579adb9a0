/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Requests of the host. */
#ifndef FW_REQUEST_H
#define FW_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

void request_serve(uint64_t now);
bool request_blocked(void);
bool request_more(void);
bool request_alerts_wanted(void);

#endif
