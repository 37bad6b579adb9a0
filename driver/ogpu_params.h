/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Module parameters.
 */
#ifndef _OGPU_PARAMS_H_
#define _OGPU_PARAMS_H_

extern unsigned int ogpu_job_timeout_ms; /* 0: as the card says; see ogpu_device_job_ms() */
extern unsigned int ogpu_fw_timeout_ms; /* limit of each step of the firmware's start */
extern unsigned int ogpu_max_queues_per_user; /* of a card; 0: a share */

#endif
