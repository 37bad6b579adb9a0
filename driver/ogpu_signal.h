/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Signals of queues: who waits for a queue, or has an eventfd for it, is told here (abi/event.h).
 */
#ifndef _OGPU_SIGNAL_H_
#define _OGPU_SIGNAL_H_

#include <linux/irqreturn.h>
#include <linux/types.h>

struct drm_printer;
struct ogpu_device;
struct ogpu_eventfd;
struct ogpu_signal_user;
struct wait_queue_entry;

/* Most waiters of one queue: they are woken with interrupts off. */
#define OGPU_SIGNAL_MAX_WAITERS	256

int ogpu_signal_module_init(void);
void ogpu_signal_module_exit(void);
int ogpu_signal_init(struct ogpu_device *odev);
void ogpu_signal_start(struct ogpu_device *odev);
void ogpu_signal_stop(struct ogpu_device *odev);
void ogpu_signal_poll(struct ogpu_device *odev);
irqreturn_t ogpu_signal_irq(int irq, void *arg);
irqreturn_t ogpu_signal_irq_thread(int irq, void *arg);
void ogpu_signal_print(struct ogpu_device *odev, struct drm_printer *p);

struct ogpu_signal_user *ogpu_signal_user_create(struct ogpu_device *odev);
bool ogpu_signal_user_is_idle(const struct ogpu_signal_user *user);
void ogpu_signal_user_put(struct ogpu_signal_user *user);
void ogpu_signal_begin(struct ogpu_device *odev, u32 number, struct ogpu_signal_user *user);
void ogpu_signal_end(struct ogpu_device *odev, u32 number);

struct ogpu_eventfd *ogpu_eventfd_get(int fd, u32 events);
void ogpu_eventfd_signal(struct ogpu_eventfd *eventfd);
void ogpu_eventfd_put(struct ogpu_eventfd *eventfd);

int ogpu_signal_wait_begin(struct ogpu_device *odev, u32 number, struct wait_queue_entry *entry);
void ogpu_signal_wait_end(struct ogpu_device *odev, u32 number, struct wait_queue_entry *entry);
void ogpu_signal_arm(struct ogpu_device *odev, u32 number);
void ogpu_signal_again(struct ogpu_device *odev, u32 number);
void ogpu_signal_tell(struct ogpu_device *odev, u32 number, u32 event);
void ogpu_signal_set_eventfd(struct ogpu_device *odev, u32 number, struct ogpu_eventfd *eventfd);

#if IS_ENABLED(CONFIG_DRM_OGPU_KUNIT_TEST)
struct kunit;

struct ogpu_device *ogpu_signal_test_device(struct kunit *test,
					    void (*arm)(struct ogpu_device *odev, u32 queue));
#endif

#endif
