/* SPDX-License-Identifier: Apache-2.0 */
/* One trapped call from its entry to its event. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>

#include "shim/engine.h"
#include "shim/filter.h"
#include "shim/sys/vclock.h"

static uint64_t arg_of(const struct user_regs_struct *g, unsigned i)
{
	switch (i) {
	case 0: return g->rdi;
	case 1: return g->rsi;
	case 2: return g->rdx;
	case 3: return g->r10;
	case 4: return g->r8;
	default: return g->r9;
	}
}

static void set_arg(struct user_regs_struct *g, unsigned i, uint64_t v)
{
	switch (i) {
	case 0: g->rdi = v; break;
	case 1: g->rsi = v; break;
	case 2: g->rdx = v; break;
	case 3: g->r10 = v; break;
	case 4: g->r8 = v; break;
	default: g->r9 = v; break;
	}
}

void world_fatal(struct world *w, int errnum, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (w->fatal)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (errnum)
		fail(&w->err, errnum, "%s", text);
	else
		fail_msg(&w->err, EIO, "%s", text);
	w->fatal = true;
}

/* ---- events ---- */

static void compare(struct world *w, const struct event *ev)
{
	if (w->expect && !w->result->diverged)
		replay_check(w, ev);
}

void engine_record(struct world *w, struct event *ev)
{
	struct err e = ERR_INIT;

	ev->vtime = w->last_vtime = w->now - w->start;
	compare(w, ev);
	w->nevents++;
	if (w->tw && trace_put(w->tw, ev, &e) < 0)
		world_fatal(w, 0, "%s", e.msg);
}

void engine_mark(struct world *w, struct task *t, enum ev_kind kind, uint32_t nr, int64_t res)
{
	struct event ev = { .kind = (uint8_t) kind, .task = t->nr, .nr = nr, .has_res = true,
		.res = res };

	if (!t->quiet)
		engine_record(w, &ev);
}

void engine_note(struct world *w, struct task *t, const char *text)
{
	struct event ev = { .kind = EV_NOTE, .task = t->nr };

	ev.nval = 1;
	ev.val[0] = (struct ev_val){ .type = EV_STR, .p = text, .n = strlen(text) };
	engine_record(w, &ev);
}

static size_t arg_size(const struct call *c, const struct arg *a)
{
	size_t n, one = a->size ? a->size : 1;

	if (a->kind != A_OUT_RES && a->len < 0)
		return a->size;
	n = a->kind == A_OUT_RES ? (size_t) c->ret : (size_t) c->a[a->len];
	return n > SIZE_MAX / one ? SIZE_MAX : n * one;
}

/* Input bytes of a call that its handler has not staged: read now, for their digest. */
static void val_in(struct call *c, unsigned i, const struct arg *a, struct ev_val *v)
{
	size_t n = arg_size(c, a);

	if (!c->out[i].p && c->a[i] && n <= (1u << 20))
		in(c, i, n);
	v->type = EV_DATA;
	v->p = c->out[i].p;
	v->n = c->out[i].p ? c->out[i].n : 0;
}

static void val_out(struct call *c, unsigned i, const struct arg *a, struct ev_val *v)
{
	size_t n = arg_size(c, a);

	if (!c->out[i].set && c->a[i] && n && n <= (1u << 20)) {
		void *p = call_mem(c, n);

		if (in_at(c, c->a[i], p, n) == 0)
			c->out[i] = (struct staged){ .p = p, .n = n };
	}
	v->type = EV_DATA;
	v->out = true;
	v->p = c->out[i].p;
	v->n = c->out[i].p ? c->out[i].n : 0;
}

/* False: the argument has no place in the event. */
static bool val_of(struct call *c, unsigned i, const struct arg *a, struct ev_val *v)
{
	const char *s;

	v->arg = (uint8_t) i;
	v->i = (int64_t) c->a[i];
	switch ((enum arg_kind) a->kind) {
	case A_INT:
		v->type = EV_INT;
		if (!(c->a[i] >> 32)) /* an int in a 64-bit register: the upper half is not set */
			v->i = (int32_t) c->a[i];
		return true;
	case A_UINT: v->type = EV_UINT; return true;
	case A_PTR: v->type = EV_PTR; return true;
	case A_FD:
		v->type = EV_FD;
		v->i = (int32_t) c->a[i];
		return true;
	case A_PATH:
		if (in_path(c, i, &s) < 0) {
			v->type = EV_PTR;
			return true;
		}
		v->type = EV_STR;
		v->p = s;
		v->n = strlen(s);
		return true;
	case A_IN: val_in(c, i, a, v); return true;
	case A_OUT:
	case A_OUT_RES:
		if (c->ret < 0 || c->verdict == V_RUN)
			return false;
		val_out(c, i, a, v);
		return true;
	case A_NONE:
	case A_HIDE: break;
	}
	return false;
}

static bool recorded(const struct call *c)
{
	return !c->quiet && !c->t->quiet && c->row->policy != PASS && !(c->row->flags & QUIET);
}

static void record_call(struct call *c, bool has_res)
{
	struct event ev;

	if (!c->w->tw && !c->w->expect)
		return;
	ev.kind = EV_SYSCALL;
	ev.task = c->t->nr;
	ev.nr = c->nr;
	ev.has_res = has_res;
	ev.res = has_res ? c->ret : 0;
	ev.nval = 0;
	for (unsigned i = 0; i < 6 && c->row->arg[i].kind != A_NONE; i++) {
		memset(&ev.val[ev.nval], 0, offsetof(struct ev_val, digest));
		if (val_of(c, i, &c->row->arg[i], &ev.val[ev.nval]))
			ev.nval++;
	}
	engine_record(c->w, &ev);
}

/* ---- the way of a call ---- */

static void finish(struct call *c, bool has_res)
{
	struct task *t = c->t;

	if (has_res && call_flush(c) < 0)
		c->ret = -EFAULT;
	if (c->gone)
		return;
	if (recorded(c))
		record_call(c, has_res);
	world_step(c->w);
	t->slice++;
	t->calls++;
	if ((t->asked | t->times_ns) && !(sys_row(c->nr)->flags & MEASURES))
		vclock_done_else(t);
}

static void result_dirty(struct task *t)
{
	if (t->regs_dirty == REGS_CLEAN)
		t->regs_dirty = REGS_RESULT;
}

static void done(struct task *t)
{
	struct call *c = &t->c;

	finish(c, true);
	if (t->at == STOP_ENTRY)
		t->regs.orig_rax = (unsigned long long) -1;
	t->regs.rax = (unsigned long long) c->ret;
	if (!t->notice)
		result_dirty(t);
	t->undone = false;
	t->how = PTRACE_CONT;
	t->state = T_READY;
}

/* False: it is dead. */
static bool take_back(struct task *t)
{
	if (!t->notice)
		return true;
	t->undone = notify_take_back(t, RESTARTNOINTR) == 0;
	return t->undone;
}

static void run_native(struct task *t, bool leave)
{
	struct call *c = &t->c;

	leave |= c->karg;
	t->state = T_READY;
	t->go_on = true;
	if ((t->notice && !leave) || !take_back(t))
		return; /* the answer lets it go on; or it is dead */
	if (t->undone) {
		notify_rerun(t, leave);
		return;
	}
	if (t->marked && !leave) { /* the kernel may still not see it without its mark */
		t->rerun = RERUN_RUN;
		t->r9 = c->a[5];
		leave = true;
	}
	t->marked = false;
	if (leave && t->notifies && sys_row(c->nr)->flags & (NOTIFY | NOTIFY_OURS)) {
		c->karg = true; /* the kernel asks the filter again, about what it gets now */
		c->k[5] = FILTER_TRACE_IT;
	}
	if (c->karg) {
		for (unsigned i = 0; i < 6; i++)
			set_arg(&t->regs, i, c->k[i]);
		t->regs_dirty = REGS_ARGS;
	}
	t->how = leave ? PTRACE_SYSCALL : PTRACE_CONT;
}

/*
 * The kernel was asked once more, and nothing else has happened: those that wait need not try again. Else
 * two of them would, because of each other, for ever.
 */
static bool in_vain(const struct world *w, const struct task *t)
{
	return t->at == STOP_EXIT && t->c.again && t->c.wait.kind == W_IO && w->turn == t->tried + 1;
}

static void park(struct world *w, struct task *t)
{
	if (!take_back(t)) {
		t->state = T_READY;
		return;
	}
	if (in_vain(w, t)) {
		w->turn = t->tried;
		w->spin.runs = t->runs;
	}
	t->state = T_BLOCKED;
	t->tried = w->turn;
	t->sigcheck = true; /* one may have come before the wait */
	if (t->c.wait.kind == W_FUTEX)
		futex_join(w, t);
}

/*
 * A call that the kernel may have to run in the end parks at its entry, for real: a signal that
 * comes meanwhile is delivered after it, not before.
 */
static void park_at_entry(struct world *w, struct task *t)
{
	enum policy p = t->c.row->policy;

	if (!t->notice || p == EMULATE || p == INPUT) {
		park(w, t);
		return;
	}
	t->state = T_READY;
	if (!take_back(t))
		return;
	notify_rerun(t, false);
	t->rerun = RERUN_PARK;
}

static void act(struct world *w, struct task *t, long r)
{
	struct call *c = &t->c;

	switch (c->verdict) {
	case V_DONE:
		c->ret = r;
		done(t);
		break;
	case V_RUN:
		finish(c, false);
		run_native(t, false);
		break;
	case V_LEAVE: run_native(t, true); break;
	case V_BLOCK: park_at_entry(w, t); break;
	}
}

static long deny(struct call *c)
{
	struct task *t = c->t;

	if (c->row->flags & NOTED && c->nr < 512 && !(t->denied[c->nr / 32] & 1u << c->nr % 32)) {
		t->denied[c->nr / 32] |= 1u << c->nr % 32;
		call_note(c, "%s refused: %s", c->row->name, c->row->why);
	}
	return c->row->err ? -c->row->err : -ENOSYS;
}

static long by_policy(struct call *c)
{
	switch (c->row->policy) {
	case PASS: return call_run(c);
	case DENY: return deny(c);
	case OBSERVE:
	case FIXUP:
	case INPUT: return call_run_leave(c);
	case EMULATE:
	case BY_FD:
	case BY_SUB: break;
	}
	must(!"a row without handler");
	return -ENOSYS;
}

static long enter(struct call *c)
{
	const struct row *row = c->row;

	net_settle(c->w);
	if (row->policy == BY_SUB && !row->enter) {
		const struct row *sub = row->sub;

		for (unsigned i = 0; i < row->nsub; i++)
			if ((uint32_t) sub[i].nr == (uint32_t) c->a[row->sub_arg] ||
				i + 1 == row->nsub) { /* the last one answers what is not listed */
				c->row = row = &sub[i];
				break;
			}
	}
	return row->enter ? row->enter(c) : by_policy(c);
}

void engine_entry(struct world *w, struct task *t)
{
	struct call *c = &t->c;
	uint32_t nr = (uint32_t) t->regs.orig_rax;
	/* the same call, tried again from its exit stop; else a handler came between */
	bool again = t->retrying && nr == c->nr && t->regs.rip == t->retry_ip;
	bool timed_out = again && c->timed_out;

	t->retrying = t->marked = false;
	if (w->ino.gone > w->ino.left + SWEEP_AT)
		inode_sweep(w);
	if (!again)
		memset(c->scratch, 0, sizeof c->scratch);
	call_begin(c, w, t, sys_row(nr));
	c->again = again;
	c->timed_out = timed_out;
	c->nr = nr;
	for (unsigned i = 0; i < 6; i++)
		c->a[i] = c->k[i] = arg_of(&t->regs, i);
	t->at = STOP_ENTRY;
	if (!(c->row->flags & CACHE_KEEP))
		rw_cache_drop(w);
	act(w, t, enter(c));
}

void engine_notified(struct world *w, struct task *t)
{
	const struct seccomp_notif *n = &w->note;
	struct user_regs_struct *g = &t->regs;

	g->orig_rax = (unsigned long long) (unsigned) n->data.nr;
	g->rip = n->data.instruction_pointer;
	for (unsigned i = 0; i < 6; i++)
		set_arg(g, i, n->data.args[i]);
	engine_entry(w, t);
}

void engine_rerun(struct task *t)
{
	bool parks = t->rerun == RERUN_PARK;

	if (t->rerun != RERUN_RUN)
		t->rerun = RERUN_NO;
	if (!parks) {
		run_native(t, true);
		return;
	}
	t->regs.r9 = t->r9;
	t->regs_dirty = REGS_ARGS;
	t->marked = true;
	park(t->c.w, t);
}

bool engine_rerun_exit(struct task *t)
{
	if (t->rerun != RERUN_RUN)
		return false;
	t->rerun = RERUN_NO;
	t->regs.r9 = t->r9;
	t->regs_dirty = REGS_ARGS;
	t->how = PTRACE_CONT;
	t->state = T_READY;
	return true;
}

void engine_exit(struct world *w, struct task *t)
{
	struct call *c = &t->c;

	must(c->w == w);
	t->at = STOP_EXIT;
	c->leaving = true;
	c->ret = (long) t->regs.rax;
	c->verdict = V_DONE;
	if (c->karg) {
		for (unsigned i = 0; i < 6; i++)
			set_arg(&t->regs, i, c->a[i]);
		t->regs_dirty = REGS_ARGS;
	}
	if (c->row->leave)
		c->row->leave(c);
	if (c->verdict == V_BLOCK) {
		park(w, t);
		return;
	}
	if (c->ret == RESTARTSYS || c->ret == RESTARTNOHAND || c->ret == RESTARTNOINTR ||
		c->ret == RESTART_BLOCK) { /* the kernel restarts it: a new call then */
		t->how = PTRACE_CONT;
		t->state = T_READY;
		return;
	}
	finish(c, true);
	if ((long) t->regs.rax != c->ret) {
		t->regs.rax = (unsigned long long) c->ret;
		result_dirty(t);
	}
	t->how = PTRACE_CONT;
	t->state = T_READY;
}

/* Parked at the entry: enter() again. Parked at the exit: the kernel runs it again from its start. */
void engine_retry(struct world *w, struct task *t)
{
	struct call *c = &t->c;

	c->again = true;
	net_settle(w);
	futex_leave(w, t);
	t->c.wait.kind = W_NONE;
	if (t->at == STOP_ENTRY) {
		call_again(c);
		act(w, t, enter(c));
		return;
	}
	t->retrying = true;
	t->retry_ip = t->regs.rip;
	t->regs.rip -= 2;
	t->regs.rax = c->nr;
	t->regs_dirty = REGS_ARGS;
	t->how = PTRACE_CONT;
	t->state = T_READY;
}

void engine_pause(struct world *w, struct task *t)
{
	/* else it always fails then, or part of it is done, and that is its result */
	if (!t->c.wait.intr || t->c.wait.intr <= RESTARTSYS)
		t->c.wait.intr = RESTARTNOINTR;
	engine_interrupt(w, t);
}

void engine_interrupt(struct world *w, struct task *t)
{
	struct call *c = &t->c;
	int intr = c->wait.intr ? c->wait.intr : RESTARTSYS;

	c->ret = intr;
	if (c->row->flags & INTR_LEAVE)
		c->row->leave(c);
	if (recorded(c)) {
		c->verdict = V_RUN; /* no outputs */
		record_call(c, true);
	}
	world_step(w);
	if (t->at == STOP_ENTRY && c->has_mask) { /* the kernel's own call ends at once */
		t->how = c->row->flags & INTR_LEAVE ? PTRACE_SYSCALL : PTRACE_CONT;
	} else if (t->at == STOP_ENTRY && !t->undone) {
		t->regs.orig_rax = (unsigned long long) -1;
		t->regs_dirty = REGS_ARGS;
		t->interrupted = intr;
		t->how = PTRACE_SYSCALL; /* its exit stop sets the restart code */
	} else {
		t->regs.orig_rax = c->nr;
		t->regs.rax = (unsigned long long) (long) intr;
		t->regs_dirty = REGS_ARGS;
		t->how = PTRACE_CONT;
	}
	t->undone = false;
	futex_leave(w, t);
	c->wait.kind = W_NONE;
	t->state = T_READY;
}
