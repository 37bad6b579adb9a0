// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Plays the driver in a fake sysfs tree: when an upload is handed over, it does what it was told.
 *
 *	fake-card ROOT ADDRESS SCENARIO [ARGUMENT]
 *
 *	boot [VERSION]		runs the firmware, which says it is VERSION or what the image says
 *	other			runs what somebody else uploaded
 *	late			runs the firmware, and ends the upload only when it is cancelled
 *	busy			breaks the first upload off, and boots the next one
 *	refuse ERROR		"phase:reason[:why]": the upload fails; why goes to firmware_error
 *	stuck			transfers for ever, until it is cancelled
 *	silent			takes the image, but nothing ever runs
 *	gone			the card disappears
 *	abort			another program aborts as soon as the upload is opened
 *
 * It returns when it is ready and goes on in the background, for one upload or 60 seconds.
 */
#include <sodium.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/fw_image.h"

#define LIFETIME_S	60

static char pci_dir[PATH_MAX / 2], upload_dir[PATH_MAX / 2];
static const char *scenario, *argument;

/* By renaming, so that a reader sees the old text or the new one. */
static void set_attr(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX], temp[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(temp, sizeof(temp), "%s/.new", dir);
	file = fopen(temp, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) || rename(temp, path)) {
		perror(path);
		exit(1);
	}
}

static int get_attr(const char *name)
{
	char path[PATH_MAX], text[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", upload_dir, name);
	file = fopen(path, "r");
	if (!file)
		return -2;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return text[0] ? atoi(text) : -2;
}

static void remove_folder(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *stream = opendir(dir);

	while (stream && (entry = readdir(stream))) {
		snprintf(path, sizeof(path), "%s/%.255s", dir, entry->d_name);
		unlink(path);
	}
	if (stream)
		closedir(stream);
	rmdir(dir);
}

/* As the boot ROM does: of all before the signature. */
static void set_hash(const uint8_t *image, size_t size)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char text[2 * sizeof(hash) + 1];

	crypto_hash_sha256(hash, image, size);
	sodium_bin2hex(text, sizeof(text), hash, sizeof(hash));
	set_attr(pci_dir, "firmware_hash", text);
}

static void boot(void)
{
	static uint8_t image[OGPU_FW_MAX_SIZE];
	struct ogpu_fw_header hdr;
	char path[PATH_MAX], text[64];
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "%s/data", upload_dir);
	file = fopen(path, "r");
	size = file ? fread(image, 1, sizeof(image), file) : 0;
	if (size < sizeof(hdr)) {
		perror(path);
		exit(1);
	}
	fclose(file);

	memcpy(&hdr, image, sizeof(hdr));
	set_hash(image, hdr.signature_offset - !strcmp(scenario, "other"));
	snprintf(text, sizeof(text), "%u.%u.%u\n", hdr.version[0], hdr.version[1], hdr.version[2]);
	set_attr(pci_dir, "firmware_version", argument ? argument : text);
	snprintf(text, sizeof(text), "%.40s\n", hdr.build_id);
	set_attr(pci_dir, "firmware_build_id", text);
	set_attr(pci_dir, "state", "running\n");
}

static void refuse(void)
{
	char error[64];
	char *why = strchr(argument, ':');

	why = why ? strchr(why + 1, ':') : NULL;
	if (why)
		set_attr(pci_dir, "firmware_error", why + 1);
	snprintf(error, sizeof(error), "%.*s",
		 (int)(why ? (size_t)(why - argument) : strlen(argument)), argument);
	set_attr(upload_dir, "error", error);
}

/* As a pipe the data file lets the loader go on only when the card has done what comes first. */
static void make_data_pipe(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/data", upload_dir);
	if (unlink(path) || mkfifo(path, 0600)) {
		perror(path);
		exit(1);
	}
}

static bool is_data_pipe(void)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/data", upload_dir);
	return !stat(path, &st) && S_ISFIFO(st.st_mode);
}

/* Leaves what came through the pipe in a file. */
static void drain_data(void)
{
	char path[PATH_MAX], temp[PATH_MAX], buf[4096];
	ssize_t got;
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s/data", upload_dir);
	snprintf(temp, sizeof(temp), "%s/.data", upload_dir);
	file = fopen(temp, "w");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (file && fd >= 0 && (got = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)got, file);
	close(fd);
	if (!file || fclose(file) || rename(temp, path)) {
		perror(temp);
		exit(1);
	}
}

/* Return: the play is over. */
static bool on_handover(void)
{
	if (!strcmp(scenario, "stuck")) {
		set_attr(upload_dir, "remaining_size", "4096");
		set_attr(upload_dir, "status", "transferring");
		return false;
	}
	if (!strcmp(scenario, "busy")) {
		scenario = "again";
		make_data_pipe();
		set_attr(pci_dir, "last_error", "card was reset during the upload");
		set_attr(upload_dir, "error", "programming:device-busy");
		return false;
	}
	/* News of the first upload may come late: the second one is there when the pipe is not. */
	if (!strcmp(scenario, "again") && is_data_pipe())
		return false;
	if (!strcmp(scenario, "late")) {
		set_attr(upload_dir, "status", "programming");
		boot();
		return false;
	}
	if (!strcmp(scenario, "boot") || !strcmp(scenario, "other") || !strcmp(scenario, "again"))
		boot();
	else if (!strcmp(scenario, "refuse"))
		refuse();
	else if (!strcmp(scenario, "gone"))
		remove_folder(upload_dir);
	return true;
}

static bool on_write(const char *name)
{
	if (!strcmp(name, "loading")) {
		int value = get_attr("loading");

		/* As the kernel does for a new upload. */
		if (value == 1 && !strcmp(scenario, "again")) {
			set_attr(upload_dir, "error", "");
			drain_data();
		}
		if (value == 1 && !strcmp(scenario, "abort")) {
			set_attr(upload_dir, "loading", "0");
			drain_data();
			return true;
		}
		return value == 0 && on_handover();
	}
	if (!strcmp(name, "cancel") && get_attr("cancel") == 1) {
		if (strcmp(scenario, "late"))
			set_attr(upload_dir, "error", "transferring:user-abort");
		set_attr(upload_dir, "status", "idle");
		return true;
	}
	return false;
}

static void play(int fd)
{
	union {
		struct inotify_event first;
		char bytes[4096];
	} buf;

	for (;;) {
		ssize_t size = read(fd, &buf, sizeof(buf));
		char *at = buf.bytes;

		if (size <= 0)
			return;
		while (at < buf.bytes + size) {
			const struct inotify_event *event = (const void *)at;

			if (event->len && on_write(event->name))
				return;
			at += sizeof(*event) + event->len;
		}
	}
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 4)
		return 64;
	scenario = argv[3];
	argument = argv[4];
	snprintf(pci_dir, sizeof(pci_dir), "%s/bus/pci/devices/%s", argv[1], argv[2]);
	snprintf(upload_dir, sizeof(upload_dir), "%s/class/firmware/ogpu-%s", argv[1], argv[2]);

	if (!strcmp(scenario, "abort"))
		make_data_pipe();
	fd = inotify_init1(IN_CLOEXEC);
	if (fd < 0 || inotify_add_watch(fd, upload_dir, IN_CLOSE_WRITE) < 0) {
		perror(upload_dir);
		return 1;
	}

	/* The watch is in place: the caller may go on. */
	if (fork())
		return 0;
	setsid();
	fclose(stdin);
	fclose(stdout);
	alarm(LIFETIME_S);
	play(fd);
	return 0;
}
