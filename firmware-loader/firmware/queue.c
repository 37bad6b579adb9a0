// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The table of queues: see queue.h. */
#include "queue.h"

#include <stddef.h>
#include <string.h>

#include "abi/addr.h"

#define POINTER_ALIGN	8u
#define FLAGS		(OGPU_QUEUE_PRIVILEGED | OGPU_QUEUE_REPLAY | OGPU_QUEUE_RESTORE)

#if UINTPTR_MAX == UINT32_MAX
/* With so many of them there is little room in SRAM for anything else. */
static_assert(QUEUE_MAX * sizeof(struct queue) <= 896 * 1024);
#endif

static struct queue table[QUEUE_MAX];
static struct queue_list unsent;	/* queues about which the host must still be told */

/**
 * queue_table_init() - forget all queues
 */
void queue_table_init(void)
{
	memset(table, 0, sizeof(table));
	memset(&unsent, 0, sizeof(unsent));
}

/**
 * queue_list_append() - put a queue at the end of a list
 * @list: which
 * @queue: in none
 */
void queue_list_append(struct queue_list *list, struct queue *queue)
{
	queue->list = list;
	queue->prev = list->last;
	queue->next = NULL;
	if (list->last)
		list->last->next = queue;
	else
		list->first = queue;
	list->last = queue;
}

/**
 * queue_list_leave() - take a queue out of its list
 * @queue: in one or in none
 */
void queue_list_leave(struct queue *queue)
{
	struct queue_list *list = queue->list;

	if (!list)
		return;
	if (queue->prev)
		queue->prev->next = queue->next;
	else
		list->first = queue->next;
	if (queue->next)
		queue->next->prev = queue->prev;
	else
		list->last = queue->prev;
	queue->list = NULL;
	queue->prev = NULL;
	queue->next = NULL;
}

/**
 * queue_find() - look a queue up
 * @number: from the host, any value
 *
 * Return: the queue, or NULL if there is none with that number.
 */
struct queue *queue_find(uint32_t number)
{
	if (number >= QUEUE_MAX || table[number].state == QUEUE_UNUSED)
		return NULL;
	return &table[number];
}

/**
 * queue_is_virtual() - whether the write pointer is in the queue's address space
 * @queue: any queue
 */
bool queue_is_virtual(const struct queue *queue)
{
	return FIELD_GET(OGPU_OPERAND_TARGET, queue->desc.wptr) == OGPU_TARGET_VIRTUAL;
}

/* Memory that hardware reaches without an address space, and firmware through its windows. */
static bool physical_ok(uint64_t operand, uint32_t align)
{
	uint64_t target = FIELD_GET(OGPU_OPERAND_TARGET, operand);

	if (target != OGPU_TARGET_VRAM && target != OGPU_TARGET_SYSTEM)
		return false;
	return !(operand & OGPU_OPERAND_MBZ) && operand % align == 0;
}

/* The same, or memory of the queue's address space: the first byte of some that hardware checks. */
static bool operand_ok(uint64_t operand, uint32_t align, bool may_be_virtual)
{
	if (FIELD_GET(OGPU_OPERAND_TARGET, operand) != OGPU_TARGET_VIRTUAL)
		return physical_ok(operand, align);
	return may_be_virtual && !(operand & OGPU_OPERAND_MBZ) && operand % align == 0 &&
	       !((operand & OGPU_OPERAND_ADDR) >> OGPU_VA_BITS);
}

static bool ring_ok(const struct ogpu_msg_queue_create *desc)
{
	/* What a user can unmap or write through another mapping holds nothing privileged. */
	bool may_be_virtual = desc->asid && !(desc->flags & OGPU_QUEUE_PRIVILEGED);

	if (desc->ring_size < OGPU_RING_MIN_SIZE || desc->ring_size > OGPU_RING_MAX_SIZE ||
	    (desc->ring_size & (desc->ring_size - 1)))
		return false;
	return operand_ok(desc->ring, OGPU_PAGE_4K, may_be_virtual) &&
	       operand_ok(desc->rptr, POINTER_ALIGN, may_be_virtual) &&
	       operand_ok(desc->wptr, POINTER_ALIGN, may_be_virtual);
}

static bool save_ok(const struct ogpu_msg_queue_create *desc)
{
	if (!desc->save_size)
		return !desc->save;
	return desc->save_size % OGPU_PAGE_4K == 0 &&
	       operand_ok(desc->save, OGPU_PAGE_4K, desc->asid);
}

static bool desc_ok(const struct ogpu_msg_queue_create *desc)
{
	if (desc->engine >= OGPU_ENGINE_CLASSES || desc->priority >= OGPU_PRIORITIES)
		return false;
	if ((desc->flags & ~FLAGS) || desc->rsvd || desc->rsvd2)
		return false;
	if (desc->control == OGPU_CONTROL_NONE) {
		if (desc->flags & OGPU_QUEUE_RESTORE)
			return false;
	} else if (!physical_ok(desc->control, OGPU_PAGE_4K)) {
		return false;
	}
	return ring_ok(desc) && save_ok(desc);
}

static void keep(struct queue_desc *to, const struct ogpu_msg_queue_create *from)
{
	to->ring = from->ring;
	to->rptr = from->rptr;
	to->wptr = from->wptr;
	to->save = from->save;
	to->control = from->control;
	to->save_size = from->save_size;
	to->timeslice_us = from->timeslice_us;
	to->gang = from->gang;
	memcpy(to->cu_mask, from->cu_mask, sizeof(to->cu_mask));
	to->queue = from->queue;
	to->asid = from->asid;
	to->engine = from->engine;
	to->priority = from->priority;
	to->flags = from->flags & ~OGPU_QUEUE_RESTORE;
	to->ring_shift = __builtin_ctz(from->ring_size);
}

/**
 * queue_create() - enter a queue into the table
 * @desc: from the host, a private copy
 * @doorbells: doorbell pages of this card
 * @queue: result: the queue, idle at the start of its ring
 *
 * Return: OGPU_MSG_OK, or why not.
 */
enum ogpu_msg_status queue_create(const struct ogpu_msg_queue_create *desc, uint32_t doorbells,
				  struct queue **queue)
{
	struct queue *q;

	if (!desc_ok(desc) || desc->queue >= doorbells)
		return OGPU_MSG_EINVAL;
	if (desc->queue >= QUEUE_MAX)
		return OGPU_MSG_ENOSPC;
	q = &table[desc->queue];
	if (q->state != QUEUE_UNUSED)
		return OGPU_MSG_EEXIST;
	memset(q, 0, sizeof(*q));
	keep(&q->desc, desc);
	q->state = QUEUE_IDLE;
	q->slot = QUEUE_NO_SLOT;
	q->mate = q;
	*queue = q;
	return OGPU_MSG_OK;
}

static struct queue *find_gang(const struct queue *queue)
{
	struct queue *q;

	for (q = table; q < table + QUEUE_MAX; q++) {
		if (q != queue && q->state != QUEUE_UNUSED && q->desc.gang == queue->desc.gang)
			return q;
	}
	return NULL;
}

/**
 * queue_join_gang() - make a queue one of those with which it is to be on slots
 * @queue: just created
 * @max: how many there may be
 *
 * Return: OGPU_MSG_OK, or why not.
 */
enum ogpu_msg_status queue_join_gang(struct queue *queue, unsigned int max)
{
	struct queue *first, *q;
	unsigned int count = 1;

	if (!queue->desc.gang)
		return OGPU_MSG_OK;
	first = find_gang(queue);
	if (first) {
		if (first->desc.engine != queue->desc.engine ||
		    first->desc.priority != queue->desc.priority)
			return OGPU_MSG_EINVAL;
		for (q = first->mate; q != first; q = q->mate)
			count++;
		count++;
	}
	if (count > max)
		return OGPU_MSG_ENOSPC;
	if (first) {
		queue->mate = first->mate;
		first->mate = queue;
	}
	return OGPU_MSG_OK;
}

/**
 * queue_free() - remove a queue and all traces of it
 * @queue: on no slot
 */
void queue_free(struct queue *queue)
{
	struct queue *before = queue->mate;

	while (before->mate != queue)
		before = before->mate;
	before->mate = queue->mate;
	queue_list_leave(queue);
	memset(queue, 0, sizeof(*queue));
}

/**
 * queue_fail() - a queue executes nothing more
 * @queue: any queue
 * @error: why
 * @tell: whether the host is to get an event
 */
void queue_fail(struct queue *queue, const struct queue_error *error, bool tell)
{
	queue_list_leave(queue);
	queue->state = QUEUE_FAILED;
	queue->faulted = false;
	queue->error = *error;
	if (tell)
		queue_list_append(&unsent, queue);
}

/**
 * queue_fault() - a queue stands at a memory fault, which the host is told
 * @queue: in no list
 * @error: the fault
 */
void queue_fault(struct queue *queue, const struct queue_error *error)
{
	queue->faulted = true;
	queue->error = *error;
	queue_list_append(&unsent, queue);
}

/**
 * queue_is_unsent() - whether there is something about a queue that the host must still be told
 * @queue: any queue
 */
bool queue_is_unsent(const struct queue *queue)
{
	return queue->list == &unsent;
}

/**
 * queue_next_unsent() - the queue about which the host must be told next
 *
 * Return: the queue, or NULL. Who tells takes it off the list.
 */
struct queue *queue_next_unsent(void)
{
	return unsent.first;
}
