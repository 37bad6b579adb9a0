// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * How many faults are served in a time.
 *
 * A queue whose fault is served may fault again at once, for nothing: a program can discard what it
 * was given. So what is served bounds what the card has to tell, but for one fault of each queue. A
 * user has all there is while others want nothing; when it is used up each still has a few.
 */
#include <linux/jiffies.h>
#include <linux/spinlock.h>

#include "abi/mbox.h"
#include "ogpu_svm_rate.h"

#define OGPU_SVM_RATE_MS	20
#define OGPU_SVM_RATE_TICKS	(OGPU_SVM_RATE_MS * HZ / MSEC_PER_SEC)
#define OGPU_SVM_RATE_ALL	8
#define OGPU_SVM_RATE_OWN	2

/* Wherever the card's time begins one user leaves room in it for others' faults and errors. */
static_assert((OGPU_FW_EVENTS_MS / OGPU_SVM_RATE_MS + 1) *
	      (OGPU_SVM_RATE_ALL + OGPU_SVM_RATE_OWN) < OGPU_FW_EVENTS_MAX);

/**
 * ogpu_svm_rate_init() - prepare at probe
 * @rate: of a card
 */
void ogpu_svm_rate_init(struct ogpu_svm_rate *rate)
{
	spin_lock_init(&rate->lock);
}

/**
 * ogpu_svm_rate_take() - ask whether a fault may be served
 * @rate: of the card
 * @share: of the user
 * @now: jiffies
 *
 * Return: 0: now, and it has been counted; else jiffies after which to ask again.
 */
unsigned long ogpu_svm_rate_take(struct ogpu_svm_rate *rate, struct ogpu_svm_share *share,
				 unsigned long now)
{
	unsigned long interval = now / OGPU_SVM_RATE_TICKS;
	unsigned long wait = 0;

	spin_lock(&rate->lock);
	if (rate->interval != interval) {
		rate->interval = interval;
		rate->served = 0;
	}
	if (share->interval != interval) {
		share->interval = interval;
		share->served = 0;
	}
	if (rate->served < OGPU_SVM_RATE_ALL || share->served < OGPU_SVM_RATE_OWN) {
		rate->served++;
		share->served++;
	} else {
		wait = OGPU_SVM_RATE_TICKS - now % OGPU_SVM_RATE_TICKS;
	}
	spin_unlock(&rate->lock);

	return wait;
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_svm_rate_test.c"
#endif
