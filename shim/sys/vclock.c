/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/sys/vclock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/engine.h"

enum { CPU_THREAD = 4, CPU_KIND = 3, CPU_FD = 3 }; /* bits of a clock id made from a pid */

const struct flag_name clock_names[] = {
	{ CLOCK_REALTIME, "CLOCK_REALTIME" },
	{ CLOCK_MONOTONIC, "CLOCK_MONOTONIC" },
	{ CLOCK_PROCESS_CPUTIME_ID, "CLOCK_PROCESS_CPUTIME_ID" },
	{ CLOCK_THREAD_CPUTIME_ID, "CLOCK_THREAD_CPUTIME_ID" },
	{ CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW" },
	{ CLOCK_REALTIME_COARSE, "CLOCK_REALTIME_COARSE" },
	{ CLOCK_MONOTONIC_COARSE, "CLOCK_MONOTONIC_COARSE" },
	{ CLOCK_BOOTTIME, "CLOCK_BOOTTIME" },
	{ CLOCK_REALTIME_ALARM, "CLOCK_REALTIME_ALARM" },
	{ CLOCK_BOOTTIME_ALARM, "CLOCK_BOOTTIME_ALARM" },
	{ CLOCK_TAI, "CLOCK_TAI" },
	{ 0, NULL },
};

bool vclock_is_cpu(int id)
{
	return id < 0 || id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID;
}

bool vclock_is_real(int id)
{
	return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_REALTIME_ALARM ||
		id == CLOCK_TAI;
}

/* ~pid << 3 | kind: clock_getcpuclockid(3), pthread_getcpuclockid(3). */
static long cpu_of_pid(struct call *c, int id, uint64_t *ret)
{
	pid_t pid = ~(id >> 3);

	if ((id & CPU_KIND) == CPU_FD)
		return -EINVAL;
	if (id & CPU_THREAD) {
		struct task *t = pid ? task_by_vpid(c->w, pid) : c->t;

		if (!t || t->proc != c->t->proc)
			return -EINVAL;
		*ret = t->cpu;
	} else {
		struct proc *p = pid ? proc_by_vpid(c->w, pid) : c->t->proc;

		if (!p)
			return -EINVAL;
		*ret = p->cpu;
	}
	return 0;
}

long vclock_read(struct call *c, int id, uint64_t *ret)
{
	if (id < 0)
		return cpu_of_pid(c, id, ret);
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI: *ret = world_real(c->w); return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM: *ret = world_clock(c->w, id); return 0;
	case CLOCK_PROCESS_CPUTIME_ID: *ret = c->t->proc->cpu; return 0;
	case CLOCK_THREAD_CPUTIME_ID: *ret = c->t->cpu; return 0;
	}
	return -EINVAL;
}

uint64_t vclock_to_now(struct call *c, int id, uint64_t at)
{
	uint64_t clock;

	if (at == VCLOCK_FOREVER || vclock_read(c, id, &clock) < 0)
		return VCLOCK_FOREVER;
	if (at <= clock) /* in the past, perhaps before 1970 on another clock */
		return c->w->now;
	return ns_add(c->w->now, at - clock);
}

/* ---- who measures what it computes ---- */

/*
 * Who finds out how often something can be done in a fifth of a second does it twice as often each time,
 * until the clock says so. With the clock's step alone that would be never.
 */
enum {
	LOOPS = 6,  /* times, then it has to be at the same place; */
	ASKED = 16, /* times, with no other call in between, */
	AGAIN = 4,  /* and so many times that, and so on: */
	RISE = 8,   /* the next ones take four times as long, each, */
	TOP = 2,    /* and that is kept for these; then it's the step again */
	TRIES = 50000,
	/* of several threads: */
	RUNTIME = 5, /* questions from elsewhere, and it's a runtime that asks, not its program */
	THREADS = 8, /* with no other call in between, or AGAIN times as many, and so on: from then on */
	LOOKED = 6,  /* times it is looked at whether it computes, if as many came from one place */
};
#define TIMES_RISE (NSEC * 3 / 10) /* at most from one times() to the next, */
#define TIMES_MAX (600 * NSEC) /* and up to there */

/* Is there one who would run meanwhile, elsewhere or from now on? */
static bool others_run(struct world *w, const struct task *t, uint64_t next)
{
	for (const struct task *o = w->tasks; o; o = o->next)
		if (o != t && o->state == T_READY)
			return true;
	return next <= w->now;
}

/* Nobody waits for a moment that has passed: those run first. */
static void passes(struct call *c, uint64_t ns)
{
	uint64_t next = sched_deadline(c->w), now = c->w->now;

	if (others_run(c->w, c->t, next))
		c->t->slice = UINT32_MAX;
	else
		world_compute(c->w, next - now < ns ? next - now : ns);
}

/*
 * The guest's stack pointer; a notification does not have it. Before Linux 6.6 one may reach us when the
 * guest does not wait for its answer yet: it is running, then, and has to get there first.
 */
static uint64_t stack_of(const struct call *c)
{
	const struct timespec little = { .tv_nsec = 20000 };
	unsigned long long sp = 0;
	char path[32], text[256];
	own_fd fd = -1;
	ssize_t n;

	if (!c->t->notice)
		return c->t->regs.rsp;
	snprintf(path, sizeof path, "%d/syscall", (int) c->t->pid);
	fd = openat(c->w->host_proc, path, O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < TRIES; i++) {
		n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
		if (n <= 0)
			return 0;
		text[n] = 0;
		if (sscanf(text, "%*d %*x %*x %*x %*x %*x %*x %llx", &sp) == 1)
			return sp;
		nanosleep(&little, NULL);
	}
	return 0;
}

/*
 * Asked from where it was asked before, or before that: what measures is a loop. Python, which asks fifty
 * times while it imports something, asks from all depths.
 */
static bool loops(struct call *c)
{
	uint64_t sp = stack_of(c), *seen = c->t->asked_sp;
	bool again = sp == seen[0] || sp == seen[1];

	seen[1] = seen[0];
	seen[0] = sp;
	return again;
}

/*
 * The same of several threads. Their runtimes (V8's, Java's) look all the time, also in loops; but from
 * many places, and such a process has shown that soon after it began. What is left is looked at.
 */
static void asked_of_several(struct call *c)
{
	struct task *t = c->t;
	uint64_t from = THREADS;

	while (t->asked >= from + LOOKED)
		from *= AGAIN;
	if (t->proc->asked_elsewhere >= RUNTIME || t->asked + THREADS <= from)
		return;
	if (!loops(c)) {
		t->proc->asked_elsewhere++;
		t->looped = 0;
		return;
	}
	t->looped++;
	t->computes = t->asked >= from && t->looped >= LOOKED;
}

void vclock_looked(struct task *t, bool computes)
{
	t->computes = false;
	if (computes)
		t->owes.ns = t->owes.paid ? 2 * NSEC : NSEC / 10;
}

bool vclock_owes(struct call *c)
{
	struct owes *o = &c->t->owes;
	uint64_t timer;

	if (!o->ns)
		return false;
	if (!o->until) {
		timer = timers_next(c->w); /* it is to be interrupted then */
		o->since = c->w->now;
		o->until = timer < o->since + o->ns ? timer : o->since + o->ns;
	}
	if (c->w->now < o->until) {
		call_block(c, (struct wait){ .kind = W_TIME, .deadline = o->until, .intr = RESTARTNOINTR });
		return true;
	}
	world_computed(c->t, c->w->now - o->since);
	o->until = o->ns = 0;
	o->paid++;
	return false;
}

void vclock_done_else(struct task *t)
{
	t->asked = t->looped = t->times_ns = 0;
	t->owes = (struct owes){ 0 };
	t->computes = false;
}

void vclock_asked(struct call *c, bool cpu)
{
	struct task *t = c->t;
	uint64_t n = ++t->asked, from = ASKED;

	if (!cpu && t->proc->nthreads > 1) {
		asked_of_several(c);
		return;
	}
	if (!cpu) {
		t->looped = n > LOOPS && loops(c) ? t->looped + 1 : 0;
		n = t->looped ? t->looped + LOOPS : 0;
	}
	if (n < from)
		return;
	while (n / AGAIN >= from)
		from *= AGAIN;
	n -= from;
	if (n < RISE + TOP)
		passes(c, (uint64_t) STEP_NS << 2 * (n < RISE ? n + 1 : RISE));
}

/*
 * Perl's Benchmark subtracts from a loop's time that of an empty one, which it has measured before: at
 * equal prices it would go on for ever, with a thousand times the loops. So each has a higher one.
 */
void vclock_times(struct call *c)
{
	uint64_t *ns = &c->t->times_ns, more = (*ns + CPU_STEP_NS) / 5;

	world_compute(c->w, CPU_STEP_NS);
	if (*ns >= TIMES_MAX)
		return;
	passes(c, *ns);
	*ns += more < TIMES_RISE ? more : TIMES_RISE;
}

/* Some hundred years are as good as for ever, and leave room for sums. */
static uint64_t to_ns(int64_t s, int64_t ns)
{
	if (s >= INT64_C(1) << 33)
		return VCLOCK_FOREVER;
	return (uint64_t) s * NSEC + (uint64_t) ns;
}

long ts_to_ns(const struct timespec *ts, uint64_t *ret)
{
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (long) NSEC)
		return -EINVAL;
	*ret = to_ns(ts->tv_sec, ts->tv_nsec);
	return 0;
}

long tv_to_ns(const struct timeval *tv, uint64_t *ret)
{
	if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000)
		return -EINVAL;
	*ret = to_ns(tv->tv_sec, tv->tv_usec * 1000);
	return 0;
}

struct timespec ns_to_ts(uint64_t ns)
{
	return (struct timespec){ (time_t) (ns / NSEC), (long) (ns % NSEC) };
}

struct timeval ns_to_tv(uint64_t ns)
{
	return (struct timeval){ (time_t) (ns / NSEC), (long) (ns % NSEC / 1000) };
}

uint64_t ns_add(uint64_t a, uint64_t b)
{
	return a == VCLOCK_FOREVER || b == VCLOCK_FOREVER || a + b < a ? VCLOCK_FOREVER : a + b;
}

uint64_t wait_deadline(struct call *c, uint64_t ns)
{
	struct task *t = c->t;

	if (!t->sleep_until || t->sleep_nr != c->nr || t->sleep_sp != t->regs.rsp) {
		t->sleep_until = ns_add(c->w->now, ns);
		t->sleep_nr = c->nr;
		t->sleep_sp = t->regs.rsp;
	}
	return t->sleep_until;
}

void wait_done(struct call *c)
{
	c->t->sleep_until = 0;
}

void rusage_fill(uint64_t cpu_ns, struct rusage *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->ru_utime = ns_to_tv(cpu_ns);
}
