// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A graph of three operations on the first card, of which the one in the middle reads where nothing
 * is mapped. ggml ends the program when it waits for the results; coming to the end is the failure.
 *
 * With an argument it waits for another backend alone, which waits for the one with the fault:
 *   behind   it computes, and the program waits for it
 *   between  it computes, and a third one waits for it, for which the program waits
 *   record   it does nothing, and the program waits for an event of it
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <ggml-alloc.h>
#include <ggml-backend.h>

/* Returns only if nobody notices what has become of the first backend's graph. */
static void wait_elsewhere(ggml_backend_t first, struct ggml_cgraph *work, const char *way)
{
	ggml_backend_dev_t device = ggml_backend_get_device(first);
	ggml_backend_event_t event = ggml_backend_event_new(device);
	ggml_backend_event_t other = ggml_backend_event_new(device);
	ggml_backend_t second = ggml_backend_dev_init(device, NULL);
	ggml_backend_t third = ggml_backend_dev_init(device, NULL);

	if (!event || !other || !second || !third)
		return;
	ggml_backend_event_record(event, first);
	ggml_backend_event_wait(second, event);
	if (strcmp(way, "record") && ggml_backend_graph_compute_async(second, work))
		return;
	if (!strcmp(way, "behind"))
		ggml_backend_synchronize(second);
	ggml_backend_event_record(other, second);
	if (!strcmp(way, "record"))
		ggml_backend_event_synchronize(other);
	ggml_backend_event_wait(third, other);
	if (!ggml_backend_graph_compute_async(third, work))
		ggml_backend_synchronize(third);
}

int main(int argc, char **argv)
{
	struct ggml_init_params memory = { .mem_size = 1 << 20, .no_alloc = true };
	struct ggml_tensor *a, *b, *c, *d, *e, *lost;
	ggml_backend_buffer_t buffer;
	struct ggml_context *ctx;
	struct ggml_cgraph *graph, *another;
	ggml_backend_t backend;

	ggml_backend_load_all();
	backend = ggml_backend_init_by_name("OGPU0", NULL);
	ctx = ggml_init(memory);
	if (!backend || !ctx)
		return 2;
	a = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, 64, 64);
	b = ggml_scale(ctx, a, 2);
	c = ggml_mul(ctx, b, a);
	d = ggml_scale(ctx, c, 3);
	e = ggml_scale(ctx, a, 4);
	graph = ggml_new_graph(ctx);
	another = ggml_new_graph(ctx);
	ggml_build_forward_expand(another, e);
	ggml_build_forward_expand(graph, d);
	buffer = ggml_backend_alloc_ctx_tensors(ctx, backend);
	if (!buffer)
		return 2;
	ggml_backend_buffer_clear(buffer, 0);
	/* Another tensor for the product to read: the first operation is in order. */
	lost = ggml_dup_tensor(ctx, b);
	lost->data = (void *)(uintptr_t)0xdead0000;
	lost->buffer = buffer;
	c->src[0] = lost;
	if (argc > 1) {
		if (!ggml_backend_graph_compute_async(backend, graph))
			wait_elsewhere(backend, another, argv[1]);
		printf("end\n");
		return 3;
	}
	printf("status %d\n", ggml_backend_graph_compute(backend, graph));
	return 3;
}
