// SPDX-License-Identifier: MIT
/*
 * generate MODEL TOKENS TEXT [DEVICE]: the card, or all cards, continue a text greedily;
 * the CPU is then given the same tokens, and each of its choices is compared with the card's.
 *
 * Exit status: 0 if they agree, 1 if not, 2 if the model or the card cannot be used. Where the
 * CPU's best two are closer than what rounding does to them, either choice is right.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ggml-backend.h>
#include <llama.h>

/* Of the spread (standard deviation) of the numbers among which the greatest is chosen. */
#define TIE	0.05

/* Mean square of differences, to that of the CPU's numbers; the CPU rounds operands to 8 bits. */
#define MAX_ERROR	0.02

#define MAX_CARDS	16
#define LONGEST		4096	/* tokens */

static char complaint[512];	/* the first that llama.cpp has */

static void listen(enum ggml_log_level level, const char *text, void *data)
{
	(void)data;
	if (level == GGML_LOG_LEVEL_ERROR && !complaint[0])
		snprintf(complaint, sizeof(complaint), "%.*s", (int)strcspn(text, "\n"), text);
}

static int unusable(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "%s%s%s\n", what, complaint[0] ? ": " : "", complaint);
	return 2;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

struct run {
	struct llama_model *model;
	struct llama_context *context;
	const struct llama_vocab *vocab;
	int words, prompt;
	llama_token text[LONGEST];	/* prompt, and what follows */
};

/* With the text in tokens, and room for more of them. */
static int start(struct run *run, const char *path, ggml_backend_dev_t *devices, const char *text,
		 int more)
{
	struct llama_model_params how = llama_model_default_params();
	struct llama_context_params with = llama_context_default_params();

	how.devices = devices;
	how.n_gpu_layers = devices[0] ? 999 : 0;
	/* The file may be on a file system of the network kind. */
	how.load_mode = LLAMA_LOAD_MODE_NONE;
	run->model = llama_model_load_from_file(path, how);
	if (!run->model)
		return unusable("llama.cpp does not take the model");
	run->vocab = llama_model_get_vocab(run->model);
	run->words = llama_vocab_n_tokens(run->vocab);
	run->prompt = llama_tokenize(run->vocab, text, strlen(text), run->text, LONGEST - more,
				     true, true);
	if (run->prompt <= 0)
		return unusable("the text has no tokens, or too many");
	with.n_ctx = run->prompt + more;
	with.n_batch = run->prompt;
	with.offload_kqv = devices[0];
	with.op_offload = devices[0];
	with.n_threads = 1;
	with.n_threads_batch = 1;
	run->context = llama_init_from_model(run->model, with);
	return run->context ? 0 : unusable("no memory for the context");
}

static void stop(struct run *run)
{
	llama_free(run->context);
	llama_model_free(run->model);
}

/* What the next token is chosen by, when so many follow the prompt; NULL if that cannot be had. */
static const float *decode(struct run *run, int follow)
{
	llama_token *last = run->text + run->prompt + follow - 1;

	if (llama_decode(run->context, follow ? llama_batch_get_one(last, 1) :
			 llama_batch_get_one(run->text, run->prompt)))
		return NULL;
	return llama_get_logits_ith(run->context, -1);
}

static int greatest(const float *v, int count)
{
	int best = 0;

	for (int i = 1; i < count; i++)
		if (v[i] > v[best])
			best = i;
	return best;
}

static double spread(const float *v, int count)
{
	double sum = 0, squares = 0;

	for (int i = 0; i < count; i++) {
		sum += v[i];
		squares += (double)v[i] * v[i];
	}
	return sqrt(fmax(0, squares / count - sum / count * (sum / count)));
}

static void show(const struct run *run, llama_token token)
{
	char piece[128];
	int n = llama_token_to_piece(run->vocab, token, piece, sizeof(piece), 0, true);

	if (n > 0)
		fwrite(piece, 1, n, stdout);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	ggml_backend_dev_t cards[MAX_CARDS + 1] = { NULL }, none[1] = { NULL };
	int count = 0, tokens, same = 0, ties = 0, made = 0;
	double error = 0, power = 0, begin;
	static struct run run;
	const float *chosen_by;
	char what[256];
	float *logits;
	bool equal;

	tokens = argc == 4 || argc == 5 ? atoi(argv[2]) : 0;
	if (tokens < 1 || tokens > LONGEST / 2)
		return unusable("usage: generate MODEL TOKENS TEXT [DEVICE]");
	llama_log_set(listen, NULL);
	ggml_backend_load_all();
	complaint[0] = 0;
	for (size_t i = 0; i < ggml_backend_dev_count() && count < MAX_CARDS; i++) {
		const char *name = ggml_backend_dev_name(ggml_backend_dev_get(i));

		if (argc == 5 ? !strcmp(name, argv[4]) : !strncmp(name, "OGPU", 4))
			cards[count++] = ggml_backend_dev_get(i);
	}
	if (!count)
		return unusable("ggml finds no such card");

	if (start(&run, argv[1], cards, argv[3], tokens))
		return 2;
	llama_model_desc(run.model, what, sizeof(what));
	printf("%s, %.1f million weights, on %d card%s\n", what,
	       llama_model_n_params(run.model) / 1e6, count, count == 1 ? "" : "s");
	logits = malloc(sizeof(*logits) * tokens * run.words);
	if (!logits)
		return unusable("no memory");
	printf("card: %s", argv[3]);
	fflush(stdout);
	begin = now();
	while (made < tokens) {
		float *kept = logits + (size_t)made * run.words;
		llama_token *next = run.text + run.prompt + made;

		chosen_by = decode(&run, made);
		if (!chosen_by)
			return unusable("\nthe card has failed");
		memcpy(kept, chosen_by, sizeof(*kept) * run.words);
		*next = greatest(kept, run.words);
		made++;
		show(&run, *next);
		if (llama_vocab_is_eog(run.vocab, *next))
			break;
	}
	printf("\ncard: %d tokens in %.2f s\n", made, now() - begin);
	stop(&run);

	if (start(&run, argv[1], none, argv[3], tokens))
		return 2;
	printf("CPU:  %s", argv[3]);
	fflush(stdout);
	begin = now();
	for (int i = 0; i < made; i++) {
		const float *ours = logits + (size_t)i * run.words;
		llama_token token = run.text[run.prompt + i];
		int best;

		chosen_by = decode(&run, i);
		if (!chosen_by)
			return unusable("\nthe CPU has failed");
		best = greatest(chosen_by, run.words);
		show(&run, best);
		if (best == token)
			same++;
		else if (chosen_by[best] - chosen_by[token] < TIE * spread(chosen_by, run.words))
			ties++;
		for (int k = 0; k < run.words; k++) {
			error += pow((double)ours[k] - chosen_by[k], 2);
			power += pow(chosen_by[k], 2);
		}
	}
	printf("\nCPU:  %d tokens in %.2f s\n", made, now() - begin);
	stop(&run);
	free(logits);
	/* That is false also if something is not a number. */
	equal = same + ties == made && error <= MAX_ERROR * power;
	printf("%s: %d of %d tokens the same, %d as good; error of the logits %.1e\n",
	       equal ? "EQUAL" : "DIFFERENT", same, made, ties, error / power);
	return !equal;
}
