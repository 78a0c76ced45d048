/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals of the container, from their beginning to their end, and the calls on them. */
#include "shim/sys/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/sys/tty_impl.h"

enum { WRITE = 4096, TENTH_NS = 100000000 };

static bool is_it(const struct tty *y, int fd, const struct stat *st)
{
	unsigned dev;

	if (st->st_rdev != makedev(5, 0))
		return st->st_rdev == y->rdev && st->st_dev == y->dev;
	return ioctl(fd, TIOCGDEV, &dev) == 0 &&
		makedev(dev >> 8 & 0xfff, (dev & 0xff) | (dev >> 12 & 0xfff00)) == y->rdev;
}

struct tty *tty_of(struct world *w, int fd, const struct stat *st)
{
	struct tty *y = w->tty;

	while (y && !is_it(y, fd, st))
		y = y->next;
	return y;
}

uint32_t tty_nr(const struct tty *y)
{
	return y->nr;
}
/* ---- life ---- */

static int start(struct world *w, struct tty *y, struct err *e)
{
	struct stat st;
	int r = tty_open_slave(y);

	if (!r && (fcntl(y->master, F_SETFL, O_RDWR | O_NONBLOCK) < 0 || fstat(y->slave, &st) < 0))
		r = -errno;
	if (r < 0)
		return fail(e, r, "open the container's terminal");
	y->dev = st.st_dev;
	y->rdev = st.st_rdev;
	return w->expect ? tty_find_due(w, y, e) : 0;
}

static struct tty *add(struct world *w, int master, int from, int to)
{
	struct tty *y = calloc(1, sizeof *y), **last = &w->tty;

	must_mem(y);
	*y = (struct tty) { .master = master, .slave = -1, .outside = -1, .from = from, .to = to,
		.eof = w->o->strict };
	while (*last)
		last = &(*last)->next;
	*last = y;
	return y;
}

int tty_start(struct world *w, int master, struct err *e)
{
	struct tty *y = add(w, master, w->o->stdio[0], w->o->stdio[1]);
	int r = start(w, y, e);

	if (!r)
		tty_first_size(w, y, w->o->rows, w->o->cols);
	return r;
}

int tty_add(struct world *w, const struct tty_new *n, struct err *e)
{
	struct tty *y = add(w, n->master, n->from, n->to);
	int r;

	y->nr = n->nr;
	y->owner = n->owner;
	y->ours = true;
	r = start(w, y, e);
	if (!r)
		tty_first_size(w, y, n->rows, n->cols);
	return r;
}

static void tty_free(struct world *w, struct tty *y)
{
	if (y->master >= 0) {
		tty_drain(w, y);
		if (y->slave >= 0)
			close(y->slave);
		close(y->master);
	}
	if (y->ours && y->from >= 0)
		close(y->from);
	if (y->ours && y->to >= 0)
		close(y->to);
	buf_free(&y->in);
	free(y->due);
	free(y);
}

void tty_left(struct world *w, pid_t owner)
{
	struct tty **pp = &w->tty, *y;

	while ((y = *pp) && (!y->ours || y->owner != owner))
		pp = &y->next;
	if (!y)
		return;
	*pp = y->next;
	tty_free(w, y);
}

void tty_end(struct world *w)
{
	struct tty *y;

	while ((y = w->tty)) {
		w->tty = y->next;
		tty_free(w, y);
	}
}

/* ---- calls ---- */

static long wait_input(struct call *c, const struct tty *y, uint64_t deadline, int intr)
{
	long r = stdin_wait(c, NULL, true, deadline, intr);

	c->wait.mask = y->nr;
	return r;
}

/* The one that the descriptor of io_by_fd() is. */
static struct tty *this(struct call *c)
{
	return tty_of(c->w, io_of(c->w)->fd, &io_of(c->w)->st);
}

/* The kernel would stop it, with its group. */
static bool background(struct call *c, const struct tty *y)
{
	pid_t group, session;

	return y->master >= 0 && ioctl(y->master, TIOCGPGRP, &group) == 0 &&
		ioctl(y->master, TIOCGSID, &session) == 0 && getsid(c->t->pid) == session &&
		getpgid(c->t->pid) != group;
}

/* The kernel does it, without waiting. */
static long run_now(struct call *c, int fd, int flags)
{
	c->scratch[1] = !(flags & O_NONBLOCK);
	if (c->scratch[1])
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	return call_run_leave(c);
}

void tty_leave(struct call *c)
{
	own_fd fd = c->scratch[1] ? call_getfd(c, (int) c->a[0]) : -1;
	const struct tty *y = NULL;
	struct stat st;

	if (fd >= 0) {
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
		y = fstat(fd, &st) == 0 ? tty_of(c->w, fd, &st) : NULL;
	}
	c->scratch[1] = 0;
	tty_ioctl_leave(c);
	if (c->ret == -EAGAIN && y)
		wait_input(c, y, NO_DEADLINE, RESTARTSYS);
}

void tty_ioctl_leave(struct call *c)
{
	bool any = false;

	for (struct tty *y = c->w->tty; y; y = y->next) {
		if (y->master < 0)
			continue;
		tty_drain(c->w, y);
		any = true;
	}
	if (!any)
		return;
	signals_sent(c->w, NULL); /* SIGTTIN, SIGTTOU, SIGWINCH go to groups */
}

uint64_t tty_deadline(struct call *c, const struct termios *t)
{
	if (t->c_lflag & ICANON || t->c_cc[VMIN] || !t->c_cc[VTIME])
		return NO_DEADLINE;
	if (!c->again)
		c->scratch[0] = c->w->now + t->c_cc[VTIME] * (uint64_t) TENTH_NS;
	return c->scratch[0];
}

long tty_read(struct call *c)
{
	struct io_state *io = io_of(c->w);
	const struct tty *y = this(c);
	struct pollfd p = { .fd = io->fd, .events = POLLIN };
	int flags = fcntl(io->fd, F_GETFL);
	struct termios t;

	if (c->timed_out)
		return 0;
	tty_pump(c->w);
	poll(&p, 1, 0);
	if (p.revents || flags & O_NONBLOCK || background(c, y) || tcgetattr(io->fd, &t) < 0)
		return run_now(c, io->fd, flags);
	if (!(t.c_lflag & ICANON) && !t.c_cc[VMIN] && !t.c_cc[VTIME])
		return run_now(c, io->fd, flags);
	return wait_input(c, y, tty_deadline(c, &t), RESTARTSYS);
}

static bool stops_writers(int fd)
{
	struct termios t;

	return tcgetattr(fd, &t) == 0 && t.c_lflag & TOSTOP;
}

long tty_write(struct call *c)
{
	struct io_state *io = io_of(c->w);
	struct tty *y = this(c);
	size_t done = c->again ? c->scratch[0] : 0;
	int flags = fcntl(io->fd, F_GETFL);
	struct xfer x;
	const char *p;
	ssize_t r = 0;
	long bad = xfer_load(c, &x);

	if (bad < 0)
		return bad;
	if (background(c, y) && stops_writers(io->fd))
		return run_now(c, io->fd, flags);
	p = xfer_in(c, &x, x.total);
	if (!p)
		return -EFAULT;
	flags = nb_begin(io->fd);
	while (done < x.total && !c->w->fatal) {
		size_t n = x.total - done < WRITE ? x.total - done : WRITE;

		r = write(io->fd, p + done, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			break;
		done += (size_t) r;
		if (y->master >= 0)
			tty_drain(c->w, y);
	}
	r = r < 0 ? -errno : r;
	nb_end(io->fd, flags);
	c->scratch[0] = done;
	if (r == -EAGAIN && !(flags & O_NONBLOCK)) /* it was told to stop */
		return wait_input(c, y, NO_DEADLINE, done ? (int) done : RESTARTSYS);
	return r < 0 && !done ? r : (long) done;
}
