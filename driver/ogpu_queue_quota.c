// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * How many queues of a card each user may have.
 *
 * DOC: Shares of the queues
 *
 * A card has a fixed number of queues, and who has opened the render node is somebody else's
 * neighbour. A user gets another queue only if as many are free as that user has then: so the
 * first one gets half of them at most, the next one half of the rest, and there is something left
 * for who comes later, with nothing to set. The administrator may set a fixed number instead; who
 * has CAP_SYS_RESOURCE gets what there is.
 *
 * Queues count for who opened the file, until firmware has confirmed that they are gone. A user is
 * an effective user id, here and for address spaces (ogpu_vm_owner.c).
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/list.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/wait.h>

#include "ogpu_compat.h"
#include "ogpu_params.h"
#include "ogpu_queue.h"
#include "ogpu_queue_priv.h"
#include "ogpu_signal.h"

/* To destroy a queue takes milliseconds, unless the card is broken. */
#define OGPU_QUEUE_DYING_MS	5000

/* For which a user has so many lines of the log as printk_ratelimit() gives. */
#define OGPU_QUEUE_LOG_INTERVAL	DEFAULT_RATELIMIT_INTERVAL
/* So many users are remembered for that time though they have nothing any more. */
#define OGPU_QUEUE_USERS_GONE	64

/**
 * struct ogpu_queue_quota - what a user has of a card
 */
struct ogpu_queue_quota {
	/** @quotas: of the card */
	struct ogpu_queue_quotas *quotas;
	/** @refs: of files; protected by the lock of @quotas, as all that follows */
	u32 refs;
	/** @link: in &struct ogpu_queue_quotas.users */
	struct list_head link;
	/** @uid: the user */
	kuid_t uid;
	/** @used: queues */
	u32 used;
	/** @signals: of its queues */
	struct ogpu_signal_user *signals;
	/** @log: lines about its queues that failed; has a lock of its own */
	struct ratelimit_state log;
	/** @logged: in jiffies, when such a line was asked for last; changes without the lock */
	unsigned long logged;
	/** @dying: of them, those without references; changes without the lock */
	atomic_t dying;
	/** @wait: for @dying to become 0 */
	wait_queue_head_t wait;
	/** @jobs: that go through entities of queues (ogpu_job.c); changes without the lock */
	atomic_t jobs;
};

/* May the user come again with all lines? */
static bool ogpu_queue_quota_is_over(const struct ogpu_queue_quota *quota)
{
	return time_after_eq(jiffies, READ_ONCE(quota->logged) + OGPU_QUEUE_LOG_INTERVAL);
}

/**
 * ogpu_queue_quotas_init() - nobody has a queue
 * @quotas: of a card, in probe
 */
void ogpu_queue_quotas_init(struct ogpu_queue_quotas *quotas)
{
	spin_lock_init(&quotas->lock);
	INIT_LIST_HEAD(&quotas->users);
}

static void ogpu_queue_quota_free(struct ogpu_queue_quota *quota)
{
	ogpu_signal_user_put(quota->signals);
	kfree(quota);
}

/*
 * Forget users who have nothing, @all or those of whom nothing was logged lately; but who has time
 * of his worker to make up for is remembered.
 */
static void ogpu_queue_quotas_reap(struct ogpu_queue_quotas *quotas, bool all)
{
	struct ogpu_queue_quota *quota, *next;

	list_for_each_entry_safe(quota, next, &quotas->users, link) {
		if (quota->refs || (!all && !ogpu_queue_quota_is_over(quota)) ||
		    !ogpu_signal_user_is_idle(quota->signals))
			continue;
		quotas->gone--;
		list_del(&quota->link);
		ogpu_queue_quota_free(quota);
	}
}

/**
 * ogpu_queue_quotas_fini() - nobody has a queue or a file any more
 * @quotas: of a card
 */
void ogpu_queue_quotas_fini(struct ogpu_queue_quotas *quotas)
{
	struct ogpu_queue_quota *quota, *next;

	list_for_each_entry_safe(quota, next, &quotas->users, link)
		ogpu_queue_quota_free(quota);
}

/**
 * ogpu_queue_quotas_set() - say how many queues there are
 * @quotas: of a card
 * @total: with those of the kernel
 */
void ogpu_queue_quotas_set(struct ogpu_queue_quotas *quotas, u32 total)
{
	spin_lock(&quotas->lock);
	quotas->total = total;
	spin_unlock(&quotas->lock);
}

/**
 * ogpu_queue_quota_get() - find what the caller's user has of a card
 * @odev: the card, which lives as long as the reference
 *
 * Return: it, with a reference, or NULL if there is no memory.
 */
struct ogpu_queue_quota *ogpu_queue_quota_get(struct ogpu_device *odev)
{
	struct ogpu_queue_quotas *quotas = &odev->queues->quotas;
	struct ogpu_queue_quota *quota, *new;

	new = kzalloc_obj(*new, GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	new->signals = ogpu_signal_user_create(odev);
	if (!new->signals) {
		kfree(new);
		return NULL;
	}
	new->refs = 1;
	new->quotas = quotas;
	new->uid = current_euid();
	ratelimit_state_init(&new->log, OGPU_QUEUE_LOG_INTERVAL, DEFAULT_RATELIMIT_BURST);
	/* Nobody is told how many lines were left out. */
	ratelimit_set_flags(&new->log, RATELIMIT_MSG_ON_RELEASE);
	new->logged = jiffies - OGPU_QUEUE_LOG_INTERVAL;
	init_waitqueue_head(&new->wait);

	spin_lock(&quotas->lock);
	ogpu_queue_quotas_reap(quotas, false);
	list_for_each_entry(quota, &quotas->users, link) {
		if (uid_eq(quota->uid, new->uid)) {
			if (!quota->refs++)
				quotas->gone--;
			spin_unlock(&quotas->lock);
			ogpu_queue_quota_free(new);
			return quota;
		}
	}
	list_add_tail(&new->link, &quotas->users);
	spin_unlock(&quotas->lock);

	return new;
}

/**
 * ogpu_queue_quota_put() - drop a reference
 * @quota: from ogpu_queue_quota_get()
 */
void ogpu_queue_quota_put(struct ogpu_queue_quota *quota)
{
	struct ogpu_queue_quotas *quotas = quota->quotas;

	spin_lock(&quotas->lock);
	if (!--quota->refs) {
		quotas->gone++;
		/* Who comes and goes does not have all lines of the log each time. */
		ogpu_queue_quotas_reap(quotas, quotas->gone > OGPU_QUEUE_USERS_GONE);
	}
	spin_unlock(&quotas->lock);
}

/**
 * ogpu_queue_quota_signals() - to whom signals of a user's queues are charged
 * @quota: of the user, or NULL: the kernel
 *
 * Return: it, or NULL: nobody waits for queues of the kernel.
 */
struct ogpu_signal_user *ogpu_queue_quota_signals(const struct ogpu_queue_quota *quota)
{
	return quota ? quota->signals : NULL;
}

/**
 * ogpu_queue_quota_may_log() - may a line about this user be logged now?
 * @quota: of the user
 *
 * Return: false if there were many just before. Any context.
 */
bool ogpu_queue_quota_may_log(struct ogpu_queue_quota *quota)
{
	WRITE_ONCE(quota->logged, jiffies);

	return __ratelimit(&quota->log);
}

static bool ogpu_queue_quota_try_charge(struct ogpu_queue_quotas *quotas,
					struct ogpu_queue_quota *quota, bool anyway)
{
	u32 limit = READ_ONCE(ogpu_max_queues_per_user);
	bool ok;

	spin_lock(&quotas->lock);
	if (!limit)
		limit = quotas->total - min(quotas->used, quotas->total);
	ok = anyway || quota->used < limit;
	if (ok) {
		quotas->used++;
		if (quota)
			quota->used++;
	}
	spin_unlock(&quotas->lock);

	return ok;
}

/**
 * ogpu_queue_quota_charge() - a user wants another queue
 * @quotas: of the card
 * @quota: of the user, NULL: the kernel; the caller works for that user
 *
 * Return: 0 or -EDQUOT.
 */
int ogpu_queue_quota_charge(struct ogpu_queue_quotas *quotas, struct ogpu_queue_quota *quota)
{
	if (ogpu_queue_quota_try_charge(quotas, quota, !quota))
		return 0;
	if (!capable(CAP_SYS_RESOURCE))
		return -EDQUOT;
	ogpu_queue_quota_try_charge(quotas, quota, true);

	return 0;
}

/**
 * ogpu_queue_quota_uncharge() - a queue is gone
 * @quotas: of the card
 * @quota: of the user, NULL: the kernel
 */
void ogpu_queue_quota_uncharge(struct ogpu_queue_quotas *quotas, struct ogpu_queue_quota *quota)
{
	spin_lock(&quotas->lock);
	quotas->used--;
	if (quota)
		quota->used--;
	spin_unlock(&quotas->lock);
}

/**
 * ogpu_queue_quota_charge_job() - a job of a user is to go through the entity of its queue
 * @quota: of the user, NULL: the kernel
 * @limit: of such jobs
 *
 * Return: false if that is too much.
 */
bool ogpu_queue_quota_charge_job(struct ogpu_queue_quota *quota, int limit)
{
	return !quota || atomic_add_unless(&quota->jobs, 1, limit);
}

/**
 * ogpu_queue_quota_uncharge_job() - undo ogpu_queue_quota_charge_job()
 * @quota: of the user, NULL: the kernel
 */
void ogpu_queue_quota_uncharge_job(struct ogpu_queue_quota *quota)
{
	if (quota)
		atomic_dec(&quota->jobs);
}

/**
 * ogpu_queue_quota_begin_dying() - a queue has lost its last reference
 * @quota: of its user, NULL: the kernel
 *
 * Any context.
 */
void ogpu_queue_quota_begin_dying(struct ogpu_queue_quota *quota)
{
	if (quota)
		atomic_inc(&quota->dying);
}

/**
 * ogpu_queue_quota_end_dying() - it has given up its number, or will not for a long time
 * @quota: of its user, NULL: the kernel
 *
 * Any context.
 */
void ogpu_queue_quota_end_dying(struct ogpu_queue_quota *quota)
{
	if (quota && atomic_dec_and_test(&quota->dying))
		wake_up_all(&quota->wait);
}

/**
 * ogpu_queue_quota_wait_dying() - wait until queues that the user has dropped are gone
 * @quota: of the user
 *
 * For a bounded time.
 *
 * Return: true if there are none.
 */
bool ogpu_queue_quota_wait_dying(struct ogpu_queue_quota *quota)
{
	return wait_event_killable_timeout(quota->wait, !atomic_read(&quota->dying),
					   msecs_to_jiffies(OGPU_QUEUE_DYING_MS)) > 0;
}
