/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The firmware image: header, table of components, their bytes, signature.
 *
 * The Ed25519 signature covers every byte before it and is the last thing in the file: nothing
 * outside it is ever believed. The driver, the loader and the boot ROM check structure with the
 * same rules (ogpu_fw_image_check()); only the boot ROM's verdict on the signature starts code.
 */
#ifndef _OGPU_ABI_FW_IMAGE_H_
#define _OGPU_ABI_FW_IMAGE_H_

#include "types.h"

#define OGPU_FW_MAGIC		0x5746474fu	/* "OGFW" */
#define OGPU_FW_FORMAT_MAJOR	1
#define OGPU_FW_FORMAT_MINOR	0
#define OGPU_FW_MAX_SIZE	(1u << 20)
#define OGPU_FW_MAX_COMPONENTS	16
#define OGPU_FW_SIGNATURE_SIZE	64

/* Version of the driver's expectations of firmware; images state the range that they suit. */
#define OGPU_DRIVER_ABI_VERSION	1

struct ogpu_fw_header {
	__le32 magic;
	__le16 format_major;
	__le16 format_minor;
	__le32 header_size;	/* sizeof(struct ogpu_fw_header) or more */
	__le32 image_size;	/* bytes of the whole file, signature included */
	__le16 version[4];	/* major, minor, patch, 0 */
	__le32 svn;		/* security version: never goes down on a card */
	__le32 flags;		/* must be zero */
	__le16 vendor;		/* PCI IDs and board it is for */
	__le16 device;
	__le32 board_id;
	__le16 hw_rev_min;
	__le16 hw_rev_max;
	__le32 driver_abi_min;
	__le32 driver_abi_max;
	__le32 entry;		/* address of the first instruction */
	__le32 component_count;	/* 1 .. OGPU_FW_MAX_COMPONENTS */
	__le32 component_offset;	/* of the table; 8-byte aligned */
	__le32 component_size;	/* of one table entry: sizeof(struct ogpu_fw_component) */
	__le32 signature_offset;	/* image_size - OGPU_FW_SIGNATURE_SIZE */
	__u8 key_id[8];		/* first bytes of SHA-256 of the public key */
	__u8 build_id[40];	/* NUL-padded ASCII */
	__u8 name[32];		/* NUL-padded ASCII */
	__u8 rsvd[32];		/* must be zero */
};
OGPU_ASSERT_SIZE(struct ogpu_fw_header, 184);
OGPU_ASSERT_OFFSET(struct ogpu_fw_header, entry, 52);
OGPU_ASSERT_OFFSET(struct ogpu_fw_header, signature_offset, 68);

enum ogpu_fw_component_type {
	OGPU_FW_COMP_CODE = 1,	/* loaded, must contain the entry */
	OGPU_FW_COMP_DATA = 2,	/* loaded */
	OGPU_FW_COMP_INFO = 3,	/* text for people; not loaded */
};

/* A type with this bit may be skipped by a reader that does not know it. */
#define OGPU_FW_COMP_OPTIONAL	0x80000000u

struct ogpu_fw_component {
	__le32 type;
	__le32 offset;		/* of the bytes in the file, 8-byte aligned */
	__le32 size;		/* bytes in the file */
	__le32 load_addr;	/* address in the management core's SRAM; 0 for INFO */
	__le32 mem_size;	/* bytes in memory, >= size, the rest zero; 0 for INFO */
	__le32 rsvd[3];		/* must be zero */
};
OGPU_ASSERT_SIZE(struct ogpu_fw_component, 32);

/* Outcome of the structural check. */
enum ogpu_fw_check {
	OGPU_FW_OK = 0,
	OGPU_FW_ERR_TRUNCATED,	/* shorter than it says or than a header */
	OGPU_FW_ERR_MAGIC,
	OGPU_FW_ERR_FORMAT,	/* another major version of the format */
	OGPU_FW_ERR_HEADER,	/* header sizes, flags or reserved bytes */
	OGPU_FW_ERR_SIZE,	/* file size differs from image_size, or over the limit */
	OGPU_FW_ERR_TABLE,	/* component table outside the signed part */
	OGPU_FW_ERR_COMPONENT,	/* component overlaps, out of bounds, unknown type, wrong entry */
};

/**
 * ogpu_fw_image_check() - check the structure of an image.
 * @image: the bytes
 * @size: how many there are
 *
 * Pure and allocation-free; compiled into the driver, the loader and the virtual GPU. It does not
 * look at the signature and does not know any card. After OGPU_FW_OK all offsets, sizes and
 * alignments of header and components may be trusted, component files and memory ranges do not
 * overlap, and the entry lies in a CODE component.
 *
 * Return: OGPU_FW_OK or the first thing that is wrong.
 */
enum ogpu_fw_check ogpu_fw_image_check(const void *image, size_t size);

/**
 * ogpu_fw_check_text() - a short English phrase for a check result.
 * @check: what ogpu_fw_image_check() returned
 *
 * Return: a constant string.
 */
const char *ogpu_fw_check_text(enum ogpu_fw_check check);

#endif
