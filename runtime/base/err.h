/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: one line that names the object, the cause and, where known, the
 * cure. Functions return 0 or -errno and fill a struct err; only main() and
 * the CLI verbs print it.
 */
#ifndef DETRUN_ERR_H
#define DETRUN_ERR_H

#include <errno.h>

struct err {
	int code;	/* errno value, 0 = none */
	char msg[1024]; /* one line, no newline at its end */
};

#define ERR_INIT ((struct err){ 0 })

/**
 * Fill @e (may be NULL) with the formatted text and ": strerror(errnum)".
 * Returns -errnum (-EIO when errnum is 0).
 */
int fail(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** As fail(), without the text of errnum: for failures that have no errno of their own. */
int fail_msg(struct err *e, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Put "context: " in front of the message in @e. Returns @r unchanged. */
int fail_ctx(struct err *e, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** Invariant that holds in release builds too: dying beats writing a wrong trace. */
#define must(cond) ((cond) ? (void) 0 : must_failed(#cond, __FILE__, __LINE__))
void must_failed(const char *cond, const char *file, int line) __attribute__((noreturn));

/** Memory that has to be there; else the process ends, with one line that says so. */
#define must_mem(cond) ((cond) ? (void) 0 : out_of_memory())
void out_of_memory(void) __attribute__((noreturn));

#endif
