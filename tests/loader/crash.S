/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Firmware that crashes at once: there is no trap handler. */
	.globl _start
_start:
	unimp
