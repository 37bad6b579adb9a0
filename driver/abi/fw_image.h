/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The firmware image: header, table of components, signature, then the bytes of the components.
 *
 * The Ed25519 signature covers what stands before it: header and table, which together with it are
 * the manifest. The table holds the SHA-256 of each component. So a boot ROM needs memory of its
 * own only for the manifest, and checks the rest while it streams it into the core's memory.
 *
 * Components follow the signature in the order of the table, each at the next multiple of 8, the
 * bytes in between zero; the file ends, so padded, with the last one. No byte is left out of
 * account. Driver, loader and boot ROM check structure with the same rules; only the boot ROM's
 * verdict on signature and hashes starts code.
 */
#ifndef _OGPU_ABI_FW_IMAGE_H_
#define _OGPU_ABI_FW_IMAGE_H_

#include "types.h"

#define OGPU_FW_MAGIC		0x5746474fu	/* "OGFW" */
#define OGPU_FW_FORMAT_MAJOR	2
#define OGPU_FW_FORMAT_MINOR	0
#define OGPU_FW_MAX_SIZE	(1u << 20)
#define OGPU_FW_MAX_COMPONENTS	16
#define OGPU_FW_SIGNATURE_SIZE	64
#define OGPU_FW_HASH_SIZE	32		/* SHA-256 */
#define OGPU_FW_KEY_ID_SIZE	8		/* first bytes of SHA-256 of a public key */
#define OGPU_FW_MAX_MANIFEST	4096u		/* bytes, signature included */

/* Version of the driver's expectations of firmware; images state the range that they suit. */
#define OGPU_DRIVER_ABI_VERSION	1

struct ogpu_fw_header {
	__le32 magic;
	__le16 format_major;
	__le16 format_minor;
	__le32 header_size;	/* sizeof(struct ogpu_fw_header) or more; the table follows */
	__le32 image_size;	/* bytes of the whole file */
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
	__le32 component_size;	/* of one table entry: sizeof(struct ogpu_fw_component) */
	__le32 signature_offset;	/* right behind the table */
	__le32 fw_abi_min;	/* versions of messages (mbox.h) that the firmware speaks */
	__le32 fw_abi_max;
	__le32 rsvd0;		/* must be zero */
	__u8 key_id[OGPU_FW_KEY_ID_SIZE];
	__u8 build_id[40];	/* NUL-padded ASCII */
	__u8 name[32];		/* NUL-padded ASCII */
	__u8 rsvd1[24];		/* must be zero */
};
OGPU_ASSERT_SIZE(struct ogpu_fw_header, 184);
OGPU_ASSERT_OFFSET(struct ogpu_fw_header, entry, 52);
OGPU_ASSERT_OFFSET(struct ogpu_fw_header, key_id, 80);

enum ogpu_fw_component_type {
	OGPU_FW_COMP_CODE = 1,	/* loaded, must contain the entry */
	OGPU_FW_COMP_DATA = 2,	/* loaded */
	OGPU_FW_COMP_INFO = 3,	/* text for people; not loaded */
};

/* A type with this bit may be skipped by a reader that does not know it. */
#define OGPU_FW_COMP_OPTIONAL	0x80000000u

struct ogpu_fw_component {
	__le32 type;
	__le32 offset;		/* of the bytes in the file: see above */
	__le32 size;		/* bytes in the file */
	__le32 load_addr;	/* address in the management core's SRAM; 0 for INFO */
	__le32 mem_size;	/* bytes in memory, >= size, the rest zero; 0 for INFO */
	__le32 rsvd[3];		/* must be zero */
	__u8 sha256[OGPU_FW_HASH_SIZE];	/* of the bytes in the file */
};
OGPU_ASSERT_SIZE(struct ogpu_fw_component, 64);

/* Outcome of the structural check. */
enum ogpu_fw_check {
	OGPU_FW_OK = 0,
	OGPU_FW_ERR_TRUNCATED,	/* shorter than it says or than a header */
	OGPU_FW_ERR_MAGIC,
	OGPU_FW_ERR_FORMAT,	/* another major version of the format */
	OGPU_FW_ERR_HEADER,	/* header size, ranges, texts, flags or reserved bytes */
	OGPU_FW_ERR_SIZE,	/* file size differs from image_size, or over the limit */
	OGPU_FW_ERR_TABLE,	/* component table, or place of the signature */
	OGPU_FW_ERR_COMPONENT,	/* component overlaps, misplaced, unknown type, wrong entry */
};

/**
 * ogpu_fw_manifest_check() - check the structure of an image by its first bytes
 * @manifest: the image, or at least OGPU_FW_MAX_MANIFEST bytes of it
 * @size: how many there are
 * @image_size: bytes of the whole image
 *
 * Pure and allocation-free; compiled into the driver, the loader and the virtual GPU. It looks
 * neither at signature, hashes nor the bytes of components, and does not know any card. After
 * OGPU_FW_OK all offsets, sizes and alignments of header and components may be trusted, the
 * manifest lies in the first OGPU_FW_MAX_MANIFEST bytes, memory ranges of components do not
 * overlap, and the entry lies in a CODE component.
 *
 * Return: OGPU_FW_OK or the first thing that is wrong.
 */
enum ogpu_fw_check ogpu_fw_manifest_check(const void *manifest, size_t size, size_t image_size);

/**
 * ogpu_fw_image_check() - check the structure of an image
 * @image: the bytes
 * @size: how many there are
 *
 * As ogpu_fw_manifest_check(); and the bytes between components are zero.
 *
 * Return: OGPU_FW_OK or the first thing that is wrong.
 */
enum ogpu_fw_check ogpu_fw_image_check(const void *image, size_t size);

/**
 * ogpu_fw_check_text() - a short English phrase for a check result
 * @check: what ogpu_fw_image_check() returned
 *
 * Return: a constant string.
 */
const char *ogpu_fw_check_text(enum ogpu_fw_check check);

#endif
