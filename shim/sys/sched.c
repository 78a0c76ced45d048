/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs ask of scheduling. The order of tasks is the supervisor's; all of this is
 * remembered and given back, without effect.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>

#include "shim/procview.h"

enum { SCHED_DEADLINE_ = 6, IDLE_IO = 3, YIELDED = 1 << 30 };

static struct task *whom(struct call *c, uint64_t pid)
{
	return (pid_t) pid ? task_by_vpid(c->w, (pid_t) pid) : c->t;
}

static bool privileged(const struct call *c)
{
	return c->w->o && c->w->o->virtual_ids && !c->t->proc->ids.euid;
}

static unsigned ncpus(const struct world *w)
{
	unsigned n = w->o ? w->o->cpus : 1;

	return n < 1 ? 1 : n > 64 ? 64 : n;
}

static uint64_t all_cpus(const struct world *w)
{
	return ~0ull >> (64 - ncpus(w));
}

uint64_t sched_cpus(const struct world *w, const struct sched_state *s)
{
	return s->cpus ? s->cpus : all_cpus(w);
}

static long yield_enter(struct call *c)
{
	c->t->slice = YIELDED; /* more than any slice: the next one's turn */
	return 0;
}

static long getcpu_enter(struct call *c)
{
	for (unsigned i = 0; i < 2; i++)
		if (c->a[i] && !out(c, i, sizeof(unsigned)))
			return -EFAULT;
	return 0;
}

/* ---- affinity ---- */

static long getaffinity_enter(struct call *c)
{
	struct task *t = whom(c, c->a[0]);
	uint64_t *p;

	if (c->a[1] < 8 || c->a[1] % 8)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	p = out(c, 2, sizeof *p);
	if (!p)
		return -EFAULT;
	*p = sched_cpus(c->w, &t->sched);
	return sizeof *p;
}

static long setaffinity_enter(struct call *c)
{
	struct task *t = whom(c, c->a[0]);
	uint64_t mask = 0;

	if (in_at(c, c->a[2], &mask, c->a[1] < 8 ? (unsigned) c->a[1] : 8) < 0)
		return -EFAULT;
	if (!t)
		return -ESRCH;
	mask &= all_cpus(c->w);
	if (!mask)
		return -EINVAL;
	t->sched.cpus = mask;
	return 0;
}

/* ---- policy and priority ---- */

static bool realtime(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool fair(int policy)
{
	return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

static long set_policy(struct call *c, struct task *t, int policy, int prio)
{
	policy &= ~SCHED_RESET_ON_FORK;
	if (!realtime(policy) && !fair(policy))
		return -EINVAL;
	if (realtime(policy) ? prio < 1 || prio > 99 : prio != 0)
		return -EINVAL;
	if (realtime(policy) && !privileged(c))
		return -EPERM;
	t->sched.policy = policy;
	t->sched.prio = prio;
	return 0;
}

static long setscheduler_enter(struct call *c)
{
	struct task *t = whom(c, c->a[0]);
	int prio;

	if (in_at(c, c->a[2], &prio, sizeof prio) < 0)
		return -EFAULT;
	return t ? set_policy(c, t, (int) c->a[1], prio) : -ESRCH;
}

static long setparam_enter(struct call *c)
{
	struct task *t = whom(c, c->a[0]);
	int prio;

	if (in_at(c, c->a[1], &prio, sizeof prio) < 0)
		return -EFAULT;
	return t ? set_policy(c, t, t->sched.policy, prio) : -ESRCH;
}

static long getscheduler_enter(struct call *c)
{
	struct task *t = whom(c, c->a[0]);

	return t ? t->sched.policy : -ESRCH;
}

static long getparam_enter(struct call *c)
{
	struct task *t = whom(c, c->a[0]);
	int *p;

	if (!c->a[1])
		return -EINVAL;
	if (!t)
		return -ESRCH;
	p = out(c, 1, sizeof *p);
	if (!p)
		return -EFAULT;
	*p = t->sched.prio;
	return 0;
}

static long prio_max_enter(struct call *c)
{
	int policy = (int) c->a[0];

	return realtime(policy) ? 99 : fair(policy) || policy == SCHED_DEADLINE_ ? 0 : -EINVAL;
}

static long prio_min_enter(struct call *c)
{
	int policy = (int) c->a[0];

	return realtime(policy) ? 1 : fair(policy) || policy == SCHED_DEADLINE_ ? 0 : -EINVAL;
}

static long rr_interval_enter(struct call *c)
{
	struct task *t = whom(c, c->a[0]);
	struct timespec *ts;

	if (!t)
		return -ESRCH;
	ts = out(c, 1, sizeof *ts);
	if (!ts)
		return -EFAULT;
	ts->tv_nsec = t->sched.policy == SCHED_FIFO ? 0 : 100000000;
	return 0;
}

struct sched_attr_ { /* the kernel's, first version */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static long setattr_enter(struct call *c)
{
	struct task *t = whom(c, c->a[0]);
	struct sched_attr_ at;
	long r;

	if (in_at(c, c->a[1], &at, sizeof at) < 0)
		return -EFAULT;
	if (!t)
		return -ESRCH;
	if (at.nice < t->sched.nice && !privileged(c))
		return -EPERM;
	r = set_policy(c, t, (int) at.policy, (int) at.priority);
	if (r == 0 && fair((int) at.policy))
		t->sched.nice = at.nice < -20 ? -20 : at.nice > 19 ? 19 : at.nice;
	return r;
}

static long getattr_enter(struct call *c)
{
	struct task *t = whom(c, c->a[0]);
	struct sched_attr_ *at;

	if (c->a[2] < sizeof *at || c->a[3])
		return -EINVAL;
	if (!t)
		return -ESRCH;
	at = out(c, 1, sizeof *at);
	if (!at)
		return -EFAULT;
	at->size = sizeof *at;
	at->policy = (uint32_t) t->sched.policy;
	at->nice = t->sched.nice;
	at->priority = (uint32_t) t->sched.prio;
	return 0;
}

/* ---- nice, input and output ---- */

/* Groups and users are taken for the caller. */
static struct task *of_which(struct call *c)
{
	return (int) c->a[0] == PRIO_PROCESS ? whom(c, c->a[1]) : c->t;
}

static long getpriority_enter(struct call *c)
{
	struct task *t = of_which(c);

	if ((unsigned) c->a[0] > PRIO_USER)
		return -EINVAL;
	return t ? 20 - t->sched.nice : -ESRCH;
}

static long setpriority_enter(struct call *c)
{
	struct task *t = of_which(c);
	int nice = (int) c->a[2];

	if ((unsigned) c->a[0] > PRIO_USER)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
	if (nice < t->sched.nice && !privileged(c))
		return -EACCES;
	t->sched.nice = nice;
	return 0;
}

static struct task *of_io_which(struct call *c)
{
	return (int) c->a[0] == 1 ? whom(c, c->a[1]) : c->t;
}

static long ioprio_get_enter(struct call *c)
{
	struct task *t = of_io_which(c);

	if ((unsigned) c->a[0] < 1 || (unsigned) c->a[0] > 3)
		return -EINVAL;
	return t ? t->sched.ioprio : -ESRCH;
}

static long ioprio_set_enter(struct call *c)
{
	struct task *t = of_io_which(c);
	unsigned class = (unsigned) c->a[2] >> 13;

	if ((unsigned) c->a[0] < 1 || (unsigned) c->a[0] > 3 || class > IDLE_IO)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	if (class == 1 && !privileged(c))
		return -EPERM;
	t->sched.ioprio = (int) c->a[2];
	return 0;
}

static const struct flag_name policies[] = {
	{ SCHED_OTHER, "SCHED_OTHER" }, { SCHED_FIFO, "SCHED_FIFO" }, { SCHED_RR, "SCHED_RR" },
	{ SCHED_BATCH, "SCHED_BATCH" }, { SCHED_IDLE, "SCHED_IDLE" },
	{ SCHED_DEADLINE_, "SCHED_DEADLINE" }, { 0, NULL },
};
static const struct flag_name whats[] = {
	{ PRIO_PROCESS, "PRIO_PROCESS" }, { PRIO_PGRP, "PRIO_PGRP" }, { PRIO_USER, "PRIO_USER" },
	{ 0, NULL },
};

#define KEPT "remembered and given back; the order of tasks is the supervisor's"
#define POLICY FLAGS(policy, policies)

static const struct row rows[] = {
	{ SYS(sched_yield, 24), EMULATE, .enter = yield_enter, .why = "the next task's turn" },
	{ SYS(getcpu, 309), EMULATE, .arg = { OUT_AS(cpu, 4, int), OUT_AS(node, 4, int), PTR(unused) },
	  .enter = getcpu_enter, .why = "CPU 0 of node 0" },
	{ SYS(sched_getaffinity, 204), EMULATE,
	  .arg = { INT(pid), UINT(len), OUT_AS(mask, 8, cpumask) },
	  .enter = getaffinity_enter, .why = "the CPUs of the canonical machine" },
	{ SYS(sched_setaffinity, 203), EMULATE, .arg = { INT(pid), UINT(len), PTR(mask) },
	  .enter = setaffinity_enter, .why = KEPT },
	{ SYS(sched_setscheduler, 144), EMULATE, .arg = { INT(pid), POLICY, IN_AS(param, 4, int) },
	  .enter = setscheduler_enter, .why = KEPT },
	{ SYS(sched_getscheduler, 145), EMULATE, .arg = { INT(pid) }, .enter = getscheduler_enter,
	  .why = KEPT },
	{ SYS(sched_setparam, 142), EMULATE, .arg = { INT(pid), IN_AS(param, 4, int) },
	  .enter = setparam_enter, .why = KEPT },
	{ SYS(sched_getparam, 143), EMULATE, .arg = { INT(pid), OUT_AS(param, 4, int) },
	  .enter = getparam_enter, .why = KEPT },
	{ SYS(sched_get_priority_max, 146), EMULATE, .arg = { POLICY }, .enter = prio_max_enter,
	  .why = "the kernel's constants" },
	{ SYS(sched_get_priority_min, 147), EMULATE, .arg = { POLICY }, .enter = prio_min_enter,
	  .why = "the kernel's constants" },
	{ SYS(sched_rr_get_interval, 148), EMULATE,
	  .arg = { INT(pid), OUT_AS(interval, sizeof(struct timespec), timespec) },
	  .enter = rr_interval_enter, .why = "a constant" },
	{ SYS(sched_setattr, 314), EMULATE,
	  .arg = { INT(pid), IN_STRUCT(attr, sizeof(struct sched_attr_)), UINT(flags) },
	  .enter = setattr_enter, .why = KEPT },
	{ SYS(sched_getattr, 315), EMULATE,
	  .arg = { INT(pid), OUT_STRUCT(attr, sizeof(struct sched_attr_)), UINT(size), UINT(flags) },
	  .enter = getattr_enter, .why = KEPT },
	{ SYS(getpriority, 140), EMULATE, .arg = { FLAGS(which, whats), INT(who) },
	  .enter = getpriority_enter, .why = KEPT },
	{ SYS(setpriority, 141), EMULATE, .arg = { FLAGS(which, whats), INT(who), INT(nice) },
	  .enter = setpriority_enter, .why = KEPT },
	{ SYS(ioprio_get, 252), EMULATE, .arg = { INT(which), INT(who) }, .enter = ioprio_get_enter,
	  .why = KEPT },
	{ SYS(ioprio_set, 251), EMULATE, .arg = { INT(which), INT(who), UINT(ioprio) },
	  .enter = ioprio_set_enter, .why = KEPT },
};
FAMILY(sched, "Scheduling");
