/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Trouble with the card: what any part of the driver finds, and who deals with it.
 */
#ifndef _OGPU_REPORT_H_
#define _OGPU_REPORT_H_

#include <linux/types.h>

struct ogpu_device;
struct ogpu_queue;

/*
 * Numbers of events in the log, for machines; docs/operating.md lists them. None is ever used for
 * something else: troubles have those of enum ogpu_trouble, queues that fail have these and enum
 * drm_ogpu_queue_error.
 */
#define OGPU_EVENT_NR_WEDGED	50
#define OGPU_EVENT_NR_REFUSED	51
#define OGPU_EVENT_NR_QUEUE	100

/**
 * enum ogpu_trouble - what may be wrong with a card; ogpu_report.c has a row for each
 * @OGPU_TROUBLE_GONE: it has left the bus
 * @OGPU_TROUBLE_LOST: its registers read all-ones; perhaps for a moment
 * @OGPU_TROUBLE_FW_CRASH: firmware has told of its end
 * @OGPU_TROUBLE_FW_HEARTBEAT: firmware has no heartbeat
 * @OGPU_TROUBLE_FW_RESTART: firmware began anew by itself and knows nothing of its queues
 * @OGPU_TROUBLE_FW_LATE: firmware did not answer a request in time
 * @OGPU_TROUBLE_FW_SILENT: it does not answer at all
 * @OGPU_TROUBLE_FW_EVENTS: what it tells cannot be handled as fast as it comes
 * @OGPU_TROUBLE_FW_FLOOD: it sends far more messages of its own accord than it may
 * @OGPU_TROUBLE_MBOX_COUNTERS: counters of the mailbox make no sense
 * @OGPU_TROUBLE_CHIP_MEMORY: an error in a memory of the chip, nobody knows whose data it was
 * @OGPU_TROUBLE_AS_TABLE: an error in the table of address spaces
 * @OGPU_TROUBLE_TLBI: the invalidation of a TLB does not end
 * @OGPU_TROUBLE_ENGINE: an engine failed
 * @OGPU_TROUBLE_QUEUE_CREATE: firmware refused to make a queue
 * @OGPU_TROUBLE_QUEUE_STOP: firmware did not stop a queue
 * @OGPU_TROUBLE_QUEUE_DESTROY: firmware did not destroy a queue
 * @OGPU_TROUBLE_QUEUE_SUSPEND: firmware did not suspend or resume a queue
 * @OGPU_TROUBLE_COPY_STOPPED: the kernel's copy queue had to be stopped
 * @OGPU_TROUBLE_COPY_FAILED: the kernel's copy queue failed
 * @OGPU_TROUBLE_BUS: error recovery of the PCI core did not end
 * @OGPU_TROUBLES: the number after the last one; new ones go before it
 */
enum ogpu_trouble {
	OGPU_TROUBLE_GONE = 1,
	OGPU_TROUBLE_LOST,
	OGPU_TROUBLE_FW_CRASH,
	OGPU_TROUBLE_FW_HEARTBEAT,
	OGPU_TROUBLE_FW_RESTART,
	OGPU_TROUBLE_FW_LATE,
	OGPU_TROUBLE_FW_SILENT,
	OGPU_TROUBLE_FW_EVENTS,
	OGPU_TROUBLE_FW_FLOOD,
	OGPU_TROUBLE_MBOX_COUNTERS,
	OGPU_TROUBLE_CHIP_MEMORY,
	OGPU_TROUBLE_AS_TABLE,
	OGPU_TROUBLE_TLBI,
	OGPU_TROUBLE_ENGINE,
	OGPU_TROUBLE_QUEUE_CREATE,
	OGPU_TROUBLE_QUEUE_STOP,
	OGPU_TROUBLE_QUEUE_DESTROY,
	OGPU_TROUBLE_QUEUE_SUSPEND,
	OGPU_TROUBLE_COPY_STOPPED,
	OGPU_TROUBLE_COPY_FAILED,
	OGPU_TROUBLE_BUS,
	OGPU_TROUBLES,
};

/**
 * enum ogpu_step - what is done to a card in trouble; ogpu_ladder.c has a row for each
 * @OGPU_STEP_LOOK: see whether it is alive
 * @OGPU_STEP_QUEUE: firmware kills a queue
 * @OGPU_STEP_CORE: reset of engines and management core by register
 * @OGPU_STEP_FUNCTION: function level reset
 * @OGPU_STEP_BUS: reset of the bus that the card has for itself
 * @OGPU_STEP_WEDGED: nothing more
 * @OGPU_STEPS: the number after the last one
 */
enum ogpu_step {
	OGPU_STEP_LOOK,
	OGPU_STEP_QUEUE,
	OGPU_STEP_CORE,
	OGPU_STEP_FUNCTION,
	OGPU_STEP_BUS,
	OGPU_STEP_WEDGED,
	OGPU_STEPS,
};

/**
 * struct ogpu_step_count - what a step did since probe
 */
struct ogpu_step_count {
	/** @tried: how often */
	u32 tried;
	/** @helped: how often the card, or what is left of it, worked afterwards */
	u32 helped;
	/** @event: why it was tried last, OGPU_EVENT_NR_* or enum ogpu_trouble */
	u32 event;
	/** @ms: how long that took, with the start of firmware */
	u32 ms;
};

/**
 * struct ogpu_report_ops - who deals with trouble; called in any context
 */
struct ogpu_report_ops {
	/** @recover: stop the card and start it again, soon */
	void (*recover)(struct ogpu_device *odev, enum ogpu_trouble trouble);
	/** @look: see at once whether the card is alive */
	void (*look)(struct ogpu_device *odev);
	/** @queue: a queue of a program has failed; process context, waits for nobody */
	void (*queue)(struct ogpu_device *odev, struct ogpu_queue *queue, unsigned int event);
};

void ogpu_report(struct ogpu_device *odev, enum ogpu_trouble trouble);
void ogpu_report_step(struct ogpu_device *odev, enum ogpu_step step, unsigned int event,
		      bool helped, unsigned int ms);
void ogpu_report_get_step(struct ogpu_device *odev, enum ogpu_step step,
			  struct ogpu_step_count *count);
void ogpu_report_explain(struct ogpu_device *odev, const char *what, int err);
enum ogpu_step ogpu_trouble_step(enum ogpu_trouble trouble);
void ogpu_report_since(struct ogpu_device *odev, u32 generation, enum ogpu_trouble trouble);
const char *ogpu_trouble_text(enum ogpu_trouble trouble);

#endif
