/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The PCI driver.
 */
#ifndef _OGPU_PCI_H_
#define _OGPU_PCI_H_

struct pci_driver;

extern struct pci_driver ogpu_pci_driver;

#endif
