/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the measurements inside a test machine have in common. */
#ifndef OGPU_TESTS_BENCH_H
#define OGPU_TESTS_BENCH_H

struct ogpu_device;

void die(const char *what);
/* Ends the program if @ret is a negative errno. */
void check(int ret, const char *what);
/* One line of JSON. */
void result(const char *name, double value, const char *unit, const char *note);
/* Seconds. */
double now(void);

/* submit.c */
void bench_instructions(struct ogpu_device *dev);
void bench_scale(struct ogpu_device *dev);

/* sharing.c */
void bench_share(void);
void bench_wait(void);

#endif
