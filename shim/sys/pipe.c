/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that are made from nothing, and what can be asked of descriptors: fcntl, flock. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/sys/io.h"

enum { LOCK_CHAIN = 10, PIPE_SIZE = 65536, PIPE_MAX = 1 << 20 /* fs.pipe-max-size: root outside may have more */ };

/* ---- pipes ---- */

/* The host may give smaller pipes to a user that has many. */
static void pipe_leave(struct call *c)
{
	int fds[2];
	own_fd fd = -1;

	if (c->ret < 0 || in_at(c, c->a[0], fds, sizeof fds) < 0)
		return;
	fd = call_getfd(c, fds[0]);
	if (fd >= 0 && fcntl(fd, F_GETPIPE_SZ) != PIPE_SIZE && fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE) < 0)
		call_note(c, "the host's limit on pipe memory is reached: a pipe is smaller than usual");
}

/* ---- fcntl ---- */

static long lockw_enter(struct call *c)
{
	call_karg(c, 1, F_SETLK);
	return call_run_leave(c);
}

/* Whose lock @t waits for; NULL: nobody's of the container. */
static struct proc *lock_holder(struct world *w, struct task *t)
{
	own_fd fd = w->ops->getfd(t, (int) t->c.a[0]);
	struct task *of;
	struct flock l;

	if (fd < 0 || w->ops->read(t, t->c.a[2], &l, sizeof l) != sizeof l ||
		fcntl(fd, F_GETLK, &l) < 0 || l.l_type == F_UNLCK)
		return NULL;
	of = task_find(w, l.l_pid);
	return of ? of->proc : NULL;
}

static struct task *waiter_in(const struct proc *p, const struct row *row)
{
	for (struct task *t = p->threads; t; t = t->next_thread)
		if (t->state == T_BLOCKED && t->c.wait.kind == W_IO && t->c.row == row)
			return t;
	return NULL;
}

/* Would it wait for one who waits for it? */
static bool lock_deadlock(struct call *c)
{
	struct proc *p = lock_holder(c->w, c->t);

	for (int i = 0; p && i < LOCK_CHAIN; i++) {
		struct task *t;

		if (p == c->t->proc)
			return i > 0;
		t = waiter_in(p, c->row);
		p = t ? lock_holder(c->w, t) : NULL;
	}
	return false;
}

static void lockw_leave(struct call *c)
{
	if (c->ret != -EAGAIN && c->ret != -EACCES)
		return;
	if (lock_deadlock(c))
		c->ret = -EDEADLK;
	else
		io_wait(c, RESTARTSYS);
}

/* Locks of a description are the description's, whoever asks. */
static long ofd_lock_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct flock l;

	if (fd < 0)
		return fd;
	if (in_at(c, c->a[2], &l, sizeof l) < 0)
		return -EFAULT;
	if (fcntl(fd, F_OFD_SETLK, &l) == 0)
		return 0;
	if (errno == EAGAIN && (int) c->a[1] == F_OFD_SETLKW)
		return io_wait(c, RESTARTSYS);
	return -errno;
}

static long setpipe_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	int r;

	if (fd < 0)
		return fd;
	if ((uint32_t) c->a[2] > PIPE_MAX && (uint32_t) c->a[2] <= 1u << 31)
		return -EPERM;
	r = fcntl(fd, F_SETPIPE_SZ, (int) c->a[2]);
	return r < 0 ? -errno : r;
}

/* Trapped because a number of the table gets another meaning: see io.h, known. */
static long dup_enter(struct call *c)
{
	return call_run(c);
}

#define F_ARGS .arg = { FD(fd), UINT(cmd), PTR(arg) }
#define LOCK_ARGS .arg = { FD(fd), UINT(cmd), IN_AS(lock, sizeof(struct flock), flock) }
#define DUP_WHY "the lowest free number; the supervisor forgets what it knew of it"
#define F_PASS(cmd) { .name = #cmd, .nr = cmd, .policy = PASS, F_ARGS, .why = "a function of the descriptor" }
#define F_OWNER(cmd, arg3) { .name = #cmd, .nr = cmd, .policy = OBSERVE, .arg = { FD(fd), UINT(cmd), \
	arg3 }, .enter = io_signal_enter, .why = "its signal comes as one that a task sends" }
#define F_DENY(cmd, text) { .name = #cmd, .nr = cmd, .policy = DENY, F_ARGS, .err = EINVAL, .why = text }

static const struct row fcntl_sub[] = {
	/* the filter can test for few values: these come first */
	F_PASS(F_SETFL),
	F_PASS(F_SETFD),
	F_PASS(F_GETFD),
	F_PASS(F_GETFL),
	{ SUB(F_DUPFD_CLOEXEC, F_DUPFD_CLOEXEC), PASS, F_ARGS, .enter = dup_enter, .why = DUP_WHY },
	{ SUB(F_DUPFD, F_DUPFD), PASS, F_ARGS, .enter = dup_enter, .why = DUP_WHY },
	F_PASS(F_ADD_SEALS),
	F_PASS(F_GET_SEALS),
	F_PASS(F_GETPIPE_SZ),
	F_PASS(F_GETOWN),
	{ SUB(F_GETLK, F_GETLK), OBSERVE,
	  .arg = { FD(fd), UINT(cmd), OUT_AS(lock, sizeof(struct flock), flock) },
	  .why = "locks are the container's own, the owner is a number inside" },
	{ SUB(F_SETLK, F_SETLK), OBSERVE, LOCK_ARGS, .why = "does not wait" },
	{ SUB(F_SETLKW, F_SETLKW), OBSERVE, LOCK_ARGS, .enter = lockw_enter, .leave = lockw_leave,
	  .flags = MAY_BLOCK, .why = "tried without waiting; the task waits for another one" },
	{ SUB(F_OFD_GETLK, F_OFD_GETLK), OBSERVE,
	  .arg = { FD(fd), UINT(cmd), OUT_AS(lock, sizeof(struct flock), flock) }, .why = "as F_GETLK" },
	{ SUB(F_OFD_SETLK, F_OFD_SETLK), EMULATE, LOCK_ARGS, .enter = ofd_lock_enter,
	  .why = "taken on the shared description" },
	{ SUB(F_OFD_SETLKW, F_OFD_SETLKW), EMULATE, LOCK_ARGS, .enter = ofd_lock_enter,
	  .flags = MAY_BLOCK, .why = "as F_SETLKW" },
	{ SUB(F_SETPIPE_SZ, F_SETPIPE_SZ), EMULATE, F_ARGS, .enter = setpipe_enter,
	  .why = "sizes are rounded the same everywhere" },
	F_OWNER(F_SETOWN, PTR(arg)),
	F_OWNER(F_SETOWN_EX, IN_STRUCT(owner, 8)),
	{ SUB(F_GETOWN_EX, F_GETOWN_EX), OBSERVE, .arg = { FD(fd), UINT(cmd), OUT_STRUCT(owner, 8) },
	  .why = "as it was set" },
	F_PASS(F_SETSIG),
	F_PASS(F_GETSIG),
	F_DENY(F_SETLEASE, "leases break when the kernel likes"),
	F_DENY(F_NOTIFY, "directory notification would come when the kernel likes"),
	F_DENY(F_GETLEASE, "the last of the list: every other command"),
};

/* ---- flock ---- */

static long flock_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	int op = (int) c->a[1];

	if (fd < 0)
		return fd;
	if (flock(fd, op | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK && !(op & LOCK_NB))
		return io_wait(c, RESTARTSYS);
	return -errno;
}

/* ---- signalfd ---- */

/* Readiness depends on whose signals are looked at: the kernel's answer to us would be about ours. */
uint64_t signalfd_mask(struct call *c, int guest_fd)
{
	char path[64], text[512], *p;
	own_fd fd = -1;
	ssize_t n;

	snprintf(path, sizeof path, "%d/fdinfo/%d", (int) c->t->pid, guest_fd);
	fd = openat(c->w->host_proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read_full(fd, text, sizeof text - 1);
	if (n < 0)
		return 0;
	text[n] = 0;
	p = strstr(text, "sigmask:");
	return p ? strtoull(p + 8, NULL, 16) : 0;
}

bool signalfd_pending(struct call *c, int guest_fd)
{
	struct sigstate s;

	return task_signals(c->w, c->t, &s) == 0 && s.pending & signalfd_mask(c, guest_fd);
}

static void signalfd_leave(struct call *c)
{
	if (c->ret >= 0)
		io_of(c->w)->by_name = true;
}

#define NOTIFY_WHY "a watch of whole mounts, of which others than the container may be part"

static const struct row rows[] = {
	{ SYS(pipe, 22), OBSERVE, .arg = { OUT_AS(fds, 8, int) }, .leave = pipe_leave,
	  .why = "descriptors are the lowest free; the capacity is fixed" },
	{ SYS(pipe2, 293), OBSERVE, .arg = { OUT_AS(fds, 8, int), FLAGS(flags, names_open + 1) },
	  .leave = pipe_leave, .why = "descriptors are the lowest free; the capacity is fixed" },
	{ SYS(fcntl, 72), BY_SUB, F_ARGS, .sub = fcntl_sub, .nsub = ARRAY_LEN(fcntl_sub),
	  .sub_arg = 1, .flags = NOTIFY | MAY_BLOCK, .pass_arg = 1, .pass_mask = 0xfffffffd, /* F_GETFD, F_GETFL */
	  .pass_value = 1,
	  .why = "by command",
	  .quick_arg = 1, .quick_mask = UINT32_MAX, .quick_value = F_DUPFD_CLOEXEC },
	{ SYS(close, 3), PASS, .arg = { FD(fd) }, .why = "a function of the descriptor table" },
	{ SYS(close_range, 436), PASS, .arg = { UINT(first), UINT(last), UINT(flags) },
	  .why = "a function of the descriptor table" },
	{ SYS(dup, 32), PASS, .arg = { FD(fd) }, .enter = dup_enter, .why = DUP_WHY, .flags = NOTIFY },
	{ SYS(dup2, 33), PASS, .arg = { FD(fd), FD(to) }, .enter = dup_enter,
	  .why = "a function of the table; the supervisor forgets what it knew of it",
	  .flags = NOTIFY },
	{ SYS(dup3, 292), PASS, .arg = { FD(fd), FD(to), UINT(flags) }, .enter = dup_enter,
	  .why = "a function of the table; the supervisor forgets what it knew of it",
	  .flags = NOTIFY },
	{ SYS(flock, 73), EMULATE, .arg = { FD(fd), UINT(op) }, .enter = flock_enter,
	  .flags = MAY_BLOCK, .why = "taken on the shared description; waits for another task" },
	{ SYS(signalfd, 282), OBSERVE, .arg = { FD(fd), IN_BUF_AS(mask, 2, sigset), UINT(size) },
	  .leave = signalfd_leave, .why = "shows the signals that are pending, in their order" },
	{ SYS(signalfd4, 289), OBSERVE,
	  .arg = { FD(fd), IN_BUF_AS(mask, 2, sigset), UINT(size), UINT(flags) },
	  .leave = signalfd_leave, .why = "shows the signals that are pending, in their order" },
	{ SYS(eventfd, 284), OBSERVE, .arg = { UINT(count) },
	  .why = "a counter of the container's own" },
	{ SYS(eventfd2, 290), OBSERVE, .arg = { UINT(count), UINT(flags) },
	  .why = "a counter of the container's own" },
	{ SYS(fanotify_init, 300), DENY, .arg = { UINT(flags), UINT(event_flags) }, .flags = NOTED,
	  .why = NOTIFY_WHY },
	{ SYS(fanotify_mark, 301), DENY, .arg = { FD(fd), UINT(flags), UINT(mask), FD(dirfd),
	  PATH(path) }, .why = NOTIFY_WHY },
};

FAMILY(pipe, "Pipes, locks, descriptors from nothing");
