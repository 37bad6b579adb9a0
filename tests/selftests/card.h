/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What tests of the ogpu uapi have in common: a card, an address space, buffers, streams, syncobjs.
 *
 * Straight on the ioctls, without libogpu, so that tests can also do what no sane program does.
 * Functions named card_* end the test when something fails that the test does not look at.
 */
#ifndef _CARD_H_
#define _CARD_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <drm/ogpu_drm.h>

/** struct card - an open card, with one address space */
struct card {
	int fd;
	uint32_t vm;
	/** @next_va: where the next buffer is mapped */
	uint64_t next_va;
	struct drm_ogpu_query_device info;
};

/** struct buffer - a buffer that the CPU and the card have mapped */
struct buffer {
	uint32_t handle;
	uint64_t size;
	uint64_t va;
	void *map;
};

/** struct stream - packets being written */
struct stream {
	struct buffer buf;
	uint32_t bytes;
};

/* Buffers made from now on are private to the card's address space. */
extern bool card_private;

/* 0 or a negative errno. */
int card_ioctl(const struct card *card, unsigned long request, void *arg);

/* Anybody may open the cards, whose nodes are root's in a test machine and have any number. */
void card_let_all(void);
/* Skips the test if there is no card. */
void card_open(struct card *card);
/* Card @number of several, from 0, in the order of their nodes. */
void card_open_number(struct card *card, unsigned int number);
/*
 * The same once no memory of the card is in use: that of earlier tests may be on its way back. For
 * tests that compare figures of card_memory(). Waits at most 30 s.
 */
void card_open_unused(struct card *card);
void card_open_number_unused(struct card *card, unsigned int number);
/* The same card through another file: another client. */
void card_close(struct card *card);

/* Mapped read-write (and execute) at the next free address; @placement as in the uapi. */
void card_buffer(struct card *card, struct buffer *buf, uint64_t size, uint32_t placement,
		 uint32_t bind_flags);
/* Mapped by neither CPU nor card. Returns 0 or a negative errno. */
int card_buffer_create(struct card *card, struct buffer *buf, uint64_t size, uint32_t placement);
int card_bind(struct card *card, const struct buffer *buf, uint64_t va, uint32_t flags);
/* Operations for VM_BIND; memory can be read and written. */
struct drm_ogpu_bind_op card_map_op(const struct buffer *buf, uint64_t offset, uint64_t va,
				    uint64_t size);
struct drm_ogpu_bind_op card_unmap_op(uint64_t va, uint64_t size);
int card_unbind(struct card *card, uint64_t va, uint64_t size);

/* Takes no DISPATCH. */
uint32_t card_queue(struct card *card, uint32_t engine, uint32_t timeout_ms);
/* Where a save area of so many bytes is mapped. */
uint64_t card_save_area(struct card *card, uint64_t bytes);
uint32_t card_compute_queue(struct card *card, uint32_t timeout_ms, uint64_t save_va,
			    uint64_t save_bytes);
/* Room for a workgroup of 64 work-items of stream_dispatch() on each of four compute units. */
#define CARD_SAVE_BYTES	0x140000u
int card_queue_destroy(struct card *card, uint32_t queue);
void card_queue_state(struct card *card, uint32_t queue, struct drm_ogpu_queue_get_state *state);
/* Waits for the queue to have this error; the state it has after at most 10 s. */
void card_queue_wait_error(struct card *card, uint32_t queue,
			   struct drm_ogpu_queue_get_state *state);

uint32_t card_syncobj(struct card *card);
/* 0, or -ETIME after @ms. */
int card_syncobj_wait(struct card *card, uint32_t handle, unsigned int ms);
/* Of the fence in a syncobj: 0 until it signals, then 1, or the negative errno of its job. */
int card_fence_status(struct card *card, uint32_t handle);
int card_timeline_wait(struct card *card, uint32_t handle, uint64_t point, unsigned int ms);
uint64_t card_timeline_query(struct card *card, uint32_t handle);

void card_stream(struct card *card, struct stream *s, uint64_t size);
void stream_reset(struct stream *s);
/* Appends raw bytes. Returns where they are. */
void *stream_add(struct stream *s, const void *packet, size_t bytes);
void stream_nop(struct stream *s, uint32_t words);
void stream_copy(struct stream *s, uint64_t src, uint64_t dst, uint64_t bytes);
void stream_fill(struct stream *s, uint64_t dst, uint64_t bytes, uint32_t pattern);
void stream_write(struct stream *s, uint64_t dst, const uint32_t *words, uint32_t count);
void stream_fence(struct stream *s, uint64_t addr, uint64_t value);
void stream_wait(struct stream *s, uint64_t addr, uint32_t compare, uint64_t value, uint64_t mask);
void stream_timestamp(struct stream *s, uint64_t addr);
void stream_cache(struct stream *s, uint32_t ops);
void stream_dispatch(struct stream *s, uint64_t entry, uint64_t args, uint32_t groups,
		     uint32_t items);

struct drm_ogpu_array card_array(const void *elems, uint32_t stride, uint32_t count);
#define CARD_ARRAY(elems, count)	card_array(elems, sizeof(*(elems)), count)

/* One job. @syncs may be NULL. 0 or a negative errno. */
int card_submit(struct card *card, uint32_t queue, const struct stream *s,
		const struct drm_ogpu_sync *syncs, uint32_t count);
int card_submit_jobs(struct card *card, uint32_t queue, const struct drm_ogpu_job *jobs,
		     uint32_t count);
/* Runs a stream and waits at most 10 s for its end. */
void card_run(struct card *card, uint32_t queue, const struct stream *s);

/* Use of memory by all processes, at this moment. */
struct drm_ogpu_query_memory card_memory(struct card *card);

/* How @other reaches buffers of @card: a DRM_OGPU_PEER_* of DRM_OGPU_QUERY_PEER. */
uint32_t card_peer_path(const struct card *card, const struct card *other);
/*
 * Waits at most 30 s until use is as it was. What a closed file held comes back sooner or later,
 * but without anybody's help. 0, or -ETIME after saying what differs.
 */
int card_wait_memory(struct card *card, const struct drm_ogpu_query_memory *want);

/* What /proc/self/fdinfo tells of the card's file: all of it, */
void card_fdinfo(const struct card *card, char *text, size_t size);
/* of that what follows a key, which must be there, */
const char *fdinfo_value(const char *text, const char *key);
/* or a number with its unit, if that is one of memory; */
uint64_t fdinfo_number(const char *text, const char *key);
/* and one number by itself. */
uint64_t fdinfo_get(const struct card *card, const char *key);

/*
 * Whether a thread, of whatever process, sleeps in the system call @where, or with -1 in a page
 * fault.
 */
bool is_asleep(pid_t thread, int where);
/* Waits for that, at most 30 s. */
void wait_asleep(pid_t thread, int where);

uint64_t time_ms(void);
void sleep_ms(unsigned int ms);
/*
 * Limits are given for a usual machine. On one that TEST_SCALE in the environment calls slower, all
 * of them are that many times as long: those of tests, of the waits above, and time_limit().
 */
unsigned int time_scale(void);
/* When @ms that begin now are over, as time_ms() says. */
uint64_t time_limit(unsigned int ms);
/* The same for the kernel, in nanoseconds. */
int64_t time_limit_ns(unsigned int ms);

#endif
