// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Cards as text for people and as JSON for programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "smi.h"
#include "util.h"

/* In JSON under these names, in the units that the kernel uses. */
static const char * const value_names[SMI_VALUES] = {
	[SMI_TEMP_GPU] = "temp_gpu_mdeg",
	[SMI_TEMP_MEM] = "temp_mem_mdeg",
	[SMI_POWER] = "power_uw",
	[SMI_POWER_CAP] = "power_cap_uw",
	[SMI_POWER_CAP_MIN] = "power_cap_min_uw",
	[SMI_POWER_CAP_MAX] = "power_cap_max_uw",
	[SMI_ENERGY] = "energy_uj",
	[SMI_FAN] = "fan_rpm",
	[SMI_CLOCK] = "clock_hz",
	[SMI_SVN] = "firmware_svn",
	[SMI_RESETS] = "resets",
	[SMI_CORRECTED] = "memory_errors_corrected",
	[SMI_UNCORRECTED] = "memory_errors_uncorrected",
	[SMI_PAGES_IN_USE] = "bad_pages_in_use",
	[SMI_PAGES_REPLACED] = "bad_pages_replaced",
	[SMI_PAGES_LOST] = "bad_pages_lost",
	[SMI_NUMA_NODE] = "numa_node",
};

static void add_text(cJSON *object, const char *name, const char *text)
{
	if (text[0])
		cJSON_AddStringToObject(object, name, text);
	else
		cJSON_AddNullToObject(object, name);
}

static void add_number(cJSON *object, const char *name, bool known, long long value)
{
	if (known)
		cJSON_AddNumberToObject(object, name, (double)value);
	else
		cJSON_AddNullToObject(object, name);
}

cJSON *smi_json_start(const struct smi_options *opt)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "schema", SMI_SCHEMA);
	cJSON_AddStringToObject(json, "program", "ogpu-smi");
	cJSON_AddStringToObject(json, "version", OGPU_VERSION);
	cJSON_AddStringToObject(json, "command", opt->command);
	return json;
}

int smi_json_end(cJSON *json, const struct smi_options *opt, struct fw_error *err)
{
	char *text = cJSON_Print(json);
	int ret = 0;

	cJSON_Delete(json);
	if (!text)
		return fw_fail(err, FW_EXIT_FAILED, "out of memory");
	if (opt->output)
		ret = file_write(opt->output, 0644, text, strlen(text), err);
	else
		puts(text);
	free(text);
	return ret;
}

static cJSON *card_json(const struct smi_card *card)
{
	cJSON *object = cJSON_CreateObject(), *firmware;
	unsigned int i;

	cJSON_AddStringToObject(object, "address", card->card.address);
	add_text(object, "uuid", card->uuid);
	add_text(object, "render_node", card->node);
	cJSON_AddBoolToObject(object, "drained", card->drained);
	cJSON_AddStringToObject(object, "verdict", smi_verdict_word(card->verdict));
	cJSON_AddStringToObject(object, "reason", card->reason);
	add_text(object, "action", card->action);
	add_text(object, "late", card->reading);
	add_text(object, "state", card->card.state);
	add_text(object, "driver", card->card.driver);
	add_text(object, "last_error", card->last_error);
	firmware = cJSON_AddObjectToObject(object, "firmware");
	add_text(firmware, "version", card->card.fw_version);
	add_text(firmware, "build_id", card->card.fw_build_id);
	add_text(firmware, "manifest_sha256", card->card.fw_hash);
	add_text(firmware, "key_id", card->card.fw_key);
	add_text(object, "pci_path", card->slot);
	add_text(object, "pci_link", card->link);
	add_text(object, "pci_link_max", card->link_max);
	add_text(object, "local_cpus", card->cpus);
	add_text(object, "throttle", card->throttle);
	for (i = 0; i < SMI_VALUES; i++)
		add_number(object, value_names[i], card->has[i], card->value[i]);
	return object;
}

cJSON *smi_cards_json(const struct smi_cards *cards)
{
	cJSON *array = cJSON_CreateArray();
	unsigned int i;

	for (i = 0; i < cards->count; i++)
		cJSON_AddItemToArray(array, card_json(&cards->cards[i]));
	return array;
}

static const char *or_dash(const char *text)
{
	return text[0] ? text : "-";
}

/* @value over @unit with one digit after the point, in @text. */
static const char *scaled(const struct smi_card *card, enum smi_value what, double unit,
			  const char *name, char text[32])
{
	if (card->has[what])
		snprintf(text, 32, "%.1f%s", (double)card->value[what] / unit, name);
	else
		snprintf(text, 32, "-");
	return text;
}

void smi_show_list(const struct smi_cards *cards)
{
	char temp[32], power[32], state[CARD_TEXT + 16];
	unsigned int i;

	printf("%-13s %-11s %-18s %-17s %-10s %8s %8s\n", "CARD", "NODE", "STATE", "VERDICT",
	       "FIRMWARE", "TEMP", "POWER");
	for (i = 0; i < cards->count; i++) {
		const struct smi_card *card = &cards->cards[i];

		snprintf(state, sizeof(state), "%s%s", or_dash(card->card.state),
			 card->drained ? ", drained" : "");
		printf("%-13s %-11s %-18s %-17s %-10s %8s %8s\n", card->card.address,
		       or_dash(card->node), state,
		       smi_verdict_word(card->verdict), or_dash(card->card.fw_version),
		       scaled(card, SMI_TEMP_GPU, 1000, " C", temp),
		       scaled(card, SMI_POWER, 1000000, " W", power));
	}
}

static void show_value(const struct smi_card *card, const char *label, enum smi_value what,
		       double unit, const char *name)
{
	char text[32];

	if (card->has[what])
		printf("  %-22s %s\n", label, scaled(card, what, unit, name, text));
}

static void show_count(const struct smi_card *card, const char *label, enum smi_value what)
{
	if (card->has[what])
		printf("  %-22s %lld\n", label, card->value[what]);
}

static void show_text(const char *label, const char *text)
{
	if (text[0])
		printf("  %-22s %s\n", label, text);
}

void smi_show_all(const struct smi_cards *cards)
{
	unsigned int i;

	for (i = 0; i < cards->count; i++) {
		const struct smi_card *card = &cards->cards[i];

		printf("%s%s: %s, %s\n", i ? "\n" : "", card->card.address,
		       smi_verdict_word(card->verdict), card->reason);
		show_text("to do", card->action);
		show_text("uuid", card->uuid);
		show_text("render node", card->node);
		show_text("state", card->card.state);
		show_text("drained", card->drained ? "takes no new programs" : "");
		show_text("last error", card->last_error);
		show_text("firmware", card->card.fw_version);
		show_text("build", card->card.fw_build_id);
		show_text("signed hash", card->card.fw_hash);
		show_text("key", card->card.fw_key);
		show_count(card, "security version", SMI_SVN);
		show_value(card, "temperature, chip", SMI_TEMP_GPU, 1000, " C");
		show_value(card, "temperature, memory", SMI_TEMP_MEM, 1000, " C");
		show_value(card, "power", SMI_POWER, 1000000, " W");
		show_value(card, "power cap", SMI_POWER_CAP, 1000000, " W");
		show_value(card, "energy", SMI_ENERGY, 1000000, " J");
		show_value(card, "clock", SMI_CLOCK, 1000000, " MHz");
		show_text("slowed down by", card->throttle);
		show_count(card, "fan, rpm", SMI_FAN);
		show_count(card, "resets", SMI_RESETS);
		show_count(card, "errors corrected", SMI_CORRECTED);
		show_count(card, "errors not corrected", SMI_UNCORRECTED);
		show_count(card, "bad pages in use", SMI_PAGES_IN_USE);
		show_count(card, "bad pages replaced", SMI_PAGES_REPLACED);
		show_count(card, "bad pages lost", SMI_PAGES_LOST);
		show_text("link", card->link);
	}
}

void smi_show_health(const struct smi_cards *cards, bool quiet)
{
	unsigned int i;

	for (i = 0; i < cards->count; i++) {
		const struct smi_card *card = &cards->cards[i];

		if (quiet && card->verdict == SMI_OK)
			continue;
		printf("%s: %s: %s%s%s\n", card->card.address, smi_verdict_word(card->verdict),
		       card->reason, card->action[0] ? "; next: " : "", card->action);
	}
}

void smi_show_topology(const struct smi_cards *cards)
{
	unsigned int i;
	char node[24];

	printf("%-13s %-5s %-12s %-18s %-18s %s\n", "CARD", "NUMA", "CPUS", "LINK", "LINK-MAX",
	       "PATH");
	for (i = 0; i < cards->count; i++) {
		const struct smi_card *card = &cards->cards[i];

		if (card->has[SMI_NUMA_NODE])
			snprintf(node, sizeof(node), "%lld", card->value[SMI_NUMA_NODE]);
		else
			snprintf(node, sizeof(node), "-");
		printf("%-13s %-5s %-12s %-18s %-18s %s\n", card->card.address, node,
		       or_dash(card->cpus), or_dash(card->link), or_dash(card->link_max),
		       or_dash(card->slot));
	}
}

void smi_driver_version(const struct smi_options *opt, char text[CARD_TEXT])
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/module/ogpu", opt->sysfs_root);
	attr_read(dir, "version", text, CARD_TEXT);
}

void smi_show_manifest(const struct smi_cards *cards, const struct smi_options *opt)
{
	char driver[CARD_TEXT];
	struct utsname host;
	unsigned int i;

	uname(&host);
	smi_driver_version(opt, driver);
	printf("# kernel %s, driver %s\n", host.release, or_dash(driver));
	for (i = 0; i < cards->count; i++) {
		const struct card *card = &cards->cards[i].card;

		printf("%s board 0x%08x rev %u firmware %s build %s",
		       or_dash(cards->cards[i].uuid), card->board_id, card->hw_rev,
		       or_dash(card->fw_version), or_dash(card->fw_build_id));
		printf(" hash %s key %s svn %lld min_svn %u\n",
		       or_dash(card->fw_hash), or_dash(card->fw_key),
		       cards->cards[i].value[SMI_SVN], card->min_svn);
	}
}

cJSON *smi_manifest_json(const struct smi_cards *cards, const struct smi_options *opt)
{
	cJSON *array = cJSON_CreateArray();
	char driver[CARD_TEXT];
	struct utsname host;
	unsigned int i;

	uname(&host);
	smi_driver_version(opt, driver);
	for (i = 0; i < cards->count; i++) {
		const struct smi_card *card = &cards->cards[i];
		cJSON *object = cJSON_CreateObject();

		add_text(object, "uuid", card->uuid);
		add_text(object, "address", card->card.address);
		cJSON_AddStringToObject(object, "kernel", host.release);
		add_text(object, "driver", driver);
		add_number(object, "board_id", card->card.known, card->card.board_id);
		add_number(object, "hw_rev", card->card.known, card->card.hw_rev);
		add_text(object, "firmware", card->card.fw_version);
		add_text(object, "build_id", card->card.fw_build_id);
		add_text(object, "manifest_sha256", card->card.fw_hash);
		add_text(object, "key_id", card->card.fw_key);
		add_number(object, "svn", card->has[SMI_SVN], card->value[SMI_SVN]);
		add_number(object, "min_svn", card->card.known, card->card.min_svn);
		cJSON_AddItemToArray(array, object);
	}
	return array;
}
