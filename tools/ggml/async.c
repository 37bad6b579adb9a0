// SPDX-License-Identifier: MIT
/*
 * What does not wait for the card: copies between tensors and buffers of the host, or of another
 * backend of the card, and events, by which one backend waits for the work of another. Of two
 * backends of one card the kernel has the one's queue wait for the other's; for another card the
 * CPU waits. The CPU waits, too, where a backend that waits for another one is itself recorded in
 * an event or copied from.
 *
 * A host buffer is memory of the system that the card knows at another address than the CPU. Data
 * that lies elsewhere is copied by the CPU when all before is done.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"

/* --- Host buffers ----------------------------------------------------------------------------- */

struct host_buffer {
	struct host_buffer *next;
	const struct card *card;
	struct ogpu_buffer memory;
	size_t bytes;
};

/* Of all cards; the lock is for the list and not for what is in it. */
static struct host_buffer *host_buffers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Where a card sees memory of the host; 0: it does not. */
static uint64_t seen_by(const struct card *card, const void *data, size_t bytes)
{
	uint64_t va = 0;

	pthread_mutex_lock(&lock);
	for (const struct host_buffer *b = host_buffers; b && !va; b = b->next) {
		const size_t offset = (uintptr_t)data - (uintptr_t)b->memory.ptr;

		if (b->card == card && offset < b->bytes && bytes <= b->bytes - offset)
			va = b->memory.va + offset;
	}
	pthread_mutex_unlock(&lock);
	return va;
}

static void host_free(ggml_backend_buffer_t buffer)
{
	const void *ptr = ((struct buffer_object *)buffer)->context;
	struct host_buffer **link, *b;

	pthread_mutex_lock(&lock);
	for (link = &host_buffers; (*link)->memory.ptr != ptr; )
		link = &(*link)->next;
	b = *link;
	*link = b->next;
	pthread_mutex_unlock(&lock);
	ogpu_buffer_destroy(&b->memory);
	free(b);
}

/* For ggml a buffer of the CPU, but for its end. Where there is no room, one of the CPU. */
static ggml_backend_buffer_t host_alloc(ggml_backend_buffer_type_t type, size_t bytes)
{
	struct card *card = ((struct buffer_type_table *)type)->context;
	struct host_buffer *b = calloc(1, sizeof(*b));
	ggml_backend_buffer_t buffer;
	int ret;

	if (!b)
		return NULL;
	b->card = card;
	b->bytes = bytes ? bytes : 1;
	ret = ogpu_buffer_create(card->vm, b->bytes, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS,
				 &b->memory);
	if (ret) {
		fprintf(stderr, "ggml-ogpu: %s: no host buffer of %zu bytes: %s; the CPU has it\n",
			card->name, bytes, strerror(-ret));
		free(b);
		return ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), bytes);
	}
	buffer = ggml_backend_cpu_buffer_from_ptr(b->memory.ptr, bytes);
	if (!buffer) {
		ogpu_buffer_destroy(&b->memory);
		free(b);
		return NULL;
	}
	((struct buffer_object *)buffer)->type = type;
	((struct buffer_object *)buffer)->table.free = host_free;
	pthread_mutex_lock(&lock);
	b->next = host_buffers;
	host_buffers = b;
	pthread_mutex_unlock(&lock);
	return buffer;
}

static const char *host_name(ggml_backend_buffer_type_t type)
{
	return ((struct card *)((struct buffer_type_table *)type)->context)->host_name;
}

static size_t host_alignment(ggml_backend_buffer_type_t type)
{
	(void)type;
	return 128;
}

static bool host_is_host(ggml_backend_buffer_type_t type)
{
	(void)type;
	return true;
}

static ggml_backend_buffer_type_t device_host_type(ggml_backend_dev_t device)
{
	struct card *card = ((struct device_object *)device)->context;

	return (ggml_backend_buffer_type_t)&card->host_type;
}

/* --- Copies ----------------------------------------------------------------------------------- */

static void set_async(ggml_backend_t backend, struct ggml_tensor *t, const void *data,
		      size_t offset, size_t bytes)
{
	struct worker *w = ((struct backend_object *)backend)->context;
	const uint64_t from = seen_by(w->card, data, bytes);

	if (from && bytes) {
		worker_copy(w, (uintptr_t)t->data + offset, from, bytes);
		return;
	}
	ggml_backend_synchronize(backend);
	ggml_backend_tensor_set(t, data, offset, bytes);
}

static void get_async(ggml_backend_t backend, const struct ggml_tensor *t, void *data,
		      size_t offset, size_t bytes)
{
	struct worker *w = ((struct backend_object *)backend)->context;
	const uint64_t to = seen_by(w->card, data, bytes);

	if (to && bytes) {
		worker_copy(w, to, (uintptr_t)t->data + offset, bytes);
		return;
	}
	ggml_backend_synchronize(backend);
	ggml_backend_tensor_get(t, data, offset, bytes);
}

/*
 * Between backends of one card: the first one's queue copies when all that it was given is done,
 * and the second one's waits for that. What the second one was given before may use the tensor that
 * is written: the CPU waits for it. For another card ggml waits for both, and the CPU copies.
 */
static bool copy_async(ggml_backend_t from, ggml_backend_t to, const struct ggml_tensor *src,
		       struct ggml_tensor *dst)
{
	struct backend_object *first = (struct backend_object *)from;
	struct backend_object *second = (struct backend_object *)to;
	struct worker *w = first->context;
	uint64_t point;

	if (first->copy_tensor_async != copy_async || first->device != second->device ||
	    tensor_card(src) != w->card || tensor_card(dst) != w->card)
		return false;
	if (first != second)
		worker_drain(second->context);
	if (ggml_nbytes(src))
		worker_copy(w, (uintptr_t)dst->data, (uintptr_t)src->data, ggml_nbytes(src));
	if (first == second)
		return true;
	point = worker_last(w);
	if (w->failed)
		return false;
	if (point)
		worker_wait(second->context, w->line, point);
	return true;
}

/* --- Events ----------------------------------------------------------------------------------- */

struct event {
	struct event_object object;
	struct line *line;		/* NULL: was never recorded */
	struct card *card;
	uint64_t point;			/* of the line; 0: it had no work */
	bool failed;			/* before it was recorded */
};

static ggml_backend_event_t event_new(ggml_backend_dev_t device)
{
	struct event *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->object.device = device;
	e->object.context = e;
	return (ggml_backend_event_t)&e->object;
}

static struct event *to_event(ggml_backend_event_t event)
{
	return ((struct event_object *)event)->context;
}

static void event_free(ggml_backend_dev_t device, ggml_backend_event_t event)
{
	(void)device;
	line_put(to_event(event)->line);
	free(to_event(event));
}

static void event_record(ggml_backend_t backend, ggml_backend_event_t event)
{
	struct worker *w = ((struct backend_object *)backend)->context;
	struct event *e = to_event(event);

	line_get(w->line);
	line_put(e->line);
	e->line = w->line;
	e->card = w->card;
	e->point = worker_last(w);
	e->failed = w->failed;
}

static void event_synchronize(ggml_backend_dev_t device, ggml_backend_event_t event)
{
	struct event *e = to_event(event);

	(void)device;
	if (e->failed || (e->point && ogpu_queue_wait(e->line->queue, e->point, -1)))
		GGML_ABORT("ggml-ogpu: %s: the work that was waited for has failed", e->card->name);
}

static void event_wait(ggml_backend_t backend, ggml_backend_event_t event)
{
	struct worker *w = ((struct backend_object *)backend)->context;
	struct event *e = to_event(event);

	if (e->failed || e->card != w->card)
		event_synchronize(NULL, event);
	else if (e->point && e->line != w->line)
		worker_wait(w, e->line, e->point);
}

void async_device(struct card *card)
{
	snprintf(card->host_name, sizeof(card->host_name), "%s_Host", card->name);
	card->host_type = (struct buffer_type_table){
		.name = host_name, .alloc = host_alloc, .alignment = host_alignment,
		.is_host = host_is_host, .device = (ggml_backend_dev_t)&card->device,
		.context = card,
	};
	card->device.host_buffer_type = device_host_type;
	card->device.event_new = event_new;
	card->device.event_free = event_free;
	card->device.event_synchronize = event_synchronize;
}

void async_backend(struct backend_object *backend)
{
	backend->set_tensor_async = set_async;
	backend->get_tensor_async = get_async;
	backend->copy_tensor_async = copy_async;
	backend->event_record = event_record;
	backend->event_wait = event_wait;
}
