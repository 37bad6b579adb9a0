/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Uploading through the kernel's firmware-upload class, and waiting for the card to run.
 */
#ifndef OGPU_LOADER_UPLOAD_H
#define OGPU_LOADER_UPLOAD_H

#include <stdint.h>

#include "device.h"
#include "image.h"

/**
 * deadline_after() - a time in the future
 * @seconds: from now
 *
 * Return: nanoseconds on the monotonic clock.
 */
int64_t deadline_after(unsigned int seconds);

/**
 * upload_catch_signals() - let SIGINT, SIGTERM and SIGHUP cancel what is done from now on
 */
void upload_catch_signals(void);

/**
 * upload_interrupted() - has there been such a signal?
 *
 * Return: true if so.
 */
bool upload_interrupted(void);

/* Pauses between attempts, which become longer; all zero at first. */
struct waiter {
	int step_ms;
};

/**
 * waiter_retry() - wait a little before trying again what failed for now
 * @wait: of these attempts
 * @deadline: no more retries after it
 *
 * Return: false if there is no more time, or after a signal.
 */
bool waiter_retry(struct waiter *wait, int64_t deadline);

/**
 * upload_lock() - become the only loader that works on a card, while it has no upload in progress
 * @card: the card; refreshed
 * @wait: wait for another loader, upload, boot or reset to end
 * @deadline: of @wait
 * @err: filled in case of error
 *
 * Return: a descriptor for upload_unlock(), or -1.
 */
int upload_lock(struct card *card, bool wait, int64_t deadline, struct fw_error *err);

/**
 * upload_unlock() - let others work on the card
 * @lock: from upload_lock()
 */
void upload_unlock(int lock);

/**
 * upload_image() - upload, and wait until the driver says that this firmware runs
 * @card: the card, locked; refreshed
 * @image: what to upload
 * @progress: show it on standard error
 * @deadline: of everything
 * @err: filled in case of error
 *
 * Return: 0 or -1; then the upload was cancelled as far as the driver could.
 */
int upload_image(struct card *card, const struct fw_image *image, bool progress, int64_t deadline,
		 struct fw_error *err);

/**
 * upload_cancel() - cancel the upload in progress and wait for its end
 * @card: the card; refreshed
 * @deadline: of the end
 * @err: filled in case of error
 *
 * Return: 0, or -1, with FW_EXIT_NOTHING if there is no upload.
 */
int upload_cancel(struct card *card, int64_t deadline, struct fw_error *err);

/**
 * upload_is_running() - does the card run what is in the image, as far as the driver tells?
 * @card: the card
 * @image: the image
 *
 * Return: true if so.
 */
bool upload_is_running(const struct card *card, const struct fw_image *image);

#endif
