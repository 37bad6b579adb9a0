// SPDX-License-Identifier: MIT
/* What a queue that failed has left: the waves in its save area, and the packets of its streams. */
#include <errno.h>
#include <string.h>

#include "internal.h"

#define PART	256u		/* parts of a frame begin at multiples of this */
#define REGS	64u

static uint64_t round_up(uint64_t bytes)
{
	return (bytes + PART - 1) / PART * PART;
}

static struct drm_ogpu_save_group header(const struct ogpu_dump *dump, uint32_t frame)
{
	struct drm_ogpu_save_group group;

	/* A copy: other threads, or the card, may write there. */
	memcpy(&group, dump->area + frame * dump->frame_bytes, sizeof(group));
	return group;
}

int ogpu_dump_open(const void *area, uint64_t bytes, uint32_t held, uint32_t wave_bytes,
		   struct ogpu_dump *dump)
{
	struct drm_ogpu_save_group group;

	*dump = (struct ogpu_dump){ .area = area, .bytes = bytes, .left = held };
	if (!held)
		return -ENODATA;
	if (bytes < sizeof(group))
		return -EINVAL;
	/* All frames are alike, and tell it whether they hold anything or not. */
	group = header(dump, 0);
	dump->lanes = group.lanes;
	dump->waves = group.waves;
	dump->local_bytes = group.local_bytes;
	dump->wave_bytes = wave_bytes;
	if (!group.lanes || group.lanes > 64 || !group.waves || group.waves > bytes ||
	    wave_bytes < (REGS * 8 + 9) * group.lanes + sizeof(struct drm_ogpu_save_wave))
		return -EINVAL;
	dump->frame_bytes = PART + round_up(group.local_bytes) +
			    (uint64_t)group.waves * wave_bytes;
	if (dump->frame_bytes > bytes ||
	    __builtin_add_overflow(dump->frame_bytes,
				   round_up((uint64_t)group.waves * group.lanes *
					    group.private_bytes), &dump->frame_bytes) ||
	    dump->frame_bytes > bytes)
		return -EINVAL;
	return 0;
}

int ogpu_queue_dump(struct ogpu_queue *queue, struct ogpu_dump *dump)
{
	const struct drm_ogpu_query_device *info = ogpu_device_info(ogpu_vm_device(queue->vm));
	struct drm_ogpu_queue_get_state state;
	int ret = ogpu_queue_state(queue, &state);

	if (ret)
		return ret;
	if (!queue->save.ptr)
		return -ENODATA;
	return ogpu_dump_open(queue->save.ptr, queue->save.bo->size, state.held,
			      info->save_wave_bytes, dump);
}

bool ogpu_dump_next(struct ogpu_dump *dump, struct ogpu_dump_wave *wave)
{
	const uint64_t frames = dump->bytes / dump->frame_bytes;
	struct drm_ogpu_save_wave state;
	const uint8_t *frame, *at;

	for (;;) {
		if (!dump->left || dump->frame >= frames)
			return false;
		if (dump->wave < dump->waves) {
			dump->group = header(dump, dump->frame);
			if (dump->group.state == DRM_OGPU_SAVE_HELD)
				break;
		} else {
			dump->left--;
		}
		dump->wave = 0;
		dump->frame++;
	}
	frame = dump->area + dump->frame * dump->frame_bytes;
	at = frame + PART + round_up(dump->local_bytes) + (uint64_t)dump->wave * dump->wave_bytes;
	memcpy(&state, at + (REGS + 1) * 8 * dump->lanes, sizeof(state));
	*wave = (struct ogpu_dump_wave){
		.group = dump->group.group,
		.wave = dump->wave++,
		.lanes = dump->lanes,
		.live = state.live,
		.barrier = state.barrier,
		.regs = (const uint64_t *)at,
		.pc = (const uint64_t *)at + REGS * dump->lanes,
		.frm = at + (REGS + 1) * 8 * dump->lanes + sizeof(state),
		.local = frame + PART,
		.local_bytes = dump->local_bytes,
	};
	return true;
}

static const char *const names[] = {
	[DRM_OGPU_PKT_NOP] = "NOP",
	[DRM_OGPU_PKT_INDIRECT] = "INDIRECT",
	[DRM_OGPU_PKT_COPY] = "COPY",
	[DRM_OGPU_PKT_FILL] = "FILL",
	[DRM_OGPU_PKT_WRITE] = "WRITE",
	[DRM_OGPU_PKT_FENCE] = "FENCE",
	[DRM_OGPU_PKT_WAIT] = "WAIT",
	[DRM_OGPU_PKT_TIMESTAMP] = "TIMESTAMP",
	[DRM_OGPU_PKT_DISPATCH] = "DISPATCH",
	[DRM_OGPU_PKT_CACHE] = "CACHE",
	[DRM_OGPU_PKT_DISPATCH_INDIRECT] = "DISPATCH_INDIRECT",
	[DRM_OGPU_PKT_COPY_RECT] = "COPY_RECT",
	[DRM_OGPU_PKT_SKIP] = "SKIP",
	[DRM_OGPU_PKT_ATOMIC] = "ATOMIC",
	[DRM_OGPU_PKT_COUNTERS] = "COUNTERS",
};

bool ogpu_packet_read(const void *stream, uint32_t bytes, uint32_t offset,
		      struct ogpu_packet *packet)
{
	uint32_t word, opcode;

	if (offset % 8 || offset > bytes || bytes - offset < 8)
		return false;
	memcpy(&word, (const uint8_t *)stream + offset, sizeof(word));
	opcode = word & 0xff;
	*packet = (struct ogpu_packet){
		.offset = offset,
		.bytes = (word >> 16) * 4,
		.opcode = opcode,
		.flags = word >> 8 & 0xff,
		.name = opcode < sizeof(names) / sizeof(names[0]) && names[opcode] ?
			names[opcode] : "unknown",
		.words = (const uint32_t *)stream + offset / 4,
	};
	return packet->bytes && packet->bytes % 8 == 0 && packet->bytes <= bytes - offset;
}
