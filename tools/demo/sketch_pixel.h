/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * One pixel of the picture filter. Integer arithmetic only, compiled for the card and for the host:
 * both must give the same bytes.
 */
#ifndef DEMO_SKETCH_PIXEL_H
#define DEMO_SKETCH_PIXEL_H

#include <stdint.h>

/*
 * Brightness, 0 .. 255, of the pixel nearest to (x, y) inside the picture (weights of ITU-R
 * BT.601).
 */
static inline int sketch_luma(const uint32_t *in, int width, int height, int x, int y)
{
	uint32_t p;

	x = x < 0 ? 0 : x >= width ? width - 1 : x;
	y = y < 0 ? 0 : y >= height ? height - 1 : y;
	p = in[(int64_t)y * width + x];
	return (77 * (p & 0xff) + 150 * (p >> 8 & 0xff) + 29 * (p >> 16 & 0xff)) >> 8;
}

static inline uint32_t sketch_pixel(const uint32_t *in, int width, int height, int x, int y)
{
	int l[3][3], gx, gy, shade;

	for (int dy = 0; dy < 3; dy++)
		for (int dx = 0; dx < 3; dx++)
			l[dy][dx] = sketch_luma(in, width, height, x + dx - 1, y + dy - 1);

	gx = l[0][2] + 2 * l[1][2] + l[2][2] - l[0][0] - 2 * l[1][0] - l[2][0];
	gy = l[2][0] + 2 * l[2][1] + l[2][2] - l[0][0] - 2 * l[0][1] - l[0][2];
	shade = 255 - ((gx < 0 ? -gx : gx) + (gy < 0 ? -gy : gy));
	if (shade < 0)
		shade = 0;
	/* Grey, and as opaque as the pixel was. */
	return (uint32_t)shade * 0x010101u | (in[(int64_t)y * width + x] & 0xff000000u);
}

#endif
