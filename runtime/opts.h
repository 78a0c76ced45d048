/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command line options: a table per verb. `--name value`, `--name=value`, `-n value`, `-nvalue`;
 * options end at the first argument that is none, or at `--`.
 */
#ifndef DETRUN_OPTS_H
#define DETRUN_OPTS_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

/* OPT_CHOICE: a flag that tells `--name=false` from not being there. */
enum opt_kind { OPT_FLAG, OPT_CHOICE, OPT_STR, OPT_LIST, OPT_REFUSED };

struct opt_list {
	const char **v;
	size_t n;
};

struct opt {
	const char *name; /* without dashes */
	char letter;	  /* or 0 */
	enum opt_kind kind;
	void *to;	  /* bool, int, const char *, struct opt_list; NULL = without effect */
	const char *arg;  /* name of the value in --help, NULL: not shown */
	const char *help; /* for OPT_REFUSED: why */
};

/**
 * Parse options from argv[1] on by the table @o (ended by .name NULL). *@ret_rest: index of the
 * first argument. --help gives 1; else 0, -EINVAL or, where the last one lacks its value, -ENODATA.
 * @dashes (may be NULL): `--` ended the options.
 */
int opts_parse(const struct opt *o, int argc, char **argv, int *ret_rest, bool *dashes,
	struct err *e);
/**
 * As opts_parse(), for options between and after the arguments, too: those are moved to the end of
 * @argv.
 */
int opts_parse_anywhere(const struct opt *o, int argc, char **argv, int *ret_rest, struct err *e);
/**
 * The text of --help, laid out as runc's, by the name that the program was called by. @verb: or NULL;
 * @usage: a line each, @more: further lines, or NULL; @o: the options.
 */
void opts_usage(const char *verb, const char *about, const char *usage, const char *more,
	const struct opt *o);
void opts_help(const struct opt *o);
void opts_free(const struct opt *o);

/** A whole decimal number in [min, max]. 0 or -EINVAL with @what in the message. */
int opt_number(const char *text, const char *what, long long min, long long max, long long *ret,
	struct err *e);

#endif
