/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * PCI configuration space of the card.
 */
#ifndef OGPU_VGPU_PCI_CONFIG_H
#define OGPU_VGPU_PCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_CONFIG_SIZE		4096u

struct pci_config {
	uint8_t data[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];	/* bits that software sets and clears */
	uint8_t clearable[PCI_CONFIG_SIZE];	/* bits that software clears by writing 1 */
	uint8_t power_up[PCI_CONFIG_SIZE];
};

struct pci_config_params {
	uint64_t regs_size, vram_size, doorbell_size;	/* BARs; powers of two */
	uint32_t board_id;				/* subsystem ID */
	uint16_t hw_rev;				/* revision ID */
	uint64_t serial;
};

/* What a write asks of the card. */
#define PCI_CONFIG_FLR		1u	/* function-level reset */
#define PCI_CONFIG_BUS_MASTER	2u	/* pci_config_bus_master() may have changed */
#define PCI_CONFIG_POWER	4u	/* back from D3hot, with everything lost */

void pci_config_init(struct pci_config *cfg, const struct pci_config_params *params);
void pci_config_reset(struct pci_config *cfg);
void pci_config_read(const struct pci_config *cfg, uint64_t offset, void *buf, size_t len);
unsigned int pci_config_write(struct pci_config *cfg, uint64_t offset, const void *buf,
			      size_t len);
bool pci_config_atomics(const struct pci_config *cfg);
bool pci_config_bus_master(const struct pci_config *cfg);
uint64_t pci_config_bar(const struct pci_config *cfg, unsigned int bar);

#endif
