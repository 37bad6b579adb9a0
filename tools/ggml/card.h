/* SPDX-License-Identifier: MIT */
/* What the parts of the backend share: a card, and work on its way to it. */
#ifndef OGPU_GGML_CARD_H
#define OGPU_GGML_CARD_H

#include <ogpu.h>

#include "ggml_abi.h"
#include "kernels/args.h"

#define MAX_CARDS	16
#define SLOTS		2		/* streams that are filled and executed in turn */
#define STREAM_BYTES	(128u << 10)
#define MAX_LAUNCHES	1024u		/* of a stream */
#define MAX_WAITS	8u		/* for work of other queues */
#define ARGS_BYTES	512u		/* for each, with room to the next */

_Static_assert(sizeof(struct args) <= ARGS_BYTES, "arguments of a launch");

struct card {
	struct device_object device;
	struct buffer_type_table type, host_type;
	struct ogpu_device *ogpu;
	struct ogpu_vm *vm;
	struct ogpu_program *program;
	char name[16], host_name[24];
	char description[64];
};

struct slot {
	struct ogpu_stream stream;
	struct ogpu_buffer args;
	uint64_t point;			/* of its last job; 0: none under way */
	uint32_t launches;
	struct {
		uint32_t offset;	/* of its packet in the stream */
		enum ggml_op op;
	} launched[MAX_LAUNCHES];
};

/* A queue; events and waits for its work may outlive its backend. The last user destroys it. */
struct line {
	struct ogpu_queue *queue;
	int users;			/* atomic */
};

/* Work of another queue. */
struct wait {
	struct line *line;
	uint64_t point;
};

/* One of ggml's backends: a queue of its own, so that a failure stays with who caused it. */
struct worker {
	struct backend_object backend;
	struct card *card;
	struct line *line;
	struct slot slots[SLOTS], *slot;
	struct wait waits[MAX_WAITS];	/* whose outcome is not known; see worker_settle() */
	uint32_t wait_count, wait_sent;	/* all, and those that a job has been given */
	double work;			/* multiplications in the stream, roughly */
	bool failed;			/* for good: what it computed is not to be used */
};

/* A dispatch, and how much it does: 2 for a multiplication and an addition. */
struct launch {
	const char *kernel;
	uint32_t grid[3], group[3];
	double work;
	struct args args;
};

/* backend.c */
int worker_launch(struct worker *w, enum ggml_op op, const struct launch *launch);
void worker_copy(struct worker *w, uint64_t dst, uint64_t src, uint64_t bytes);
uint64_t worker_last(struct worker *w);
void worker_drain(struct worker *w);
void worker_wait(struct worker *w, struct line *line, uint64_t point);
const struct card *tensor_card(const struct ggml_tensor *t);
struct line *line_get(struct line *line);
void line_put(struct line *line);
/* async.c */
void async_device(struct card *card);
void async_backend(struct backend_object *backend);
/* ops.c */
bool op_is_nothing(const struct ggml_tensor *t);
bool op_supported(const struct ggml_tensor *t);
void op_launch(const struct ggml_tensor *t, struct launch *launch);

#endif
