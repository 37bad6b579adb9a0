// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What ggml's own tests leave out: host buffers, copies that do not wait, and events. Three
 * backends of the first card: one has much to do, the others' results are wrong unless they wait
 * for that.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ggml-alloc.h>
#include <ggml-backend.h>

enum { NUMBERS = 1 << 18, STEPS = 60, TRIES = 20 };

static bool all_are(const float *v, float expected)
{
	for (int i = 0; i < NUMBERS; i++)
		if (v[i] != expected)
			return false;
	return true;
}

static int say(bool good, const char *what)
{
	printf("%s: %s\n", good ? "right" : "wrong", what);
	return !good;
}

static struct ggml_cgraph *graph_of(struct ggml_context *ctx, struct ggml_tensor *t)
{
	struct ggml_cgraph *graph = ggml_new_graph(ctx);

	ggml_build_forward_expand(graph, t);
	return graph;
}

/* What a tensor ends with at this moment. */
static float last_of(const struct ggml_tensor *t)
{
	float last;

	ggml_backend_tensor_get(t, &last, (NUMBERS - 1) * sizeof(last), sizeof(last));
	return last;
}

/*
 * The numbers of a tensor as another backend's tensor has them, once it is done. Tells whether they
 * were not there yet when the call to copy returned.
 */
static bool copied(ggml_backend_t from, struct ggml_tensor *t, ggml_backend_t to, float expected,
		   bool *early)
{
	struct ggml_init_params memory = { .mem_size = 1 << 20, .no_alloc = true };
	struct ggml_context *ctx = ggml_init(memory);
	struct ggml_tensor *copy = ggml_new_tensor_1d(ctx, GGML_TYPE_F32, NUMBERS);
	ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(ctx, to);
	static float got[NUMBERS];

	if (!buffer)
		return false;
	ggml_backend_buffer_clear(buffer, 0);
	ggml_backend_tensor_copy_async(from, to, t, copy);
	*early = last_of(copy) != expected;
	ggml_backend_tensor_get_async(to, copy, got, 0, sizeof(got));
	ggml_backend_synchronize(to);
	ggml_backend_buffer_free(buffer);
	ggml_free(ctx);
	return all_are(got, expected);
}

/*
 * Does the CPU go on while a backend works, if another one waits for it, or has a copy of what it
 * computes? The card may be done before this program has looked, so that there are many tries.
 */
static bool goes_on(ggml_backend_t first, struct ggml_cgraph *graph, ggml_backend_buffer_t tensors,
		    struct ggml_tensor *result, ggml_backend_t second, ggml_backend_event_t event)
{
	bool early = false;

	for (int i = 0; i < TRIES && !early; i++) {
		ggml_backend_synchronize(first);
		ggml_backend_buffer_clear(tensors, 0);
		if (ggml_backend_graph_compute_async(first, graph))
			return false;
		if (!event) {
			if (!copied(first, result, second, STEPS, &early))
				return false;
			continue;
		}
		ggml_backend_event_record(event, first);
		/* More than a job may have. */
		for (int wait = 0; wait < 2 * STEPS; wait++)
			ggml_backend_event_wait(second, event);
		early = last_of(result) != STEPS;
		ggml_backend_synchronize(second);
		if (last_of(result) != STEPS)
			return false;
	}
	return early;
}

/* More than a card may have of the system's memory, which is half: the CPU can allocate it. */
static bool too_large_for_the_card(ggml_backend_buffer_type_t type)
{
	const size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	ggml_backend_buffer_t buffer = ggml_backend_buft_alloc_buffer(type, memory / 8 * 5);
	bool good;

	if (!buffer)
		return false;
	good = ggml_backend_buffer_is_host(buffer) &&
	       ggml_backend_buffer_get_type(buffer) == ggml_backend_cpu_buffer_type();
	((char *)ggml_backend_buffer_get_base(buffer))[0] = 1;
	ggml_backend_buffer_free(buffer);
	return good;
}

int main(void)
{
	struct ggml_init_params memory = { .mem_size = 4 << 20, .no_alloc = true };
	const size_t bytes = NUMBERS * sizeof(float);
	struct ggml_tensor *x, *y, *input, *z, *sum, *fresh;
	ggml_backend_buffer_t tensors, host;
	ggml_backend_buffer_type_t type;
	struct ggml_context *ctx;
	struct ggml_cgraph *long_one, *short_one, *late_one;
	ggml_backend_t first, second, third;
	ggml_backend_event_t event, other;
	static float elsewhere[NUMBERS];
	float *in, *out;
	int failed = 0;
	bool early;

	ggml_backend_load_all();
	first = ggml_backend_init_by_name("OGPU0", NULL);
	second = ggml_backend_init_by_name("OGPU0", NULL);
	third = ggml_backend_init_by_name("OGPU0", NULL);
	ctx = ggml_init(memory);
	if (!first || !second || !third || !ctx)
		return 2;
	type = ggml_backend_dev_host_buffer_type(ggml_backend_get_device(first));
	event = ggml_backend_event_new(ggml_backend_get_device(first));
	other = ggml_backend_event_new(ggml_backend_get_device(first));
	if (!type || !event || !other)
		return 2;
	failed |= say(ggml_backend_buft_is_host(type), "the CPU can use host buffers");
	host = ggml_backend_buft_alloc_buffer(type, 2 * bytes);

	x = ggml_new_tensor_1d(ctx, GGML_TYPE_F32, NUMBERS);
	y = x;
	for (int i = 0; i < STEPS; i++)
		y = ggml_scale_bias(ctx, y, 1, 1);
	input = ggml_view_tensor(ctx, y);
	z = ggml_scale(ctx, input, 2);
	long_one = graph_of(ctx, y);
	/* Reads what it begins with once more at the end. */
	sum = ggml_add(ctx, y, x);
	late_one = graph_of(ctx, sum);
	fresh = ggml_new_tensor_1d(ctx, GGML_TYPE_F32, NUMBERS);
	tensors = ggml_backend_alloc_ctx_tensors(ctx, first);
	if (!host || !tensors)
		return 2;
	ggml_backend_buffer_clear(tensors, 0);
	/* A graph of the last operation alone: what it reads is the other backend's. */
	short_one = ggml_new_graph(ctx);
	ggml_graph_add_node(short_one, z);
	in = ggml_backend_buffer_get_base(host);
	out = in + NUMBERS;
	for (int i = 0; i < NUMBERS; i++)
		in[i] = 5;
	memset(out, 0, bytes);

	ggml_backend_tensor_set_async(first, x, in, 0, bytes);
	if (ggml_backend_graph_compute_async(first, long_one))
		return 1;
	ggml_backend_event_record(event, first);
	ggml_backend_event_wait(second, event);
	if (ggml_backend_graph_compute_async(second, short_one))
		return 1;
	ggml_backend_tensor_get_async(second, z, out, 0, bytes);
	ggml_backend_synchronize(second);
	failed |= say(all_are(out, 2 * (5 + STEPS)), "a backend waits for another's event");

	for (int i = 0; i < NUMBERS; i++)
		in[i] = -STEPS;
	ggml_backend_tensor_set_async(first, x, in, 0, bytes);
	if (ggml_backend_graph_compute_async(first, long_one))
		return 1;
	ggml_backend_tensor_get_async(first, y, out, 0, bytes);
	ggml_backend_event_record(event, first);
	ggml_backend_event_synchronize(event);
	failed |= say(all_are(out, 0), "the CPU waits for an event");

	ggml_backend_tensor_set_async(first, x, elsewhere, 0, bytes);
	if (ggml_backend_graph_compute_async(first, long_one))
		return 1;
	ggml_backend_tensor_get_async(first, y, elsewhere, 0, bytes);
	ggml_backend_synchronize(first);
	failed |= say(all_are(elsewhere, STEPS), "copies with memory that the card does not see");

	/* A backend that was given nothing but the wait. */
	for (int i = 0; i < NUMBERS; i++)
		in[i] = 1;
	ggml_backend_tensor_set_async(first, x, in, 0, bytes);
	if (ggml_backend_graph_compute_async(first, long_one))
		return 1;
	ggml_backend_event_record(event, first);
	ggml_backend_event_wait(second, event);
	ggml_backend_tensor_get_async(second, y, elsewhere, 0, bytes);
	ggml_backend_synchronize(second);
	failed |= say(all_are(elsewhere, 1 + STEPS), "the CPU copies after what is waited for");

	ggml_backend_synchronize(first);
	for (int i = 0; i < NUMBERS; i++)
		in[i] = 2;
	ggml_backend_tensor_set_async(first, x, in, 0, bytes);
	if (ggml_backend_graph_compute_async(first, long_one))
		return 1;
	ggml_backend_event_record(event, first);
	ggml_backend_event_wait(second, event);
	ggml_backend_synchronize(second);
	ggml_backend_tensor_get(y, elsewhere, 0, bytes);
	failed |= say(all_are(elsewhere, 2 + STEPS), "a backend is done when what it waits for is");

	ggml_backend_synchronize(first);
	for (int i = 0; i < NUMBERS; i++)
		in[i] = 3;
	ggml_backend_tensor_set_async(first, x, in, 0, bytes);
	if (ggml_backend_graph_compute_async(first, long_one))
		return 1;
	ggml_backend_event_record(event, first);
	ggml_backend_event_wait(second, event);
	ggml_backend_event_record(other, second);
	ggml_backend_event_wait(third, other);
	if (ggml_backend_graph_compute_async(third, short_one))
		return 1;
	ggml_backend_tensor_get_async(third, z, out, 0, bytes);
	ggml_backend_synchronize(third);
	failed |= say(all_are(out, 2 * (3 + STEPS)), "an event has what its backend waits for");

	failed |= say(goes_on(first, long_one, tensors, y, second, event),
		      "many waits for a backend are left to the card");

	ggml_backend_synchronize(first);
	ggml_backend_event_record(other, third);
	ggml_backend_event_wait(second, other);
	ggml_backend_free(third);
	ggml_backend_event_synchronize(other);
	ggml_backend_synchronize(second);
	ggml_backend_event_wait(first, other);
	if (ggml_backend_graph_compute(first, short_one))
		return 1;
	ggml_backend_event_free(other);
	failed |= say(true, "an event outlives its backend");

	for (int i = 0; i < NUMBERS; i++)
		in[i] = 4;
	ggml_backend_tensor_set_async(first, x, in, 0, bytes);
	if (ggml_backend_graph_compute_async(first, long_one))
		return 1;
	failed |= say(copied(first, y, second, 4 + STEPS, &early), "a copy to another backend");
	for (int i = 0; i < NUMBERS; i++)
		in[i] = 6;
	ggml_backend_tensor_set_async(first, x, in, 0, bytes);
	if (ggml_backend_graph_compute_async(first, long_one))
		return 1;
	failed |= say(copied(first, y, first, 6 + STEPS, &early), "a copy within a backend");
	failed |= say(goes_on(first, long_one, tensors, y, second, NULL),
		      "a copy is left to the card");

	ggml_backend_synchronize(first);
	ggml_backend_buffer_clear(tensors, 0);
	for (int i = 0; i < NUMBERS; i++)
		in[i] = 7;
	ggml_backend_tensor_set_async(first, fresh, in, 0, bytes);
	if (ggml_backend_graph_compute_async(second, late_one))
		return 1;
	ggml_backend_tensor_copy_async(first, second, fresh, x);
	ggml_backend_tensor_get_async(second, sum, out, 0, bytes);
	ggml_backend_synchronize(second);
	failed |= say(all_are(out, STEPS), "a copy waits for who reads what it writes");

	third = ggml_backend_init_by_name("OGPU1", NULL);
	if (!third)
		return 2;
	ggml_backend_tensor_set_async(first, x, elsewhere, 0, bytes);
	if (ggml_backend_graph_compute_async(first, long_one))
		return 1;
	failed |= say(copied(first, y, third, elsewhere[0] + STEPS, &early),
		      "a copy to another card");
	ggml_backend_free(third);

	failed |= say(too_large_for_the_card(type), "a host buffer that is too large is the CPU's");

	ggml_backend_event_free(event);
	ggml_backend_buffer_free(host);
	ggml_backend_buffer_free(tensors);
	ggml_free(ctx);
	ggml_backend_free(second);
	ggml_backend_free(first);
	return failed;
}
