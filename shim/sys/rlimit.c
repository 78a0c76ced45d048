/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource limits. Those that limit this process alone are the kernel's. Those whose defaults come
 * from the host's size, or that count the host's time or the user's other processes, are numbers of
 * ours, without effect. How large a file may become is ours, too: it is we who write. And so is CPU
 * time: it counts the virtual one.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "shim/fs.h"
#include "shim/procview.h"

#define BIT(r) (1u << (r))
#define OURS                                                                              \
	(BIT(RLIMIT_CPU) | BIT(RLIMIT_RSS) | BIT(RLIMIT_NPROC) | BIT(RLIMIT_MEMLOCK) |    \
		BIT(RLIMIT_LOCKS) | BIT(RLIMIT_SIGPENDING) | BIT(RLIMIT_MSGQUEUE) |       \
		BIT(RLIMIT_NICE) | BIT(RLIMIT_RTPRIO) | BIT(RLIMIT_RTTIME) | BIT(RLIMIT_FSIZE))

static struct rlimit initial(unsigned res)
{
	switch (res) {
	case RLIMIT_NPROC:
	case RLIMIT_SIGPENDING: return (struct rlimit){ 31000, 31000 };
	case RLIMIT_MEMLOCK: return (struct rlimit){ 8 << 20, 8 << 20 };
	case RLIMIT_MSGQUEUE: return (struct rlimit){ 819200, 819200 };
	case RLIMIT_NICE:
	case RLIMIT_RTPRIO: return (struct rlimit){ 0, 0 };
	default: return (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	}
}

static struct rlimit ours(const struct proc *p, unsigned res)
{
	if (p->attr.rlim_set & BIT(res))
		return (struct rlimit){ p->attr.rlim[res].cur, p->attr.rlim[res].max };
	return initial(res);
}

struct rlimit rlimit_view(const struct proc *p, unsigned res)
{
	struct rlimit now = initial(res);

	if (OURS & BIT(res))
		return ours(p, res);
	prlimit(p->pid, (enum __rlimit_resource) res, NULL, &now);
	return now;
}

uint64_t rlimit_fsize(const struct proc *p)
{
	return ours(p, RLIMIT_FSIZE).rlim_cur;
}

long rlimit_exceeded(struct call *c)
{
	world_signal(c->w, c->t, SIGXFSZ, false);
	return -EFBIG;
}

bool shim_limits(int resource)
{
	return OURS & BIT(resource);
}

static void set(struct world *w, struct proc *p, unsigned res, uint64_t cur, uint64_t max)
{
	p->attr.rlim[res].cur = cur;
	p->attr.rlim[res].max = max;
	p->attr.rlim_set |= BIT(res);
	if (res == RLIMIT_CPU)
		w->timer_due = w->now; /* it is found out when */
}

void rlimit_give(struct world *w, struct proc *p, unsigned res, uint64_t soft, uint64_t hard)
{
	if (shim_limits((int) res))
		set(w, p, res, soft, hard);
}

/* ---- CPU time: a signal at the soft limit and in each second after it, death at the hard one ---- */

static uint64_t seconds(rlim_t s)
{
	return s > NO_DEADLINE / NSEC ? NO_DEADLINE : s * NSEC;
}

uint64_t rlimit_cpu(const struct proc *p)
{
	return seconds(ours(p, RLIMIT_CPU).rlim_cur);
}

int rlimit_cpu_signal(struct proc *p)
{
	struct rlimit l = ours(p, RLIMIT_CPU);

	if (p->cpu < seconds(l.rlim_cur))
		return 0;
	if (p->cpu >= seconds(l.rlim_max))
		return SIGKILL;
	p->attr.rlim[RLIMIT_CPU].cur++;
	return SIGXCPU;
}

static struct proc *whose(struct call *c, pid_t pid)
{
	struct task *t = pid ? task_by_vpid(c->w, pid) : c->t;

	return t ? t->proc : NULL;
}

static bool may_raise(const struct call *c)
{
	return c->w->o && c->w->o->virtual_ids && !c->t->proc->ids.euid;
}

static long set_ours(struct call *c, struct proc *p, unsigned res, const struct rlimit *l)
{
	if (l->rlim_cur > l->rlim_max)
		return -EINVAL;
	if (l->rlim_max > ours(p, res).rlim_max && !may_raise(c))
		return -EPERM;
	set(c->w, p, res, l->rlim_cur, l->rlim_max);
	return 0;
}

/* Whether the caller may is up to the host's user: nobody may raise a hard limit. */
static long check_kernels(struct proc *p, unsigned res, const struct rlimit *l)
{
	struct rlimit now;

	if (l->rlim_cur > l->rlim_max)
		return -EINVAL;
	if (prlimit(p->pid, (enum __rlimit_resource) res, NULL, &now) < 0)
		return 0;
	return l->rlim_max > now.rlim_max ? -EPERM : 0;
}

/* Argument @get and @set: where the structs are, 0 = none. */
static long limit(struct call *c, pid_t pid, unsigned res, unsigned set, unsigned get)
{
	struct proc *p = whose(c, pid);
	struct rlimit new, old, *o;
	long r = 0;

	if (res >= RLIM_NLIMITS)
		return -EINVAL;
	if (!p)
		return -ESRCH;
	if (set && in_at(c, c->a[set], &new, sizeof new) < 0)
		return -EFAULT;
	if (OURS & BIT(res)) {
		old = ours(p, res);
		r = set ? set_ours(c, p, res, &new) : 0;
	} else {
		if (set)
			r = check_kernels(p, res, &new);
		if (r == 0 && (set || prlimit(p->pid, (enum __rlimit_resource) res, NULL, &old) < 0))
			return call_run_leave(c);
	}
	if (r < 0 || !get)
		return r;
	o = out(c, get, sizeof *o);
	if (!o)
		return -EFAULT;
	*o = old;
	return 0;
}

static long getrlimit_enter(struct call *c)
{
	return c->a[1] ? limit(c, 0, (unsigned) c->a[0], 0, 1) : -EFAULT;
}

static long setrlimit_enter(struct call *c)
{
	return c->a[1] ? limit(c, 0, (unsigned) c->a[0], 1, 0) : -EFAULT;
}

static long prlimit_enter(struct call *c)
{
	return limit(c, (pid_t) c->a[0], (unsigned) c->a[1], c->a[2] ? 2 : 0, c->a[3] ? 3 : 0);
}

#define R(n) { n, #n }
static const struct flag_name resources[] = {
	R(RLIMIT_CPU), R(RLIMIT_FSIZE), R(RLIMIT_DATA), R(RLIMIT_STACK), R(RLIMIT_CORE),
	R(RLIMIT_RSS), R(RLIMIT_NPROC), R(RLIMIT_NOFILE), R(RLIMIT_MEMLOCK), R(RLIMIT_AS),
	R(RLIMIT_LOCKS), R(RLIMIT_SIGPENDING), R(RLIMIT_MSGQUEUE), R(RLIMIT_NICE),
	R(RLIMIT_RTPRIO), R(RLIMIT_RTTIME), { 0, NULL },
};

#define RL sizeof(struct rlimit)
#define WHY "fixed at the start; CPU time is the virtual one, those that count other processes have no effect"

static const struct row rows[] = {
	{ SYS(getrlimit, 97), EMULATE, .arg = { FLAGS(resource, resources), OUT_AS(limit, RL, rlimit) },
	  .enter = getrlimit_enter, .why = WHY, .flags = NOTIFY },
	{ SYS(setrlimit, 160), EMULATE, .arg = { FLAGS(resource, resources), IN_AS(limit, RL, rlimit) },
	  .enter = setrlimit_enter, .why = WHY },
	{ SYS(prlimit64, 302), EMULATE,
	  .arg = { INT(pid), FLAGS(resource, resources), IN_AS(new, RL, rlimit),
	  OUT_AS(old, RL, rlimit) },
	  .enter = prlimit_enter, .why = WHY, .flags = NOTIFY },
};
FAMILY(rlimit, "Resource limits");
