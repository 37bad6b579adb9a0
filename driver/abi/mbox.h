/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The mailbox between driver and firmware.
 *
 * One area of host memory holds a header, a ring of requests (host to firmware), a ring of
 * messages (firmware to host: replies and events), and a ring of log text. The host lays it out
 * and fills the header before boot. Counters are free-running and each has one writer; a ring is
 * full when wptr - rptr equals its entries. After adding a request the host writes MBOX_BELL; after
 * adding a message the firmware raises OGPU_VECTOR_MBOX.
 *
 * Several requests may be under way at a time. Firmware begins them in the order of the ring; a
 * reply comes when its request is done, so one that takes time does not hold up those after it.
 * Only requests that wait for a slot take time: QUEUE_STOP, QUEUE_DESTROY, QUEUE_SUSPEND, SUSPEND.
 * Up to OGPU_FW_OWED_MAX of them are under way; the ring is then left alone until one is done. A
 * queue's error that is not told yet goes out before the reply to its QUEUE_STOP or QUEUE_DESTROY,
 * and none follows. While the message ring is full firmware takes no request, and keeps events.
 *
 * Of its own accord firmware sends at most OGPU_FW_EVENTS_MAX messages in OGPU_FW_EVENTS_MS,
 * counted from the first, whatever users do: errors and faults of queues are kept and sent later,
 * in order; several SENSOR_ALERTs become one. Those that precede a reply, as above, are not held
 * back.
 *
 * After boot the firmware sends HELLO. The host answers with CONFIGURE, which chooses an ABI
 * version within both ranges; before that all other requests are refused with OGPU_MSG_EPROTO.
 */
#ifndef _OGPU_ABI_MBOX_H_
#define _OGPU_ABI_MBOX_H_

#include "types.h"

/* Version of these messages. Firmware and driver each speak a range. */
#define OGPU_FW_ABI_VERSION	2

#define OGPU_FW_OWED_MAX	64
#define OGPU_FW_EVENTS_MAX	64
#define OGPU_FW_EVENTS_MS	100
#define OGPU_FW_HAD_MS		1000	/* had_ms is written as often, at least */

#define OGPU_MBOX_MAGIC		0x424d474fu	/* "OGMB" */
#define OGPU_MBOX_LAYOUT	1

struct ogpu_mbox_header {
	__le32 magic;
	__le32 layout;		/* OGPU_MBOX_LAYOUT */
	__le32 size;		/* bytes of the whole area */
	__le32 msg_size;	/* sizeof(struct ogpu_msg) */
	__le32 req_offset;	/* ring of struct ogpu_msg, from the start of the area */
	__le32 req_entries;	/* power of two */
	__le32 msg_offset;
	__le32 msg_entries;
	__le32 log_offset;
	__le32 log_size;	/* bytes, power of two */
	__le32 rsvd0[6];
	/* One cache line for each writer. */
	__le32 req_wptr;	/* host */
	__le32 msg_rptr;	/* host */
	__le32 rsvd1[14];
	__le32 req_rptr;	/* firmware */
	__le32 msg_wptr;	/* firmware */
	__le32 log_wptr;	/* firmware: bytes ever written, text lines ending in \n */
	__le32 had_ms;		/* firmware: milliseconds in which it was run, free-running */
	__le32 rsvd2[12];
};
OGPU_ASSERT_SIZE(struct ogpu_mbox_header, 192);
OGPU_ASSERT_OFFSET(struct ogpu_mbox_header, req_wptr, 64);
OGPU_ASSERT_OFFSET(struct ogpu_mbox_header, req_rptr, 128);

enum ogpu_msg_type {
	/* Requests; the reply has the same type with OGPU_MSG_REPLY set. */
	OGPU_MSG_CONFIGURE = 1,
	OGPU_MSG_PING = 2,
	OGPU_MSG_QUEUE_CREATE = 3,
	OGPU_MSG_QUEUE_DESTROY = 4,	/* stops it first; body: struct ogpu_msg_queue */
	OGPU_MSG_QUEUE_STOP = 5,	/* kill what it runs; body: struct ogpu_msg_queue */
	OGPU_MSG_QUEUE_QUERY = 6,	/* body: struct ogpu_msg_queue, reply ..._queue_state */
	OGPU_MSG_SENSORS = 7,		/* reply: struct ogpu_msg_sensors */
	OGPU_MSG_SUSPEND = 8,		/* take all queues off their slots, quiesce */
	OGPU_MSG_RESUME = 9,
	OGPU_MSG_QUEUE_SUSPEND = 10,	/* off its slot, context published; struct ogpu_msg_queue */
	OGPU_MSG_QUEUE_RESUME = 11,	/* undo it, and retry a fault; struct ogpu_msg_queue */
	OGPU_MSG_COMMIT_SVN = 12,	/* raise the fuse counter; body: struct ogpu_msg_svn */
	OGPU_MSG_POWER_CAP = 13,	/* body: struct ogpu_msg_power_cap */
	OGPU_MSG_RAS = 14,		/* body: struct ogpu_msg_ras_query, reply ..._ras */
	/* Events, sent without being asked. */
	OGPU_MSG_HELLO = 0x4001,
	OGPU_MSG_QUEUE_ERROR = 0x4002,
	OGPU_MSG_SENSOR_ALERT = 0x4003,	/* body: struct ogpu_msg_sensors */
	OGPU_MSG_QUEUE_FAULT = 0x4004,	/* of a queue with REPLAY; struct ogpu_msg_queue_error */
};
#define OGPU_MSG_REPLY		0x8000

/* Status of a reply. */
enum ogpu_msg_status {
	OGPU_MSG_OK = 0,
	OGPU_MSG_EPROTO = 1,	/* not configured yet, or configured twice */
	OGPU_MSG_EUNKNOWN = 2,	/* unknown type */
	OGPU_MSG_EINVAL = 3,	/* bad argument or reserved member set */
	OGPU_MSG_ENOQUEUE = 4,	/* no such queue */
	OGPU_MSG_EEXIST = 5,	/* queue number in use */
	OGPU_MSG_ENOSPC = 6,	/* no room for another queue, or no slot for one more of a gang */
	OGPU_MSG_EABI = 7,	/* chosen ABI version not in range */
	OGPU_MSG_EHW = 8,	/* hardware did not do as told */
};

#define OGPU_MSG_BODY	112

struct ogpu_msg {
	__le32 seq;		/* request: chosen by host, echoed in the reply; events: 0 */
	__le16 type;		/* enum ogpu_msg_type */
	__le16 status;		/* enum ogpu_msg_status in replies, else 0 */
	__le32 size;		/* bytes of body in use; what follows is zero */
	__le32 rsvd;
	__u8 body[OGPU_MSG_BODY];
};
OGPU_ASSERT_SIZE(struct ogpu_msg, 128);

/*
 * Driver and firmware are updated independently of each other: within an ABI version bodies only
 * grow, at their end. What is missing at the end of a body counts as zero. What the receiver does
 * not know there is left out of account, except in requests, which are refused with
 * OGPU_MSG_EINVAL unless it is zero. A body never has less than what its type had at first:
 */
#define OGPU_MSG_HELLO_MIN		72
#define OGPU_MSG_CONFIGURE_MIN		24
#define OGPU_MSG_QUEUE_CREATE_MIN	104
#define OGPU_MSG_QUEUE_MIN		8
#define OGPU_MSG_SVN_MIN		8
#define OGPU_MSG_POWER_CAP_MIN		8
#define OGPU_MSG_RAS_QUERY_MIN		16
#define OGPU_MSG_QUEUE_STATE_MIN	32
#define OGPU_MSG_QUEUE_ERROR_MIN	40
#define OGPU_MSG_SENSORS_MIN		56

/* Features that firmware offers and the host may rely on after CONFIGURE. */
#define OGPU_FW_FEATURE_QUEUES		BIT_ULL(0)	/* more queues than slots */
#define OGPU_FW_FEATURE_SENSORS		BIT_ULL(1)
#define OGPU_FW_FEATURE_SUSPEND		BIT_ULL(2)

struct ogpu_msg_hello {
	__le16 version[4];	/* major, minor, patch, 0 */
	__le32 abi_min;		/* range of OGPU_FW_ABI_VERSION that it speaks */
	__le32 abi_max;
	__le32 svn;
	__le32 max_queues;
	__le64 features;
	__u8 build_id[40];	/* NUL-padded ASCII */
};
OGPU_ASSERT_SIZE(struct ogpu_msg_hello, 72);

struct ogpu_msg_configure {
	__le32 abi;
	__le32 rsvd;
	__le64 features;	/* subset of those offered that the host will use */
	__le64 host_time_ns;	/* wall clock, for the log */
};
OGPU_ASSERT_SIZE(struct ogpu_msg_configure, 24);

struct ogpu_msg_queue_create {
	__le32 queue;		/* number: also its doorbell page */
	__le16 asid;		/* 0: none; only physical operands work */
	__u8 engine;		/* enum ogpu_engine_class */
	__u8 priority;		/* enum ogpu_priority */
	__le32 flags;
#define OGPU_QUEUE_PRIVILEGED	BIT(0)	/* its ring may hold privileged packets */
#define OGPU_QUEUE_REPLAY	BIT(1)	/* a memory fault stalls it, see OGPU_MSG_QUEUE_FAULT */
#define OGPU_QUEUE_RESTORE	BIT(2)	/* goes on where its control page says */
	__le32 ring_size;	/* bytes, power of two */
	__le64 ring;		/* address operands; ring 4 KiB, pointers 8-byte aligned */
	__le64 rptr;		/* 64-bit read pointer, written by hardware */
	__le64 wptr;		/* 64-bit write pointer, written by software */
	__le32 timeslice_us;	/* 0: firmware's choice */
	__le32 save_size;	/* bytes, multiple of 4 KiB; 0: no save area, so no DISPATCH */
	__le64 save;		/* address operand (save.h), 4 KiB aligned */
	__le64 control;		/* address operand of struct ogpu_queue_control, 4 KiB aligned; all
				 * ones: none. Not VIRTUAL
				 */
	__le32 cu_mask[8];	/* units that it may use (OGPU_SLOT_CU_MASK); all zero: every one */
	__le64 rsvd;
	__le32 gang;		/* queues with the same number, not 0, are on slots together */
	__le32 rsvd2;
};
OGPU_ASSERT_SIZE(struct ogpu_msg_queue_create, 112);
#define OGPU_CONTROL_NONE	(~0ull)

/*
 * A queue's control page, written by firmware whenever the queue is created, becomes ready, gets on
 * a slot or off it, fails, faults, or is suspended or resumed, and within OGPU_CONTROL_REFRESH_MS
 * of a change while it is on a slot (at once if its ring became empty, but every 2 ms at most). So
 * the host knows how it stands without asking. The writer makes seq odd, writes, and makes it even
 * again: who reads an odd seq, or another one afterwards than before, reads again. Times are up to
 * now_ns; while READY waited_ns goes on from there. A page that cannot be written is left alone.
 * With OGPU_QUEUE_RESTORE firmware reads it, to go on with a queue that other firmware had; it
 * refuses a page that firmware cannot have written.
 */
#define OGPU_CONTROL_REFRESH_MS	50
struct ogpu_queue_control {
	__le32 seq;
	__le32 state;		/* enum ogpu_queue_run_state */
	__le32 switches;	/* times it was put on a slot */
	__le32 error;		/* enum ogpu_queue_error; the rest as in ogpu_msg_queue_error */
	__le64 fault_va;
	__le64 packet;
	__le64 pc;		/* without an error, or if killed: as OGPU_SLOT_FAULT_PC_LO */
	__le16 asid;
	__u8 access;
	__u8 reason;
	__le32 detail;
	__le64 busy_ns;		/* time spent executing: not in a WAIT packet */
	__le64 waited_ns;	/* time with work, waiting for a slot */
	__le64 unit_ns;		/* time with a workgroup on a unit (OGPU_SLOT_UNIT_NS_LO) */
	__le64 now_ns;		/* GLB_TIME when this was written */
	__le64 pos;		/* where it stands or stood (mc.h), if it is on no slot */
	__le32 context[6];	/* CONTEXT0 .. 5 */
	__le32 held;		/* OGPU_SLOT_HELD: frames to go on from, or to look at */
	__le32 rsvd[3];
};
OGPU_ASSERT_SIZE(struct ogpu_queue_control, 128);

struct ogpu_msg_queue {
	__le32 queue;
	__le32 rsvd;
};
OGPU_ASSERT_SIZE(struct ogpu_msg_queue, 8);

enum ogpu_queue_run_state {
	OGPU_QUEUE_IDLE = 0,	/* nothing to do */
	OGPU_QUEUE_READY = 1,	/* has work, waits for a slot */
	OGPU_QUEUE_RUNNING = 2,
	OGPU_QUEUE_FAILED = 3,
	OGPU_QUEUE_WAITING = 4,	/* in a WAIT packet, on a slot or not */
	OGPU_QUEUE_SUSPENDED = 5,	/* by QUEUE_SUSPEND or SUSPEND */
	OGPU_QUEUE_FAULTED = 6,	/* a fault waits for QUEUE_RESUME or QUEUE_STOP */
};

struct ogpu_msg_queue_state {
	__le32 queue;
	__le32 state;		/* enum ogpu_queue_run_state */
	__le32 error;		/* enum ogpu_queue_error */
	__le32 switches;	/* times it was put on a slot */
	__le64 busy_ns;		/* time spent executing: not in a WAIT packet */
	__le64 rptr;
	__le64 waited_ns;	/* time spent waiting for a slot */
	__le64 unit_ns;		/* time with a workgroup on a unit */
};
OGPU_ASSERT_SIZE(struct ogpu_msg_queue_state, 48);

struct ogpu_msg_queue_error {
	__le32 queue;
	__le32 error;		/* enum ogpu_queue_error */
	__le64 fault_va;	/* OGPU_QERR_MEMORY: address; else 0 */
	__le64 packet;		/* ring read pointer of the packet to blame */
	__le64 pc;		/* of the work-item, 0 if none */
	__le16 asid;
	__u8 access;		/* enum ogpu_access */
	__u8 reason;		/* enum ogpu_fault_reason */
	__le32 detail;		/* opcode or instruction word */
};
OGPU_ASSERT_SIZE(struct ogpu_msg_queue_error, 40);

#define OGPU_THROTTLE_THERMAL	BIT(0)
#define OGPU_THROTTLE_POWER	BIT(1)
#define OGPU_THROTTLE_BRAKE	BIT(2)	/* somebody outside of the card wants it */
#define OGPU_THROTTLE_FIRMWARE	(OGPU_THROTTLE_THERMAL | OGPU_THROTTLE_POWER)

struct ogpu_msg_sensors {
	__le32 temp_mdeg;	/* hottest spot, millidegree Celsius, signed */
	__le32 mem_temp_mdeg;
	__le32 power_uw;	/* average over the last 100 ms */
	__le32 clock_khz;
	__le64 energy_uj;	/* since power-up */
	__le32 fan_rpm;
	__le32 throttle;	/* OGPU_THROTTLE_*, current */
	__le32 ecc_corrected;
	__le32 ecc_uncorrected;
	__le64 busy_ns[2];	/* per enum ogpu_engine_class, summed over slots */
	__le32 mem_clock_khz;
	__le32 power_cap_uw;
};
OGPU_ASSERT_SIZE(struct ogpu_msg_sensors, 64);

/*
 * COMMIT_SVN: raise the fuse counter of the security version, for good. EINVAL if svn is above the
 * firmware's own. The reply tells the counter, which may have been higher before.
 */
struct ogpu_msg_svn {
	__le32 svn;
	__le32 rsvd;
};
OGPU_ASSERT_SIZE(struct ogpu_msg_svn, 8);

/* POWER_CAP: limit the power. The reply tells what hardware made of it. */
struct ogpu_msg_power_cap {
	__le32 cap_uw;
	__le32 rsvd;
};
OGPU_ASSERT_SIZE(struct ogpu_msg_power_cap, 8);

enum ogpu_ras_op {
	OGPU_RAS_OP_QUERY = 0,	/* tell the counters of a block */
	OGPU_RAS_OP_RETIRE = 1,	/* replace the page of VRAM at addr, which nobody uses; block MBZ */
};

/* RETIRE is answered with ENOSPC if no spare page is left, and with EINVAL for a bad addr. */
struct ogpu_msg_ras_query {
	__le32 op;		/* enum ogpu_ras_op */
	__le32 block;		/* enum ogpu_ras_block (mc.h) */
	__le64 addr;		/* VRAM offset, 4 KiB aligned; MBZ for QUERY */
};
OGPU_ASSERT_SIZE(struct ogpu_msg_ras_query, 16);

struct ogpu_msg_ras {
	__le32 block;
	__le32 corrected;	/* counters since power-up */
	__le32 uncorrected;
	__le32 deferred;
	__le64 addr;		/* of the last error */
	__le32 queue;
	__le32 spares;		/* pages that are left, whatever the block */
};
OGPU_ASSERT_SIZE(struct ogpu_msg_ras, 32);

#endif
