/* SPDX-License-Identifier: Apache-2.0 */
/* Events as strace-like lines. Bytes of the guest are escaped: a terminal must not obey them. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/hash.h"
#include "runtime/base/own.h"
#include "shim/trace/print.h"

static const char *const kinds[EV_KIND_MAX] = {
	[EV_START] = "start", [EV_SYSCALL] = "syscall", [EV_SIGNAL] = "signal",
	[EV_FORK] = "fork", [EV_EXEC] = "exec", [EV_EXIT] = "exit", [EV_SCHED] = "sched",
	[EV_INPUT] = "input", [EV_PREEMPT] = "preempt", [EV_NOTE] = "note", [EV_END] = "end",
};

const char *event_kind_name(uint8_t kind)
{
	return kind < EV_KIND_MAX ? kinds[kind] : "?";
}

void put_signal(uint32_t nr, struct buf *b)
{
	const char *s = nr && nr < 32 ? sigabbrev_np((int) nr) : NULL;

	if (s)
		buf_printf(b, "SIG%s", s);
	else
		buf_printf(b, "signal %u", nr);
}

void put_quoted(const void *p, size_t n, struct buf *b)
{
	const uint8_t *s = p;

	buf_byte(b, '"');
	for (size_t i = 0; i < n; i++) {
		static const char plain[] = "\a\b\t\n\v\f\r\"\\", esc[] = "abtnvfr\"\\";
		const char *at = s[i] ? strchr(plain, s[i]) : NULL;

		if (at)
			buf_printf(b, "\\%c", esc[at - plain]);
		else if (s[i] >= 0x20 && s[i] < 0x7f)
			buf_byte(b, s[i]);
		else /* the shortest form that the next character can't become part of */
			buf_printf(b, i + 1 < n && s[i + 1] >= '0' && s[i + 1] <= '7' ? "\\%03o" :
				"\\%o", s[i]);
	}
	buf_byte(b, '"');
}

/* Mostly text: the rest can be escaped. */
static bool is_text(const uint8_t *s, size_t n)
{
	size_t odd = 0;

	for (size_t i = 0; i < n; i++)
		odd += (s[i] < 0x20 || s[i] >= 0x7f) && s[i] != '\n' && s[i] != '\t';
	return odd <= n / 4;
}

static void put_hex(const uint8_t *s, size_t n, struct buf *b)
{
	buf_str(b, "x\"");
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%02x", s[i]);
	buf_byte(b, '"');
}

static void put_digest(const struct ev_val *v, struct buf *b)
{
	char h[65];

	buf_printf(b, "<%zu bytes, sha256:%.16s>", v->n, hex(v->digest, 32, h));
}

void event_put_val(const struct ev_val *v, struct buf *b)
{
	switch (v->type) {
	case EV_INT:
		buf_printf(b, "%lld", (long long) v->i);
		break;
	case EV_FD:
		if (v->i == AT_FDCWD)
			buf_str(b, "AT_FDCWD");
		else
			buf_printf(b, "%lld", (long long) v->i);
		break;
	case EV_UINT:
	case EV_PTR:
		if (v->type == EV_PTR && !v->i)
			buf_str(b, "NULL");
		else
			buf_printf(b, v->type == EV_PTR || (uint64_t) v->i > 0xffff ? "0x%llx" : "%llu",
				(unsigned long long) v->i);
		break;
	default:
		if (v->is_digest)
			put_digest(v, b);
		else if (v->type == EV_DATA && !is_text(v->p, v->n))
			put_hex(v->p, v->n, b);
		else
			put_quoted(v->p, v->n, b);
	}
}

static void put_named_val(const struct event *ev, const struct ev_val *v,
	const struct event_names *n, struct buf *b)
{
	if (ev->kind == EV_SYSCALL && n && n->value && n->value(ev, v, n->full, b))
		return;
	event_put_val(v, b);
}

static void put_vals(const struct event *ev, const struct event_names *n, struct buf *b)
{
	if (ev->kind == EV_SYSCALL && n && n->args && n->args(ev, n->full, b))
		return;
	for (unsigned i = 0; i < ev->nval; i++) {
		if (i)
			buf_str(b, ", ");
		put_named_val(ev, &ev->val[i], n, b);
	}
}

static void put_syscall_name(uint32_t nr, const struct event_names *n, struct buf *b)
{
	const char *name = n && n->syscall ? n->syscall(nr) : NULL;

	if (name)
		buf_str(b, name);
	else
		buf_printf(b, "syscall_%u", nr);
}

const char *errno_name(int64_t res)
{
	return res < 0 && res >= -4095 ? strerrorname_np((int) -res) : NULL;
}

/* A call that a signal ended: what the kernel makes of it then. */
static const char *restart_name(int64_t res)
{
	switch (res) {
	case -512: return "ERESTARTSYS (To be restarted if SA_RESTART is set)";
	case -513: return "ERESTARTNOINTR (To be restarted)";
	case -514: return "ERESTARTNOHAND (To be restarted if no handler)";
	case -516: return "ERESTART_RESTARTBLOCK (Interrupted by signal)";
	}
	return NULL;
}

void event_put_result(const struct event *ev, struct buf *b)
{
	const char *name = errno_name(ev->res), *restart = restart_name(ev->res);

	if (!ev->has_res)
		buf_byte(b, '?');
	else if (restart)
		buf_printf(b, "? %s", restart);
	else if (name)
		buf_printf(b, "-1 %s (%s)", name, strerror((int) -ev->res));
	else
		buf_printf(b, ev->res > 0xffffffff ? "0x%llx" : "%lld", (unsigned long long) ev->res);
}

/* NUL-terminated strings: argv and environ of an exec. */
static void put_strings(const struct ev_val *v, struct buf *b)
{
	const char *p = v->p, *end = p ? p + v->n : NULL;

	if (v->is_digest || (v->n && end[-1])) {
		event_put_val(v, b);
		return;
	}
	buf_byte(b, '[');
	while (p < end) {
		size_t n = strlen(p); /* the last one has its NUL */

		put_quoted(p, n, b);
		p += n + 1;
		if (p < end)
			buf_str(b, ", ");
	}
	buf_byte(b, ']');
}

static void put_count(const struct ev_val *v, struct buf *b)
{
	const uint8_t *p = v->p;
	size_t n = 0;

	if (v->is_digest) {
		event_put_val(v, b);
		return;
	}
	for (size_t i = 0; i < v->n; i++)
		n += !p[i];
	buf_printf(b, "[/* %zu vars */]", n);
}

static void put_exec(const struct event *ev, bool full, struct buf *b)
{
	buf_str(b, "execve(");
	for (unsigned i = 0; i < ev->nval; i++) {
		if (i)
			buf_str(b, ", ");
		if (ev->val[i].type != EV_DATA)
			event_put_val(&ev->val[i], b);
		else if (i == 2 && !full)
			put_count(&ev->val[i], b);
		else
			put_strings(&ev->val[i], b);
	}
	buf_str(b, ") = 0");
}

static void put_exit(const struct event *ev, struct buf *b)
{
	unsigned sig = (unsigned) ev->res & 0x7f;

	if (!ev->has_res) {
		buf_str(b, "+++ exited +++");
	} else if (sig) {
		buf_str(b, "+++ killed by ");
		put_signal(sig, b);
		buf_str(b, " +++");
	} else {
		buf_printf(b, "+++ exited with %lld +++", (long long) (ev->res >> 8));
	}
}

static void put_delivery(const struct event *ev, struct buf *b)
{
	buf_str(b, "--- ");
	put_signal(ev->nr, b);
	buf_str(b, " {si_signo=");
	put_signal(ev->nr, b);
	if (ev->nval > 0)
		buf_printf(b, ", si_code=%lld", (long long) ev->val[0].i);
	if (ev->nval > 1)
		buf_printf(b, ", si_pid=%lld", (long long) ev->val[1].i);
	buf_str(b, "} ---");
}

/* What is not a system call. */
static void put_other(const struct event *ev, const struct event_names *n, struct buf *b)
{
	switch (ev->kind) {
	case EV_SIGNAL:
		put_delivery(ev, b);
		return;
	case EV_FORK:
		buf_str(b, "+++ ");
		put_syscall_name(ev->nr, n, b);
		buf_printf(b, " made task %lld", (long long) ev->res);
		if (ev->nval)
			buf_printf(b, ", flags 0x%llx", (unsigned long long) ev->val[0].i);
		buf_str(b, " +++");
		return;
	case EV_EXEC:
		put_exec(ev, n && n->full, b);
		return;
	case EV_EXIT:
		put_exit(ev, b);
		return;
	case EV_END:
		buf_printf(b, "+++ end: exit status %lld +++", (long long) ev->res);
		return;
	default:
		buf_printf(b, "+++ %s", event_kind_name(ev->kind));
		if (ev->nr)
			buf_printf(b, " %u", ev->nr);
	}
	if (ev->nval)
		buf_byte(b, ' ');
	put_vals(ev, n, b);
	buf_str(b, " +++");
}

void event_print(const struct event *ev, uint64_t number, const struct event_names *n,
	struct buf *b)
{
	buf_printf(b, "%-8llu [%u] %llu.%09llu ", (unsigned long long) number, ev->task,
		(unsigned long long) (ev->vtime / 1000000000),
		(unsigned long long) (ev->vtime % 1000000000));
	if (ev->kind != EV_SYSCALL) {
		put_other(ev, n, b);
		return;
	}
	put_syscall_name(ev->nr, n, b);
	buf_byte(b, '(');
	put_vals(ev, n, b);
	buf_str(b, ") = ");
	event_put_result(ev, b);
}
