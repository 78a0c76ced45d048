/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers as descriptors, on the virtual clock. The guest's descriptor is the reading end of a pipe
 * whose writing end the supervisor holds: a byte in it while expirations are unread, so that every
 * way of polling works by itself; when the guest has closed it, writing fails and the timer goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/sys/io.h"

struct timerfd *timerfd_by_ino(struct world *w, uint64_t ino)
{
	struct timerfd *f = w->io ? w->io->timers : NULL;

	while (f && f->ino != ino)
		f = f->next;
	return f;
}

static void timerfd_free(struct world *w, struct timerfd *f)
{
	struct timerfd **p = &w->io->timers;

	while (*p != f)
		p = &(*p)->next;
	*p = f->next;
	close(f->wr);
	free(f);
}

uint64_t timerfd_next_deadline(struct world *w)
{
	uint64_t min = NO_DEADLINE;

	for (struct timerfd *f = w->io ? w->io->timers : NULL; f; f = f->next)
		if (f->deadline < min)
			min = f->deadline;
	return min;
}

static void expire(struct world *w, struct timerfd *f)
{
	uint64_t n = 1;
	bool gone = false;

	if (f->interval)
		n += (w->now - f->deadline) / f->interval;
	f->deadline = f->interval ? f->deadline + n * f->interval : NO_DEADLINE;
	if (!f->count)
		gone = write(f->wr, "", 1) < 0;
	f->count += n;
	if (gone)
		timerfd_free(w, f);
}

void timerfd_fire(struct world *w)
{
	struct timerfd *next;

	for (struct timerfd *f = w->io ? w->io->timers : NULL; f; f = next) {
		next = f->next;
		if (f->deadline <= w->now)
			expire(w, f);
	}
}

long timerfd_read(struct call *c, struct timerfd *f, const struct xfer *x)
{
	struct io_state *io = io_of(c->w);
	uint64_t n;
	char token;

	if (x->total < sizeof n)
		return -EINVAL;
	timerfd_fire(c->w);
	n = f->count;
	if (!n) {
		if (fcntl(io->fd, F_GETFL) & O_NONBLOCK)
			return -EAGAIN;
		return io_wait(c, RESTARTSYS);
	}
	must(read(io->fd, &token, 1) == 1);
	f->count = 0;
	return xfer_out(c, x, &n, sizeof n);
}

/* ---- making one ---- */

static long inject(struct call *c, long nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	const uint64_t a[6] = { a0, a1, a2 };
	long ret = -EIO;

	if (tracee_inject(c->t, c->t->regs.rip - 2, nr, a, &ret) < 0)
		return -ESRCH;
	return ret;
}

static int timerfd_add(struct call *c, int host_wr, int clock)
{
	struct timerfd *f = calloc(1, sizeof *f);
	struct stat st;

	must(f && fstat(host_wr, &st) == 0);
	f->ino = st.st_ino;
	f->wr = host_wr;
	f->deadline = NO_DEADLINE;
	f->clock = clock;
	f->next = io_of(c->w)->timers;
	c->w->io->timers = f;
	return 0;
}

/* A close is not seen here. What timers hold, 1024 of them, is all that a user may have of pipes. */
static void free_closed(struct world *w)
{
	struct timerfd *next;

	for (struct timerfd *f = io_of(w)->timers; f; f = next) {
		struct pollfd p = { .fd = f->wr };

		next = f->next;
		if (poll(&p, 1, 0) > 0 && p.revents & POLLERR)
			timerfd_free(w, f);
	}
}

/* The kernel's own timerfd has taken the number; a pipe's end takes its place. */
static void timerfd_create_leave(struct call *c)
{
	uint64_t at = (c->t->regs.rsp - 512) & ~15ull, flags = c->a[1];
	uint64_t cloexec = flags & TFD_CLOEXEC ? O_CLOEXEC : 0;
	int fds[2], wr;
	long r;

	if (c->ret < 0)
		return;
	free_closed(c->w);
	r = inject(c, SYS_pipe2, at, O_CLOEXEC | (flags & TFD_NONBLOCK ? O_NONBLOCK : 0), 0);
	if (r < 0 || in_at(c, at, fds, sizeof fds) < 0) {
		call_close_fd(c, (int) c->ret);
		c->ret = r < 0 ? r : -EFAULT;
		return;
	}
	wr = call_getfd(c, fds[1]);
	inject(c, SYS_dup3, (uint64_t) fds[0], (uint64_t) c->ret, cloexec);
	call_close_fd(c, fds[0]);
	call_close_fd(c, fds[1]);
	if (wr >= 0) {
		fcntl(wr, F_SETFD, FD_CLOEXEC);
		timerfd_add(c, wr, (int) c->a[0]);
	}
}

/* ---- setting and asking ---- */

static long timerfd_arg(struct call *c, struct timerfd **ret)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = S_ISFIFO(st.st_mode) ? timerfd_by_ino(c->w, st.st_ino) : NULL;
	return *ret ? 0 : -EINVAL;
}

static struct timespec ts_of(uint64_t ns)
{
	return (struct timespec) { .tv_sec = (time_t) (ns / NSEC), .tv_nsec = (long) (ns % NSEC) };
}

static bool ts_good(const struct timespec *t)
{
	return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < (long) NSEC;
}

static uint64_t ns_of(const struct timespec *t)
{
	if ((uint64_t) t->tv_sec > (uint64_t) 1 << 33)
		return (uint64_t) 1 << 62;
	return (uint64_t) t->tv_sec * NSEC + (uint64_t) t->tv_nsec;
}

static void timerfd_state(const struct world *w, const struct timerfd *f, struct itimerspec *ret)
{
	uint64_t left = 0;

	if (f->deadline != NO_DEADLINE)
		left = f->deadline > w->now ? f->deadline - w->now : 1;
	ret->it_value = ts_of(left);
	ret->it_interval = ts_of(f->interval);
}

static void timerfd_arm(struct world *w, struct timerfd *f, const struct itimerspec *s, bool abs)
{
	uint64_t v = ns_of(&s->it_value);

	f->interval = ns_of(&s->it_interval);
	if (!v) {
		f->deadline = NO_DEADLINE;
		return;
	}
	if (abs && (f->clock == CLOCK_REALTIME || f->clock == CLOCK_REALTIME_ALARM))
		v = v > w->ahead ? v - w->ahead : 0;
	else if (abs)
		v += w->now - world_clock(w, f->clock); /* from that clock's zero to the world's */
	else
		v += w->now;
	f->deadline = v;
}

static long timerfd_settime_enter(struct call *c)
{
	const struct itimerspec *s = in(c, 2, sizeof *s);
	struct itimerspec *old;
	struct timerfd *f = NULL;
	own_fd fd = -1;
	char token;
	long r = timerfd_arg(c, &f);

	if (r < 0)
		return r;
	if (!s)
		return -EFAULT;
	if (!ts_good(&s->it_value) || !ts_good(&s->it_interval))
		return -EINVAL;
	if (c->a[3]) {
		old = out(c, 3, sizeof *old);
		timerfd_state(c->w, f, old);
	}
	if (f->count) { /* expirations of the old setting are forgotten */
		fd = call_getfd(c, (int) c->a[0]);
		if (fd >= 0 && read(fd, &token, 1) == 1)
			f->count = 0;
	}
	timerfd_arm(c->w, f, s, c->a[1] & TFD_TIMER_ABSTIME);
	timerfd_fire(c->w);
	return 0;
}

static long timerfd_gettime_enter(struct call *c)
{
	struct itimerspec *cur;
	struct timerfd *f = NULL;
	long r = timerfd_arg(c, &f);

	if (r < 0)
		return r;
	cur = out(c, 1, sizeof *cur);
	if (!cur)
		return -EFAULT;
	timerfd_state(c->w, f, cur);
	return 0;
}

static const struct row rows[] = {
	{ SYS(timerfd_create, 283), FIXUP, .arg = { INT(clock), UINT(flags) },
	  .leave = timerfd_create_leave, .why = "a pipe's end, fed by the virtual clock" },
	{ SYS(timerfd_settime, 286), EMULATE, .arg = { FD(fd), UINT(flags),
	  IN_AS(new, sizeof(struct itimerspec), itimerspec),
	  OUT_AS(old, sizeof(struct itimerspec), itimerspec) },
	  .enter = timerfd_settime_enter, .why = "armed on the virtual clock" },
	{ SYS(timerfd_gettime, 287), EMULATE, .arg = { FD(fd),
	  OUT_AS(cur, sizeof(struct itimerspec), itimerspec) },
	  .enter = timerfd_gettime_enter, .why = "asked of the virtual clock" },
};

FAMILY(timerfd, "Timers as descriptors");
