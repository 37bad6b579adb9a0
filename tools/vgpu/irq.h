/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * MSI-X vectors: the eventfds that QEMU gave us, and the lost-interrupt fault.
 */
#ifndef OGPU_VGPU_IRQ_H
#define OGPU_VGPU_IRQ_H

#include <pthread.h>
#include <stdint.h>

#include "abi/regs.h"

struct irq_table {
	pthread_mutex_t lock;			/* of all that follows */
	int fd[OGPU_VECTOR_COUNT];		/* -1: vector not in use */
	uint64_t raised[OGPU_VECTOR_COUNT];
	uint64_t lost;				/* by injection */
	uint32_t lose_next;
};

void irq_init(struct irq_table *irq);
void irq_fini(struct irq_table *irq);
void irq_set_fd(struct irq_table *irq, unsigned int vector, int fd);
void irq_disable_all(struct irq_table *irq);
void irq_lose(struct irq_table *irq, uint32_t count);

#endif
