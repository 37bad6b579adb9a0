// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Module parameters.
 */
#include <linux/moduleparam.h>
#include <linux/time64.h>

#include "abi/discovery.h"
#include "ogpu_params.h"

/* Every job ends: there is no value that means for ever. 0 leaves it to the card. */
static int ogpu_set_job_timeout(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 0, OGPU_DISC_JOB_MAX_MS);
}

static const struct kernel_param_ops ogpu_job_timeout_ops = {
	.set = ogpu_set_job_timeout,
	.get = param_get_uint,
};

unsigned int ogpu_job_timeout_ms;
module_param_cb(job_timeout_ms, &ogpu_job_timeout_ops, &ogpu_job_timeout_ms, 0644);
__MODULE_PARM_TYPE(job_timeout_ms, "uint");
MODULE_PARM_DESC(job_timeout_ms,
		 "Longest time that a job may run, default of new queues (1 to 86400000; default 0: as the card says)");

/* A good card takes some time; with less, the next reset would give it up. */
static int ogpu_set_fw_timeout(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 100, 10 * 60 * MSEC_PER_SEC);
}

static const struct kernel_param_ops ogpu_fw_timeout_ops = {
	.set = ogpu_set_fw_timeout,
	.get = param_get_uint,
};

unsigned int ogpu_fw_timeout_ms = 5000;
module_param_cb(fw_timeout_ms, &ogpu_fw_timeout_ops, &ogpu_fw_timeout_ms, 0644);
__MODULE_PARM_TYPE(fw_timeout_ms, "uint");
MODULE_PARM_DESC(fw_timeout_ms,
		 "Longest time for a reset and each step of the firmware's start (100 to 600000, default 5000)");

unsigned int ogpu_max_queues_per_user;
module_param_named(max_queues_per_user, ogpu_max_queues_per_user, uint, 0644);
MODULE_PARM_DESC(max_queues_per_user,
		 "Most queues of a card of a user without CAP_SYS_RESOURCE (default 0: half of what others leave)");
