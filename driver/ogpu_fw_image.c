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

/* Bytes [start, end) of the management core's memory; an empty range overlaps nothing. */
struct fw_range {
	__u64 start;
	__u64 end;
};

static bool fw_overlap(const struct fw_range *a, const struct fw_range *b)
{
	return a->start < a->end && b->start < b->end && a->start < b->end && b->start < a->end;
}

static __u64 fw_align(__u64 offset)
{
	return (offset + 7) & ~7ull;
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

	if (header_size < sizeof(*hdr) || header_size % 8)
		return OGPU_FW_ERR_HEADER;
	if (hdr->flags || hdr->version[3] || hdr->rsvd0 ||
	    !fw_all_zero(hdr->rsvd1, sizeof(hdr->rsvd1)))
		return OGPU_FW_ERR_HEADER;
	if (le16_to_cpu(hdr->hw_rev_min) > le16_to_cpu(hdr->hw_rev_max) ||
	    le32_to_cpu(hdr->driver_abi_min) > le32_to_cpu(hdr->driver_abi_max) ||
	    le32_to_cpu(hdr->fw_abi_min) > le32_to_cpu(hdr->fw_abi_max))
		return OGPU_FW_ERR_HEADER;
	if (!fw_text_valid(hdr->build_id, sizeof(hdr->build_id)) ||
	    !fw_text_valid(hdr->name, sizeof(hdr->name)))
		return OGPU_FW_ERR_HEADER;

	return OGPU_FW_OK;
}

static enum ogpu_fw_check fw_check_table(const struct ogpu_fw_header *hdr)
{
	__u64 count = le32_to_cpu(hdr->component_count);
	__u64 end = le32_to_cpu(hdr->header_size) + count * sizeof(struct ogpu_fw_component);

	if (!count || count > OGPU_FW_MAX_COMPONENTS)
		return OGPU_FW_ERR_TABLE;
	if (le32_to_cpu(hdr->component_size) != sizeof(struct ogpu_fw_component))
		return OGPU_FW_ERR_TABLE;
	if (le32_to_cpu(hdr->signature_offset) != end)
		return OGPU_FW_ERR_TABLE;
	if (end + OGPU_FW_SIGNATURE_SIZE > OGPU_FW_MAX_MANIFEST ||
	    end + OGPU_FW_SIGNATURE_SIZE > le32_to_cpu(hdr->image_size))
		return OGPU_FW_ERR_TABLE;

	return OGPU_FW_OK;
}

/* All members of a component mean what this version of the format says. */
static bool fw_check_known(const struct ogpu_fw_component *comp, struct fw_range *memory)
{
	__u32 load_addr = le32_to_cpu(comp->load_addr);
	__u32 mem_size = le32_to_cpu(comp->mem_size);

	if (comp->rsvd[0] || comp->rsvd[1] || comp->rsvd[2])
		return false;

	switch (le32_to_cpu(comp->type)) {
	case OGPU_FW_COMP_CODE:
	case OGPU_FW_COMP_DATA:
		memory->start = load_addr;
		memory->end = (__u64)load_addr + mem_size;
		return mem_size && mem_size >= le32_to_cpu(comp->size) &&
		       memory->end <= 1ull << 32;
	case OGPU_FW_COMP_INFO:
		return !load_addr && !mem_size;
	default:
		return false;
	}
}

/* The entry must be among bytes of the file, not among the zeros after them. */
static bool fw_has_entry(const struct ogpu_fw_header *hdr, const struct ogpu_fw_component *comp)
{
	__u32 entry = le32_to_cpu(hdr->entry);
	__u32 load_addr = le32_to_cpu(comp->load_addr);

	return le32_to_cpu(comp->type) == OGPU_FW_COMP_CODE && entry >= load_addr &&
	       entry - load_addr < le32_to_cpu(comp->size);
}

static enum ogpu_fw_check fw_check_components(const __u8 *manifest,
					      const struct ogpu_fw_header *hdr)
{
	struct fw_range memory[OGPU_FW_MAX_COMPONENTS] = { };
	__u32 count = le32_to_cpu(hdr->component_count);
	__u64 next = (__u64)le32_to_cpu(hdr->signature_offset) + OGPU_FW_SIGNATURE_SIZE;
	bool entry_found = false;
	__u32 i, j;

	for (i = 0; i < count; i++) {
		struct ogpu_fw_component comp;

		memcpy(&comp, manifest + le32_to_cpu(hdr->header_size) + i * sizeof(comp),
		       sizeof(comp));
		if (le32_to_cpu(comp.offset) != next)
			return OGPU_FW_ERR_COMPONENT;
		next = fw_align(next + le32_to_cpu(comp.size));
		if (next > le32_to_cpu(hdr->image_size))
			return OGPU_FW_ERR_COMPONENT;
		if (!(le32_to_cpu(comp.type) & OGPU_FW_COMP_OPTIONAL) &&
		    !fw_check_known(&comp, &memory[i]))
			return OGPU_FW_ERR_COMPONENT;
		for (j = 0; j < i; j++)
			if (fw_overlap(&memory[i], &memory[j]))
				return OGPU_FW_ERR_COMPONENT;
		entry_found |= fw_has_entry(hdr, &comp);
	}
	if (next != le32_to_cpu(hdr->image_size))
		return OGPU_FW_ERR_COMPONENT;

	/* Instructions of an RV32IMC core lie at even addresses. */
	return entry_found && le32_to_cpu(hdr->entry) % 2 == 0 ? OGPU_FW_OK :
								 OGPU_FW_ERR_COMPONENT;
}

/* Described in abi/fw_image.h. */
enum ogpu_fw_check ogpu_fw_manifest_check(const void *manifest, size_t size, size_t image_size)
{
	struct ogpu_fw_header hdr;
	enum ogpu_fw_check check;

	if (size < sizeof(hdr))
		return OGPU_FW_ERR_TRUNCATED;
	memcpy(&hdr, manifest, sizeof(hdr));

	check = fw_check_header(&hdr, image_size);
	if (check == OGPU_FW_OK)
		check = fw_check_table(&hdr);
	if (check == OGPU_FW_OK)
		check = fw_check_components(manifest, &hdr);
	return check;
}

/* Described in abi/fw_image.h. */
enum ogpu_fw_check ogpu_fw_image_check(const void *image, size_t size)
{
	enum ogpu_fw_check check = ogpu_fw_manifest_check(image, size, size);
	struct ogpu_fw_header hdr;
	__u32 i;

	if (check != OGPU_FW_OK)
		return check;
	memcpy(&hdr, image, sizeof(hdr));
	for (i = 0; i < le32_to_cpu(hdr.component_count); i++) {
		struct ogpu_fw_component comp;
		__u64 end;

		memcpy(&comp, image + le32_to_cpu(hdr.header_size) + i * sizeof(comp),
		       sizeof(comp));
		end = (__u64)le32_to_cpu(comp.offset) + le32_to_cpu(comp.size);
		if (!fw_all_zero(image + end, fw_align(end) - end))
			return OGPU_FW_ERR_COMPONENT;
	}
	return OGPU_FW_OK;
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
		return "image format is not version 2; get an image of this release";
	case OGPU_FW_ERR_HEADER:
		return "broken header";
	case OGPU_FW_ERR_SIZE:
		return "size differs from what the header says, or is over the limit";
	case OGPU_FW_ERR_TABLE:
		return "broken component table, or signature not behind it";
	case OGPU_FW_ERR_COMPONENT:
		return "broken component, or entry point outside the code";
	}
	return "unknown result";
}
