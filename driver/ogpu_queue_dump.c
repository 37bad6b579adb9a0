// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What a dump tells of a queue that failed: who made it, why it failed, where it stands, the
 * packets around that, the page tables of the address that it must not use, and its waves. Of other
 * queues it tells no more than that they are there.
 *
 * Fences wait for this: it waits for nobody and allocates nothing. All that a program chose is
 * bounded.
 */
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include <drm/drm_print.h>
#include <drm/ogpu_drm.h>

#include "abi/save.h"
#include "ogpu_device.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"
#include "ogpu_vm.h"

/* Bytes of the ring: the packet where the queue stands, some before and some after. */
#define OGPU_DUMP_RING		256u
#define OGPU_DUMP_RING_BEFORE	64u
/* Frames that are looked at, and waves that are shown. */
#define OGPU_DUMP_FRAMES	64u
#define OGPU_DUMP_WAVES		8u
/* Waves of a workgroup, more than any card has. */
#define OGPU_DUMP_GROUP		1024u
/* Of each, registers of the first work-item that has not ended: x0 to x31, f0 to f31. */
#define OGPU_DUMP_LANES		64u

static void ogpu_queue_dump_words(struct drm_printer *p, u64 at, const __le32 *words,
				  unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i += 4)
		drm_printf(p, "ring: %#llx: %08x %08x %08x %08x\n", at + 4 * i,
			   le32_to_cpu(words[i]), le32_to_cpu(words[i + 1]),
			   le32_to_cpu(words[i + 2]), le32_to_cpu(words[i + 3]));
}

static void ogpu_queue_dump_ring(struct ogpu_queue *queue, struct drm_printer *p, u64 pos)
{
	__le32 words[OGPU_DUMP_RING / sizeof(__le32)];
	u64 at = (pos & ~15ull) - min(pos & ~15ull, (u64)OGPU_DUMP_RING_BEFORE);
	unsigned int i, size = 0;

	if (queue->kind == OGPU_QUEUE_KIND_USER) {
		u64 from = min_t(u64, at & (queue->ring_size - 1),
				 queue->ring_size - OGPU_DUMP_RING);

		if (ogpu_vm_peek(queue->vm, queue->user.ring_va + from, words, sizeof(words)))
			ogpu_queue_dump_words(p, from, words, ARRAY_SIZE(words));
		else
			drm_puts(p, "ring: not in visible VRAM\n");
		return;
	}

	spin_lock_irq(&queue->lock);
	if (queue->ring.mem) {
		size = queue->ring.size;
		for (i = 0; i < ARRAY_SIZE(words); i++)
			words[i] = *(__le32 *)(queue->ring.mem + ((at + 4 * i) & (size - 1)));
	}
	spin_unlock_irq(&queue->lock);
	if (size)
		ogpu_queue_dump_words(p, at, words, ARRAY_SIZE(words));
}

static void ogpu_queue_dump_wave(struct ogpu_queue *queue, struct drm_printer *p, u64 va,
				 unsigned int lanes)
{
	__le64 pcs[OGPU_DUMP_LANES];
	struct ogpu_save_wave wave;
	unsigned int i, lane;
	__le64 reg;
	u64 live;

	if (!ogpu_vm_peek(queue->vm, va + OGPU_SAVE_STATE(lanes), &wave, sizeof(wave)) ||
	    !ogpu_vm_peek(queue->vm, va + OGPU_SAVE_PC(lanes), pcs, lanes * sizeof(pcs[0]))) {
		drm_puts(p, "wave: not in visible VRAM\n");
		return;
	}
	live = le64_to_cpu(wave.live);
	drm_printf(p, "wave: lanes %u live %#llx barrier %#llx\n", lanes, live,
		   le64_to_cpu(wave.barrier));
	for (i = 0; i < lanes; i += 4)
		drm_printf(p, "wave: pc%u: %#llx %#llx %#llx %#llx\n", i, le64_to_cpu(pcs[i]),
			   le64_to_cpu(pcs[i + 1]), le64_to_cpu(pcs[i + 2]),
			   le64_to_cpu(pcs[i + 3]));
	lane = live ? __ffs64(live) : 0;
	if (lane >= lanes)
		return;
	for (i = 0; i < OGPU_SAVE_REGS; i++) {
		if (!ogpu_vm_peek(queue->vm, va + (i * lanes + lane) * sizeof(reg), &reg,
				  sizeof(reg)))
			return;
		drm_printf(p, "wave: lane %u %c%u: %#llx\n", lane, i < 32 ? 'x' : 'f', i % 32,
			   le64_to_cpu(reg));
	}
}

/* The program may have written anything into its save area. */
static void ogpu_queue_dump_waves(struct ogpu_queue *queue, struct drm_printer *p)
{
	unsigned int frame, wave, shown = 0;
	struct ogpu_save_group group;
	u64 at = 0;

	for (frame = 0; frame < OGPU_DUMP_FRAMES; frame++) {
		u32 lanes, waves, local, private_bytes;
		u64 bytes;

		if (at + sizeof(group) > queue->save_bytes ||
		    !ogpu_vm_peek(queue->vm, queue->save_va + at, &group, sizeof(group)))
			return;
		lanes = le32_to_cpu(group.lanes);
		waves = le32_to_cpu(group.waves);
		local = le32_to_cpu(group.local_bytes);
		private_bytes = le32_to_cpu(group.private_bytes);
		if (!lanes || lanes > OGPU_DUMP_LANES || lanes % 4 || !waves ||
		    waves > OGPU_DUMP_GROUP || local > queue->save_bytes ||
		    private_bytes > queue->save_bytes)
			return;
		bytes = OGPU_SAVE_FRAME(lanes, waves, (u64)local, private_bytes);
		if (bytes > queue->save_bytes - at)
			return;

		for (wave = 0; le32_to_cpu(group.state) == OGPU_SAVE_HELD && wave < waves; wave++) {
			if (shown++ >= OGPU_DUMP_WAVES || !ogpu_device_present(queue->odev))
				return;
			drm_printf(p, "wave: group %llu wave %u of %u\n",
				   le64_to_cpu(group.group), wave, waves);
			ogpu_queue_dump_wave(queue, p, queue->save_va + at +
					     OGPU_SAVE_WAVES((u64)local) +
					     wave * OGPU_SAVE_WAVE(lanes), lanes);
		}
		at += bytes;
	}
}

static u64 ogpu_queue_dump_control(struct ogpu_queue *queue, struct drm_printer *p)
{
	struct ogpu_queue_control control = {};
	u64 rptr = 0, wptr = 0;
	unsigned int i;

	spin_lock_irq(&queue->lock);
	if (queue->mem) {
		control = queue->mem->control;
		rptr = le64_to_cpu(READ_ONCE(queue->mem->rptr));
		wptr = queue->ring.wptr;
	}
	spin_unlock_irq(&queue->lock);

	drm_printf(p, "control: seq %u state %u switches %u held %u\n", le32_to_cpu(control.seq),
		   le32_to_cpu(control.state), le32_to_cpu(control.switches),
		   le32_to_cpu(control.held));
	drm_printf(p, "control: error %u access %u reason %u detail %#x\n",
		   le32_to_cpu(control.error), control.access, control.reason,
		   le32_to_cpu(control.detail));
	drm_printf(p, "control: fault_va %#llx packet %#llx pc %#llx pos %#llx\n",
		   le64_to_cpu(control.fault_va), le64_to_cpu(control.packet),
		   le64_to_cpu(control.pc), le64_to_cpu(control.pos));
	drm_printf(p, "control: busy_ns %llu waited_ns %llu unit_ns %llu now_ns %llu\n",
		   le64_to_cpu(control.busy_ns), le64_to_cpu(control.waited_ns),
		   le64_to_cpu(control.unit_ns), le64_to_cpu(control.now_ns));
	for (i = 0; i < ARRAY_SIZE(control.context); i++)
		drm_printf(p, "control: context%u %#x\n", i, le32_to_cpu(control.context[i]));
	if (queue->kind == OGPU_QUEUE_KIND_USER)
		return le64_to_cpu(control.packet);
	drm_printf(p, "ring: rptr %#llx wptr %#llx\n", rptr, wptr);

	return rptr;
}

/**
 * ogpu_queue_dump() - write all about a queue
 * @queue: the queue; need not have failed
 * @p: where to
 */
void ogpu_queue_dump(struct ogpu_queue *queue, struct drm_printer *p)
{
	struct ogpu_queue_failure error;
	u64 pos;

	spin_lock_irq(&queue->lock);
	error = queue->error;
	spin_unlock_irq(&queue->lock);

	drm_printf(p, "queue: number %u kind %u engine %u priority %u asid %u\n", queue->number,
		   queue->kind, queue->engine, queue->priority, queue->vm ? queue->vm->asid : 0);
	drm_printf(p, "queue: process %*pE pid %d client %llu\n",
		   (int)strnlen(queue->comm, sizeof(queue->comm)), queue->comm, queue->pid,
		   queue->client_id);
	drm_printf(p, "queue: ring_bytes %u save_va %#llx save_bytes %u\n", queue->ring_size,
		   queue->save_va, queue->save_bytes);
	drm_printf(p, "queue: error %u blame %u access %u reason %u detail %#x held %u\n",
		   error.code, error.blame, error.access, error.reason, error.detail, error.held);
	drm_printf(p, "queue: job %llu packet %#llx pc %#llx fault_va %#llx\n", error.job,
		   error.packet, error.pc, error.fault_va);
	drm_printf(p, "queue: nested %#x %#x %#x %#x\n", error.nested[0], error.nested[1],
		   error.nested[2], error.nested[3]);
	pos = ogpu_queue_dump_control(queue, p);
	/* Each read of a card that does not answer may take long. */
	if (!ogpu_device_present(queue->odev))
		return;
	ogpu_queue_dump_ring(queue, p, pos);
	if (!queue->vm)
		return;
	if (error.code == DRM_OGPU_QUEUE_ERR_MEMORY)
		ogpu_vm_print_path(queue->vm, error.fault_va, p);
	if (error.pc)
		ogpu_vm_print_path(queue->vm, error.pc, p);
	if (error.held)
		ogpu_queue_dump_waves(queue, p);
}
