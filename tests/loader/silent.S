/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Firmware that is alive but never says HELLO: the upload lasts until the driver's time limit. */
	.globl _start
_start:
	li	t0, 0x40000020		/* OGPU_MC_HEARTBEAT */
	li	t1, 0
beat:
	addi	t1, t1, 1
	sw	t1, 0(t0)
	j	beat
