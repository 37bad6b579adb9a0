/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Attributes of the PCI function; ogpu_sysfs.c describes them.
 */
#ifndef _OGPU_SYSFS_H_
#define _OGPU_SYSFS_H_

struct attribute_group;

extern const struct attribute_group *ogpu_sysfs_groups[];

#endif
