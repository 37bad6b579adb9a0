/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Queues: a ring that the card executes, its number, its fences and how it fails.
 *
 * The same object serves the queues of user space and the kernel's copy queue.
 */
#ifndef _OGPU_QUEUE_H_
#define _OGPU_QUEUE_H_

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "abi/mbox.h"
#include "abi/packet.h"
#include "abi/queue.h"
#include "ogpu_mbox_call.h"
#include "ogpu_ring.h"
#include "ogpu_svm.h"

struct drm_printer;
struct ogpu_device;
struct ogpu_eventfd;
struct ogpu_job;
struct ogpu_queue_quota;
struct ogpu_sched;
struct ogpu_vm;

/**
 * enum ogpu_queue_state - does a queue execute its jobs?
 * @OGPU_QUEUE_ALIVE: jobs that start go to the ring
 * @OGPU_QUEUE_DEAD: nothing is added to the ring, but hardware may still execute what is there;
 *	jobs that start wait in &struct ogpu_queue.pending for the end
 * @OGPU_QUEUE_ENDED: hardware has stopped; jobs that start fail at once
 * @OGPU_QUEUE_STATES: how many there are
 *
 * ogpu_queue.c has the table of allowed changes. Whether firmware knows the queue is another
 * matter, see &struct ogpu_queue.on_card.
 */
enum ogpu_queue_state {
	OGPU_QUEUE_ALIVE,
	OGPU_QUEUE_DEAD,
	OGPU_QUEUE_ENDED,
	OGPU_QUEUE_STATES,
};

/**
 * enum ogpu_queue_kind - whose ring is it?
 * @OGPU_QUEUE_KIND_KERNEL: the kernel's, for its own jobs
 * @OGPU_QUEUE_KIND_SUBMIT: the kernel's, for jobs of user space
 * @OGPU_QUEUE_KIND_USER: user space's; the kernel knows of no jobs
 */
enum ogpu_queue_kind {
	OGPU_QUEUE_KIND_KERNEL,
	OGPU_QUEUE_KIND_SUBMIT,
	OGPU_QUEUE_KIND_USER,
};

/**
 * struct ogpu_queue_user - ring and pointers of a queue of OGPU_QUEUE_KIND_USER, GPU addresses
 */
struct ogpu_queue_user {
	/** @ring_va: multiple of 4 KiB */
	u64 ring_va;
	/** @rptr_va: multiple of 8 */
	u64 rptr_va;
	/** @wptr_va: multiple of 8 */
	u64 wptr_va;
};

/**
 * struct ogpu_queue_failure - why a queue executes nothing more
 */
struct ogpu_queue_failure {
	/** @code: &enum drm_ogpu_queue_error; DRM_OGPU_QUEUE_OK while it works */
	u32 code;
	/** @access: how memory was accessed, of a memory fault; likewise @reason and @fault_va */
	u32 access;
	/** @reason: why the access was refused */
	u32 reason;
	/** @detail: packet header or instruction word */
	u32 detail;
	/** @fault_va: GPU address */
	u64 fault_va;
	/** @pc: of a work-item that was under way, 0 if none */
	u64 pc;
	/** @blame: DRM_OGPU_QUEUE_GUILTY, DRM_OGPU_QUEUE_INNOCENT or 0 */
	u32 blame;
	/** @held: workgroups in the save area */
	u32 held;
	/** @nested: offsets of the packet to blame in buffers nested in stream or ring */
	u32 nested[4];
	/** @packet: offset in the stream, or position in a ring of user space */
	u64 packet;
	/** @job: number of the job to blame, 0 if there is none */
	u64 job;
};

/**
 * struct ogpu_queue_times - where the time of a queue went, from its control page
 */
struct ogpu_queue_times {
	/** @state: &enum ogpu_queue_run_state */
	u32 state;
	/** @busy_ns: it was on a slot and executed, or waited for a compute unit */
	u64 busy_ns;
	/** @waited_ns: it had work and waited for a slot */
	u64 waited_ns;
	/** @unit_ns: it had a compute unit, or executed what needs none */
	u64 unit_ns;
	/** @now_ns: the card's clock when all this was told */
	u64 now_ns;
};

/**
 * struct ogpu_queue_file - what all queues of a file have in common; they may outlive the file
 */
struct ogpu_queue_file {
	/** @ref: held by the file and by its queues */
	struct kref ref;
	/** @quota: what the user who opened the file has of the card; referenced */
	struct ogpu_queue_quota *quota;
	/** @unit_ns: time that the card worked for the queues, by engine class; only grows */
	atomic64_t unit_ns[OGPU_ENGINE_CLASSES];
};

/**
 * struct ogpu_queue_params - how to make a queue
 */
struct ogpu_queue_params {
	/** @vm: address space, NULL for a queue of the kernel; the queue takes a reference */
	struct ogpu_vm *vm;
	/** @file: NULL for a queue of the kernel; the queue takes a reference */
	struct ogpu_queue_file *file;
	/** @id: number in its file, 0 for a queue of the kernel */
	u32 id;
	/** @client_id: of the DRM file it belongs to, for traces; 0: the kernel */
	u64 client_id;
	/** @name: for messages and traces; static */
	const char *name;
	/** @kind: whose ring it is */
	enum ogpu_queue_kind kind;
	/** @user: of OGPU_QUEUE_KIND_USER: where ring and pointers are */
	struct ogpu_queue_user user;
	/** @engine: which engines execute it */
	enum ogpu_engine_class engine;
	/** @priority: for the firmware's scheduler */
	enum ogpu_priority priority;
	/** @ring_size: bytes, power of two */
	u32 ring_size;
	/** @timeout_ms: longest that a job may run, not 0 */
	u32 timeout_ms;
	/** @save_va: GPU address of the save area, multiple of 4 KiB */
	u64 save_va;
	/** @save_bytes: its size, multiple of 4 KiB; 0: none */
	u32 save_bytes;
	/**
	 * @gang: a queue of the same file, engine and priority with which it is to be on slots, or
	 * NULL; the queue takes a reference
	 */
	struct ogpu_queue *gang;
};

/**
 * struct ogpu_queue_request - something that firmware is asked to do with a queue
 */
struct ogpu_queue_request {
	/** @call: the request */
	struct ogpu_mbox_call call;
	/** @sent: @call is under way */
	bool sent;
	/** @generation: of the card when it was sent */
	u32 generation;
};

/* Most waiters for jobs of one queue: they are woken with interrupts off, many by a thread only. */
#define OGPU_QUEUE_MAX_WAITERS	256

/**
 * struct ogpu_queue_waiter - who waits until a job of a queue is over
 */
struct ogpu_queue_waiter {
	/** @link: in &struct ogpu_queue.waiters */
	struct list_head link;
	/** @number: of the job, under the lock of the queue; 0: none */
	u64 number;
	/** @wake: tells of the end of the job or of the queue, once; called in any context */
	void (*wake)(struct ogpu_queue_waiter *waiter);
};

/**
 * struct ogpu_queue - one queue
 */
struct ogpu_queue {
	/** @ref: held by the file's table, by jobs that are not over, and by who works with it */
	struct kref ref;
	/** @odev: the card; referenced */
	struct ogpu_device *odev;
	/** @vm: address space, NULL for a queue of the kernel; referenced */
	struct ogpu_vm *vm;
	/** @file: NULL for a queue of the kernel; referenced */
	struct ogpu_queue_file *file;
	/** @kind: whose ring it is */
	enum ogpu_queue_kind kind;
	/** @user: of OGPU_QUEUE_KIND_USER: where ring and pointers are */
	struct ogpu_queue_user user;
	/** @client: of OGPU_QUEUE_KIND_USER: among those of the address space, ogpu_preempt.c */
	struct list_head client;
	/**
	 * @client_request: one that @client's address space makes of all its queues; under
	 * &struct ogpu_preempt.lock
	 */
	struct ogpu_queue_request client_request;
	/** @at_fault: while it stands at a fault, among those of the address space */
	struct ogpu_svm_client at_fault;
	/** @fault: the newest of them; under @lock */
	struct ogpu_queue_failure fault;
	/** @file_request: of ogpu_queue_mgr_kill(), which is called once for each file */
	struct ogpu_queue_request file_request;
	/** @serial: of no other queue of the card, ever */
	u64 serial;
	/** @ring_size: bytes, power of two */
	u32 ring_size;
	/** @client_id: of the DRM file it belongs to, for traces; 0: the kernel */
	u64 client_id;
	/** @context: timeline of the jobs' fences */
	u64 context;
	/** @sched: entity of jobs that have to wait; made when it is needed first, NULL before */
	struct ogpu_sched *sched;
	/** @name: for messages and traces */
	const char *name;
	/** @comm: process that made it, for messages */
	char comm[TASK_COMM_LEN];
	/** @pid: of that process */
	pid_t pid;
	/** @number: on the card: doorbell page, firmware's name of the queue */
	u32 number;
	/** @slot_base: what the fence slot of @number had when the queue was made */
	u64 slot_base;
	/**
	 * @id: number in its file, 0 if none. Set before the queue can be found by @number; becomes
	 * 0 when the file gives it up, under the xa_lock of its queues, before it is used again.
	 * Read without a lock
	 */
	u32 id;
	/** @engine: which engines execute it */
	enum ogpu_engine_class engine;
	/** @priority: for the firmware's scheduler */
	enum ogpu_priority priority;
	/** @timeout_ms: longest that a job may run, not 0 */
	u32 timeout_ms;
	/** @save_va: GPU address of the save area */
	u64 save_va;
	/** @save_bytes: its size; 0: none */
	u32 save_bytes;
	/** @timeout: looks at the oldest job when its time may be over; on while there is one */
	struct delayed_work timeout;
	/**
	 * @gang: first queue of its gang, whose number names the gang, so that it lives as long;
	 * NULL: this one
	 */
	struct ogpu_queue *gang;
	/** @on_card: firmware may know it; protected by the lock of struct ogpu_queue_mgr */
	bool on_card;
	/** @release: frees the queue on ogpu_sched_wq() */
	struct work_struct release;
	/** @rcu: frees the memory */
	struct rcu_head rcu;
	/** @orphan: link while firmware has not confirmed its end */
	struct list_head orphan;

	/** @submit_lock: jobs are submitted under it, so that they are numbered in their order */
	struct mutex submit_lock;

	/** @lock: protects all that follows; irq-safe */
	spinlock_t lock;
	/** @ring: write side */
	struct ogpu_ring ring;
	/** @mem: pointers and fence slot, shared with hardware; NULL once freed, like the ring */
	struct ogpu_queue_mem *mem;
	/** @ring_dma: bus address of the ring */
	dma_addr_t ring_dma;
	/** @mem_dma: bus address of @mem */
	dma_addr_t mem_dma;
	/** @ring_tail: write pointer behind the last job that is over */
	u64 ring_tail;
	/** @pending: &struct ogpu_job that have started and are not over */
	struct list_head pending;
	/** @slow_jobs: jobs that have a number but have not started */
	u32 slow_jobs;
	/** @oldest_since: when the first of @pending became the oldest */
	ktime_t oldest_since;
	/** @oldest_waited_ns: how long the queue had waited for hardware then, in all */
	u64 oldest_waited_ns;
	/** @times: as firmware told last */
	struct ogpu_queue_times times;
	/** @state: changed by ogpu_queue_set_dead() and ogpu_queue_set_ended() alone */
	enum ogpu_queue_state state;
	/** @error: set once, when the queue dies */
	struct ogpu_queue_failure error;
	/** @guilty_error: once it has ended: errno for the fence of the pending job to blame */
	int guilty_error;
	/** @others_error: likewise, for those of the other ones */
	int others_error;
	/** @submitted: jobs accepted, and number of the last one; also under @submit_lock */
	u64 submitted;
	/** @finished: number of the last job that is over */
	u64 finished;
	/** @completed: jobs done without error */
	u64 completed;
	/** @waiters: &struct ogpu_queue_waiter, @waiter_count of them */
	struct list_head waiters;
	/** @waiter_count: of @waiters */
	u32 waiter_count;
};

/**
 * struct ogpu_queue_progress - how far a queue has come
 */
struct ogpu_queue_progress {
	/** @completed: number of the last job done without error */
	u64 completed;
	/** @error: &enum drm_ogpu_queue_error */
	u32 error;
	/** @ended: no more will be done */
	bool ended;
};

int ogpu_queue_mgr_init(struct ogpu_device *odev);
void ogpu_queue_mgr_start(struct ogpu_device *odev, u32 max_queues);
void ogpu_queue_mgr_stop(struct ogpu_device *odev, int fence_error);
bool ogpu_queue_mgr_settle(struct ogpu_device *odev, const struct ogpu_queue_file *file);
void ogpu_queue_mgr_kill(struct ogpu_device *odev, const struct ogpu_queue_file *file);
void ogpu_queue_mgr_account(struct ogpu_device *odev, const struct ogpu_queue_file *file);
void ogpu_queue_mgr_dump(struct ogpu_device *odev, struct drm_printer *p);
int ogpu_queues_suspend(struct ogpu_device *odev);
int ogpu_queues_resume(struct ogpu_device *odev);
int ogpu_queues_restore_kernel(struct ogpu_device *odev);
int ogpu_queues_restore(struct ogpu_device *odev);
void ogpu_queue_dump(struct ogpu_queue *queue, struct drm_printer *p);
void ogpu_queue_mgr_print(struct ogpu_device *odev, struct drm_printer *p);

void ogpu_queue_file_put(struct ogpu_queue_file *file);
struct ogpu_queue *ogpu_queue_create(struct ogpu_device *odev,
				     const struct ogpu_queue_params *params);
struct ogpu_queue *ogpu_queue_get(struct ogpu_queue *queue);
void ogpu_queue_put(struct ogpu_queue *queue);
void ogpu_queue_kill(struct ogpu_queue *queue, u32 code, int error);
void ogpu_queue_set_eventfd(struct ogpu_queue *queue, struct ogpu_eventfd *eventfd);
void ogpu_queue_tell_error(struct ogpu_queue *queue);
bool ogpu_queue_is_dead(struct ogpu_queue *queue);

int ogpu_queue_submit(struct ogpu_queue *queue, struct list_head *jobs, u32 count, u64 *first);
int ogpu_queue_start(struct ogpu_queue *queue, struct ogpu_job *job);
void ogpu_queue_flush_ring(struct ogpu_queue *queue);

bool ogpu_queue_has_job(struct ogpu_queue *queue, u64 number);
struct ogpu_queue_progress ogpu_queue_look(struct ogpu_queue *queue);
int ogpu_queue_wait_begin(struct ogpu_queue *queue, struct ogpu_queue_waiter *waiter);
void ogpu_queue_wait_for(struct ogpu_queue *queue, struct ogpu_queue_waiter *waiter, u64 number);
void ogpu_queue_wait_end(struct ogpu_queue *queue, struct ogpu_queue_waiter *waiter);

#endif
