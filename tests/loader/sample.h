/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A small valid image and its key, for the unit tests and the fuzzer.
 */
#ifndef OGPU_TESTS_LOADER_SAMPLE_H
#define OGPU_TESTS_LOADER_SAMPLE_H

#include "image_build.h"

#define SAMPLE_CODE_ADDR	0x10000000u
#define SAMPLE_CODE_SIZE	36u
#define SAMPLE_DATA_ADDR	0x10000100u

/* Components: 0 code, 1 data, 2 info. Ends the program if anything fails. */
void sample_image(struct signing_key *key, uint8_t **image, size_t *size);

#endif
