/* SPDX-License-Identifier: Apache-2.0 */
/* detrun syscalls: the table of system calls, of which docs/syscalls.md is a print. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"
#include "shim/table.h"

static void row_md(const struct row *r, const char *of)
{
	printf("| %s%s%s | ", of ? of : "", of ? ": " : "", r->name);
	if (of)
		printf("| %s | ", sys_policy_name(r->policy));
	else
		printf("%d | %s | ", r->nr, sys_policy_name(r->policy));
	for (const char *w = r->why ? r->why : ""; *w; w++)
		printf(*w == '|' ? "\\|" : "%c", *w);
	puts(" |");
}

static void row_text(const struct row *r, const char *of)
{
	char name[64];

	snprintf(name, sizeof name, "%s%s%s", of ? of : "", of ? ":" : "", r->name);
	printf("%4d %-28s %-8s %s\n", r->nr, name, sys_policy_name(r->policy), r->why ? r->why : "");
}

static void print_family(const struct family *f, bool md)
{
	void (*row)(const struct row *, const char *) = md ? row_md : row_text;

	if (md)
		printf("\n## %s\n\n| call | number | policy | why |\n|---|---|---|---|\n", f->name);
	for (size_t i = 0; i < f->n; i++) {
		const struct row *r = &f->rows[i];

		row(r, NULL);
		for (unsigned k = 0; k < r->nsub; k++)
			row(&r->sub[k], r->name);
	}
}

static void print_table(bool md)
{
	const struct family *const *f;
	size_t n = sys_families(&f);

	if (md)
		puts("# System calls\n\nMade by `detrun syscalls --format=md` from the rows in "
		     "shim/sys/; do not edit.");
	for (size_t i = 0; i < n; i++)
		print_family(f[i], md);
}

int cmd_syscalls(const struct global *g, int argc, char **argv)
{
	const char *format = "text";
	const struct opt t[] = {
		{ "format", 'f', OPT_STR, &format, "text|md", "how (default text)" },
		{ NULL },
	};
	struct err e = ERR_INIT;
	int rest, r = opts_parse(t, argc, argv, &rest, NULL, &e);

	(void) g;
	if (r == 1) {
		puts("usage: detrun syscalls [options]\n\nPrint what becomes of each system call.\n");
		opts_help(t);
		return 0;
	}
	if (!r && (rest != argc || (strcmp(format, "text") && strcmp(format, "md"))))
		r = fail_msg(&e, EINVAL, "syscalls: --format=text or --format=md expected");
	if (r < 0) {
		log_error("%s", e.msg);
		return 1;
	}
	print_table(*format == 'm');
	return fflush(stdout) ? 1 : 0;
}
