// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What other programs want to read: metrics in the text format of Prometheus, and the specification
 * by which container engines find cards (CDI).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "smi.h"
#include "util.h"

static const struct {
	enum smi_value value;
	const char *name;
	const char *type;
	const char *labels;
	double unit;
	const char *help;
} metrics[] = {
	{ SMI_TEMP_GPU, "ogpu_temperature_celsius", "gauge", ",sensor=\"gpu\"", 1000,
	  "Temperature." },
	{ SMI_TEMP_MEM, "ogpu_temperature_celsius", "gauge", ",sensor=\"mem\"", 1000, NULL },
	{ SMI_POWER, "ogpu_power_watts", "gauge", "", 1e6, "Mean power." },
	{ SMI_POWER_CAP, "ogpu_power_cap_watts", "gauge", "", 1e6, "Limit of the power." },
	{ SMI_ENERGY, "ogpu_energy_joules_total", "counter", "", 1e6, "Energy used." },
	{ SMI_FAN, "ogpu_fan_rpm", "gauge", "", 1, "Speed of the fan." },
	{ SMI_CLOCK, "ogpu_clock_hertz", "gauge", "", 1, "Clock of the compute units." },
	{ SMI_RESETS, "ogpu_resets_total", "counter", "", 1,
	  "Resets since the driver was bound." },
	{ SMI_CORRECTED, "ogpu_memory_errors_total", "counter", ",kind=\"corrected\"", 1,
	  "Errors of VRAM since the driver was bound." },
	{ SMI_UNCORRECTED, "ogpu_memory_errors_total", "counter", ",kind=\"uncorrected\"", 1,
	  NULL },
	{ SMI_PAGES_IN_USE, "ogpu_bad_pages", "gauge", ",kind=\"in_use\"", 1,
	  "Pages of VRAM that are bad." },
	{ SMI_PAGES_REPLACED, "ogpu_bad_pages", "gauge", ",kind=\"replaced\"", 1, NULL },
	{ SMI_PAGES_LOST, "ogpu_bad_pages", "gauge", ",kind=\"lost\"", 1, NULL },
};

/* Labels are ours or the kernel's words; but for quotes and backslashes, which none may have. */
static void label(FILE *out, const char *name, const char *text)
{
	fprintf(out, "%s=\"", name);
	for (; *text; text++)
		fputc(*text == '"' || *text == '\\' ? '?' : *text, out);
	fputc('"', out);
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void card_labels(FILE *out, const struct smi_card *card)
{
	label(out, "{card", card->card.address);
	label(out, ",uuid", card->uuid);
}

char *smi_metrics(const struct smi_cards *cards)
{
	const struct smi_card *card, *end = cards->cards + cards->count;
	char *text = NULL;
	size_t size, i;
	FILE *out;

	out = open_memstream(&text, &size);
	if (!out)
		return NULL;

	head(out, "ogpu_cards", "gauge", "Cards of this host.");
	fprintf(out, "ogpu_cards %u\n", cards->count);
	head(out, "ogpu_card_info", "gauge", "What a card is and runs; always 1.");
	for (card = cards->cards; card != end; card++) {
		fputs("ogpu_card_info", out);
		card_labels(out, card);
		label(out, ",node", card->node);
		label(out, ",firmware", card->card.fw_version);
		label(out, ",hash", card->card.fw_hash);
		fputs("} 1\n", out);
	}
	head(out, "ogpu_state", "gauge", "State of a card, as its driver says; always 1.");
	for (card = cards->cards; card != end; card++) {
		fputs("ogpu_state", out);
		card_labels(out, card);
		label(out, ",state", card->card.state);
		fputs("} 1\n", out);
	}
	head(out, "ogpu_drained", "gauge", "Whether a card takes no new programs.");
	for (card = cards->cards; card != end; card++) {
		fputs("ogpu_drained", out);
		card_labels(out, card);
		fprintf(out, "} %d\n", card->drained);
	}
	head(out, "ogpu_verdict", "gauge",
	     "Whether a card works: 1 for the verdict that holds, 0 for all others.");
	for (card = cards->cards; card != end; card++)
		for (i = 0; i < SMI_VERDICTS; i++) {
			fputs("ogpu_verdict", out);
			card_labels(out, card);
			label(out, ",verdict", smi_verdict_word(i));
			fprintf(out, "} %d\n", card->verdict == i);
		}
	for (i = 0; i < ARRAY_SIZE(metrics); i++) {
		if (metrics[i].help)
			head(out, metrics[i].name, metrics[i].type, metrics[i].help);
		for (card = cards->cards; card != end; card++) {
			if (!card->has[metrics[i].value])
				continue;
			fputs(metrics[i].name, out);
			card_labels(out, card);
			fprintf(out, "%s} %.15g\n", metrics[i].labels,
				(double)card->value[metrics[i].value] / metrics[i].unit);
		}
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static void add_node(cJSON *nodes, const char *node)
{
	cJSON *object = cJSON_CreateObject();
	char path[CARD_TEXT + 16];

	snprintf(path, sizeof(path), "/dev/dri/%s", node);
	cJSON_AddStringToObject(object, "path", path);
	cJSON_AddStringToObject(object, "permissions", "rw");
	cJSON_AddItemToArray(nodes, object);
}

static cJSON *add_device(cJSON *devices, const char *name)
{
	cJSON *device = cJSON_CreateObject();
	cJSON *edits;

	cJSON_AddStringToObject(device, "name", name);
	edits = cJSON_AddObjectToObject(device, "containerEdits");
	cJSON_AddItemToArray(devices, device);
	return cJSON_AddArrayToObject(edits, "deviceNodes");
}

/*
 * By number among all cards of the host, by UUID, and all; only those that have a render node, and
 * take programs.
 */
static bool is_offered(const struct smi_card *card)
{
	return card->node[0] && !card->drained;
}

static bool some_offered(const struct smi_cards *cards)
{
	unsigned int i;

	for (i = 0; i < cards->count; i++)
		if (is_offered(&cards->cards[i]))
			return true;
	return false;
}

static char *cdi_text(const struct smi_cards *cards)
{
	cJSON *json = cJSON_CreateObject(), *devices, *all;
	char name[CARD_TEXT], *text;
	unsigned int i;

	cJSON_AddStringToObject(json, "cdiVersion", "0.6.0");
	cJSON_AddStringToObject(json, "kind", "ogpu.dev/gpu");
	devices = cJSON_AddArrayToObject(json, "devices");
	for (i = 0; i < cards->count; i++) {
		const struct smi_card *card = &cards->cards[i];

		if (!is_offered(card))
			continue;
		snprintf(name, sizeof(name), "%u", card->number);
		add_node(add_device(devices, name), card->node);
		if (card->uuid[0])
			add_node(add_device(devices, card->uuid), card->node);
	}
	all = add_device(devices, "all");
	for (i = 0; i < cards->count; i++)
		if (is_offered(&cards->cards[i]))
			add_node(all, cards->cards[i].node);
	text = cJSON_Print(json);
	cJSON_Delete(json);
	return text;
}

/* Engines refuse a file without devices. */
static int remove_file(const char *path, struct fw_error *err)
{
	struct stat st;

	if (!lstat(path, &st) && !S_ISREG(st.st_mode))
		return fw_fail(err, FW_EXIT_FAILED, "%s: exists, and is no regular file", path);
	if (unlink(path) && errno != ENOENT)
		return fw_fail(err, FW_EXIT_FAILED, "%s: %s", path, strerror(errno));
	return 0;
}

int smi_cdi(const struct smi_cards *cards, const struct smi_options *opt, struct fw_error *err)
{
	unsigned int i;
	int ret = 0;
	char *text;

	for (i = 0; i < cards->count; i++)
		if (!cards->cards[i].named)
			return fw_fail(err, FW_EXIT_TIMEOUT,
				       "%s: its device file could not be told in time",
				       cards->cards[i].card.address);
	if (!some_offered(cards))
		return opt->output ? remove_file(opt->output, err) : 0;
	text = cdi_text(cards);
	if (!text)
		return fw_fail(err, FW_EXIT_FAILED, "out of memory");
	if (opt->output)
		ret = file_write(opt->output, 0644, text, strlen(text), err);
	else
		puts(text);
	free(text);
	return ret;
}
