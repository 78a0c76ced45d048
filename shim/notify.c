/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that come as seccomp notifications: the task sleeps in the kernel, its arguments are told,
 * and one ioctl gives it the result. Half the cost of a ptrace stop, but its registers are out of
 * reach and it can't be left so: a frozen cgroup would wait for it, a signal would not get through.
 * So only the task with the token is ever in one; before it parks or gives way its call is taken
 * back, and it waits in a ptrace stop like every other.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "shim/engine.h"
#include "shim/filter.h"

#ifndef SECCOMP_ADDFD_FLAG_SEND
struct seccomp_notif_addfd {
	__u64 id;
	__u32 flags, srcfd, newfd, newfd_flags;
};
#define SECCOMP_IOCTL_NOTIF_ADDFD SECCOMP_IOW(3, struct seccomp_notif_addfd)
#endif

/*
 * A signal handler has nothing else to leave its word in: a child of ours has moved since the flag
 * was last cleared.
 */
static volatile sig_atomic_t child_moved;

/*
 * ioctl(fd, RECV, p), but -EINTR when *flag is set: the handler sends whoever is between the look
 * and the call's end to the way out, so that no child's stop is slept through.
 */
long notify_receive(int fd, unsigned long request, void *p, const volatile sig_atomic_t *flag);
extern const char notify_receive_end[], notify_receive_out[];

__asm__(".text\n"
	".globl notify_receive, notify_receive_end, notify_receive_out\n"
	".type notify_receive, @function\n"
	"notify_receive:\n"
	"	cmpl $0, (%rcx)\n"
	"	jne notify_receive_out\n"
	"	movl $16, %eax\n"
	"	syscall\n"
	"notify_receive_end:\n"
	"	ret\n"
	"notify_receive_out:\n"
	"	movq $-4, %rax\n"
	"	ret\n"
	".size notify_receive, . - notify_receive\n");

static void on_child(int sig, siginfo_t *si, void *context)
{
	greg_t *ip = &((ucontext_t *) context)->uc_mcontext.gregs[REG_RIP];

	(void) sig;
	(void) si;
	child_moved = 1;
	if ((uintptr_t) *ip >= (uintptr_t) notify_receive && (uintptr_t) *ip < (uintptr_t) notify_receive_end)
		*ip = (greg_t) (uintptr_t) notify_receive_out;
}

int notify_begin(struct world *w, struct task *t, int fd)
{
	struct sigaction sa = { .sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART };
	int r = w->ops->getfd(t, fd);
	sigset_t set;

	if (r < 0)
		return r;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigaction(SIGCHLD, &sa, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &set, NULL) < 0) {
		close(r);
		return -errno;
	}
	w->listener = r;
	t->notifies = true;
	return 0;
}

/* Has every task with the filter gone beyond its last call? */
static bool nobody_left(int listener)
{
	struct pollfd p = { .fd = listener };

	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

int notify_wait(struct world *w, struct task *t, int *st)
{
	struct seccomp_notif *n = &w->note;
	long r;

	for (;;) {
		memset(n, 0, sizeof *n);
		r = notify_receive(w->listener, SECCOMP_IOCTL_NOTIF_RECV, n, &child_moved);
		if (!r)
			return 1;
		if (r != -EINTR && r != -ENOENT)
			return (int) r;
		if (r == -EINTR && !child_moved)
			return -EINTR;
		child_moved = 0;
		/*
		 * No entry: the call ended before we had it. By a signal, then a stop follows, or by the
		 * freezer, then it is made again.
		 */
		r = waitpid(t->pid, st, __WALL | (r == -ENOENT && nobody_left(w->listener) ? 0 : WNOHANG));
		if (r > 0)
			return 0;
		if (r < 0)
			return -errno;
	}
}

static int answer(struct task *t, long val, bool go_on)
{
	struct seccomp_notif_resp a = { .id = t->notice };

	t->notice = 0;
	t->c.w->noticed = NULL;
	if (go_on)
		a.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (val < 0 && val > -4096) /* as an error, for the kernel's own records */
		a.error = (int) val;
	else
		a.val = val;
	return ioctl(t->c.w->listener, SECCOMP_IOCTL_NOTIF_SEND, &a) < 0 ? -errno : 0;
}

int notify_answer(struct task *t)
{
	return answer(t, (long) t->regs.rax, t->go_on);
}

int notify_take_back(struct task *t, long val)
{
	int st;

	ptrace(PTRACE_INTERRUPT, t->pid, NULL, NULL);
	answer(t, val, false); /* if it fails, it is dead, and that is what we see next */
	if (tracee_wait(t->pid, &st) < 0)
		return -ESRCH;
	if (st == (PTRACE_EVENT_STOP << 16 | SIGTRAP << 8 | 0x7f)) {
		t->regs_dirty = REGS_CLEAN;
		return tracee_getregs(t);
	}
	t->late = st;
	return -ESRCH;
}

void notify_rerun(struct task *t, bool leave)
{
	struct user_regs_struct *g = &t->regs;

	t->undone = false;
	t->rerun = leave ? RERUN_LEAVE : RERUN_RUN;
	t->r9 = g->r9;
	g->r9 = FILTER_TRACE_IT;
	g->rip -= 2;
	g->rax = t->c.nr;
	g->orig_rax = (unsigned long long) -1;
	t->regs_dirty = REGS_ARGS;
	t->how = PTRACE_CONT;
	t->state = T_READY;
}

void notify_settle(struct task *t)
{
	if (!t->notice)
		return;
	if (t->go_on) {
		if (notify_take_back(t, RESTARTNOINTR) == 0)
			notify_rerun(t, false);
	} else {
		notify_take_back(t, (long) t->regs.rax);
	}
	t->how = PTRACE_CONT;
}

int notify_addfd(struct task *t, int fd, bool cloexec)
{
	struct seccomp_notif_addfd a = { .id = t->notice, .srcfd = (__u32) fd,
		.newfd_flags = cloexec ? O_CLOEXEC : 0 };
	int r;

	do
		r = ioctl(t->c.w->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &a);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}
