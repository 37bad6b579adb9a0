// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Why a queue failed: hardware's words for it, those of the uapi, and those of the log.
 */
#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/device.h>
#include <linux/string.h>

#include <drm/ogpu_drm.h>

#include "abi/addr.h"
#include "abi/mbox.h"
#include "abi/queue.h"
#include "ogpu_device.h"
#include "ogpu_eventlog.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"
#include "ogpu_report.h"

/* Most words are the same. */
static_assert((int)DRM_OGPU_QUEUE_OK == (int)OGPU_QERR_NONE);
static_assert((int)DRM_OGPU_QUEUE_ERR_OPCODE == (int)OGPU_QERR_OPCODE);
static_assert((int)DRM_OGPU_QUEUE_ERR_PACKET == (int)OGPU_QERR_PACKET);
static_assert((int)DRM_OGPU_QUEUE_ERR_PRIVILEGE == (int)OGPU_QERR_PRIVILEGE);
static_assert((int)DRM_OGPU_QUEUE_ERR_MEMORY == (int)OGPU_QERR_MEMORY);
static_assert((int)DRM_OGPU_QUEUE_ERR_INSTRUCTION == (int)OGPU_QERR_INSTRUCTION);
static_assert((int)DRM_OGPU_QUEUE_ERR_MISALIGNED == (int)OGPU_QERR_MISALIGNED);
static_assert((int)DRM_OGPU_QUEUE_ERR_TRAP == (int)OGPU_QERR_TRAP);
static_assert((int)DRM_OGPU_QUEUE_ERR_DISPATCH == (int)OGPU_QERR_DISPATCH);
static_assert((int)DRM_OGPU_QUEUE_ERR_RING == (int)OGPU_QERR_RING);
static_assert((int)DRM_OGPU_QUEUE_ERR_TIMEOUT == (int)OGPU_QERR_KILLED);
static_assert((int)DRM_OGPU_QUEUE_ERR_ENGINE == (int)OGPU_QERR_ENGINE);
static_assert((int)DRM_OGPU_QUEUE_ERR_SAVE == (int)OGPU_QERR_SAVE);
static_assert((int)DRM_OGPU_FAULT_NOT_MAPPED == (int)OGPU_FAULT_NOT_MAPPED);
static_assert((int)DRM_OGPU_FAULT_PERMISSION == (int)OGPU_FAULT_PERMISSION);
static_assert((int)DRM_OGPU_FAULT_VA_RANGE == (int)OGPU_FAULT_VA_RANGE);
static_assert((int)DRM_OGPU_FAULT_BUS == (int)OGPU_FAULT_BUS);
static_assert((int)DRM_OGPU_FAULT_APERTURE == (int)OGPU_FAULT_APERTURE);
static_assert((int)DRM_OGPU_FAULT_POISON == (int)OGPU_FAULT_POISON);
static_assert((int)DRM_OGPU_FAULT_ATOMIC == (int)OGPU_FAULT_ATOMIC);
static_assert((int)DRM_OGPU_ACCESS_READ == (int)OGPU_ACCESS_READ);
static_assert((int)DRM_OGPU_ACCESS_WRITE == (int)OGPU_ACCESS_WRITE);
static_assert((int)DRM_OGPU_ACCESS_EXEC == (int)OGPU_ACCESS_EXEC);
static_assert((int)DRM_OGPU_ACCESS_ATOMIC == (int)OGPU_ACCESS_ATOMIC);

static u32 ogpu_queue_error_code(u32 hw_error)
{
	switch (hw_error) {
	case OGPU_QERR_OPCODE:
	case OGPU_QERR_PACKET:
	case OGPU_QERR_PRIVILEGE:
	case OGPU_QERR_MEMORY:
	case OGPU_QERR_INSTRUCTION:
	case OGPU_QERR_MISALIGNED:
	case OGPU_QERR_TRAP:
	case OGPU_QERR_DISPATCH:
	case OGPU_QERR_RING:
	case OGPU_QERR_KILLED:
	case OGPU_QERR_ENGINE:
	case OGPU_QERR_SAVE:
		return hw_error;
	default:
		/* Newer firmware's. It has stopped the queue; nothing says that more is amiss. */
		return DRM_OGPU_QUEUE_ERR_UNKNOWN;
	}
}

/* The contract has reasons that only a broken driver can cause; the uapi has not. */
static u32 ogpu_queue_fault_reason(u8 hw_reason)
{
	switch (hw_reason) {
	case OGPU_FAULT_NO_AS:
		return DRM_OGPU_FAULT_NOT_MAPPED;
	case OGPU_FAULT_PTE:
		return DRM_OGPU_FAULT_BUS;
	default:
		return hw_reason;
	}
}

static u32 ogpu_queue_blame(u32 code)
{
	switch (code) {
	case DRM_OGPU_QUEUE_ERR_ENGINE:
	case DRM_OGPU_QUEUE_ERR_UNKNOWN:
		return 0;
	default:
		return DRM_OGPU_QUEUE_GUILTY;
	}
}

/**
 * ogpu_queue_failure_from() - translate what firmware tells into the words of the uapi
 * @msg: body of OGPU_MSG_QUEUE_ERROR
 *
 * Return: why the queue executes nothing more.
 */
struct ogpu_queue_failure ogpu_queue_failure_from(const struct ogpu_msg_queue_error *msg)
{
	u32 code = ogpu_queue_error_code(le32_to_cpu(msg->error));

	return (struct ogpu_queue_failure) {
		.code = code,
		.blame = ogpu_queue_blame(code),
		.access = msg->access,
		.reason = ogpu_queue_fault_reason(msg->reason),
		.detail = le32_to_cpu(msg->detail),
		.fault_va = le64_to_cpu(msg->fault_va),
		.pc = le64_to_cpu(msg->pc),
	};
}

static const char *ogpu_queue_error_text(u32 code)
{
	static const char * const texts[] = {
		[DRM_OGPU_QUEUE_ERR_OPCODE] = "unknown packet",
		[DRM_OGPU_QUEUE_ERR_PACKET] = "bad packet",
		[DRM_OGPU_QUEUE_ERR_PRIVILEGE] = "packet of the kernel",
		[DRM_OGPU_QUEUE_ERR_MEMORY] = "memory fault",
		[DRM_OGPU_QUEUE_ERR_INSTRUCTION] = "illegal instruction",
		[DRM_OGPU_QUEUE_ERR_MISALIGNED] = "misaligned access",
		[DRM_OGPU_QUEUE_ERR_TRAP] = "ebreak",
		[DRM_OGPU_QUEUE_ERR_DISPATCH] = "dispatch asks for too much",
		[DRM_OGPU_QUEUE_ERR_RING] = "bad ring",
		[DRM_OGPU_QUEUE_ERR_TIMEOUT] = "job ran too long, killing it",
		[DRM_OGPU_QUEUE_ERR_ENGINE] = "engine failed",
		[DRM_OGPU_QUEUE_ERR_SAVE] = "bad save area",
		[DRM_OGPU_QUEUE_ERR_NO_ROOM] = "no room for its buffers",
	};

	return code < ARRAY_SIZE(texts) && texts[code] ? texts[code] : "unknown error";
}

/**
 * ogpu_queue_log_error() - tell the administrator whose queue has failed, and why
 * @queue: the queue
 * @why: what it failed with
 *
 * Each user has some lines in each time, so that nobody's are lost in those of others. Any context.
 */
void ogpu_queue_log_error(const struct ogpu_queue *queue, const struct ogpu_queue_failure *why)
{
	unsigned int event = OGPU_EVENT_NR_QUEUE + why->code;
	const char *text = ogpu_queue_error_text(why->code);
	int len = strnlen(queue->comm, sizeof(queue->comm));

	if (!queue->file || !ogpu_queue_quota_may_log(queue->file->quota))
		return;

	/* Names of processes may contain anything. */
	if (why->code == DRM_OGPU_QUEUE_ERR_MEMORY)
		ogpu_eventlog_add(queue->odev, OGPU_EVENT_QUEUE, event, "reset queue",
				  "queue %u of %*pE[%d]: job %llu: %s at %#llx", queue->number, len,
				  queue->comm, queue->pid, why->job, text, why->fault_va);
	else
		ogpu_eventlog_add(queue->odev, OGPU_EVENT_QUEUE, event, "reset queue",
				  "queue %u of %*pE[%d]: job %llu: %s", queue->number, len,
				  queue->comm, queue->pid, why->job, text);
}

/**
 * ogpu_queue_report_error() - a queue of a program has failed
 * @queue: the queue
 * @event: OGPU_EVENT_NR_*
 *
 * Process context. Waits for nobody, allocates nothing.
 */
void ogpu_queue_report_error(struct ogpu_queue *queue, unsigned int event)
{
	/* The kernel's own are told of with the card. */
	if (!ogpu_queue_is_kernel(queue))
		queue->odev->report_ops->queue(queue->odev, queue, event);
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_queue_error_test.c"
#endif
