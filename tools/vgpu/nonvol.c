// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What outlives power. It belongs to the process, which gives it to one card after the other, and
 * with a file of state to the next process. The file is a JSON object, written anew by each change;
 * keys are not in it, they come from the command line as they come from production.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/types.h"
#include "nonvol.h"

#define FILE_MAX	65536u

static cJSON *to_json(const struct nonvol *nv)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *pages;

	cJSON_AddNumberToObject(json, "fuse_svn", nv->svn);
	cJSON_AddNumberToObject(json, "revoked_keys", nv->revoked);
	pages = cJSON_AddArrayToObject(json, "retired_pages");
	for (unsigned int i = 0; i < nv->retired_count; i++)
		cJSON_AddItemToArray(pages, cJSON_CreateNumber(nv->retired[i]));
	return json;
}

/* Writes a file beside the old one and puts it there: a crash leaves one or the other. */
static bool write_file(const char *path, const char *text)
{
	char name[4096];
	FILE *file;
	bool ok;

	if (snprintf(name, sizeof(name), "%s.new", path) >= (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return false;
	}
	file = fopen(name, "we");
	if (!file)
		return false;
	ok = fputs(text, file) >= 0 && !fflush(file) && !fsync(fileno(file));
	ok &= !fclose(file);
	return ok && !rename(name, path);
}

/* Under the lock. */
static bool save(const struct nonvol *nv)
{
	cJSON *json;
	char *text;
	bool ok;

	if (!nv->path)
		return true;
	json = to_json(nv);
	text = cJSON_Print(json);
	cJSON_Delete(json);
	ok = text && write_file(nv->path, text);
	free(text);
	if (!ok)
		fprintf(stderr, "ogpu-vgpu: state %s: %s\n", nv->path, strerror(errno));
	return ok;
}

static bool get_u32(const cJSON *json, const char *name, uint32_t max, uint32_t *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

	if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > max ||
	    item->valuedouble != (double)(uint32_t)item->valuedouble)
		return false;
	*value = item->valuedouble;
	return true;
}

static bool get_pages(const cJSON *json, struct nonvol *nv)
{
	const cJSON *pages = cJSON_GetObjectItemCaseSensitive(json, "retired_pages"), *page;

	if (!cJSON_IsArray(pages) || cJSON_GetArraySize(pages) > (int)NONVOL_SPARES)
		return false;
	nv->retired_count = 0;
	cJSON_ArrayForEach(page, pages) {
		if (!cJSON_IsNumber(page) || page->valuedouble < 0 ||
		    page->valuedouble > (double)BIT_ULL(52))
			return false;
		nv->retired[nv->retired_count++] = page->valuedouble;
	}
	return true;
}

/* Takes the stricter of command line and file. */
static bool from_json(struct nonvol *nv, const cJSON *json)
{
	uint32_t svn, revoked;

	if (!get_u32(json, "fuse_svn", UINT32_MAX, &svn) ||
	    !get_u32(json, "revoked_keys", BIT(OGPU_BOOT_KEY_SLOTS) - 1, &revoked) ||
	    !get_pages(json, nv))
		return false;
	if (svn > nv->svn)
		nv->svn = svn;
	nv->revoked |= revoked;
	return true;
}

/**
 * nonvol_open() - read the file of state, or make it.
 * @nv: what the command line says
 * @path: the file, which need not be there; the string stays the caller's
 *
 * Return: false if it cannot be read, written or understood; what is wrong has been printed.
 */
bool nonvol_open(struct nonvol *nv, const char *path)
{
	char text[FILE_MAX];
	cJSON *json;
	FILE *file;
	size_t len;
	bool ok;

	nv->path = path;
	file = fopen(path, "re");
	if (!file && errno == ENOENT)
		return save(nv);
	if (!file) {
		fprintf(stderr, "ogpu-vgpu: state %s: %s\n", path, strerror(errno));
		return false;
	}
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	json = cJSON_ParseWithLength(text, len);
	ok = from_json(nv, json);
	cJSON_Delete(json);
	if (!ok) {
		fprintf(stderr, "ogpu-vgpu: state %s: not a file of state\n", path);
		return false;
	}
	return save(nv);
}

/**
 * nonvol_svn() - the lowest security version that is accepted.
 * @nv: the fuses
 *
 * Return: the counter.
 */
uint32_t nonvol_svn(struct nonvol *nv)
{
	uint32_t svn;

	pthread_mutex_lock(&nv->lock);
	svn = nv->svn;
	pthread_mutex_unlock(&nv->lock);
	return svn;
}

/**
 * nonvol_set_svn() - replace the counter, downwards too, as only a workbench can.
 * @nv: the fuses
 * @svn: security version
 */
void nonvol_set_svn(struct nonvol *nv, uint32_t svn)
{
	pthread_mutex_lock(&nv->lock);
	nv->svn = svn;
	save(nv);
	pthread_mutex_unlock(&nv->lock);
}

/**
 * nonvol_commit_svn() - firmware raises the counter.
 * @nv: the fuses
 * @svn: to which security version
 * @limit: the running image's own
 *
 * Does nothing if @svn is not above the counter, or above @limit.
 */
void nonvol_commit_svn(struct nonvol *nv, uint32_t svn, uint32_t limit)
{
	pthread_mutex_lock(&nv->lock);
	if (svn > nv->svn && svn <= limit) {
		nv->svn = svn;
		save(nv);
	}
	pthread_mutex_unlock(&nv->lock);
}

/**
 * nonvol_fuse_key() - put a key into the next slot.
 * @nv: the fuses
 * @key: public key
 *
 * Return: false if no slot is free.
 */
bool nonvol_fuse_key(struct nonvol *nv, const uint8_t key[NONVOL_KEY_SIZE])
{
	bool ok;

	pthread_mutex_lock(&nv->lock);
	ok = nv->keys < OGPU_BOOT_KEY_SLOTS;
	if (ok)
		memcpy(nv->key[nv->keys++], key, NONVOL_KEY_SIZE);
	pthread_mutex_unlock(&nv->lock);
	return ok;
}

/**
 * nonvol_set_revoked() - say which keys are revoked; only a workbench can take that back.
 * @nv: the fuses
 * @slots: bit mask of key slots; no image is started by the keys of these any more
 */
void nonvol_set_revoked(struct nonvol *nv, unsigned int slots)
{
	pthread_mutex_lock(&nv->lock);
	nv->revoked = slots;
	save(nv);
	pthread_mutex_unlock(&nv->lock);
}

/**
 * nonvol_keys() - the register BOOT_KEYS.
 * @nv: the fuses
 *
 * Return: which slots hold a key, and which are revoked.
 */
uint32_t nonvol_keys(struct nonvol *nv)
{
	uint32_t value;

	pthread_mutex_lock(&nv->lock);
	value = FIELD_PREP(OGPU_BOOT_KEYS_FUSED, BIT(nv->keys) - 1) |
		FIELD_PREP(OGPU_BOOT_KEYS_REVOKED, nv->revoked);
	pthread_mutex_unlock(&nv->lock);
	return value;
}

/**
 * nonvol_key() - the key of a slot.
 * @nv: the fuses
 * @slot: number of the slot
 * @key: filled in
 * @revoked: set to whether it is revoked
 *
 * Return: false if the slot is empty.
 */
bool nonvol_key(struct nonvol *nv, unsigned int slot, uint8_t key[NONVOL_KEY_SIZE], bool *revoked)
{
	bool found;

	pthread_mutex_lock(&nv->lock);
	found = slot < nv->keys;
	if (found) {
		memcpy(key, nv->key[slot], NONVOL_KEY_SIZE);
		*revoked = nv->revoked & BIT(slot);
	}
	pthread_mutex_unlock(&nv->lock);
	return found;
}

/**
 * nonvol_retire() - use a spare page of VRAM.
 * @nv: which are used
 * @page: VRAM offset of the page in whose place it comes
 *
 * Return: false if none is left.
 */
bool nonvol_retire(struct nonvol *nv, uint64_t page)
{
	bool ok;

	pthread_mutex_lock(&nv->lock);
	ok = nv->retired_count < NONVOL_SPARES;
	if (ok) {
		nv->retired[nv->retired_count++] = page;
		save(nv);
	}
	pthread_mutex_unlock(&nv->lock);
	return ok;
}

/**
 * nonvol_spares() - how many spare pages are left.
 * @nv: which are used
 *
 * Return: pages.
 */
unsigned int nonvol_spares(struct nonvol *nv)
{
	unsigned int spares;

	pthread_mutex_lock(&nv->lock);
	spares = NONVOL_SPARES - nv->retired_count;
	pthread_mutex_unlock(&nv->lock);
	return spares;
}
