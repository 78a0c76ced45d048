/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NETLINK_ROUTE of a network of the container's own: one interface, lo, with the two addresses it
 * always has. What the kernel says of it (statistics, times, attributes that newer kernels add) is
 * not fixed, so the supervisor answers. The socket is a local one that sends to itself: answers lie
 * in its own queue, and waiting for them needs nothing special.
 *
 * NETLINK_KOBJECT_UEVENT, of any network: no device comes or goes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "runtime/base/own.h"
#include "shim/sys/net.h"

enum {
	LO_INDEX = 1,
	LO_MTU = 65536,
	LO_FLAGS = IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP,
	LO_QUEUE = 1000,
	TYPE_MASK = 0xf,
	PROTOCOL_DIGITS = 2,
	PORT_DIGITS = 8,
	REQUEST_MAX = 65536,
	ANSWER_MAX = 4096,
	STATS = 24,
};

static const char own_name[] = "detrun netlink "; /* abstract; its protocol and port follow */

/* ---- the socket ---- */

bool netlink_ours(const struct call *c)
{
	int type = (int) c->a[1] & TYPE_MASK, protocol = (int) c->a[2];

	if ((int) c->a[0] != AF_NETLINK || (type != SOCK_RAW && type != SOCK_DGRAM))
		return false;
	return protocol == NETLINK_KOBJECT_UEVENT || (protocol == NETLINK_ROUTE && !c->w->o->network);
}

long netlink_socket_enter(struct call *c)
{
	call_karg(c, 0, AF_UNIX);
	call_karg(c, 1, SOCK_DGRAM | (c->a[1] & ~(uint64_t) TYPE_MASK));
	call_karg(c, 2, 0);
	return call_run_leave(c);
}

static int bind_port(int fd, unsigned protocol, uint32_t port)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "%s%02x%08x", own_name, protocol, port);

	return bind(fd, (struct sockaddr *) &a, (socklen_t) (sizeof a.sun_family + 1 + (size_t) n));
}

/* The process's number, if no socket has it; else, as the kernel does it, some that no process has. */
void netlink_made(struct call *c, int fd)
{
	struct io_state *io = io_of(c->w);
	struct task *leader = task_find(c->w, c->t->proc->pid);
	uint32_t port = leader ? (uint32_t) task_vtid(leader) : 0;

	io->netlink = true;
	while (bind_port(fd, (unsigned) c->a[2], port) < 0 && errno == EADDRINUSE)
		port = UINT32_MAX - 4096 - io->next_netlink++;
}

struct own {
	unsigned protocol;
	uint32_t port;
	struct sockaddr_un a; /* what it really is */
	socklen_t n;
};

/* Is @fd one of ours? */
static bool own(const struct io_state *io, int fd, struct own *ret)
{
	struct sockaddr_un *a = &ret->a;
	char text[PROTOCOL_DIGITS + PORT_DIGITS + 1] = "";

	ret->n = sizeof *a;
	if (!io->netlink || getsockname(fd, (struct sockaddr *) a, &ret->n) < 0 ||
		a->sun_family != AF_UNIX ||
		ret->n != sizeof a->sun_family + sizeof own_name + sizeof text - 1 || a->sun_path[0] ||
		memcmp(a->sun_path + 1, own_name, sizeof own_name - 1) != 0)
		return false;
	memcpy(text, a->sun_path + sizeof own_name, sizeof text - 1);
	return sscanf(text, "%2x%8x", &ret->protocol, &ret->port) == 2;
}

bool netlink_is(struct world *w, int fd, struct sockaddr_nl *ret)
{
	struct own o;

	if (!own(io_of(w), fd, &o))
		return false;
	*ret = (struct sockaddr_nl){ .nl_family = AF_NETLINK, .nl_pid = o.port };
	return true;
}

/* ---- answers ---- */

struct answer {
	uint8_t p[ANSWER_MAX];
	size_t n;
	struct nlmsghdr *msg; /* the one being made */
	uint32_t seq, port;
};

static void *put(struct answer *a, const void *p, size_t n)
{
	uint8_t *at = a->p + a->n;
	size_t room = NLMSG_ALIGN(n);

	must(room <= sizeof a->p - a->n);
	memset(at, 0, room);
	if (p)
		memcpy(at, p, n);
	a->n += room;
	if (a->msg)
		a->msg->nlmsg_len = (uint32_t) (a->p + a->n - (uint8_t *) a->msg);
	return at;
}

static void begin(struct answer *a, uint16_t type, uint16_t flags, const void *body, size_t n)
{
	struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = a->seq,
		.nlmsg_pid = a->port };

	a->msg = NULL;
	a->msg = put(a, &h, sizeof h);
	put(a, body, n);
}

static void attr(struct answer *a, uint16_t type, const void *p, size_t n)
{
	struct rtattr h = { .rta_len = (uint16_t) RTA_LENGTH(n), .rta_type = type };

	put(a, &h, sizeof h);
	put(a, p, n);
}

static void attr_u32(struct answer *a, uint16_t type, uint32_t v)
{
	attr(a, type, &v, sizeof v);
}

static void put_link(struct answer *a, uint16_t flags)
{
	struct ifinfomsg m = { .ifi_family = AF_UNSPEC, .ifi_type = ARPHRD_LOOPBACK,
		.ifi_index = LO_INDEX, .ifi_flags = LO_FLAGS };
	uint64_t stats[STATS] = { 0 };

	begin(a, RTM_NEWLINK, flags, &m, sizeof m);
	attr(a, IFLA_IFNAME, "lo", 3);
	attr_u32(a, IFLA_TXQLEN, LO_QUEUE);
	attr(a, IFLA_OPERSTATE, "", 1);
	attr(a, IFLA_LINKMODE, "", 1);
	attr_u32(a, IFLA_MTU, LO_MTU);
	attr_u32(a, IFLA_GROUP, 0);
	attr_u32(a, IFLA_PROMISCUITY, 0);
	attr_u32(a, IFLA_NUM_TX_QUEUES, 1);
	attr_u32(a, IFLA_NUM_RX_QUEUES, 1);
	attr(a, IFLA_CARRIER, "\1", 1);
	attr(a, IFLA_QDISC, "noqueue", 8);
	attr(a, IFLA_ADDRESS, stats, 6);
	attr(a, IFLA_BROADCAST, stats, 6);
	attr(a, IFLA_STATS64, stats, sizeof stats);
	attr(a, IFLA_STATS, stats, sizeof stats / 2);
}

static void put_addr(struct answer *a, uint8_t family)
{
	struct ifa_cacheinfo forever = { .ifa_prefered = UINT32_MAX, .ifa_valid = UINT32_MAX };
	uint32_t v4 = htonl(INADDR_LOOPBACK);
	bool is4 = family == AF_INET;
	struct ifaddrmsg m = { .ifa_family = family, .ifa_prefixlen = is4 ? 8 : 128,
		.ifa_flags = IFA_F_PERMANENT, .ifa_scope = RT_SCOPE_HOST, .ifa_index = LO_INDEX };

	begin(a, RTM_NEWADDR, NLM_F_MULTI, &m, sizeof m);
	if (is4) {
		attr(a, IFA_ADDRESS, &v4, sizeof v4);
		attr(a, IFA_LOCAL, &v4, sizeof v4);
		attr(a, IFA_LABEL, "lo", 3);
	} else {
		attr(a, IFA_ADDRESS, &in6addr_loopback, sizeof in6addr_loopback);
	}
	attr(a, IFA_CACHEINFO, &forever, sizeof forever);
	attr_u32(a, IFA_FLAGS, IFA_F_PERMANENT);
}

static void put_error(struct answer *a, const struct nlmsghdr *h, int err)
{
	struct nlmsgerr m = { .error = err, .msg = *h };

	begin(a, NLMSG_ERROR, 0, &m, sizeof m);
}

/* ---- requests ---- */

/* Is it lo that is asked for: by its number, or by its name? */
static bool asks_lo(const struct nlmsghdr *h)
{
	const struct ifinfomsg *m = NLMSG_DATA(h);
	const struct rtattr *a = IFLA_RTA(m);
	long left = (long) h->nlmsg_len - (long) NLMSG_LENGTH(sizeof *m);

	if (left < 0)
		return false;
	if (m->ifi_index)
		return m->ifi_index == LO_INDEX;
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_IFNAME || a->rta_type == IFLA_ALT_IFNAME)
			return RTA_PAYLOAD(a) >= 2 && strncmp(RTA_DATA(a), "lo", RTA_PAYLOAD(a)) == 0;
	return false;
}

/* All there is of a kind. Of most kinds there is nothing. */
static void dump(struct answer *a, const struct nlmsghdr *h)
{
	uint8_t family = h->nlmsg_len > NLMSG_HDRLEN ? *(const uint8_t *) NLMSG_DATA(h) : 0;
	int none = 0;

	if (h->nlmsg_type == RTM_GETLINK)
		put_link(a, NLM_F_MULTI);
	if (h->nlmsg_type == RTM_GETADDR && (family == AF_UNSPEC || family == AF_INET))
		put_addr(a, AF_INET);
	if (h->nlmsg_type == RTM_GETADDR && (family == AF_UNSPEC || family == AF_INET6))
		put_addr(a, AF_INET6);
	begin(a, NLMSG_DONE, NLM_F_MULTI, &none, sizeof none);
}

static bool is_get(uint16_t type)
{
	return type >= RTM_BASE && type % 4 == RTM_GETLINK % 4;
}

static void answer_one(struct answer *a, const struct nlmsghdr *h)
{
	int err = 0;

	if (!(h->nlmsg_flags & NLM_F_REQUEST))
		return;
	if (is_get(h->nlmsg_type) && h->nlmsg_flags & NLM_F_DUMP) {
		dump(a, h);
		return;
	}
	if (h->nlmsg_type == RTM_GETLINK)
		err = asks_lo(h) ? 0 : -ENODEV;
	else if (is_get(h->nlmsg_type))
		err = -EOPNOTSUPP;
	else if (h->nlmsg_type >= RTM_BASE)
		err = -EPERM;
	if (!err && h->nlmsg_type == RTM_GETLINK)
		put_link(a, 0);
	if (err || h->nlmsg_flags & NLM_F_ACK)
		put_error(a, h, err);
}

long netlink_send(struct call *c, int fd, const struct xfer *x)
{
	const uint8_t *p;
	struct own o;

	if (!own(io_of(c->w), fd, &o))
		return -EOPNOTSUPP;
	if (o.protocol != NETLINK_ROUTE)
		return -ECONNREFUSED; /* nobody listens */
	if (x->total > REQUEST_MAX)
		return -EMSGSIZE;
	p = xfer_in(c, x, x->total);
	if (!p)
		return -EFAULT;
	for (size_t at = 0; x->total - at >= NLMSG_HDRLEN;) {
		const struct nlmsghdr *h = (const void *) (p + at);
		struct answer a = { .seq = h->nlmsg_seq, .port = o.port };

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > x->total - at)
			break;
		answer_one(&a, h);
		if (a.n && sendto(fd, a.p, a.n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *) &o.a, o.n) < 0)
			return errno == EAGAIN ? -ENOBUFS : -errno;
		if (NLMSG_ALIGN(h->nlmsg_len) > x->total - at)
			break;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	c->w->turn++;
	return (long) x->total;
}
