/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel moves bytes between the two ends of a pty in a worker of its own. Two things wait for
 * that worker: a read of an end that has nothing to read, and a poll of one. So that nothing
 * depends on its speed, bytes are typed only when the guest's end has nothing to read, at most a
 * line (or one key that makes a signal) at a time, and then that end is polled.
 */
#include "shim/sys/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/base/own.h"

enum {
	LOOK_EVERY = 16, /* events: at the outside while tasks run */
	AHEAD = 2048,	 /* bytes taken from outside while tasks run */
	TAKE = 1024,
	UNIT = 256,
	WRITE = 4096,
	ENDS = 64,	 /* how often the end is typed, before the terminal is hung up */
	TENTH_NS = 100000000,
};

struct tty_due {
	uint64_t event, vtime;
	uint32_t which;
};

struct tty {
	uint32_t nr;	 /* of which added process, 0 = the first program */
	pid_t owner;	 /* the process that it was made for: its end is the terminal's */
	int from, to;	 /* outside */
	bool ours;	 /* they are to be closed with it */
	int master, slave;
	dev_t dev, rdev; /* of the slave */
	int outside;	 /* the caller's terminal, or -1 */
	struct winsize size; /* of the caller's, as last seen */
	struct buf in;	 /* came from outside, not yet typed */
	bool eof;	 /* nothing more will come */
	unsigned ends;
	uint64_t looked; /* at the outside, after so many events */
	unsigned skipped;
	bool soon;
	struct tty_due *due; /* replay */
	size_t n_due, next_due;
	struct tty *next;
};

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

/* ---- output ---- */

/* Who looks at an added process may go away at any time; the caller may not. */
static void cannot_put(struct world *w, struct tty *y)
{
	if (!y->nr)
		world_fatal(w, errno, "write what the container's terminal shows");
	else if (y->to >= 0)
		close(y->to);
	y->to = -1;
}

static void put_outside(struct world *w, struct tty *y, const char *p, size_t n)
{
	while (n && !w->fatal && y->to >= 0) {
		ssize_t r = write(y->to, p, n);

		if (r >= 0) {
			p += r;
			n -= (size_t) r;
		} else if (errno != EAGAIN && errno != EINTR) {
			cannot_put(w, y);
		} else if (outside_blocked(w, y->to) < 0) {
			return;
		}
	}
}

static void drain(struct world *w, struct tty *y)
{
	char b[WRITE];
	ssize_t n;

	while ((n = read(y->master, b, sizeof b)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			put_outside(w, y, b, (size_t) n);
}

/* ---- typing ---- */

static int open_slave(struct tty *y)
{
	y->slave = ioctl(y->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return y->slave < 0 ? -errno : 0;
}

/* The guest's end has something to read; what was typed has arrived. */
static bool unread(struct tty *y)
{
	struct pollfd p = { .fd = y->slave, .events = POLLIN };

	if (poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR)) { /* its session has ended */
		close(y->slave);
		if (open_slave(y) < 0)
			return false;
		p.fd = y->slave;
		poll(&p, 1, 0);
	}
	return p.revents & POLLIN;
}

static bool is_signal(const struct termios *t, uint8_t key)
{
	return t->c_lflag & ISIG &&
		(key == t->c_cc[VINTR] || key == t->c_cc[VQUIT] || key == t->c_cc[VSUSP]);
}

static bool has_signal(const struct tty *y, const struct termios *t)
{
	for (size_t i = 0; i < y->in.n; i++)
		if (is_signal(t, y->in.p[i]))
			return true;
	return false;
}

static size_t unit(const struct tty *y, const struct termios *t)
{
	size_t n = y->in.n < UNIT ? y->in.n : UNIT;

	for (size_t i = 0; i < n; i++) {
		uint8_t key = y->in.p[i];

		if (is_signal(t, key)) /* it discards what is not yet shown */
			return i ? i : 1;
		if (key == '\n' || key == '\r' || key == t->c_cc[VEOF])
			return i + 1;
	}
	return n;
}

static void type(struct world *w, struct tty *y, const void *p, size_t n)
{
	ssize_t r;

	do
		r = write(y->master, p, n);
	while (r < 0 && errno == EINTR);
	unread(y);
	drain(w, y);
	signals_sent(w, NULL);
	collect_continued(w);
	w->turn++; /* who waits for a descriptor may find it ready */
}

static void pump(struct world *w, struct tty *y)
{
	struct termios t;

	while (y->master >= 0 && y->in.n) {
		size_t n;

		if (unread(y)) {
			if (tcgetattr(y->slave, &t) < 0 || !has_signal(y, &t))
				return;
			tcflush(y->slave, TCIFLUSH); /* as the key itself will */
		}
		if (tcgetattr(y->slave, &t) < 0)
			return;
		n = unit(y, &t);
		type(w, y, y->in.p, n);
		memmove(y->in.p, y->in.p + n, y->in.n - n);
		y->in.n -= n;
	}
}

void tty_pump(struct world *w)
{
	for (struct tty *y = w->tty; y; y = y->next)
		pump(w, y);
}

static void hang_up(struct world *w, struct tty *y)
{
	drain(w, y);
	close(y->slave);
	close(y->master);
	y->slave = y->master = -1;
	signals_sent(w, NULL);
	collect_continued(w);
	w->turn++;
}

/* Somebody reads what will never come: the end, then, for those who do not know it, a hangup. */
static void type_end(struct world *w, struct tty *y)
{
	struct termios t;
	char key;

	if (!y->ends && w->o->strict)
		engine_note(w, w->tasks, "what is typed is an external input: it ends here");
	if (y->ends++ == ENDS || tcgetattr(y->slave, &t) < 0) {
		hang_up(w, y);
		return;
	}
	key = (char) t.c_cc[VEOF];
	type(w, y, &key, 1);
}

/* ---- from outside ---- */

static uint32_t name_of(const struct tty *y, unsigned which)
{
	return y->nr << INPUT_WHOSE | which;
}

static void set_size(struct world *w, const struct tty *y, unsigned rows, unsigned cols)
{
	struct winsize s = { .ws_row = (unsigned short) rows, .ws_col = (unsigned short) cols };

	ioctl(y->master, TIOCSWINSZ, &s);
	signals_sent(w, NULL);
}

static bool size_is(struct world *w, const struct tty *y, const char *text, size_t n,
	unsigned when)
{
	unsigned rows, cols;

	if (world_input(w, w->tasks, (int) name_of(y, INPUT_SIZE | when), text, n) < 0 ||
		sscanf(text, "%ux%u", &rows, &cols) != 2)
		return false;
	set_size(w, y, rows, cols);
	return true;
}

/* The caller's terminal has another size than when we looked last. */
static bool take_size(struct world *w, struct tty *y, unsigned when)
{
	struct winsize s;
	char text[32];
	int n;

	if (y->outside < 0 || ioctl(y->outside, TIOCGWINSZ, &s) < 0 ||
		(s.ws_row == y->size.ws_row && s.ws_col == y->size.ws_col) || !s.ws_row || !s.ws_col)
		return false;
	y->size = s;
	n = snprintf(text, sizeof text, "%ux%u", s.ws_row, s.ws_col);
	return size_is(w, y, text, (size_t) n, when);
}

static bool keys_are(struct world *w, struct tty *y, const void *p, size_t n, unsigned when)
{
	if (world_input(w, w->tasks, (int) name_of(y, when), p, n) < 0)
		return false;
	if (when & INPUT_COMPUTES)
		engine_note(w, w->tasks, "typed while a program computed: where in it, the trace can't say");
	y->eof = !n;
	buf_put(&y->in, p, n);
	must_mem(!y->in.failed);
	return true;
}

/* Without waiting. */
static bool take(struct world *w, struct tty *y, unsigned when)
{
	struct pollfd p = { .fd = y->from, .events = POLLIN };
	char b[TAKE];
	ssize_t n;

	if (take_size(w, y, when))
		return true;
	if (y->eof || (when & INPUT_RUNNING && y->in.n >= AHEAD) || poll(&p, 1, 0) <= 0)
		return false;
	n = read(p.fd, b, sizeof b);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	return keys_are(w, y, b, n < 0 ? 0 : (size_t) n, when);
}

/* Replay: what came at this place. */
static bool take_due(struct world *w, struct tty *y, unsigned when)
{
	const struct tty_due *d = &y->due[y->next_due];
	own_buf b = { 0 };
	uint32_t which;

	if (y->next_due == y->n_due || d->event != w->nevents || w->now - w->start < d->vtime ||
		(d->which & INPUT_RUNNING) != (when & INPUT_RUNNING))
		return false;
	y->next_due++;
	which = d->which & INPUT_SIZE;
	when = d->which & (INPUT_RUNNING | INPUT_COMPUTES);
	if (world_input_bytes(w, w->tasks, &b) < 0 || !buf_cstr(&b))
		return false;
	return which == INPUT_SIZE ? size_is(w, y, (char *) b.p, b.n, when)
				   : keys_are(w, y, b.p, b.n, when);
}

static void look(struct world *w, struct tty *y)
{
	unsigned when;

	if ((w->nevents == y->looked && !y->soon) || y->master < 0 || !w->tasks)
		return;
	if (w->nevents != y->looked)
		y->skipped++;
	y->looked = w->nevents;
	when = INPUT_RUNNING | (y->soon ? INPUT_COMPUTES : 0);
	if (w->expect ? take_due(w, y, when)
		      : (y->soon || y->skipped % LOOK_EVERY == 0) && take(w, y, when))
		pump(w, y);
	y->soon = false;
}

void tty_look(struct world *w)
{
	for (struct tty *y = w->tty; y; y = y->next)
		look(w, y);
}

void tty_soon(struct world *w)
{
	for (struct tty *y = w->tty; y; y = y->next)
		y->soon = true;
}

static bool has_reader(struct world *w, const struct tty *y)
{
	for (struct task *t = w->tasks; t; t = t->next)
		if (t->state == T_BLOCKED && t->c.wait.kind == W_INPUT &&
			t->c.wait.key1 == NO_INPUT && t->c.wait.mask == y->nr)
			return true;
	return false;
}

/* Real time had passed before it came. */
static void come_to_due(struct world *w, const struct tty *y)
{
	const struct tty_due *d = &y->due[y->next_due];

	if (y->next_due < y->n_due && d->event == w->nevents && !(d->which & INPUT_RUNNING) &&
		w->now - w->start < d->vtime)
		w->now = w->start + d->vtime;
}

static bool idle(struct world *w, struct tty *y)
{
	uint64_t turn = w->turn;

	if (y->master < 0)
		return false;
	pump(w, y);
	if (w->turn != turn)
		return true;
	if (w->expect)
		come_to_due(w, y);
	if (w->expect ? take_due(w, y, 0) : take(w, y, 0)) {
		pump(w, y);
		return true;
	}
	if (y->eof && has_reader(w, y)) {
		type_end(w, y);
		return true;
	}
	return false;
}

bool tty_idle(struct world *w)
{
	for (struct tty *y = w->tty; y; y = y->next)
		if (idle(w, y))
			return true;
	return false;
}

size_t tty_outside(struct world *w, struct pollfd *p)
{
	size_t n = 0;

	for (struct tty *y = w->tty; y; y = y->next) {
		if (y->eof || y->master < 0)
			continue;
		if (p)
			p[n] = (struct pollfd) { y->from, POLLIN, 0 };
		n++;
	}
	return n;
}

/* ---- life ---- */

/* Replay: the places of all inputs. */
static int find_due(struct world *w, struct tty *y, struct err *e)
{
	struct event ev;
	int r = trace_seek(w->expect, 0, e);

	for (uint64_t i = 0; !r && (r = trace_next(w->expect, &ev, e)) > 0; i++) {
		struct tty_due *p;

		r = 0;
		if (ev.kind != EV_INPUT || ev.nr >> INPUT_WHOSE != y->nr ||
			ev.nr & (INPUT_EXEC | INPUT_KILL))
			continue;
		p = realloc(y->due, (y->n_due + 1) * sizeof *p);
		must_mem(p);
		y->due = p;
		p[y->n_due++] = (struct tty_due) { i, ev.vtime, ev.nr };
	}
	return r < 0 ? r : trace_seek(w->expect, w->nevents, e);
}

static void first_size(struct world *w, struct tty *y, unsigned rows, unsigned cols)
{
	const int fds[] = { y->from, y->to, y->nr ? -1 : w->o->stdio[2] };
	bool given = rows && cols;

	set_size(w, y, given ? rows : 24, given ? cols : 80);
	for (size_t i = 0; i < ARRAY_LEN(fds) && y->outside < 0 && !w->o->strict; i++)
		if (ioctl(fds[i], TIOCGWINSZ, &y->size) == 0)
			y->outside = fds[i];
	if (w->expect) {
		take_due(w, y, 0);
	} else if (!given) {
		y->size = (struct winsize) { .ws_row = 24, .ws_col = 80 };
		take_size(w, y, 0);
	}
}

static int start(struct world *w, struct tty *y, struct err *e)
{
	struct stat st;
	int r = open_slave(y);

	if (!r && (fcntl(y->master, F_SETFL, O_RDWR | O_NONBLOCK) < 0 || fstat(y->slave, &st) < 0))
		r = -errno;
	if (r < 0)
		return fail(e, r, "open the container's terminal");
	y->dev = st.st_dev;
	y->rdev = st.st_rdev;
	return w->expect ? find_due(w, y, e) : 0;
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
		first_size(w, y, w->o->rows, w->o->cols);
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
		first_size(w, y, n->rows, n->cols);
	return r;
}

static void tty_free(struct world *w, struct tty *y)
{
	if (y->master >= 0) {
		drain(w, y);
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
		drain(c->w, y);
		any = true;
	}
	if (!any)
		return;
	signals_sent(c->w, NULL); /* SIGTTIN, SIGTTOU, SIGWINCH go to groups */
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
	if (t.c_lflag & ICANON || t.c_cc[VMIN])
		return wait_input(c, y, NO_DEADLINE, RESTARTSYS);
	if (!t.c_cc[VTIME])
		return run_now(c, io->fd, flags);
	if (!c->again)
		c->scratch[0] = c->w->now + t.c_cc[VTIME] * (uint64_t) TENTH_NS;
	return wait_input(c, y, c->scratch[0], RESTARTSYS);
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
			drain(c->w, y);
	}
	r = r < 0 ? -errno : r;
	nb_end(io->fd, flags);
	c->scratch[0] = done;
	if (r == -EAGAIN && !(flags & O_NONBLOCK)) /* it was told to stop */
		return wait_input(c, y, NO_DEADLINE, done ? (int) done : RESTARTSYS);
	return r < 0 && !done ? r : (long) done;
}
