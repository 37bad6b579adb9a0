// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The management firmware: start-up and the loop that does everything. Each round looks at all that
 * may have happened, acts, and sleeps until the next interrupt or the next point in time that
 * somebody has named. Nothing in a round waits.
 */
#include "abi/regs.h"
#include "clock.h"
#include "events.h"
#include "fatal.h"
#include "hw.h"
#include "log.h"
#include "mailbox.h"
#include "progress.h"
#include "queue.h"
#include "ras.h"
#include "request.h"
#include "sched.h"
#include "sensors.h"
#include "start.h"

/* Hardware tells when rest ends, so that all that is done with a heartbeat can wait. */
#define BEAT_NS		(50 * NS_PER_MS)
#define REST_BEAT_NS	(500 * NS_PER_MS)

#define DOORBELLS_MAX	64	/* taken in a round */

static_assert(OGPU_CONTROL_REFRESH_MS * NS_PER_MS >= BEAT_NS);
static_assert(2 * REST_BEAT_NS <= OGPU_HEARTBEAT_MS * NS_PER_MS);
static_assert(OGPU_FW_HAD_MS * NS_PER_MS >= REST_BEAT_NS);

static uint64_t next_beat;

static void start(void)
{
	uint32_t slots = hw_read(OGPU_MC_SLOTS);
	uint32_t compute = slots & 0xffff, copy = slots >> 16;

	mailbox_open();
	log_line("firmware %s (%s), svn %lu", FW_VERSION, FW_BUILD_ID, hw_read(OGPU_MC_SVN));
	log_line("%lu compute slots, %lu copy slots, %lu doorbells", compute, copy,
		 hw_read(OGPU_MC_DOORBELLS));
	if (compute + copy > OGPU_MC_SLOT_MAX)
		fatal(FATAL_SLOTS);
	queue_table_init();
	sched_init(compute, copy);
	sensors_init(clock_now());
	progress_init(clock_now());
	hw_write(OGPU_MC_IRQ_ENABLE, OGPU_MC_IRQ_MBOX | OGPU_MC_IRQ_DOORBELL | OGPU_MC_IRQ_SLOT |
				     OGPU_MC_IRQ_SENSOR | OGPU_MC_IRQ_RAS);
	ras_look();	/* some may be older than this firmware */
	events_hello();
}

static void beat(uint64_t now)
{
	if (now < next_beat)
		return;
	hw_write(OGPU_MC_HEARTBEAT, hw_read(OGPU_MC_HEARTBEAT) + 1);
	sensors_tick(now);
	sched_refresh(now);
	next_beat = now + (sensors_resting() ? REST_BEAT_NS : BEAT_NS);
}

/* What is acknowledged here is looked at in the same round. */
static void take_interrupts(void)
{
	uint32_t pending = hw_read(OGPU_MC_IRQ_PENDING);

	hw_write(OGPU_MC_IRQ_ACK, pending & (OGPU_MC_IRQ_MBOX | OGPU_MC_IRQ_SENSOR |
					     OGPU_MC_IRQ_RAS));
	hw_write(OGPU_MC_SLOT_IRQ, hw_read(OGPU_MC_SLOT_IRQ));
	if (pending & OGPU_MC_IRQ_SENSOR)
		next_beat = 0;
	if (pending & OGPU_MC_IRQ_RAS)
		ras_look();
}

/* Takes some; whoever rings without end must not keep us from everything else. */
static void take_doorbells(uint64_t now)
{
	unsigned int left = DOORBELLS_MAX;
	struct queue *q;
	uint32_t number;

	for (; left; left--) {
		number = hw_read(OGPU_MC_DOORBELL_POP);
		if (number == OGPU_MC_NO_DOORBELL)
			return;
		q = queue_find(number);
		if (q)
			sched_check_work(q, true, now);
	}
}

/**
 * main() - called by start.S, never returns
 */
int main(void)
{
	uint64_t now, until;

	start();
	for (;;) {
		take_interrupts();
		now = clock_now();
		progress_round(now);
		mailbox_show_progress(progress_ms());
		beat(now);
		ras_run(now);
		take_doorbells(now);
		sched_run(now);
		if (sensors_alert() && request_alerts_wanted())
			events_alert();
		events_send(now);
		request_serve(now);
		sched_run(now);

		now = clock_now();
		until = clock_earlier(next_beat, sched_deadline(now));
		until = clock_earlier(until, events_deadline(now));
		until = clock_earlier(until, ras_deadline());
		if (request_blocked())
			until = clock_earlier(until, now + EVENTS_RETRY_NS);
		if (!request_more()) {
			progress_sleep(until);
			clock_sleep(until);
		}
	}
}
