// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * How long others wait because of a user's mapped memory.
 *
 * Who changes memory that the card uses may hold locks that strangers want, so that a user could
 * stop the machine bit by bit. Each user has an account, from which all such waits are taken, and
 * into which a small part of the time that passes without flows back.
 *
 * What is waited for jobs is taken in small parts before it is waited, so that many who wait at the
 * same time do not wait for longer together than what is there. What nobody can do without, to have
 * the card forget the memory, is taken afterwards, and may leave a debt, until which is paid back
 * the user does nothing that others may have to wait for.
 */
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "ogpu_userptr_account.h"

/* Most that can be in an account, also of debt, and the part of time that flows in. */
static const struct {
	s64 most;
	u32 part;
} ogpu_account_rules[OGPU_ACCOUNT_KINDS] = {
	[OGPU_ACCOUNT_OTHERS] = { .most = 100 * NSEC_PER_MSEC, .part = 100 },
	[OGPU_ACCOUNT_OWN] = { .most = 2ll * NSEC_PER_SEC, .part = 2 },
};

/* What can be taken at a time. */
#define OGPU_ACCOUNT_PARTS	10

/* After this time every account is full. */
#define OGPU_ACCOUNT_LONG	(60ull * NSEC_PER_SEC)

static void ogpu_account_refill(struct ogpu_account *account, u64 now)
{
	u64 passed = now > account->when ? min(now - account->when, OGPU_ACCOUNT_LONG) : 0;
	unsigned int i;

	lockdep_assert_held(&account->lock);

	for (i = 0; i < OGPU_ACCOUNT_KINDS; i++)
		account->left[i] = min(account->left[i] +
				       (s64)div_u64(passed, ogpu_account_rules[i].part),
				       ogpu_account_rules[i].most);
	account->when = max(account->when, now);
}

/**
 * ogpu_account_init() - a user for whom nobody has waited yet
 * @account: his
 * @now: ktime_get_ns()
 */
void ogpu_account_init(struct ogpu_account *account, u64 now)
{
	unsigned int i;

	spin_lock_init(&account->lock);
	account->when = now;
	for (i = 0; i < OGPU_ACCOUNT_KINDS; i++)
		account->left[i] = ogpu_account_rules[i].most;
}

/**
 * ogpu_account_take() - how long may be waited now?
 * @account: of the user whose jobs are waited for
 * @kind: who waits
 * @now: ktime_get_ns()
 *
 * Goes with ogpu_account_settle(). If that is not enough it may be called again then.
 *
 * Return: nanoseconds, at least the time of a jiffy; 0: there is nothing left.
 */
u64 ogpu_account_take(struct ogpu_account *account, enum ogpu_account_kind kind, u64 now)
{
	s64 part = ogpu_account_rules[kind].most / OGPU_ACCOUNT_PARTS;
	s64 taken = 0;

	spin_lock(&account->lock);
	ogpu_account_refill(account, now);
	if (account->left[kind] >= TICK_NSEC)
		taken = min(account->left[kind], max_t(s64, part, TICK_NSEC));
	account->left[kind] -= taken;
	spin_unlock(&account->lock);

	return taken;
}

/**
 * ogpu_account_settle() - somebody has waited
 * @account: of the user because of whom
 * @kind: who has waited
 * @taken: what ogpu_account_take() gave; 0: he could not choose
 * @used: how long, in nanoseconds
 * @now: ktime_get_ns()
 */
void ogpu_account_settle(struct ogpu_account *account, enum ogpu_account_kind kind, u64 taken,
			 u64 used, u64 now)
{
	s64 most = ogpu_account_rules[kind].most;

	/* No more than what can be left of anything. */
	used = min_t(u64, used, taken + 2 * most);
	/* While somebody waits nothing flows in: otherwise he could wait for longer. */
	used += div_u64(used, ogpu_account_rules[kind].part);

	spin_lock(&account->lock);
	ogpu_account_refill(account, now);
	account->left[kind] += (s64)taken - (s64)used;
	account->left[kind] = clamp(account->left[kind], -most, most);
	spin_unlock(&account->lock);
}

/**
 * ogpu_account_rest_ms() - how long is a user to do nothing that others may have to wait for?
 * @account: his
 * @least: what has to be there for others
 * @now: ktime_get_ns()
 *
 * Return: milliseconds until it is; 0: it is.
 */
unsigned int ogpu_account_rest_ms(struct ogpu_account *account, u64 least, u64 now)
{
	s64 missing;

	spin_lock(&account->lock);
	ogpu_account_refill(account, now);
	missing = (s64)least - account->left[OGPU_ACCOUNT_OTHERS];
	spin_unlock(&account->lock);
	if (missing <= 0)
		return 0;

	return div_u64(missing * ogpu_account_rules[OGPU_ACCOUNT_OTHERS].part, NSEC_PER_MSEC) + 1;
}

/**
 * ogpu_account_is_full() - is it as that of somebody who has just come?
 * @account: a user's
 * @now: ktime_get_ns()
 *
 * Return: true: it need not be kept.
 */
bool ogpu_account_is_full(struct ogpu_account *account, u64 now)
{
	bool full = true;
	unsigned int i;

	spin_lock(&account->lock);
	ogpu_account_refill(account, now);
	for (i = 0; i < OGPU_ACCOUNT_KINDS; i++)
		full &= account->left[i] == ogpu_account_rules[i].most;
	spin_unlock(&account->lock);

	return full;
}

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
#include "tests/ogpu_userptr_account_test.c"
#endif
