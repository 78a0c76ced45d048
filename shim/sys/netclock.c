/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from outside has dates of its own: certificates and package lists are not valid yet at
 * the epoch. So the first word from there brings the time with it, as an external input with its
 * place among the events, once, and where nobody has chosen an epoch. The clock is only ever set
 * forward, and the others (CLOCK_MONOTONIC) go on as if nothing had been.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "runtime/base/own.h"
#include "shim/sys/net.h"

static bool outside4(uint32_t addr)
{
	return addr && ntohl(addr) >> 24 != IN_LOOPBACKNET;
}

/* By its address: who shares our network's loopback is taken for one of us. */
static bool is_outside(const struct sockaddr_storage *a)
{
	const struct in6_addr *in6 = &((const struct sockaddr_in6 *) a)->sin6_addr;

	if (a->ss_family == AF_INET)
		return outside4(((const struct sockaddr_in *) a)->sin_addr.s_addr);
	if (a->ss_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(in6))
		return outside4(in6->s6_addr32[3]);
	return !IN6_IS_ADDR_UNSPECIFIED(in6) && !IN6_IS_ADDR_LOOPBACK(in6);
}

static void set_to(struct call *c, uint64_t real)
{
	struct world *w = c->w;
	char text[24];
	int n = snprintf(text, sizeof text, "%llu", (unsigned long long) real);

	w->clock_set = true;
	if (real > w->now && world_input(w, c->t, INPUT_CLOCK, text, (size_t) n) == 0)
		w->ahead = real - w->now;
}

/* As in the trace, where it is there. */
static void set_again(struct call *c)
{
	own_buf b = { 0 };

	if (world_clock_next(c->w, c->t) && world_input_bytes(c->w, c->t, &b) == 0 && buf_cstr(&b))
		set_to(c, strtoull((const char *) b.p, NULL, 10));
}

void net_set_clock(struct call *c, int fd, const struct sockaddr_storage *from)
{
	struct world *w = c->w;
	struct sockaddr_storage peer = { 0 };
	socklen_t n = sizeof peer;
	struct timespec ts;

	if (w->clock_set || !w->o->network || w->o->strict || w->o->epoch_chosen)
		return;
	if (w->expect) {
		set_again(c);
		return;
	}
	if (!from && getpeername(fd, (struct sockaddr *) &peer, &n) < 0)
		return;
	if (!is_outside(from ? from : &peer))
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	set_to(c, (uint64_t) ts.tv_sec * NSEC + (uint64_t) ts.tv_nsec);
}
