/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many tasks may wait for their descriptors, and at each turn only few of these can have changed. Who
 * was tried in vain a few times is watched by an epoll, and not tried again before that has news. It
 * holds nothing open: what it watches leaves it with the guest's last descriptor (epoll(7), "Questions
 * and answers"). News are for an inode; to try in vain does no harm.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "shim/sys/io.h"

enum { TRIES = 4, AT_ONCE = 64 };

/* Pipes and sockets that only the inside can write to. */
static uint64_t watch(struct world *w, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLONESHOT };
	struct io_state *io = io_of(w);
	struct stat st;

	if (w->o->network || w->o->live || fstat(fd, &st) < 0 ||
		!(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return 0;
	if (io->watch < 0)
		io->watch = epoll_create1(EPOLL_CLOEXEC);
	ev.data.u64 = st.st_ino;
	if (epoll_ctl(io->watch, EPOLL_CTL_ADD, fd, &ev) == 0 ||
		(errno == EEXIST && epoll_ctl(io->watch, EPOLL_CTL_MOD, fd, &ev) == 0))
		return st.st_ino;
	return 0;
}

long io_wait_read(struct call *c, int fd, uint64_t deadline)
{
	return call_block(c, (struct wait) { .kind = W_IO, .deadline = deadline,
		.intr = deadline == NO_DEADLINE ? RESTARTSYS : -EINTR,
		.watched = c->tries < TRIES ? 0 : watch(c->w, fd) });
}

static bool is_watched(const struct task *t)
{
	return t->state == T_BLOCKED && t->c.wait.kind == W_IO && t->c.wait.watched;
}

static void tell(struct world *w, uint64_t ino)
{
	for (struct task *t = w->tasks; t; t = t->next)
		if (is_watched(t) && t->c.wait.watched == ino)
			t->c.wait.news = true;
}

void watch_look(struct world *w)
{
	struct epoll_event ev[AT_ONCE];
	int n;

	if (!w->io || w->io->watch < 0)
		return;
	do {
		n = epoll_wait(w->io->watch, ev, AT_ONCE, 0);
		for (int i = 0; i < n; i++)
			tell(w, ev[i].data.u64);
	} while (n == AT_ONCE);
}

bool watch_doubt(struct world *w)
{
	bool any = false;

	if (!w->io || w->io->watch < 0 || w->io->doubted == w->spin.runs)
		return false;
	w->io->doubted = w->spin.runs;
	for (struct task *t = w->tasks; t; t = t->next)
		if (is_watched(t))
			any = t->c.wait.news = true;
	w->turn += any;
	return any;
}
