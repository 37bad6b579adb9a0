// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A graph of three operations on the first card, of which the one in the middle reads where nothing
 * is mapped. ggml ends the program when it waits for the results; coming to the end is the failure.
 */
#include <stdint.h>
#include <stdio.h>

#include <ggml-alloc.h>
#include <ggml-backend.h>

int main(void)
{
	struct ggml_init_params memory = { .mem_size = 1 << 20, .no_alloc = true };
	struct ggml_tensor *a, *b, *c, *d, *lost;
	ggml_backend_buffer_t buffer;
	struct ggml_context *ctx;
	struct ggml_cgraph *graph;
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
	graph = ggml_new_graph(ctx);
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
	printf("status %d\n", ggml_backend_graph_compute(backend, graph));
	return 3;
}
