/* SPDX-License-Identifier: Apache-2.0 */
/* detrun trace diff: where two runs part. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/json.h"
#include "runtime/base/own.h"
#include "runtime/cmd_trace.h"
#include "shim/show.h"
#include "shim/trace/compare.h"

struct pair {
	struct trace_reader *a, *b;
	const struct trace_args *args;
};

static void pair_drop(struct pair *p)
{
	trace_close(p->a);
	trace_close(p->b);
}

static bool same_json(const struct json *x, const struct json *y)
{
	if (!x || !y || x->type != y->type || x->n != y->n)
		return x == y;
	if (x->type == JSON_BOOL)
		return x->b == y->b;
	if (x->type == JSON_STR || x->type == JSON_NUM)
		return !strcmp(x->s, y->s);
	for (size_t i = 0; x->type != JSON_NULL && i < x->n; i++)
		if ((x->type == JSON_OBJ && strcmp(x->key[i], y->key[i])) ||
			!same_json(x->child[i], y->child[i]))
			return false;
	return true;
}

static void say_key(const char *key, bool jsonl)
{
	own_buf b = { 0 };
	struct json_out o = { .b = &b };

	if (jsonl) {
		json_open(&o, '{');
		json_kstr(&o, "header", key);
		json_close(&o, '}');
		printf("%.*s\n", (int) b.n, b.failed ? "" : (char *) b.p);
	} else {
		printf("header.json differs in \"%s\"\n", key);
	}
}

/* Name the members of the headers that differ. 1 = some do. */
static int diff_headers(const struct pair *p, struct err *e)
{
	size_t na, nb;
	const char *ta = trace_header(p->a, &na), *tb = trace_header(p->b, &nb);
	own_json x = NULL;
	own_json y = NULL;
	int r = 0;

	if (na == nb && !memcmp(ta, tb, na))
		return 0;
	if (json_parse(ta, na, "header.json", &x, e) < 0 ||
		json_parse(tb, nb, "header.json", &y, e) < 0)
		return -EBADMSG;
	if (x->type != JSON_OBJ || y->type != JSON_OBJ)
		return fail_msg(e, EBADMSG, "header.json is not an object");
	for (size_t i = 0; i < x->n; i++)
		if (!same_json(x->child[i], json_get(y, x->key[i])))
			say_key(x->key[i], p->args->jsonl), r = 1;
	for (size_t i = 0; i < y->n; i++)
		if (!json_get(x, y->key[i]))
			say_key(y->key[i], p->args->jsonl), r = 1;
	if (!r)
		puts("header.json differs in its form only");
	return 1;
}

/* 1 = got it, 0 = there is no such event. */
static int event_at(struct trace_reader *r, uint64_t i, struct event *ret, struct err *e)
{
	int err = i < trace_size(r) ? trace_seek(r, i, e) : 1;

	return err ? (err > 0 ? 0 : err) : trace_next(r, ret, e);
}

static int show_event(const struct pair *p, struct trace_reader *r, uint64_t i, const char *mark,
	struct err *e)
{
	struct event ev;
	int err = event_at(r, i, &ev, e);

	if (err < 0)
		return err;
	if (err)
		trace_print(&ev, i, p->args, p->args->jsonl ? "" : mark);
	else if (!p->args->jsonl)
		printf("%s(no event %llu: %s)\n", mark, (unsigned long long) i,
			trace_complete(r) ? "the run had ended" : "the trace stops here");
	return 0;
}

static int show_side(const struct pair *p, struct trace_reader *r, uint64_t at, unsigned n,
	const char *mark, struct err *e)
{
	int err = 0;

	for (uint64_t i = at; err == 0 && i <= at + n && i <= trace_size(r); i++)
		err = show_event(p, r, i, mark, e);
	return err;
}

/* In what the two events differ: argument by argument, field by field. */
static int show_arguments(const struct pair *p, uint64_t at, struct err *e)
{
	struct event x, y;
	own_buf b = { 0 };
	int err = event_at(p->a, at, &x, e);

	if (err > 0)
		err = event_at(p->b, at, &y, e);
	if (err <= 0)
		return err;
	sys_event_diff(&x, &y, &b);
	if (!b.failed)
		fwrite(b.p, 1, b.n, stdout);
	return 0;
}

static int show_difference(const struct pair *p, uint64_t at, struct err *e)
{
	unsigned context = p->args->jsonl ? 0 : p->args->context; /* there: one object of each */
	uint64_t from = at > context ? at - context : 0;
	int err = 0;

	if (!p->args->jsonl)
		printf("event %llu differs (%llu events against %llu)\n",
			(unsigned long long) at, (unsigned long long) trace_size(p->a),
			(unsigned long long) trace_size(p->b));
	if (!p->args->jsonl)
		err = show_arguments(p, at, e);
	for (uint64_t i = from; err == 0 && i < at; i++)
		err = show_event(p, p->a, i, "  ", e);
	if (err == 0)
		err = show_side(p, p->a, at, context, "- ", e);
	if (err == 0)
		err = show_side(p, p->b, at, context, "+ ", e);
	return err;
}

int trace_diff(const struct trace_args *a, struct err *e)
{
	own_cleanup(pair_drop) struct pair p = { .args = a };
	uint64_t at;
	int r = trace_open_path(a->pos[0], &p.a, e), headers;

	if (r == 0)
		r = trace_open_path(a->pos[1], &p.b, e);
	if (r < 0)
		return r;
	headers = diff_headers(&p, e);
	if (headers < 0)
		return headers;
	/* event 0 is the header's digest: what it differs in has been said */
	r = trace_compare(p.a, p.b, headers ? 1 : 0, &at, e);
	if (r > 0)
		r = show_difference(&p, at, e) < 0 ? -EBADMSG : 1;
	else if (r == 0 && !a->jsonl)
		printf(headers ? "all %llu events after the header are the same\n" :
				 "no difference in %llu events\n",
			(unsigned long long) trace_size(p.a) - (unsigned) headers);
	if (r < 0)
		return r;
	return trace_flush(e) < 0 ? -EIO : r || headers;
}
