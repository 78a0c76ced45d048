/* SPDX-License-Identifier: Apache-2.0 */
/*
 * News of sockets that the outside can reach, while all tasks wait. An epoll that reports changes
 * alone (EPOLLET) knows them all; it holds none open, so that each leaves it with the guest's last
 * descriptor of it (epoll(7), "Questions and answers").
 */
#include <sys/epoll.h>
#include <unistd.h>

#include "shim/sys/net.h"

enum { AT_ONCE = 64 };

void net_watch(struct world *w, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET };
	struct io_state *io = io_of(w);

	if (!w->o->network || w->expect)
		return;
	if (io->sockets < 0)
		io->sockets = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(io->sockets, EPOLL_CTL_ADD, fd, &ev); /* who isn't in it is looked at each second */
}

int net_outside(struct world *w)
{
	return w->io ? w->io->sockets : -1;
}

void net_heard(struct world *w)
{
	struct epoll_event ev[AT_ONCE];

	while (epoll_wait(w->io->sockets, ev, AT_ONCE, 0) == AT_ONCE)
		;
}
