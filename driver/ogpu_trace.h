/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Tracepoints: the way of a job, of a message to firmware and of an event, and what becomes of the
 * card. docs/driver.md shows how they are used.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ogpu

#if !defined(_OGPU_TRACE_H_) || defined(TRACE_HEADER_MULTI_READ)
#define _OGPU_TRACE_H_

#include <linux/tracepoint.h>
#include <linux/types.h>

#include "ogpu_device.h"

/* A job is a queue's: it has its number, and will go to the ring now or later. */
TRACE_EVENT(ogpu_submit,
	    TP_PROTO(struct ogpu_device *odev, u32 queue, u64 job, u64 client, u32 bytes,
		     bool waits),
	    TP_ARGS(odev, queue, job, client, bytes, waits),
	    TP_STRUCT__entry(__string(dev, dev_name(odev->drm.dev))
			     __field(u32, queue)
			     __field(u64, job)
			     __field(u64, client)
			     __field(u32, bytes)
			     __field(bool, waits)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue;
			   __entry->job = job;
			   __entry->client = client;
			   __entry->bytes = bytes;
			   __entry->waits = waits;),
	    TP_printk("dev=%s queue=%u job=%llu client=%llu bytes=%u waits=%d", __get_str(dev),
		      __entry->queue, __entry->job, __entry->client, __entry->bytes,
		      __entry->waits)
);

/* A job is on the ring: hardware may execute it once it has done those before it. */
TRACE_EVENT(ogpu_run,
	    TP_PROTO(struct ogpu_device *odev, u32 queue, u64 job),
	    TP_ARGS(odev, queue, job),
	    TP_STRUCT__entry(__string(dev, dev_name(odev->drm.dev))
			     __field(u32, queue)
			     __field(u64, job)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue;
			   __entry->job = job;),
	    TP_printk("dev=%s queue=%u job=%llu", __get_str(dev), __entry->queue, __entry->job)
);

/* A job is over, and its fence is about to signal. */
TRACE_EVENT(ogpu_signal,
	    TP_PROTO(struct ogpu_device *odev, u32 queue, u64 job, int error),
	    TP_ARGS(odev, queue, job, error),
	    TP_STRUCT__entry(__string(dev, dev_name(odev->drm.dev))
			     __field(u32, queue)
			     __field(u64, job)
			     __field(int, error)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue;
			   __entry->job = job;
			   __entry->error = error;),
	    TP_printk("dev=%s queue=%u job=%llu error=%d", __get_str(dev), __entry->queue,
		      __entry->job, __entry->error)
);

/* A queue fails: &enum drm_ogpu_queue_error. */
TRACE_EVENT(ogpu_queue_error,
	    TP_PROTO(struct ogpu_device *odev, u32 queue, u32 code),
	    TP_ARGS(odev, queue, code),
	    TP_STRUCT__entry(__string(dev, dev_name(odev->drm.dev))
			     __field(u32, queue)
			     __field(u32, code)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue;
			   __entry->code = code;),
	    TP_printk("dev=%s queue=%u code=%u", __get_str(dev), __entry->queue, __entry->code)
);

/* Messages between driver and firmware; type and status are those of abi/mbox.h. */
DECLARE_EVENT_CLASS(ogpu_message,
		    TP_PROTO(struct ogpu_device *odev, u32 seq, u16 type, u16 status),
		    TP_ARGS(odev, seq, type, status),
		    TP_STRUCT__entry(__string(dev, dev_name(odev->drm.dev))
				     __field(u32, seq)
				     __field(u16, type)
				     __field(u16, status)),
		    TP_fast_assign(__assign_str(dev);
				   __entry->seq = seq;
				   __entry->type = type;
				   __entry->status = status;),
		    TP_printk("dev=%s seq=%u type=%#x status=%u", __get_str(dev), __entry->seq,
			      __entry->type, __entry->status)
);

/* The driver asks. */
DEFINE_EVENT(ogpu_message, ogpu_request,
	     TP_PROTO(struct ogpu_device *odev, u32 seq, u16 type, u16 status),
	     TP_ARGS(odev, seq, type, status));

/* Firmware answers. */
DEFINE_EVENT(ogpu_message, ogpu_reply,
	     TP_PROTO(struct ogpu_device *odev, u32 seq, u16 type, u16 status),
	     TP_ARGS(odev, seq, type, status));

/* Hardware tells something in the event ring (abi/event.h), or firmware in a message. */
TRACE_EVENT(ogpu_event,
	    TP_PROTO(struct ogpu_device *odev, u32 type, u32 queue),
	    TP_ARGS(odev, type, queue),
	    TP_STRUCT__entry(__string(dev, dev_name(odev->drm.dev))
			     __field(u32, type)
			     __field(u32, queue)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->type = type;
			   __entry->queue = queue;),
	    TP_printk("dev=%s type=%#x queue=%u", __get_str(dev), __entry->type, __entry->queue)
);

/* The card is about to be recovered, because of this. */
TRACE_EVENT(ogpu_reset,
	    TP_PROTO(struct ogpu_device *odev, const char *why),
	    TP_ARGS(odev, why),
	    TP_STRUCT__entry(__string(dev, dev_name(odev->drm.dev))
			     __string(why, why)),
	    TP_fast_assign(__assign_str(dev);
			   __assign_str(why);),
	    TP_printk("dev=%s why=\"%s\"", __get_str(dev), __get_str(why))
);

/* The card's state changes; it is the word that sysfs shows. */
TRACE_EVENT(ogpu_state,
	    TP_PROTO(struct ogpu_device *odev, const char *state),
	    TP_ARGS(odev, state),
	    TP_STRUCT__entry(__string(dev, dev_name(odev->drm.dev))
			     __string(state, state)),
	    TP_fast_assign(__assign_str(dev);
			   __assign_str(state);),
	    TP_printk("dev=%s state=%s", __get_str(dev), __get_str(state))
);

#endif

/* This part must be outside of the guard. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE ogpu_trace
#include <trace/define_trace.h>
