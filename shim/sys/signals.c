/* SPDX-License-Identifier: Apache-2.0 */
/* Dispositions, masks, and waiting for signals. Sending them is in process.c. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "shim/engine.h"
#include "shim/sys/vclock.h"

enum { RED_ZONE = 128, SIGINFO = 128, UTIME_AT = 32, SIGSET = 8 };

#define UNBLOCKABLE (1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1))

static long wait_any(struct call *c)
{
	struct wait w = { .kind = W_SIGNAL, .deadline = NO_DEADLINE, .intr = RESTARTNOHAND };

	c->t->sigcheck = true;
	return call_block(c, w);
}

static long sigsuspend_enter(struct call *c)
{
	uint64_t mask;

	if (c->a[1] != SIGSET)
		return -EINVAL;
	if (in_at(c, c->a[0], &mask, sizeof mask) < 0)
		return -EFAULT;
	call_sigmask(c, mask & ~UNBLOCKABLE);
	return wait_any(c);
}

/* ---- sigtimedwait: the kernel takes the signal, the scheduler does the waiting ---- */

static long take_now(struct call *c)
{
	static const struct timespec zero;
	uint64_t at = (c->t->regs.rsp - RED_ZONE - sizeof zero) & ~15ull;

	if (out_at(c, at, &zero, sizeof zero) < 0)
		return -EFAULT;
	call_karg(c, 2, at);
	return call_run_leave(c);
}

static bool is_pending(struct call *c, uint64_t set)
{
	struct sigstate s;

	return task_signals(c->w, c->t, &s) == 0 && s.pending & set;
}

static long sigtimedwait_enter(struct call *c)
{
	struct wait w = { .kind = W_SIGNAL, .deadline = NO_DEADLINE, .intr = -EINTR, .key2 = 1 };
	struct timespec ts;
	uint64_t ns = 0;

	if (c->a[3] != SIGSET)
		return -EINVAL;
	if (in_at(c, c->a[0], &w.key1, sizeof w.key1) < 0)
		return -EFAULT;
	w.key1 &= ~UNBLOCKABLE;
	if (c->a[2]) {
		if (in_at(c, c->a[2], &ts, sizeof ts) < 0)
			return -EFAULT;
		if (ts_to_ns(&ts, &ns) < 0)
			return -EINVAL;
	}
	if (c->timed_out || (c->a[2] && !ns) || is_pending(c, w.key1)) {
		wait_done(c);
		return take_now(c);
	}
	if (c->a[2])
		w.deadline = wait_deadline(c, ns);
	return call_block(c, w);
}

/* A child's times in its SIGCHLD are real ones. */
static void sigtimedwait_leave(struct call *c)
{
	uint8_t *si;

	if (c->ret != SIGCHLD || !c->a[1])
		return;
	si = fix(c, 1, SIGINFO);
	if (si)
		memset(si + UTIME_AT, 0, 16);
}

static const struct flag_name how[] = {
	{ SIG_BLOCK, "SIG_BLOCK" }, { SIG_UNBLOCK, "SIG_UNBLOCK" }, { SIG_SETMASK, "SIG_SETMASK" },
	{ 0, NULL },
};

static const struct row rows[] = {
	{ SYS(rt_sigaction, 13), PASS, .arg = { INT(sig), PTR(new), PTR(old), UINT(size) },
	  .why = "deterministic" },
	{ SYS(rt_sigprocmask, 14), PASS, .arg = { FLAGS(how, how), PTR(set), PTR(old), UINT(size) },
	  .why = "deterministic" },
	{ SYS(rt_sigreturn, 15), PASS, .why = "deterministic" },
	{ SYS(sigaltstack, 131), PASS, .arg = { PTR(new), PTR(old) }, .why = "deterministic" },
	{ SYS(rt_sigpending, 127), OBSERVE, .arg = { OUT_BUF(set, 1), UINT(size) },
	  .why = "signals are sent in the order of events" },
	{ SYS(pause, 34), EMULATE, .enter = wait_any, .flags = MAY_BLOCK,
	  .why = "the scheduler does the waiting" },
	{ SYS(rt_sigsuspend, 130), EMULATE, .arg = { IN_AS(mask, SIGSET, sigset), UINT(size) },
	  .enter = sigsuspend_enter, .flags = MAY_BLOCK, .why = "the scheduler does the waiting" },
	{ SYS(rt_sigtimedwait, 128), FIXUP,
	  .arg = { IN_AS(set, SIGSET, sigset), OUT_AS(info, SIGINFO, siginfo),
		   IN_AS(timeout, sizeof(struct timespec), timespec), UINT(size) },
	  .enter = sigtimedwait_enter, .leave = sigtimedwait_leave, .flags = MAY_BLOCK,
	  .why = "the kernel gives the signal, the scheduler does the waiting, in virtual time" },
	{ SYS(restart_syscall, 219), DENY, .err = EINTR,
	  .why = "the kernel never waits on behalf of a call, so it has none to restart" },
};
FAMILY(signals, "Signals");
