// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Text for people, JSON for programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define SCHEMA	1

static void add_text(cJSON *object, const char *name, const char *text)
{
	if (text && text[0])
		cJSON_AddStringToObject(object, name, text);
	else
		cJSON_AddNullToObject(object, name);
}

static void add_id(cJSON *object, const char *name, uint32_t id, int digits)
{
	char text[16];

	snprintf(text, sizeof(text), "0x%0*x", digits, id);
	cJSON_AddStringToObject(object, name, text);
}

static void add_range(cJSON *object, const char *name, uint32_t low, uint32_t high)
{
	cJSON *array = cJSON_AddArrayToObject(object, name);

	cJSON_AddItemToArray(array, cJSON_CreateNumber(low));
	cJSON_AddItemToArray(array, cJSON_CreateNumber(high));
}

static void add_outcome(cJSON *object, const struct fw_error *err)
{
	cJSON_AddStringToObject(object, "result", fw_exit_word(err->code));
	cJSON_AddNumberToObject(object, "exit_code", err->code);
	add_text(object, "message", err->text);
}

void report_start(struct report *report, const struct options *opt)
{
	report->opt = opt;
	report->told = false;
	report->json = opt->json ? cJSON_CreateObject() : NULL;
	if (!report->json)
		return;
	cJSON_AddNumberToObject(report->json, "schema", SCHEMA);
	cJSON_AddStringToObject(report->json, "program", "ogpu-fwload");
	cJSON_AddStringToObject(report->json, "version", OGPU_VERSION);
	add_text(report->json, "command", opt->command_name);
}

static void add_upload(cJSON *object, const struct card *card)
{
	cJSON *upload;

	if (!card->upload_status[0]) {
		cJSON_AddNullToObject(object, "upload");
		return;
	}
	upload = cJSON_AddObjectToObject(object, "upload");
	cJSON_AddStringToObject(upload, "status", card->upload_status);
	add_text(upload, "error", card->upload_error);
	cJSON_AddNumberToObject(upload, "remaining_bytes", card->upload_remaining);
}

static void add_firmware(cJSON *object, const struct card *card)
{
	cJSON *firmware;

	if (!card->fw_version[0]) {
		cJSON_AddNullToObject(object, "firmware");
		return;
	}
	firmware = cJSON_AddObjectToObject(object, "firmware");
	cJSON_AddStringToObject(firmware, "version", card->fw_version);
	add_text(firmware, "build_id", card->fw_build_id);
	add_text(firmware, "manifest_sha256", card->fw_hash);
	add_text(firmware, "key_id", card->fw_key);
}

static void add_card(cJSON *array, const struct card *card)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "address", card->address);
	add_id(object, "pci_vendor", card->vendor, 4);
	add_id(object, "pci_device", card->device, 4);
	add_text(object, "driver", card->driver);
	cJSON_AddStringToObject(object, "state", card->state);
	if (card->known) {
		add_id(object, "board_id", card->board_id, 8);
		cJSON_AddNumberToObject(object, "hw_rev", card->hw_rev);
		cJSON_AddNumberToObject(object, "min_svn", card->min_svn);
		cJSON_AddNumberToObject(object, "driver_abi", card->driver_abi);
		add_range(object, "fw_abi", card->fw_abi[0], card->fw_abi[1]);
	} else {
		cJSON_AddNullToObject(object, "board_id");
		cJSON_AddNullToObject(object, "hw_rev");
		cJSON_AddNullToObject(object, "min_svn");
		cJSON_AddNullToObject(object, "driver_abi");
		cJSON_AddNullToObject(object, "fw_abi");
	}
	add_firmware(object, card);
	add_upload(object, card);
	cJSON_AddItemToArray(array, object);
}

static void add_cards(struct report *report, const struct card_list *cards)
{
	cJSON *array = cJSON_AddArrayToObject(report->json, "cards");
	unsigned int i;

	for (i = 0; i < cards->count; i++)
		add_card(array, &cards->cards[i]);
}

void report_cards(struct report *report, const struct card_list *cards)
{
	unsigned int i;

	if (report->json) {
		add_cards(report, cards);
		return;
	}

	printf("%-14s %-18s %-11s %-4s %-8s %s\n", "CARD", "STATE", "BOARD", "REV", "MIN-SVN",
	       "FIRMWARE");
	for (i = 0; i < cards->count; i++) {
		const struct card *card = &cards->cards[i];

		printf("%-14s %-18s ", card->address, card->state);
		if (card->known)
			printf("0x%08x  %-4u %-8u ", card->board_id,
			       card->hw_rev, card->min_svn);
		else
			printf("%-11s %-4s %-8s ", "-", "-", "-");
		printf("%s\n", card->fw_version[0] ? card->fw_version : "-");
	}
}

void report_uploads(struct report *report, const struct card_list *cards)
{
	unsigned int i;

	if (report->json) {
		add_cards(report, cards);
		return;
	}

	printf("%-14s %-18s %-13s %-10s %s\n", "CARD", "STATE", "UPLOAD", "REMAINING",
	       "LAST-ERROR");
	for (i = 0; i < cards->count; i++) {
		const struct card *card = &cards->cards[i];

		printf("%-14s %-18s %-13s %-10u %s\n", card->address, card->state,
		       card->upload_status[0] ? card->upload_status : "-", card->upload_remaining,
		       card->upload_error[0] ? card->upload_error : "-");
	}
}

static cJSON *image_json(const struct fw_image *image)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *array;
	unsigned int i;

	cJSON_AddStringToObject(object, "file", image->path);
	cJSON_AddStringToObject(object, "compression", image->compression);
	cJSON_AddNumberToObject(object, "size", (double)image->size);
	cJSON_AddStringToObject(object, "sha256", image->sha256);
	cJSON_AddStringToObject(object, "manifest_sha256", image->manifest_sha256);
	add_range(object, "format", image->format[0], image->format[1]);
	cJSON_AddStringToObject(object, "name", image->name);
	cJSON_AddStringToObject(object, "version", image->version_text);
	cJSON_AddStringToObject(object, "build_id", image->build_id);
	cJSON_AddNumberToObject(object, "svn", image->svn);
	add_id(object, "pci_vendor", image->vendor, 4);
	add_id(object, "pci_device", image->device, 4);
	add_id(object, "board_id", image->board_id, 8);
	add_range(object, "hw_rev", image->hw_rev[0], image->hw_rev[1]);
	add_range(object, "fw_abi", image->fw_abi[0], image->fw_abi[1]);
	add_range(object, "driver_abi", image->driver_abi[0], image->driver_abi[1]);
	add_id(object, "entry", image->entry, 8);
	cJSON_AddStringToObject(object, "key_id", image->key_id_text);

	array = cJSON_AddArrayToObject(object, "components");
	for (i = 0; i < image->component_count; i++) {
		const struct fw_component *comp = &image->components[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "type", image_component_name(comp->type));
		cJSON_AddNumberToObject(item, "offset", comp->offset);
		cJSON_AddNumberToObject(item, "size", comp->size);
		add_id(item, "load_addr", comp->load_addr, 8);
		cJSON_AddNumberToObject(item, "mem_size", comp->mem_size);
		cJSON_AddItemToArray(array, item);
	}
	return object;
}

void report_image(struct report *report, const struct fw_image *image)
{
	if (report->json)
		cJSON_AddItemToObject(report->json, "image", image_json(image));
	else
		image_print(image, stdout);
}

void report_verified(struct report *report, const struct fw_image *image, const char *key_path)
{
	if (report->json) {
		cJSON_AddItemToObject(report->json, "image", image_json(image));
		add_text(report->json, "trusted_key", key_path);
	} else if (!report->opt->quiet) {
		printf("%s: valid, firmware %s, signed with %s (%s)\n", image->path,
		       image->version_text, image->key_id_text, key_path);
	}
}

/* Codes that are answers, not failures. */
static bool is_good(enum fw_exit code)
{
	return code == FW_EXIT_OK || code == FW_EXIT_NOTHING || code == FW_EXIT_PENDING;
}

static void print_loaded(const struct report *report, const struct load_result *result)
{
	if (result->error.code != FW_EXIT_OK)
		printf("%s\n", result->error.text);
	else if (report->opt->dry_run)
		printf("%s: would load firmware %s from %s\n", result->address, result->version,
		       result->file);
	else
		printf("%s: runs firmware %s from %s\n", result->address, result->version,
		       result->file);
}

void report_loaded(struct report *report, const struct load_result *result)
{
	bool good = is_good(result->error.code);

	if (!good) {
		fprintf(stderr, "ogpu-fwload: %s\n", result->error.text);
		report->told = true;
	}

	if (report->json) {
		cJSON *array = cJSON_GetObjectItem(report->json, "loads");
		cJSON *object = cJSON_CreateObject();

		if (!array)
			array = cJSON_AddArrayToObject(report->json, "loads");
		cJSON_AddStringToObject(object, "address", result->address);
		add_text(object, "file", result->file);
		add_text(object, "firmware_version", result->version);
		add_text(object, "previous_version", result->previous);
		cJSON_AddBoolToObject(object, "signature_verified", result->signature_verified);
		cJSON_AddBoolToObject(object, "dry_run", report->opt->dry_run);
		add_outcome(object, &result->error);
		cJSON_AddItemToArray(array, object);
	} else if (good && !report->opt->quiet) {
		print_loaded(report, result);
	}
}

void report_cancelled(struct report *report, const struct card *card)
{
	if (report->json)
		add_text(report->json, "address", card->address);
	else if (!report->opt->quiet)
		printf("%s: upload cancelled (%s)\n", card->address,
		       card->upload_error[0] ? card->upload_error : "it had already ended");
}

int report_finish(struct report *report, const struct fw_error *err)
{
	bool good = is_good(err->code);

	if (!good && !report->told)
		fprintf(stderr, "ogpu-fwload: %s\n", err->text);

	if (report->json) {
		char *text;

		add_outcome(report->json, err);
		text = cJSON_Print(report->json);
		if (!text) {
			fprintf(stderr, "ogpu-fwload: out of memory\n");
			abort();
		}
		puts(text);
		free(text);
		cJSON_Delete(report->json);
	}

	if (fflush(stdout)) {
		perror("ogpu-fwload: standard output");
		return FW_EXIT_FAILED;
	}
	return err->code;
}
