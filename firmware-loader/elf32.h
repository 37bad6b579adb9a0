/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The loadable segments of an ELF32 RISC-V program.
 */
#ifndef OGPU_LOADER_ELF32_H
#define OGPU_LOADER_ELF32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define ELF32_MAX_SEGMENTS	16

struct elf32_segment {
	const uint8_t *data;	/* inside the file's bytes */
	uint32_t size;		/* bytes in the file */
	uint32_t addr;		/* load address */
	uint32_t mem_size;	/* bytes in memory, the rest zero */
	bool executable;
};

struct elf32 {
	uint32_t entry;
	unsigned int count;
	struct elf32_segment segments[ELF32_MAX_SEGMENTS];
};

/**
 * elf32_parse() - find the loadable segments of a program
 * @elf: filled; refers to @data
 * @path: for messages
 * @data: bytes of the file, not trusted
 * @size: how many
 * @err: filled in case of error
 *
 * Return: 0 or -1.
 */
int elf32_parse(struct elf32 *elf, const char *path, const uint8_t *data, size_t size,
		struct fw_error *err);

#endif
