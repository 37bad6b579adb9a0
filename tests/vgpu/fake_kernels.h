/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Puts the ELF file of the test kernels into the fake card and finds their entries. */
#ifndef OGPU_TESTS_FAKE_KERNELS_H
#define OGPU_TESTS_FAKE_KERNELS_H

#include <elf.h>

#include "fake_card.h"
#include "kernels/kernels.h"

static uint8_t *kernels_file;

static void kernels_read(void)
{
	FILE *f = fopen(OGPU_TEST_KERNELS, "rb");
	long size;

	if (!f) {
		fprintf(stderr, "no %s: build the tests with make\n", OGPU_TEST_KERNELS);
		exit(1);
	}
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	kernels_file = malloc(size);
	assert(kernels_file);
	if (fread(kernels_file, 1, size, f) != (size_t)size)
		abort();
	fclose(f);
}

/* Maps them at their address, executable, backed by VRAM from the given offset on. */
static void kernels_load(struct vgpu *gpu, uint32_t asid, uint64_t vram)
{
	const Elf64_Ehdr *eh;
	const Elf64_Phdr *ph;

	if (!kernels_file)
		kernels_read();
	eh = (const Elf64_Ehdr *)kernels_file;
	ph = (const Elf64_Phdr *)(kernels_file + eh->e_phoff);
	for (unsigned int i = 0; i < eh->e_phnum; i++) {
		uint64_t start = ph[i].p_vaddr & ~(uint64_t)(MMU_PAGE - 1);
		uint64_t end = ph[i].p_vaddr + ph[i].p_memsz;

		if (ph[i].p_type != PT_LOAD)
			continue;
		memcpy(gpu->vram + vram + (ph[i].p_vaddr - KERNELS_VA),
		       kernels_file + ph[i].p_offset, ph[i].p_filesz);
		fake_map(gpu, asid, start, VRAM(vram + (start - KERNELS_VA)), end - start, PTE_RX);
	}
}

static uint64_t kernel_entry(const char *name)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)kernels_file;
	const Elf64_Shdr *sh = (const Elf64_Shdr *)(kernels_file + eh->e_shoff);

	for (unsigned int i = 0; i < eh->e_shnum; i++) {
		const Elf64_Sym *sym = (const Elf64_Sym *)(kernels_file + sh[i].sh_offset);
		const char *names = (const char *)kernels_file + sh[sh[i].sh_link].sh_offset;

		if (sh[i].sh_type != SHT_SYMTAB)
			continue;
		for (uint64_t n = 0; n < sh[i].sh_size / sizeof(*sym); n++) {
			if (!strcmp(names + sym[n].st_name, name))
				return sym[n].st_value;
		}
	}
	fprintf(stderr, "no kernel %s\n", name);
	abort();
}

#endif
