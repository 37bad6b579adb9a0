/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * How long others wait for the jobs of a user.
 */
#ifndef _OGPU_PATIENCE_H_
#define _OGPU_PATIENCE_H_

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>

/* Users that are remembered: there is nothing to remember after some seconds. */
#define OGPU_PATIENCE_USERS	64

/**
 * enum ogpu_patience_kind - who waits
 * @OGPU_PATIENCE_OTHERS: anybody, perhaps with locks that others want: 100 ms, and then 1 % of time
 * @OGPU_PATIENCE_OWN: the program itself, and only it: 2 s, and then half of the time
 * @OGPU_PATIENCE_KINDS: how many there are
 */
enum ogpu_patience_kind {
	OGPU_PATIENCE_OTHERS,
	OGPU_PATIENCE_OWN,
	OGPU_PATIENCE_KINDS
};

/**
 * struct ogpu_patience_user - with whom others are patient
 */
struct ogpu_patience_user {
	/** @uid: who it is */
	kuid_t uid;
	/** @when: it was looked at last, ktime_get_ns() */
	u64 when;
	/** @left: by &enum ogpu_patience_kind, nanoseconds */
	u64 left[OGPU_PATIENCE_KINDS];
};

/**
 * struct ogpu_patience - with all users of a card
 */
struct ogpu_patience {
	/** @lock: protects @users; innermost */
	spinlock_t lock;
	/** @users: whom nobody has waited for yet may be missing */
	struct ogpu_patience_user users[OGPU_PATIENCE_USERS];
};

void ogpu_patience_init(struct ogpu_patience *patience);
u64 ogpu_patience_left(struct ogpu_patience *patience, kuid_t uid, enum ogpu_patience_kind kind);
void ogpu_patience_spend(struct ogpu_patience *patience, kuid_t uid, enum ogpu_patience_kind kind,
			 u64 ns);
unsigned int ogpu_patience_rest_ms(struct ogpu_patience *patience, kuid_t uid);

#endif
