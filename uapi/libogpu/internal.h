/* SPDX-License-Identifier: MIT */
/* What the files of libogpu share and the public header does not show. */
#ifndef OGPU_INTERNAL_H
#define OGPU_INTERNAL_H

#include "ogpu.h"

/* drmIoctl() with the library's way of errors. */
int ogpu_ioctl(const struct ogpu_device *dev, unsigned long request, void *arg);
struct ogpu_device *ogpu_vm_device(const struct ogpu_vm *vm);

#endif
