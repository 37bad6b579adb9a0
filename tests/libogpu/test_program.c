// SPDX-License-Identifier: GPL-2.0 OR MIT
/* libogpu against a fake driver: loading of programs, and where in them something failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	long length;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	length = ftell(file);
	rewind(file);
	data = malloc(length);
	assert_int_equal(fread(data, 1, length, file), length);
	fclose(file);
	*size = length;
	return data;
}

static uint8_t *read_program(size_t *size)
{
	return read_file(getenv("TEST_PROGRAM"), size);
}

static void test_program(void **state)
{
	struct fixture *f = *state;
	struct ogpu_program *program;
	uint64_t entry, pointer, table = 0;
	struct ogpu_place place, other;
	uint8_t *elf;
	bool code = false, data = false;
	size_t size;

	elf = read_program(&size);
	assert_int_equal(ogpu_program_load(f->vm, elf, size, &program), 0);
	free(elf);	/* the file need not stay */
	assert_int_equal(ogpu_program_entry(program, "kernel", &entry), 0);
	assert_int_equal(ogpu_program_entry(program, "no_such", &entry), -ENOENT);
	assert_int_equal(ogpu_program_entry(program, "table", &entry), -ENOENT);
	assert_int_equal(ogpu_program_entry(program, "kernel", &entry), 0);

	assert_int_equal(ogpu_program_locate(program, entry + 4, &place), 0);
	assert_string_equal(place.function, "kernel");
	assert_int_equal(place.offset, 4);
	assert_int_equal(ogpu_program_locate(program, entry, &other), 0);
	assert_int_equal(other.offset, 0);
	assert_int_equal(place.address, other.address + 4);
	assert_int_equal(ogpu_program_entry(program, "library", &entry), 0);
	assert_int_equal(ogpu_program_locate(program, entry, &other), 0);
	assert_string_equal(other.function, "library");
	assert_int_equal(ogpu_program_locate(program, 0, &place), -ENOENT);
	assert_int_equal(ogpu_program_locate(program, UINT64_MAX, &place), -ENOENT);

	/* Code may be executed and not written, data written and not executed. */
	for (uint32_t i = 0; i < fake.binds; i++) {
		const struct drm_ogpu_bind_op *op = &fake.bind[i];

		if (op->flags & DRM_OGPU_BIND_EXEC) {
			assert_false(op->flags & DRM_OGPU_BIND_WRITE);
			assert_true(entry >= op->va && entry < op->va + op->size);
			code = true;
		} else if (op->flags & DRM_OGPU_BIND_WRITE) {
			data = true;
			table = op->va;
		}
	}
	assert_true(code && data);

	/* The one absolute pointer, &table[1], was moved with the image. */
	pointer = 0;
	for (uint64_t at = 0; at + 8 <= fake.file_size && !pointer; at += 8) {
		uint64_t value;

		assert_int_equal(pread(fake.file, &value, 8, at), 8);
		if (value > table && value < table + 0x2000)
			pointer = value;
	}
	assert_int_not_equal(pointer, 0);
	ogpu_program_destroy(program);
}

static void test_explain(void **state)
{
	static const char want[] =
		"memory fault: writes 0x1000, where nothing is mapped, in kernel+0x4 (0x";
	struct fixture *f = *state;
	struct ogpu_program *program;
	struct ogpu_queue *queue;
	char text[256], few[10];
	size_t size;
	uint8_t *elf = read_program(&size);
	uint64_t entry;
	int length;

	assert_int_equal(ogpu_program_load(f->vm, elf, size, &program), 0);
	free(elf);
	assert_int_equal(ogpu_program_entry(program, "kernel", &entry), 0);
	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COMPUTE,
					   DRM_OGPU_PRIORITY_NORMAL, &queue), 0);
	assert_int_equal(ogpu_queue_explain(queue, program, text, sizeof(text)), 8);
	assert_string_equal(text, "no error");

	fake.state = (struct drm_ogpu_queue_get_state){
		.error = DRM_OGPU_QUEUE_ERR_MEMORY,
		.fault_va = 0x1000,
		.access = DRM_OGPU_ACCESS_WRITE,
		.reason = DRM_OGPU_FAULT_NOT_MAPPED,
		.pc = entry + 4,
		.failed_job = 12,
		.packet = 64,
	};
	length = ogpu_queue_explain(queue, program, text, sizeof(text));
	assert_int_equal(length, strlen(text));
	assert_memory_equal(text, want, strlen(want));
	assert_non_null(strstr(text, " for addr2line); job 12, packet at byte 64 of its stream"));
	assert_int_equal(ogpu_queue_explain(queue, program, few, sizeof(few)), length);
	assert_string_equal(few, "memory fa");
	assert_int_equal(ogpu_queue_explain(queue, program, NULL, 0), length);
	assert_true(ogpu_queue_explain(queue, NULL, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, ", at pc 0x"));

	fake.state = (struct drm_ogpu_queue_get_state){
		.error = DRM_OGPU_QUEUE_ERR_ENGINE,
		.flags = DRM_OGPU_QUEUE_INNOCENT,
	};
	assert_true(ogpu_queue_explain(queue, program, text, sizeof(text)) > 0);
	assert_string_equal(text, "engine or card failed; the queue is not to blame");
	ogpu_queue_destroy(queue);
	ogpu_program_destroy(program);
}

static void load_lines(struct fixture *f, struct ogpu_program **program, uint64_t *entry)
{
	assert_int_equal(ogpu_program_load_file(f->vm, getenv("TEST_LINES"), program), 0);
	assert_int_equal(ogpu_program_entry(*program, "fails", entry), 0);
}

static void test_source(void **state)
{
	struct fixture *f = *state;
	struct ogpu_program *program;
	struct ogpu_source source;
	uint64_t entry, first;
	size_t length;

	load_lines(f, &program, &entry);
	assert_int_equal(ogpu_program_source(program, entry, &source), 0);
	length = strlen(source.file);
	assert_true(length >= 7);
	assert_string_equal(source.file + length - 7, "lines.c");
	assert_int_equal(source.line, 202);
	assert_int_equal(source.column, 2);
	assert_int_equal(ogpu_program_entry(program, "first", &first), 0);
	assert_int_equal(ogpu_program_source(program, first, &source), 0);
	assert_true(source.line >= 5 && source.line <= 7);
	assert_int_equal(ogpu_program_source(program, 0, &source), -ENOENT);
	assert_int_equal(ogpu_program_source(program, UINT64_MAX, &source), -ENOENT);
	/* In the program, but after its code. */
	assert_int_equal(ogpu_program_source(program, (entry & ~4095ull) + 4095, &source), -ENOENT);
	ogpu_program_destroy(program);

	/* One without debug information, as kernel_ldflags make it. */
	assert_int_equal(ogpu_program_load_file(f->vm, getenv("TEST_PROGRAM"), &program), 0);
	assert_int_equal(ogpu_program_entry(program, "kernel", &entry), 0);
	assert_int_equal(ogpu_program_source(program, entry, &source), -ENODATA);
	ogpu_program_destroy(program);
}

static void test_source_explained(void **state)
{
	struct fixture *f = *state;
	struct ogpu_program *program;
	struct ogpu_source source;
	struct ogpu_queue *queue;
	char text[256];
	uint64_t entry;

	assert_int_equal(ogpu_queue_create(f->vm, DRM_OGPU_ENGINE_COMPUTE,
					   DRM_OGPU_PRIORITY_NORMAL, &queue), 0);
	load_lines(f, &program, &entry);
	fake.state = (struct drm_ogpu_queue_get_state){
		.error = DRM_OGPU_QUEUE_ERR_TRAP, .pc = entry,
	};

	/* Without libdw, and then with it: it may be installed in between. */
	fake.no_libraries = true;
	assert_int_equal(ogpu_program_source(program, entry, &source), -ELIBACC);
	assert_true(ogpu_queue_explain(queue, program, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "ebreak, in fails+0x0 (0x"));
	assert_non_null(strstr(text, " for addr2line; to tell the line libdw.so.1 is wanting)"));
	fake.no_libraries = false;
	assert_true(ogpu_queue_explain(queue, program, text, sizeof(text)) > 0);
	assert_string_equal(text, "ebreak, in fails+0x0 at lines.c:202");

	ogpu_program_destroy(program);
	ogpu_queue_destroy(queue);
}

/* Debug information that is damaged in any place: another line perhaps, but never a crash. */
static void test_source_broken(void **state)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	struct fixture *f = *state;
	struct ogpu_program *program;
	struct ogpu_source source;
	uint64_t entry;
	size_t size;
	uint8_t *elf = read_file(getenv("TEST_LINES"), &size);
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)elf;
	const Elf64_Shdr *sh = (const Elf64_Shdr *)(elf + eh->e_shoff);
	const char *names = (const char *)elf + sh[eh->e_shstrndx].sh_offset;
	unsigned int tried = 0;

	for (unsigned int s = 0; s < eh->e_shnum; s++) {
		if (strncmp(names + sh[s].sh_name, ".debug_", 7) || sh[s].sh_type != SHT_PROGBITS)
			continue;
		for (size_t i = 0; i < sh[s].sh_size * sizeof(values); i++) {
			uint8_t *at = elf + sh[s].sh_offset + i / sizeof(values);
			const uint8_t old = *at;

			/* room of the fake */
			fake.bos = 0;
			fake.file_size = 0;
			fake.binds = 0;
			*at = values[i % sizeof(values)];
			assert_int_equal(ogpu_program_load(f->vm, elf, size, &program), 0);
			assert_int_equal(ogpu_program_entry(program, "fails", &entry), 0);
			if (!ogpu_program_source(program, entry, &source))
				assert_true(source.line && strlen(source.file) < size);
			ogpu_program_destroy(program);
			*at = old;
			tried++;
		}
	}
	assert_true(tried > 1000);
	free(elf);
}

/* Every truncation and every changed byte ends in success or a clean error, never in a crash. */
static void test_program_broken(void **state)
{
	struct fixture *f = *state;
	struct ogpu_program *program;
	uint8_t *elf, *copy;
	size_t size;

	elf = read_program(&size);
	for (size_t cut = 0; cut < size; cut++) {
		copy = malloc(cut + 1);	/* exact size: a read past the end is seen by ASan */
		memcpy(copy, elf, cut);
		if (!ogpu_program_load(f->vm, copy, cut, &program))
			ogpu_program_destroy(program);
		free(copy);
	}
	for (size_t at = 0; at < size; at++) {
		static const uint8_t values[] = { 0x00, 0x7f, 0x80, 0xff };

		for (size_t v = 0; v < sizeof(values); v++) {
			uint8_t old = elf[at];

			if (fake.bos > 4000) {	/* room of the fake */
				fake.bos = 0;
				fake.file_size = 0;
			}
			fake.binds = 0;
			elf[at] = values[v];
			if (!ogpu_program_load(f->vm, elf, size, &program))
				ogpu_program_destroy(program);
			elf[at] = old;
		}
	}
	free(elf);
}

static void test_program_refused(void **state)
{
	struct fixture *f = *state;
	struct ogpu_program *program;
	size_t size;
	uint8_t *elf = read_program(&size);
	Elf64_Ehdr *eh = (Elf64_Ehdr *)elf;

	assert_int_equal(ogpu_program_load(f->vm, "not an ELF file, but long enough to be one..",
					   44, &program), -ENOEXEC);
	eh->e_machine = EM_X86_64;
	assert_int_equal(ogpu_program_load(f->vm, elf, size, &program), -ENOEXEC);
	eh->e_machine = EM_RISCV;
	eh->e_type = ET_DYN;
	assert_int_equal(ogpu_program_load(f->vm, elf, size, &program), -ENOEXEC);
	free(elf);
	assert_int_equal(ogpu_program_load_file(f->vm, "/nonexistent", &program), -ENOENT);
	assert_int_equal(ogpu_program_load_file(f->vm, "/dev/null", &program), -ENOEXEC);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_VM(test_program),
		IN_VM(test_explain),
		IN_VM(test_source),
		IN_VM(test_source_explained),
		IN_VM(test_source_broken),
		IN_VM(test_program_broken),
		IN_VM(test_program_refused),
	};

	return cmocka_run_group_tests_name("programs", tests, NULL, NULL);
}
