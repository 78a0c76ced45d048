/* SPDX-License-Identifier: Apache-2.0 */
/* prctl and its likes: a command argument each. */
#include <asm/prctl.h>
#include <errno.h>
#include <linux/prctl.h>

#include "runtime/base/own.h"
#include "shim/world.h"

#ifndef ARCH_GET_CPUID
#define ARCH_GET_CPUID 0x1011
#define ARCH_SET_CPUID 0x1012
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

enum { LAST_CAP = 40, SLACK = 50000, MCE_DEFAULT = 2 };

static struct proc_attrs *attr(struct call *c)
{
	return &c->t->proc->attr;
}

static long zero_enter(struct call *c)
{
	(void) c;
	return 0;
}

static long other_enter(struct call *c)
{
	call_note(c, "prctl command %u refused: not known to the kernel that the guest sees",
		(unsigned) c->a[0]);
	return -EINVAL;
}

/* An int at the second argument. */
static long put_int(struct call *c, int v)
{
	return c->a[1] ? out_at(c, c->a[1], &v, sizeof v) : -EFAULT;
}

static long set_dumpable_enter(struct call *c)
{
	if (c->a[1] > 1)
		return -EINVAL;
	attr(c)->not_dumpable = !c->a[1];
	return 0;
}

static long get_dumpable_enter(struct call *c)
{
	return !attr(c)->not_dumpable;
}

static long set_tsc_enter(struct call *c)
{
	if (c->a[1] != PR_TSC_ENABLE && c->a[1] != PR_TSC_SIGSEGV)
		return -EINVAL;
	attr(c)->tsc_off = c->a[1] == PR_TSC_SIGSEGV;
	return 0;
}

static long get_tsc_enter(struct call *c)
{
	return put_int(c, attr(c)->tsc_off ? PR_TSC_SIGSEGV : PR_TSC_ENABLE);
}

static long set_nnp_enter(struct call *c)
{
	if (c->a[1] != 1 || c->a[2] || c->a[3] || c->a[4])
		return -EINVAL;
	attr(c)->no_new_privs = true;
	return 0;
}

static long get_nnp_enter(struct call *c)
{
	return attr(c)->no_new_privs;
}

static long set_slack_enter(struct call *c)
{
	c->t->sched.slack = (int64_t) c->a[1] > 0 ? c->a[1] : 0;
	return 0;
}

static long get_slack_enter(struct call *c)
{
	return (long) (c->t->sched.slack ? c->t->sched.slack : SLACK);
}

static long timing_enter(struct call *c)
{
	return c->a[1] ? -EINVAL : 0;
}

static long mce_enter(struct call *c)
{
	(void) c;
	return MCE_DEFAULT;
}

static bool virtual_root(struct call *c)
{
	return c->w->o && c->w->o->virtual_ids && !c->t->proc->ids.euid;
}

/* Of those that config.json has in the set and that nobody can have, the kernel knows nothing. */
static uint64_t bounded(const struct call *c)
{
	return c->a[1] <= LAST_CAP ? c->t->proc->attr.bounding & 1ull << c->a[1] : 0;
}

static long capbset_read_enter(struct call *c)
{
	if (bounded(c))
		return 1;
	if (!c->w->o || !c->w->o->virtual_ids)
		return call_run_leave(c);
	return c->a[1] <= LAST_CAP ? 1 : -EINVAL;
}

/* Sets that are not kept: accepted from root without effect. */
static long caps_enter(struct call *c)
{
	if (!c->w->o || !c->w->o->virtual_ids)
		return call_run_leave(c);
	return virtual_root(c) ? 0 : -EPERM;
}

static void capbset_drop_leave(struct call *c)
{
	if (c->ret == 0)
		c->t->proc->attr.bounding &= ~bounded(c);
}

static void set_subreaper_leave(struct call *c)
{
	if (c->ret == 0)
		c->t->proc->subreaper = c->a[1];
}

static long keepcaps_set_enter(struct call *c)
{
	if (!c->w->o || !c->w->o->virtual_ids)
		return call_run_leave(c);
	if (c->a[1] > 1)
		return -EINVAL;
	c->t->proc->ids.keep_caps = c->a[1];
	return 0;
}

static long keepcaps_get_enter(struct call *c)
{
	return c->w->o && c->w->o->virtual_ids ? c->t->proc->ids.keep_caps : call_run_leave(c);
}

static long securebits_get_enter(struct call *c)
{
	return c->w->o && c->w->o->virtual_ids ? 0 : call_run_leave(c);
}

static long ambient_enter(struct call *c)
{
	if (!c->w->o || !c->w->o->virtual_ids)
		return call_run_leave(c);
	switch (c->a[1]) {
	case PR_CAP_AMBIENT_IS_SET:
	case PR_CAP_AMBIENT_LOWER: return c->a[2] <= LAST_CAP ? 0 : -EINVAL;
	case PR_CAP_AMBIENT_CLEAR_ALL: return 0;
	case PR_CAP_AMBIENT_RAISE: return -EPERM;
	}
	return -EINVAL;
}

static long no_seccomp_enter(struct call *c)
{
	call_note(c, "a seccomp filter was refused: it could hide calls from the supervisor");
	return -EINVAL;
}

#define PARGS INT(option), UINT(a), UINT(b), UINT(c), UINT(d)
#define PASS_(n, text) \
	{ .name = #n, .nr = (int) (n), .policy = PASS, .arg = { PARGS }, .why = text }
#define DO(n, fn, text) \
	{ .name = #n, .nr = (int) (n), .policy = EMULATE, .arg = { PARGS }, .enter = fn, \
	  .why = text }
#define NO(n, e, text) \
	{ .name = #n, .nr = (int) (n), .policy = DENY, .arg = { PARGS }, .err = e, \
	  .why = text }

#define ABSENT "absent on the canonical machine"
#define NO_EFFECT "accepted without effect"
#define VIRTUAL "as capset and capget"
#define NO_SECCOMP "refused: a filter could hide calls from the supervisor"

static const struct row prctls[] = {
	PASS_(PR_SET_NAME, "deterministic"),
	PASS_(PR_GET_NAME, "deterministic"),
	PASS_(PR_SET_PDEATHSIG, "deterministic: exits come in the scheduler's order"),
	PASS_(PR_GET_PDEATHSIG, "deterministic"),
	{ .name = "PR_SET_CHILD_SUBREAPER", .nr = PR_SET_CHILD_SUBREAPER, .policy = OBSERVE,
	  .arg = { PARGS }, .leave = set_subreaper_leave, .why = "deterministic" },
	{ .name = "PR_GET_CHILD_SUBREAPER", .nr = PR_GET_CHILD_SUBREAPER, .policy = OBSERVE,
	  .arg = { PARGS }, .why = "deterministic" },
	DO(PR_SET_VMA, zero_enter, "names of mappings show nowhere"),
	DO(PR_SET_NO_NEW_PRIVS, set_nnp_enter, "remembered; it is always set underneath"),
	DO(PR_GET_NO_NEW_PRIVS, get_nnp_enter, "what the guest has set"),
	DO(PR_SET_DUMPABLE, set_dumpable_enter, "remembered"),
	DO(PR_GET_DUMPABLE, get_dumpable_enter, "what the guest has set"),
	DO(PR_SET_TSC, set_tsc_enter, "remembered; RDTSC traps to the supervisor"),
	DO(PR_GET_TSC, get_tsc_enter, "what the guest has set"),
	DO(PR_SET_TIMERSLACK, set_slack_enter, "remembered; virtual timers are exact"),
	DO(PR_GET_TIMERSLACK, get_slack_enter, "what the guest has set"),
	DO(PR_SET_TIMING, timing_enter, "as the kernel"),
	DO(PR_GET_TIMING, zero_enter, "as the kernel"),
	DO(PR_SET_KEEPCAPS, keepcaps_set_enter, VIRTUAL),
	DO(PR_GET_KEEPCAPS, keepcaps_get_enter, VIRTUAL),
	DO(PR_CAPBSET_READ, capbset_read_enter, VIRTUAL),
	{ .name = "PR_CAPBSET_DROP", .nr = PR_CAPBSET_DROP, .policy = EMULATE, .arg = { PARGS },
	  .enter = caps_enter, .leave = capbset_drop_leave, .why = VIRTUAL },
	DO(PR_SET_SECUREBITS, caps_enter, VIRTUAL),
	DO(PR_GET_SECUREBITS, securebits_get_enter, VIRTUAL),
	DO(PR_CAP_AMBIENT, ambient_enter, VIRTUAL),
	DO(PR_SET_SECCOMP, no_seccomp_enter, NO_SECCOMP),
	DO(PR_GET_SECCOMP, zero_enter, "no filter as far as the guest can see"),
	DO(PR_SET_PTRACER, zero_enter, NO_EFFECT),
	DO(PR_SET_THP_DISABLE, zero_enter, NO_EFFECT),
	DO(PR_GET_THP_DISABLE, zero_enter, "as at start"),
	DO(PR_TASK_PERF_EVENTS_DISABLE, zero_enter, NO_EFFECT),
	DO(PR_TASK_PERF_EVENTS_ENABLE, zero_enter, NO_EFFECT),
	DO(PR_MCE_KILL, zero_enter, NO_EFFECT),
	DO(PR_MCE_KILL_GET, mce_enter, "the kernel's default"),
	NO(PR_SET_MM, EPERM, "the memory map is the supervisor's to know"),
	NO(PR_GET_TID_ADDRESS, EINVAL, ABSENT),
	NO(PR_GET_SPECULATION_CTRL, EINVAL, "depends on the host's CPU"),
	NO(PR_SET_SPECULATION_CTRL, EINVAL, "depends on the host's CPU"),
	NO(PR_SET_IO_FLUSHER, EPERM, "the machine is the host's"),
	NO(PR_GET_IO_FLUSHER, EPERM, "the machine is the host's"),
	{ .name = "other", .nr = -1, .policy = EMULATE, .arg = { PARGS }, .enter = other_enter,
	  .why = "EINVAL and a note: unknown to the kernel that the guest sees" },
};

/* ---- arch_prctl ---- */

static long set_cpuid_enter(struct call *c)
{
	return c->a[1] ? 0 : -ENODEV; /* as on a CPU that can't be told to fault */
}

static long get_cpuid_enter(struct call *c)
{
	(void) c;
	return 1;
}

static const struct row archs[] = {
	PASS_(ARCH_SET_FS, "deterministic"),
	PASS_(ARCH_GET_FS, "deterministic"),
	PASS_(ARCH_SET_GS, "deterministic"),
	PASS_(ARCH_GET_GS, "deterministic"),
	DO(ARCH_GET_CPUID, get_cpuid_enter, "CPUID works as far as the guest can see"),
	DO(ARCH_SET_CPUID, set_cpuid_enter, "CPUID works as far as the guest can see"),
	{ .name = "other", .nr = -1, .policy = DENY, .arg = { PARGS }, .err = EINVAL,
	  .why = "shadow stacks, AMX and the like: the canonical CPU has none" },
};

static const struct row rows[] = {
	{ SYS(prctl, 157), BY_SUB, .arg = { PARGS },
	  .sub = prctls, .nsub = ARRAY_LEN(prctls), .sub_arg = 0, .why = "by its command" },
	{ SYS(arch_prctl, 158), BY_SUB, .arg = { INT(code), PTR(addr) },
	  .sub = archs, .nsub = ARRAY_LEN(archs), .sub_arg = 0, .why = "by its command" },
	{ SYS(seccomp, 317), EMULATE, .arg = { UINT(operation), UINT(flags), PTR(args) },
	  .enter = no_seccomp_enter, .why = NO_SECCOMP },
};
FAMILY(prctl, "Process attributes");
