// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Exit codes and error messages.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "error.h"
#include "util.h"

int fw_fail(struct fw_error *err, enum fw_exit code, const char *fmt, ...)
{
	va_list args;

	err->code = code;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	text_clean(err->text);
	return -1;
}

void fw_warn(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	text_clean(text);
	fprintf(stderr, "%s: warning: %s\n", program_invocation_short_name, text);
}

void fw_clear(struct fw_error *err)
{
	err->code = FW_EXIT_OK;
	err->text[0] = '\0';
}

const char *fw_exit_word(enum fw_exit code)
{
	switch (code) {
	case FW_EXIT_OK:
		return "ok";
	case FW_EXIT_FAILED:
		return "failed";
	case FW_EXIT_NOTHING:
		return "nothing-to-do";
	case FW_EXIT_NO_DEVICE:
		return "no-device";
	case FW_EXIT_INVALID:
		return "invalid-image";
	case FW_EXIT_SIGNATURE:
		return "bad-signature";
	case FW_EXIT_INCOMPATIBLE:
		return "incompatible";
	case FW_EXIT_ROLLBACK:
		return "rollback-refused";
	case FW_EXIT_BUSY:
		return "busy";
	case FW_EXIT_IO:
		return "io-error";
	case FW_EXIT_TIMEOUT:
		return "timeout";
	case FW_EXIT_CANCELLED:
		return "cancelled";
	case FW_EXIT_PENDING:
		return "update-pending";
	case FW_EXIT_NO_IMAGE:
		return "no-image";
	case FW_EXIT_USAGE:
		return "usage";
	}
	return "unknown";
}

const char *fw_exit_help(enum fw_exit code)
{
	switch (code) {
	case FW_EXIT_OK:
		return "success";
	case FW_EXIT_FAILED:
		return "another error, for example a file that cannot be read";
	case FW_EXIT_NOTHING:
		return "nothing to do: the card already runs this firmware";
	case FW_EXIT_NO_DEVICE:
		return "no such card";
	case FW_EXIT_INVALID:
		return "invalid image: truncated, damaged or not an image";
	case FW_EXIT_SIGNATURE:
		return "signature is wrong or its key is not trusted";
	case FW_EXIT_INCOMPATIBLE:
		return "image is for another board, revision or driver ABI";
	case FW_EXIT_ROLLBACK:
		return "security version is below the card's minimum";
	case FW_EXIT_BUSY:
		return "card is busy: an upload is in progress, or other firmware runs";
	case FW_EXIT_IO:
		return "hardware or I/O error, or the card disappeared";
	case FW_EXIT_TIMEOUT:
		return "no result within the time limit";
	case FW_EXIT_CANCELLED:
		return "cancelled";
	case FW_EXIT_PENDING:
		return "other firmware is installed than the one that runs";
	case FW_EXIT_NO_IMAGE:
		return "no firmware is installed for the card's board";
	case FW_EXIT_USAGE:
		return "wrong usage";
	}
	return "";
}
