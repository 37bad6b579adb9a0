/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * How many faults are served in a time: each may make the card tell of another at once, and the
 * card tells of OGPU_FW_EVENTS_MAX in OGPU_FW_EVENTS_MS, those of all users together.
 */
#ifndef _OGPU_SVM_RATE_H_
#define _OGPU_SVM_RATE_H_

#include <linux/spinlock_types.h>

/**
 * struct ogpu_svm_rate - of a card
 */
struct ogpu_svm_rate {
	/** @lock: protects all, and &struct ogpu_svm_share of all users */
	spinlock_t lock;
	/** @interval: which interval is counted */
	unsigned long interval;
	/** @served: in it */
	unsigned int served;
};

/**
 * struct ogpu_svm_share - of a user of that card
 */
struct ogpu_svm_share {
	/** @interval: as above */
	unsigned long interval;
	/** @served: as above */
	unsigned int served;
};

void ogpu_svm_rate_init(struct ogpu_svm_rate *rate);
unsigned long ogpu_svm_rate_take(struct ogpu_svm_rate *rate, struct ogpu_svm_share *share,
				 unsigned long now);

#endif
