// SPDX-License-Identifier: MIT
/*
 * Loading compute programs from ELF.
 *
 * A program is a statically linked RV64 executable that was linked with --emit-relocs. Its code
 * finds everything relative to pc (-mcmodel=medany), so that moving the image as a whole only asks
 * for the absolute 64-bit pointers in its data to be adjusted. Formats: ELF-64, the RISC-V psABI.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define PAGE		4096ull
#define MAX_IMAGE	(64ull << 20)	/* bytes from lowest to highest address */

struct ogpu_program {
	struct ogpu_vm *vm;
	struct ogpu_bo *bo;
	uint64_t va;		/* where the image lies */
	uint64_t size;
	uint64_t link_base;	/* where it was linked to lie */
	Elf64_Sym *symbols;	/* copies of the file's tables, so that it need not stay */
	size_t symbol_count;
	char *strings;		/* always ends in a NUL */
	size_t strings_size;
	uint32_t *table;	/* functions by the hash of their name: number of a symbol + 1 */
	uint32_t table_mask;
	struct ogpu_lines *lines;	/* NULL: no debug information */
};

/* The file while it is being read. Every access goes through at(). */
struct file {
	const uint8_t *data;
	size_t size;
	Elf64_Ehdr eh;
};

static const void *at(const struct file *f, uint64_t offset, uint64_t size)
{
	if (offset > f->size || size > f->size - offset)
		return NULL;
	return f->data + offset;
}

/* Tables may be unaligned in memory: copy entries out. */
static bool read_entry(const struct file *f, uint64_t table, uint64_t index, void *entry,
		       size_t size)
{
	const void *p;

	if (index > f->size / size || table > f->size)
		return false;
	p = at(f, table + index * size, size);
	if (!p)
		return false;
	memcpy(entry, p, size);
	return true;
}

static int check_header(struct file *f)
{
	if (!read_entry(f, 0, 0, &f->eh, sizeof(f->eh)))
		return -ENOEXEC;
	if (memcmp(f->eh.e_ident, ELFMAG, SELFMAG) || f->eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    f->eh.e_ident[EI_DATA] != ELFDATA2LSB || f->eh.e_machine != EM_RISCV ||
	    f->eh.e_type != ET_EXEC)
		return -ENOEXEC;
	if (f->eh.e_phentsize != sizeof(Elf64_Phdr) || f->eh.e_shentsize != sizeof(Elf64_Shdr))
		return -ENOEXEC;
	return 0;
}

static bool read_segment(const struct file *f, unsigned int i, Elf64_Phdr *ph)
{
	return read_entry(f, f->eh.e_phoff, i, ph, sizeof(*ph));
}

static bool read_section(const struct file *f, unsigned int i, Elf64_Shdr *sh)
{
	return read_entry(f, f->eh.e_shoff, i, sh, sizeof(*sh));
}

/* Checks the loadable segments and tells what range of addresses they span, in whole pages. */
static int measure(const struct file *f, uint64_t *base, uint64_t *size)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (unsigned int i = 0; i < f->eh.e_phnum; i++) {
		Elf64_Phdr ph;

		if (!read_segment(f, i, &ph))
			return -ENOEXEC;
		if (ph.p_type != PT_LOAD || !ph.p_memsz)
			continue;
		if (ph.p_filesz > ph.p_memsz || ph.p_memsz > MAX_IMAGE ||
		    ph.p_vaddr > UINT64_MAX - MAX_IMAGE - PAGE ||
		    !at(f, ph.p_offset, ph.p_filesz))
			return -ENOEXEC;
		if (ph.p_vaddr < low)
			low = ph.p_vaddr;
		if (ph.p_vaddr + ph.p_memsz > high)
			high = ph.p_vaddr + ph.p_memsz;
	}
	if (low >= high)
		return -ENOEXEC;
	low &= ~(PAGE - 1);
	high = (high + PAGE - 1) & ~(PAGE - 1);
	if (high - low > MAX_IMAGE)
		return -ENOEXEC;
	*base = low;
	*size = high - low;
	return 0;
}

static int copy_segments(const struct file *f, struct ogpu_program *p, uint8_t *image)
{
	for (unsigned int i = 0; i < f->eh.e_phnum; i++) {
		Elf64_Phdr ph;

		if (!read_segment(f, i, &ph))
			return -ENOEXEC;
		if (ph.p_type == PT_LOAD && ph.p_memsz)
			memcpy(image + (ph.p_vaddr - p->link_base), at(f, ph.p_offset, ph.p_filesz),
			       ph.p_filesz);
	}
	return 0;
}

/* Adjusts the absolute pointers named by one relocation section. */
static int relocate_section(const struct file *f, const Elf64_Shdr *sh, struct ogpu_program *p,
			    uint8_t *image)
{
	uint64_t delta = p->va - p->link_base, value;
	Elf64_Rela rela;

	for (uint64_t i = 0; i < sh->sh_size / sizeof(rela); i++) {
		if (!read_entry(f, sh->sh_offset, i, &rela, sizeof(rela)))
			return -ENOEXEC;

		switch (ELF64_R_TYPE(rela.r_info)) {
		case R_RISCV_64:
			if (rela.r_offset < p->link_base || p->size < sizeof(value) ||
			    rela.r_offset - p->link_base > p->size - sizeof(value))
				return -ENOEXEC;
			memcpy(&value, image + (rela.r_offset - p->link_base), sizeof(value));
			value += delta;
			memcpy(image + (rela.r_offset - p->link_base), &value, sizeof(value));
			break;
		case R_RISCV_32:
		case R_RISCV_HI20:	/* code built without -mcmodel=medany */
		case R_RISCV_LO12_I:
		case R_RISCV_LO12_S:
			return -ENOEXEC;
		default:		/* relative: nothing to do when all moves together */
			break;
		}
	}
	return 0;
}

static int relocate(const struct file *f, struct ogpu_program *p, uint8_t *image)
{
	for (unsigned int i = 0; i < f->eh.e_shnum; i++) {
		Elf64_Shdr sh, target;
		int ret;

		if (!read_section(f, i, &sh))
			return -ENOEXEC;
		if (sh.sh_type != SHT_RELA)
			continue;
		/* Relocations of debug information do not concern memory. */
		if (!read_section(f, sh.sh_info, &target) || !(target.sh_flags & SHF_ALLOC))
			continue;
		ret = relocate_section(f, &sh, p, image);
		if (ret)
			return ret;
	}
	return 0;
}

static int copy_symbols(const struct file *f, struct ogpu_program *p)
{
	for (unsigned int i = 0; i < f->eh.e_shnum; i++) {
		Elf64_Shdr sh, str;
		const void *symbols, *strings;

		if (!read_section(f, i, &sh))
			return -ENOEXEC;
		if (sh.sh_type != SHT_SYMTAB)
			continue;
		if (!read_section(f, sh.sh_link, &str))
			return -ENOEXEC;
		symbols = at(f, sh.sh_offset, sh.sh_size);
		strings = at(f, str.sh_offset, str.sh_size);
		if (!symbols || !strings)
			return -ENOEXEC;

		p->symbol_count = sh.sh_size / sizeof(Elf64_Sym);
		p->symbols = malloc(p->symbol_count * sizeof(Elf64_Sym) + 1);
		p->strings_size = str.sh_size;
		p->strings = malloc(str.sh_size + 1);
		if (!p->symbols || !p->strings)
			return -ENOMEM;
		memcpy(p->symbols, symbols, p->symbol_count * sizeof(Elf64_Sym));
		memcpy(p->strings, strings, str.sh_size);
		p->strings[str.sh_size] = '\0';
		return 0;
	}
	return -ENOEXEC;	/* stripped: no kernel could be found in it */
}

/* Whether the file has a section of that name. */
static bool has_section(const struct file *f, const char *name)
{
	Elf64_Shdr sh, str;

	if (!read_section(f, f->eh.e_shstrndx, &str))
		return false;
	for (unsigned int i = 0; i < f->eh.e_shnum && read_section(f, i, &sh); i++) {
		const size_t size = strlen(name) + 1;
		const char *p;

		if (sh.sh_name > str.sh_size || size > str.sh_size - sh.sh_name ||
		    str.sh_offset > f->size)
			continue;
		p = at(f, str.sh_offset + sh.sh_name, size);
		if (p && !memcmp(p, name, size))
			return true;
	}
	return false;
}

static bool is_function(const struct ogpu_program *p, const Elf64_Sym *sym)
{
	return ELF64_ST_TYPE(sym->st_info) == STT_FUNC && sym->st_shndx != SHN_UNDEF &&
	       sym->st_name < p->strings_size;
}

/* FNV-1a */
static uint32_t hash(const char *name)
{
	uint32_t h = 0x811c9dc5;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x01000193;
	return h;
}

/* At most half of the table is in use. Of functions of one name the first is found. */
static int index_functions(struct ogpu_program *p)
{
	uint32_t size = 2;

	if (p->symbol_count > MAX_IMAGE)
		return -ENOEXEC;
	while (size < 2 * p->symbol_count)
		size *= 2;
	p->table = calloc(size, sizeof(*p->table));
	if (!p->table)
		return -ENOMEM;
	p->table_mask = size - 1;
	for (size_t i = 0; i < p->symbol_count; i++) {
		uint32_t n;

		if (!is_function(p, &p->symbols[i]))
			continue;
		n = hash(p->strings + p->symbols[i].st_name);
		while (p->table[n & p->table_mask])
			n++;
		p->table[n & p->table_mask] = i + 1;
	}
	return 0;
}

/* Maps each segment with the rights it asks for. */
static int map_segments(const struct file *f, struct ogpu_program *p)
{
	uint8_t *rights;
	int ret = 0;

	rights = calloc(p->size / PAGE, 1);
	if (!rights)
		return -ENOMEM;
	for (unsigned int i = 0; i < f->eh.e_phnum; i++) {
		uint64_t first, last;
		uint8_t access = DRM_OGPU_BIND_READ;
		Elf64_Phdr ph;

		if (!read_segment(f, i, &ph) || ph.p_type != PT_LOAD || !ph.p_memsz)
			continue;
		if (ph.p_flags & PF_W)
			access |= DRM_OGPU_BIND_WRITE;
		if (ph.p_flags & PF_X)
			access |= DRM_OGPU_BIND_EXEC;
		first = (ph.p_vaddr - p->link_base) / PAGE;
		last = (ph.p_vaddr + ph.p_memsz - 1 - p->link_base) / PAGE;
		for (uint64_t page = first; page <= last; page++)
			rights[page] |= access;
	}

	for (uint64_t page = 0, next; page < p->size / PAGE && !ret; page = next) {
		uint64_t va = p->va + page * PAGE;

		for (next = page + 1; next < p->size / PAGE && rights[next] == rights[page];)
			next++;
		if (rights[page])
			ret = ogpu_vm_map(p->vm, p->bo, page * PAGE, (next - page) * PAGE,
					  rights[page], &va);
	}
	free(rights);
	return ret;
}

int ogpu_program_load(struct ogpu_vm *vm, const void *elf, size_t size, struct ogpu_program **out)
{
	struct file f = { .data = elf, .size = size };
	struct ogpu_program *p;
	void *image;
	int ret;

	ret = check_header(&f);
	if (ret)
		return ret;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->vm = vm;

	ret = measure(&f, &p->link_base, &p->size);
	if (!ret)
		ret = copy_symbols(&f, p);
	if (!ret)
		ret = index_functions(p);
	if (!ret && has_section(&f, ".debug_line"))
		ret = ogpu_lines_create(elf, size, &p->lines);
	if (!ret)
		ret = ogpu_bo_create_private(vm, p->size, DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM,
					     DRM_OGPU_BO_CPU_ACCESS, &p->bo);
	if (!ret)
		ret = ogpu_va_alloc(vm, p->size, PAGE, &p->va);
	if (!ret)
		ret = ogpu_bo_map(p->bo, &image);
	if (!ret)
		ret = copy_segments(&f, p, image);
	if (!ret)
		ret = relocate(&f, p, image);
	if (!ret)
		ret = map_segments(&f, p);
	if (ret) {
		ogpu_program_destroy(p);
		return ret;
	}
	*out = p;
	return 0;
}

int ogpu_program_load_file(struct ogpu_vm *vm, const char *path, struct ogpu_program **program)
{
	struct stat st;
	void *data;
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		ret = -errno;
		goto out_close;
	}
	if (!st.st_size) {
		ret = -ENOEXEC;
		goto out_close;
	}
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		ret = -errno;
		goto out_close;
	}
	ret = ogpu_program_load(vm, data, st.st_size, program);
	munmap(data, st.st_size);
out_close:
	close(fd);
	return ret;
}

int ogpu_program_entry(const struct ogpu_program *p, const char *name, uint64_t *entry)
{
	for (uint32_t n = hash(name); p->table[n & p->table_mask]; n++) {
		const Elf64_Sym *sym = &p->symbols[p->table[n & p->table_mask] - 1];

		if (strcmp(p->strings + sym->st_name, name))
			continue;
		if (sym->st_value < p->link_base || sym->st_value - p->link_base >= p->size)
			return -ENOEXEC;
		*entry = p->va + (sym->st_value - p->link_base);
		return 0;
	}
	return -ENOENT;
}

int ogpu_program_locate(const struct ogpu_program *p, uint64_t pc, struct ogpu_place *place)
{
	if (pc < p->va || pc - p->va >= p->size)
		return -ENOENT;
	pc = pc - p->va + p->link_base;
	for (size_t i = 0; i < p->symbol_count; i++) {
		const Elf64_Sym *sym = &p->symbols[i];

		if (!is_function(p, sym) || pc < sym->st_value ||
		    pc - sym->st_value >= sym->st_size)
			continue;
		place->function = p->strings + sym->st_name;
		place->offset = pc - sym->st_value;
		place->address = pc;
		return 0;
	}
	return -ENOENT;
}

int ogpu_program_source(const struct ogpu_program *p, uint64_t pc, struct ogpu_source *source)
{
	if (!p->lines)
		return -ENODATA;
	if (pc < p->va || pc - p->va >= p->size)
		return -ENOENT;
	return ogpu_lines_find(p->lines, pc - p->va + p->link_base, source);
}

void ogpu_program_destroy(struct ogpu_program *p)
{
	if (!p)
		return;
	if (p->va)
		ogpu_vm_unmap(p->vm, p->va, p->size);
	ogpu_bo_destroy(p->bo);
	ogpu_lines_destroy(p->lines);
	free(p->symbols);
	free(p->strings);
	free(p->table);
	free(p);
}
