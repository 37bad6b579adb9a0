/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The demo's jobs: what they share, and what each reports. */
#ifndef DEMO_JOB_H
#define DEMO_JOB_H

#include <ogpu.h>

/* Everything a job needs; made once. */
struct demo {
	struct ogpu_device *dev;
	struct ogpu_vm *vm;
	struct ogpu_queue *compute;
	struct ogpu_queue *copy;
	struct ogpu_stream stream;
	struct ogpu_buffer scratch;	/* timestamps at 0 and 8, arguments from ARGS_OFFSET */
	const char *kernel_dir;
	const char *image_in;
	const char *image_out;
};

/* What a job did; checked is false if any byte was wrong. */
struct job_result {
	char size[40];
	double gpu_ns;
	double amount;		/* operations or bytes */
	const char *unit;	/* of amount, for example "GB/s" */
	bool checked;
	char note[160];
};

struct job {
	const char *name;
	int (*run)(struct demo *demo, struct job_result *result);
};

int job_saxpy(struct demo *demo, struct job_result *result);
int job_sgemm(struct demo *demo, struct job_result *result);
int job_sketch(struct demo *demo, struct job_result *result);
int job_reduce(struct demo *demo, struct job_result *result);
int job_copy(struct demo *demo, struct job_result *result);

/* Helpers of demo.c. */
int demo_load(struct demo *demo, const char *kernel, struct ogpu_program **program,
	      uint64_t *entry);
/* Puts arguments where the kernel finds them and runs one dispatch, timed by the GPU. */
int demo_dispatch(struct demo *demo, const struct ogpu_program *program,
		  struct ogpu_dispatch *dispatch, const void *args, size_t args_size,
		  double *gpu_ns);
/*
 * Runs what is in demo->stream between two timestamps. @program: whose kernels, to say where they
 * failed; NULL: none.
 */
void demo_begin(struct demo *demo);
int demo_run(struct demo *demo, struct ogpu_queue *queue, const struct ogpu_program *program,
	     double *gpu_ns);
/* Same sequence on every machine: inputs that look random. */
uint32_t demo_random(uint32_t *state);
/* The same as a float in [-1, 1). */
float demo_random_float(uint32_t *state);

#endif
