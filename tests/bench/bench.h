/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the measurements inside a test machine have in common. */
#ifndef OGPU_TESTS_BENCH_H
#define OGPU_TESTS_BENCH_H

#include <ogpu.h>
#include <stdint.h>

void die(const char *what);
/* Ends the program if @ret is a negative errno. */
void check(int ret, const char *what);
/* One line of JSON. */
void result(const char *name, double value, const char *unit, const char *note);
/* Seconds. */
double now(void);

/* submit.c: instructions of the cheapest of some null DRM ioctls. */
uint64_t measure_null(int fd);
void bench_instructions(struct ogpu_device *dev);
void bench_scale(struct ogpu_device *dev);

#define INSN_FOR_EVER	0x0000006fu	/* j . */
#define INSN_RET	0x00008067u

/* A file of its own, so a client of its own: one queue, one kernel of one instruction. */
struct program {
	struct ogpu_device *dev;
	struct ogpu_vm *vm;
	struct ogpu_queue *queue;
	struct ogpu_bo *code;
	struct ogpu_stream stream;
};

/* sharing.c */
void start_program(struct program *p, enum drm_ogpu_priority priority, uint32_t instruction,
		   uint32_t groups_per_unit);
/* Its file goes, and with it whatever it has on the card. */
void end_program(struct program *p);
void bench_share(void);
void bench_crowd(void);
void bench_wait(void);

/* bind.c */
void bench_bind(struct ogpu_device *dev);

/* memory.c */
void bench_memory(struct ogpu_device *dev);

/* evict.c */
void bench_evict(void);

/* user.c */
void bench_user(struct ogpu_device *dev);

/* answers.c */
void bench_state(void);
void bench_kill(void);
void bench_fault(void);

#endif
