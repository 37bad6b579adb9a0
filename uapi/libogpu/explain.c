// SPDX-License-Identifier: MIT
/* Why a queue has failed, in words. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

const char *ogpu_queue_error_text(uint32_t error)
{
	switch (error) {
	case DRM_OGPU_QUEUE_OK:
		return "no error";
	case DRM_OGPU_QUEUE_ERR_OPCODE:
		return "unknown packet, or not for this engine";
	case DRM_OGPU_QUEUE_ERR_PACKET:
		return "malformed packet";
	case DRM_OGPU_QUEUE_ERR_PRIVILEGE:
		return "privileged packet";
	case DRM_OGPU_QUEUE_ERR_MEMORY:
		return "memory fault";
	case DRM_OGPU_QUEUE_ERR_INSTRUCTION:
		return "illegal instruction";
	case DRM_OGPU_QUEUE_ERR_MISALIGNED:
		return "misaligned atomic or jump";
	case DRM_OGPU_QUEUE_ERR_TRAP:
		return "ebreak";
	case DRM_OGPU_QUEUE_ERR_DISPATCH:
		return "dispatch asks for more than card or save area have";
	case DRM_OGPU_QUEUE_ERR_RING:
		return "ring or its pointers make no sense";
	case DRM_OGPU_QUEUE_ERR_TIMEOUT:
		return "job ran longer than the queue's timeout";
	case DRM_OGPU_QUEUE_ERR_KILLED:
		return "killed by the program";
	case DRM_OGPU_QUEUE_ERR_ENGINE:
		return "engine or card failed";
	case DRM_OGPU_QUEUE_ERR_SAVE:
		return "save area was overwritten";
	case DRM_OGPU_QUEUE_ERR_NO_ROOM:
		return "buffers did not fit into memory";
	}
	return "unknown error";
}

static const char *access_text(uint32_t access)
{
	switch (access) {
	case DRM_OGPU_ACCESS_READ:
		return "reads";
	case DRM_OGPU_ACCESS_WRITE:
		return "writes";
	case DRM_OGPU_ACCESS_EXEC:
		return "executes";
	case DRM_OGPU_ACCESS_ATOMIC:
		return "changes by an atomic";
	}
	return "uses";
}

static const char *reason_text(uint32_t reason)
{
	switch (reason) {
	case DRM_OGPU_FAULT_NOT_MAPPED:
		return "where nothing is mapped";
	case DRM_OGPU_FAULT_PERMISSION:
		return "which its mapping does not allow";
	case DRM_OGPU_FAULT_VA_RANGE:
		return "which is no address of the card";
	case DRM_OGPU_FAULT_BUS:
		return "whose memory did not answer";
	case DRM_OGPU_FAULT_APERTURE:
		return "outside local or private memory; is private_bytes too small?";
	case DRM_OGPU_FAULT_POISON:
		return "where memory has an uncorrectable error";
	case DRM_OGPU_FAULT_ATOMIC:
		return "which the platform does not carry";
	}
	return "for a reason unknown here";
}

/* What snprintf() does, one piece after the other. */
struct text {
	char *at;
	size_t left;
	int length;
};

__attribute__((format(printf, 2, 3)))
static void add(struct text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text->at, text->left, format, args);
	va_end(args);
	if (length < 0)
		return;
	text->length += length;
	if ((size_t)length >= text->left) {
		/* Full: only the length still counts. */
		text->at = NULL;
		text->left = 0;
	} else {
		text->at += length;
		text->left -= length;
	}
}

static void add_place(struct text *text, const struct ogpu_program *program, uint64_t pc)
{
	struct ogpu_source source;
	struct ogpu_place place;
	int ret;

	if (!program || ogpu_program_locate(program, pc, &place)) {
		add(text, ", at pc 0x%llx", (unsigned long long)pc);
		return;
	}
	add(text, ", in %s+0x%llx", place.function, (unsigned long long)place.offset);
	ret = ogpu_program_source(program, pc, &source);
	if (!ret) {
		const char *slash = strrchr(source.file, '/');

		add(text, " at %s:%u", slash ? slash + 1 : source.file, source.line);
		return;
	}
	add(text, " (0x%llx for addr2line%s)", (unsigned long long)place.address,
	    ret == -ELIBACC ? "; to tell the line libdw.so.1 is wanting" : "");
}

int ogpu_queue_explain(struct ogpu_queue *queue, const struct ogpu_program *program, char *out,
		       size_t size)
{
	struct text text = { .at = out, .left = size };
	struct drm_ogpu_queue_get_state state;
	int ret;

	ret = ogpu_queue_state(queue, &state);
	if (ret)
		return ret;
	add(&text, "%s", ogpu_queue_error_text(state.error));
	if (state.error == DRM_OGPU_QUEUE_ERR_MEMORY)
		add(&text, ": %s 0x%llx, %s", access_text(state.access), state.fault_va,
		    reason_text(state.reason));
	if (state.error && state.pc)
		add_place(&text, program, state.pc);
	if (state.error && state.failed_job)
		add(&text, "; job %llu, packet at byte %llu of its stream",
		    state.failed_job, state.packet);
	if (state.flags & DRM_OGPU_QUEUE_INNOCENT)
		add(&text, "; the queue is not to blame");
	return text.length;
}
