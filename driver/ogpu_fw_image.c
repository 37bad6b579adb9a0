// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The structural check of a firmware image: one set of rules for the driver, the loader and the
 * boot ROM of the virtual GPU, which all compile this file.
 *
 * Nothing in the image is believed before it is checked, nothing is read in place (the buffer may
 * have any alignment), and all sums are done in 64 bits so that none can wrap.
 */
#ifdef __KERNEL__
#include <linux/string.h>
#include <asm/byteorder.h>
#else
#include <stdbool.h>
#include <string.h>
/* types.h refuses big-endian machines outside the kernel. */
#define le16_to_cpu(x)	(x)
#define le32_to_cpu(x)	(x)
#endif

#include "abi/fw_image.h"

/* Bytes [start, end) of the file or of the management core's memory. */
struct fw_range {
	__u64 start;
	__u64 end;
};

/* A component in CPU byte order. */
struct fw_part {
	__u32 type;
	__u32 load_addr;
	struct fw_range file;
	struct fw_range memory;	/* empty if it is not loaded */
};

static struct fw_range fw_range(__u64 start, __u64 size)
{
	return (struct fw_range){ .start = start, .end = start + size };
}

/* An empty range overlaps nothing. */
static bool fw_overlap(const struct fw_range *a, const struct fw_range *b)
{
	return a->start < a->end && b->start < b->end && a->start < b->end && b->start < a->end;
}

static bool fw_all_zero(const __u8 *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Printable ASCII, then only NUL: safe to show on a terminal. */
static bool fw_text_valid(const __u8 *text, size_t size)
{
	size_t len = 0;

	while (len < size && text[len] >= 0x20 && text[len] < 0x7f)
		len++;
	return fw_all_zero(text + len, size - len);
}

static enum ogpu_fw_check fw_check_header(const struct ogpu_fw_header *hdr, size_t size)
{
	__u64 image_size = le32_to_cpu(hdr->image_size);
	__u64 header_size = le32_to_cpu(hdr->header_size);

	if (le32_to_cpu(hdr->magic) != OGPU_FW_MAGIC)
		return OGPU_FW_ERR_MAGIC;
	if (le16_to_cpu(hdr->format_major) != OGPU_FW_FORMAT_MAJOR)
		return OGPU_FW_ERR_FORMAT;

	if (image_size > OGPU_FW_MAX_SIZE)
		return OGPU_FW_ERR_SIZE;
	if (image_size > size)
		return OGPU_FW_ERR_TRUNCATED;
	if (image_size < size || image_size < sizeof(*hdr) + OGPU_FW_SIGNATURE_SIZE)
		return OGPU_FW_ERR_SIZE;

	if (header_size < sizeof(*hdr) || header_size % 8 ||
	    header_size > image_size - OGPU_FW_SIGNATURE_SIZE ||
	    le32_to_cpu(hdr->signature_offset) != image_size - OGPU_FW_SIGNATURE_SIZE)
		return OGPU_FW_ERR_HEADER;
	if (hdr->flags || hdr->version[3] || !fw_all_zero(hdr->rsvd, sizeof(hdr->rsvd)))
		return OGPU_FW_ERR_HEADER;
	if (le16_to_cpu(hdr->hw_rev_min) > le16_to_cpu(hdr->hw_rev_max) ||
	    le32_to_cpu(hdr->driver_abi_min) > le32_to_cpu(hdr->driver_abi_max))
		return OGPU_FW_ERR_HEADER;
	if (!fw_text_valid(hdr->build_id, sizeof(hdr->build_id)) ||
	    !fw_text_valid(hdr->name, sizeof(hdr->name)))
		return OGPU_FW_ERR_HEADER;

	return OGPU_FW_OK;
}

static enum ogpu_fw_check fw_check_table(const struct ogpu_fw_header *hdr)
{
	__u64 offset = le32_to_cpu(hdr->component_offset);
	__u64 count = le32_to_cpu(hdr->component_count);

	if (!count || count > OGPU_FW_MAX_COMPONENTS)
		return OGPU_FW_ERR_TABLE;
	if (le32_to_cpu(hdr->component_size) != sizeof(struct ogpu_fw_component))
		return OGPU_FW_ERR_TABLE;
	if (offset % 8 || offset < le32_to_cpu(hdr->header_size))
		return OGPU_FW_ERR_TABLE;
	if (offset + count * sizeof(struct ogpu_fw_component) >
	    le32_to_cpu(hdr->signature_offset))
		return OGPU_FW_ERR_TABLE;

	return OGPU_FW_OK;
}

/* Is it a component whose members all mean what this version of the format says? */
static bool fw_check_known_part(const struct ogpu_fw_component *comp, struct fw_part *part)
{
	__u32 mem_size = le32_to_cpu(comp->mem_size);

	if (comp->rsvd[0] || comp->rsvd[1] || comp->rsvd[2])
		return false;

	switch (part->type) {
	case OGPU_FW_COMP_CODE:
	case OGPU_FW_COMP_DATA:
		part->memory = fw_range(part->load_addr, mem_size);
		return mem_size && mem_size >= le32_to_cpu(comp->size) &&
		       part->memory.end <= 1ull << 32;
	case OGPU_FW_COMP_INFO:
		return !part->load_addr && !mem_size;
	default:
		return false;
	}
}

static bool fw_check_part(const struct ogpu_fw_header *hdr, const struct ogpu_fw_component *comp,
			  struct fw_part *part)
{
	struct fw_range table = fw_range(le32_to_cpu(hdr->component_offset),
					 (__u64)le32_to_cpu(hdr->component_count) * sizeof(*comp));

	part->type = le32_to_cpu(comp->type);
	part->load_addr = le32_to_cpu(comp->load_addr);
	part->file = fw_range(le32_to_cpu(comp->offset), le32_to_cpu(comp->size));
	part->memory = fw_range(0, 0);

	if (part->file.start % 8 || part->file.start < le32_to_cpu(hdr->header_size) ||
	    part->file.end > le32_to_cpu(hdr->signature_offset) ||
	    fw_overlap(&part->file, &table))
		return false;

	return part->type & OGPU_FW_COMP_OPTIONAL || fw_check_known_part(comp, part);
}

static enum ogpu_fw_check fw_check_parts(const __u8 *image, const struct ogpu_fw_header *hdr)
{
	struct fw_part parts[OGPU_FW_MAX_COMPONENTS];
	__u32 count = le32_to_cpu(hdr->component_count);
	__u32 entry = le32_to_cpu(hdr->entry);
	bool entry_found = false;
	__u32 i, j;

	for (i = 0; i < count; i++) {
		struct fw_part *part = &parts[i];
		struct ogpu_fw_component comp;

		memcpy(&comp, image + le32_to_cpu(hdr->component_offset) + i * sizeof(comp),
		       sizeof(comp));
		if (!fw_check_part(hdr, &comp, part))
			return OGPU_FW_ERR_COMPONENT;

		for (j = 0; j < i; j++)
			if (fw_overlap(&part->file, &parts[j].file) ||
			    fw_overlap(&part->memory, &parts[j].memory))
				return OGPU_FW_ERR_COMPONENT;

		/* The entry must be among bytes of the file, not among the zeros after them. */
		if (part->type == OGPU_FW_COMP_CODE && entry >= part->load_addr &&
		    entry - part->load_addr < part->file.end - part->file.start)
			entry_found = true;
	}

	/* Instructions of an RV32IMC core lie at even addresses. */
	return entry_found && entry % 2 == 0 ? OGPU_FW_OK : OGPU_FW_ERR_COMPONENT;
}

/* Described in abi/fw_image.h. */
enum ogpu_fw_check ogpu_fw_image_check(const void *image, size_t size)
{
	struct ogpu_fw_header hdr;
	enum ogpu_fw_check check;

	if (size < sizeof(hdr))
		return OGPU_FW_ERR_TRUNCATED;
	memcpy(&hdr, image, sizeof(hdr));

	check = fw_check_header(&hdr, size);
	if (check == OGPU_FW_OK)
		check = fw_check_table(&hdr);
	if (check == OGPU_FW_OK)
		check = fw_check_parts(image, &hdr);
	return check;
}

/* Described in abi/fw_image.h. */
const char *ogpu_fw_check_text(enum ogpu_fw_check check)
{
	switch (check) {
	case OGPU_FW_OK:
		return "valid";
	case OGPU_FW_ERR_TRUNCATED:
		return "image is truncated";
	case OGPU_FW_ERR_MAGIC:
		return "not an OGPU firmware image";
	case OGPU_FW_ERR_FORMAT:
		return "unknown version of the image format";
	case OGPU_FW_ERR_HEADER:
		return "broken header";
	case OGPU_FW_ERR_SIZE:
		return "size differs from what the header says, or is over the limit";
	case OGPU_FW_ERR_TABLE:
		return "broken component table";
	case OGPU_FW_ERR_COMPONENT:
		return "broken component, or entry point outside the code";
	}
	return "unknown result";
}
