// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The loadable segments of an ELF32 RISC-V program. The file is not trusted: every offset is
 * checked against its size, in 64 bits so that no sum wraps.
 */
#include <elf.h>
#include <string.h>

#include "elf32.h"

static int check_header(const Elf32_Ehdr *hdr, const char *path, size_t size, struct fw_error *err)
{
	if (memcmp(hdr->e_ident, ELFMAG, SELFMAG))
		return fw_fail(err, FW_EXIT_INVALID, "%s: not an ELF file", path);
	if (hdr->e_ident[EI_CLASS] != ELFCLASS32 || hdr->e_ident[EI_DATA] != ELFDATA2LSB ||
	    hdr->e_machine != EM_RISCV || hdr->e_type != ET_EXEC)
		return fw_fail(err, FW_EXIT_INVALID, "%s: not a static RV32 program", path);
	if (hdr->e_phentsize != sizeof(Elf32_Phdr) ||
	    (uint64_t)hdr->e_phoff + (uint64_t)hdr->e_phnum * sizeof(Elf32_Phdr) > size)
		return fw_fail(err, FW_EXIT_INVALID, "%s: program headers are outside the file",
			       path);
	return 0;
}

static int add_segment(struct elf32 *elf, const char *path, const uint8_t *data, size_t size,
		       const Elf32_Phdr *ph, struct fw_error *err)
{
	if ((uint64_t)ph->p_offset + ph->p_filesz > size || ph->p_filesz > ph->p_memsz ||
	    (uint64_t)ph->p_paddr + ph->p_memsz > 1ull << 32)
		return fw_fail(err, FW_EXIT_INVALID, "%s: a segment is out of bounds", path);
	if (elf->count == ELF32_MAX_SEGMENTS)
		return fw_fail(err, FW_EXIT_INVALID, "%s: more than %d segments", path,
			       ELF32_MAX_SEGMENTS);

	elf->segments[elf->count++] = (struct elf32_segment){
		.data = data + ph->p_offset,
		.size = ph->p_filesz,
		.addr = ph->p_paddr,
		.mem_size = ph->p_memsz,
		.executable = ph->p_flags & PF_X,
	};
	return 0;
}

int elf32_parse(struct elf32 *elf, const char *path, const uint8_t *data, size_t size,
		struct fw_error *err)
{
	unsigned int i;
	Elf32_Ehdr hdr;

	if (size < sizeof(hdr))
		return fw_fail(err, FW_EXIT_INVALID, "%s: not an ELF file", path);
	memcpy(&hdr, data, sizeof(hdr));
	if (check_header(&hdr, path, size, err))
		return -1;

	elf->entry = hdr.e_entry;
	elf->count = 0;
	for (i = 0; i < hdr.e_phnum; i++) {
		Elf32_Phdr ph;

		memcpy(&ph, data + hdr.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_LOAD || !ph.p_memsz)
			continue;
		if (add_segment(elf, path, data, size, &ph, err))
			return -1;
	}
	if (!elf->count)
		return fw_fail(err, FW_EXIT_INVALID, "%s: nothing to load", path);
	return 0;
}
