// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The trace: one line for each thing that happens, with the card's time. Off it costs one relaxed
 * load.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "trace.h"

_Atomic bool vgpu_trace_on;

static pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *trace_file;

static const char * const trace_names[] = {
	[TRACE_REG] = "reg",
	[TRACE_PACKET] = "packet",
	[TRACE_IRQ] = "irq",
	[TRACE_DMA] = "dma",
	[TRACE_MC] = "mc",
	[TRACE_STATE] = "state",
};

/**
 * trace_open() - choose where the trace goes and switch it on.
 * @path: file to write anew, "-" for stderr
 *
 * Return: 0 or a negative errno.
 */
int trace_open(const char *path)
{
	FILE *file = stderr;

	if (strcmp(path, "-")) {
		file = fopen(path, "we");
		if (!file)
			return -errno;
		setvbuf(file, NULL, _IOLBF, BUFSIZ);
	}
	pthread_mutex_lock(&trace_lock);
	trace_file = file;
	pthread_mutex_unlock(&trace_lock);
	vgpu_trace_on = true;
	return 0;
}

/**
 * trace_close() - end the trace.
 */
void trace_close(void)
{
	vgpu_trace_on = false;
	pthread_mutex_lock(&trace_lock);
	if (trace_file && trace_file != stderr)
		fclose(trace_file);
	trace_file = NULL;
	pthread_mutex_unlock(&trace_lock);
}

/**
 * trace_enable() - switch the trace on or off while the card runs.
 * @on: which; on has an effect only if a trace file was chosen at start
 *
 * Return: false if there is no file to write to.
 */
bool trace_enable(bool on)
{
	bool possible;

	pthread_mutex_lock(&trace_lock);
	possible = trace_file;
	pthread_mutex_unlock(&trace_lock);
	vgpu_trace_on = on && possible;
	return possible || !on;
}

/**
 * vgpu_trace_line() - write a line; use the macro vgpu_trace().
 * @gpu: the card
 * @kind: what it is about
 * @fmt: as for printf, without newline
 *
 * Any thread, any lock.
 */
void vgpu_trace_line(struct vgpu *gpu, enum vgpu_trace kind, const char *fmt, ...)
{
	uint64_t now = vgpu_time_ns(gpu);
	va_list args;

	pthread_mutex_lock(&trace_lock);
	if (trace_file) {
		fprintf(trace_file, "%5llu.%09llu %-6s ", (unsigned long long)(now / 1000000000),
			(unsigned long long)(now % 1000000000), trace_names[kind]);
		va_start(args, fmt);
		vfprintf(trace_file, fmt, args);
		va_end(args);
		fputc('\n', trace_file);
	}
	pthread_mutex_unlock(&trace_lock);
}
