/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* How much time firmware has had, as far as it was run: see progress.c. */
#ifndef FW_PROGRESS_H
#define FW_PROGRESS_H

#include <stdint.h>

#define PROGRESS_ROUND_NS	2000000ull	/* of a round that did not mean to sleep longer */

void progress_init(uint64_t now);
void progress_round(uint64_t now);
void progress_sleep(uint64_t until);
uint32_t progress_ms(void);

#endif
