/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor at the master of a pty: what the guest shows, and what is typed.
 *
 * The kernel moves bytes between the two ends of a pty in a worker of its own. Two things wait for
 * that worker: a read of an end that has nothing to read, and a poll of one. So that nothing
 * depends on its speed, bytes are typed only when the guest's end has nothing to read, at most a
 * line (or one key that makes a signal) at a time, and then that end is polled.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "shim/sys/tty_impl.h"

enum {
	UNIT = 256,
	WRITE = 4096,
	ENDS = 64, /* how often the end is typed, before the terminal is hung up */
};

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

void tty_drain(struct world *w, struct tty *y)
{
	char b[WRITE];
	ssize_t n;

	while ((n = read(y->master, b, sizeof b)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			put_outside(w, y, b, (size_t) n);
}

/* ---- typing ---- */

int tty_open_slave(struct tty *y)
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
		if (tty_open_slave(y) < 0)
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
	tty_drain(w, y);
	signals_sent(w, NULL);
	collect_continued(w);
	w->turn++; /* who waits for a descriptor may find it ready */
}

void tty_pump_one(struct world *w, struct tty *y)
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
		tty_pump_one(w, y);
}

static void hang_up(struct world *w, struct tty *y)
{
	tty_drain(w, y);
	close(y->slave);
	close(y->master);
	y->slave = y->master = -1;
	signals_sent(w, NULL);
	collect_continued(w);
	w->turn++;
}

void tty_type_end(struct world *w, struct tty *y)
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
