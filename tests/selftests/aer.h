/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Errors of the bus, played by the kernel's aer_inject.
 */
#ifndef AER_H
#define AER_H

#include <stdbool.h>
#include <stdint.h>

struct admin;

/** Whether the kernel can. */
bool aer_can(const struct admin *admin);

/* All return false if something went wrong. */

/** An error of the card as the root port would tell of it: PCI_ERR_UNC_*. */
bool aer_play(const struct admin *admin, uint32_t status);

/** One that harms nothing; returns when the PCI core has seen it. */
bool aer_play_nonfatal(const struct admin *admin);

#endif
