// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What user space writes into streams and reads from control pages and save areas is what firmware
 * and hardware read and write: checked when this is compiled, there is no code.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>

#include <drm/ogpu_drm.h>

#include "abi/mbox.h"
#include "abi/packet.h"
#include "abi/save.h"

#define SAME_NUMBER(user, card)	static_assert((u64)(user) == (u64)(card))
#define SAME_SIZE(name)		SAME_NUMBER(sizeof(struct drm_ ## name), sizeof(struct name))
#define SAME_PLACE(name, member) \
	SAME_NUMBER(offsetof(struct drm_ ## name, member), offsetof(struct name, member))
#define SAME_OPCODE(name)	SAME_NUMBER(DRM_OGPU_PKT_ ## name, OGPU_OP_ ## name)
#define SAME_VALUE(name)	SAME_NUMBER(DRM_OGPU_ ## name, OGPU_ ## name)
#define SAME_FLAG(name)		SAME_NUMBER(DRM_OGPU_ ## name, (OGPU_ ## name) << 8)

SAME_NUMBER(GENMASK(7, 0), OGPU_PKT_OPCODE);
SAME_NUMBER(GENMASK(15, 8), OGPU_PKT_FLAGS);
SAME_NUMBER(GENMASK(31, 16), OGPU_PKT_WORDS);
SAME_FLAG(PKT_BARRIER);
SAME_FLAG(PKT_CARD);

SAME_OPCODE(NOP);
SAME_OPCODE(INDIRECT);
SAME_OPCODE(COPY);
SAME_OPCODE(FILL);
SAME_OPCODE(WRITE);
SAME_OPCODE(FENCE);
SAME_OPCODE(WAIT);
SAME_OPCODE(TIMESTAMP);
SAME_OPCODE(DISPATCH);
SAME_OPCODE(CACHE);
SAME_OPCODE(DISPATCH_INDIRECT);
SAME_OPCODE(COPY_RECT);
SAME_OPCODE(SKIP);
SAME_OPCODE(ATOMIC);
SAME_OPCODE(COUNTERS);

SAME_SIZE(ogpu_pkt_indirect);
SAME_PLACE(ogpu_pkt_indirect, bytes);
SAME_PLACE(ogpu_pkt_indirect, addr);

SAME_SIZE(ogpu_pkt_copy);
SAME_PLACE(ogpu_pkt_copy, src);
SAME_PLACE(ogpu_pkt_copy, dst);
SAME_PLACE(ogpu_pkt_copy, bytes);

SAME_SIZE(ogpu_pkt_fill);
SAME_PLACE(ogpu_pkt_fill, pattern);
SAME_PLACE(ogpu_pkt_fill, dst);
SAME_PLACE(ogpu_pkt_fill, bytes);

SAME_SIZE(ogpu_pkt_write);
SAME_PLACE(ogpu_pkt_write, dst);

SAME_SIZE(ogpu_pkt_fence);
SAME_PLACE(ogpu_pkt_fence, addr);
SAME_PLACE(ogpu_pkt_fence, value);

SAME_SIZE(ogpu_pkt_wait);
SAME_PLACE(ogpu_pkt_wait, compare);
SAME_PLACE(ogpu_pkt_wait, addr);
SAME_PLACE(ogpu_pkt_wait, value);
SAME_PLACE(ogpu_pkt_wait, mask);

SAME_SIZE(ogpu_pkt_timestamp);
SAME_PLACE(ogpu_pkt_timestamp, addr);

SAME_SIZE(ogpu_pkt_counters);
SAME_PLACE(ogpu_pkt_counters, addr);

SAME_SIZE(ogpu_counters);
SAME_PLACE(ogpu_counters, instructions);
SAME_PLACE(ogpu_counters, wave_instructions);
SAME_PLACE(ogpu_counters, bytes_read);
SAME_PLACE(ogpu_counters, bytes_written);
SAME_PLACE(ogpu_counters, tlb_misses);
SAME_PLACE(ogpu_counters, cache_misses);
SAME_PLACE(ogpu_counters, wave_ns);
SAME_PLACE(ogpu_counters, workgroups);

SAME_SIZE(ogpu_pkt_dispatch);
SAME_PLACE(ogpu_pkt_dispatch, entry);
SAME_PLACE(ogpu_pkt_dispatch, args);
SAME_PLACE(ogpu_pkt_dispatch, grid);
SAME_PLACE(ogpu_pkt_dispatch, group);
SAME_PLACE(ogpu_pkt_dispatch, local_bytes);
SAME_PLACE(ogpu_pkt_dispatch, private_bytes);
SAME_PLACE(ogpu_pkt_dispatch, base);
SAME_PLACE(ogpu_pkt_dispatch, total);

SAME_SIZE(ogpu_pkt_dispatch_indirect);
SAME_PLACE(ogpu_pkt_dispatch_indirect, entry);
SAME_PLACE(ogpu_pkt_dispatch_indirect, args);
SAME_PLACE(ogpu_pkt_dispatch_indirect, grid);
SAME_PLACE(ogpu_pkt_dispatch_indirect, group);
SAME_PLACE(ogpu_pkt_dispatch_indirect, local_bytes);
SAME_PLACE(ogpu_pkt_dispatch_indirect, private_bytes);

SAME_SIZE(ogpu_pkt_copy_rect);
SAME_PLACE(ogpu_pkt_copy_rect, src);
SAME_PLACE(ogpu_pkt_copy_rect, dst);
SAME_PLACE(ogpu_pkt_copy_rect, extent);
SAME_PLACE(ogpu_pkt_copy_rect, src_pitch);
SAME_PLACE(ogpu_pkt_copy_rect, dst_pitch);

SAME_SIZE(ogpu_pkt_skip);
SAME_PLACE(ogpu_pkt_skip, compare);
SAME_PLACE(ogpu_pkt_skip, addr);
SAME_PLACE(ogpu_pkt_skip, value);
SAME_PLACE(ogpu_pkt_skip, mask);
SAME_PLACE(ogpu_pkt_skip, bytes);

SAME_SIZE(ogpu_pkt_atomic);
SAME_PLACE(ogpu_pkt_atomic, op);
SAME_PLACE(ogpu_pkt_atomic, addr);
SAME_PLACE(ogpu_pkt_atomic, value);
SAME_PLACE(ogpu_pkt_atomic, compare);
SAME_PLACE(ogpu_pkt_atomic, result);

SAME_SIZE(ogpu_pkt_cache);
SAME_PLACE(ogpu_pkt_cache, ops);
SAME_PLACE(ogpu_pkt_cache, start);
SAME_PLACE(ogpu_pkt_cache, end);

SAME_SIZE(ogpu_queue_control);
SAME_PLACE(ogpu_queue_control, seq);
SAME_PLACE(ogpu_queue_control, state);
SAME_PLACE(ogpu_queue_control, switches);
SAME_PLACE(ogpu_queue_control, error);
SAME_PLACE(ogpu_queue_control, fault_va);
SAME_PLACE(ogpu_queue_control, packet);
SAME_PLACE(ogpu_queue_control, pc);
SAME_PLACE(ogpu_queue_control, asid);
SAME_PLACE(ogpu_queue_control, access);
SAME_PLACE(ogpu_queue_control, reason);
SAME_PLACE(ogpu_queue_control, detail);
SAME_PLACE(ogpu_queue_control, busy_ns);
SAME_PLACE(ogpu_queue_control, waited_ns);
SAME_PLACE(ogpu_queue_control, unit_ns);
SAME_PLACE(ogpu_queue_control, now_ns);
SAME_PLACE(ogpu_queue_control, pos);
SAME_PLACE(ogpu_queue_control, context);
SAME_PLACE(ogpu_queue_control, held);

SAME_SIZE(ogpu_save_group);
SAME_PLACE(ogpu_save_group, state);
SAME_PLACE(ogpu_save_group, waves);
SAME_PLACE(ogpu_save_group, group);
SAME_PLACE(ogpu_save_group, local_bytes);
SAME_PLACE(ogpu_save_group, private_bytes);
SAME_PLACE(ogpu_save_group, lanes);
SAME_PLACE(ogpu_save_group, instructions);

SAME_SIZE(ogpu_save_wave);
SAME_PLACE(ogpu_save_wave, live);
SAME_PLACE(ogpu_save_wave, barrier);

SAME_VALUE(INDIRECT_LEVELS);
SAME_VALUE(INDIRECT_MAX_BYTES);
SAME_VALUE(COMPARE_EQ);
SAME_VALUE(COMPARE_NE);
SAME_VALUE(COMPARE_GE);
SAME_VALUE(COMPARE_LT);
SAME_FLAG(FENCE_SIGNAL);
SAME_FLAG(TIMESTAMP_END);
SAME_FLAG(ATOMIC_RETURN);
SAME_VALUE(ATOMIC_ADD);
SAME_VALUE(ATOMIC_SWAP);
SAME_VALUE(ATOMIC_CAS);
SAME_VALUE(ATOMIC_AND);
SAME_VALUE(ATOMIC_OR);
SAME_VALUE(ATOMIC_XOR);
SAME_VALUE(ATOMIC_MIN);
SAME_VALUE(ATOMIC_MAX);
SAME_VALUE(ATOMIC_MINU);
SAME_VALUE(ATOMIC_MAXU);
SAME_VALUE(ATOMIC_WIDE);
SAME_VALUE(CACHE_CLEAN);
SAME_VALUE(CACHE_INVALIDATE);
SAME_VALUE(CACHE_CODE);
SAME_VALUE(QUEUE_IDLE);
SAME_VALUE(QUEUE_READY);
SAME_VALUE(QUEUE_RUNNING);
SAME_VALUE(QUEUE_FAILED);
SAME_VALUE(QUEUE_WAITING);
SAME_VALUE(QUEUE_SUSPENDED);
SAME_VALUE(QUEUE_FAULTED);

SAME_VALUE(SAVE_FREE);
SAME_VALUE(SAVE_HELD);
