// SPDX-License-Identifier: MIT
/*
 * A backend of ggml in a library of its own: GGML_BACKEND_PATH=.../libggml-ogpu.so makes programs
 * that use ggml, as llama.cpp's, run on OGPU cards.
 *
 * A card is a device of ggml and has one address space; tensors lie at GPU addresses, in buffers
 * that the CPU sees too. A backend is a queue: a graph becomes dispatches in streams, cut into jobs
 * that end long before the card's limit on one. Like others this one ends the program if results
 * are lost after compute() has returned, because ggml has no other way to tell.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"

/* Versions whose tables and operations are known; others are refused. */
static const char *const known_versions[] = { "0.27.0" };

#define WORK_PER_JOB	1e8	/* multiplications: a second on a slow card */

extern const char kernels_elf[], kernels_elf_end[];

static struct card cards[MAX_CARDS];
static size_t card_count;

/* --- Work ------------------------------------------------------------------------------------- */

struct line *line_get(struct line *line)
{
	__atomic_add_fetch(&line->users, 1, __ATOMIC_RELAXED);
	return line;
}

void line_put(struct line *line)
{
	if (!line || __atomic_sub_fetch(&line->users, 1, __ATOMIC_ACQ_REL))
		return;
	ogpu_queue_destroy(line->queue);
	free(line);
}

/* Says why the queue stopped, and in which operation. */
static void explain(struct worker *w, const char *what, int error)
{
	struct drm_ogpu_queue_get_state state;
	const char *op = "none";
	struct ogpu_source source;
	struct ogpu_place place;

	fprintf(stderr, "ggml-ogpu: %s: %s: %s\n", w->card->name, what, strerror(-error));
	if (ogpu_queue_state(w->line->queue, &state) || !state.error)
		return;
	for (int n = 0; n < SLOTS; n++) {
		const struct slot *slot = &w->slots[n];

		if (!slot->point || slot->point != state.failed_job)
			continue;
		for (uint32_t i = 0; i < slot->launches; i++)
			if (slot->launched[i].offset == state.packet)
				op = ggml_op_name(slot->launched[i].op);
	}
	fprintf(stderr, "ggml-ogpu: %s: %s; operation %s", w->card->name,
		ogpu_queue_error_text(state.error), op);
	if (state.fault_va)
		fprintf(stderr, ", address 0x%llx", (unsigned long long)state.fault_va);
	if (!ogpu_program_locate(w->card->program, state.pc, &place))
		fprintf(stderr, ", kernel %s+0x%llx", place.function,
			(unsigned long long)place.offset);
	if (!ogpu_program_source(w->card->program, state.pc, &source))
		fprintf(stderr, " at %s:%u", source.file, source.line);
	fputc('\n', stderr);
}

/* Waits for the last job of a slot, whose stream is then free. */
static int drain(struct worker *w, struct slot *slot)
{
	int ret = 0;

	if (slot->point)
		ret = ogpu_queue_wait(w->line->queue, slot->point, -1);
	if (ret) {
		explain(w, "job", ret);
		w->failed = true;
	}
	slot->point = 0;
	slot->launches = 0;
	ogpu_stream_reset(&slot->stream);
	return ret;
}

/* Submits what the current slot has; the next one may still be under way. */
static int flush(struct worker *w)
{
	struct drm_ogpu_sync syncs[MAX_WAITS];
	struct slot *slot = w->slot;
	uint32_t count = 0;
	int ret;

	if (w->failed)
		return -EIO;
	if (!slot->launches || slot->point)
		return 0;
	for (uint32_t i = w->wait_sent; i < w->wait_count; i++)
		syncs[count++] = (struct drm_ogpu_sync){
			.handle = w->waits[i].line->queue->timeline,
			.flags = DRM_OGPU_SYNC_TIMELINE, .value = w->waits[i].point,
		};
	ret = ogpu_queue_submit(w->line->queue, &slot->stream, syncs, count, &slot->point);
	w->wait_sent = w->wait_count;
	w->work = 0;
	if (ret) {
		explain(w, "submission", ret);
		w->failed = true;
		return ret;
	}
	w->slot = slot == &w->slots[SLOTS - 1] ? w->slots : slot + 1;
	return 0;
}

/* A place in the current stream for what takes so long; NULL if there is none. */
static struct slot *place(struct worker *w, enum ggml_op op, double work)
{
	struct slot *slot;

	if ((w->slot->launches == MAX_LAUNCHES || w->work + work > WORK_PER_JOB) && flush(w))
		return NULL;
	if (w->slot->point && drain(w, w->slot))
		return NULL;
	slot = w->slot;
	slot->launched[slot->launches].offset = slot->stream.used;
	slot->launched[slot->launches++].op = op;
	w->work += work;
	return slot;
}

/* One dispatch, or a part of one. */
static int emit(struct worker *w, enum ggml_op op, const struct ogpu_dispatch *dispatch,
		const struct args *args, double work)
{
	struct slot *slot = place(w, op, work);
	struct ogpu_dispatch d = *dispatch;
	uint32_t offset;

	if (!slot)
		return -EIO;
	offset = (slot->launches - 1) * ARGS_BYTES;
	d.args = slot->args.va + offset;
	memcpy((char *)slot->args.ptr + offset, args, sizeof(*args));
	ogpu_emit_dispatch(&slot->stream, &d);
	return 0;
}

int worker_launch(struct worker *w, enum ggml_op op, const struct launch *l)
{
	const uint32_t jobs = l->work / WORK_PER_JOB + 1;
	struct ogpu_dispatch d = { 0 };
	int ret, longest = 0;
	uint32_t part;

	ret = ogpu_program_entry(w->card->program, l->kernel, &d.entry);
	if (ret) {
		fprintf(stderr, "ggml-ogpu: no kernel %s\n", l->kernel);
		return ret;
	}
	memcpy(d.grid, l->grid, sizeof(d.grid));
	memcpy(d.group, l->group, sizeof(d.group));
	memcpy(d.total, l->grid, sizeof(d.total));
	for (int i = 1; i < 3; i++)
		if (l->grid[i] > l->grid[longest])
			longest = i;
	/* Kernels see the whole grid. */
	part = (l->grid[longest] + jobs - 1) / jobs;
	for (uint32_t done = 0; done < l->grid[longest] && !ret; done += part) {
		if (part > l->grid[longest] - done)
			part = l->grid[longest] - done;
		d.base[longest] = done;
		d.grid[longest] = part;
		ret = emit(w, op, &d, &l->args, l->work * part / l->grid[longest]);
	}
	return ret;
}

/* Copies when all before it is done; a failure is told by what waits for it. */
void worker_copy(struct worker *w, uint64_t dst, uint64_t src, uint64_t bytes)
{
	struct slot *slot = w->failed ? NULL : place(w, GGML_OP_NONE, bytes);

	if (!slot)
		return;
	ogpu_emit_copy(&slot->stream, dst, src, bytes);
	flush(w);
}

/*
 * Waits with the CPU for the work of other queues that this one waits for. A job starts also when
 * what it waited for has failed: only this tells, and it comes before anything that vouches for
 * results. Afterwards nothing depends on another queue.
 */
static void worker_settle(struct worker *w)
{
	for (uint32_t i = 0; i < w->wait_count; i++) {
		const struct wait *wait = &w->waits[i];
		int ret = ogpu_queue_wait(wait->line->queue, wait->point, -1);

		if (ret) {
			fprintf(stderr, "ggml-ogpu: %s: work of another backend is missing: %s\n",
				w->card->name, strerror(-ret));
			w->failed = true;
		}
		line_put(wait->line);
	}
	w->wait_count = 0;
	w->wait_sent = 0;
}

/* The point of the queue at which all that it was given and all that it waits for is done. */
uint64_t worker_last(struct worker *w)
{
	flush(w);
	worker_settle(w);
	return w->line->queue->submitted;
}

/* Waits with the CPU for all that the queue was given, which does not tell of what it waits for. */
void worker_drain(struct worker *w)
{
	for (int i = 0; i < SLOTS && !w->failed; i++)
		if (w->slots[i].point)
			drain(w, &w->slots[i]);
}

/*
 * Has what follows wait for a point of another queue of the card. A later point of a queue stands
 * for the earlier ones, also in what it tells of failures.
 */
void worker_wait(struct worker *w, struct line *line, uint64_t point)
{
	flush(w);
	for (uint32_t i = 0; i < w->wait_count; i++) {
		struct wait *wait = &w->waits[i];

		if (wait->line != line)
			continue;
		if (wait->point >= point)
			return;
		wait->point = point;
		/* The next job is to be given it. */
		if (i < w->wait_sent) {
			const struct wait later = *wait;

			*wait = w->waits[--w->wait_sent];
			w->waits[w->wait_sent] = later;
		}
		return;
	}
	if (w->wait_count == MAX_WAITS)
		worker_settle(w);
	w->waits[w->wait_count++] = (struct wait){ .line = line_get(line), .point = point };
}

static struct worker *to_worker(ggml_backend_t backend)
{
	return ((struct backend_object *)backend)->context;
}

static const char *backend_name(ggml_backend_t backend)
{
	return to_worker(backend)->card->name;
}

static enum ggml_status backend_compute(ggml_backend_t backend, struct ggml_cgraph *graph)
{
	struct worker *w = to_worker(backend);
	struct launch launch;

	for (int i = 0; i < ggml_graph_n_nodes(graph) && !w->failed; i++) {
		const struct ggml_tensor *t = ggml_graph_node(graph, i);

		if (op_is_nothing(t))
			continue;
		op_launch(t, &launch);
		if (worker_launch(w, t->op, &launch))
			return GGML_STATUS_FAILED;
	}
	return w->failed || flush(w) ? GGML_STATUS_FAILED : GGML_STATUS_SUCCESS;
}

static void backend_synchronize(ggml_backend_t backend)
{
	struct worker *w = to_worker(backend);

	worker_settle(w);
	worker_drain(w);
	if (w->failed)
		GGML_ABORT("ggml-ogpu: the results of a graph are lost");
}

static void worker_free(struct worker *w)
{
	for (uint32_t i = 0; i < w->wait_count; i++)
		line_put(w->waits[i].line);
	line_put(w->line);
	for (int i = 0; i < SLOTS; i++) {
		if (w->slots[i].stream.buf.bo)
			ogpu_stream_destroy(&w->slots[i].stream);
		if (w->slots[i].args.bo)
			ogpu_buffer_destroy(&w->slots[i].args);
	}
	free(w);
}

static void backend_free(ggml_backend_t backend)
{
	struct worker *w = to_worker(backend);

	/* Also after a failure: the queue may stay, and its jobs must not lose their streams. */
	for (int i = 0; i < SLOTS; i++)
		drain(w, &w->slots[i]);
	worker_free(w);
}

/* --- Buffers ---------------------------------------------------------------------------------- */

static struct ogpu_buffer *to_buffer(ggml_backend_buffer_t buffer)
{
	return ((struct buffer_object *)buffer)->context;
}

/* Where the CPU sees a place in a tensor. */
static char *seen(ggml_backend_buffer_t buffer, const struct ggml_tensor *t, size_t offset)
{
	struct ogpu_buffer *b = to_buffer(buffer);

	return (char *)b->ptr + ((uintptr_t)t->data - b->va) + offset;
}

static void buffer_free(ggml_backend_buffer_t buffer)
{
	ogpu_buffer_destroy(to_buffer(buffer));
	free(to_buffer(buffer));
}

static void *buffer_base(ggml_backend_buffer_t buffer)
{
	return (void *)(uintptr_t)to_buffer(buffer)->va;
}

static void buffer_memset(ggml_backend_buffer_t buffer, struct ggml_tensor *t, uint8_t value,
			  size_t offset, size_t bytes)
{
	memset(seen(buffer, t, offset), value, bytes);
}

static void buffer_set(ggml_backend_buffer_t buffer, struct ggml_tensor *t, const void *data,
		       size_t offset, size_t bytes)
{
	memcpy(seen(buffer, t, offset), data, bytes);
}

static void buffer_get(ggml_backend_buffer_t buffer, const struct ggml_tensor *t, void *data,
		       size_t offset, size_t bytes)
{
	memcpy(data, seen(buffer, t, offset), bytes);
}

static ggml_backend_buffer_t tensor_buffer(const struct ggml_tensor *t)
{
	return t->view_src ? t->view_src->buffer : t->buffer;
}

/* The card in whose buffer a tensor is; NULL: it is elsewhere. */
const struct card *tensor_card(const struct ggml_tensor *t)
{
	const struct buffer_object *object = (const struct buffer_object *)tensor_buffer(t);

	if (!object || object->table.free != buffer_free)
		return NULL;
	return ((const struct buffer_type_table *)object->type)->context;
}

/* Also from one card to another: the CPU sees both. */
static bool buffer_copy(ggml_backend_buffer_t buffer, const struct ggml_tensor *src,
			struct ggml_tensor *dst)
{
	if (!tensor_card(src))
		return false;
	memcpy(seen(buffer, dst, 0), seen(tensor_buffer(src), src, 0), ggml_nbytes(src));
	return true;
}

static void buffer_clear(ggml_backend_buffer_t buffer, uint8_t value)
{
	memset(to_buffer(buffer)->ptr, value, ((struct buffer_object *)buffer)->bytes);
}

static struct card *type_card(ggml_backend_buffer_type_t type)
{
	return ((struct buffer_type_table *)type)->context;
}

static const char *type_name(ggml_backend_buffer_type_t type)
{
	return type_card(type)->name;
}

static size_t type_alignment(ggml_backend_buffer_type_t type)
{
	(void)type;
	return 128;
}

static bool type_is_host(ggml_backend_buffer_type_t type)
{
	(void)type;
	return false;
}

static ggml_backend_buffer_t type_alloc(ggml_backend_buffer_type_t type, size_t bytes)
{
	static const struct buffer_table table = {
		.free = buffer_free, .base = buffer_base, .memset_tensor = buffer_memset,
		.set_tensor = buffer_set, .get_tensor = buffer_get, .copy_tensor = buffer_copy,
		.clear = buffer_clear,
	};
	struct ogpu_buffer *b = calloc(1, sizeof(*b));
	int ret = -ENOMEM;

	if (b)
		ret = ogpu_buffer_create(type_card(type)->vm, bytes ? bytes : 1,
					 DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM,
					 DRM_OGPU_BO_CPU_ACCESS, b);
	if (ret) {
		fprintf(stderr, "ggml-ogpu: %s: no buffer of %zu bytes: %s\n",
			type_card(type)->name, bytes, strerror(-ret));
		free(b);
		return NULL;
	}
	return ggml_backend_buffer_init(type, table, b, bytes);
}

/* --- Devices ---------------------------------------------------------------------------------- */

static struct card *to_card(ggml_backend_dev_t device)
{
	return ((struct device_object *)device)->context;
}

static const char *device_name(ggml_backend_dev_t device)
{
	return to_card(device)->name;
}

static const char *device_description(ggml_backend_dev_t device)
{
	return to_card(device)->description;
}

static void device_memory(ggml_backend_dev_t device, size_t *free, size_t *total)
{
	struct drm_ogpu_query_memory memory = { 0 };

	if (ogpu_query(to_card(device)->ogpu, DRM_OGPU_QUERY_MEMORY, &memory, sizeof(memory)))
		memset(&memory, 0, sizeof(memory));
	*total = memory.vram_size;
	*free = memory.vram_size - memory.vram_used;
}

static enum ggml_backend_dev_type device_type(ggml_backend_dev_t device)
{
	(void)device;
	return GGML_BACKEND_DEVICE_TYPE_GPU;
}

static void device_properties(ggml_backend_dev_t device, struct ggml_backend_dev_props *props)
{
	const char *address = ogpu_device_pci_address(to_card(device)->ogpu);

	memset(props, 0, sizeof(*props));
	props->name = device_name(device);
	props->description = device_description(device);
	props->type = device_type(device);
	props->device_id = *address ? address : NULL;
	device_memory(device, &props->memory_free, &props->memory_total);
	props->caps.async = true;
	props->caps.host_buffer = true;
	props->caps.events = true;
}

static ggml_backend_t device_init(ggml_backend_dev_t device, const char *params)
{
	static const uint8_t guid[16] = "ggml on OGPU";
	struct card *card = to_card(device);
	struct worker *w = calloc(1, sizeof(*w));
	int ret;

	(void)params;
	if (w)
		w->line = calloc(1, sizeof(*w->line));
	if (!w || !w->line) {
		free(w);
		return NULL;
	}
	w->line->users = 1;
	w->card = card;
	w->slot = w->slots;
	w->backend = (struct backend_object){
		.guid = guid, .name = backend_name, .free = backend_free,
		.synchronize = backend_synchronize, .compute = backend_compute,
		.device = device, .context = w,
	};
	async_backend(&w->backend);
	ret = ogpu_queue_create(card->vm, DRM_OGPU_ENGINE_COMPUTE, DRM_OGPU_PRIORITY_NORMAL,
				&w->line->queue);
	for (int i = 0; i < SLOTS && !ret; i++) {
		ret = ogpu_stream_create(card->vm, STREAM_BYTES, &w->slots[i].stream);
		if (!ret)
			ret = ogpu_buffer_create(card->vm, MAX_LAUNCHES * ARGS_BYTES,
						 DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS,
						 &w->slots[i].args);
	}
	if (ret) {
		fprintf(stderr, "ggml-ogpu: %s: no queue: %s\n", card->name, strerror(-ret));
		worker_free(w);
		return NULL;
	}
	return (ggml_backend_t)&w->backend;
}

static ggml_backend_buffer_type_t device_buffer_type(ggml_backend_dev_t device)
{
	return (ggml_backend_buffer_type_t)&to_card(device)->type;
}

static bool device_supports_op(ggml_backend_dev_t device, const struct ggml_tensor *op)
{
	(void)device;
	return op_supported(op);
}

static bool device_supports_type(ggml_backend_dev_t device, ggml_backend_buffer_type_t type)
{
	/* Not the host's: tensors there lie at addresses of the CPU. */
	return type == device_buffer_type(device);
}

/* --- Registry --------------------------------------------------------------------------------- */

static const char *registry_name(ggml_backend_reg_t registry)
{
	(void)registry;
	return "OGPU";
}

static size_t registry_count(ggml_backend_reg_t registry)
{
	(void)registry;
	return card_count;
}

static ggml_backend_dev_t registry_get(ggml_backend_reg_t registry, size_t index)
{
	(void)registry;
	return index < card_count ? (ggml_backend_dev_t)&cards[index].device : NULL;
}

static void *registry_address(ggml_backend_reg_t registry, const char *name)
{
	(void)registry;
	(void)name;
	return NULL;
}

static struct registry_object registry = {
	.interface = PLUGIN_INTERFACE, .name = registry_name, .count = registry_count,
	.get = registry_get, .address = registry_address,
};

static int card_open(struct card *card, const char *node)
{
	const struct drm_ogpu_query_device *info;
	int ret;

	ret = ogpu_device_open(node, &card->ogpu);
	if (ret)
		return ret;
	info = ogpu_device_info(card->ogpu);
	snprintf(card->name, sizeof(card->name), "OGPU%zu", card_count);
	snprintf(card->description, sizeof(card->description), "%.32s, %u compute units",
		 (const char *)info->name, info->cu_count);
	if (info->lanes != 32)
		ret = -ENOTSUP;		/* the kernels count on it */
	if (!ret)
		ret = ogpu_vm_create(card->ogpu, &card->vm);
	if (!ret)
		ret = ogpu_program_load(card->vm, kernels_elf, kernels_elf_end - kernels_elf,
					&card->program);
	if (ret) {
		fprintf(stderr, "ggml-ogpu: %s cannot be used: %s\n", node, strerror(-ret));
		if (card->vm)
			ogpu_vm_destroy(card->vm);
		ogpu_device_close(card->ogpu);
		memset(card, 0, sizeof(*card));
		return ret;
	}
	card->type = (struct buffer_type_table){
		.name = type_name, .alloc = type_alloc, .alignment = type_alignment,
		.is_host = type_is_host, .device = (ggml_backend_dev_t)&card->device,
		.context = card,
	};
	card->device = (struct device_object){
		.name = device_name, .description = device_description, .memory = device_memory,
		.type = device_type, .properties = device_properties, .init = device_init,
		.buffer_type = device_buffer_type, .supports_op = device_supports_op,
		.supports_buffer_type = device_supports_type,
		.registry = (ggml_backend_reg_t)&registry, .context = card,
	};
	async_device(card);
	return 0;
}

static bool version_known(void)
{
	for (size_t i = 0; i < sizeof(known_versions) / sizeof(known_versions[0]); i++)
		if (!strcmp(ggml_version(), known_versions[i]))
			return true;
	return false;
}

/*
 * Cards have their names by the order of their addresses. They stay open until the program ends:
 * ggml never lets go of a registry.
 */
__attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init(void)
{
	struct ogpu_card found[MAX_CARDS];
	int count;

	if (!version_known()) {
		fprintf(stderr, "ggml-ogpu: made for ggml %s, and this is %s: not used\n",
			known_versions[0], ggml_version());
		return NULL;
	}
	if (card_count)
		return (ggml_backend_reg_t)&registry;
	count = ogpu_device_list(found, MAX_CARDS);
	for (int i = 0; i < count && i < MAX_CARDS; i++)
		if (!card_open(&cards[card_count], found[i].node))
			card_count++;
	return (ggml_backend_reg_t)&registry;
}

/* More than 0: it can work here. */
__attribute__((visibility("default"))) int ggml_backend_score(void)
{
	return 1;
}
