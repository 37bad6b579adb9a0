// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Fuzzing everything that reads files: image check, image decoder, ELF parser, decompression.
 *
 * LLVMFuzzerTestOneInput() suits libFuzzer and AFL. Without them (OGPU_FUZZ_STANDALONE) the program
 * runs the files that it is given, or "--mutate N [SEED]" variations of valid files, which are the
 * same ones at each run.
 */
#include <elf.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "decompress.h"
#include "elf32.h"
#include "image.h"
#include "sample.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) do { \
	if (!(condition)) { \
		fprintf(stderr, "accepted, but not: %s\n", #condition); \
		abort(); \
	} \
} while (0)

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size && b_size && a < b + b_size && b < a + a_size;
}

/* What abi/fw_image.h promises of an image that was accepted, said in another way. */
static void require_sound(const struct fw_image *image)
{
	uint64_t next = image->signature_offset + OGPU_FW_SIGNATURE_SIZE;
	unsigned int i, j, entries = 0;
	volatile uint8_t sum = 0;

	REQUIRE(image->size <= OGPU_FW_MAX_SIZE);
	REQUIRE(next <= OGPU_FW_MAX_MANIFEST);
	REQUIRE(image->signature_offset >= sizeof(struct ogpu_fw_header) +
		image->component_count * sizeof(struct ogpu_fw_component));
	REQUIRE(image->component_count >= 1 && image->component_count <= OGPU_FW_MAX_COMPONENTS);
	for (i = 0; i < image->component_count; i++) {
		const struct fw_component *comp = &image->components[i];
		bool loaded = comp->type == OGPU_FW_COMP_CODE || comp->type == OGPU_FW_COMP_DATA;
		uint32_t byte;

		REQUIRE(comp->offset % 8 == 0);
		REQUIRE(comp->offset == next);
		next = (uint64_t)comp->offset + comp->size;
		REQUIRE(next <= image->size);
		for (; next % 8; next++)
			REQUIRE(!image->data[next]);
		REQUIRE(!loaded || comp->mem_size >= comp->size);
		REQUIRE(!loaded || (uint64_t)comp->load_addr + comp->mem_size <= 1ull << 32);
		for (byte = 0; byte < comp->size; byte++)
			sum ^= image->data[comp->offset + byte];

		for (j = 0; j < i; j++) {
			const struct fw_component *other = &image->components[j];
			bool both = loaded && (other->type == OGPU_FW_COMP_CODE ||
					       other->type == OGPU_FW_COMP_DATA);

			REQUIRE(!overlap(comp->offset, comp->size, other->offset, other->size));
			REQUIRE(!both || !overlap(comp->load_addr, comp->mem_size,
						  other->load_addr, other->mem_size));
		}
		if (comp->type == OGPU_FW_COMP_CODE && image->entry >= comp->load_addr &&
		    image->entry < (uint64_t)comp->load_addr + comp->size)
			entries++;
	}
	REQUIRE(entries == 1);
	REQUIRE(next == image->size);
}

static uint8_t *copy(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1);

	if (!bytes)
		abort();
	memcpy(bytes, data, size);
	return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *null;
	const char *compression;
	struct fw_image image;
	struct fw_error err;
	struct elf32 elf;
	uint8_t *bytes;

	if (!null)
		null = fopen("/dev/null", "w");

	if (!image_parse(&image, "input", copy(data, size), size, &err)) {
		require_sound(&image);
		image_print(&image, null);
		image_close(&image);
	}

	bytes = copy(data, size);
	if (!elf32_parse(&elf, "input", bytes, size, &err))
		REQUIRE(elf.count >= 1 && elf.count <= ELF32_MAX_SEGMENTS);
	decompress("input", &bytes, &size, 65536, &compression, &err);
	free(bytes);
	return 0;
}

#ifdef OGPU_FUZZ_STANDALONE

/* xorshift64: good enough, and the same everywhere. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* What variations start from: an image, the same compressed in two ways, a program. */
struct seed {
	uint8_t bytes[4096];
	size_t size;
};

static void make_seeds(struct seed seeds[4])
{
	static const Elf32_Ehdr program = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB },
		.e_type = ET_EXEC,
		.e_machine = EM_RISCV,
		.e_phoff = sizeof(Elf32_Ehdr),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 8,
	};
	const Elf32_Phdr segment = {
		.p_type = PT_LOAD,
		.p_offset = 400,
		.p_filesz = 64,
		.p_memsz = 64,
	};
	struct signing_key key;
	uint8_t *image;
	unsigned int i;
	size_t size;

	memset(seeds, 0, 4 * sizeof(*seeds));
	sample_image(&key, &image, &size);
	REQUIRE(size <= sizeof(seeds[0].bytes));
	memcpy(seeds[0].bytes, image, size);
	seeds[0].size = size;
	REQUIRE(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, image, size, seeds[1].bytes,
					&seeds[1].size, sizeof(seeds[1].bytes)) == LZMA_OK);
	seeds[2].size = ZSTD_compress(seeds[2].bytes, sizeof(seeds[2].bytes), image, size, 3);
	REQUIRE(!ZSTD_isError(seeds[2].size));
	free(image);

	memcpy(seeds[3].bytes, &program, sizeof(program));
	for (i = 0; i < program.e_phnum; i++)
		memcpy(seeds[3].bytes + sizeof(program) + i * sizeof(segment), &segment,
		       sizeof(segment));
	seeds[3].size = 512;
}

static void mutate(uint8_t *bytes, size_t *size, uint64_t *seed)
{
	static const uint32_t interesting[] = {
		0, 1, 7, 8, 63, 64, 184, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff,
	};
	uint64_t random = next_random(seed);
	size_t at = (random >> 8) % *size;
	/* Header and table are where the decisions are. */
	size_t word = (random >> 8) % (*size < 440 ? *size / 4 : 110) * 4;
	uint32_t value;

	switch (random & 7) {
	case 0:
		bytes[at] = (uint8_t)(random >> 40);
		break;
	case 1:
		bytes[at] ^= 1 << (random >> 40) % 8;
		break;
	case 2:
		*size = at + 1;
		break;
	case 3:
		memcpy(&value, bytes + word, sizeof(value));
		value += (uint32_t)((random >> 40) % 33) - 16;
		memcpy(bytes + word, &value, sizeof(value));
		break;
	case 4:
		memcpy(bytes + word, &interesting[(random >> 40) % ARRAY_SIZE(interesting)], 4);
		break;
	case 5:
		value = (uint32_t)((random >> 40) % 1024) * 8;
		memcpy(bytes + word, &value, sizeof(value));
		break;
	case 6:
		value = SAMPLE_CODE_ADDR + (uint32_t)((random >> 40) % 512);
		memcpy(bytes + word, &value, sizeof(value));
		break;
	default:
		bytes[word] = (uint8_t)(random >> 40);
		break;
	}
}

static int run_mutations(unsigned int count, uint64_t seed)
{
	static struct seed seeds[4];
	unsigned int i, accepted = 0;

	make_seeds(seeds);
	for (i = 0; i < count; i++) {
		/* Half of them images. */
		const struct seed *from = &seeds[i % 2 ? 0 : i / 2 % 4];
		uint8_t *bytes = copy(from->bytes, from->size);
		unsigned int steps = 1 + next_random(&seed) % 4;
		size_t size = from->size;

		while (steps-- && size >= 4)
			mutate(bytes, &size, &seed);
		accepted += ogpu_fw_image_check(bytes, size) == OGPU_FW_OK;
		LLVMFuzzerTestOneInput(bytes, size);
		free(bytes);
	}
	printf("1..1\nok 1 - %u variations of files, %u of them valid images\n", count, accepted);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t count, seed = 1;
	int i;

	keys_init();
	if (argc >= 3 && !strcmp(argv[1], "--mutate") && parse_u32(argv[2], UINT32_MAX, &count) &&
	    (argc == 3 || parse_u32(argv[3], UINT32_MAX, &seed)))
		return run_mutations(count, seed ? seed : 1);

	for (i = 1; i < argc; i++) {
		struct fw_error err;
		uint8_t *data;
		size_t size;

		if (file_read(argv[i], 16u << 20, &data, &size, &err)) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	return 0;
}

#endif
