/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/opts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct opt *by_letter(const struct opt *o, char c)
{
	for (; o->name; o++)
		if (o->letter && o->letter == c)
			return o;
	return NULL;
}

static const struct opt *by_name(const struct opt *o, const char *name, size_t n)
{
	for (; o->name; o++)
		if (strlen(o->name) == n && !memcmp(o->name, name, n))
			return o;
	return NULL;
}

static bool is_flag(const struct opt *o)
{
	return o->kind == OPT_FLAG || o->kind == OPT_CHOICE;
}

static int set_flag(const struct opt *o, const char *value, struct err *e)
{
	bool v = !value || !strcmp(value, "true") || !strcmp(value, "1");

	if (!v && strcmp(value, "false") && strcmp(value, "0"))
		return fail_msg(e, EINVAL, "--%s=%s: true or false expected", o->name, value);
	if (o->to && o->kind == OPT_CHOICE)
		*(int *) o->to = v;
	else if (o->to)
		*(bool *) o->to = v;
	return 0;
}

static int set_value(const struct opt *o, const char *value, struct err *e)
{
	struct opt_list *l = o->to;
	const char **v;

	if (!o->to)
		return 0;
	if (o->kind == OPT_STR) {
		*(const char **) o->to = value;
		return 0;
	}
	v = realloc(l->v, (l->n + 1) * sizeof *v);
	if (!v)
		return fail(e, ENOMEM, "--%s", o->name);
	l->v = v;
	l->v[l->n++] = value;
	return 0;
}

/* @value: what was joined to the option, or NULL; the next argument is taken then. */
static int take(const struct opt *o, const char *value, int argc, char **argv, int *i,
	struct err *e)
{
	if (o->kind == OPT_REFUSED)
		return fail_msg(e, EOPNOTSUPP, "--%s: %s", o->name, o->help);
	if (is_flag(o))
		return set_flag(o, value, e);
	if (!value) {
		if (*i + 1 >= argc)
			return fail_msg(e, ENODATA, "--%s needs a value (see --help)", o->name);
		value = argv[++*i];
	}
	return set_value(o, value, e);
}

static int parse_one(const struct opt *table, int argc, char **argv, int *i, struct err *e)
{
	const char *a = argv[*i];
	bool is_long = a[1] == '-';
	const char *name = a + 1 + is_long, *eq = strchr(name, '=');
	const struct opt *o = by_name(table, name, eq ? (size_t) (eq - name) : strlen(name));

	/* a long name is understood after one dash as well, as runc does */
	if (!o && !is_long) {
		o = by_letter(table, a[1]);
		if (o && !is_flag(o) && a[2])
			return take(o, a + 2 + (a[2] == '='), argc, argv, i, e);
		if (o && a[2])
			o = NULL;
		eq = NULL;
	}
	if (!o)
		return fail_msg(e, EINVAL, "unknown option %s (see --help)", a);
	return take(o, eq ? eq + 1 : NULL, argc, argv, i, e);
}

int opts_parse(const struct opt *table, int argc, char **argv, int *ret_rest, bool *dashes,
	struct err *e)
{
	int i = 1;

	if (dashes)
		*dashes = false;
	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		int r;

		if (!strcmp(argv[i], "--")) {
			if (dashes)
				*dashes = true;
			i++;
			break;
		}
		if (!strcmp(argv[i], "--help") ||
			(!strcmp(argv[i], "-h") && !by_letter(table, 'h')))
			return 1;
		r = parse_one(table, argc, argv, &i, e);
		if (r < 0)
			return r;
	}
	*ret_rest = i;
	return 0;
}

/* As runc's verbs that take no command of their own do. */
int opts_parse_anywhere(const struct opt *table, int argc, char **argv, int *ret_rest,
	struct err *e)
{
	int n = 0, i = 1;
	char **plain = calloc((size_t) argc + 1, sizeof *plain);

	if (!plain)
		return fail(e, ENOMEM, "read the options");
	while (i < argc) {
		bool dashes;
		int rest, r = opts_parse(table, argc - i + 1, argv + i - 1, &rest, &dashes, e);

		if (r) {
			free(plain);
			return r;
		}
		i += rest - 1;
		do { /* after `--` all are plain */
			if (i < argc)
				plain[n++] = argv[i++];
		} while (dashes && i < argc);
	}
	memcpy(argv + argc - n, plain, (size_t) n * sizeof *plain);
	free(plain);
	*ret_rest = argc - n;
	return 0;
}

void opts_help(const struct opt *o)
{
	for (; o->name; o++) {
		char left[64];

		if (o->kind == OPT_REFUSED || !o->help)
			continue;
		snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
			o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			o->arg ? " " : "", o->arg ? o->arg : "");
		printf("  %-34s %s\n", left, o->help);
	}
}

void opts_usage(const char *verb, const char *about, const char *usage, const char *more,
	const struct opt *o)
{
	const char *me = program_invocation_short_name, *space = verb ? " " : "";

	verb = verb ? verb : "";
	printf("NAME:\n   %s%s%s - %s\n\nUSAGE:\n", me, space, verb, about);
	for (const char *end; *usage; usage = *end ? end + 1 : end) {
		end = strchrnul(usage, '\n');
		printf("   %s%s%s%s%.*s\n", me, space, verb, end == usage ? "" : " ",
			(int) (end - usage), usage);
	}
	if (more)
		printf("\n%s\n", more);
	if (o->name) {
		printf("\nOPTIONS:\n");
		opts_help(o);
	}
}

void opts_free(const struct opt *o)
{
	for (; o->name; o++)
		if (o->kind == OPT_LIST && o->to)
			free(((struct opt_list *) o->to)->v);
}

int opt_number(const char *text, const char *what, long long min, long long max, long long *ret,
	struct err *e)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || !strchr("-0123456789", *text) || !*text || *end || v < min || v > max)
		return fail_msg(e, EINVAL, "%s: \"%s\" is not a whole number from %lld to %lld",
			what, text, min, max);
	*ret = v;
	return 0;
}
