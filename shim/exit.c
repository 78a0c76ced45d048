/* SPDX-License-Identifier: Apache-2.0 */
/* How tasks end: one by one, a process at once, everybody with init. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/engine.h"

enum { /* of a task, as its stat file has them: see proc(5) */
	FLAG_EXITING = 0x4,
	FLAG_SIGNALED = 0x400,
};

enum { FAULT_MS = 2000 };

static struct task *leader(struct world *w, struct proc *p)
{
	return task_find(w, p->pid);
}

/* Who inherits its children. */
static struct proc *heir(struct world *w, struct proc *p)
{
	for (struct proc *q = p->parent; q; q = q->parent)
		if (q->subreaper)
			return q;
	return w->init && w->init->proc != p ? w->init->proc : NULL;
}

/* Also those that have ended, and for which it has not waited: the kernel tells the heir now. */
static void orphan_children(struct world *w, struct proc *p)
{
	struct proc *to = heir(w, p);

	while (p->children)
		proc_adopt(to, p->children);
	if (!to || to == p->parent || !p->had_children)
		return;
	wake_children_waiters(w, to);
	signals_sent(w, to);
}

/* The last thread is gone: the parent's waits and signals. */
static void process_ended(struct world *w, struct task *t, int st)
{
	struct proc *p = t->proc, *parent = p->parent;

	if (!parent && t != w->init) /* its zombie waits for somebody outside */
		must_mem(map_put(&w->gone, (uint64_t) task_vtid(t), 0, 1) == 0);

	if (t == w->init) {
		w->status = st;
		w->done = true;
	}
	if (parent)
		parent->cpu_children += p->cpu + p->cpu_children;
	orphan_children(w, p);
	wake_children_waiters(w, parent);
	if (parent)
		signals_sent(w, parent);
	if (w->std.next)
		stdio_sweep(w);
	if (w->tty)
		tty_left(w, p->pid);
	if (w->tty)
		signals_sent(w, NULL); /* a session's end hangs its terminal up */
	collect_continued(w); /* who is stopped in a group that nobody looks after now */
}

/* PR_SET_PDEATHSIG: the kernel's word to those that it has made. */
static void tell_children(struct task *t)
{
	for (struct proc *p = t->proc->children; p; p = p->sibling)
		for (struct task *o = p->threads; o; o = o->next_thread)
			o->sigcheck = true;
}

static void one_died(struct world *w, struct task *t, int st)
{
	bool last = t->proc->nthreads == 1;

	vfork_done(t);
	if (!t->setup)
		engine_mark(w, t, EV_EXIT, 0, st);
	else if (t == w->init)
		stdio_last_words(w);
	futex_exit(w, t);
	tell_children(t);
	if (last)
		process_ended(w, t, st);
	task_free(w, t);
}

/* It is being killed, or its process ends: whatever it stops for, until it is dead. */
static int await_death(pid_t pid)
{
	int st;

	for (;;) {
		if (tracee_wait(pid, &st) < 0)
			return SIGKILL; /* the kernel has forgotten it */
		if (!WIFSTOPPED(st))
			return st;
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	}
}

static int death_of(struct world *w, const struct task *t)
{
	bool faulted = w->init_fault && w->init && t->proc == w->init->proc;
	int st = t->reaped ? t->death : await_death(t->pid);

	return faulted ? w->init_fault : st;
}

/*
 * Which thread of process 1 ends last, and waits in the kernel until all others, its own threads among them,
 * have been reaped, is chance: as they come, then.
 */
static void reap_all(struct world *w)
{
	siginfo_t si = { 0 };
	size_t left = 0;
	int st;

	for (struct task *t = w->tasks; t; t = t->next)
		left++;
	while (left) {
		struct task *t;

		if (waitid(P_ALL, 0, &si, WEXITED | WSTOPPED | __WALL | WNOWAIT) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (waitpid(si.si_pid, &st, __WALL | WNOHANG) <= 0)
			continue;
		t = task_find(w, si.si_pid);
		if (WIFSTOPPED(st)) {
			ptrace(PTRACE_CONT, si.si_pid, NULL, NULL);
		} else if (t) { /* not one whose birth we have not seen */
			t->reaped = true;
			t->death = st;
			left--;
		}
	}
}

static void collect_proc(struct world *w, struct proc *p)
{
	struct task *l = leader(w, p), *next;

	for (struct task *t = p->threads; t; t = next) {
		next = t->next_thread;
		if (t != l)
			one_died(w, t, death_of(w, t));
	}
	if (l)
		one_died(w, l, death_of(w, l));
}

static void collect_all(struct world *w, bool leaders)
{
	struct task *next;

	for (struct task *t = w->tasks; t; t = next) {
		next = t->next;
		if (t != w->init && (t->pid == t->proc->pid) == leaders)
			one_died(w, t, death_of(w, t));
	}
}

/* The order is ours: by birth, and leaders, which the kernel reports after their threads, last. */
void collect_dead(struct world *w, struct proc *p)
{
	if (w->init && w->init->proc->nthreads > 1 && (!p || p == w->init->proc) && task_vtid(w->init) == 1) {
		reap_all(w);
		p = NULL;
	}
	if (p) {
		collect_proc(w, p);
		return;
	}
	collect_all(w, false);
	collect_all(w, true);
	if (w->init)
		one_died(w, w->init, death_of(w, w->init));
}

static bool ends(const char *stat, unsigned flags)
{
	unsigned of;

	return sscanf(stat, "%*c %*d %*d %*d %*d %*d %u", &of) == 1 && of & flags;
}

static bool kill_pending(struct world *w, struct task *t)
{
	struct sigstate s;

	return task_signals(w, t, &s) < 0 || s.pending & 1ull << (SIGKILL - 1);
}

/*
 * All but the running one are in a ptrace stop, which only SIGKILL ends. It looks like another
 * sleep, "D", where the freezer of version 1 holds it meanwhile.
 */
static bool is_killed(struct world *w, struct task *t)
{
	char text[STAT_MAX], *p = tracee_stat(w, t->pid, text);

	if (!p || *p != 'D')
		return !p || *p != 't';
	return ends(p, FLAG_EXITING | FLAG_SIGNALED) || kill_pending(w, t);
}

/* Killed while it ran, init waits for the others to be reaped, and that is by us. */
bool init_exits(struct world *w, const struct task *t)
{
	char text[STAT_MAX], *p = w->init && t->proc == w->init->proc ? tracee_stat(w, t->pid, text) : NULL;

	return p && ends(p, FLAG_EXITING);
}

/* It does again what it faulted at, or goes where it faults for sure. The signal that it dies of. */
static int fault_again(struct world *w, struct task *t, int sig)
{
	uint8_t was[2] = { 0 };

	if (tracee_getregs(t) < 0)
		return sig;
	w->ops->read(t, t->regs.rip - sizeof was, was, sizeof was);
	if (sig == SIGTRAP && was[1] == 0xcc) { /* int3 */
		t->regs.rip--;
	} else if (sig == SIGSYS && was[0] == 0x0f && was[1] == 0x05) { /* syscall, by config.json's filter */
		t->regs.rip -= 2;
	} else if (sig == SIGTRAP || sig == SIGSYS) {
		t->regs.rip = 0;
		sig = SIGSEGV;
	}
	tracee_setregs(t);
	ptrace(PTRACE_DETACH, t->pid, NULL, NULL);
	return sig;
}

/*
 * The kernel lets nothing but SIGKILL end a process 1 that is traced: the fault would come again and
 * again. Without a tracer it ends it, with the signal that its parent is to see.
 */
void init_faults(struct world *w, struct task *t, int sig)
{
	const struct timespec ms = { 0, 1000000 };
	char text[STAT_MAX], *p;

	w->init_fault = fault_again(w, t, sig);
	for (int i = 0; i < FAULT_MS; i++) {
		p = tracee_stat(w, t->pid, text);
		if (!p || ends(p, FLAG_EXITING))
			return;
		nanosleep(&ms, NULL);
	}
	kill(w->init->pid, SIGKILL);
	w->init_fault = SIGKILL;
}

static bool proc_killed(struct world *w, const struct proc *p)
{
	for (struct task *t = p->threads; t; t = t->next_thread)
		if (t->state != T_GONE)
			return is_killed(w, t);
	return false;
}

void collect_killed(struct world *w, struct proc *p, const struct task *self)
{
	struct proc *next;

	for (struct proc *q = p ? p : w->procs; q; q = p ? NULL : next) {
		next = q->next;
		if ((!self || q != self->proc) && proc_killed(w, q))
			collect_dead(w, q);
	}
}

/* Who sent it is nobody's business; that it came is an input. */
static void note_kill(struct world *w, struct proc *p, unsigned when)
{
	struct task *t = p->threads;
	char text[32];
	int n;

	while (t && t->state == T_GONE)
		t = t->next_thread;
	if (!t || !w->control || t->setup)
		return;
	n = snprintf(text, sizeof text, "%d %d", SIGKILL, (int) task_vtid(t));
	world_input(w, t, (int) (INPUT_KILL | when), text, (size_t) n);
}

void killed_outside(struct world *w, struct proc *p)
{
	if (!w->expect && !p->dying && !w->init_going)
		note_kill(w, p, INPUT_RUNNING | INPUT_COMPUTES);
}

/* It may be in the midst of a call: what it is in says nothing, the signal does. */
bool init_killed(struct world *w)
{
	return !w->init || kill_pending(w, w->init);
}

/* The kernel is about to kill all others, and init is gone when we have seen them off. */
void collect_init(struct world *w)
{
	if (task_vtid(w->init) == 1)
		collect_dead(w, NULL);
	else
		collect_killed(w, NULL, NULL);
}

void collect_outside(struct world *w)
{
	struct proc *next;
	unsigned when = 0;

	if (w->init && proc_killed(w, w->init->proc)) { /* everybody, then */
		note_kill(w, w->init->proc, when);
		collect_init(w);
		return;
	}
	for (struct proc *p = w->procs; p; p = next) {
		next = p->next;
		if (!proc_killed(w, p))
			continue;
		note_kill(w, p, when);
		collect_dead(w, p);
		when = INPUT_RUNNING; /* somebody may have noticed */
	}
}

void collect_continued(struct world *w)
{
	struct sigstate s;
	int st;

	for (struct task *t = w->nstopped ? w->tasks : NULL; t; t = t->next)
		if (t->state == T_STOPPED && task_signals(w, t, &s) == 0 &&
			s.pending & 1ull << (SIGCONT - 1) && tracee_wait(t->pid, &st) == 0) {
			t->state = T_READY;
			w->nstopped--;
			t->how = PTRACE_CONT;
		}
}

static bool threads_left(const struct proc *p)
{
	for (struct task *t = p->threads; t; t = t->next_thread)
		if (t->state != T_GONE)
			return true;
	return false;
}

void task_died(struct world *w, struct task *t, int st)
{
	struct proc *p = t->proc;
	bool group = WIFSIGNALED(st) || p->dying;
	pid_t pid = p->pid;
	struct task *l;

	if (group && p->nthreads > 1) {
		one_died(w, t, st);
		if (task_find(w, pid))
			collect_dead(w, p);
		return;
	}
	l = leader(w, p);
	if (l == t)
		l = NULL;
	one_died(w, t, st);
	/* a leader that has exited before its threads is reported only now */
	if (l && l->state == T_GONE && !threads_left(p)) {
		if (tracee_wait(pid, &st) == 0)
			one_died(w, l, st);
	}
}

/* Reap the others as they go, until the exec stop (0) or the failed call's exit stop (-EAGAIN). */
static int reap_for_exec(struct task *t)
{
	for (;;) {
		int st;
		pid_t got = waitpid(-1, &st, __WALL);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -ESRCH;
		if (WIFSTOPPED(st) && st >> 16 == PTRACE_EVENT_EXEC)
			return 0;
		if (WIFSTOPPED(st) && got == t->pid && WSTOPSIG(st) == (SIGTRAP | 0x80))
			return -EAGAIN;
		if (WIFSTOPPED(st))
			ptrace(PTRACE_CONT, got, NULL, NULL);
		else if (got == t->pid)
			return -ESRCH;
	}
}

/* Its own thread is the leader from now on. */
int collect_for_exec(struct world *w, struct task *t)
{
	struct proc *p = t->proc;
	struct task *o, *next;
	int r = reap_for_exec(t);

	if (r < 0)
		return r;
	for (o = p->threads; o; o = next) { /* in our order, not in that of their deaths */
		next = o->next_thread;
		if (o == t)
			continue;
		if (o == w->init)
			w->init = t;
		one_died(w, o, 0);
	}
	if (t->pid == p->pid)
		return 0;
	map_del(&w->by_pid, (uint64_t) t->pid, 0);
	t->pid = p->pid;
	if (t->pidfd >= 0) {
		close(t->pidfd);
		t->pidfd = -1;
	}
	task_number(w, t, 0);
	must_mem(map_put(&w->by_pid, (uint64_t) t->pid, 0, (uint64_t) t) == 0);
	return 0;
}
