/* SPDX-License-Identifier: Apache-2.0 */
/* detrun syscalls: the table of system calls, of which docs/syscalls.md is a print. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"
#include "shim/table.h"

struct format {
	const char *name;
	void (*head)(struct buf *b);
	void (*family)(const struct family *f, struct buf *b);
	void (*row)(const struct row *r, const struct row *of, struct buf *b);
};

static void put_args(const struct row *r, struct buf *b)
{
	for (unsigned i = 0; i < 6 && r->arg[i].kind != A_NONE; i++)
		buf_printf(b, "%s%s", i ? ", " : "", r->arg[i].name);
}

/* ---- markdown ---- */

static void md_head(struct buf *b)
{
	buf_str(b, "# System calls\n\n"
		   "Made by `detrun syscalls --format=md` from the rows in `shim/sys/`; do not edit.\n\n"
		   "| policy | what becomes of the call |\n|---|---|\n"
		   "| PASS | the kernel runs it; its answer is deterministic already |\n"
		   "| OBSERVE | the kernel runs it, and result and outputs are recorded |\n"
		   "| FIXUP | the kernel runs it, its outputs are made canonical, then recorded |\n"
		   "| EMULATE | the supervisor answers, the kernel doesn't run it |\n"
		   "| INPUT | from outside: recorded in full, and replayed from the trace |\n"
		   "| DENY | never runs |\n"
		   "| BY_FD | decided by what the descriptor is |\n"
		   "| BY_SUB | decided by a command, below it |\n");
}

static void md_family(const struct family *f, struct buf *b)
{
	buf_printf(b, "\n## %s\n\n| number | call | policy | why |\n|---:|---|---|---|\n", f->title);
}

static void md_row(const struct row *r, const struct row *of, struct buf *b)
{
	if (of)
		buf_printf(b, "| | · %s | %s | ", r->name, sys_policy_name(r->policy));
	else
		buf_printf(b, "| %d | `%s(", r->nr, r->name);
	if (!of) {
		put_args(r, b);
		buf_printf(b, ")` | %s | ", sys_policy_name(r->policy));
	}
	for (const char *w = r->why ? r->why : ""; *w; w++) {
		if (*w == '|')
			buf_byte(b, '\\');
		buf_byte(b, (uint8_t) *w);
	}
	buf_str(b, " |\n");
}

/* ---- text ---- */

static void text_head(struct buf *b)
{
	(void) b;
}

static void text_family(const struct family *f, struct buf *b)
{
	buf_printf(b, "%s%s\n", b->n ? "\n" : "", f->title);
}

static void text_row(const struct row *r, const struct row *of, struct buf *b)
{
	if (of)
		buf_printf(b, "        %-26s %-8s %s\n", r->name, sys_policy_name(r->policy),
			r->why ? r->why : "");
	else
		buf_printf(b, "  %4d  %-26s %-8s %s\n", r->nr, r->name, sys_policy_name(r->policy),
			r->why ? r->why : "");
}

static const struct format formats[] = {
	{ "text", text_head, text_family, text_row },
	{ "md", md_head, md_family, md_row },
};

static void print_rows(const struct format *how, struct buf *b)
{
	const struct family *const *f;
	size_t n = sys_families(&f);

	how->head(b);
	for (size_t i = 0; i < n; i++) {
		how->family(f[i], b);
		for (size_t k = 0; k < f[i]->n; k++) {
			const struct row *r = &f[i]->rows[k];

			how->row(r, NULL, b);
			for (unsigned s = 0; s < r->nsub; s++)
				how->row(&r->sub[s], r, b);
		}
	}
}

/* ---- json: an array of the rows in order of their numbers ---- */

static void json_row(const struct row *r, const char *family, struct json_out *o)
{
	json_open(o, '{');
	json_key(o, "args");
	json_open(o, '[');
	for (unsigned i = 0; i < 6 && r->arg[i].kind != A_NONE; i++)
		json_str(o, r->arg[i].name);
	json_close(o, ']');
	if (family)
		json_kstr(o, "family", family);
	json_kstr(o, "name", r->name);
	json_kint(o, "number", r->nr);
	json_kstr(o, "policy", sys_policy_name(r->policy));
	if (r->nsub) {
		json_key(o, "sub");
		json_open(o, '[');
		for (unsigned i = 0; i < r->nsub; i++)
			json_row(&r->sub[i], NULL, o);
		json_close(o, ']');
	}
	json_kstr(o, "why", r->why ? r->why : "");
	json_close(o, '}');
}

static void print_json(struct buf *b)
{
	own_buf flat = { 0 };
	struct json_out o = { .b = &flat };
	const struct family *const *f;
	size_t n = sys_families(&f);

	json_open(&o, '[');
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < f[i]->n; k++)
			json_row(&f[i]->rows[k], f[i]->name, &o);
	json_close(&o, ']');
	json_pretty((const char *) flat.p, flat.n, 1, b);
	buf_byte(b, '\n');
}

static int print_table(const char *format, struct err *e)
{
	own_buf b = { 0 };
	bool known = !strcmp(format, "json");

	if (known)
		print_json(&b);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (!strcmp(format, formats[i].name)) {
			print_rows(&formats[i], &b);
			known = true;
		}
	if (!known)
		return fail_msg(e, EINVAL, "syscalls: --format %s: text, md or json expected", format);
	if (b.failed || fwrite(b.p, 1, b.n, stdout) != b.n || fflush(stdout))
		return fail(e, errno ? errno : ENOMEM, "syscalls: write the table");
	return 0;
}

int cmd_syscalls(const struct global *g, int argc, char **argv)
{
	const char *format = "text";
	const struct opt t[] = {
		{ "format", 'f', OPT_STR, &format, "text|md|json", "how (default text)" },
		{ NULL },
	};
	struct err e = ERR_INIT;
	int rest, r = opts_parse(t, argc, argv, &rest, NULL, &e);

	(void) g;
	if (r == 1) {
		opts_usage("syscalls", "print what becomes of each system call", "[options]", NULL, t);
		return 0;
	}
	if (!r && rest != argc)
		r = fail_msg(&e, EINVAL, "syscalls: takes no arguments");
	if (!r)
		r = print_table(format, &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0;
}
