/* SPDX-License-Identifier: Apache-2.0 */
/* detrun trace: reading traces. */
#include "runtime/cmd_trace.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "shim/sys.h"

static const struct verb {
	const char *name;
	trace_verb *run;
	int npos;
	const char *args, *help;
} verbs[] = {
	{ "show", trace_show, 1, "[--jsonl] [--verbose] [--from N] [--to N] [--count N] [--task T]\n"
		"      [--syscall NAME[,NAME...]] DIR",
		"print events, those that are asked for" },
	{ "stat", trace_stat, 1, "[--jsonl] DIR", "count events by kind and system call" },
	{ "diff", trace_diff, 2, "[--jsonl] [--verbose] [--context N] DIR DIR",
		"find the first event that differs, and its arguments that do; exit status 1 then" },
	{ "nondet", trace_nondet, 1, "[--jsonl] DIR",
		"say what was not virtualised, and which inputs came from outside" },
	{ "code", trace_code, 2, "[--jsonl] DIR ROOTFS",
		"find instructions that can't be trapped in the programs and libraries of the run" },
	{ "recover", trace_do_recover, 1, "[--key PEM] [--allow-unsigned] DIR",
		"sign what a killed recorder left" },
	{ "proof", trace_do_proof, 2, "DIR N",
		"print a proof that event N is in the signed run (C2SP tlog-proof)" },
};

const struct event_names *trace_names(bool verbose)
{
	return verbose ? sys_event_names_full() : sys_event_names();
}

int trace_open_path(const char *path, struct trace_reader **ret, struct err *e)
{
	own_fd dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return fail(e, errno, "open trace %s", path);
	r = trace_open(dir, ret, e);
	return r < 0 ? fail_ctx(e, r, "trace %s", path) : 0;
}

void trace_print(const struct event *ev, uint64_t number, const struct trace_args *a,
	const char *before)
{
	own_buf line = { 0 };

	if (a->jsonl)
		event_print_json(ev, number, trace_names(true), &line);
	else
		event_print(ev, number, trace_names(a->verbose), &line);
	buf_byte(&line, '\n');
	if (line.failed)
		return;
	fputs(before, stdout);
	fwrite(line.p, 1, line.n, stdout);
}

int trace_flush(struct err *e)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return fail(e, errno ? errno : EIO, "write to standard output");
}

/* An exec stands for execve's return. */
static uint32_t call_of(const struct event *ev)
{
	return ev->kind == EV_EXEC ? SYS_execve : ev->nr;
}

static bool is_call(const struct event *ev, const char *list)
{
	const char *name = trace_names(false)->syscall(call_of(ev));
	size_t n = strlen(name);

	if (ev->kind != EV_SYSCALL && ev->kind != EV_EXEC)
		return false;
	for (const char *p = list; p; p = strchr(p, ','), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, n) && (!p[n] || p[n] == ','))
			return true;
	return false;
}

/* A name that no call has would show nothing, and seem to say that there was none. */
static int check_calls(const char *list, struct err *e)
{
	const struct row *const *rows;
	size_t n = sys_rows(&rows);

	for (const char *p = list; p; p = strchr(p, ','), p = p ? p + 1 : NULL) {
		size_t len = strcspn(p, ","), i = 0;

		while (i < n && (strncmp(rows[i]->name, p, len) || rows[i]->name[len]))
			i++;
		if (i == n)
			return fail_msg(e, EINVAL, "\"%.*s\" is not a system call: see detrun syscalls",
				(int) len, p);
	}
	return 0;
}

static bool asked_for(const struct trace_args *a, const struct event *ev)
{
	if (a->has_task && ev->task != a->task)
		return false;
	return !a->syscalls || is_call(ev, a->syscalls);
}

int trace_show(const struct trace_args *a, struct err *e)
{
	own_trace r = NULL;
	struct event ev;
	int err = check_calls(a->syscalls, e);

	if (err == 0)
		err = trace_open_path(a->pos[0], &r, e);
	if (err == 0)
		err = trace_seek(r, a->from, e);
	if (err < 0)
		return err;
	err = 1;
	for (uint64_t n = 0; n < a->count && (err = trace_next_kept(r, &ev, e)) > 0;) {
		if (trace_number(r) > a->to)
			break;
		if (!asked_for(a, &ev))
			continue;
		trace_print(&ev, trace_number(r), a, "");
		n++;
	}
	if (err < 0)
		return err;
	if (!err && !trace_complete(r))
		log_warn("the trace is a prefix: it stops without the run's end");
	return trace_flush(e);
}

static int print_usage(FILE *to)
{
	fputs("usage: detrun trace VERB [options] DIR\n\n", to);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		fprintf(to, "  %s %s\n      %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	return to == stdout ? 0 : 1;
}

static bool number(const char *s, uint64_t max, uint64_t *ret)
{
	char *end;

	errno = 0;
	if (*s < '0' || *s > '9')
		return false;
	*ret = strtoull(s, &end, 10);
	return !*end && !errno && *ret <= max;
}

static bool set_option(struct trace_args *a, int c, const char *arg)
{
	uint64_t v = 0;

	switch (c) {
	case 'j':
		a->jsonl = true;
		return true;
	case 'k':
		a->key = arg;
		return true;
	case 'u':
		a->unsigned_ok = true;
		return true;
	case 'f':
		return number(arg, UINT64_MAX, &a->from);
	case 'o':
		return number(arg, UINT64_MAX, &a->to);
	case 'n':
		return number(arg, UINT64_MAX, &a->count);
	case 's':
		a->syscalls = arg;
		return true;
	case 'v':
		a->verbose = true;
		return true;
	case 't':
		a->has_task = true;
		if (!number(arg, UINT32_MAX, &v))
			return false;
		a->task = (uint32_t) v;
		return true;
	case 'c':
		if (!number(arg, 10000, &v))
			return false;
		a->context = (unsigned) v;
		return true;
	}
	return false;
}

static int parse(struct trace_args *a, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "jsonl", no_argument, NULL, 'j' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 'o' },
		{ "syscall", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "count", required_argument, NULL, 'n' },
		{ "task", required_argument, NULL, 't' },
		{ "context", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "allow-unsigned", no_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "hv", longs, NULL)) >= 0) {
		if (c == 'h')
			return 1;
		if (c == '?')
			return -EINVAL;
		if (!set_option(a, c, optarg)) {
			log_error("\"%s\" is not a number for this option", optarg);
			return -EINVAL;
		}
	}
	a->pos = argv + optind;
	a->npos = argc - optind;
	return 0;
}

int cmd_trace(const struct global *g, int argc, char **argv)
{
	struct trace_args a = { .count = UINT64_MAX, .to = UINT64_MAX, .context = 3 };
	struct err e = ERR_INIT;
	const struct verb *v = NULL;
	int r;

	(void) g;
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return print_usage(stdout);
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			v = &verbs[i];
	if (!v)
		return print_usage(stderr);
	r = parse(&a, argc - 1, argv + 1);
	if (r == 0 && a.npos != v->npos)
		r = -EINVAL;
	if (r) {
		fprintf(r > 0 ? stdout : stderr, "usage: detrun trace %s %s\n", v->name, v->args);
		return r > 0 ? 0 : 2;
	}
	r = v->run(&a, &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0 ? 2 : r;
}
