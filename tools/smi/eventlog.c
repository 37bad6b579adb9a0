// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the driver tells of cards and queues: lines of the attribute "events", as they come. It has
 * the last ones with numbers that rise, so that what came too fast for us is seen to be missing.
 * Reading it asks nothing of the card.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eventlog.h"
#include "util.h"

#define PAGE_BYTES	4096

static bool parse(const char *text, struct eventlog_line *line)
{
	return sscanf(text, "%" SCNu64 " %*u.%*u event %u: %255[^\n]", &line->seq, &line->event,
		      line->text) == 3;
}

/* False if the card is gone. */
static bool read_card(struct eventlog *log, unsigned int i,
		      void (*tell)(const struct eventlog_line *line, void *arg), void *arg)
{
	struct eventlog_card *card = &log->cards[i];
	struct eventlog_line line = { .address = card->address };
	char page[PAGE_BYTES + 1], *text, *next = page;
	ssize_t bytes = pread(log->pollfds[i].fd, page, PAGE_BYTES, 0);

	if (bytes < 0)
		return errno == EINTR;
	page[bytes] = '\0';
	while ((text = strsep(&next, "\n")) && next) {
		if (!parse(text, &line) || line.seq <= card->seq)
			continue;
		line.lost = card->seq ? line.seq - card->seq - 1 : 0;
		card->seq = line.seq;
		if (tell)
			tell(&line, arg);
	}
	return true;
}

static void leave_out(struct eventlog *log, unsigned int i)
{
	close(log->pollfds[i].fd);
	log->count--;
	log->cards[i] = log->cards[log->count];
	log->pollfds[i] = log->pollfds[log->count];
}

static bool is_known(const struct eventlog *log, const char *address)
{
	unsigned int i;

	for (i = 0; i < log->count; i++) {
		if (!strcmp(log->cards[i].address, address))
			return true;
	}
	return false;
}

void eventlog_scan(struct eventlog *log, const struct smi_options *opt, bool all)
{
	char pattern[512], path[512], address[CARD_TEXT];
	glob_t found;
	size_t i;

	snprintf(pattern, sizeof(pattern), "%s/bus/pci/drivers/ogpu/*:*", opt->sysfs_root);
	if (glob(pattern, 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc && log->count < SMI_MAX_CARDS; i++) {
		unsigned int number = log->count;
		int fd;

		snprintf(address, sizeof(address), "%.63s", strrchr(found.gl_pathv[i], '/') + 1);
		if (is_known(log, address))
			continue;
		snprintf(path, sizeof(path), "%.500s/events", found.gl_pathv[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			log->refused |= errno == EACCES;
			continue;
		}
		memset(&log->cards[number], 0, sizeof(log->cards[number]));
		memcpy(log->cards[number].address, address, sizeof(address));
		log->pollfds[number] = (struct pollfd){ .fd = fd, .events = POLLPRI };
		log->count++;
		/* Of a new card, poll() says at once that there is something. */
		if (!all && !read_card(log, number, NULL, NULL))
			leave_out(log, number);
	}
	globfree(&found);
}

void eventlog_read(struct eventlog *log, void (*tell)(const struct eventlog_line *line, void *arg),
		   void *arg)
{
	unsigned int i = 0;

	while (i < log->count) {
		if (log->pollfds[i].revents && !read_card(log, i, tell, arg))
			leave_out(log, i);
		else
			i++;
	}
}

void eventlog_close(struct eventlog *log)
{
	while (log->count)
		leave_out(log, 0);
}
