// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The administrator's side of a card (see admin.h).
 */
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin.h"
#include "card.h"

#define DEVICES	"/sys/bus/pci/devices"
#define DRIVER	"/sys/bus/pci/drivers/ogpu"
/* Of the virtual GPU. */
#define VENDOR	"0x1234"
#define DEVICE	"0x0601"

static void set_address(struct admin *admin, char *path)
{
	snprintf(admin->dir, sizeof(admin->dir), "%s", path);
	snprintf(admin->address, sizeof(admin->address), "%s", basename(path));
}

bool admin_init(struct admin *admin, int number)
{
	bool found = false;
	glob_t paths;
	size_t i;

	if (glob(DEVICES "/*", 0, NULL, &paths))
		return false;
	admin->number = number;
	for (i = 0; i < paths.gl_pathc && !found; i++) {
		set_address(admin, paths.gl_pathv[i]);
		found = admin_is(admin, "vendor", VENDOR) && admin_is(admin, "device", DEVICE) &&
			!number--;
	}
	globfree(&paths);

	return found;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (!ok)
		printf("# cannot write %s to %s: %m\n", text, path);
	if (fd >= 0)
		close(fd);

	return ok;
}

bool admin_write(const struct admin *admin, const char *attribute, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", admin->dir, attribute);

	return write_file(path, text);
}

void admin_read(const struct admin *admin, const char *attribute, char *text, int size)
{
	char path[128];
	ssize_t bytes = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", admin->dir, attribute);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		bytes = read(fd, text, size - 1);
		close(fd);
	}
	/* Without the end of its last line. */
	if (bytes > 0 && text[bytes - 1] == '\n')
		bytes--;
	text[bytes > 0 ? bytes : 0] = 0;
}

bool admin_is(const struct admin *admin, const char *attribute, const char *text)
{
	char now[256];

	admin_read(admin, attribute, now, sizeof(now));

	return !strcmp(now, text);
}

bool admin_wait(const struct admin *admin, const char *attribute, const char *text)
{
	uint64_t end = time_limit(ADMIN_WAIT_MS);
	char now[256];

	while (!admin_is(admin, attribute, text)) {
		if (time_ms() >= end) {
			admin_read(admin, attribute, now, sizeof(now));
			printf("# %s is %s, not %s\n", attribute, now, text);
			return false;
		}
		sleep_ms(5);
	}

	return true;
}

bool admin_unbind(const struct admin *admin)
{
	/* A card that fell off the bus can do it, too. */
	return admin_write(admin, "firmware_kept", "0") && admin_unbind_kept(admin);
}

bool admin_unbind_kept(const struct admin *admin)
{
	return write_file(DRIVER "/unbind", admin->address);
}

bool admin_bind(const struct admin *admin)
{
	return write_file(DRIVER "/bind", admin->address);
}

bool admin_rescan(void)
{
	return write_file("/sys/bus/pci/rescan", "1");
}

int admin_load_firmware(const struct admin *admin)
{
	char command[128];
	int status;

	snprintf(command, sizeof(command), "ogpu-fwload load --quiet --device=%s",
		 admin->address);
	status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool admin_run(const char *command)
{
	return !system(command);
}

int admin_open_uevents(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -1;
	}

	return fd;
}

/* An event is a sequence of strings. */
static bool event_has(const char *event, ssize_t bytes, const char *line)
{
	const char *at;

	for (at = event; at < event + bytes; at += strlen(at) + 1) {
		if (!strcmp(at, line))
			return true;
	}

	return false;
}

bool admin_wait_uevent(int fd, const char *line)
{
	uint64_t now, end = time_limit(ADMIN_WAIT_MS);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char event[8192];
	ssize_t bytes;

	for (now = time_ms(); now < end; now = time_ms()) {
		if (poll(&poll_fd, 1, end - now) != 1)
			break;
		bytes = recv(fd, event, sizeof(event) - 1, 0);
		event[bytes > 0 ? bytes : 0] = 0;
		if (event_has(event, bytes, line))
			return true;
	}
	printf("# no uevent with %s\n", line);

	return false;
}

static void control_path(const struct admin *admin, char *path, size_t size)
{
	snprintf(path, size, "/dev/virtio-ports/ogpu.control.%d", admin->number);
}

bool admin_has_control(const struct admin *admin)
{
	char path[64];

	control_path(admin, path, sizeof(path));

	return !access(path, R_OK | W_OK);
}

bool admin_control(const struct admin *admin, const char *json)
{
	char path[64], answer[4096];
	FILE *control;
	bool ok = false;

	control_path(admin, path, sizeof(path));
	control = fopen(path, "r+");
	if (!control)
		return false;
	fprintf(control, "%s\n", json);
	/* The whole line: what is left of it would be the answer to the next one. */
	if (!fflush(control) && fgets(answer, sizeof(answer), control)) {
		ok = strstr(answer, "\"ok\":true");
		if (!ok)
			printf("# %s: %s", json, answer);
	}
	fclose(control);

	return ok;
}
