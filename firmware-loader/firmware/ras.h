/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Errors of memories and links, spare pages, and the counter of the security version. */
#ifndef FW_RAS_H
#define FW_RAS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/mbox.h"

void ras_look(void);
void ras_run(uint64_t now);
uint64_t ras_deadline(void);
enum ogpu_msg_status ras_request(const struct ogpu_msg_ras_query *query,
				 struct ogpu_msg_ras *answer);
enum ogpu_msg_status svn_commit(const struct ogpu_msg_svn *request, struct ogpu_msg_svn *answer);

#endif
