// SPDX-License-Identifier: MIT
/*
 * The line of source of an instruction, from the program's debug information.
 *
 * elfutils' libdw reads it. Nobody needs that before something has failed, so it is loaded then;
 * where it is not installed all else works.
 */
#include <dlfcn.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* What is called, of libdw and of libelf, which comes with it. */
struct library {
	typeof(elf_version) *elf_version;
	typeof(elf_memory) *elf_memory;
	typeof(elf_end) *elf_end;
	typeof(dwarf_begin_elf) *begin_elf;
	typeof(dwarf_end) *end;
	typeof(dwarf_nextcu) *nextcu;
	typeof(dwarf_offdie) *offdie;
	typeof(dwarf_getsrc_die) *getsrc_die;
	typeof(dwarf_linesrc) *linesrc;
	typeof(dwarf_lineno) *lineno;
	typeof(dwarf_linecol) *linecol;
};

/* In the order of the above. */
static const char *const names[] = {
	"elf_version", "elf_memory", "elf_end", "dwarf_begin_elf", "dwarf_end", "dwarf_nextcu",
	"dwarf_offdie", "dwarf_getsrc_die", "dwarf_linesrc", "dwarf_lineno", "dwarf_linecol",
};

_Static_assert(sizeof(struct library) == sizeof(names), "a pointer for each name");

struct ogpu_lines {
	pthread_mutex_t lock;
	void *handle;		/* of libdw; NULL as long as nobody asked */
	union {
		struct library lib;
		void *functions[sizeof(names) / sizeof(names[0])];
	};
	Elf *elf;
	Dwarf *dwarf;
	size_t size;
	char image[];		/* the file */
};

int ogpu_lines_create(const void *elf, size_t size, struct ogpu_lines **out)
{
	struct ogpu_lines *lines = malloc(sizeof(*lines) + size);

	if (!lines)
		return -ENOMEM;
	*lines = (struct ogpu_lines){ .size = size };
	pthread_mutex_init(&lines->lock, NULL);
	memcpy(lines->image, elf, size);
	*out = lines;
	return 0;
}

void ogpu_lines_destroy(struct ogpu_lines *lines)
{
	if (!lines)
		return;
	if (lines->dwarf)
		lines->lib.end(lines->dwarf);
	if (lines->elf)
		lines->lib.elf_end(lines->elf);
	if (lines->handle)
		dlclose(lines->handle);
	pthread_mutex_destroy(&lines->lock);
	free(lines);
}

static int load_library(struct ogpu_lines *lines)
{
	void *handle;

	/* What it loads in turn may not be made for being unloaded. */
	handle = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!handle)
		return -ELIBACC;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		lines->functions[i] = dlsym(handle, names[i]);
		if (!lines->functions[i]) {
			dlclose(handle);
			return -ELIBACC;
		}
	}
	lines->handle = handle;
	return 0;
}

/* Once; what does not make sense then stays without @dwarf. */
static int open_lines(struct ogpu_lines *lines)
{
	int ret;

	if (lines->handle)
		return 0;
	ret = load_library(lines);
	if (ret)
		return ret;
	lines->lib.elf_version(EV_CURRENT);
	lines->elf = lines->lib.elf_memory(lines->image, lines->size);
	if (lines->elf)
		lines->dwarf = lines->lib.begin_elf(lines->elf, DWARF_C_READ, NULL);
	return 0;
}

static int find(const struct library *lib, Dwarf *dwarf, uint64_t address,
		struct ogpu_source *source)
{
	Dwarf_Off unit = 0, next;
	size_t header;
	Dwarf_Die die;

	/* There is an index, but not every compiler writes it. */
	for (; !lib->nextcu(dwarf, unit, &next, &header, NULL, NULL, NULL); unit = next) {
		const char *file;
		Dwarf_Line *line;
		int number, column;

		if (!lib->offdie(dwarf, unit + header, &die))
			continue;
		line = lib->getsrc_die(&die, address);
		if (!line || lib->lineno(line, &number) || number <= 0)
			continue;
		file = lib->linesrc(line, NULL, NULL);
		if (!file)
			continue;
		*source = (struct ogpu_source){ .file = file, .line = number };
		if (!lib->linecol(line, &column) && column > 0)
			source->column = column;
		return 0;
	}
	return -ENOENT;
}

int ogpu_lines_find(struct ogpu_lines *lines, uint64_t address, struct ogpu_source *source)
{
	int ret;

	pthread_mutex_lock(&lines->lock);
	ret = open_lines(lines);
	if (!ret)
		ret = lines->dwarf ? find(&lines->lib, lines->dwarf, address, source) : -ENOENT;
	pthread_mutex_unlock(&lines->lock);
	return ret;
}
