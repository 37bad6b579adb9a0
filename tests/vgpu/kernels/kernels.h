/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Arguments of the test kernels, for both sides. Addresses are virtual. */
#ifndef OGPU_TESTS_KERNELS_H
#define OGPU_TESTS_KERNELS_H

#include <stdint.h>

#define KERNELS_VA	0x400000	/* where they are linked */
#define SORT_ITEMS	12

struct saxpy_args {
	uint64_t x, y, n;
	float a;
};

struct matmul_args {
	uint64_t a, b, c;
	uint32_t n;
};

struct reduce_args {
	uint64_t in, out, n;
};

struct collatz_args {
	uint64_t out;
};

struct sort_args {
	uint64_t in, out;
};

struct count_args {
	uint64_t counter;
};

struct ids_args {
	uint64_t out;
};

struct ids_out {
	uint32_t global[3], local[3], group[3], local_bytes;
};

struct meet_args {
	uint64_t counter, groups, rounds;
};

struct crowd_args {
	uint64_t counter, looks;
};

#define MIXED_OWN	24

struct mixed_args {
	uint64_t out, counter, seed, rounds;
};

struct spread_args {
	uint64_t base, stride;
};

/* Loads by f3 of the opcodes LOAD (0 to 6) and FLW (7), stores by 8 + f3. */
struct access_args {
	uint64_t address;	/* const uint64_t[32], 0: this one does nothing */
	uint64_t result;	/* uint64_t[32]: of loads */
	uint64_t value;		/* const uint64_t[32]: of stores */
	uint64_t local;		/* becomes local memory before and is local memory after */
	uint64_t op;
};

#endif
