/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * How long others wait because of a user's mapped memory.
 */
#ifndef _OGPU_USERPTR_ACCOUNT_H_
#define _OGPU_USERPTR_ACCOUNT_H_

#include <linux/spinlock.h>
#include <linux/time64.h>
#include <linux/types.h>

/* What executes without end goes on when so much is there for others, in nanoseconds. */
#define OGPU_ACCOUNT_HALF	(50ull * NSEC_PER_MSEC)

/**
 * enum ogpu_account_kind - who waits
 * @OGPU_ACCOUNT_OTHERS: anybody, perhaps with locks that others want: 100 ms, and then 1 % of time
 * @OGPU_ACCOUNT_OWN: the program itself, in calls that take its memory away: 2 s, and then half of
 *	the time
 * @OGPU_ACCOUNT_KINDS: how many there are
 */
enum ogpu_account_kind {
	OGPU_ACCOUNT_OTHERS,
	OGPU_ACCOUNT_OWN,
	OGPU_ACCOUNT_KINDS
};

/**
 * struct ogpu_account - of one user of a card
 */
struct ogpu_account {
	/** @lock: protects the others; innermost */
	spinlock_t lock;
	/** @when: it was looked at last, ktime_get_ns() */
	u64 when;
	/** @left: by &enum ogpu_account_kind, nanoseconds; below 0: debt */
	s64 left[OGPU_ACCOUNT_KINDS];
};

void ogpu_account_init(struct ogpu_account *account, u64 now);
u64 ogpu_account_take(struct ogpu_account *account, enum ogpu_account_kind kind, u64 now);
void ogpu_account_settle(struct ogpu_account *account, enum ogpu_account_kind kind, u64 taken,
			 u64 used, u64 now);
unsigned int ogpu_account_rest_ms(struct ogpu_account *account, u64 least, u64 now);
bool ogpu_account_is_full(struct ogpu_account *account, u64 now);

#endif
