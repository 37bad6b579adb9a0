// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * How long others wait for the jobs of a user.
 *
 * Who changes memory that the card uses may hold locks that strangers want, so that a user whose
 * jobs are long could stop the machine bit by bit. There is an account of each user, from which all
 * such waits are taken, and into which a small part of the time that passes flows back. It is kept
 * by name, not with files: who closes all and comes again finds it as it was.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

#include "ogpu_userptr_account.h"

/* Most that can be in an account, and the part of time that flows in. */
static const struct {
	u64 most;
	u32 part;
} ogpu_account_rules[OGPU_ACCOUNT_KINDS] = {
	[OGPU_ACCOUNT_OTHERS] = { .most = 100 * NSEC_PER_MSEC, .part = 100 },
	[OGPU_ACCOUNT_OWN] = { .most = 2ull * NSEC_PER_SEC, .part = 2 },
};

static void ogpu_account_refill(struct ogpu_account_user *user, u64 now)
{
	u64 passed = now > user->when ? now - user->when : 0;
	unsigned int i;

	for (i = 0; i < OGPU_ACCOUNT_KINDS; i++)
		user->left[i] = min(user->left[i] + div_u64(passed, ogpu_account_rules[i].part),
				    ogpu_account_rules[i].most);
	user->when = max(user->when, now);
}

/* Of this user, or of who was not asked for longest, which becomes his. */
static struct ogpu_account_user *ogpu_account_find(struct ogpu_account *patience, kuid_t uid,
						     u64 now)
{
	struct ogpu_account_user *user = &patience->users[0];
	unsigned int i;

	lockdep_assert_held(&patience->lock);

	for (i = 0; i < OGPU_ACCOUNT_USERS; i++) {
		if (uid_eq(patience->users[i].uid, uid)) {
			user = &patience->users[i];
			goto out;
		}
		if (patience->users[i].when < user->when)
			user = &patience->users[i];
	}
	user->uid = uid;
	for (i = 0; i < OGPU_ACCOUNT_KINDS; i++)
		user->left[i] = ogpu_account_rules[i].most;
	user->when = now;
out:
	ogpu_account_refill(user, now);
	return user;
}

/**
 * ogpu_account_left() - how long may be waited now?
 * @patience: of the card
 * @uid: user whose jobs are waited for
 * @kind: who waits
 *
 * Return: nanoseconds.
 */
u64 ogpu_account_left(struct ogpu_account *patience, kuid_t uid, enum ogpu_account_kind kind)
{
	u64 left;

	spin_lock(&patience->lock);
	left = ogpu_account_find(patience, uid, ktime_get_ns())->left[kind];
	spin_unlock(&patience->lock);

	return left;
}

/**
 * ogpu_account_spend() - somebody has waited
 * @patience: of the card
 * @uid: user whose jobs were waited for
 * @kind: who waited
 * @ns: how long, in nanoseconds
 */
void ogpu_account_spend(struct ogpu_account *patience, kuid_t uid, enum ogpu_account_kind kind,
			 u64 ns)
{
	struct ogpu_account_user *user;

	spin_lock(&patience->lock);
	user = ogpu_account_find(patience, uid, ktime_get_ns());
	user->left[kind] -= min(user->left[kind], ns);
	spin_unlock(&patience->lock);
}

/**
 * ogpu_account_rest_ms() - how long is a user to do nothing that others may have to wait for?
 * @patience: of the card
 * @uid: the user
 *
 * Return: until half of what there can be for others is there again, in milliseconds; 0 if it is.
 */
unsigned int ogpu_account_rest_ms(struct ogpu_account *patience, kuid_t uid)
{
	u64 half = ogpu_account_rules[OGPU_ACCOUNT_OTHERS].most / 2;
	u64 left = ogpu_account_left(patience, uid, OGPU_ACCOUNT_OTHERS);

	if (left >= half)
		return 0;

	return div_u64((half - left) * ogpu_account_rules[OGPU_ACCOUNT_OTHERS].part,
		       NSEC_PER_MSEC) + 1;
}

/**
 * ogpu_account_init() - with everybody
 * @patience: of a card
 */
void ogpu_account_init(struct ogpu_account *patience)
{
	unsigned int i;

	spin_lock_init(&patience->lock);
	for (i = 0; i < OGPU_ACCOUNT_USERS; i++)
		patience->users[i].uid = INVALID_UID;
}
