/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for descriptors. The supervisor looks, without waiting, at duplicates of them; when none
 * is ready the task waits for another one to run, or for its deadline on the virtual clock.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/sys/look.h"
#include "shim/sys/tty.h"
#include "shim/sys/vclock.h"

enum { MAX_FDS = 65536 };

/* ---- looking ---- */

static int look_one(struct call *c, struct look *l, size_t i)
{
	struct stat st;
	struct tty *y;
	int fd, kind;

	if (l->p[i].fd < 0)
		return -1;
	fd = call_getfd(c, l->p[i].fd);
	if (fd < 0)
		return fd;
	kind = io_kind(c, l->p[i].fd, fd, &st);
	y = kind == FK_TTY ? tty_of(c->w, fd, &st) : NULL;
	if (y) {
		l->has_input = true;
		l->tty = tty_nr(y);
		tty_pump(c->w);
	}
	if (kind == FK_STDIN) {
		l->has_input = true;
		l->std = stdio_of(c->w, &st);
		stdin_fill(c, l->std);
		stdin_sync(l->std, fd);
	}
	if (kind == FK_SIGNAL)
		l->p[i].revents = signalfd_pending(c, l->p[i].fd) ? POLLIN | POLLRDNORM : 0;
	return fd;
}

/* How many are ready; .revents set. Descriptors that are not open: POLLNVAL. */
static int look(struct call *c, struct look *l)
{
	struct pollfd *host = call_mem(c, (l->n + 1) * sizeof *host);
	int ready = 0;

	timerfd_fire(c->w);
	for (size_t i = 0; i < l->n; i++)
		l->p[i].revents = 0;
	for (size_t i = 0; i < l->n; i++)
		host[i] = (struct pollfd) { .fd = look_one(c, l, i), .events = l->p[i].events };
	while (poll(host, l->n, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < l->n; i++) {
		l->p[i].revents = (l->p[i].revents & l->p[i].events) | host[i].revents;
		if (host[i].fd >= 0)
			close(host[i].fd);
		else if (l->p[i].fd >= 0)
			l->p[i].revents = POLLNVAL;
		ready += l->p[i].revents != 0;
	}
	return ready;
}

long poll_wait(struct call *c, const struct look *l, uint64_t deadline)
{
	struct stdio *s = l->std;
	long r;

	if (l->has_input && (!s || (!s->eof && !s->in.n))) {
		r = stdin_wait(c, s, true, deadline, RESTARTNOHAND);
		c->wait.mask = l->tty;
		return r;
	}
	return call_block(c, (struct wait) { .kind = W_IO, .deadline = deadline,
		.intr = RESTARTNOHAND });
}

/* ---- timeouts and masks ---- */

/* scratch[0] keeps the deadline over all tries of one call. */
static uint64_t deadline_in(struct call *c, uint64_t ns)
{
	if (!c->again)
		c->scratch[0] = ns > NO_DEADLINE - c->w->now - 1 ? NO_DEADLINE : c->w->now + ns;
	return c->scratch[0];
}

uint64_t poll_deadline_ms(struct call *c, int64_t ms)
{
	return deadline_in(c, ms < 0 ? NO_DEADLINE : (uint64_t) ms * 1000000);
}

long poll_deadline_at(struct call *c, uint64_t addr, uint64_t unit, uint64_t *ret)
{
	struct timespec ts;

	*ret = deadline_in(c, NO_DEADLINE);
	if (!addr || c->again)
		return 0;
	if (in_at(c, addr, &ts, sizeof ts) < 0)
		return -EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0)
		return -EINVAL;
	if (unit == 1 && ts.tv_nsec >= (long) NSEC)
		return -EINVAL;
	if (ts.tv_sec > INT_MAX)
		ts.tv_sec = INT_MAX;
	*ret = deadline_in(c, (uint64_t) ts.tv_sec * NSEC + (uint64_t) ts.tv_nsec * unit);
	return 0;
}

long poll_mask(struct call *c, uint64_t addr, uint64_t size)
{
	uint64_t mask;

	if (!addr)
		return 0;
	if (size != sizeof mask)
		return -EINVAL;
	if (in_at(c, addr, &mask, sizeof mask) < 0)
		return -EFAULT;
	call_sigmask(c, mask);
	return 0;
}

/* What select leaves of the timeout. */
static void time_left(struct call *c, unsigned arg, uint64_t unit, uint64_t deadline)
{
	uint64_t left = deadline > c->w->now && !c->timed_out ? deadline - c->w->now : 0;
	struct timespec *ts;

	if (!c->a[arg])
		return;
	ts = out(c, arg, sizeof *ts);
	ts->tv_sec = (time_t) (left / NSEC);
	ts->tv_nsec = (long) (left % NSEC / unit);
}

/* A signal has ended the wait: as much is left of it, also for the call made anew. */
static void ppoll_leave(struct call *c)
{
	time_left(c, 2, 1, c->wait.deadline);
	call_flush(c);
}

static void select_leave(struct call *c)
{
	time_left(c, 4, c->nr == SYS_select ? 1000 : 1, c->wait.deadline);
	call_flush(c);
}

/* ---- poll ---- */

static long poll_result(struct call *c, struct look *l, uint64_t deadline)
{
	int ready = look(c, l);
	void *p;

	if (!ready && !c->timed_out && deadline > c->w->now)
		return poll_wait(c, l, deadline);
	if (!l->n)
		return 0;
	p = out(c, 0, l->n * sizeof *l->p);
	if (!p)
		return -EFAULT;
	memcpy(p, l->p, l->n * sizeof *l->p);
	return ready;
}

static long poll_any(struct call *c, uint64_t deadline)
{
	struct look l = { .n = (size_t) c->a[1] };

	if (l.n > MAX_FDS)
		return -EINVAL;
	l.p = call_mem(c, (l.n + 1) * sizeof *l.p);
	if (in_at(c, c->a[0], l.p, l.n * sizeof *l.p) < 0)
		return -EFAULT;
	return poll_result(c, &l, deadline);
}

static long poll_enter(struct call *c)
{
	int ms = (int) c->a[2];
	long r = poll_any(c, ms < 0 ? NO_DEADLINE : wait_deadline(c, (uint64_t) ms * 1000000));

	if (c->verdict != V_BLOCK)
		wait_done(c);
	return r;
}

static long ppoll_enter(struct call *c)
{
	uint64_t deadline;
	long r = poll_deadline_at(c, c->a[2], 1, &deadline);

	if (!r)
		r = poll_mask(c, c->a[3], c->a[4]);
	if (r < 0)
		return r;
	r = poll_any(c, deadline);
	if (c->verdict != V_BLOCK && r >= 0)
		time_left(c, 2, 1, deadline);
	return r;
}

/* ---- select ---- */

#define BITS_IN (POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR)
#define BITS_OUT (POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR)
#define BITS_EX POLLPRI

static const short select_bits[3] = { BITS_IN, BITS_OUT, BITS_EX };
static const short select_ask[3] = { POLLIN | POLLRDNORM | POLLRDBAND,
	POLLOUT | POLLWRNORM | POLLWRBAND, POLLPRI };

static bool set_has(const uint64_t *set, size_t fd)
{
	return set && set[fd / 64] >> fd % 64 & 1;
}

static long sets_load(struct call *c, size_t bytes, uint64_t *sets[3])
{
	for (unsigned k = 0; k < 3; k++) {
		sets[k] = NULL;
		if (!c->a[k + 1])
			continue;
		sets[k] = call_mem(c, bytes + 8);
		if (in_at(c, c->a[k + 1], sets[k], bytes) < 0)
			return -EFAULT;
	}
	return 0;
}

static struct look sets_look(struct call *c, size_t nfds, uint64_t *sets[3])
{
	struct look l = { .p = call_mem(c, (nfds + 1) * sizeof *l.p) };

	for (size_t fd = 0; fd < nfds; fd++) {
		short ask = 0;

		for (int k = 0; k < 3; k++)
			if (set_has(sets[k], fd))
				ask |= select_ask[k];
		if (ask)
			l.p[l.n++] = (struct pollfd) { .fd = (int) fd, .events = ask };
	}
	return l;
}

static long sets_answer(struct call *c, const struct look *l, size_t bytes, uint64_t *sets[3])
{
	long count = 0;

	for (unsigned k = 0; k < 3; k++) {
		uint64_t *set;

		if (!sets[k])
			continue;
		set = out(c, k + 1, bytes);
		for (size_t i = 0; i < l->n; i++) {
			size_t fd = (size_t) l->p[i].fd;

			if (set_has(sets[k], fd) && l->p[i].revents & select_bits[k]) {
				set[fd / 64] |= 1ull << fd % 64;
				count++;
			}
		}
	}
	return count;
}

static bool sets_ready(const struct look *l, uint64_t *sets[3])
{
	for (size_t i = 0; i < l->n; i++)
		for (unsigned k = 0; k < 3; k++)
			if (set_has(sets[k], (size_t) l->p[i].fd) && l->p[i].revents & select_bits[k])
				return true;
	return false;
}

static long select_any(struct call *c, uint64_t deadline, uint64_t unit)
{
	int nfds = (int) c->a[0];
	size_t bytes;
	uint64_t *sets[3];
	struct look l;
	long r;

	if (nfds < 0 || nfds > MAX_FDS)
		return -EINVAL;
	bytes = ((size_t) nfds + 63) / 64 * 8;
	r = sets_load(c, bytes, sets);
	if (r < 0)
		return r;
	l = sets_look(c, (size_t) nfds, sets);
	look(c, &l);
	for (size_t i = 0; i < l.n; i++)
		if (l.p[i].revents & POLLNVAL)
			return -EBADF;
	if (!sets_ready(&l, sets) && !c->timed_out && deadline > c->w->now)
		return poll_wait(c, &l, deadline);
	r = sets_answer(c, &l, bytes, sets);
	time_left(c, 4, unit, deadline);
	return r;
}

static long select_enter(struct call *c)
{
	uint64_t deadline;
	long r = poll_deadline_at(c, c->a[4], 1000, &deadline);

	return r < 0 ? r : select_any(c, deadline, 1000);
}

static long pselect_enter(struct call *c)
{
	uint64_t deadline, mask[2];
	long r = poll_deadline_at(c, c->a[4], 1, &deadline);

	if (!r && c->a[5])
		r = in_at(c, c->a[5], mask, sizeof mask) ? -EFAULT : poll_mask(c, mask[0], mask[1]);
	return r < 0 ? r : select_any(c, deadline, 1);
}

#define POLLFDS OUT_ARRAY(fds, 1, sizeof(struct pollfd), pollfd)

static const struct row rows[] = {
	{ SYS(poll, 7), EMULATE, .arg = { POLLFDS, UINT(nfds), INT(timeout) },
	  .enter = poll_enter, .flags = MAY_BLOCK, .why = WHY_LOOK },
	{ SYS(select, 23), EMULATE, .arg = { INT(nfds), PTR(in), PTR(out), PTR(ex), PTR(timeout) },
	  .enter = select_enter, .leave = select_leave,
	  .flags = MAY_BLOCK | INTR_LEAVE, .why = WHY_LOOK },
	{ SYS(pselect6, 270), EMULATE, .arg = { INT(nfds), PTR(in), PTR(out), PTR(ex), PTR(timeout),
	  PTR(mask) }, .enter = pselect_enter, .leave = select_leave,
	  .flags = MAY_BLOCK | INTR_LEAVE, .why = WHY_LOOK },
	{ SYS(ppoll, 271), EMULATE, .arg = { POLLFDS, UINT(nfds), PTR(timeout), PTR(mask),
	  UINT(size) }, .enter = ppoll_enter, .leave = ppoll_leave,
	  .flags = MAY_BLOCK | INTR_LEAVE, .why = WHY_LOOK },
};

FAMILY(poll, "Waiting for descriptors");
