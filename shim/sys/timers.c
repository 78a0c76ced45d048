/* SPDX-License-Identifier: Apache-2.0 */
/* Interval and POSIX timers. Wall clock timers count virtual time, CPU timers virtual CPU time. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "shim/engine.h"
#include "shim/procview.h"
#include "shim/sys/vclock.h"

enum { MAX_TIMERS = 4096 };

struct ptimer {
	int id, clock, notify, signo;
	uint64_t value;	   /* sigev_value */
	pid_t tid;	   /* SIGEV_THREAD_ID: virtual */
	struct task *task; /* a thread's CPU clock */
	struct proc *of;   /* a process's CPU clock */
	struct itimer it;  /* in ns of world.now, or of CPU time */
	int overrun;
};

struct posix_timers {
	int next_id;
	size_t n;
	struct ptimer *t;
};

static const int itimer_sig[3] = { SIGALRM, SIGVTALRM, SIGPROF };

/* ---- when ---- */

static uint64_t itimer_now(const struct world *w, const struct proc *p, int which)
{
	return which == ITIMER_REAL ? w->now : p->cpu;
}

static bool task_lives(const struct world *w, const struct task *t)
{
	for (const struct task *o = w->tasks; o; o = o->next)
		if (o == t)
			return true;
	return false;
}

static uint64_t ptimer_now(const struct world *w, const struct proc *p, const struct ptimer *t)
{
	if (!vclock_is_cpu(t->clock))
		return w->now;
	if (t->task)
		return task_lives(w, t->task) ? t->task->cpu : 0;
	return p->cpu;
}

static void lower(uint64_t *due, uint64_t d)
{
	if (d < *due)
		*due = d;
}

/* When the world's clock will be at what makes @now reach @d, if both go on at the same speed. */
static void lower_by(const struct world *w, uint64_t *due, uint64_t d, uint64_t now)
{
	if (d != NO_DEADLINE)
		lower(due, d > now ? ns_add(w->now, d - now) : w->now);
}

/* The earliest that a timer of one kind can come due. */
static uint64_t proc_due(const struct world *w, const struct proc *p, bool cpu)
{
	uint64_t due = NO_DEADLINE;

	for (int i = 0; i < 3; i++)
		if ((i != ITIMER_REAL) == cpu)
			lower_by(w, &due, p->itimer[i].deadline, itimer_now(w, p, i));
	for (size_t i = 0; p->timers && i < p->timers->n; i++) {
		const struct ptimer *t = &p->timers->t[i];

		if (vclock_is_cpu(t->clock) == cpu)
			lower_by(w, &due, t->it.deadline, ptimer_now(w, p, t));
	}
	return due;
}

uint64_t timers_cpu_next(const struct world *w, const struct proc *p)
{
	uint64_t due = proc_due(w, p, true);

	lower_by(w, &due, rlimit_cpu(p), p->cpu);
	return due;
}

uint64_t timers_next(struct world *w)
{
	uint64_t due = NO_DEADLINE;

	for (struct proc *p = w->procs; p; p = p->next)
		lower(&due, proc_due(w, p, false));
	return due;
}

static void rearm(struct world *w)
{
	w->timer_due = timerfd_next_deadline(w);
	for (struct proc *p = w->procs; p; p = p->next) {
		lower(&w->timer_due, proc_due(w, p, false));
		lower(&w->timer_due, timers_cpu_next(w, p));
	}
}

/* How often it has come due since; moves the deadline on. */
static uint64_t expire(struct itimer *it, uint64_t now)
{
	uint64_t n;

	if (it->deadline > now)
		return 0;
	if (!it->interval) {
		it->deadline = NO_DEADLINE;
		return 1;
	}
	n = (now - it->deadline) / it->interval + 1;
	it->deadline = ns_add(it->deadline, n * it->interval);
	return n;
}

/* ---- firing ---- */

static struct task *any_task(const struct proc *p)
{
	for (struct task *t = p->threads; t; t = t->next_thread)
		if (t->state != T_GONE)
			return t;
	return NULL;
}

/* As the kernel's own, with the timer's id and value: the C library's SIGEV_THREAD reads them. */
static void ptimer_send(struct world *w, struct proc *p, struct ptimer *t)
{
	struct task *to = t->notify == SIGEV_THREAD_ID ? task_by_vpid(w, t->tid) : NULL;
	siginfo_t si;

	if (t->notify == SIGEV_NONE || (t->notify == SIGEV_THREAD_ID && !to))
		return;
	memset(&si, 0, sizeof si);
	si.si_signo = t->signo;
	si.si_code = SI_TIMER;
	si.si_timerid = t->id;
	si.si_overrun = t->overrun;
	memcpy(&si.si_value, &t->value, sizeof t->value);
	if (to)
		syscall(SYS_rt_tgsigqueueinfo, p->pid, to->pid, t->signo, &si);
	else
		syscall(SYS_rt_sigqueueinfo, p->pid, t->signo, &si);
	signals_sent(w, p);
}

static void proc_fire(struct world *w, struct proc *p)
{
	struct task *t = any_task(p);

	if (!t || p->dying)
		return;
	for (int i = 0; i < 3; i++)
		if (expire(&p->itimer[i], itimer_now(w, p, i)))
			world_signal(w, t, itimer_sig[i], true);
	for (size_t i = 0; p->timers && i < p->timers->n; i++) {
		struct ptimer *pt = &p->timers->t[i];
		uint64_t n = expire(&pt->it, ptimer_now(w, p, pt));

		if (n) {
			pt->overrun = n - 1 > INT32_MAX ? INT32_MAX : (int) (n - 1);
			ptimer_send(w, p, pt);
		}
	}
}

/* The limit's signals; the last one isn't sent without seeing it off. */
static void limit_fire(struct world *w, struct proc *p)
{
	struct task *t = any_task(p);
	int sig = t && !p->dying ? rlimit_cpu_signal(p) : 0;

	if (!sig)
		return;
	world_signal(w, t, sig, true);
	if (sig != SIGKILL)
		return;
	if (w->init && p == w->init->proc)
		collect_init(w);
	else
		collect_dead(w, p);
}

void timers_fire(struct world *w)
{
	struct proc *next;

	for (struct task *t = w->tasks; t; t = t->next)
		spin_charge(w, t);
	for (struct proc *p = w->procs; p && w->procs; p = next) {
		next = p->next;
		proc_fire(w, p);
		limit_fire(w, p);
	}
	rearm(w);
}

void timers_fork(struct proc *parent, struct proc *child)
{
	(void) parent; /* neither kind is inherited */
	for (int i = 0; i < 3; i++)
		child->itimer[i] = (struct itimer){ .deadline = NO_DEADLINE };
	child->timers = NULL;
}

void timers_exec(struct proc *p)
{
	if (p->timers)
		free(p->timers->t);
	free(p->timers);
	p->timers = NULL;
}

void timers_exit(struct proc *p)
{
	timers_exec(p);
}

/* ---- interval timers ---- */

static uint64_t left(const struct itimer *it, uint64_t now)
{
	if (it->deadline == NO_DEADLINE)
		return 0;
	return it->deadline > now ? it->deadline - now : 1;
}

static void set(struct itimer *it, uint64_t now, uint64_t value, uint64_t interval)
{
	it->deadline = value ? ns_add(now, value) : NO_DEADLINE;
	it->interval = value ? interval : 0;
}

/* An armed timer never shows 0. */
static struct timeval left_tv(uint64_t ns)
{
	return ns_to_tv(ns && ns < 1000 ? 1000 : ns);
}

static long put_itimer(struct call *c, unsigned i, const struct itimer *it, uint64_t now)
{
	struct itimerval *v = out(c, i, sizeof *v);

	if (!v)
		return -EFAULT;
	v->it_value = left_tv(left(it, now));
	v->it_interval = ns_to_tv(it->interval);
	return 0;
}

static long getitimer_enter(struct call *c)
{
	struct proc *p = c->t->proc;
	unsigned which = (unsigned) c->a[0];

	if (which > ITIMER_PROF)
		return -EINVAL;
	return put_itimer(c, 1, &p->itimer[which], itimer_now(c->w, p, (int) which));
}

static long setitimer_enter(struct call *c)
{
	struct proc *p = c->t->proc;
	unsigned which = (unsigned) c->a[0];
	struct itimerval v = { 0 };
	uint64_t now, value, interval;
	long r = 0;

	if (which > ITIMER_PROF)
		return -EINVAL;
	if (c->a[1] && in_at(c, c->a[1], &v, sizeof v) < 0)
		return -EFAULT;
	if (tv_to_ns(&v.it_value, &value) < 0 || tv_to_ns(&v.it_interval, &interval) < 0)
		return -EINVAL;
	now = itimer_now(c->w, p, (int) which);
	if (c->a[2])
		r = put_itimer(c, 2, &p->itimer[which], now);
	if (r == 0) {
		set(&p->itimer[which], now, value, interval);
		rearm(c->w);
	}
	return r;
}

static long alarm_enter(struct call *c)
{
	struct itimer *it = &c->t->proc->itimer[ITIMER_REAL];
	uint64_t ns = left(it, c->w->now), s = ns / NSEC;

	if (ns % NSEC >= NSEC / 2 || (!s && ns))
		s++;
	set(it, c->w->now, (uint32_t) c->a[0] * NSEC, 0);
	rearm(c->w);
	return (long) s;
}

/* ---- POSIX timers ---- */

static struct ptimer *find(struct call *c, int id)
{
	struct posix_timers *ts = c->t->proc->timers;

	for (size_t i = 0; ts && i < ts->n; i++)
		if (ts->t[i].id == id)
			return &ts->t[i];
	return NULL;
}

static struct ptimer *add(struct proc *p)
{
	struct posix_timers *ts = p->timers;
	struct ptimer *t;

	if (!ts) {
		ts = p->timers = calloc(1, sizeof *ts);
		must_mem(ts);
	}
	if (ts->n >= MAX_TIMERS)
		return NULL;
	t = realloc(ts->t, (ts->n + 1) * sizeof *t);
	must_mem(t);
	ts->t = t;
	t = &ts->t[ts->n++];
	*t = (struct ptimer){ .id = ts->next_id++, .it.deadline = NO_DEADLINE };
	return t;
}

/* The kernel's struct sigevent. */
struct ksigevent {
	uint64_t value;
	int32_t signo, notify, tid;
	int32_t pad[11];
};

static long check_event(struct call *c, const struct ksigevent *ev)
{
	struct task *t;

	switch (ev->notify) {
	case SIGEV_NONE: return 0;
	case SIGEV_THREAD_ID:
		t = task_by_vpid(c->w, ev->tid);
		if (!t || t->proc != c->t->proc)
			return -EINVAL;
		break;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD: break;
	default: return -EINVAL;
	}
	return ev->signo < 1 || ev->signo > 64 ? -EINVAL : 0;
}

static long check_clock(struct call *c, int id)
{
	uint64_t ns;

	if (vclock_read(c, id, &ns) < 0)
		return -EINVAL;
	switch (id) {
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM: return -EOPNOTSUPP;
	}
	return 0;
}

static long timer_create_enter(struct call *c)
{
	struct ksigevent ev = { .signo = SIGALRM, .notify = SIGEV_SIGNAL };
	int id = (int) c->a[0], *ret;
	struct ptimer *t;
	long r = check_clock(c, id);

	if (r < 0)
		return r;
	if (c->a[1] && in_at(c, c->a[1], &ev, sizeof ev) < 0)
		return -EFAULT;
	r = check_event(c, &ev);
	if (r < 0)
		return r;
	ret = out(c, 2, sizeof *ret);
	if (!ret)
		return -EFAULT;
	t = add(c->t->proc);
	if (!t)
		return -EAGAIN;
	t->clock = id;
	t->notify = ev.notify;
	t->signo = ev.signo;
	t->tid = ev.tid;
	t->value = c->a[1] ? ev.value : (uint64_t) t->id;
	if (id == CLOCK_THREAD_CPUTIME_ID)
		t->task = c->t;
	*ret = t->id;
	return 0;
}

static long put_timer(struct call *c, unsigned i, const struct ptimer *t)
{
	struct itimerspec *v = out(c, i, sizeof *v);

	if (!v)
		return -EFAULT;
	v->it_value = ns_to_ts(left(&t->it, ptimer_now(c->w, c->t->proc, t)));
	v->it_interval = ns_to_ts(t->it.interval);
	return 0;
}

static long timer_settime_enter(struct call *c)
{
	struct ptimer *t = find(c, (int) c->a[0]);
	struct itimerspec v;
	uint64_t value, interval, now;

	if (in_at(c, c->a[2], &v, sizeof v) < 0)
		return -EFAULT;
	if (!t || ts_to_ns(&v.it_value, &value) < 0 || ts_to_ns(&v.it_interval, &interval) < 0)
		return -EINVAL;
	if (c->a[3] && put_timer(c, 3, t) < 0)
		return -EFAULT;
	now = ptimer_now(c->w, c->t->proc, t);
	set(&t->it, now, value, interval);
	if (c->a[1] & TIMER_ABSTIME && value)
		t->it.deadline = vclock_is_cpu(t->clock) ? value : vclock_to_now(c, t->clock, value);
	t->overrun = 0;
	rearm(c->w);
	return 0;
}

static long timer_gettime_enter(struct call *c)
{
	struct ptimer *t = find(c, (int) c->a[0]);

	return t ? put_timer(c, 1, t) : -EINVAL;
}

static long timer_getoverrun_enter(struct call *c)
{
	struct ptimer *t = find(c, (int) c->a[0]);

	return t ? t->overrun : -EINVAL;
}

static long timer_delete_enter(struct call *c)
{
	struct posix_timers *ts = c->t->proc->timers;
	struct ptimer *t = find(c, (int) c->a[0]);

	if (!t)
		return -EINVAL;
	memmove(t, t + 1, (size_t) (ts->t + --ts->n - t) * sizeof *t);
	rearm(c->w);
	return 0;
}

static const struct flag_name which_names[] = {
	{ ITIMER_REAL, "ITIMER_REAL" },
	{ ITIMER_VIRTUAL, "ITIMER_VIRTUAL" },
	{ ITIMER_PROF, "ITIMER_PROF" },
	{ 0, NULL },
};
static const struct flag_name abstime[] = { { TIMER_ABSTIME, "TIMER_ABSTIME" }, { 0, NULL } };

#define WHICH FLAGS(which, which_names)
#define ITV sizeof(struct itimerval)
#define ITS sizeof(struct itimerspec)

static const struct row rows[] = {
	{ SYS(alarm, 37), EMULATE, .arg = { UINT(seconds) }, .enter = alarm_enter,
	  .why = "SIGALRM at a virtual time" },
	{ SYS(getitimer, 36), EMULATE, .arg = { WHICH, OUT_AS(value, ITV, itimerval) },
	  .enter = getitimer_enter, .why = "counts virtual time" },
	{ SYS(setitimer, 38), EMULATE,
	  .arg = { WHICH, IN_AS(new, ITV, itimerval), OUT_AS(old, ITV, itimerval) },
	  .enter = setitimer_enter, .why = "signals at a virtual time; VIRTUAL and PROF count virtual CPU time" },
	{ SYS(timer_create, 222), EMULATE,
	  .arg = { FLAGS(clock, clock_names), IN_STRUCT(event, sizeof(struct ksigevent)),
		   OUT_AS(id, 4, int) },
	  .enter = timer_create_enter, .why = "timers of the virtual clock; ids count from 0" },
	{ SYS(timer_settime, 223), EMULATE,
	  .arg = { INT(id), FLAGS(flags, abstime), IN_AS(new, ITS, itimerspec),
	  OUT_AS(old, ITS, itimerspec) },
	  .enter = timer_settime_enter, .why = "signals at a virtual time" },
	{ SYS(timer_gettime, 224), EMULATE, .arg = { INT(id), OUT_AS(value, ITS, itimerspec) },
	  .enter = timer_gettime_enter, .why = "counts virtual time" },
	{ SYS(timer_getoverrun, 225), EMULATE, .arg = { INT(id) }, .enter = timer_getoverrun_enter,
	  .why = "expirations that came together at one event" },
	{ SYS(timer_delete, 226), EMULATE, .arg = { INT(id) }, .enter = timer_delete_enter,
	  .why = "timers of the virtual clock" },
};
FAMILY(timers, "Timers");
