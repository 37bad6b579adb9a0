// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What happens to cards, as it comes: what the kernel announces (changes of state, cards that come,
 * go, or are wedged), and what the driver tells of them and of queues that fail.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "eventlog.h"
#include "smi.h"
#include "util.h"

#define KERNEL_GROUP	1

struct event {
	char action[32];
	char address[CARD_TEXT];
	char state[CARD_TEXT];
	char wedged[CARD_TEXT];
	bool ours;
};

static void copy_value(char *to, const char *line, const char *key)
{
	size_t length = strlen(key);

	if (!strncmp(line, key, length))
		snprintf(to, CARD_TEXT, "%.63s", line + length);
}

/* Lines of a uevent, each ended by NUL; the first is "ACTION@PATH". */
static void parse(struct event *event, const char *text, size_t size)
{
	const char *end = text + size, *line, *slash;
	char path[512] = "", driver[CARD_TEXT] = "";

	memset(event, 0, sizeof(*event));
	for (line = text; line < end; line += strlen(line) + 1) {
		if (!strncmp(line, "ACTION=", 7))
			snprintf(event->action, sizeof(event->action), "%.31s", line + 7);
		if (!strncmp(line, "DEVPATH=", 8))
			snprintf(path, sizeof(path), "%.511s", line + 8);
		copy_value(driver, line, "DRIVER=");
		copy_value(event->address, line, "PCI_SLOT_NAME=");
		copy_value(event->state, line, "OGPU_STATE=");
		copy_value(event->wedged, line, "WEDGED=");
	}

	/* WEDGED comes from the DRM device, whose path goes on behind the card's address. */
	if (!event->address[0] && event->wedged[0]) {
		slash = strstr(path, "/drm/");
		if (slash) {
			path[slash - path] = '\0';
			slash = strrchr(path, '/');
			snprintf(event->address, sizeof(event->address), "%.63s",
				 slash ? slash + 1 : path);
		}
	}
	event->ours = event->state[0] || event->wedged[0] || !strcmp(driver, "ogpu");
}

/* What is told, and how much of it has come. */
struct listener {
	const struct smi_options *opt;
	struct eventlog log;
	unsigned int seen;
};

static void now_text(char text[40])
{
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	strftime(text, 40, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now.tv_sec, &utc));
}

/* One object in a line, as they come. */
static cJSON *start_line(const char *address)
{
	cJSON *json = cJSON_CreateObject();
	char when[40];

	now_text(when);
	cJSON_AddNumberToObject(json, "schema", SMI_SCHEMA);
	cJSON_AddStringToObject(json, "time", when);
	cJSON_AddStringToObject(json, "address", address);
	return json;
}

static void end_line(cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	puts(text ? text : "{}");
	fflush(stdout);
	cJSON_free(text);
	cJSON_Delete(json);
}

static void show(const struct event *event, const struct smi_options *opt)
{
	char when[40];
	cJSON *json;

	if (!opt->json) {
		now_text(when);
		printf("%s %s %s%s%s%s%s\n", when, event->address, event->action,
		       event->state[0] ? " state=" : "", event->state,
		       event->wedged[0] ? " wedged=" : "", event->wedged);
		fflush(stdout);
		return;
	}
	json = start_line(event->address);
	cJSON_AddStringToObject(json, "action", event->action);
	if (event->state[0])
		cJSON_AddStringToObject(json, "state", event->state);
	if (event->wedged[0])
		cJSON_AddStringToObject(json, "wedged", event->wedged);
	end_line(json);
}

/* As cards are named everywhere: with or without the domain 0000. */
static bool is_named(const char *address, const char *name)
{
	return !strcasecmp(address, name) ||
	       (!strncmp(address, "0000:", 5) && !strcasecmp(address + 5, name));
}

static bool is_wanted(const char *address, const struct smi_options *opt)
{
	return !opt->device || is_named(address, opt->device);
}

static bool is_done(const struct listener *l)
{
	return l->opt->count && l->seen >= l->opt->count;
}

static void show_line(const struct eventlog_line *line, void *arg)
{
	struct listener *l = arg;
	char when[40];
	cJSON *json;

	if (is_done(l) || !is_wanted(line->address, l->opt))
		return;
	if (line->lost)
		fw_warn("%s: %" PRIu64 " events were lost", line->address, line->lost);
	l->seen++;
	if (!l->opt->json) {
		now_text(when);
		printf("%s %s event=%u %s\n", when, line->address, line->event, line->text);
		fflush(stdout);
		return;
	}
	json = start_line(line->address);
	cJSON_AddStringToObject(json, "action", "event");
	cJSON_AddNumberToObject(json, "event", line->event);
	cJSON_AddNumberToObject(json, "seq", (double)line->seq);
	cJSON_AddStringToObject(json, "text", line->text);
	end_line(json);
}

/* One message of the kernel, if there is one. 0 or an exit code. */
static int hear_kernel(struct listener *l, int fd, struct fw_error *err)
{
	struct sockaddr_nl from = { 0 };
	socklen_t length = sizeof(from);
	struct event event;
	char text[8192];
	ssize_t got = recvfrom(fd, text, sizeof(text) - 1, MSG_DONTWAIT,
			       (struct sockaddr *)&from, &length);

	/* An overrun is told, for what is lost cannot be; cards may have come. */
	if (got < 0 && errno == ENOBUFS) {
		fw_warn("events were lost");
		eventlog_scan(&l->log, l->opt, true);
	} else if (got < 0 && errno != EINTR && errno != EAGAIN) {
		return fw_fail(err, FW_EXIT_FAILED, "cannot listen to the kernel: %s",
			       strerror(errno));
	}
	/* Only the kernel's own. */
	if (got <= 0 || from.nl_pid)
		return 0;
	text[got] = '\0';
	parse(&event, text, (size_t)got);
	if (!event.ours)
		return 0;
	eventlog_scan(&l->log, l->opt, true);
	if (!is_wanted(event.address, l->opt))
		return 0;
	show(&event, l->opt);
	l->seen++;
	return 0;
}

static int listen_to(struct listener *l, int fd, struct fw_error *err)
{
	const struct smi_options *opt = l->opt;
	int64_t end = smi_now_ms() + opt->timeout_s * 1000ll;
	struct pollfd fds[1 + SMI_MAX_CARDS];
	int status = 0;

	while (!status && !is_done(l)) {
		int64_t left = end - smi_now_ms();

		if (opt->timeout_s && left <= 0)
			break;
		fds[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
		memcpy(fds + 1, l->log.pollfds, l->log.count * sizeof(fds[0]));
		if (poll(fds, 1 + l->log.count, opt->timeout_s ? (int)left : -1) <= 0)
			continue;
		memcpy(l->log.pollfds, fds + 1, l->log.count * sizeof(fds[0]));
		eventlog_read(&l->log, show_line, l);
		if (fds[0].revents && !is_done(l))
			status = hear_kernel(l, fd, err);
	}
	return status;
}

int smi_events(const struct smi_options *opt, struct fw_error *err)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	struct listener *l = calloc(1, sizeof(*l));
	int size = 1 << 20, status;

	if (!l || fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		status = fw_fail(err, FW_EXIT_FAILED, "cannot listen to the kernel: %s",
				 strerror(errno));
		goto out;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	l->opt = opt;
	eventlog_scan(&l->log, opt, false);
	if (l->log.refused)
		fw_warn("only root is told which queues fail and why cards are reset");
	status = listen_to(l, fd, err);
	if (!status && opt->count && !is_done(l))
		status = fw_fail(err, FW_EXIT_TIMEOUT, "%u of %u events came in time", l->seen,
				 opt->count);
	eventlog_close(&l->log);
out:
	if (fd >= 0)
		close(fd);
	free(l);
	return status;
}
