// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Who uses cards: the fdinfo of all open files of the driver. Opens no device.
 *
 * The kernel may make a reader of fdinfo wait for the card; so a process of its own reads, into
 * memory that is shared.
 */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "smi.h"
#include "util.h"

#define MAX_USES	4096

struct scan {
	const char *proc;
	unsigned int count;
	bool more;		/* than fit */
	struct smi_use uses[MAX_USES];
};

static void parse_line(struct smi_use *use, const char *line)
{
	static const struct {
		const char *key;
		size_t place;
	} keys[] = {
		{ "drm-client-id:", offsetof(struct smi_use, client) },
		{ "drm-engine-compute:", offsetof(struct smi_use, compute_ns) },
		{ "drm-engine-copy:", offsetof(struct smi_use, copy_ns) },
		{ "drm-resident-vram:", offsetof(struct smi_use, vram) },
		{ "drm-resident-system:", offsetof(struct smi_use, system) },
	};
	size_t i;

	if (!strncmp(line, "drm-pdev:", 9))
		sscanf(line + 9, " %31s", use->address);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t length = strlen(keys[i].key);
		char unit[8] = "";
		long long value;

		if (strncmp(line, keys[i].key, length) ||
		    sscanf(line + length, "%lld %7s", &value, unit) < 1)
			continue;
		if (!strcmp(unit, "KiB"))
			value <<= 10;
		if (!strcmp(unit, "MiB"))
			value <<= 20;
		*(long long *)((char *)use + keys[i].place) = value;
	}
}

static bool read_fdinfo(const char *path, struct smi_use *use)
{
	FILE *file = fopen(path, "re");
	bool ours = false;
	char line[256];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		char driver[16] = "";

		if (sscanf(line, "drm-driver: %15s", driver) == 1)
			ours = !strcmp(driver, "ogpu");
		parse_line(use, line);
	}
	fclose(file);
	return ours && use->address[0];
}

static void add_use(struct scan *scan, const struct smi_use *use)
{
	unsigned int i;

	/* Files that were inherited or passed on are one client's. */
	for (i = 0; i < scan->count; i++)
		if (scan->uses[i].client == use->client && scan->uses[i].pid == use->pid &&
		    !strcmp(scan->uses[i].address, use->address))
			return;
	if (scan->count < MAX_USES)
		scan->uses[scan->count++] = *use;
	else
		scan->more = true;
}

static void scan_process(struct scan *scan, const char *pid)
{
	char dir[PATH_MAX], path[PATH_MAX + 300], target[64];
	struct dirent *entry;
	struct stat st;
	DIR *fds;

	snprintf(dir, sizeof(dir), "%s/%.20s", scan->proc, pid);
	snprintf(path, sizeof(path), "%s/fd", dir);
	fds = opendir(path);
	while (fds && (entry = readdir(fds))) {
		struct smi_use use = { .pid = atoi(pid) };
		ssize_t length;

		snprintf(path, sizeof(path), "%s/fd/%s", dir, entry->d_name);
		length = readlink(path, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = '\0';
		if (strncmp(target, "/dev/dri/", 9))
			continue;
		snprintf(path, sizeof(path), "%s/fdinfo/%s", dir, entry->d_name);
		if (!read_fdinfo(path, &use))
			continue;
		attr_read(dir, "comm", use.name, sizeof(use.name));
		text_clean(use.name);
		use.uid = stat(dir, &st) ? 0 : st.st_uid;
		add_use(scan, &use);
	}
	if (fds)
		closedir(fds);
}

static void scan_all(void *arg)
{
	struct scan *scan = arg;
	DIR *proc = opendir(scan->proc);
	struct dirent *entry;

	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			scan_process(scan, entry->d_name);
	if (proc)
		closedir(proc);
}

static bool is_wanted(const struct smi_cards *cards, const struct smi_use *use)
{
	unsigned int i;

	for (i = 0; i < cards->count; i++)
		if (!strcmp(cards->cards[i].card.address, use->address))
			return true;
	return false;
}

static void show_use(cJSON *array, const struct smi_use *use)
{
	cJSON *object;

	if (!array) {
		printf("%-8d %-8u %-13s %10.1f %10.1f %10lld %10lld %s\n", use->pid, use->uid,
		       use->address, (double)use->compute_ns / 1e6, (double)use->copy_ns / 1e6,
		       use->vram >> 10, use->system >> 10, use->name);
		return;
	}
	object = cJSON_CreateObject();
	cJSON_AddNumberToObject(object, "pid", use->pid);
	cJSON_AddNumberToObject(object, "uid", use->uid);
	cJSON_AddStringToObject(object, "name", use->name);
	cJSON_AddStringToObject(object, "address", use->address);
	cJSON_AddNumberToObject(object, "client", (double)use->client);
	cJSON_AddNumberToObject(object, "compute_ns", (double)use->compute_ns);
	cJSON_AddNumberToObject(object, "copy_ns", (double)use->copy_ns);
	cJSON_AddNumberToObject(object, "resident_vram_bytes", (double)use->vram);
	cJSON_AddNumberToObject(object, "resident_system_bytes", (double)use->system);
	cJSON_AddItemToArray(array, object);
}

int smi_scan(struct smi_uses *uses, const struct smi_cards *cards, const struct smi_options *opt,
	     struct fw_error *err)
{
	struct scan *scan = smi_share(sizeof(*scan));
	unsigned int i, count;

	uses->count = 0;
	uses->uses = malloc(MAX_USES * sizeof(*uses->uses));
	if (!scan || !uses->uses) {
		if (scan)
			munmap(scan, sizeof(*scan));
		smi_scan_free(uses);
		return fw_fail(err, FW_EXIT_FAILED, "out of memory");
	}
	scan->proc = opt->proc_root;
	uses->complete = !smi_bounded("programs", scan_all, scan, opt->read_ms);
	/* One that hangs in the kernel may go on later: what it has read is kept apart. */
	count = scan->count < MAX_USES ? scan->count : MAX_USES;
	for (i = 0; i < count; i++)
		if (is_wanted(cards, &scan->uses[i]))
			uses->uses[uses->count++] = scan->uses[i];
	uses->complete &= !scan->more;
	munmap(scan, sizeof(*scan));
	return 0;
}

void smi_scan_free(struct smi_uses *uses)
{
	free(uses->uses);
	uses->uses = NULL;
	uses->count = 0;
}

int smi_ps(const struct smi_cards *cards, const struct smi_options *opt, struct fw_error *err)
{
	cJSON *json, *array = NULL;
	struct smi_uses uses;
	unsigned int i;
	int ret = 0;

	if (smi_scan(&uses, cards, opt, err))
		return -1;
	json = opt->json ? smi_json_start(opt) : NULL;
	if (json)
		array = cJSON_AddArrayToObject(json, "processes");
	else
		printf("%-8s %-8s %-13s %10s %10s %10s %10s %s\n", "PID", "UID", "CARD",
		       "COMPUTE-MS", "COPY-MS", "VRAM-KIB", "SYS-KIB", "NAME");
	for (i = 0; i < uses.count; i++)
		show_use(array, &uses.uses[i]);
	if (!uses.complete)
		fw_warn("there are more: not all could be read in time");
	if (json) {
		cJSON_AddBoolToObject(json, "complete", uses.complete);
		ret = smi_json_end(json, opt, err);
	}
	smi_scan_free(&uses);
	return ret;
}
