/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Queues: engine classes, priorities, and the errors that end one.
 *
 * A queue is a ring of packets (packet.h) in memory. Read and write pointers are free-running
 * 64-bit byte counts in memory; hardware reads at (rptr mod ring size) until rptr equals wptr.
 * The ring size is a power of two. Software writes packets, then wptr, then the doorbell.
 */
#ifndef _OGPU_ABI_QUEUE_H_
#define _OGPU_ABI_QUEUE_H_

#include "types.h"

enum ogpu_engine_class {
	OGPU_ENGINE_COMPUTE = 0,	/* all packets */
	OGPU_ENGINE_COPY = 1,		/* all packets but DISPATCH */
	OGPU_ENGINE_CLASSES
};

enum ogpu_priority {
	OGPU_PRIORITY_LOW = 0,
	OGPU_PRIORITY_NORMAL = 1,
	OGPU_PRIORITY_HIGH = 2,
	OGPU_PRIORITY_REALTIME = 3,
	OGPU_PRIORITIES
};

#define OGPU_RING_MIN_SIZE	4096u
#define OGPU_RING_MAX_SIZE	(1u << 20)

/* Why a queue was stopped. Once set, the queue executes nothing more. */
enum ogpu_queue_error {
	OGPU_QERR_NONE = 0,
	OGPU_QERR_OPCODE = 1,		/* unknown, or not for this engine class */
	OGPU_QERR_PACKET = 2,		/* bad length, reserved bits, misaligned or bad operand */
	OGPU_QERR_PRIVILEGE = 3,	/* privileged packet outside a privileged ring */
	OGPU_QERR_MEMORY = 4,		/* the MMU refused an access: see the fault record */
	OGPU_QERR_INSTRUCTION = 5,	/* a work-item met an illegal instruction */
	OGPU_QERR_MISALIGNED = 6,	/* a work-item used a misaligned atomic or jump */
	OGPU_QERR_TRAP = 7,		/* a work-item executed ebreak */
	OGPU_QERR_BARRIER = 8,		/* reserved: a barrier that can never complete */
	OGPU_QERR_DISPATCH = 9,		/* dispatch asks for more than the hardware has */
	OGPU_QERR_RING = 10,		/* pointers out of order or not readable */
	OGPU_QERR_KILLED = 11,		/* host asked for it (job timeout, reset) */
	OGPU_QERR_ENGINE = 13,		/* engine failed under it */
	OGPU_QERR_SAVE = 14,		/* what was saved is not in the save area any more */
};

#endif
