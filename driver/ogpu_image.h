/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What is in VRAM, kept in system memory while the card has no power.
 */
#ifndef _OGPU_IMAGE_H_
#define _OGPU_IMAGE_H_

struct ogpu_device;
struct ogpu_image;

struct ogpu_image *ogpu_image_create(struct ogpu_device *odev);
void ogpu_image_destroy(struct ogpu_image *image);
int ogpu_image_reserve(struct ogpu_image *image);
void ogpu_image_release(struct ogpu_image *image);
int ogpu_image_save(struct ogpu_image *image);
int ogpu_image_load(struct ogpu_image *image);
unsigned long ogpu_image_size(const struct ogpu_image *image);

#endif
