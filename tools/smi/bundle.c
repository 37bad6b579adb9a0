// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What those need who shall find out what was wrong: one text file, of all that the other commands
 * know, what the driver tells developers, and the kernel's log of it. Nothing of programs' memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "smi.h"
#include "util.h"

#define MAX_PART	(256u << 10)

struct part {
	char path[PATH_MAX];
	char text[MAX_PART];
};

static void read_part(void *arg)
{
	struct part *part = arg;
	FILE *file = fopen(part->path, "re");

	if (!file) {
		snprintf(part->text, sizeof(part->text), "(%s)\n", strerror(errno));
		return;
	}
	part->text[fread(part->text, 1, sizeof(part->text) - 1, file)] = '\0';
	fclose(file);
}

/* Lines of the kernel's log that name the driver. */
static void read_log(void *arg)
{
	struct part *part = arg;
	int fd = open(part->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	size_t used = 0;
	char line[8192];
	ssize_t got;

	while (fd >= 0) {
		got = read(fd, line, sizeof(line) - 1);
		if (got < 0 && errno == EPIPE)
			continue;
		if (got <= 0)
			break;
		line[got] = '\0';
		if (!strstr(line, "ogpu"))
			continue;
		/* The newest is what matters. */
		if (used + (size_t)got >= sizeof(part->text)) {
			memmove(part->text, part->text + used / 2, used - used / 2);
			used -= used / 2;
		}
		memcpy(part->text + used, line, (size_t)got + 1);
		used += (size_t)got;
	}
	if (fd < 0)
		snprintf(part->text, sizeof(part->text), "(%s)\n", strerror(errno));
	else
		close(fd);
}

static void add_part(FILE *out, const struct smi_options *opt, void (*read)(void *arg),
		     const char *path)
{
	struct part *part = smi_share(sizeof(*part));

	fprintf(out, "\n=== %s\n", path);
	if (!part)
		return;
	snprintf(part->path, sizeof(part->path), "%s", path);
	if (smi_bounded("", read, part, opt->read_ms))
		fprintf(out, "(nothing came back in time)\n");
	fprintf(out, "%.*s\n", (int)MAX_PART - 1, part->text);
}

int smi_bug_report(const struct smi_cards *cards, const struct smi_options *opt,
		   struct fw_error *err)
{
	const char *output = opt->output ? opt->output : "ogpu-bug-report.txt";
	char *text = NULL, *json, path[PATH_MAX + 64];
	cJSON *array = smi_cards_json(cards);
	struct utsname host;
	unsigned int i;
	size_t size;
	FILE *out;
	int ret;

	out = open_memstream(&text, &size);
	if (!out)
		return fw_fail(err, FW_EXIT_FAILED, "out of memory");
	uname(&host);
	smi_driver_version(opt, path);
	fprintf(out, "ogpu-smi %s, driver %s, %s %s %s\n", OGPU_VERSION, path, host.sysname,
		host.release, host.machine);
	json = cJSON_Print(array);
	fprintf(out, "\n=== cards\n%s\n", json ? json : "");
	cJSON_free(json);
	cJSON_Delete(array);

	for (i = 0; i < cards->count; i++) {
		static const char * const files[] = { "state", "firmware_log", "clients" };
		size_t file;

		for (file = 0; file < ARRAY_SIZE(files) && cards->cards[i].node[0]; file++) {
			snprintf(path, sizeof(path), "%s/kernel/debug/dri/%s/%s", opt->sysfs_root,
				 cards->cards[i].card.address, files[file]);
			add_part(out, opt, read_part, path);
		}
	}
	snprintf(path, sizeof(path), "%s/module/ogpu/parameters/fw_timeout_ms", opt->sysfs_root);
	add_part(out, opt, read_part, path);
	snprintf(path, sizeof(path), "%s/cmdline", opt->proc_root);
	add_part(out, opt, read_part, path);
	add_part(out, opt, read_log, "/dev/kmsg");
	if (fclose(out)) {
		free(text);
		return fw_fail(err, FW_EXIT_FAILED, "out of memory");
	}

	ret = file_write(output, 0600, text, size, err);
	free(text);
	if (!ret && !opt->quiet)
		printf("%s: %zu bytes; look through it before you pass it on\n", output, size);
	return ret;
}
