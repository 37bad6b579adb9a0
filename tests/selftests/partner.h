/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Other drivers of the machine whose buffers and fences a card gets to see.
 */
#ifndef _PARTNER_H_
#define _PARTNER_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A sync_file of another driver that does not signal by itself for as long as the machine's kernel
 * allows: for ever if it has sw_sync, otherwise for ten seconds. -1: there is none.
 */
int partner_fence(void);
/* One that signals in ten seconds; -1: there is none. */
int partner_timed_fence(void);
/* Does partner_fence() go on for ever? */
bool partner_fence_lasts(void);
bool partner_fence_is_over(int fd);

/** enum partner - whose memory */
enum partner {
	PARTNER_UDMABUF,
	PARTNER_HEAP,
	PARTNER_VGEM,
	PARTNER_VIRTIO,
	PARTNERS,
};

extern const char * const partner_names[PARTNERS];

/* A dma-buf of another driver, filled with zero; -1: there is no such driver. */
int partner_buffer(enum partner partner, size_t size);

/* Attaches vgem to a dma-buf: a file to be closed to detach it, or a negative errno. */
int partner_vgem_import(int fd);

#endif
