/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/filter.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

char *tracee_stat(struct world *w, pid_t pid, char text[STAT_MAX])
{
	own_fd fd = -1;
	char path[32], *p;
	ssize_t n;

	snprintf(path, sizeof path, "%d/stat", (int) pid);
	fd = openat(w->host_proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, STAT_MAX - 1);
	if (n <= 0)
		return NULL;
	text[n] = 0;
	p = strrchr(text, ')');
	return p && p[1] == ' ' ? p + 2 : NULL;
}

static ssize_t real_read(struct task *t, uint64_t addr, void *p, size_t n)
{
	struct iovec l = { p, n }, r = { (void *) addr, n };
	ssize_t got = process_vm_readv(t->pid, &l, 1, &r, 1, 0);

	return got < 0 ? -errno : got;
}

static ssize_t real_write(struct task *t, uint64_t addr, const void *p, size_t n)
{
	struct iovec l = { (void *) p, n }, r = { (void *) addr, n };
	ssize_t got = process_vm_writev(t->pid, &l, 1, &r, 1, 0);

	return got < 0 ? -errno : got;
}

static int real_getfd(struct task *t, int fd)
{
	int r;

	if (t->pidfd < 0) {
		/* a thread's own; before Linux 6.9 its leader's, who has the same table while it lives */
		t->pidfd = (int) syscall(SYS_pidfd_open, t->pid, PIDFD_THREAD);
		if (t->pidfd < 0)
			t->pidfd = (int) syscall(SYS_pidfd_open, t->pid, 0);
		if (t->pidfd < 0)
			t->pidfd = (int) syscall(SYS_pidfd_open, t->proc->pid, 0);
		if (t->pidfd < 0)
			return -errno;
	}
	r = (int) syscall(SYS_pidfd_getfd, t->pidfd, fd, 0);
	return r < 0 ? -errno : r;
}

const struct tracee_ops tracee_real = { real_read, real_write, real_getfd, notify_addfd };

int tracee_getregs(struct task *t)
{
	return ptrace(PTRACE_GETREGS, t->pid, NULL, &t->regs) < 0 ? -errno : 0;
}

int tracee_setregs(struct task *t)
{
	t->regs_dirty = REGS_CLEAN;
	return ptrace(PTRACE_SETREGS, t->pid, NULL, &t->regs) < 0 ? -errno : 0;
}

/* The general registers and rip alone: segments and their bases cost as much again. */
static int set_args(struct task *t)
{
	struct iovec v = { &t->regs, offsetof(struct user_regs_struct, cs) };

	t->regs_dirty = REGS_CLEAN;
	return ptrace(PTRACE_SETREGSET, t->pid, (void *) NT_PRSTATUS, &v) < 0 ? -errno : 0;
}

static int poke(struct task *t, size_t at, unsigned long long v)
{
	return ptrace(PTRACE_POKEUSER, t->pid, (void *) at, (void *) v) < 0 ? -errno : 0;
}

/* Two words cost less than a register set. */
static int set_result(struct task *t)
{
	int r = poke(t, offsetof(struct user, regs.rax), t->regs.rax);

	t->regs_dirty = REGS_CLEAN;
	if (!r && t->at == STOP_ENTRY)
		r = poke(t, offsetof(struct user, regs.orig_rax), t->regs.orig_rax);
	return r;
}

void tracee_hold_signals(struct task *t)
{
	const uint64_t all = ~0ull;

	if (t->held || ptrace(PTRACE_GETSIGMASK, t->pid, (void *) sizeof t->blocked, &t->blocked) < 0)
		return;
	t->held = ptrace(PTRACE_SETSIGMASK, t->pid, (void *) sizeof all, &all) == 0;
}

void tracee_release_signals(struct task *t)
{
	if (t->held)
		ptrace(PTRACE_SETSIGMASK, t->pid, (void *) sizeof t->blocked, &t->blocked);
	t->held = false;
}

int tracee_resume(struct task *t, int how, int sig)
{
	if (t->notice)
		return notify_answer(t);
	if (t->regs_dirty) {
		int r = t->regs_dirty == REGS_ALL    ? tracee_setregs(t)
			: t->regs_dirty == REGS_ARGS ? set_args(t)
						     : set_result(t);

		if (r < 0)
			return r;
	}
	return ptrace((enum __ptrace_request) how, t->pid, NULL, (void *) (long) sig) < 0 ? -errno
										   : 0;
}

int tracee_wait(pid_t pid, int *ret)
{
	for (;;) {
		pid_t r = waitpid(pid, ret, __WALL);

		if (r == pid)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

int tracee_adopt(pid_t pid)
{
	int st, r = tracee_wait(pid, &st);

	if (r < 0)
		return r;
	return WIFSTOPPED(st) ? 0 : -ESRCH;
}

/* Go on to the next syscall stop. Other stops on the way (signals) are not expected: -EPROTO. */
static int to_stop(struct task *t)
{
	int st, r;

	if (ptrace(PTRACE_SYSCALL, t->pid, NULL, NULL) < 0)
		return -errno;
	r = tracee_wait(t->pid, &st);
	if (r < 0)
		return r;
	if (!WIFSTOPPED(st))
		return -ESRCH;
	if (st >> 16 == PTRACE_EVENT_STOP) /* an interrupt that came too late */
		return to_stop(t);
	if (st >> 16 == PTRACE_EVENT_SECCOMP || WSTOPSIG(st) == (SIGTRAP | 0x80))
		return st >> 16 == PTRACE_EVENT_SECCOMP;
	return -EPROTO;
}

int tracee_inject(struct task *t, uint64_t insn, long nr, const uint64_t a[6], long *ret)
{
	struct user_regs_struct saved = t->regs, *g = &t->regs;
	bool all = t->regs_dirty == REGS_ALL;
	int r;

	g->rax = (unsigned long long) nr;
	g->orig_rax = (unsigned long long) -1;
	g->rip = insn;
	g->rdi = a[0];
	g->rsi = a[1];
	g->rdx = a[2];
	g->r10 = a[3];
	g->r8 = a[4];
	g->r9 = a[5] ? a[5] : FILTER_TRACE_IT;
	r = set_args(t);
	if (r < 0)
		return r;
	r = to_stop(t); /* entry; a call that the filter traces stops for seccomp next */
	if (r == 0) {
		r = to_stop(t);
		if (r == 1)
			r = to_stop(t);
	} else if (r == 1) {
		r = to_stop(t);
	}
	if (r < 0)
		return r;
	if (tracee_getregs(t) < 0)
		return -ESRCH;
	*ret = (long) t->regs.rax;
	t->regs = saved;
	t->regs_dirty = all ? REGS_ALL : REGS_ARGS; /* written at the next resume */
	return 0;
}
