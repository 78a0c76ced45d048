/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows know of an event: the names and texts of a call's arguments, strace's way. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/own.h"
#include "shim/show.h"
#include "shim/sys.h"
#include "shim/trace/print.h"

static const struct ev_val *val_of(const struct event *ev, unsigned arg)
{
	for (unsigned i = 0; i < ev->nval; i++)
		if (ev->val[i].arg == arg)
			return &ev->val[i];
	return NULL;
}

static bool by_command(const struct row *r)
{
	return r->policy == BY_SUB && r->nsub;
}

/* The row that served the call: of those below a BY_SUB row, the command's. */
static const struct row *event_row(const struct event *ev)
{
	const struct row *r = sys_row(ev->nr);
	const struct ev_val *v = by_command(r) ? val_of(ev, r->sub_arg) : NULL;

	for (unsigned i = 0; v && i < r->nsub; i++)
		if ((uint32_t) r->sub[i].nr == (uint32_t) v->i && r->sub[i].arg[0].kind != A_NONE)
			return &r->sub[i];
	return r;
}

static const struct arg *event_arg(const struct event *ev, unsigned arg)
{
	const struct row *r = ev->kind == EV_SYSCALL && arg < 6 ? event_row(ev) : NULL;

	return r && r->arg[arg].kind != A_NONE ? &r->arg[arg] : NULL;
}

static const char *name_of(uint32_t nr)
{
	return sys_row(nr)->name;
}

static const char *arg_of(const struct event *ev, unsigned arg)
{
	const struct arg *a = event_arg(ev, arg);

	return a ? a->name : NULL;
}

static bool put_command(const struct row *r, const struct ev_val *v, struct buf *b)
{
	for (unsigned i = 0; i + 1 < r->nsub; i++)
		if ((uint32_t) r->sub[i].nr == (uint32_t) v->i) {
			buf_str(b, r->sub[i].name);
			return true;
		}
	return false;
}

static bool put_bytes_as(const struct arg *a, const struct ev_val *v, bool full, struct buf *b)
{
	if (v->is_digest)
		return false;
	if (!v->n && (a->as || a->size)) { /* the program gave no address, or none came */
		buf_str(b, a->kind == A_OUT_RES ? "[]" : "NULL");
		return true;
	}
	return a->as && decode_put(a->as, v->p, v->n, full, b);
}

static bool put_value(const struct event *ev, const struct ev_val *v, bool full, struct buf *b)
{
	const struct arg *a = event_arg(ev, v->arg);
	const struct row *r = sys_row(ev->nr);

	if (!a)
		return false;
	if (v->type == EV_DATA)
		return put_bytes_as(a, v, full, b);
	if (v->type != EV_INT && v->type != EV_UINT)
		return false;
	if (by_command(r) && v->arg == r->sub_arg)
		return put_command(r, v, b);
	if (a->as)
		return decode_put(a->as, &v->i, sizeof v->i, full, b);
	return a->flags && put_flags(a->flags, (uint64_t) v->i, b);
}

static bool is_used(const struct event *ev, const struct arg *a)
{
	const struct ev_val *v = a->with_bits ? val_of(ev, a->with) : NULL;

	return !a->with_bits || !v || (uint64_t) v->i & a->with_bits;
}

/* In the program's order; an output that there is none of has its place all the same. */
static bool put_args(const struct event *ev, bool full, struct buf *b)
{
	const struct row *r = event_row(ev);
	size_t start = b->n;
	unsigned shown = 0;

	for (unsigned i = 0; i < 6 && r->arg[i].kind != A_NONE; i++) {
		const struct arg *a = &r->arg[i];
		const struct ev_val *v = val_of(ev, i);
		bool out = a->kind == A_OUT || a->kind == A_OUT_RES;

		shown += v != NULL;
		if (!(v ? is_used(ev, a) : out))
			continue;
		if (b->n > start)
			buf_str(b, ", ");
		if (!v)
			buf_byte(b, '?');
		else if (!put_value(ev, v, full, b))
			event_put_val(v, b);
	}
	if (shown != ev->nval)
		b->n = start; /* the trace knows arguments that the row doesn't */
	return shown == ev->nval;
}

const struct event_names *sys_event_names(void)
{
	static const struct event_names names = { name_of, arg_of, put_value, put_args, false };

	return &names;
}

const struct event_names *sys_event_names_full(void)
{
	static const struct event_names names = { name_of, arg_of, put_value, put_args, true };

	return &names;
}

/* ---- two events ---- */

struct differ {
	struct buf *b;
	const char *where; /* "argument st" */
	char place[64];    /* of an argument: for .where */
	unsigned n;
};

static void tell(struct differ *d, const char *field, const char *want, const char *got)
{
	const char *sep = !field || *field == '[' ? "" : ", field ";

	buf_printf(d->b, "  %s%s%s: expected %s, got %s\n", d->where, sep, field ? field : "", want,
		got);
	d->n++;
}

static void tell_field(void *ctx, const char *field, const char *want, const char *got)
{
	tell(ctx, field, want, got);
}

/* Two texts, told when they differ. */
static void compare_texts(struct differ *d, struct buf *want, struct buf *got)
{
	if (buf_cstr(want) && buf_cstr(got) && strcmp((char *) want->p, (char *) got->p) != 0)
		tell(d, NULL, (char *) want->p, (char *) got->p);
}

static bool same_val(const struct ev_val *a, const struct ev_val *b)
{
	if (!a || !b)
		return a == b;
	if (a->type != b->type || a->i != b->i || a->n != b->n || a->is_digest != b->is_digest)
		return false;
	return a->is_digest ? !memcmp(a->digest, b->digest, 32) : !a->n || !memcmp(a->p, b->p, a->n);
}

static void put_or_none(const struct event *ev, const struct ev_val *v, struct buf *b)
{
	if (!v)
		buf_str(b, "nothing");
	else if (ev->kind != EV_SYSCALL || !put_value(ev, v, true, b))
		event_put_val(v, b);
}

/* Strings one after another, each with its NUL: the first pair that differs. */
static bool diff_strings(struct differ *d, const struct ev_val *a, const struct ev_val *b)
{
	const char *p = a->p, *q = b->p, *pend, *qend;
	char name[32];

	if (a->is_digest || b->is_digest || !a->n || !b->n || p[a->n - 1] || q[b->n - 1])
		return false;
	pend = p + a->n;
	qend = q + b->n;
	for (unsigned i = 0; p < pend || q < qend; i++) {
		own_buf was = { 0 }, is = { 0 };

		if (p < pend && q < qend && !strcmp(p, q)) {
			p += strlen(p) + 1;
			q += strlen(q) + 1;
			continue;
		}
		if (p < pend)
			put_quoted(p, strlen(p), &was);
		if (q < qend)
			put_quoted(q, strlen(q), &is);
		snprintf(name, sizeof name, "[%u]", i);
		tell(d, name, p < pend && buf_cstr(&was) ? (char *) was.p : "nothing",
			q < qend && buf_cstr(&is) ? (char *) is.p : "nothing");
		return true;
	}
	return false;
}

static void diff_val(struct differ *d, const struct event *want, const struct event *got,
	const struct ev_val *a, const struct ev_val *b)
{
	const struct arg *arg = event_arg(want, a ? a->arg : b->arg);
	own_buf was = { 0 }, is = { 0 };

	if (same_val(a, b))
		return;
	if (a && b && a->type == EV_DATA && b->type == EV_DATA) {
		if (arg && arg->as && decode_diff(arg->as, a->p, a->n, b->p, b->n, tell_field, d))
			return;
		if (want->kind == EV_EXEC && diff_strings(d, a, b))
			return;
	}
	put_or_none(want, a, &was);
	put_or_none(got, b, &is);
	if (buf_cstr(&was) && buf_cstr(&is))
		tell(d, NULL, (char *) was.p, (char *) is.p);
}

static void where_arg(const struct event *ev, unsigned i, char *ret, size_t n)
{
	static const char *const exec[] = { "program", "argv", "environment" };
	const char *name = ev->kind == EV_EXEC && i < 3 ? exec[i] : arg_of(ev, i);

	if (ev->kind == EV_EXEC && i < 3)
		snprintf(ret, n, "%s", exec[i]);
	else if (name)
		snprintf(ret, n, "argument %s", name);
	else
		snprintf(ret, n, "value %u", i);
}

/* The arguments: a call's by their index, what else an event has by its place. */
static void diff_vals(struct differ *d, const struct event *want, const struct event *got)
{
	bool call = want->kind == EV_SYSCALL;
	unsigned n = call ? EV_MAXVAL : want->nval > got->nval ? want->nval : got->nval;

	for (unsigned i = 0; i < n; i++) {
		const struct ev_val *a = i < want->nval ? &want->val[i] : NULL;
		const struct ev_val *b = i < got->nval ? &got->val[i] : NULL;

		if (call) {
			a = val_of(want, i);
			b = val_of(got, i);
		}
		where_arg(want, i, d->place, sizeof d->place);
		d->where = d->place;
		if (a || b)
			diff_val(d, want, got, a, b);
	}
}

static void diff_head(struct differ *d, const struct event *want, const struct event *got)
{
	own_buf a = { 0 }, b = { 0 };

	if (want->task != got->task) {
		d->where = "task";
		buf_printf(&a, "%u", want->task);
		buf_printf(&b, "%u", got->task);
	} else if (want->vtime != got->vtime) {
		d->where = "virtual time";
		buf_printf(&a, "%llu ns", (unsigned long long) want->vtime);
		buf_printf(&b, "%llu ns", (unsigned long long) got->vtime);
	} else {
		return;
	}
	compare_texts(d, &a, &b);
}

static void diff_result(struct differ *d, const struct event *want, const struct event *got)
{
	own_buf a = { 0 }, b = { 0 };

	d->where = "result";
	event_put_result(want, &a);
	event_put_result(got, &b);
	compare_texts(d, &a, &b);
}

static void put_number(const struct event *ev, bool call, struct buf *b)
{
	if (call)
		buf_str(b, name_of(ev->nr));
	else
		buf_printf(b, "%u", ev->nr);
}

unsigned sys_event_diff(const struct event *want, const struct event *got, struct buf *b)
{
	struct differ d = { .b = b };

	if (want->kind != got->kind) {
		d.where = "kind of event";
		tell(&d, NULL, event_kind_name(want->kind), event_kind_name(got->kind));
		return d.n;
	}
	diff_head(&d, want, got);
	if (want->nr != got->nr) {
		bool call = want->kind == EV_SYSCALL || want->kind == EV_FORK;
		own_buf x = { 0 }, y = { 0 };

		d.where = call ? "system call" : "number";
		put_number(want, call, &x);
		put_number(got, call, &y);
		compare_texts(&d, &x, &y);
		return d.n;
	}
	diff_vals(&d, want, got);
	diff_result(&d, want, got);
	return d.n;
}
