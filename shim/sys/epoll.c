/* SPDX-License-Identifier: Apache-2.0 */
/* epoll: the sets are the kernel's, looked at through duplicates without waiting. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"
#include "shim/sys/look.h"
#include "shim/sys/tty.h"

/* ---- signalfds ---- */

/*
 * Whether one is ready depends on whose signals are looked at, and the sets are looked at by us. So
 * an eventfd of ours is in the set for it, one for each number that the guest has for a signalfd;
 * it is made as ready as the signalfd of that number is for the task that waits.
 */
struct signal_set {
	int guest_fd, event;
	bool shown;
	struct signal_set *next;
};

static struct signal_set *signal_set(struct world *w, int guest_fd)
{
	struct io_state *io = io_of(w);
	struct signal_set *s = io->signal_sets;

	while (s && s->guest_fd != guest_fd)
		s = s->next;
	if (s)
		return s;
	s = calloc(1, sizeof *s);
	must(s);
	*s = (struct signal_set){ guest_fd, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), false,
		io->signal_sets };
	io->signal_sets = s;
	return s;
}

static void signal_show(struct call *c, struct signal_set *s)
{
	bool ready = signalfd_pending(c, s->guest_fd);
	uint64_t n = 1;

	if (ready != s->shown &&
		(ready ? write(s->event, &n, sizeof n) : read(s->event, &n, sizeof n)) == sizeof n)
		s->shown = ready;
}

static void signals_show(struct call *c)
{
	for (struct signal_set *s = io_of(c->w)->signal_sets; s; s = s->next)
		signal_show(c, s);
}

/* The kernel forgets a signalfd that was closed; ours is still there when the number comes again. */
static long signal_ctl(struct call *c)
{
	own_fd set = call_getfd(c, (int) c->a[0]);
	struct epoll_event ev = { 0 };
	struct signal_set *s;
	int op = (int) c->a[1], r;

	if (set < 0)
		return set;
	if (op != EPOLL_CTL_DEL && in_at(c, c->a[3], &ev, sizeof ev) < 0)
		return -EFAULT;
	s = signal_set(c->w, (int) c->a[2]);
	r = epoll_ctl(set, op, s->event, &ev);
	if (r < 0 && op == EPOLL_CTL_ADD && errno == EEXIST)
		r = epoll_ctl(set, EPOLL_CTL_MOD, s->event, &ev);
	return r < 0 ? -errno : 0;
}

/* ---- sets ---- */

static bool is_mounts(struct call *c)
{
	char name[PATH_MAX];

	return procfs_fd_name(c, (int) c->a[2], name) >= 0 &&
	       strcmp(name, "/memfd:" PROCFS_MOUNTS " (deleted)") == 0;
}

static long epoll_ctl_enter(struct call *c)
{
	bool add = (int) c->a[1] == EPOLL_CTL_ADD;
	own_fd fd = add || io_of(c->w)->signal_sets ? call_getfd(c, (int) c->a[2]) : -1;
	struct stat st;
	int kind = fd >= 0 ? io_kind(c, (int) c->a[2], fd, &st) : FK_OTHER;

	if (kind == FK_SIGNAL)
		return signal_ctl(c);
	if (!add)
		return call_run_leave(c);
	if (kind == FK_REG && is_mounts(c))
		return 0; /* nothing is mounted any more: no event comes */
	if (kind == FK_TTY && tty_of(c->w, fd, &st))
		io_of(c->w)->epoll_input = true;
	if (kind == FK_STDIN) {
		struct stdio *s = stdio_of(c->w, &st);

		io_of(c->w)->epoll_input = s->epoll = true;
		stdin_fill(c, s);
		stdin_sync(s, fd);
	}
	return call_run_leave(c);
}

/* Which of the inputs are in this set, only the kernel knows. The last one may be waited for. */
static struct stdio *epoll_fill(struct call *c)
{
	struct stdio *last = NULL;

	if (c->w->tty)
		tty_pump(c->w);
	for (struct stdio *s = &c->w->std; s; s = s->next)
		if (s->epoll) {
			last = s;
			if (stdin_fill(c, s))
				stdin_sync(s, -1);
		}
	return last;
}

static long epoll_look(struct call *c, uint64_t deadline)
{
	struct stdio *s;
	struct io_state *io = io_of(c->w);
	own_fd fd = call_getfd(c, (int) c->a[0]);
	int max = (int) c->a[2], n;
	struct epoll_event *ev;
	void *p;

	if (fd < 0)
		return fd;
	if (max <= 0 || (size_t) max > INT_MAX / sizeof *ev)
		return -EINVAL;
	if (max > 4096)
		max = 4096;
	s = io->epoll_input ? epoll_fill(c) : NULL;
	timerfd_fire(c->w);
	signals_show(c);
	ev = call_mem(c, (size_t) max * sizeof *ev);
	n = epoll_wait(fd, ev, max, 0);
	if (n < 0)
		return -errno;
	if (!n && !c->timed_out && deadline > c->w->now) {
		poll_wait(c, &(struct look) { .has_input = io->epoll_input, .std = s }, deadline);
		c->wait.intr = -EINTR; /* even without a handler */
		return 0;
	}
	if (!n)
		return 0;
	p = out(c, 1, (size_t) n * sizeof *ev);
	if (!p)
		return -EFAULT;
	memcpy(p, ev, (size_t) n * sizeof *ev);
	return n;
}

static long epoll_wait_enter(struct call *c)
{
	return epoll_look(c, poll_deadline_ms(c, (int) c->a[3]));
}

static long epoll_pwait_enter(struct call *c)
{
	long r = poll_mask(c, c->a[4], c->a[5]);

	return r < 0 ? r : epoll_look(c, poll_deadline_ms(c, (int) c->a[3]));
}

static long epoll_pwait2_enter(struct call *c)
{
	uint64_t deadline;
	long r = poll_deadline_at(c, c->a[3], 1, &deadline);

	if (!r)
		r = poll_mask(c, c->a[4], c->a[5]);
	return r < 0 ? r : epoll_look(c, deadline);
}

#define EVENTS OUT_RES_AS(events, 12, epoll_events)
#define WHY_EPOLL "the set is the container's own; ready ones come in the order they became so"

static const struct row rows[] = {
	{ SYS(epoll_create, 213), OBSERVE, .arg = { INT(size) }, .why = WHY_EPOLL },
	{ SYS(epoll_create1, 291), OBSERVE, .arg = { UINT(flags) }, .why = WHY_EPOLL },
	{ SYS(epoll_ctl, 233), OBSERVE, .arg = { FD(epoll), INT_OF(op, names_epoll_op), FD(fd),
	  IN_AS(event, 12, epoll_event) }, .enter = epoll_ctl_enter, .why = WHY_EPOLL },
	{ SYS(epoll_wait, 232), EMULATE, .arg = { FD(epoll), EVENTS, INT(max), INT(timeout) },
	  .enter = epoll_wait_enter, .flags = MAY_BLOCK, .why = WHY_LOOK },
	{ SYS(epoll_pwait, 281), EMULATE, .arg = { FD(epoll), EVENTS, INT(max), INT(timeout),
	  PTR(mask), UINT(size) }, .enter = epoll_pwait_enter, .flags = MAY_BLOCK, .why = WHY_LOOK },
	{ SYS(epoll_pwait2, 441), EMULATE, .arg = { FD(epoll), EVENTS, INT(max), PTR(timeout),
	  PTR(mask), UINT(size) }, .enter = epoll_pwait2_enter, .flags = MAY_BLOCK, .why = WHY_LOOK },
	{ SYS(epoll_ctl_old, 214), DENY, .why = "never existed in a release" },
	{ SYS(epoll_wait_old, 215), DENY, .why = "never existed in a release" },
};

FAMILY(epoll, "Waiting for sets of descriptors");
