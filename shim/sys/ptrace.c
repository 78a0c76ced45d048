/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tracing: as much of it as a task needs that shares its memory with those that it traces, as
 * LeakSanitizer's does. All others are in stops of ours while it runs: who is attached to is not resumed
 * until it is let go. That it has stopped is told by wait4(2) once, as if SIGSTOP had done it.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "runtime/base/own.h"
#include "shim/engine.h"

enum { STOPPED = SIGSTOP << 8 | 0x7f, IN_CALL = RESTARTSYS };

static long attach_enter(struct call *c)
{
	struct task *t = task_by_vpid(c->w, (pid_t) c->a[1]);

	if (!t)
		return -ESRCH;
	if (t->mm != c->t->mm) {
		call_note(c, "ptrace refused: of a task that shares no memory with the tracing one");
		return -EPERM;
	}
	if (t->proc == c->t->proc || t->tracer || t->state == T_GONE || t->proc->dying)
		return -EPERM;
	t->tracer = c->t;
	t->told = false;
	c->t->traces = true;
	return 0;
}

static struct task *traced(struct call *c)
{
	struct task *t = task_by_vpid(c->w, (pid_t) c->a[1]);

	return t && t->tracer == c->t ? t : NULL;
}

static long detach_enter(struct call *c)
{
	struct task *t = traced(c);

	if (!t)
		return -ESRCH;
	if ((unsigned) c->a[3] > 64)
		return -EIO;
	t->tracer = NULL;
	if (c->a[3] && c->a[3] != SIGSTOP)
		world_signal(c->w, t, (int) c->a[3], false);
	return 0;
}

/* As in a stop that SIGSTOP leads to, whatever it is in for us. */
static struct user_regs_struct regs_of(const struct task *t)
{
	struct user_regs_struct g = t->regs;

	if (t->rerun != RERUN_NO) { /* on its way back to the call */
		g.r9 = t->r9;
		g.rip += 2;
	}
	g.orig_rax = (unsigned long long) -1;
	if (t->state == T_BLOCKED) {
		g.orig_rax = t->c.nr;
		g.rax = (unsigned long long) (long) IN_CALL;
	}
	return g;
}

static bool fpregs_of(const struct task *t, struct user_fpregs_struct *ret)
{
	if (ptrace(PTRACE_GETFPREGS, t->pid, NULL, ret) < 0)
		return false;
	ret->mxcr_mask = 0xffff; /* the host's CPU may know one more */
	return true;
}

static long getregs_enter(struct call *c)
{
	struct task *t = traced(c);
	struct user_regs_struct g;

	if (!t)
		return -ESRCH;
	g = regs_of(t);
	return out_at(c, c->a[3], &g, sizeof g) < 0 ? -EIO : 0;
}

static long getfpregs_enter(struct call *c)
{
	struct task *t = traced(c);
	struct user_fpregs_struct g;

	if (!t || !fpregs_of(t, &g))
		return -ESRCH;
	return out_at(c, c->a[3], &g, sizeof g) < 0 ? -EIO : 0;
}

/* The extended state is the host's CPU's: there is none here, as on machines without XSAVE. */
static long getregset_enter(struct call *c)
{
	union {
		struct user_regs_struct g;
		struct user_fpregs_struct f;
	} u;
	size_t n = c->a[2] == NT_PRSTATUS ? sizeof u.g : sizeof u.f;
	struct task *t = traced(c);
	struct iovec v;

	if (!t)
		return -ESRCH;
	if (in_at(c, c->a[3], &v, sizeof v) < 0)
		return -EFAULT;
	if (c->a[2] != NT_PRSTATUS && c->a[2] != NT_FPREGSET)
		return -EINVAL;
	if (c->a[2] == NT_PRSTATUS)
		u.g = regs_of(t);
	else if (!fpregs_of(t, &u.f))
		return -ESRCH;
	v.iov_len = v.iov_len < n ? v.iov_len & ~7ull : n;
	if (out_at(c, (uintptr_t) v.iov_base, &u, v.iov_len) < 0 ||
		out_at(c, c->a[3], &v, sizeof v) < 0)
		return -EFAULT;
	return 0;
}

bool ptrace_waits(struct call *c, long *ret)
{
	struct task *t = c->t->traces ? task_by_vpid(c->w, (pid_t) c->a[0]) : NULL;
	int *st;

	if (!t || t->tracer != c->t || t->told)
		return false;
	st = c->a[1] ? out(c, 1, sizeof *st) : NULL;
	*ret = c->a[1] && !st ? -EFAULT : (long) c->a[0];
	if (st)
		*st = STOPPED;
	t->told = true;
	return true;
}

void ptrace_ended(struct world *w, const struct task *tracer)
{
	for (struct task *t = tracer->traces ? w->tasks : NULL; t; t = t->next)
		if (t->tracer == tracer)
			t->tracer = NULL;
}

#define PID INT(pid)
#define WHERE HIDE(addr), HIDE(data)
#define REQ INT(request)

static const struct row requests[] = {
	{ SUB(PTRACE_ATTACH, PTRACE_ATTACH), EMULATE, .arg = { REQ, PID, WHERE }, .enter = attach_enter,
	  .why = "who shares its memory with the tracing one waits until it is let go; others: EPERM" },
	{ SUB(PTRACE_DETACH, PTRACE_DETACH), EMULATE, .arg = { REQ, PID, WHERE }, .enter = detach_enter,
	  .why = "it may go on" },
	{ SUB(PTRACE_GETREGS, PTRACE_GETREGS), EMULATE, .arg = { REQ, PID, WHERE },
	  .enter = getregs_enter, .why = "as in a stop" },
	{ SUB(PTRACE_GETFPREGS, PTRACE_GETFPREGS), EMULATE, .arg = { REQ, PID, WHERE },
	  .enter = getfpregs_enter, .why = "as in a stop" },
	{ SUB(PTRACE_GETREGSET, PTRACE_GETREGSET), EMULATE,
	  .arg = { REQ, PID, UINT(type), HIDE(iov) }, .enter = getregset_enter,
	  .why = "general and SSE registers; the rest depends on the CPU" },
	{ SUB(other, 0), DENY, .arg = { REQ, PID, WHERE }, .flags = NOTED, .err = EPERM,
	  .why = "the tasks are traced already; ptrace inside comes later" },
};

static const struct row rows[] = {
	{ SYS(ptrace, 101), BY_SUB, .arg = { REQ, PID, PTR(addr), PTR(data) }, .sub = requests,
	  .nsub = ARRAY_LEN(requests), .sub_arg = 0, .why = "by its request" },
};

FAMILY(ptrace, "Tracing");
