/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the driver tells of cards and queues: lines of the attribute "events", as they come.
 */
#ifndef OGPU_SMI_EVENTLOG_H
#define OGPU_SMI_EVENTLOG_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "smi.h"

struct eventlog_line {
	const char *address;
	uint64_t seq;
	uint64_t lost;			/* lines that came before it and are not there any more */
	unsigned int event;		/* number, see docs/operating.md */
	char text[256];			/* what happened, and what to do */
};

/* Those of all cards. pollfds[i] is for cards[i]. */
struct eventlog {
	unsigned int count;
	bool refused;			/* somebody else may read them, but not we */
	struct eventlog_card {
		char address[CARD_TEXT];
		uint64_t seq;		/* of the last line that was told */
	} cards[SMI_MAX_CARDS];
	struct pollfd pollfds[SMI_MAX_CARDS];
};

/* Cards that are new are told of from now on, or with @all from their first event. */
void eventlog_scan(struct eventlog *log, const struct smi_options *opt, bool all);
/* Calls @tell for each new line of a card that poll() names. One that is gone is left out. */
void eventlog_read(struct eventlog *log, void (*tell)(const struct eventlog_line *line, void *arg),
		   void *arg);
void eventlog_close(struct eventlog *log);

#endif
