// SPDX-License-Identifier: GPL-2.0 OR MIT
/* An edge filter on a PNG: the user's, or the one that lies beside the compute kernels. */
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "kernels/args.h"
#include "sketch_pixel.h"

#define GROUP		16
#define MAX_PIXELS	(64u << 20)

static uint32_t *read_png(const char *path, png_image *png)
{
	uint32_t *pixels = NULL;

	if (!png_image_begin_read_from_file(png, path))
		goto err;
	png->format = PNG_FORMAT_RGBA;
	if ((uint64_t)png->width * png->height > MAX_PIXELS) {
		fprintf(stderr, "ogpu-demo: %s: more than %u million pixels\n", path,
			MAX_PIXELS / 1000000);
		png_image_free(png);
		return NULL;
	}
	pixels = malloc(PNG_IMAGE_SIZE(*png));
	if (!pixels || !png_image_finish_read(png, NULL, pixels, 0, NULL))
		goto err;
	return pixels;

err:
	fprintf(stderr, "ogpu-demo: cannot read %s: %s\n", path, png->message);
	png_image_free(png);
	free(pixels);
	return NULL;
}

static bool is_right(const uint32_t *in, const uint32_t *out, int width, int height)
{
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			if (out[(int64_t)y * width + x] != sketch_pixel(in, width, height, x, y))
				return false;
	return true;
}

static int run(struct demo *demo, const uint32_t *pixels, png_image *png,
	       struct job_result *result)
{
	struct ogpu_dispatch dispatch = {
		.grid = { (png->width + GROUP - 1) / GROUP, (png->height + GROUP - 1) / GROUP },
		.group = { GROUP, GROUP },
	};
	struct sketch_args args = { .width = png->width, .height = png->height };
	size_t size = (size_t)png->width * png->height * sizeof(*pixels);
	struct ogpu_buffer in = { 0 }, out = { 0 };
	struct ogpu_program *program;
	int ret;

	ret = demo_load(demo, "sketch", &program, &dispatch.entry);
	if (ret)
		return ret;
	ret = ogpu_buffer_create(demo->vm, size, DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM,
				 DRM_OGPU_BO_CPU_ACCESS, &in);
	if (!ret)
		ret = ogpu_buffer_create(demo->vm, size, DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM,
					 DRM_OGPU_BO_CPU_ACCESS, &out);
	if (ret)
		goto out;

	memcpy(in.ptr, pixels, size);
	args.in = in.va;
	args.out = out.va;
	ret = demo_dispatch(demo, program, &dispatch, &args, sizeof(args), &result->gpu_ns);
	if (ret)
		goto out;

	result->checked = is_right(pixels, out.ptr, png->width, png->height);
	snprintf(result->size, sizeof(result->size), "%u x %u pixels", png->width, png->height);
	result->amount = (double)png->width * png->height;
	result->unit = "Gpx/s";
	if (demo->image_out) {
		png->format = PNG_FORMAT_RGBA;
		if (!png_image_write_to_file(png, demo->image_out, 0, out.ptr, 0, NULL)) {
			fprintf(stderr, "ogpu-demo: cannot write %s: %s\n", demo->image_out,
				png->message);
			ret = -EIO;
		} else {
			snprintf(result->note, sizeof(result->note), "see %s",
				 basename(demo->image_out));
		}
	}
out:
	ogpu_buffer_destroy(&in);
	ogpu_buffer_destroy(&out);
	ogpu_program_destroy(program);
	return ret;
}

int job_sketch(struct demo *demo, struct job_result *result)
{
	png_image png = { .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGBA };
	char sample[4096];
	uint32_t *pixels;
	int ret;

	snprintf(sample, sizeof(sample), "%s/sample.png", demo->kernel_dir);
	pixels = read_png(demo->image_in ? demo->image_in : sample, &png);
	if (!pixels)
		return -EINVAL;
	ret = run(demo, pixels, &png, result);
	png_image_free(&png);
	free(pixels);
	return ret;
}
