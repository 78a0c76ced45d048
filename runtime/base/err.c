/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int code_of(int errnum)
{
	if (errnum < 0)
		errnum = -errnum;
	return errnum ? errnum : EIO;
}

static void one_line(char *s)
{
	for (; *s; s++)
		if ((unsigned char) *s < 0x20)
			*s = ' ';
}

/* As engines know it: they tell failures apart by the text of other runtimes, which has no capitals. */
static void put_errno(char *to, size_t room, int errnum)
{
	const char *text = strerror(errnum);
	bool word = text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z';

	snprintf(to, room, ": %c%s", word ? text[0] + 'a' - 'A' : text[0], text + 1);
}

static void set(struct err *e, int errnum, int with_text, const char *fmt, va_list ap)
{
	int n;

	if (!e)
		return;
	e->code = errnum;
	n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	if (with_text && n >= 0 && (size_t) n < sizeof e->msg)
		put_errno(e->msg + n, sizeof e->msg - (size_t) n, errnum);
	one_line(e->msg);
}

int fail(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;

	errnum = code_of(errnum);
	va_start(ap, fmt);
	set(e, errnum, 1, fmt, ap);
	va_end(ap);
	return -errnum;
}

int fail_msg(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;

	errnum = code_of(errnum);
	va_start(ap, fmt);
	set(e, errnum, 0, fmt, ap);
	va_end(ap);
	return -errnum;
}

int fail_ctx(struct err *e, int r, const char *fmt, ...)
{
	char old[sizeof e->msg];
	va_list ap;
	int n;

	if (!e)
		return r;
	memcpy(old, e->msg, sizeof old);
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t) n < sizeof e->msg)
		snprintf(e->msg + n, sizeof e->msg - (size_t) n, ": %s", old);
	one_line(e->msg);
	return r;
}

void must_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "detrun: internal error at %s:%d: %s does not hold\n", file, line, cond);
	abort();
}
