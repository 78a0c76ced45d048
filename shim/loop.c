/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's loop: give the token to a task, wait for its stop, serve the stop. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "shim/engine.h"
#include "shim/filter.h"
#include "shim/spin.h"
#include "shim/sys/vclock.h"

enum { NOTICE = -1 }; /* in the place of a wait status: a call has come as a notification */
enum { BY_FILTER = 1 }; /* si_code of a filter's SIGSYS: SYS_SECCOMP, where libc has it */

static bool is_stop_signal(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/* ---- instructions that trap ---- */

static bool emulate_insn(struct world *w, struct task *t)
{
	struct user_regs_struct *g = &t->regs;
	enum cpu_insn insn;
	uint8_t code[16];
	uint32_t o[4], lo, hi;
	size_t n = 16 - (size_t) (g->rip & 15); /* not over the page's end: short reads are fine */
	int len;

	if (w->ops->read(t, g->rip, code, 16) == 16)
		n = 16;
	else if (w->ops->read(t, g->rip, code, n) != (ssize_t) n)
		return false;
	len = cpu_insn_decode(code, n, &insn);
	if (!len)
		return false;
	switch (insn) {
	case CPU_INSN_CPUID:
		patch_learn_cpuid(w, t, g->rip, (uint32_t) g->rax, (uint32_t) g->rcx);
		cpu_cpuid(w->cpu, (uint32_t) g->rax, (uint32_t) g->rcx, w->o->cpus, o);
		g->rax = o[0];
		g->rbx = o[1];
		g->rcx = o[2];
		g->rdx = o[3];
		break;
	case CPU_INSN_RDTSC:
	case CPU_INSN_RDTSCP:
		patch_learn_rdtsc(w, t, g->rip);
		if (!t->setup) /* else it is our own code, or a library's below it, and how often is chance */
			world_step(w);
		cpu_rdtsc(world_mono(w), &lo, &hi);
		g->rax = lo;
		g->rdx = hi;
		if (insn == CPU_INSN_RDTSCP)
			g->rcx = 0;
		break;
	}
	g->rip += (unsigned) len;
	t->regs_dirty = REGS_ARGS;
	return true;
}

/* ---- signals ---- */

/* Nothing of the host in what the handler sees. */
static void canonical_siginfo(struct task *t, siginfo_t *si)
{
	if (si->si_signo == SIGCHLD && si->si_code > 0) {
		si->si_utime = 0;
		si->si_stime = 0;
	} else if (si->si_code == SI_USER && !si->si_pid) { /* from us: a timer */
		si->si_code = SI_KERNEL;
		si->si_uid = 0;
	} else {
		return;
	}
	ptrace(PTRACE_SETSIGINFO, t->pid, NULL, si);
}

static bool is_fatal(struct world *w, struct task *t, int sig)
{
	uint64_t bit = 1ull << (sig - 1);
	struct sigstate s;

	if (sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT || is_stop_signal(sig))
		return false;
	if (task_signals(w, t, &s) < 0)
		return false;
	return !((s.caught | s.ignored) & bit);
}

/* Process 1 gets what it has a handler for; else only faults of its own end it. */
static bool spared(struct world *w, struct task *t, int sig, int code)
{
	bool fault = sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE ||
		sig == SIGTRAP || sig == SIGSYS;

	return proc_by_vpid(w, 1) == t->proc && !(fault && code > 0);
}

static void refuse_foreign(struct world *w, struct task *t)
{
	engine_note(w, t, "a call by int 0x80 or the x32 ABI was refused");
	t->regs.orig_rax = (unsigned long long) -1;
	t->regs.rax = (unsigned long long) -38;
	t->regs_dirty = REGS_ARGS;
	t->how = PTRACE_CONT;
}

static void on_signal(struct world *w, struct task *t, int sig)
{
	siginfo_t si;
	bool fatal;

	memset(&si, 0, sizeof si);
	if (ptrace(PTRACE_GETSIGINFO, t->pid, NULL, &si) < 0)
		return;
	if (t->rerun) { /* from outside, before the call is made again: it will be anew */
		if (tracee_getregs(t) < 0)
			return;
		t->rerun = RERUN_NO;
		t->regs.r9 = t->r9;
		t->regs_dirty = REGS_ARGS;
	}
	if (((sig == SIGSEGV && si.si_code == SI_KERNEL) || (sig == SIGILL && si.si_code > 0)) &&
		tracee_getregs(t) == 0 && emulate_insn(w, t)) {
		t->how = PTRACE_CONT;
		return;
	}
	if (sig == SIGSEGV && si.si_code == SEGV_ACCERR && dormant_wake(w, t, (uint64_t) si.si_addr)) {
		t->how = PTRACE_CONT;
		return;
	}
	if (sig == SIGSYS && si.si_code == BY_FILTER && si.si_errno == FILTER_MSG_FOREIGN &&
		tracee_getregs(t) == 0) {
		refuse_foreign(w, t);
		return;
	}
	if (t->setup) { /* still our own code, and when it comes is chance: a new terminal's size */
		t->sig = sig == SIGWINCH ? 0 : sig;
		t->how = PTRACE_CONT;
		return;
	}
	if (sig == SIGSTOP && si.si_pid && w->init && t->proc == w->init->proc)
		return; /* from inside: process 1 doesn't get it when nobody traces it */
	fatal = (t->proc->nthreads > 1 || t == w->init) && !spared(w, t, sig, si.si_code) &&
		is_fatal(w, t, sig);
	canonical_siginfo(t, &si);
	engine_mark(w, t, EV_SIGNAL, (uint32_t) sig, si.si_code);
	if (fatal) {
		t->proc->dying = true;
		w->init_going |= t->proc == (w->init ? w->init->proc : NULL);
	}
	world_step(w);
	t->sig = sig;
	t->how = PTRACE_CONT;
	if (fatal && proc_by_vpid(w, 1) == t->proc)
		init_faults(w, t, sig);
}

static void on_group_stop(struct world *w, struct task *t)
{
	t->state = T_STOPPED;
	w->nstopped++;
	/* parked siblings come to their stop, too */
	for (struct task *o = t->proc->threads; o; o = o->next_thread)
		if (o->state == T_BLOCKED && o->c.wait.kind != W_VFORK)
			engine_pause(w, o);
	ptrace(PTRACE_LISTEN, t->pid, NULL, NULL);
	wake_children_waiters(w, t->proc->parent);
	if (t->proc->parent)
		signals_sent(w, t->proc->parent);
}

/* ---- births ---- */

static uint64_t clone_flags(const struct call *c, int event)
{
	if (c->nr == SYS_clone)
		return c->a[0];
	if (c->nr == SYS_vfork || event == PTRACE_EVENT_VFORK)
		return CLONE_VM | CLONE_VFORK;
	return 0;
}

static void on_birth(struct world *w, struct task *t, int event)
{
	struct event ev = { .kind = EV_FORK, .task = t->nr, .nr = t->c.nr, .has_res = true };
	unsigned long pid;
	uint64_t flags;
	struct task *child;

	rw_cache_drop(w);
	if (ptrace(PTRACE_GETEVENTMSG, t->pid, NULL, &pid) < 0)
		return;
	flags = t->setup ? 0 : clone_flags(&t->c, event);
	t->how = t->setup ? PTRACE_CONT : PTRACE_SYSCALL;
	if (tracee_adopt((pid_t) pid) < 0)
		return;
	child = task_new(w, (pid_t) pid, t, flags);
	child->c.w = w;
	child->how = PTRACE_CONT;
	if (t->setup) { /* ours: init stays to reap, the child executes the program */
		t->setup = false;
		t->quiet = true;
	} else {
		ev.res = child->nr;
		ev.nval = 1;
		ev.val[0] = (struct ev_val){ .type = EV_UINT, .i = (int64_t) (flags & ~0xffull) };
		engine_record(w, &ev);
	}
	if (event == PTRACE_EVENT_VFORK) {
		t->vfork_child = child;
		child->vfork_parent = t;
		t->state = T_BLOCKED;
		t->at = STOP_OTHER;
		t->c.wait = (struct wait){ .kind = W_VFORK, .deadline = NO_DEADLINE };
	}
}

/* ---- exec ---- */

static void record_exec(struct world *w, struct task *t)
{
	struct event ev = { .kind = EV_EXEC, .task = t->nr, .nval = 3 };

	ev.val[0] = (struct ev_val){ .type = EV_STR, .p = w->exec_path, .n = strlen(w->exec_path) };
	ev.val[1] = (struct ev_val){ .type = EV_DATA, .p = w->exec_argv.p, .n = w->exec_argv.n };
	ev.val[2] = (struct ev_val){ .type = EV_DATA, .p = w->exec_env.p, .n = w->exec_env.n };
	engine_record(w, &ev);
}

static void on_exec(struct world *w, struct task *t)
{
	int r;

	rw_cache_drop(w);
	t->setup = t->in_exec = false;
	vfork_done(t);
	record_exec(w, t);
	world_step(w);
	t->how = PTRACE_CONT;
	r = exec_setup(w, t);
	if (r < 0 && !w->fatal)
		ptrace(PTRACE_KILL, t->pid, NULL, NULL), t->sig = SIGKILL;
}

/* ---- the loop ---- */

/* Init's own: it has a listener for us. Its kernel says ENOSYS where we don't take it. */
static void on_setup_call(struct world *w, struct task *t)
{
	int r;

	t->how = PTRACE_CONT;
	if (t == w->init) /* before its exit, which who waits for it may see first */
		stdio_last_words(w);
	if (w->listener >= 0 || tracee_getregs(t) < 0 || t->regs.orig_rax != FILTER_NR_LISTENER)
		return;
	r = notify_begin(w, t, (int) t->regs.rdi);
	if (r < 0)
		world_fatal(w, -r, "take over the container's seccomp listener");
}

static void on_seccomp(struct world *w, struct task *t)
{
	unsigned long msg = 0;

	if (t->rerun) {
		if (tracee_getregs(t) == 0)
			engine_rerun(t);
		return;
	}
	if (t->setup) {
		on_setup_call(w, t);
		return;
	}
	if (tracee_getregs(t) < 0)
		return;
	w->nstops++;
	t->stops++;
	if (t->regs.orig_rax >= 1024) {
		ptrace(PTRACE_GETEVENTMSG, t->pid, NULL, &msg);
		if (msg == FILTER_MSG_FOREIGN) {
			refuse_foreign(w, t);
			return;
		}
	}
	if (!traps_call(w, t))
		engine_entry(w, t);
}

static void on_notice(struct world *w, struct task *t)
{
	must(w->note.pid == (uint32_t) t->pid);
	t->notice = w->note.id;
	w->noticed = t;
	t->go_on = t->setup;
	if (t->setup)
		return;
	w->nstops++;
	t->stops++;
	engine_notified(w, t);
}

static void on_sysexit(struct world *w, struct task *t)
{
	tracee_release_signals(t);
	if (tracee_getregs(t) < 0 || engine_rerun_exit(t))
		return;
	if (t->interrupted) { /* a parked call cancelled at its entry: now the kernel may restart it */
		t->regs.orig_rax = t->c.nr;
		t->regs.rax = (unsigned long long) (long) t->interrupted;
		t->regs_dirty = REGS_ARGS;
		t->interrupted = 0;
		t->how = PTRACE_CONT;
		return;
	}
	engine_exit(w, t);
}

static void on_stop(struct world *w, struct task *t, int st)
{
	int sig = WSTOPSIG(st), event = st >> 16;

	switch (event) {
	case PTRACE_EVENT_SECCOMP: on_seccomp(w, t); break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE: on_birth(w, t, event); break;
	case PTRACE_EVENT_EXEC: on_exec(w, t); break;
	case PTRACE_EVENT_STOP:
		if (is_stop_signal(sig))
			on_group_stop(w, t);
		else
			t->how = PTRACE_CONT;
		break;
	case 0:
		if (sig == (SIGTRAP | 0x80))
			on_sysexit(w, t);
		else
			on_signal(w, t, sig);
		break;
	default: t->how = PTRACE_CONT;
	}
}

/* Its exit stop, if that is what it was sent to, can't be preceded by another call. */
static int await_next(struct world *w, struct task *t, int *st)
{
	int r;

	if (!t->notifies || t->how == PTRACE_SYSCALL)
		return waitpid(t->pid, st, __WALL) < 0 ? -errno : 0;
	r = notify_wait(w, t, st);
	if (r > 0)
		*st = NOTICE;
	return r < 0 ? r : 0;
}

/* It was told to stop, wherever it was. */
static bool is_interrupt(int st)
{
	return st != NOTICE && st >> 8 == (SIGTRAP | PTRACE_EVENT_STOP << 8);
}

/*
 * The launcher's poke says that a signal has come from outside, maybe for another task than the one
 * that computes and computes: that one gives way. Not when it has come to a call meanwhile, which is
 * nobody else's turn before it has ended.
 */
static int await_stop(struct world *w, struct task *t, int *st)
{
	bool asked, poked = false;
	int r;

	w->spin.ticked = 0;
	while ((r = await_next(w, t, st)) < 0) {
		if (r != -EINTR)
			return r;
		if (init_exits(w, t))
			return -EOWNERDEAD;
		asked = control_soon(w);
		if (spin_tick(w, t) && !asked)
			continue;
		signals_sent(w, NULL);
		if (t->how != PTRACE_CONT)
			continue;
		poked |= !asked;
		ptrace(PTRACE_INTERRUPT, t->pid, NULL, NULL);
	}
	if (poked && is_interrupt(*st))
		t->slice = UINT32_MAX;
	return 0;
}

/* Wait for the running task. False: it is gone, and what belonged to it was dealt with. */
static bool wait_for(struct world *w, struct task *t, int *st)
{
	struct proc *p = t->proc;
	int r;

	if (w->init_going && p == w->init->proc) {
		collect_dead(w, NULL);
		return false;
	}
	if (p->dying && p->nthreads > 1) {
		collect_dead(w, p);
		return false;
	}
	if (p->nthreads > 1 && (t->c.nr == SYS_execve || t->c.nr == SYS_execveat) && !t->setup &&
		t->state == T_RUNNING &&
		t->in_exec) {
		r = collect_for_exec(w, t);
		t->in_exec = false;
		*st = r == 0 ? PTRACE_EVENT_EXEC << 16 | SIGTRAP << 8 | 0x7f
			     : (SIGTRAP | 0x80) << 8 | 0x7f;
		return r == 0 || r == -EAGAIN;
	}
	if (t->leader_exit) {
		t->state = T_GONE;
		return false;
	}
	r = await_stop(w, t, st);
	if (r == -EOWNERDEAD) {
		killed_outside(w, p);
		w->init_going = true;
		collect_dead(w, NULL);
		return false;
	}
	if (r < 0) {
		world_fatal(w, ECHILD, "wait for task %u", t->nr);
		return false;
	}
	return true;
}

static void served(struct world *w, struct task *t, int st)
{
	if (st != NOTICE && !WIFSTOPPED(st)) {
		if (WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL && w->killer != t->pid)
			killed_outside(w, t->proc);
		task_died(w, t, st);
		return;
	}
	t->how = PTRACE_CONT;
	if (st == NOTICE)
		on_notice(w, t);
	else
		on_stop(w, t, st);
	if (task_find(w, t->pid) == t && t->state == T_RUNNING)
		t->state = T_READY;
}

void task_turn(struct world *w, struct task *t)
{
	int st = t->late, sig = t->sig;

	t->late = 0;
	if (w->noticed && w->noticed != t)
		notify_settle(w->noticed);
	if (!st && t->spins && !sig && spin_look(w, t, &st))
		return;
	if (t->computes && !st && !sig)
		vclock_looked(t, cycle_computes(w, t, &st));
	t->sig = 0;
	t->state = T_RUNNING;
	if (st) {
		served(w, t, st);
		return;
	}
	w->spin.runs++;
	/* killed meanwhile: its death is what comes next */
	if (t->loose) {
		t->loose = false;
	} else if (tracee_resume(t, t->how, sig) < 0 && !t->setup) {
		t->proc->dying = true;
		w->init_going |= w->init && t->proc == w->init->proc;
	}
	if (!wait_for(w, t, &st))
		return;
	if (t->look && is_interrupt(st) && (spin_look(w, t, &st) || !st)) {
		t->look = false;
		t->state = T_READY;
		if (w->tty)
			tty_soon(w);
		return;
	}
	t->look = false;
	served(w, t, st);
}

void world_run(struct world *w)
{
	struct task *t;

	spin_begin(w);
	/* what a run that has diverged waits for may never come */
	while (!w->done && !w->fatal && !(w->expect && w->result->diverged) && (t = sched_next(w))) {
		if (w->control && control_look(w, t))
			continue; /* who runs next may be another one now */
		task_turn(w, t);
		if (w->killer && !task_find(w, w->killer)) { /* its kill(2) was the end of itself, too */
			w->killer = 0;
			collect_killed(w, NULL, NULL);
		}
	}
	spin_end(w);
	if (w->tasks) { /* init is gone, or we can't go on: nobody stays */
		struct task *init = w->init;

		if (init)
			kill(init->pid, SIGKILL);
		for (t = w->tasks; t; t = t->next)
			kill(t->pid, SIGKILL);
		collect_dead(w, NULL);
	}
}
