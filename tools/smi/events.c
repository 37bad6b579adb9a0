// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the kernel announces of cards: changes of state, cards that come, go, or are wedged.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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

static void show(const struct event *event, const struct smi_options *opt)
{
	char when[40];
	struct timespec now;
	struct tm utc;
	cJSON *json;
	char *text;

	clock_gettime(CLOCK_REALTIME, &now);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now.tv_sec, &utc));
	if (!opt->json) {
		printf("%s %s %s%s%s%s%s\n", when, event->address, event->action,
		       event->state[0] ? " state=" : "", event->state,
		       event->wedged[0] ? " wedged=" : "", event->wedged);
		fflush(stdout);
		return;
	}
	/* One object in a line, as they come. */
	json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "schema", SMI_SCHEMA);
	cJSON_AddStringToObject(json, "time", when);
	cJSON_AddStringToObject(json, "address", event->address);
	cJSON_AddStringToObject(json, "action", event->action);
	if (event->state[0])
		cJSON_AddStringToObject(json, "state", event->state);
	if (event->wedged[0])
		cJSON_AddStringToObject(json, "wedged", event->wedged);
	text = cJSON_PrintUnformatted(json);
	puts(text ? text : "{}");
	fflush(stdout);
	cJSON_free(text);
	cJSON_Delete(json);
}

/* As cards are named everywhere: with or without the domain 0000. */
static bool is_named(const char *address, const char *name)
{
	return !strcasecmp(address, name) ||
	       (!strncmp(address, "0000:", 5) && !strcasecmp(address + 5, name));
}

int smi_events(const struct smi_options *opt, struct fw_error *err)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	int64_t end = smi_now_ms() + opt->timeout_s * 1000ll;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	unsigned int seen = 0;
	int size = 1 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fw_fail(err, FW_EXIT_FAILED, "cannot listen to the kernel: %s",
			       strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));

	while (!opt->count || seen < opt->count) {
		struct sockaddr_nl from = { 0 };
		socklen_t length = sizeof(from);
		int64_t left = end - smi_now_ms();
		struct event event;
		char text[8192];
		ssize_t got;

		if (opt->timeout_s && (left <= 0 || !poll(&ready, 1, (int)left)))
			break;
		got = recvfrom(fd, text, sizeof(text) - 1, opt->timeout_s ? MSG_DONTWAIT : 0,
			       (struct sockaddr *)&from, &length);
		if (got < 0 && errno != ENOBUFS && errno != EINTR && errno != EAGAIN) {
			close(fd);
			return fw_fail(err, FW_EXIT_FAILED, "cannot listen to the kernel: %s",
				       strerror(errno));
		}
		/* Only the kernel's own; an overrun is told, for what is lost cannot be. */
		if (got < 0 && errno == ENOBUFS)
			fw_warn("events were lost");
		if (got <= 0 || from.nl_pid)
			continue;
		text[got] = '\0';
		parse(&event, text, (size_t)got);
		if (!event.ours || (opt->device && !is_named(event.address, opt->device)))
			continue;
		show(&event, opt);
		seen++;
	}
	close(fd);
	return opt->count && seen < opt->count ?
	       fw_fail(err, FW_EXIT_TIMEOUT, "%u of %u events came in time", seen, opt->count) : 0;
}
