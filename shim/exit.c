/* SPDX-License-Identifier: Apache-2.0 */
/* How tasks end: one by one, a process at once, everybody with init. */
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/engine.h"

static struct task *leader(struct world *w, struct proc *p)
{
	return task_find(w, p->pid);
}

static void orphan_children(struct world *w, struct proc *p)
{
	struct proc *init = w->init ? w->init->proc : NULL;

	for (struct proc *q = w->procs; q; q = q->next)
		if (q->parent == p)
			q->parent = init != p ? init : NULL;
}

static void unblock_vfork_parent(struct world *w, struct task *child)
{
	for (struct task *t = w->tasks; t; t = t->next)
		if (t->vfork_child == child) {
			t->vfork_child = NULL;
			t->c.wait.kind = W_NONE;
			t->state = T_READY;
		}
}

/* The last thread is gone: the parent's waits and signals. */
static void process_ended(struct world *w, struct task *t, int st)
{
	struct proc *p = t->proc, *parent = p->parent;

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
}

static void one_died(struct world *w, struct task *t, int st)
{
	bool last = t->proc->nthreads == 1;

	unblock_vfork_parent(w, t);
	if (!t->setup)
		engine_mark(w, t, EV_EXIT, 0, st);
	futex_exit(w, t);
	if (last)
		process_ended(w, t, st);
	task_free(w, t);
}

/* Any of our tasks: keep it going until it is dead. */
static void on_dying(struct world *w, pid_t pid, int st)
{
	struct task *t = task_find(w, pid);

	if (WIFSTOPPED(st))
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	else if (t)
		one_died(w, t, st);
}

void collect_dead(struct world *w, struct proc *p)
{
	pid_t pid = p ? p->pid : 0;

	while (p ? task_find(w, pid) != NULL : w->tasks != NULL) {
		int st;
		pid_t got = waitpid(-1, &st, __WALL);

		if (got < 0) {
			struct task *t;

			if (errno == EINTR)
				continue;
			/* nobody left to wait for: the kernel has forgotten them */
			while ((t = p ? leader(w, p) : w->tasks)) {
				bool last = t->proc->nthreads == 1;

				one_died(w, t, 9);
				if (p && last)
					break;
			}
			break;
		}
		on_dying(w, got, st);
	}
}

void sweep_dead(struct world *w)
{
	struct task *t, *next;
	int st;

	for (t = w->tasks; t; t = next) {
		next = t->next;
		if (t != w->cur && waitpid(t->pid, &st, __WALL | WNOHANG) == t->pid) {
			on_dying(w, t->pid, st);
			next = w->tasks; /* its siblings may have gone with it */
		}
	}
}

static bool threads_left(struct world *w, struct proc *p)
{
	for (struct task *t = w->tasks; t; t = t->next)
		if (t->proc == p && t->state != T_GONE)
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
	if (l && l->state == T_GONE && !threads_left(w, p)) {
		if (tracee_wait(pid, &st) == 0)
			one_died(w, l, st);
	}
}

int collect_for_exec(struct world *w, struct task *t)
{
	struct proc *p = t->proc;
	struct task *o, *next;

	for (;;) {
		int st;
		pid_t got = waitpid(-1, &st, __WALL);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -ESRCH;
		if (WIFSTOPPED(st) && st >> 16 == PTRACE_EVENT_EXEC)
			break;
		if (WIFSTOPPED(st) && got == t->pid && WSTOPSIG(st) == (SIGTRAP | 0x80))
			return -EAGAIN; /* the exec failed: this is its exit stop */
		o = task_find(w, got);
		if (WIFSTOPPED(st))
			ptrace(PTRACE_CONT, got, NULL, NULL);
		else if (o && o != t)
			one_died(w, o, st);
		else if (o == t)
			return -ESRCH;
	}
	for (o = w->tasks; o; o = next) {
		next = o->next;
		if (o->proc == p && o != t)
			task_free(w, o);
	}
	map_del(&w->by_pid, (uint64_t) t->pid, 0);
	t->pid = p->pid;
	if (t->pidfd >= 0) {
		close(t->pidfd);
		t->pidfd = -1;
	}
	t->vtid = 0;
	must(map_put(&w->by_pid, (uint64_t) t->pid, 0, (uint64_t) t) == 0);
	return 0;
}
