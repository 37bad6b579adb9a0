/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Arguments of the kernels in bench.c, for both sides. Addresses are virtual. */
#ifndef OGPU_TESTS_BENCH_H
#define OGPU_TESTS_BENCH_H

#include <stdint.h>

#define GATHER_ENTRIES	1024u	/* 4 KiB: one page */
#define GATHER_STEPS	256u

struct gather_args {
	uint64_t table, out;
};

struct hostile_args {
	uint64_t first, stride;
};

#endif
