// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Firmware that dies of the first request: the real one, linked with this between its main loop and
 * its mailbox. It has said HELLO by then, and has no heartbeat any more.
 */
#include "hw.h"
#include "mailbox.h"

/* The linker's name of what is wrapped. */
bool __real_mailbox_take(struct ogpu_msg *msg);
bool __wrap_mailbox_take(struct ogpu_msg *msg);

bool __wrap_mailbox_take(struct ogpu_msg *msg)
{
	if (!__real_mailbox_take(msg))
		return false;
	for (;;)
		__asm__ volatile("wfi");
}
