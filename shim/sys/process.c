/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: birth, program, end, wait, signals between them. */
#include <errno.h>
#include <linux/capability.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "shim/engine.h"
#include "shim/fs.h"
#include "shim/sys/caps.h"

#define CLONE_NEW_ANY                                                                        \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
		CLONE_NEWNET)

static const struct flag_name clone_names[] = {
	{ CLONE_VM, "CLONE_VM" }, { CLONE_FS, "CLONE_FS" }, { CLONE_FILES, "CLONE_FILES" },
	{ CLONE_SIGHAND, "CLONE_SIGHAND" }, { CLONE_VFORK, "CLONE_VFORK" },
	{ CLONE_THREAD, "CLONE_THREAD" }, { CLONE_SYSVSEM, "CLONE_SYSVSEM" },
	{ CLONE_SETTLS, "CLONE_SETTLS" }, { CLONE_PARENT_SETTID, "CLONE_PARENT_SETTID" },
	{ CLONE_CHILD_CLEARTID, "CLONE_CHILD_CLEARTID" },
	{ CLONE_CHILD_SETTID, "CLONE_CHILD_SETTID" }, { SIGCHLD, "SIGCHLD", CSIGNAL }, { 0, NULL },
};

static const struct flag_name wait_names[] = {
	{ WNOHANG, "WNOHANG" }, { WUNTRACED, "WUNTRACED" }, { WEXITED, "WEXITED" },
	{ WCONTINUED, "WCONTINUED" }, { WNOWAIT, "WNOWAIT" }, { 0x40000000, "__WALL" }, { 0, NULL },
};

/* ---- birth ---- */

static long clone_enter(struct call *c)
{
	if (c->a[0] & CLONE_NEW_ANY) {
		call_note(c, "clone into a new namespace refused");
		return -EPERM;
	}
	if (c->a[0] & CLONE_UNTRACED)
		call_karg(c, 0, c->a[0] & ~(uint64_t) CLONE_UNTRACED);
	return call_run_leave(c);
}

/* ---- exec ---- */

enum { EXEC_STRINGS_MAX = 4 << 20, STRING_MAX = 128 << 10, PAGE = 4096 };

/* Vectors lie together, and so do their strings: whole pages are read, the last one is kept. */
struct window {
	uint64_t at;
	bool have;
	uint8_t p[PAGE];
};

static long window_to(struct call *c, struct window *w, uint64_t addr)
{
	uint64_t at = addr & ~(uint64_t) (PAGE - 1);

	if (w->have && w->at == at)
		return 0;
	w->have = in_at(c, at, w->p, PAGE) == 0;
	w->at = at;
	return w->have ? 0 : -EFAULT;
}

static long pointer_at(struct call *c, struct window *w, uint64_t addr, uint64_t *ret)
{
	if (addr % PAGE > PAGE - sizeof *ret)
		return in_at(c, addr, ret, sizeof *ret);
	if (window_to(c, w, addr) < 0)
		return -EFAULT;
	memcpy(ret, w->p + addr % PAGE, sizeof *ret);
	return 0;
}

static long append_string(struct call *c, struct window *w, uint64_t addr, struct buf *b)
{
	size_t start = b->n;

	for (;;) {
		size_t off = addr % PAGE, n = PAGE - off;
		const uint8_t *nul;

		if (window_to(c, w, addr) < 0)
			return -EFAULT;
		nul = memchr(w->p + off, 0, n);
		if (nul)
			n = (size_t) (nul - (w->p + off)) + 1;
		buf_put(b, w->p + off, n);
		if (b->n - start > STRING_MAX)
			return -E2BIG;
		if (nul)
			return 0;
		addr += n;
	}
}

/* The strings of an argv or envp, each with its NUL. */
static long strings(struct call *c, uint64_t at, struct buf *b)
{
	struct window *w = call_mem(c, 2 * sizeof *w);
	uint64_t p;
	long r;

	w[0].have = w[1].have = false;
	b->n = 0;
	for (; at; at += 8) {
		r = pointer_at(c, &w[0], at, &p);
		if (r < 0 || !p)
			return r;
		r = append_string(c, &w[1], p, b);
		if (r < 0)
			return r;
		if (b->n > EXEC_STRINGS_MAX)
			return -E2BIG;
	}
	return 0;
}

static bool may_exec(struct call *c, int dirfd, const char *path, int flags)
{
	struct stat st;

	if (!fs_may_search(c, dirfd, path))
		return false;
	return fs_stat(c, dirfd, path, flags, &st) != 0 || fs_may(c, &st, X_OK);
}

static long exec(struct call *c, unsigned path, uint64_t argv, uint64_t envp)
{
	const char *s;
	long r = in_path(c, path, &s);

	if (!r)
		r = strings(c, argv, &c->w->exec_argv);
	if (!r)
		r = strings(c, envp, &c->w->exec_env);
	if (!r && !may_exec(c, path ? (int) c->a[0] : AT_FDCWD, s, path ? (int) c->a[4] : 0))
		r = -EACCES;
	if (r < 0)
		return r;
	memcpy(c->w->exec_path, s, strlen(s) + 1);
	c->t->in_exec = true;
	return call_run_leave(c);
}

static long execve_enter(struct call *c)
{
	return exec(c, 0, c->a[1], c->a[2]);
}

static long execveat_enter(struct call *c)
{
	return exec(c, 1, c->a[2], c->a[3]);
}

/* Only a failed exec comes here; a good one is an EXEC event. */
static void exec_leave(struct call *c)
{
	c->t->in_exec = false;
}

/* ---- end ---- */

static long exit_enter(struct call *c)
{
	struct task *t = c->t;

	futex_dying(c->w, t);
	if (t->pid == t->proc->pid && t->proc->nthreads > 1)
		t->leader_exit = true;
	else if (t == c->w->init)
		c->w->init_going = true;
	return call_run(c);
}

static long exit_group_enter(struct call *c)
{
	for (struct task *t = c->t->proc->threads; t; t = t->next_thread)
		futex_dying(c->w, t);
	c->t->proc->dying = true;
	if (c->w->init && c->t->proc == c->w->init->proc)
		c->w->init_going = true;
	return call_run(c);
}

/* ---- wait ---- */

static long wait4_enter(struct call *c)
{
	long r;

	if (ptrace_waits(c, &r))
		return r;
	if (!(c->a[2] & WNOHANG))
		call_karg(c, 2, c->a[2] | WNOHANG);
	return call_run_leave(c);
}

static void wait4_leave(struct call *c)
{
	if (!c->ret && !(c->a[2] & WNOHANG)) {
		call_block(c, (struct wait){ .kind = W_CHILD });
		return;
	}
	if (c->ret > 0 && c->a[3])
		out(c, 3, sizeof(struct rusage));
}

static long waitid_enter(struct call *c)
{
	if (!(c->a[3] & WNOHANG))
		call_karg(c, 3, c->a[3] | WNOHANG);
	if (!c->a[2]) /* somewhere to see whether there was one */
		call_karg(c, 2, (c->t->regs.rsp - 512) & ~15ull);
	return call_run_leave(c);
}

static void waitid_leave(struct call *c)
{
	siginfo_t si;

	if (c->ret < 0)
		return;
	if (in_at(c, c->k[2], &si, sizeof si) < 0)
		return;
	if (!si.si_signo && !(c->a[3] & WNOHANG)) {
		call_block(c, (struct wait){ .kind = W_CHILD });
		return;
	}
	if (c->a[4])
		out(c, 4, sizeof(struct rusage));
}

/* ---- signals ---- */

/* Its own end is not an event after the call: no leave() will run. */
static void kills_itself(struct call *c)
{
	struct world *w = c->w;

	if (w->init && c->t->proc == w->init->proc)
		return; /* the kernel spares process 1 */
	c->t->proc->dying = true;
	w->killer = c->t->pid;
}

static bool is_self(struct call *c, pid_t target)
{
	if (target > 0)
		return proc_by_vpid(c->w, target) == c->t->proc;
	return !target || (target < -1 && -target == task_vpgid(c->t));
}

/* The leaders of those that a SIGKILL to a group (or to all, -1) is for, but us and process 1. */
static size_t victims(struct call *c, pid_t target, pid_t *ret)
{
	pid_t group = target ? -target : task_vpgid(c->t);
	size_t n = 0;

	for (struct task *t = c->w->tasks; t; t = t->next)
		if (t->pid == t->proc->pid && t->proc != c->t->proc && t != c->w->init &&
			(target == -1 || task_vpgid(t) == group))
			ret[n++] = t->pid;
	return n;
}

/*
 * Killed by one call they would die in the kernel's order, and so would their children be handed
 * on to another parent. One by one it is ours.
 */
static long kill_many(struct call *c, pid_t target)
{
	struct world *w = c->w;
	size_t n = 0;
	pid_t *pid;

	for (struct task *t = w->tasks; t; t = t->next)
		n++;
	pid = call_mem(c, n * sizeof *pid);
	n = victims(c, target, pid);
	for (size_t i = 0; i < n; i++) {
		struct task *t = task_find(w, pid[i]);

		if (t && kill(pid[i], SIGKILL) == 0)
			collect_dead(w, t->proc);
	}
	if (!is_self(c, target))
		return n ? 0 : -ESRCH;
	kills_itself(c);
	call_karg(c, 0, (uint64_t) (c->t->pid == c->t->proc->pid ? task_vtid(c->t) :
		task_vtid(task_find(w, c->t->proc->pid))));
	return call_run_leave(c);
}

/* The kernel knows one user only. */
static bool may_signal(const struct call *c, const struct proc *p, int sig)
{
	const struct ids *a = &c->t->proc->ids, *b = &p->ids;

	return !c->w->o->virtual_ids || p == c->t->proc || caps_has(a, CAP_KILL) ||
	       a->euid == b->suid || a->euid == b->ruid || a->ruid == b->suid || a->ruid == b->ruid ||
	       (sig == SIGCONT && getsid(p->pid) == getsid(c->t->proc->pid));
}

static long kill_enter(struct call *c)
{
	pid_t target = (pid_t) c->a[0];
	const struct proc *p = target > 0 ? proc_by_vpid(c->w, target) : NULL;

	if (p && (unsigned) c->a[1] <= 64 && !may_signal(c, p, (int) c->a[1]))
		return -EPERM;
	if ((int) c->a[1] != SIGKILL)
		return call_run_leave(c);
	if (target <= 0 && c->w->o->virtual_ids && c->nr == SYS_kill)
		return kill_many(c, target);
	if (is_self(c, target))
		kills_itself(c);
	return call_run_leave(c);
}

static long tkill_any(struct call *c, unsigned tid, unsigned sig)
{
	struct task *t = task_by_vpid(c->w, (pid_t) c->a[tid]);

	if (t && (unsigned) c->a[sig] <= 64 && !may_signal(c, t->proc, (int) c->a[sig]))
		return -EPERM;
	if (t && t->proc == c->t->proc && (int) c->a[sig] == SIGKILL)
		kills_itself(c);
	return call_run_leave(c);
}

static long tkill_enter(struct call *c)
{
	return tkill_any(c, 0, 1);
}

static long tgkill_enter(struct call *c)
{
	return tkill_any(c, 1, 2);
}

/* @p: who got it, NULL: many, or it isn't known. */
static void sent(struct call *c, struct proc *p, int sig)
{
	struct world *w = c->w;

	w->killer = 0;
	if (c->ret < 0 || !sig)
		return;
	if (sig == SIGKILL)
		collect_killed(w, p, c->t);
	else if (sig == SIGCONT)
		collect_continued(w);
	if (sig != SIGKILL)
		signals_sent(w, p);
}

static void kill_leave(struct call *c)
{
	pid_t target = (pid_t) c->a[0];

	sent(c, target > 0 && c->ret == 0 ? proc_by_vpid(c->w, target) : NULL, (int) c->a[1]);
}

static void tkill_leave(struct call *c)
{
	struct task *t = c->ret < 0 ? NULL : task_by_vpid(c->w, (pid_t) c->a[0]);

	sent(c, t ? t->proc : NULL, (int) c->a[1]);
}

static void tgkill_leave(struct call *c)
{
	struct task *t = c->ret < 0 ? NULL : task_by_vpid(c->w, (pid_t) c->a[1]);

	sent(c, t ? t->proc : NULL, (int) c->a[2]);
}

static void pidfd_sent(struct call *c)
{
	sent(c, NULL, (int) c->a[1]);
}

static void getsid_leave(struct call *c)
{
	c->ret = session_seen(c->w, (pid_t) c->ret);
}

#define SIG INT_AS(sig, signal)
#define INFO IN_AS(info, 128, siginfo)

static const struct row rows[] = {
	{ SYS(clone, 56), OBSERVE,
	  .arg = { FLAGS(flags, clone_names), HIDE(stack), HIDE(parent_tid), HIDE(child_tid), HIDE(tls) },
	  .enter = clone_enter,
	  .why = "CLONE_UNTRACED is stripped, new namespaces are refused; the child waits for its turn" },
	{ SYS(fork, 57), OBSERVE, .why = "the child waits for its turn" },
	{ SYS(vfork, 58), OBSERVE, .why = "the parent waits until the child has executed or ended" },
	{ SYS(execve, 59), OBSERVE, .arg = { PATH(path), HIDE(argv), HIDE(envp) },
	  .enter = execve_enter, .leave = exec_leave,
	  .why = "the new program gets a canonical stack and CPU before its first instruction" },
	{ SYS(execveat, 322), OBSERVE,
	  .arg = { FD(dirfd), PATH(path), HIDE(argv), HIDE(envp), UINT(flags) },
	  .enter = execveat_enter, .leave = exec_leave, .why = "as execve" },
	{ SYS(exit, 60), OBSERVE, .arg = { INT(status) }, .enter = exit_enter,
	  .why = "ends one thread; futexes it held are passed on" },
	{ SYS(exit_group, 231), OBSERVE, .arg = { INT(status) }, .enter = exit_group_enter,
	  .why = "ends the process; its threads are collected before anybody else runs" },
	{ SYS(wait4, 61), FIXUP,
	  .arg = { INT(pid), OUT_AS(wstatus, 4, wstatus), FLAGS(options, wait_names), HIDE(rusage) },
	  .enter = wait4_enter, .leave = wait4_leave, .flags = MAY_BLOCK,
	  .why = "never blocks in the kernel; children are found in the scheduler's order; no usage" },
	{ SYS(waitid, 247), FIXUP,
	  .arg = { INT(idtype), INT(id), HIDE(infop), FLAGS(options, wait_names), HIDE(rusage) },
	  .enter = waitid_enter, .leave = waitid_leave, .flags = MAY_BLOCK, .why = "as wait4" },
	{ SYS(kill, 62), OBSERVE, .arg = { INT(pid), SIG }, .enter = kill_enter, .leave = kill_leave,
	  .why = "delivered at the receiver's next turn" },
	{ SYS(tkill, 200), OBSERVE, .arg = { INT(tid), SIG }, .enter = tkill_enter, .leave = tkill_leave,
	  .why = "delivered at the receiver's next turn" },
	{ SYS(tgkill, 234), OBSERVE, .arg = { INT(tgid), INT(tid), SIG },
	  .enter = tgkill_enter, .leave = tgkill_leave,
	  .why = "delivered at the receiver's next turn" },
	{ SYS(rt_sigqueueinfo, 129), OBSERVE, .arg = { INT(pid), SIG, INFO },
	  .enter = kill_enter, .leave = kill_leave, .why = "delivered at the receiver's next turn" },
	{ SYS(rt_tgsigqueueinfo, 297), OBSERVE,
	  .arg = { INT(tgid), INT(tid), SIG, INFO }, .enter = tgkill_enter, .leave = tgkill_leave,
	  .why = "delivered at the receiver's next turn" },
	{ SYS(pidfd_open, 434), OBSERVE, .arg = { INT(pid), UINT(flags) },
	  .why = "numbers are those of the PID namespace" },
	{ SYS(pidfd_send_signal, 424), OBSERVE,
	  .arg = { FD(pidfd), SIG, HIDE(info), UINT(flags) }, .leave = pidfd_sent,
	  .why = "delivered at the receiver's next turn" },
	{ SYS(pidfd_getfd, 438), DENY, .arg = { FD(pidfd), FD(fd), UINT(flags) }, .flags = NOTED,
	  .err = EPERM, .why = "descriptors are not taken from other tasks" },
	{ SYS(getpid, 39), PASS, .why = "numbers are those of the PID namespace, given in fork order" },
	{ SYS(gettid, 186), PASS, .why = "numbers are those of the PID namespace" },
	{ SYS(getppid, 110), PASS, .why = "numbers are those of the PID namespace" },
	{ SYS(getpgrp, 111), PASS, .why = "numbers are those of the PID namespace" },
	{ SYS(getpgid, 121), PASS, .why = "numbers are those of the PID namespace" },
	{ SYS(getsid, 124), FIXUP, .arg = { INT(pid) }, .leave = getsid_leave,
	  .why = "numbers are those of the PID namespace; the supervisor's session is the program's" },
	{ SYS(setpgid, 109), PASS, .why = "depends on the namespace's own processes alone" },
	{ SYS(setsid, 112), PASS, .why = "depends on the namespace's own processes alone" },
};

FAMILY(process, "Processes and signals between them");
