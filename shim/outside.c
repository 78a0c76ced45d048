/* SPDX-License-Identifier: Apache-2.0 */
/* When all tasks wait: what may come from outside, and how long to wait for it. */
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/engine.h"

enum {
	MS_MAX = 3600000,
	BLOCKED_MS = 100,
	TICK_MS = 1000, /* what nobody tells us of is noticed so late: others' signals, their FIFOs */
};

static bool waits_outside(const struct task *t)
{
	return t->state == T_BLOCKED && t->c.wait.kind == W_INPUT;
}

static struct task *reader(struct world *w)
{
	struct task *t = w->tasks;

	while (t && !waits_outside(t))
		t = t->next;
	return t;
}

static bool waits_network(const struct world *w)
{
	const struct task *t = w->tasks;

	while (t && !(t->state == T_BLOCKED && t->c.wait.kind == W_IO))
		t = t->next;
	return t && w->o->network && !w->o->strict && !w->expect;
}

/* Where the container lives in real time, what has passed of it has passed for all who sleep. */
static void time_passed(struct world *w, uint64_t since)
{
	uint64_t passed = self_now() - since, left = sched_deadline(w);

	if (!(w->o->live || w->o->network) || w->expect || left <= w->now)
		return;
	left -= w->now + 1;
	sched_pass(w, w->now + (passed < left ? passed : left));
}

struct outside {
	struct pollfd *p;
	struct task **t; /* who waits for it, or NULL */
	size_t n, inputs; /* from here on */
};

/* Ready when it is dead, which a parked task's parent and tracer are told by nobody. */
static int init_fd(struct world *w)
{
	struct task *t = w->init;

	if (!t)
		return -1;
	if (t->pidfd < 0)
		t->pidfd = (int) syscall(SYS_pidfd_open, t->pid, 0);
	return t->pidfd;
}

static void gather(struct world *w, struct outside *x)
{
	size_t n = 3 + tty_outside(w, NULL);

	for (struct task *t = w->tasks; t; t = t->next)
		n += waits_outside(t);
	x->p = calloc(n, sizeof *x->p);
	x->t = calloc(n, sizeof(struct task *));
	must(x->p && x->t);
	x->p[x->n++] = (struct pollfd) { control_fd(w), POLLIN, 0 };
	x->p[x->n++] = (struct pollfd) { init_fd(w), POLLIN, 0 };
	x->p[x->n++] = (struct pollfd) { net_outside(w), POLLIN, 0 };
	x->n += tty_outside(w, x->p + x->n);
	x->inputs = x->n;
	for (struct task *t = w->tasks; t; t = t->next) {
		if (!waits_outside(t) || t->c.wait.key1 == NO_INPUT)
			continue;
		x->t[x->n] = t;
		x->p[x->n++] = (struct pollfd) { (int) t->c.wait.key1, POLLIN, 0 };
	}
}

int outside_blocked(struct world *w, int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };

	while (poll(&p, 1, BLOCKED_MS) <= 0)
		if (init_killed(w)) /* it waits for us to collect the others */
			return -ECANCELED;
	return 0;
}

/*
 * All of it at once. The clock that says when to look at who computes would end each wait early.
 * @ret_asked: somebody has connected; what else has come can wait.
 */
static int poll_outside(struct world *w, int ms, bool *ret_asked)
{
	struct outside x = { 0 };
	uint64_t since = self_now();
	int n;

	stdio_release(w);
	stdio_sweep(w);
	gather(w, &x);
	spin_end(w);
	n = poll(x.p, x.n, ms);
	spin_begin(w);
	time_passed(w, since);
	*ret_asked = n > 0 && x.p[0].revents;
	if (n > 0 && x.p[2].revents)
		net_heard(w);
	for (size_t i = x.inputs; n > 0 && !*ret_asked && i < x.n; i++)
		if (x.p[i].revents && waits_outside(x.t[i]))
			engine_retry(w, x.t[i]);
	free(x.p);
	free(x.t);
	return n;
}

/* Real time up to the deadline; the clock that jumps there is the caller's. */
static int how_long(struct world *w, uint64_t deadline)
{
	uint64_t ms = (deadline - w->now) / 1000000 + 1;

	if (deadline == NO_DEADLINE)
		return -1;
	return ms < MS_MAX ? (int) ms : MS_MAX;
}

static bool input_due(struct world *w)
{
	uint64_t at;

	for (struct task *t = w->tasks; t; t = t->next)
		if (waits_outside(t) && t->c.wait.key1 != NO_INPUT && world_input_next(w, t, &at)) {
			sched_pass(w, at); /* in real time it came before the next deadline */
			engine_retry(w, t);
			return true;
		}
	return false;
}

bool outside_idle(struct world *w, uint64_t deadline)
{
	uint64_t before;
	bool network = waits_network(w), asked, tick;
	bool real = network || reader(w) || control_awaited(w);
	int ms, n;

	if (tty_idle(w))
		return true;
	if (w->expect)
		return control_idle(w) || input_due(w);
	if (!real && (deadline != NO_DEADLINE || !tty_outside(w, NULL)))
		return false;
	ms = how_long(w, deadline);
	tick = (network || w->o->live) && (ms < 0 || ms > TICK_MS);
	n = poll_outside(w, tick ? TICK_MS : ms, &asked);
	w->turn += network || w->o->live; /* all that wait are tried again */
	before = w->nevents;
	if (asked)
		collect_outside(w); /* nobody who comes may see who is dead, unless we know it */
	if (asked && w->nevents == before)
		control_idle(w);
	else if (!asked && (n < 0 || tick)) { /* a command, a poke, or nobody has said anything: look */
		signals_sent(w, NULL);
		collect_outside(w);
	}
	return n != 0 || tick || ms == MS_MAX;
}
