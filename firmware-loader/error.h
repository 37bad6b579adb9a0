/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What can go wrong, in one list: the exit codes of both programs, and a message to go with one.
 */
#ifndef OGPU_LOADER_ERROR_H
#define OGPU_LOADER_ERROR_H

/* Exit codes. Scripts depend on them: never renumber, only add. */
enum fw_exit {
	FW_EXIT_OK = 0,
	FW_EXIT_FAILED = 1,		/* none of the kinds below */
	FW_EXIT_NOTHING = 2,		/* card already runs this firmware */
	FW_EXIT_NO_DEVICE = 3,
	FW_EXIT_INVALID = 4,		/* structure of the image */
	FW_EXIT_SIGNATURE = 5,		/* signature wrong or key not trusted */
	FW_EXIT_INCOMPATIBLE = 6,	/* other board, revision or driver ABI */
	FW_EXIT_ROLLBACK = 7,		/* security version below the card's minimum */
	FW_EXIT_BUSY = 8,
	FW_EXIT_IO = 9,			/* hardware or I/O error, card disappeared */
	FW_EXIT_TIMEOUT = 10,
	FW_EXIT_CANCELLED = 11,
	FW_EXIT_PENDING = 12,		/* other firmware is installed than the one that runs */
	FW_EXIT_NO_IMAGE = 13,		/* none is installed for the board */
	FW_EXIT_USAGE = 64,
};

struct fw_error {
	enum fw_exit code;
	char text[512];
};

/**
 * fw_fail() - note an error
 * @err: filled
 * @code: kind of the error
 * @fmt: one line for people, which says what to do if that is not obvious
 *
 * Return: -1, so that callers can write "return fw_fail(...)".
 */
int fw_fail(struct fw_error *err, enum fw_exit code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * fw_warn() - tell people of something that is odd but no failure, on standard error
 * @fmt: one line
 */
void fw_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * fw_clear() - forget an error
 * @err: afterwards FW_EXIT_OK, without text
 */
void fw_clear(struct fw_error *err);

/**
 * fw_exit_word() - a word for an exit code that never changes, as used in JSON
 * @code: the exit code
 *
 * Return: a constant string.
 */
const char *fw_exit_word(enum fw_exit code);

/**
 * fw_exit_help() - a line about an exit code, for people
 * @code: the exit code
 *
 * Return: a constant string.
 */
const char *fw_exit_help(enum fw_exit code);

#endif
