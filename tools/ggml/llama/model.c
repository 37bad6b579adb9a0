// SPDX-License-Identifier: MIT
/*
 * Models for make llama: "model make FILE TYPE" writes a small one of llama's kind, whose weights
 * are the same random numbers each time; "model check FILE" says what is wrong with one, in one
 * line, or prints the bytes of its tensors.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ggml.h>
#include <gguf.h>

enum {
	LAYERS = 4, WIDTH = 256, HIDDEN = 768, HEADS = 8, KV_HEADS = 4, CONTEXT = 2048,
	KV_WIDTH = WIDTH / HEADS * KV_HEADS,
};

/* --- Words: syllables, alone and at the beginning of a word, and llama's 259 others ---------- */

#define CONSONANTS	"bdfghjklmnprstvwz"
#define VOWELS		"aeiou"

enum {
	SYLLABLES = (sizeof(CONSONANTS) - 1) * (sizeof(VOWELS) - 1), BYTES = 256, SPECIAL = 3,
	WORDS = SPECIAL + BYTES + 2 * SYLLABLES,
};

/* Of llama.cpp's token types. */
enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6 };

static void add_words(struct gguf_context *file)
{
	static const char *const special[SPECIAL] = { "<unk>", "<s>", "</s>" };
	static char text[WORDS][8];
	static const char *words[WORDS];
	static float scores[WORDS];
	static int32_t types[WORDS];

	for (int i = 0; i < WORDS; i++) {
		int n = i - SPECIAL - BYTES;

		types[i] = NORMAL;
		if (i < SPECIAL) {
			snprintf(text[i], sizeof(text[i]), "%s", special[i]);
			types[i] = i ? CONTROL : UNKNOWN;
		} else if (n < 0) {
			snprintf(text[i], sizeof(text[i]), "<0x%02X>", i - SPECIAL);
			types[i] = BYTE;
		} else {
			/* U+2581 stands for a space; longer pieces are preferred. */
			bool begins = n >= SYLLABLES;

			n %= SYLLABLES;
			snprintf(text[i], sizeof(text[i]), "%s%c%c", begins ? "\u2581" : "",
				 CONSONANTS[n / 5], VOWELS[n % 5]);
			scores[i] = begins;
		}
		words[i] = text[i];
	}
	gguf_set_val_str(file, "tokenizer.ggml.model", "llama");
	gguf_set_arr_str(file, "tokenizer.ggml.tokens", words, WORDS);
	gguf_set_arr_data(file, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores, WORDS);
	gguf_set_arr_data(file, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types, WORDS);
	gguf_set_val_u32(file, "tokenizer.ggml.unknown_token_id", 0);
	gguf_set_val_u32(file, "tokenizer.ggml.bos_token_id", 1);
	gguf_set_val_u32(file, "tokenizer.ggml.eos_token_id", 2);
}

/* --- Weights --------------------------------------------------------------------------------- */

static uint64_t seed = 1;

/* About normal, of variance 1: a sum of four. */
static float random_number(void)
{
	float sum = 0;

	for (int i = 0; i < 4; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		sum += (float)(seed >> 40) / (1 << 24) - 0.5f;
	}
	return sum * 1.7320508f;
}

/* With a scale of 0 all are 1; the first rows may be weaker than others. */
static void add(struct gguf_context *file, struct ggml_context *ctx, const char *name,
		enum ggml_type type, int64_t columns, int64_t rows, float scale, int weak_rows)
{
	struct ggml_tensor *t = ggml_new_tensor_2d(ctx, type, columns, rows);
	float *numbers = malloc(columns * rows * sizeof(*numbers));

	if (!numbers)
		abort();
	for (int64_t i = 0; i < columns * rows; i++) {
		numbers[i] = scale ? random_number() * scale : 1;
		if (i < weak_rows * columns)
			numbers[i] /= 16;
	}
	ggml_quantize_chunk(type, numbers, t->data, 0, rows, columns, NULL);
	free(numbers);
	ggml_set_name(t, name);
	gguf_add_tensor(file, t);
}

static int make(const char *path, enum ggml_type type)
{
	static const struct {
		const char *name;
		int columns, rows;	/* 1 row: of ones */
	} parts[] = {
		{ "attn_norm", WIDTH, 1 }, { "ffn_norm", WIDTH, 1 }, { "attn_q", WIDTH, WIDTH },
		{ "attn_k", WIDTH, KV_WIDTH }, { "attn_v", WIDTH, KV_WIDTH },
		{ "attn_output", WIDTH, WIDTH }, { "ffn_gate", WIDTH, HIDDEN },
		{ "ffn_up", WIDTH, HIDDEN }, { "ffn_down", HIDDEN, WIDTH },
	};
	struct ggml_init_params memory = { .mem_size = 64u << 20 };
	struct ggml_context *ctx = ggml_init(memory);
	struct gguf_context *file = gguf_init_empty();
	char name[64];

	if (!ctx || !file)
		abort();
	gguf_set_val_str(file, "general.architecture", "llama");
	gguf_set_val_str(file, "general.name", "random weights");
	gguf_set_val_u32(file, "llama.context_length", CONTEXT);
	gguf_set_val_u32(file, "llama.embedding_length", WIDTH);
	gguf_set_val_u32(file, "llama.block_count", LAYERS);
	gguf_set_val_u32(file, "llama.feed_forward_length", HIDDEN);
	gguf_set_val_u32(file, "llama.attention.head_count", HEADS);
	gguf_set_val_u32(file, "llama.attention.head_count_kv", KV_HEADS);
	gguf_set_val_f32(file, "llama.attention.layer_norm_rms_epsilon", 0.00001f);
	gguf_set_val_u32(file, "llama.rope.dimension_count", WIDTH / HEADS);
	gguf_set_val_u32(file, "llama.vocab_size", WORDS);
	add_words(file);

	add(file, ctx, "token_embd.weight", type, WIDTH, WORDS, 1, 0);
	for (int layer = 0; layer < LAYERS; layer++) {
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			bool ones = parts[i].rows == 1;

			snprintf(name, sizeof(name), "blk.%d.%s.weight", layer, parts[i].name);
			add(file, ctx, name, ones ? GGML_TYPE_F32 : type, parts[i].columns,
			    parts[i].rows, ones ? 0 : parts[i].columns == WIDTH ? 1.0f / 16 :
			    1.0f / 28, 0);
		}
	}
	add(file, ctx, "output_norm.weight", GGML_TYPE_F32, WIDTH, 1, 0, 0);
	/* So that syllables are chosen. */
	add(file, ctx, "output.weight", type, WIDTH, WORDS, 1.0f / 4, SPECIAL + BYTES);
	if (!gguf_write_to_file(file, path, false)) {
		fprintf(stderr, "%s: cannot be written\n", path);
		return 1;
	}
	return 0;
}

/* --- Files of others ------------------------------------------------------------------------- */

static void quiet(enum ggml_log_level level, const char *text, void *data)
{
	(void)level;
	(void)text;
	(void)data;
}

static int check(const char *path)
{
	struct gguf_init_params how = { .no_alloc = true };
	struct gguf_context *file;
	char magic[4] = "";
	uint64_t begin, sum = 0;
	struct stat st;
	FILE *f;

	f = fopen(path, "rb");
	if (!f || fstat(fileno(f), &st)) {
		fprintf(stderr, "cannot be read: %s\n", strerror(errno));
		return 1;
	}
	if (fread(magic, 1, sizeof(magic), f) != sizeof(magic) || memcmp(magic, "GGUF", 4)) {
		fprintf(stderr, "is no GGUF file\n");
		return 1;
	}
	fclose(f);
	ggml_log_set(quiet, NULL);
	file = gguf_init_from_file(path, how);
	if (!file) {
		fprintf(stderr, "has a header that ggml cannot read, or is cut short in it\n");
		return 1;
	}
	begin = gguf_get_data_offset(file);
	for (int64_t i = 0; i < gguf_get_n_tensors(file); i++) {
		uint64_t size = gguf_get_tensor_size(file, i);
		uint64_t end;

		if (__builtin_add_overflow(begin, gguf_get_tensor_offset(file, i), &end) ||
		    __builtin_add_overflow(end, size, &end) || end > (uint64_t)st.st_size) {
			fprintf(stderr, "is cut short: %s is not all there\n",
				gguf_get_tensor_name(file, i));
			return 1;
		}
		sum += size;
	}
	printf("%llu\n", (unsigned long long)sum);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "check"))
		return check(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "make"))
		for (int type = 0; type < GGML_TYPE_COUNT; type++)
			if (ggml_type_name(type) && !strcmp(ggml_type_name(type), argv[3]))
				return make(argv[2], type);
	fprintf(stderr, "usage: model make FILE TYPE | model check FILE\n");
	return 2;
}
