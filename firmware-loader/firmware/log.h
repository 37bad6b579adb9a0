/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Log text for the host. */
#ifndef FW_LOG_H
#define FW_LOG_H

void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
