/* SPDX-License-Identifier: Apache-2.0 */
/* What comes to a terminal from outside: keys and sizes, recorded at their places among the events. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/sys/tty_impl.h"

enum {
	LOOK_EVERY = 16, /* events: at the outside while tasks run */
	AHEAD = 2048,	 /* bytes taken from outside while tasks run */
	TAKE = 1024,
};

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
		tty_pump_one(w, y);
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
		sched_pass(w, w->start + d->vtime);
}

static bool idle(struct world *w, struct tty *y)
{
	uint64_t turn = w->turn;

	if (y->master < 0)
		return false;
	tty_pump_one(w, y);
	if (w->turn != turn)
		return true;
	if (w->expect)
		come_to_due(w, y);
	if (w->expect ? take_due(w, y, 0) : take(w, y, 0)) {
		tty_pump_one(w, y);
		return true;
	}
	if (y->eof && has_reader(w, y)) {
		tty_type_end(w, y);
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

/* Replay: the places of all inputs. */
int tty_find_due(struct world *w, struct tty *y, struct err *e)
{
	struct event ev;
	int r = trace_seek(w->expect, 0, e);

	for (uint64_t i = 0; !r && (r = trace_next(w->expect, &ev, e)) > 0; i++) {
		struct tty_due *p;

		r = 0;
		if (ev.kind != EV_INPUT || ev.nr >> INPUT_WHOSE != y->nr ||
			ev.nr & INPUT_NOT_STDIO)
			continue;
		p = realloc(y->due, (y->n_due + 1) * sizeof *p);
		must_mem(p);
		y->due = p;
		p[y->n_due++] = (struct tty_due) { i, ev.vtime, ev.nr };
	}
	return r < 0 ? r : trace_seek(w->expect, w->nevents, e);
}

void tty_first_size(struct world *w, struct tty *y, unsigned rows, unsigned cols)
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
