/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * How long others wait for the jobs of a user.
 */
#ifndef _OGPU_USERPTR_ACCOUNT_H_
#define _OGPU_USERPTR_ACCOUNT_H_

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>

/* Users that are remembered: there is nothing to remember after some seconds. */
#define OGPU_ACCOUNT_USERS	64

/**
 * enum ogpu_account_kind - who waits
 * @OGPU_ACCOUNT_OTHERS: anybody, perhaps with locks that others want: 100 ms, and then 1 % of time
 * @OGPU_ACCOUNT_OWN: the program itself, and only it: 2 s, and then half of the time
 * @OGPU_ACCOUNT_KINDS: how many there are
 */
enum ogpu_account_kind {
	OGPU_ACCOUNT_OTHERS,
	OGPU_ACCOUNT_OWN,
	OGPU_ACCOUNT_KINDS
};

/**
 * struct ogpu_account_user - with whom others are patient
 */
struct ogpu_account_user {
	/** @uid: who it is */
	kuid_t uid;
	/** @when: it was looked at last, ktime_get_ns() */
	u64 when;
	/** @left: by &enum ogpu_account_kind, nanoseconds */
	u64 left[OGPU_ACCOUNT_KINDS];
};

/**
 * struct ogpu_account - with all users of a card
 */
struct ogpu_account {
	/** @lock: protects @users; innermost */
	spinlock_t lock;
	/** @users: whom nobody has waited for yet may be missing */
	struct ogpu_account_user users[OGPU_ACCOUNT_USERS];
};

void ogpu_account_init(struct ogpu_account *patience);
u64 ogpu_account_left(struct ogpu_account *patience, kuid_t uid, enum ogpu_account_kind kind);
void ogpu_account_spend(struct ogpu_account *patience, kuid_t uid, enum ogpu_account_kind kind,
			 u64 ns);
unsigned int ogpu_account_rest_ms(struct ogpu_account *patience, kuid_t uid);

#endif
