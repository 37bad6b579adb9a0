// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Random work whose results are known (see graph.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <drm.h>
#include <xf86drm.h>

#include "graph.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define SIGNAL		DRM_OGPU_SYNC_SIGNAL
#define TIMELINE	DRM_OGPU_SYNC_TIMELINE

#define PAGE		4096ull
#define CELL_BYTES	(GRAPH_WORDS * 8)
/* Cells move between these places; each has a page of its own. */
#define CELLS_VA	0x300000000000ull
/* Packets of one job, then the arguments of its kernel. */
#define JOB_BYTES	1024
#define ARGS_AT		(JOB_BYTES - 64)
#define BATCH		8
#define MOST_SYNCS	(GRAPH_QUEUES + 8)
#define MOST_WAITS	4	/* packets of one job */

/* dst[i] = a[i] * k + (b[i] ^ b[i] >> 23) + 8 * i */
static const uint32_t mix[] = {
	0xcc0025f3,	/*	csrr	a1, global id	*/
	0x00359593,	/*	slli	a1, a1, 3	*/
	0x00053603,	/*	ld	a2, 0(a0)	*/
	0x00853683,	/*	ld	a3, 8(a0)	*/
	0x01053703,	/*	ld	a4, 16(a0)	*/
	0x01853783,	/*	ld	a5, 24(a0)	*/
	0x00b60633,	/*	add	a2, a2, a1	*/
	0x00b686b3,	/*	add	a3, a3, a1	*/
	0x00b70733,	/*	add	a4, a4, a1	*/
	0x0006b683,	/*	ld	a3, 0(a3)	*/
	0x00073703,	/*	ld	a4, 0(a4)	*/
	0x02f686b3,	/*	mul	a3, a3, a5	*/
	0x01775813,	/*	srli	a6, a4, 23	*/
	0x01074733,	/*	xor	a4, a4, a6	*/
	0x00e686b3,	/*	add	a3, a3, a4	*/
	0x00b686b3,	/*	add	a3, a3, a1	*/
	0x00d63023,	/*	sd	a3, 0(a2)	*/
	0x00008067,	/*	ret			*/
};

struct mix_args {
	uint64_t dst, a, b, k;
};

/* What the CPU and the card see of a graph besides its cells. */
struct control {
	/* Point of the last job that is done, for those that wait in memory. */
	uint64_t done[GRAPH_QUEUES];
	uint64_t acc[GRAPH_QUEUES];
	uint64_t ended[GRAPH_STAMPS];
	uint64_t began[GRAPH_STAMPS];
};

#define CONTROL_VA(g, member)	((g)->control.va + offsetof(struct control, member))

/* A job that is being put together. */
struct job {
	unsigned int queue;
	struct stream s;
	uint64_t base;
	/* Of other queues, that must be done before. */
	uint64_t need[GRAPH_QUEUES];
	uint64_t need_bind;
	struct drm_ogpu_sync syncs[MOST_SYNCS];
	unsigned int sync_count;
};

static void die(const char *what, int ret)
{
	printf("# graph: %s: %s\n", what, strerror(ret < 0 ? -ret : errno));
	fflush(stdout);
	_exit(1);
}

static void check(int ret, const char *what)
{
	if (ret)
		die(what, ret);
}

/* splitmix64 */
uint64_t graph_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;

	return z ^ z >> 31;
}

unsigned int graph_pick(uint64_t *state, unsigned int n)
{
	return graph_random(state) % n;
}

static unsigned int pick(struct graph *g, unsigned int n)
{
	return graph_pick(&g->random, n);
}

static struct control *control(const struct graph *g)
{
	return g->control.map;
}

static uint64_t cell_va(const struct graph_cell *cell)
{
	return cell->va[cell->at] + cell->offset % PAGE;
}

/* Setting up --------------------------------------------------------------------------------- */

static void create_queue(struct graph *g, struct graph_queue *q)
{
	struct drm_ogpu_queue_create create = {
		.vm_id = g->card->vm,
		.engine = q->compute ? DRM_OGPU_ENGINE_COMPUTE : DRM_OGPU_ENGINE_COPY,
		.priority = pick(g, 3),
		.timeout_ms = GRAPH_TIMEOUT_MS,
		.save_va = q->save_va,
		.save_bytes = q->compute ? g->save_bytes : 0,
	};

	check(card_ioctl(g->card, DRM_IOCTL_OGPU_QUEUE_CREATE, &create), "QUEUE_CREATE");
	q->id = create.queue_id;
	q->first = q->point + 1;
	q->others = 0;
}

static void open_queues(struct graph *g)
{
	const struct drm_ogpu_query_device *info = &g->card->info;
	unsigned int i, waves = (GRAPH_WORDS + info->lanes - 1) / info->lanes;

	g->save_bytes = (256 + waves * info->save_wave_bytes + PAGE - 1) & ~(PAGE - 1);
	for (i = 0; i < g->size.queues; i++) {
		struct graph_queue *q = &g->queues[i];

		q->compute = i % 4;
		if (q->compute)
			q->save_va = card_save_area(g->card, g->save_bytes);
		card_stream(g->card, &q->s, GRAPH_DEPTH * JOB_BYTES);
		q->timeline = card_syncobj(g->card);
		create_queue(g, q);
	}
}

static void bind_cell(struct graph *g, const struct graph_cell *cell, uint32_t type,
		      const struct drm_ogpu_sync *syncs, unsigned int count)
{
	bool map = type == DRM_OGPU_BIND_MAP;
	struct drm_ogpu_bind_op op = {
		.op = type,
		.flags = map ? READ_WRITE : 0,
		.bo_handle = map ? cell->buf->handle : 0,
		.bo_offset = map ? cell->offset & ~(PAGE - 1) : 0,
		.va = map ? cell->va[cell->at] : cell->va[!cell->at],
		.size = PAGE,
	};
	struct drm_ogpu_vm_bind bind = {
		.vm_id = g->card->vm,
		.flags = DRM_OGPU_VM_BIND_ASYNC,
		.ops = CARD_ARRAY(&op, 1),
		.syncs = CARD_ARRAY(syncs, count),
	};

	check(card_ioctl(g->card, DRM_IOCTL_OGPU_VM_BIND, &bind), "VM_BIND");
}

static struct drm_ogpu_sync next_bind_point(struct graph *g)
{
	return (struct drm_ogpu_sync) { g->bind_timeline, SIGNAL | TIMELINE, ++g->bind_point };
}

static const uint32_t placements[] = {
	DRM_OGPU_BO_VRAM, DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_VRAM,
	DRM_OGPU_BO_SYSTEM,
};

static void open_buffers(struct graph *g)
{
	unsigned int i;

	g->bufs = calloc(g->size.buffers, sizeof(*g->bufs));
	if (!g->bufs)
		die("memory", -ENOMEM);
	for (i = 0; i < g->size.buffers; i++) {
		struct drm_ogpu_bo_create create = {
			.size = g->size.buffer_bytes,
			.placement = placements[i % 4],
			/* Half of them of this address space alone. */
			.vm_id = i / 4 % 2 ? g->card->vm : 0,
		};

		check(card_ioctl(g->card, DRM_IOCTL_OGPU_BO_CREATE, &create), "BO_CREATE");
		g->bufs[i].handle = create.handle;
		g->bufs[i].size = create.size;
	}
}

static void open_cells(struct graph *g)
{
	uint64_t va = CELLS_VA + g->card->next_va;
	unsigned int i;

	g->cells = calloc(g->size.cells, sizeof(*g->cells));
	if (!g->cells)
		die("memory", -ENOMEM);
	for (i = 0; i < g->size.cells; i++) {
		struct graph_cell *cell = &g->cells[i];
		unsigned int pages = g->size.buffer_bytes / PAGE;
		unsigned int round = i / g->size.buffers, rounds = g->size.cells / g->size.buffers;
		struct drm_ogpu_sync out = next_bind_point(g);
		/* Somewhere in a part of the buffer that no other cell has. */
		unsigned int part = pages / (rounds + 1);

		cell->buf = &g->bufs[i % g->size.buffers];
		cell->offset = (round * part + pick(g, part)) * PAGE +
			       pick(g, PAGE / CELL_BYTES) * CELL_BYTES;
		cell->va[0] = va + 2 * i * PAGE;
		cell->va[1] = cell->va[0] + PAGE;
		cell->bind_point = out.value;
		bind_cell(g, cell, DRM_OGPU_BIND_MAP, &out, 1);
	}
	/* The next graph in this address space gets other addresses. */
	g->card->next_va += (2 * g->size.cells * PAGE + 0x1fffff) & ~0x1fffffull;
}

void graph_open(struct graph *g, struct card *card, const struct graph_size *size, uint64_t seed)
{
	unsigned int i;

	memset(g, 0, sizeof(*g));
	g->card = card;
	g->size = *size;
	g->random = seed;
	g->bind_timeline = card_syncobj(card);
	for (i = 0; i < GRAPH_BINARIES; i++)
		g->binary[i] = card_syncobj(card);
	card_buffer(card, &g->code, PAGE, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
	memcpy(g->code.map, mix, sizeof(mix));
	card_buffer(card, &g->control, sizeof(struct control), DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_buffer(card, &g->out, (GRAPH_SNAPS + GRAPH_CELLS) * CELL_BYTES, DRM_OGPU_BO_SYSTEM,
		    READ_WRITE);
	card_stream(card, &g->gather, GRAPH_CELLS * sizeof(struct drm_ogpu_pkt_copy));
	open_queues(g);
	open_buffers(g);
	open_cells(g);
}

/* One job ------------------------------------------------------------------------------------ */

/* Notes what the job has to wait for because of a cell that it reads or writes. */
static void uses(struct graph *g, struct job *job, struct graph_cell *cell, bool writes)
{
	struct graph_queue *q = &g->queues[job->queue];
	uint64_t point = q->point + 1;
	unsigned int i;

	if (cell->written > job->need[cell->writer])
		job->need[cell->writer] = cell->written;
	if (cell->bind_point > job->need_bind)
		job->need_bind = cell->bind_point;
	if (!writes) {
		cell->read[job->queue] = point;
		return;
	}
	for (i = 0; i < g->size.queues; i++) {
		if (cell->read[i] > job->need[i])
			job->need[i] = cell->read[i];
	}
	cell->writer = job->queue;
	cell->written = point;
}

static void add_atomic(struct stream *s, uint32_t op, uint64_t va, uint64_t value)
{
	struct drm_ogpu_pkt_atomic packet = {
		.header = DRM_OGPU_PKT_BARRIER |
			  DRM_OGPU_PKT(DRM_OGPU_PKT_ATOMIC, sizeof(packet)),
		.op = op | DRM_OGPU_ATOMIC_WIDE,
		.addr = va,
		.value = value,
	};

	stream_add(s, &packet, sizeof(packet));
}

static void add_stamp(struct stream *s, uint64_t va, uint32_t flags)
{
	struct drm_ogpu_pkt_timestamp packet = {
		.header = DRM_OGPU_PKT_BARRIER | flags |
			  DRM_OGPU_PKT(DRM_OGPU_PKT_TIMESTAMP, sizeof(packet)),
		.addr = va,
	};

	stream_add(s, &packet, sizeof(packet));
}

/* By a kernel: of two cells, of which the one that is written may be one. */
static void do_mix(struct graph *g, struct job *job, struct graph_cell *dst)
{
	struct graph_cell *a = &g->cells[pick(g, g->size.cells)];
	struct graph_cell *b = &g->cells[pick(g, g->size.cells)];
	uint64_t old[2][GRAPH_WORDS], k = graph_random(&g->random) | 1;
	struct mix_args args = { cell_va(dst), cell_va(a), cell_va(b), k };
	struct drm_ogpu_pkt_dispatch packet = {
		.header = DRM_OGPU_PKT_BARRIER |
			  DRM_OGPU_PKT(DRM_OGPU_PKT_DISPATCH, sizeof(packet)),
		.entry = g->code.va,
		.args = job->base + ARGS_AT,
		.grid = { 1, 1, 1 },
		.group = { GRAPH_WORDS, 1, 1 },
	};
	unsigned int i;

	uses(g, job, a, false);
	uses(g, job, b, false);
	memcpy((char *)job->s.buf.map + ARGS_AT, &args, sizeof(args));
	stream_add(&job->s, &packet, sizeof(packet));
	memcpy(old[0], a->words, sizeof(old[0]));
	memcpy(old[1], b->words, sizeof(old[1]));
	for (i = 0; i < GRAPH_WORDS; i++)
		dst->words[i] = old[0][i] * k + (old[1][i] ^ old[1][i] >> 23) + 8 * i;
}

/* By a copy, the right way round or row by row from the last to the first. */
static void do_copy(struct graph *g, struct job *job, struct graph_cell *dst)
{
	struct graph_cell *src = &g->cells[pick(g, g->size.cells)];
	bool turn = pick(g, 2);
	unsigned int i;

	if (src == dst)
		return;
	uses(g, job, src, false);
	if (turn) {
		struct drm_ogpu_pkt_copy_rect packet = {
			.header = DRM_OGPU_PKT_BARRIER |
				  DRM_OGPU_PKT(DRM_OGPU_PKT_COPY_RECT, sizeof(packet)),
			.src = cell_va(src) + CELL_BYTES - 8,
			.dst = cell_va(dst),
			.extent = { 8, GRAPH_WORDS, 1 },
			.src_pitch = { -8ull, 0 },
			.dst_pitch = { 8, 0 },
		};

		stream_add(&job->s, &packet, sizeof(packet));
	} else {
		stream_copy(&job->s, cell_va(src), cell_va(dst), CELL_BYTES);
	}
	for (i = 0; i < GRAPH_WORDS; i++)
		dst->words[i] = src->words[turn ? GRAPH_WORDS - 1 - i : i];
}

static void do_fill(struct graph *g, struct job *job, struct graph_cell *dst)
{
	uint32_t pattern = graph_random(&g->random);
	unsigned int i, first = pick(g, GRAPH_WORDS);

	stream_fill(&job->s, cell_va(dst) + 8 * first, CELL_BYTES - 8 * first, pattern);
	for (i = first; i < GRAPH_WORDS; i++)
		dst->words[i] = (uint64_t)pattern << 32 | pattern;
}

/* On top of what else the job does with the cell. */
static void change_words(struct graph *g, struct job *job, struct graph_cell *dst)
{
	uint64_t k = graph_random(&g->random);
	unsigned int n = pick(g, GRAPH_WORDS);

	add_atomic(&job->s, DRM_OGPU_ATOMIC_ADD, cell_va(dst) + 8 * n, k);
	dst->words[n] += k;
	n = pick(g, GRAPH_WORDS);
	add_atomic(&job->s, DRM_OGPU_ATOMIC_XOR, cell_va(dst) + 8 * n, k >> 7);
	dst->words[n] ^= k >> 7;
}

static void snapshot(struct graph *g, struct job *job, const struct graph_cell *cell)
{
	stream_copy(&job->s, cell_va(cell), g->out.va + g->snap_count * CELL_BYTES, CELL_BYTES);
	memcpy(g->snaps[g->snap_count++].words, cell->words, CELL_BYTES);
}

static void add_sync(struct job *job, uint32_t handle, uint32_t flags, uint64_t value)
{
	if (job->sync_count == MOST_SYNCS)
		die("too many syncs", -ENOSPC);
	job->syncs[job->sync_count++] = (struct drm_ogpu_sync) { handle, flags, value };
}

/* The fence of a point, in a binary syncobj that others may still be waiting for. */
static uint32_t binary_of(struct graph *g, uint32_t timeline, uint64_t point)
{
	uint32_t handle = g->binary[g->next_binary++ % GRAPH_BINARIES];

	check(drmSyncobjTransfer(g->card->fd, handle, 0, timeline, point, 0), "transfer");

	return handle;
}

/* The same, by way of a sync_file. */
static uint32_t imported(struct graph *g, uint32_t handle)
{
	uint32_t other = g->binary[g->next_binary++ % GRAPH_BINARIES];
	int fd;

	check(drmSyncobjExportSyncFile(g->card->fd, handle, &fd), "export");
	check(drmSyncobjImportSyncFile(g->card->fd, other, fd), "import");
	close(fd);

	return other;
}

/* Turns what the job needs into waits, as syncs or as packets. */
static void add_waits(struct graph *g, struct job *job, uint64_t how)
{
	unsigned int i, waits = 0, binaries = 0;

	for (i = 0; i < g->size.queues; i++) {
		struct graph_queue *q = &g->queues[i];
		uint64_t way = how >> i % 32 * 2 & 3, point = job->need[i];

		/* Jobs of a queue are in order, but there may have been another queue here. */
		if (i == job->queue)
			point = q->point + 1 == q->first ? q->point : 0;
		if (!point)
			continue;
		/* All jobs of a call together must not use a binary syncobj twice. */
		if (way == 1 && binaries + 1 <= GRAPH_BINARIES / BATCH) {
			add_sync(job, binary_of(g, q->timeline, point), 0, 0);
			binaries++;
		} else if (way == 2 && binaries + 2 <= GRAPH_BINARIES / BATCH) {
			add_sync(job, imported(g, binary_of(g, q->timeline, point)), 0, 0);
			binaries += 2;
		} else if (way == 3 && waits < MOST_WAITS) {
			stream_wait(&job->s, CONTROL_VA(g, done[i]), DRM_OGPU_COMPARE_GE, point,
				    UINT64_MAX);
			waits++;
		} else {
			add_sync(job, q->timeline, TIMELINE, point);
		}
	}
	if (job->need_bind)
		add_sync(job, g->bind_timeline, TIMELINE, job->need_bind);
	if (g->extra.handle) {
		job->syncs[job->sync_count++] = g->extra;
		g->extra.handle = 0;
	}
}

/* After what another graph has submitted last. */
static void wait_for_peer(struct graph *g, struct job *job)
{
	unsigned int peer = pick(g, g->peer_count);
	uint64_t point = 0;

	if (g->cross_count == GRAPH_STAMPS)
		return;
	check(drmSyncobjQuery2(g->card->fd, &g->peers[peer], &point, 1,
			       DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED), "query");
	if (!point)
		return;
	add_sync(job, g->peers[peer], TIMELINE, point);
	add_stamp(&job->s, CONTROL_VA(g, began[g->cross_count]), 0);
	g->cross[g->cross_count] = (struct graph_cross) { peer, point, g->cross_count };
	g->cross_count++;
}

static void wait_point(struct graph *g, struct graph_queue *q, uint64_t point)
{
	check(card_timeline_wait(g->card, q->timeline, point, GRAPH_WAIT_MS), "a job does not end");
}

/* What the job does with its cell, and the end of the job. */
static void add_work(struct graph *g, struct job *job, struct graph_cell *dst)
{
	struct graph_queue *q = &g->queues[job->queue];
	uint64_t k = graph_random(&g->random);
	unsigned int what = pick(g, 8);

	if (q->compute && what < 5)
		do_mix(g, job, dst);
	else if (what < 7)
		do_copy(g, job, dst);
	else
		do_fill(g, job, dst);
	change_words(g, job, dst);
	add_atomic(&job->s, DRM_OGPU_ATOMIC_ADD, CONTROL_VA(g, acc[job->queue]), k);
	add_atomic(&job->s, DRM_OGPU_ATOMIC_XOR, CONTROL_VA(g, acc[job->queue]), k >> 9);
	q->acc = (q->acc + k) ^ k >> 9;
	if (g->snap_count < GRAPH_SNAPS && !pick(g, 4))
		snapshot(g, job, dst);
}

static void make_job(struct graph *g, struct job *job, unsigned int queue)
{
	struct graph_queue *q = &g->queues[queue];
	struct graph_cell *dst = &g->cells[pick(g, g->size.cells)];
	uint64_t how = graph_random(&g->random), at = q->point % GRAPH_DEPTH * JOB_BYTES;
	char work[JOB_BYTES];
	uint32_t work_bytes;

	/* Its place in the stream is free. */
	if (q->point >= GRAPH_DEPTH)
		wait_point(g, q, q->point + 1 - GRAPH_DEPTH);

	memset(job, 0, sizeof(*job));
	job->queue = queue;
	job->s.buf = q->s.buf;
	job->s.buf.size = JOB_BYTES;
	job->s.buf.map = (char *)q->s.buf.map + at;
	job->base = q->s.buf.va + at;
	job->s.buf.va = job->base;
	uses(g, job, dst, true);
	add_work(g, job, dst);

	/* What it has to wait for is known only now, and goes before. */
	work_bytes = job->s.bytes;
	memcpy(work, job->s.buf.map, work_bytes);
	stream_reset(&job->s);
	add_waits(g, job, how);
	if (g->peer_count && !pick(g, 8))
		wait_for_peer(g, job);
	stream_add(&job->s, work, work_bytes);
	if (g->timeline && g->published + 1 < GRAPH_STAMPS && !pick(g, 8)) {
		add_sync(job, g->timeline, SIGNAL | TIMELINE, ++g->published);
		add_stamp(&job->s, CONTROL_VA(g, ended[g->published]), DRM_OGPU_TIMESTAMP_END);
	}
	stream_fence(&job->s, CONTROL_VA(g, done[queue]), ++q->point);
	if (job->s.bytes > ARGS_AT)
		die("a job has too many packets", -ENOSPC);
	add_sync(job, q->timeline, SIGNAL | TIMELINE, q->point);
	g->jobs++;
}

void graph_step(struct graph *g)
{
	unsigned int i, queue = pick(g, g->size.queues), count = 1 + pick(g, BATCH);
	struct drm_ogpu_job jobs[BATCH];
	struct job job[BATCH];

	for (i = 0; i < count; i++) {
		make_job(g, &job[i], queue);
		jobs[i] = (struct drm_ogpu_job) {
			.stream_va = job[i].base,
			.stream_bytes = job[i].s.bytes,
			.syncs = CARD_ARRAY(job[i].syncs, job[i].sync_count),
		};
	}
	check(card_submit_jobs(g->card, g->queues[queue].id, jobs, count), "SUBMIT");
}

void graph_wait_for(struct graph *g, struct drm_ogpu_sync sync)
{
	g->extra = sync;
}

/* Disturbances ------------------------------------------------------------------------------- */

void graph_replace_queue(struct graph *g)
{
	struct graph_queue *q = &g->queues[pick(g, g->size.queues)];

	check(card_queue_destroy(g->card, q->id), "QUEUE_DESTROY");
	create_queue(g, q);
}

void graph_move_cell(struct graph *g)
{
	struct graph_cell *cell = &g->cells[pick(g, g->size.cells)];
	struct drm_ogpu_sync syncs[MOST_SYNCS], out = next_bind_point(g);
	unsigned int i, count = 0;

	/* Binds are done in the order of the calls, so the other address is free by then. */
	cell->at = !cell->at;
	cell->bind_point = out.value;
	bind_cell(g, cell, DRM_OGPU_BIND_MAP, &out, 1);

	/* The old one goes once nobody uses it. */
	for (i = 0; i < g->size.queues; i++) {
		uint64_t point = cell->read[i];

		if (i == cell->writer && cell->written > point)
			point = cell->written;
		if (point)
			syncs[count++] = (struct drm_ogpu_sync) {
				g->queues[i].timeline, TIMELINE, point
			};
	}
	syncs[count++] = next_bind_point(g);
	bind_cell(g, cell, DRM_OGPU_BIND_UNMAP, syncs, count);
}

/* Results ------------------------------------------------------------------------------------ */

static void compare(struct graph *g, const char *what, unsigned int number, const uint64_t *have,
		    const uint64_t *want)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < GRAPH_WORDS; i++) {
		if (have[i] == want[i])
			continue;
		if (!wrong++)
			printf("# %s %u word %u: %#llx, not %#llx\n", what, number, i,
			       (unsigned long long)have[i], (unsigned long long)want[i]);
	}
	g->wrong += wrong;
}

/* Copies all cells to where the CPU sees them. */
static void gather(struct graph *g)
{
	struct graph_queue *q = &g->queues[pick(g, g->size.queues)];
	struct drm_ogpu_sync syncs[2] = {
		{ g->bind_timeline, TIMELINE, g->bind_point },
		{ g->binary[0], SIGNAL, 0 },
	};
	uint64_t at = g->out.va + GRAPH_SNAPS * CELL_BYTES;
	unsigned int i;

	stream_reset(&g->gather);
	for (i = 0; i < g->size.cells; i++)
		stream_copy(&g->gather, cell_va(&g->cells[i]), at + i * CELL_BYTES, CELL_BYTES);
	memset((char *)g->out.map + GRAPH_SNAPS * CELL_BYTES, 0x5a, g->size.cells * CELL_BYTES);
	check(card_submit(g->card, q->id, &g->gather, syncs, 2), "SUBMIT");
	check(card_syncobj_wait(g->card, g->binary[0], GRAPH_WAIT_MS), "a job does not end");
	q->others++;
}

static void check_queue(struct graph *g, unsigned int number)
{
	struct graph_queue *q = &g->queues[number];
	struct drm_ogpu_queue_get_state state;
	uint64_t jobs = q->point + 1 - q->first + q->others;

	card_queue_state(g->card, q->id, &state);
	if (state.error == DRM_OGPU_QUEUE_OK && state.submitted == jobs &&
	    state.completed == jobs && control(g)->acc[number] == q->acc)
		return;
	printf("# queue %u: error %u, %llu submitted, %llu completed, of %llu; %#llx, not %#llx\n",
	       number, state.error, (unsigned long long)state.submitted,
	       (unsigned long long)state.completed, (unsigned long long)jobs,
	       (unsigned long long)control(g)->acc[number], (unsigned long long)q->acc);
	g->wrong++;
}

void graph_count_evicted(struct graph *g)
{
	unsigned int i;

	for (i = 0; i < g->size.buffers; i++) {
		struct drm_ogpu_bo_info info = { .handle = g->bufs[i].handle };

		check(card_ioctl(g->card, DRM_IOCTL_OGPU_BO_INFO, &info), "BO_INFO");
		g->evicted += info.placement == DRM_OGPU_BO_VRAM &&
			      info.current_placement != DRM_OGPU_BO_VRAM;
	}
}

bool graph_check(struct graph *g)
{
	const uint64_t *out = g->out.map;
	unsigned int i;

	for (i = 0; i < g->size.queues; i++) {
		if (g->queues[i].point)
			wait_point(g, &g->queues[i], g->queues[i].point);
	}
	graph_count_evicted(g);
	gather(g);
	for (i = 0; i < g->snap_count; i++)
		compare(g, "snapshot", i, out + i * GRAPH_WORDS, g->snaps[i].words);
	g->snap_count = 0;
	for (i = 0; i < g->size.cells; i++)
		compare(g, "cell", i, out + (GRAPH_SNAPS + i) * GRAPH_WORDS, g->cells[i].words);
	for (i = 0; i < g->size.queues; i++)
		check_queue(g, i);

	return !g->wrong;
}

uint64_t graph_ended(const struct graph *g, uint64_t point)
{
	return control(g)->ended[point];
}

uint64_t graph_began(const struct graph *g, const struct graph_cross *cross)
{
	return control(g)->began[cross->stamp];
}
