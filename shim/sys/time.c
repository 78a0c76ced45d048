/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and setting clocks, sleeping. All of it is the container's one virtual clock. */
#include <errno.h>
#include <string.h>
#include <sys/times.h>
#include <sys/timex.h>

#include "runtime/base/own.h"
#include "shim/sys/vclock.h"

#define HZ 100 /* times(2) */

static long put_ts(struct call *c, unsigned i, uint64_t ns)
{
	struct timespec *p = out(c, i, sizeof *p);

	if (!p)
		return -EFAULT;
	*p = ns_to_ts(ns);
	return 0;
}

static long clock_gettime_enter(struct call *c)
{
	int id = (int) c->a[0];
	uint64_t ns;
	long r;

	if (vclock_owes(c))
		return 0;
	vclock_asked(c, vclock_is_cpu(id));
	if (vclock_is_cpu(id))
		world_compute(c->w, CPU_STEP_NS);
	r = vclock_read(c, id, &ns);
	return r < 0 ? r : put_ts(c, 1, ns);
}

static long clock_getres_enter(struct call *c)
{
	int id = (int) c->a[0];
	uint64_t ns;
	long r = vclock_read(c, id, &ns);

	if (r < 0 || !c->a[1])
		return r;
	if (id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE)
		return put_ts(c, 1, NSEC / 250);
	return put_ts(c, 1, 1);
}

static long gettimeofday_enter(struct call *c)
{
	if (vclock_owes(c))
		return 0;
	vclock_asked(c, false);
	if (c->a[0]) {
		struct timeval *tv = out(c, 0, sizeof *tv);

		if (!tv)
			return -EFAULT;
		*tv = ns_to_tv(world_real(c->w));
	}
	if (c->a[1] && !out(c, 1, sizeof(struct timezone))) /* UTC */
		return -EFAULT;
	return 0;
}

static long time_enter(struct call *c)
{
	time_t now;

	if (vclock_owes(c))
		return 0;
	vclock_asked(c, false);
	now = (time_t) (world_real(c->w) / NSEC);
	if (c->a[0]) {
		time_t *p = out(c, 0, sizeof *p);

		if (!p)
			return -EFAULT;
		*p = now;
	}
	return now;
}

static long set_enter(struct call *c)
{
	(void) c;
	return -EPERM;
}

/* The state of a clock that nobody disciplines, readable by all and set by none. */
static long adjtimex_at(struct call *c, unsigned i)
{
	struct timex tx;

	if (in_at(c, c->a[i], &tx, sizeof tx) < 0)
		return -EFAULT;
	if (tx.modes && tx.modes != ADJ_OFFSET_SS_READ)
		return -EPERM;
	memset(&tx, 0, sizeof tx);
	tx.status = STA_UNSYNC;
	tx.maxerror = tx.esterror = 16000000;
	tx.constant = 2;
	tx.precision = 1;
	tx.tolerance = 32768000;
	tx.tick = 10000;
	tx.time = ns_to_tv(world_real(c->w));
	memcpy(out(c, i, sizeof tx), &tx, sizeof tx);
	return TIME_ERROR;
}

static long adjtimex_enter(struct call *c)
{
	return adjtimex_at(c, 0);
}

static long clock_adjtime_enter(struct call *c)
{
	int id = (int) c->a[0];
	uint64_t ns;

	if (vclock_read(c, id, &ns) < 0)
		return -EINVAL;
	return id == CLOCK_REALTIME ? adjtimex_at(c, 1) : -EOPNOTSUPP;
}

/* ---- sleeping ---- */

static long sleep_to(struct call *c, uint64_t deadline)
{
	struct wait w = { .kind = W_TIME, .deadline = deadline, .intr = RESTARTNOHAND };

	if (!c->timed_out && c->w->now < deadline)
		return call_block(c, w);
	if (!c->timed_out)
		c->t->slice = UINT32_MAX; /* over before it began: the others go first, all the same */
	wait_done(c);
	return 0;
}

/* A signal ends a relative sleep: what is left of it. Runs before the call is given up. */
static void left_at(struct call *c, unsigned i)
{
	uint64_t d = c->wait.deadline;
	struct timespec ts = ns_to_ts(d > c->w->now ? d - c->w->now : 0);

	if (c->ret < 0 && c->ret != -EINVAL && c->ret != -EFAULT && c->a[i] && d != NO_DEADLINE &&
		out_at(c, c->a[i], &ts, sizeof ts) < 0)
		c->ret = -EFAULT;
}

static long nanosleep_enter(struct call *c)
{
	struct timespec ts;
	uint64_t ns;

	if (in_at(c, c->a[0], &ts, sizeof ts) < 0)
		return -EFAULT;
	if (ts_to_ns(&ts, &ns) < 0)
		return -EINVAL;
	return sleep_to(c, wait_deadline(c, ns));
}

static void nanosleep_interrupted(struct call *c)
{
	left_at(c, 1);
}

static long clock_nanosleep_enter(struct call *c)
{
	int id = (int) c->a[0];
	struct timespec ts;
	uint64_t ns, now;

	if (vclock_read(c, id, &now) < 0)
		return -EINVAL;
	if (id == CLOCK_THREAD_CPUTIME_ID)
		return -EINVAL;
	if (id == CLOCK_MONOTONIC_RAW || id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	if (in_at(c, c->a[2], &ts, sizeof ts) < 0)
		return -EFAULT;
	if (ts_to_ns(&ts, &ns) < 0)
		return -EINVAL;
	if (c->a[1] & TIMER_ABSTIME)
		return sleep_to(c, vclock_to_now(c, id, ns));
	return sleep_to(c, wait_deadline(c, ns));
}

static void clock_nanosleep_interrupted(struct call *c)
{
	if (!(c->a[1] & TIMER_ABSTIME))
		left_at(c, 3);
}

/* ---- CPU time ---- */

static long times_enter(struct call *c)
{
	struct proc *p = c->t->proc;

	if (c->a[0]) {
		struct tms *t = out(c, 0, sizeof *t);

		if (!t)
			return -EFAULT;
		vclock_times(c);
		t->tms_utime = (clock_t) (p->cpu / (NSEC / HZ));
		t->tms_cutime = (clock_t) (p->cpu_children / (NSEC / HZ));
	}
	return (long) (world_mono(c->w) / (NSEC / HZ));
}

static long getrusage_enter(struct call *c)
{
	struct rusage *ru;
	uint64_t ns;

	vclock_asked(c, true);
	if ((int) c->a[0] != RUSAGE_CHILDREN)
		world_compute(c->w, CPU_STEP_NS);
	switch ((int) c->a[0]) {
	case RUSAGE_SELF: ns = c->t->proc->cpu; break;
	case RUSAGE_CHILDREN: ns = c->t->proc->cpu_children; break;
	case RUSAGE_THREAD: ns = c->t->cpu; break;
	default: return -EINVAL;
	}
	ru = out(c, 1, sizeof *ru);
	if (!ru)
		return -EFAULT;
	rusage_fill(ns, ru);
	return 0;
}

static const struct flag_name abstime[] = { { TIMER_ABSTIME, "TIMER_ABSTIME" }, { 0, NULL } };
static const struct flag_name whose[] = {
	{ RUSAGE_SELF, "RUSAGE_SELF" },
	{ (uint64_t) RUSAGE_CHILDREN, "RUSAGE_CHILDREN" },
	{ RUSAGE_THREAD, "RUSAGE_THREAD" },
	{ 0, NULL },
};

#define TS sizeof(struct timespec)
#define CLOCK FLAGS(clock, clock_names)

static const struct row rows[] = {
	{ SYS(clock_gettime, 228), EMULATE, .arg = { CLOCK, OUT_AS(ts, TS, timespec) },
	  .enter = clock_gettime_enter, .flags = NOTIFY | LOCAL | CACHE_KEEP | MEASURES,
	  .why = "one virtual clock, a fixed step per event, more for CPU time and memory; all clock ids agree" },
	{ SYS(gettimeofday, 96), EMULATE,
	  .arg = { OUT_AS(tv, sizeof(struct timeval), timeval),
	  OUT_AS(tz, sizeof(struct timezone), timezone) },
	  .enter = gettimeofday_enter, .flags = NOTIFY | LOCAL | CACHE_KEEP | MEASURES, .why = "the virtual clock; UTC" },
	{ SYS(time, 201), EMULATE, .arg = { OUT_STRUCT(t, sizeof(time_t)) },
	  .enter = time_enter, .flags = NOTIFY | LOCAL | CACHE_KEEP | MEASURES, .why = "the virtual clock" },
	{ SYS(clock_getres, 229), EMULATE, .arg = { CLOCK, OUT_AS(ts, TS, timespec) },
	  .enter = clock_getres_enter, .flags = NOTIFY | LOCAL, .why = "1 ns; 4 ms for the coarse clocks" },
	{ SYS(clock_settime, 227), EMULATE, .arg = { CLOCK, IN_AS(ts, TS, timespec) },
	  .enter = set_enter, .why = "nobody sets the virtual clock" },
	{ SYS(settimeofday, 164), EMULATE,
	  .arg = { IN_AS(tv, sizeof(struct timeval), timeval),
	  IN_AS(tz, sizeof(struct timezone), timezone) },
	  .enter = set_enter, .why = "nobody sets the virtual clock" },
	{ SYS(adjtimex, 159), EMULATE, .arg = { OUT_STRUCT(tx, sizeof(struct timex)) },
	  .enter = adjtimex_enter, .why = "a clock that nobody disciplines; can't be set" },
	{ SYS(clock_adjtime, 305), EMULATE, .arg = { CLOCK, OUT_STRUCT(tx, sizeof(struct timex)) },
	  .enter = clock_adjtime_enter, .why = "a clock that nobody disciplines; can't be set" },
	{ SYS(nanosleep, 35), EMULATE, .arg = { IN_AS(req, TS, timespec), PTR(rem) },
	  .enter = nanosleep_enter, .leave = nanosleep_interrupted, .flags = MAY_BLOCK | INTR_LEAVE,
	  .why = "waits for virtual time, which jumps when everybody waits" },
	{ SYS(clock_nanosleep, 230), EMULATE,
	  .arg = { CLOCK, FLAGS(flags, abstime), IN_AS(req, TS, timespec), PTR(rem) },
	  .enter = clock_nanosleep_enter, .leave = clock_nanosleep_interrupted,
	  .flags = MAY_BLOCK | INTR_LEAVE,
	  .why = "waits for virtual time, which jumps when everybody waits" },
	{ SYS(times, 100), EMULATE, .arg = { OUT_AS(tms, sizeof(struct tms), tms) },
	  .enter = times_enter, .flags = NOTIFY | LOCAL | MEASURES, .why = "virtual CPU time: steps of the process's events" },
	{ SYS(getrusage, 98), EMULATE,
	  .arg = { FLAGS(who, whose), OUT_AS(usage, sizeof(struct rusage), rusage) },
	  .enter = getrusage_enter, .flags = NOTIFY | LOCAL | MEASURES,
	  .why = "virtual CPU time; memory, faults and switches are 0" },
};
FAMILY(time, "Time");
