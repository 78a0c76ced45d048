/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/netdev.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "runtime/base/buf.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { MSG_MAX = 32768 };

static bool is_name(const char *n)
{
	if (!*n || strlen(n) >= IFNAMSIZ || !strcmp(n, ".") || !strcmp(n, ".."))
		return false;
	return !n[strcspn(n, "/: \t\n\r\f\v%")];
}

int netdev_check(const struct spec_linux *l, struct err *e)
{
	for (size_t i = 0; i < l->n_net_devices; i++) {
		const struct spec_kv *d = &l->net_devices[i];

		if (!is_name(d->key) || !is_name(d->value))
			return fail_msg(e, EINVAL, "linux.netDevices: invalid name of an interface \"%.40s\"",
				is_name(d->key) ? d->value : d->key);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(l->net_devices[k].value, d->value))
				return fail_msg(e, EINVAL, "linux.netDevices: two interfaces become %s",
					d->value);
	}
	return 0;
}

/* --- messages ---------------------------------------------------------------------------- */

struct msg {
	struct nlmsghdr h;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
	};
	char attrs[512];
};

static struct msg msg_new(int type, int flags, size_t body)
{
	struct msg m = { .h = { .nlmsg_len = (uint32_t) NLMSG_LENGTH(body),
				 .nlmsg_type = (uint16_t) type,
				 .nlmsg_flags = (uint16_t) (NLM_F_REQUEST | flags) } };

	return m;
}

static void msg_attr(struct msg *m, int type, const void *p, size_t n)
{
	size_t at = NLMSG_ALIGN(m->h.nlmsg_len);
	struct rtattr *a = (struct rtattr *) ((char *) m + at);

	must(at + RTA_SPACE(n) <= sizeof *m);
	*a = (struct rtattr) { .rta_len = (uint16_t) RTA_LENGTH(n), .rta_type = (uint16_t) type };
	memcpy(RTA_DATA(a), p, n);
	m->h.nlmsg_len = (uint32_t) (at + RTA_LENGTH(n));
}

static int nl_open(struct err *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? fail(e, errno, "open a netlink socket") : fd;
}

/* The kernel's answer to a request that is acknowledged: 0 or -errno. */
static int nl_ask(int fd, struct msg *m)
{
	char reply[4096];
	const struct nlmsghdr *h = (struct nlmsghdr *) reply;
	ssize_t n;

	m->h.nlmsg_flags |= NLM_F_ACK;
	if (send(fd, m, m->h.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, reply, sizeof reply, 0);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(h, n) || h->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return ((const struct nlmsgerr *) NLMSG_DATA(h))->error;
}

/* --- addresses --------------------------------------------------------------------------- */

struct addr {
	struct ifaddrmsg m;
	uint32_t flags;
	uint8_t local[16], peer[16], broadcast[4];
	bool has_local, has_peer, has_broadcast;
};

static size_t addr_len(const struct addr *a)
{
	return a->m.ifa_family == AF_INET ? 4 : 16;
}

static void addr_attr(struct addr *a, const struct rtattr *t)
{
	size_t n = RTA_PAYLOAD(t);

	if (t->rta_type == IFA_FLAGS && n == sizeof a->flags) {
		memcpy(&a->flags, RTA_DATA(t), n);
	} else if (t->rta_type == IFA_LOCAL && n == addr_len(a)) {
		a->has_local = true;
		memcpy(a->local, RTA_DATA(t), n);
	} else if (t->rta_type == IFA_ADDRESS && n == addr_len(a)) {
		a->has_peer = true;
		memcpy(a->peer, RTA_DATA(t), n);
	} else if (t->rta_type == IFA_BROADCAST && n == sizeof a->broadcast) {
		a->has_broadcast = true;
		memcpy(a->broadcast, RTA_DATA(t), n);
	}
}

/* The permanent global ones: the others the kernel makes anew. */
static void addr_take(const struct nlmsghdr *h, unsigned index, struct buf *list)
{
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	struct addr a = { .m = *m, .flags = m->ifa_flags };
	int left = (int) IFA_PAYLOAD(h);

	if (m->ifa_index != index || (m->ifa_family != AF_INET && m->ifa_family != AF_INET6))
		return;
	for (const struct rtattr *t = IFA_RTA(m); RTA_OK(t, left); t = RTA_NEXT(t, left))
		addr_attr(&a, t);
	if (m->ifa_scope == RT_SCOPE_UNIVERSE && a.flags & IFA_F_PERMANENT && a.has_peer)
		buf_put(list, &a, sizeof a);
}

static int addrs_get(int fd, unsigned index, struct buf *list)
{
	struct msg m = msg_new(RTM_GETADDR, NLM_F_DUMP, sizeof m.addr);
	own_free char *reply = malloc(MSG_MAX);

	if (!reply)
		return -ENOMEM;
	if (send(fd, &m, m.h.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t got = recv(fd, reply, MSG_MAX, 0);
		size_t n = (size_t) got;

		if (got < 0)
			return -errno;
		for (const struct nlmsghdr *h = (void *) reply; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return list->failed ? -ENOMEM : 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *) NLMSG_DATA(h))->error;
			if (h->nlmsg_type == RTM_NEWADDR)
				addr_take(h, index, list);
		}
	}
}

static int addr_set(int fd, const struct addr *a, unsigned index)
{
	struct msg m = msg_new(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof m.addr);

	m.addr = a->m;
	m.addr.ifa_index = index;
	msg_attr(&m, IFA_ADDRESS, a->peer, addr_len(a));
	if (a->has_local)
		msg_attr(&m, IFA_LOCAL, a->local, addr_len(a));
	if (a->has_broadcast)
		msg_attr(&m, IFA_BROADCAST, a->broadcast, sizeof a->broadcast);
	return nl_ask(fd, &m);
}

/* --- one interface ----------------------------------------------------------------------- */

/* A device of its own from here on: what the move takes away is what it was given here. */
static int move(int nl, int netns, const struct spec_kv *d, struct buf *addrs, struct err *e)
{
	struct msg m = msg_new(RTM_NEWLINK, 0, sizeof m.link);
	unsigned index = if_nametoindex(d->key);
	int r;

	if (!index)
		return fail(e, errno, "linux.netDevices: interface %s", d->key);
	r = addrs_get(nl, index, addrs);
	if (r < 0)
		return fail(e, r, "linux.netDevices: read the addresses of %s", d->key);
	m.link.ifi_index = (int) index;
	msg_attr(&m, IFLA_NET_NS_FD, &netns, sizeof netns);
	msg_attr(&m, IFLA_IFNAME, d->value, strlen(d->value) + 1);
	r = nl_ask(nl, &m);
	return r < 0 ? fail(e, r, "linux.netDevices: move %s into the container as %s", d->key, d->value)
		     : 0;
}

/* In the container's network namespace. */
static int set_up(int nl, const struct spec_kv *d, const struct buf *addrs, struct err *e)
{
	struct msg m = msg_new(RTM_NEWLINK, 0, sizeof m.link);
	const struct addr *a = (const struct addr *) addrs->p;
	unsigned index = if_nametoindex(d->value);
	int r = index ? 0 : -errno;

	for (size_t i = 0; i < addrs->n / sizeof *a && !r; i++)
		r = addr_set(nl, &a[i], index);
	m.link.ifi_index = (int) index;
	m.link.ifi_flags = m.link.ifi_change = IFF_UP;
	if (!r)
		r = nl_ask(nl, &m);
	return r < 0 ? fail(e, r, "linux.netDevices: set %s up in the container", d->value) : 0;
}

/* In a process of its own, which may go where the container is. */
static int move_all(const struct spec_linux *l, int netns, struct err *e)
{
	own_free struct buf *addrs = calloc(l->n_net_devices, sizeof *addrs);
	own_fd here = nl_open(e), there = -1;
	int r = here < 0 ? here : addrs ? 0 : fail(e, ENOMEM, "linux.netDevices");

	for (size_t i = 0; i < l->n_net_devices && !r; i++)
		r = move(here, netns, &l->net_devices[i], &addrs[i], e);
	if (!r && setns(netns, CLONE_NEWNET) < 0)
		r = fail(e, errno, "linux.netDevices: enter the container's network");
	if (r < 0)
		return r;
	there = nl_open(e);
	r = there < 0 ? there : 0;
	for (size_t i = 0; i < l->n_net_devices && !r; i++)
		r = set_up(there, &l->net_devices[i], &addrs[i], e);
	return r;
}

int netdev_move(const struct spec_linux *l, pid_t pid, struct err *e)
{
	const char *given = l->ns[SPEC_NS_NET].path; /* init may not have joined it yet */
	own_fd netns = -1, in = -1, out = -1;
	struct err told = ERR_INIT;
	char path[64];
	int p[2], r;
	pid_t child;

	if (!l->n_net_devices)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
	netns = open(given ? given : path, O_RDONLY | O_CLOEXEC);
	if (netns < 0 || pipe2(p, O_CLOEXEC) < 0)
		return fail(e, errno, "linux.netDevices: open %s", given ? given : path);
	in = p[0], out = p[1];
	child = fork();
	if (child < 0)
		return fail(e, errno, "fork");
	if (!child) {
		if (move_all(l, netns, &told) < 0)
			(void) !write_full(out, &told, sizeof told);
		_exit(told.code != 0);
	}
	close(take_fd(&out));
	r = read_full(in, &told, sizeof told) == sizeof told ? -told.code : 0;
	waitpid(child, NULL, 0);
	return r < 0 ? fail_msg(e, r, "%s", told.msg) : 0;
}

/* --- loopback ---------------------------------------------------------------------------- */

enum { RTO_MS = 120000 }; /* the longest that the kernel knows */

struct dest {
	int family;
	uint8_t addr[16];
	unsigned bits;
};

static struct msg route_msg(int type, int flags, const struct dest *d, unsigned index)
{
	struct msg m = msg_new(type, flags, sizeof m.route);

	m.route = (struct rtmsg) { .rtm_family = (uint8_t) d->family, .rtm_dst_len = (uint8_t) d->bits,
		.rtm_table = RT_TABLE_LOCAL, .rtm_protocol = RTPROT_KERNEL,
		.rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL };
	msg_attr(&m, RTA_DST, d->addr, d->family == AF_INET ? 4 : 16);
	msg_attr(&m, RTA_OIF, &index, sizeof index);
	return m;
}

#define METRIC(type, value) { { .rta_len = 8, .rta_type = type }, value }

static int patient_route(int nl, int flags, const struct dest *d, unsigned index)
{
	static const struct { struct rtattr a; uint32_t value; } metrics[] = {
		METRIC(RTAX_LOCK, 1u << RTAX_RTO_MIN),
		METRIC(RTAX_RTO_MIN, RTO_MS),
		METRIC(RTAX_QUICKACK, 1),
	};
	struct msg m = route_msg(RTM_NEWROUTE, flags, d, index);
	uint32_t from = htonl(INADDR_LOOPBACK);

	if (d->family == AF_INET)
		msg_attr(&m, RTA_PREFSRC, &from, sizeof from);
	msg_attr(&m, RTA_METRICS, metrics, sizeof metrics);
	return nl_ask(nl, &m);
}

/* The kernel's own route can't be replaced: its priority is one that it gives to nobody else. */
static int patient_route6(int nl, unsigned index)
{
	const struct dest d = { AF_INET6, { [15] = 1 }, 128 };
	struct msg del = route_msg(RTM_DELROUTE, 0, &d, index);

	if (nl_ask(nl, &del) < 0)
		return 0; /* a host without IPv6, or none for this network */
	return patient_route(nl, NLM_F_CREATE, &d, index);
}

int netdev_patient_loopback(struct err *e)
{
	const struct dest one = { AF_INET, { 127, 0, 0, 1 }, 32 }, all = { AF_INET, { 127 }, 8 };
	own_fd nl = nl_open(e);
	unsigned index = if_nametoindex("lo");
	int r = nl < 0 ? nl : index ? 0 : fail(e, errno, "look at the loopback interface");

	if (r < 0)
		return r;
	r = patient_route(nl, NLM_F_REPLACE, &one, index);
	if (!r)
		r = patient_route(nl, NLM_F_REPLACE, &all, index);
	if (!r)
		r = patient_route6(nl, index);
	return r < 0 ? fail(e, r, "set the loopback interface's routes") : 0;
}
