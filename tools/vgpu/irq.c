// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Interrupts to the host. QEMU owns the MSI-X table and its masking and gives us one eventfd for
 * each vector; raising an interrupt is a write to it. Several writes may become one interrupt.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "device.h"

/**
 * irq_init() - no vector is in use.
 * @irq: the table
 */
void irq_init(struct irq_table *irq)
{
	*irq = (struct irq_table){ 0 };
	pthread_mutex_init(&irq->lock, NULL);
	for (unsigned int i = 0; i < OGPU_VECTOR_COUNT; i++)
		irq->fd[i] = -1;
}

/**
 * irq_fini() - close all eventfds.
 * @irq: the table; nobody may use it any more
 */
void irq_fini(struct irq_table *irq)
{
	irq_disable_all(irq);
	pthread_mutex_destroy(&irq->lock);
}

/**
 * irq_set_fd() - connect a vector.
 * @irq: the table
 * @vector: less than OGPU_VECTOR_COUNT
 * @fd: eventfd, taken over; -1 disconnects
 *
 * It is made non-blocking, so that engines never wait for who should read it.
 */
void irq_set_fd(struct irq_table *irq, unsigned int vector, int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	pthread_mutex_lock(&irq->lock);
	if (irq->fd[vector] >= 0)
		close(irq->fd[vector]);
	irq->fd[vector] = fd;
	pthread_mutex_unlock(&irq->lock);
}

/**
 * irq_disable_all() - disconnect all vectors.
 * @irq: the table
 */
void irq_disable_all(struct irq_table *irq)
{
	for (unsigned int i = 0; i < OGPU_VECTOR_COUNT; i++)
		irq_set_fd(irq, i, -1);
}

/**
 * irq_lose() - fault: the next interrupts never reach the host.
 * @irq: the table
 * @count: how many, 0 ends the fault
 */
void irq_lose(struct irq_table *irq, uint32_t count)
{
	pthread_mutex_lock(&irq->lock);
	irq->lose_next = count;
	pthread_mutex_unlock(&irq->lock);
}

/**
 * vgpu_irq_raise() - interrupt the host.
 * @gpu: the card
 * @vector: MSI-X vector; a number that does not exist is ignored
 *
 * An MSI-X interrupt is a write to host memory, so it needs bus mastering as DMA does. Any thread.
 */
void vgpu_irq_raise(struct vgpu *gpu, unsigned int vector)
{
	struct irq_table *irq = &gpu->irq;
	const char *outcome = "raised";
	const uint64_t one = 1;

	if (vector >= OGPU_VECTOR_COUNT)
		return;

	pthread_mutex_lock(&irq->lock);
	if (gpu->gone || !gpu->mem.dma_enabled) {
		outcome = "no bus master";
	} else if (irq->lose_next) {
		irq->lose_next--;
		irq->lost++;
		outcome = "lost by injection";
	} else if (irq->fd[vector] < 0) {
		outcome = "vector not enabled";
	} else if (write(irq->fd[vector], &one, sizeof(one)) != sizeof(one) && errno != EAGAIN) {
		/* One that is full has an interrupt waiting already. */
		outcome = "eventfd refused it";
	} else {
		irq->raised[vector]++;
	}
	pthread_mutex_unlock(&irq->lock);
	vgpu_trace(gpu, TRACE_IRQ, "vector %u: %s", vector, outcome);
}
