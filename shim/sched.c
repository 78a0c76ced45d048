/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who runs next. One task holds the run token until it blocks, exits or has used its slice; then
 * the next one in order of birth that can run takes it. When all wait, the clock jumps.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/engine.h"

enum {
	SLICE = 2000,	  /* trapped calls, or up to UNEVEN fewer */
	WAY = 16,	  /* of them, on the average, for each time that it gives way */
	UNEVEN = 16,
	LAP = 1000, /* who is born once so many were since all have been asked has to wait for the next time */
	SAVED = 64 * WAY, /* for when it has not done so for long */
};

#define BIT(sig) (1ull << ((sig) -1))
#define DEFAULT_IGNORED (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))

void signals_sent(struct world *w, struct proc *p)
{
	w->turn++; /* a signalfd may be ready */
	for (struct task *t = p ? p->threads : w->tasks; t; t = p ? t->next_thread : t->next)
		t->sigcheck = true;
}

/* A parked task has a signal that its program would notice: the call gives way. */
static bool look_for_signal(struct world *w, struct task *t)
{
	struct sigstate s;
	uint64_t blocked, live;

	t->sigcheck = false;
	if (t->c.wait.kind == W_VFORK || task_signals(w, t, &s) < 0)
		return false;
	if (t->c.wait.kind == W_SIGNAL && t->c.wait.key2 == 1 && s.pending & t->c.wait.key1) {
		engine_retry(w, t);
		return t->state == T_READY;
	}
	blocked = t->c.has_mask ? t->c.mask : s.blocked;
	blocked &= ~(BIT(SIGKILL) | BIT(SIGSTOP));
	live = s.pending & ~blocked;
	if (live & (s.caught | ~(s.ignored | DEFAULT_IGNORED))) {
		if (live & s.caught)
			t->sleep_until = 0;
		engine_interrupt(w, t);
		return true;
	}
	return false;
}

void wake_children_waiters(struct world *w, struct proc *parent)
{
	struct task *t = parent ? parent->threads : w->tasks;

	for (; t; t = parent ? t->next_thread : t->next)
		if (t->state == T_BLOCKED && t->c.wait.kind == W_CHILD)
			t->c.wait.kind = W_IO, t->tried = 0; /* to be tried at its next turn */
}

/* ---- futexes: a ring of waiters for each, in order of arrival ---- */

struct futex_wait *futex_waiter(struct world *w, uint64_t k1, uint64_t k2)
{
	uint64_t *v = map_get(&w->futexes, k1, k2);

	return v ? (struct futex_wait *) *v : NULL;
}

static void set_first(struct world *w, struct futex_wait *f)
{
	must_mem(map_put(&w->futexes, f->key1, f->key2, (uint64_t) f) == 0);
}

static void join(struct world *w, struct futex_wait *f)
{
	struct futex_wait *first = futex_waiter(w, f->key1, f->key2), *at = first;

	f->next = f->prev = f;
	if (first) {
		while (at->prev->seq > f->seq && (at = at->prev) != first)
			; /* who waits anew after a try has kept its place */
		f->next = at;
		f->prev = at->prev;
		at->prev->next = f;
		at->prev = f;
	}
	if (!first || f->seq < first->seq)
		set_first(w, f);
}

static void leave(struct world *w, struct futex_wait *f)
{
	if (!f->next)
		return;
	if (f->next == f)
		map_del(&w->futexes, f->key1, f->key2);
	else if (futex_waiter(w, f->key1, f->key2) == f)
		set_first(w, f->next);
	f->next->prev = f->prev;
	f->prev->next = f->next;
	f->next = f->prev = NULL;
}

void futex_join(struct world *w, struct task *t)
{
	const struct wait *wt = &t->c.wait;
	uint64_t seq = t->c.again ? t->queued.seq : ++w->next_futex;

	t->queued = (struct futex_wait){ t, wt->key1, wt->key2, seq, wt->mask, NULL, NULL };
	if (!t->places)
		join(w, &t->queued);
	for (unsigned i = 0; i < t->nplaces; i++) {
		t->places[i].t = t;
		t->places[i].seq = seq;
		t->places[i].mask = ~0u;
		join(w, &t->places[i]);
	}
}

void futex_leave(struct world *w, struct task *t)
{
	leave(w, &t->queued);
	for (unsigned i = 0; i < t->nplaces; i++)
		leave(w, &t->places[i]);
	free(t->places);
	t->places = NULL;
	t->nplaces = 0;
}

static struct futex_wait *first_waiter(struct world *w, uint64_t k1, uint64_t k2, uint32_t mask)
{
	struct futex_wait *first = futex_waiter(w, k1, k2), *f = first;

	while (f && !(f->mask & mask))
		f = f->next != first ? f->next : NULL;
	return f;
}

/*
 * Turns of one length keep step with loops of 2, 4, 8 calls: who polls with Python's lock would have it each
 * time that it leaves off, and nobody else ever. So lengths differ, by a hash of how many calls there were.
 */
static unsigned uneven(const struct task *t)
{
	return (unsigned) ((t->calls * 0x9e3779b97f4a7c15ull) >> 32) % UNEVEN;
}

/*
 * Who wakes another one gives way to it, as long as that is seldom among its calls: from then on it may
 * make none, in a loop that ends, or goes fast, by what the other one does (Java's compilers).
 */
static void give_way(struct task *t)
{
	uint64_t from, left;

	if (!t)
		return;
	from = t->calls > SAVED ? t->calls - SAVED : 0;
	from = (t->gave_way > from ? t->gave_way : from) + WAY - UNEVEN / 2 + uneven(t);
	left = from > t->calls ? from - t->calls : 0;
	if (t->slice + left >= SLICE)
		return; /* soon, anyway */
	t->gave_way = from;
	t->slice = SLICE - left;
}

long wake_futex(struct world *w, uint64_t k1, uint64_t k2, uint32_t mask, long n)
{
	long woken = 0;

	while (woken < n) {
		struct futex_wait *f = first_waiter(w, k1, k2, mask);

		if (!f)
			break;
		f->t->woken_at = f->t->places ? (unsigned) (f - f->t->places) : 0;
		engine_retry(w, f->t);
		woken++;
	}
	if (woken)
		give_way(w->cur);
	return woken;
}

long requeue_futex(struct world *w, uint64_t k1, uint64_t k2, uint64_t n1, uint64_t n2, long wake,
	long move)
{
	long n = wake_futex(w, k1, k2, ~0u, wake);
	struct futex_wait *f;

	for (; move-- > 0 && (f = first_waiter(w, k1, k2, ~0u)); n++) {
		leave(w, f);
		f->key1 = n1;
		f->key2 = n2;
		f->seq = ++w->next_futex;
		join(w, f);
	}
	return n;
}

void world_signal(struct world *w, struct task *t, int sig, bool to_group)
{
	if (to_group)
		kill(t->proc->pid, sig);
	else
		syscall(SYS_tgkill, t->proc->pid, t->pid, sig);
	signals_sent(w, t->proc);
}

/* ---- choosing ---- */

/* It can't make its call before it gets one of these. */
static bool no_delay(struct world *w, struct task *t)
{
	struct sigstate s;

	return t->at == STOP_EXIT && t->sigcheck && task_signals(w, t, &s) == 0 &&
		s.pending & (BIT(SIGKILL) | BIT(SIGSTOP));
}

static bool try_again(struct world *w, struct task *t)
{
	if ((t->c.wait.kind != W_IO && (t->c.wait.kind != W_INPUT || !t->c.wait.key2)) ||
		t->tried == w->turn || (t->c.wait.watched && !t->c.wait.news) ||
		no_delay(w, t))
		return false;
	t->tried = w->turn;
	t->runs = w->spin.runs;
	t->c.tries++;
	engine_retry(w, t);
	if (t->state == T_READY && t->retrying && t->sigcheck)
		tracee_hold_signals(t);
	return t->state == T_READY;
}

static bool can_run(struct world *w, struct task *t)
{
	if (t->tracer)
		return false;
	if (t->state == T_READY) {
		if (t->until && spin_until(w, t))
			return false;
		t->parked &= t->tried == w->spin.runs || w->now < t->rest;
		return !t->parked;
	}
	if (t->state != T_BLOCKED)
		return false;
	if (t->c.wait.deadline <= w->now && t->c.wait.kind != W_NONE) {
		t->c.timed_out = true;
		engine_retry(w, t);
		if (t->state == T_READY)
			return true;
	}
	/* as in the kernel, what there is comes before a signal that has come meanwhile */
	return try_again(w, t) || (t->state == T_BLOCKED && t->sigcheck && look_for_signal(w, t));
}

/* A chain of daemons, each born last by the one before, would keep the turn from all others. */
static struct task *scan(struct world *w, struct task *from)
{
	struct task *t, *late;

	for (t = from; t && t->nr <= w->lap + LAP; t = t->next)
		if (can_run(w, t))
			return t;
	late = t;
	w->lap = w->next_task;
	for (t = w->tasks; t != from; t = t->next)
		if (can_run(w, t))
			return t;
	for (t = late; t; t = t->next)
		if (can_run(w, t))
			return t;
	return NULL;
}

uint64_t sched_deadline(struct world *w)
{
	uint64_t d = timers_next(w), f = timerfd_next_deadline(w);

	if (f < d)
		d = f;
	for (struct task *t = w->tasks; t; t = t->next) {
		uint64_t at = NO_DEADLINE;

		if (t->tracer)
			continue;
		if (t->state == T_BLOCKED && t->c.wait.kind != W_NONE)
			at = t->c.wait.deadline;
		else if (t->state == T_READY && (t->until || t->parked))
			at = t->until ? t->until : timers_cpu_next(w, t->proc);
		if (at < d)
			d = at;
	}
	return d;
}

static const char *wait_name(const struct task *t)
{
	switch (t->c.wait.kind) {
	case W_CHILD: return "a child";
	case W_FUTEX: return "a futex";
	case W_IO: return "a descriptor";
	case W_TIME: return "time";
	case W_VFORK: return "its vfork child";
	case W_SIGNAL: return "a signal";
	case W_INPUT: return "input";
	case W_NONE: break;
	}
	return "nothing";
}

static bool waits_for_child(const struct task *t)
{
	return !t->parked && t->state != T_STOPPED &&
		(t->c.wait.kind == W_CHILD || t->c.wait.kind == W_VFORK);
}

static int say_wait(const struct task *t, char *text, size_t cap)
{
	return snprintf(text, cap, "task %u in %s waits for %s", t->nr,
		t->parked ? "a loop" : t->state == T_STOPPED ? "a stop"
			: t->c.row ? sys_row(t->c.nr)->name : "?",
		t->parked ? "memory to change" : wait_name(t));
}

/* Those who wait for a child would go on if that did: it is the others who matter. */
static void deadlock(struct world *w)
{
	unsigned parents = 0, more = 0;
	char text[600];
	size_t n = 0;

	text[0] = 0;
	for (struct task *t = w->tasks; t; t = t->next) {
		if (waits_for_child(t)) {
			parents++;
		} else if (n > sizeof text - 128) { /* room for one and the sums */
			more++;
		} else {
			n += n ? (size_t) snprintf(text + n, sizeof text - n, ", ") : 0;
			n += (size_t) say_wait(t, text + n, sizeof text - n);
		}
	}
	if (more)
		n += (size_t) snprintf(text + n, sizeof text - n, ", %u more", more);
	if (parents)
		snprintf(text + n, sizeof text - n, "%s%u for a child", n ? ", " : "", parents);
	world_fatal(w, 0, "the program is deadlocked (%s): it would wait for ever", text);
}

/* Who rests though somebody has run since it was looked at. */
static bool wake_resting(struct world *w)
{
	bool any = false;

	for (struct task *t = w->tasks; t; t = t->next) {
		any |= t->state == T_READY && t->parked && t->tried != w->spin.runs;
		t->rest = 0;
	}
	return any;
}

void sched_pass(struct world *w, uint64_t to)
{
	if (to <= w->now)
		return;
	for (struct task *t = w->tasks; t; t = t->next)
		if (t->state == T_READY && t->parked && !t->until)
			world_computed(t, to - w->now);
	w->now = to;
}

/* Nobody can run: the clock jumps to the next deadline, or the outside world moves, or it's over. */
static bool idle(struct world *w)
{
	uint64_t d = sched_deadline(w);

	if (wake_resting(w) || (d == NO_DEADLINE && watch_doubt(w)))
		return true;
	if (outside_idle(w, d))
		return true;
	if (d == NO_DEADLINE) {
		deadlock(w);
		return false;
	}
	sched_pass(w, d);
	timers_fire(w);
	timerfd_fire(w);
	w->spin.runs++;
	w->turn++;
	return true;
}

static void pass_token(struct world *w, struct task *t)
{
	w->turn++;
	t->slice = uneven(t);
	if (w->cur != t) {
		w->cur = t;
		engine_mark(w, t, EV_SCHED, 0, 0);
	}
}

struct task *sched_next(struct world *w)
{
	struct task *t;

	if (w->tty)
		tty_look(w);
	if (w->async)
		signals_sent(w, NULL);
	if (w->now >= w->timer_due) {
		timers_fire(w);
		timerfd_fire(w);
	}
	t = w->cur;
	if (t && t->state == T_READY && t->slice < SLICE)
		return t;
	while (!w->fatal && w->tasks) {
		struct task *from = w->cur ? w->cur->next : w->after;
		uint64_t before = w->turn;

		watch_look(w);
		t = scan(w, from ? from : w->tasks);
		if (t) {
			pass_token(w, t);
			return t;
		}
		if (w->turn == before && !idle(w)) /* else a parked call got part of its work done */
			break;
	}
	return NULL;
}
