/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets: making, naming, connecting. Calls that could wait are made without waiting; ports and
 * abstract names that the kernel would choose are chosen here, one after the other.
 */
#include "shim/sys/net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"

enum {
	FIRST_PORT = 32768,
	LAST_PORT = 60999,
	SOCKET_BUFFER = 106496, /* the kernel doubles it: 212992, its usual default */
	CONNECT_MS = 2000,	/* loopback answers at once; only a loaded host takes time */
	TYPE_MASK = 0xf,
	NR_SOCKET = 41,
	NR_GETPEERNAME = 52,
	NR_SETSOCKOPT = 54,
};

int net_option(int fd, int name)
{
	int v = -1;
	socklen_t n = sizeof v;

	return getsockopt(fd, SOL_SOCKET, name, &v, &n) < 0 ? -1 : v;
}

/* ---- making ---- */

static bool known_socket(const struct call *c)
{
	int domain = (int) c->a[0], type = (int) c->a[1] & TYPE_MASK;

	/* what the kernel tells of its interfaces is its own, and of the outside, as they are */
	if (domain == AF_NETLINK)
		return c->w->o->network && !c->w->o->strict && (int) c->a[2] == NETLINK_ROUTE;
	if (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6)
		return false;
	io_of(c->w)->raw |= type == SOCK_RAW;
	if (type == SOCK_RAW) /* ping: over loopback the answer is there when the question is sent */
		return (domain == AF_INET && (int) c->a[2] == IPPROTO_ICMP) ||
		       (domain == AF_INET6 && (int) c->a[2] == IPPROTO_ICMPV6);
	return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET;
}

static long socket_enter(struct call *c)
{
	if (c->nr == NR_SOCKET && netlink_ours(c))
		return netlink_socket_enter(c);
	if ((int) c->a[1] & ~(TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK) ||
		((int) c->a[1] & TYPE_MASK) > SOCK_PACKET)
		return -EINVAL;
	if (known_socket(c))
		return call_run_leave(c);
	call_note(c, "socket of family %d, type %d refused", (int) c->a[0],
		(int) c->a[1] & TYPE_MASK);
	return (int) c->a[0] == AF_INET || (int) c->a[0] == AF_INET6 ? -EPROTONOSUPPORT
								     : -EAFNOSUPPORT;
}

/* How much fits must not depend on the host's defaults. */
static void new_socket(struct call *c, int guest_fd)
{
	own_fd fd = call_getfd(c, guest_fd);
	int size = SOCKET_BUFFER;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (!c->w->o->network)
		setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4); /* without timers; not for other sockets */
	net_watch(c->w, fd);
	if (c->w->settler < 0 && net_option(fd, SO_DOMAIN) != AF_UNIX)
		c->w->settler = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

bool net_tcp(int fd)
{
	return net_option(fd, SO_PROTOCOL) == IPPROTO_TCP;
}

/* Whoever locks any socket does what is left of the CPU's soft interrupts when he's done. */
void net_settle(struct world *w)
{
	const int size = SOCKET_BUFFER;

	if (w->settler >= 0)
		setsockopt(w->settler, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static void accepted(struct call *c)
{
	if (c->ret >= 0)
		new_socket(c, (int) c->ret);
}

static void socket_leave(struct call *c)
{
	own_fd fd = -1;

	accepted(c);
	if (c->ret < 0 || !netlink_ours(c))
		return;
	fd = call_getfd(c, (int) c->ret);
	if (fd >= 0)
		netlink_made(c, fd);
}

static void socketpair_leave(struct call *c)
{
	int fds[2];

	if (c->ret < 0 || in_at(c, c->a[3], fds, sizeof fds) < 0)
		return;
	new_socket(c, fds[0]);
	new_socket(c, fds[1]);
}

/* ---- naming ---- */

static uint32_t next_port(struct io_state *io)
{
	if (io->next_port < FIRST_PORT || io->next_port > LAST_PORT)
		io->next_port = FIRST_PORT;
	return io->next_port++;
}

static void set_port(struct sockaddr_storage *a, uint32_t port)
{
	if (a->ss_family == AF_INET)
		((struct sockaddr_in *) a)->sin_port = htons((uint16_t) port);
	else
		((struct sockaddr_in6 *) a)->sin6_port = htons((uint16_t) port);
}

static uint32_t get_port(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET ? ((const struct sockaddr_in *) a)->sin_port
					     : ((const struct sockaddr_in6 *) a)->sin6_port);
}

/* Bind to the first of our ports that is free. */
static long bind_some_port(struct call *c, int fd, struct sockaddr_storage *a, socklen_t n)
{
	for (int i = FIRST_PORT; i <= LAST_PORT; i++) {
		set_port(a, next_port(io_of(c->w)));
		if (bind(fd, (struct sockaddr *) a, n) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return -errno;
	}
	return -EADDRINUSE;
}

void net_autobind(struct call *c, int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;

	memset(&a, 0, sizeof a);
	if (getsockname(fd, (struct sockaddr *) &a, &n) < 0)
		return;
	if ((a.ss_family == AF_INET || a.ss_family == AF_INET6) && !get_port(&a))
		bind_some_port(c, fd, &a, n);
}

/* An abstract name of five digits, as the kernel would draw it at random. */
static long bind_some_name(struct call *c, int fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	for (uint32_t i = 0; i < 0xfffff; i++) {
		snprintf(a.sun_path + 1, 6, "%05x", io_of(c->w)->next_name++ & 0xfffff);
		if (bind(fd, (struct sockaddr *) &a, sizeof a.sun_family + 6) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return -errno;
	}
	return -EADDRINUSE;
}

static long bind_enter(struct call *c)
{
	socklen_t n = (socklen_t) c->a[2];
	struct sockaddr_storage a;
	struct sockaddr_nl nl;
	own_fd fd = -1;

	memset(&a, 0, sizeof a);
	if (n < sizeof a.ss_family || n > sizeof a || in_at(c, c->a[1], &a, n) < 0)
		return call_run_leave(c);
	fd = call_getfd(c, (int) c->a[0]);
	if (fd < 0)
		return fd;
	if (netlink_is(c->w, fd, &nl))
		return a.ss_family == AF_NETLINK && n >= sizeof nl ? 0 : -EINVAL;
	if (a.ss_family == AF_UNIX && n == sizeof a.ss_family)
		return bind_some_name(c, fd);
	if ((a.ss_family == AF_INET || a.ss_family == AF_INET6) && !get_port(&a))
		return bind_some_port(c, fd, &a, n);
	return call_run_leave(c);
}

/* The name of a local socket is a new file. */
static void bind_leave(struct call *c)
{
	socklen_t n = (socklen_t) c->a[2];
	struct sockaddr_un a;
	struct stat st;
	char *path;

	memset(&a, 0, sizeof a);
	if (c->ret < 0 || n <= sizeof a.sun_family || n > sizeof a ||
		in_at(c, c->a[1], &a, n) < 0 || a.sun_family != AF_UNIX || !a.sun_path[0])
		return;
	path = call_mem(c, sizeof a.sun_path + 1);
	memcpy(path, a.sun_path, sizeof a.sun_path);
	path[sizeof a.sun_path] = 0;
	if (!fs_peek(c, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &st))
		return;
	fs_born(c, AT_FDCWD, path, &st);
	fs_entry_changed(c, AT_FDCWD, path);
}

void net_addr_out(struct call *c, unsigned addr, unsigned len)
{
	uint32_t n;
	void *p;

	if (c->ret < 0 || !c->a[addr] || !c->a[len] || in_at(c, c->a[len], &n, sizeof n) < 0)
		return;
	if (n > sizeof(struct sockaddr_storage))
		n = sizeof(struct sockaddr_storage);
	p = call_mem(c, n);
	if (in_at(c, c->a[addr], p, n) == 0)
		c->out[addr] = (struct staged) { .p = p, .n = n, .set = true };
}

/* Its own port, and 0: the kernel's. */
static long name_enter(struct call *c)
{
	own_fd fd = io_of(c->w)->netlink ? call_getfd(c, (int) c->a[0]) : -1;
	struct sockaddr_nl nl;
	uint32_t room, n = sizeof nl;
	void *p;

	if (fd < 0 || !netlink_is(c->w, fd, &nl))
		return call_run_leave(c);
	if (c->nr == NR_GETPEERNAME)
		nl.nl_pid = 0;
	if (in_at(c, c->a[2], &room, sizeof room) < 0)
		return -EFAULT;
	if ((int) room < 0)
		return -EINVAL;
	p = out(c, 1, room < n ? room : n);
	if (!p)
		return -EFAULT;
	memcpy(p, &nl, room < n ? room : n);
	return out_at(c, c->a[2], &n, sizeof n);
}

static void name_leave(struct call *c)
{
	net_addr_out(c, 1, 2);
}

/* ---- connecting ---- */

static long listen_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);

	if (fd < 0)
		return fd;
	net_autobind(c, fd);
	return call_run_leave(c);
}

static long accept_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return fd;
	if (net_option(fd, SO_ACCEPTCONN) != 1 || poll(&p, 1, 0) > 0)
		return call_run_leave(c);
	if (fcntl(fd, F_GETFL) & O_NONBLOCK || c->timed_out)
		return -EAGAIN;
	return io_wait_read(c, fd, net_deadline(c, fd, SO_RCVTIMEO, 0));
}

static void accept_leave(struct call *c)
{
	if (c->ret == -EAGAIN) {
		own_fd fd = call_getfd(c, (int) c->a[0]);

		if (fd >= 0 && !(fcntl(fd, F_GETFL) & O_NONBLOCK))
			io_wait(c, RESTARTSYS);
		return;
	}
	if (c->ret >= 0) {
		own_fd fd = call_getfd(c, (int) c->ret);

		net_set_clock(c, fd, NULL);
	}
	net_addr_out(c, 1, 2);
	accepted(c);
}

/* The guest itself connects (its credentials, its directory), without waiting. */
static long connect_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct sockaddr_nl nl;
	int flags;

	if (fd < 0)
		return fd;
	if (netlink_is(c->w, fd, &nl))
		return 0; /* there is nobody but the kernel */
	net_autobind(c, fd);
	flags = nb_begin(fd);
	if (flags < 0)
		return flags;
	c->scratch[3] = (uint64_t) flags;
	return call_run_leave(c);
}

/* Asked again, the kernel says what has become of it, and knows that it was told. */
static long connect_ends(struct call *c, int fd)
{
	struct sockaddr_storage a;
	socklen_t n = c->a[2] < sizeof a ? (socklen_t) c->a[2] : sizeof a;

	if (in_at(c, c->a[1], &a, n) < 0)
		return -EFAULT;
	return connect(fd, (struct sockaddr *) &a, n) < 0 ? -errno : 0;
}

static void connect_leave(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int flags = (int) c->scratch[3];
	bool busy;

	if (fd < 0)
		return;
	nb_end(fd, flags);
	if (flags & O_NONBLOCK)
		return;
	busy = c->ret == -EINPROGRESS || c->ret == -EALREADY;
	if (c->ret == -EAGAIN || (busy && c->w->o->network)) { /* a local queue is full, a peer far */
		io_wait(c, RESTARTSYS);
	} else if (busy) {
		c->ret = poll(&p, 1, CONNECT_MS) > 0 ? connect_ends(c, fd) : -ETIMEDOUT;
	}
}

/* ---- options ---- */

/* Of each message; one may lack it, and is then as old as it is found. Here none has it. */
static bool option_stamps(const struct call *c)
{
	int name = (int) c->a[2];

	return c->nr == NR_SETSOCKOPT && (int) c->a[1] == SOL_SOCKET && (name == SO_TIMESTAMP ||
		name == SO_TIMESTAMPNS || name == 63 || name == 64 /* for 64-bit times */);
}

static bool option_refused(int level, int name)
{
	switch (level) {
	case SOL_SOCKET:
		switch (name) {
		case SO_TIMESTAMP:
		case SO_TIMESTAMPNS:
		case SO_TIMESTAMPING:
		case 63: /* the same three for 64-bit times */
		case 64:
		case 65:
		case SO_PEERSEC:
		case SO_INCOMING_CPU:
		case SO_INCOMING_NAPI_ID:
		case SO_COOKIE:
		case SO_BUSY_POLL:
		case SO_MEMINFO:
		case 77: /* SO_PEERPIDFD */ return true;
		default: return false;
		}
	case IPPROTO_TCP:
		return name == TCP_INFO || name == TCP_CC_INFO || name == TCP_TIMESTAMP ||
		       name == TCP_ULP;
	default: return false;
	}
}

/* What can be set of a netlink socket changes nothing that it is asked here. */
static bool netlink_option(struct call *c)
{
	own_fd fd = c->a[1] == SOL_NETLINK ? call_getfd(c, (int) c->a[0]) : -1;
	struct sockaddr_nl nl;

	return fd >= 0 && netlink_is(c->w, fd, &nl);
}

/*
 * State and, of who listens, how many wait are the socket's; the rest is what the kernel measures of
 * the way, and fixed.
 */
static struct tcp_info tcp_view(const struct tcp_info *real)
{
	if (real->tcpi_state == TCP_LISTEN)
		return (struct tcp_info) { .tcpi_state = TCP_LISTEN,
			.tcpi_unacked = real->tcpi_unacked, .tcpi_sacked = real->tcpi_sacked };
	return (struct tcp_info) {
		.tcpi_state = real->tcpi_state,
		.tcpi_options = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE,
		.tcpi_snd_wscale = 7,
		.tcpi_rcv_wscale = 7,
		.tcpi_rto = 204000,
		.tcpi_ato = 40000,
		.tcpi_snd_mss = 32768,
		.tcpi_rcv_mss = 536,
		.tcpi_pmtu = 65535,
		.tcpi_rcv_ssthresh = 65483,
		.tcpi_rtt = 100,
		.tcpi_rttvar = 50,
		.tcpi_snd_ssthresh = 0x7fffffff,
		.tcpi_snd_cwnd = 10,
		.tcpi_advmss = 65483,
		.tcpi_reordering = 3,
		.tcpi_rcv_space = 65495,
	};
}

static long option_give(struct call *c, const void *p, uint32_t n)
{
	uint32_t room, *len;
	void *o;

	if (in_at(c, c->a[4], &room, sizeof room) < 0)
		return -EFAULT;
	if (room > INT32_MAX)
		return -EINVAL;
	if (room > n)
		room = n;
	len = out(c, 4, sizeof *len);
	o = out(c, 3, room);
	if (!len || (room && !o))
		return -EFAULT;
	*len = room;
	if (room)
		memcpy(o, p, room);
	return 0;
}

static const char congestion[16] = "cubic"; /* the one that there is */

static long congestion_set(struct call *c)
{
	size_t n = c->a[4] < sizeof congestion ? c->a[4] : sizeof congestion - 1;
	const char *name = in(c, 3, n);

	if (!n)
		return -EINVAL;
	if (!name)
		return -EFAULT;
	return strnlen(name, n) == strlen(congestion) && !memcmp(name, congestion, strlen(congestion))
		? 0 : -ENOENT;
}

static bool tcp_option(const struct call *c)
{
	int name = (int) c->a[2];

	if ((int) c->a[1] != IPPROTO_TCP)
		return false;
	return name == TCP_CONGESTION || (name == TCP_INFO && c->nr != NR_SETSOCKOPT);
}

static long tcp_answer(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct tcp_info info = { 0 };
	socklen_t n = sizeof info;

	if (fd < 0)
		return fd;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0)
		return -errno;
	if (c->nr == NR_SETSOCKOPT)
		return congestion_set(c);
	if ((int) c->a[2] == TCP_CONGESTION)
		return option_give(c, congestion, sizeof congestion);
	info = tcp_view(&info);
	return option_give(c, &info, sizeof info);
}

static long option_enter(struct call *c)
{
	if (netlink_option(c))
		return c->nr == NR_SETSOCKOPT ? 0 : -ENOPROTOOPT;
	if (tcp_option(c))
		return tcp_answer(c);
	if (option_stamps(c))
		return 0;
	if (option_refused((int) c->a[1], (int) c->a[2])) {
		call_note(c, "socket option %d of level %d refused: it depends on the host",
			(int) c->a[2], (int) c->a[1]);
		return -ENOPROTOOPT;
	}
	return call_run_leave(c);
}

static void getsockopt_leave(struct call *c)
{
	net_addr_out(c, 3, 4);
}

#define DOMAIN INT_OF(domain, names_domain)
#define SOCKTYPE FLAGS(type, names_socktype)
#define ADDR_OUT OUT_AS(addr, 0, sockaddr)
#define WHY_INSIDE "the container's own; what the kernel would choose is chosen in order"
#define WHY_SEND "in full, or the task waits for another one"
#define WHY_RECV "without blocking; the task waits for another one, or its timeout in virtual time"

static const struct row rows[] = {
	{ SYS(socket, 41), OBSERVE, .arg = { DOMAIN, SOCKTYPE, INT(protocol) },
	  .enter = socket_enter, .leave = socket_leave,
	  .why = "local and internet sockets, raw ones for ICMP only, with buffers of a fixed size; NETLINK_ROUTE of "
		 "a network of its own is answered here, that of a shared one by the kernel; of devices nothing comes" },
	{ SYS(connect, 42), OBSERVE, .arg = { FD(fd), IN_BUF_AS(addr, 2, sockaddr), UINT(len) },
	  .enter = connect_enter, .leave = connect_leave, .flags = MAY_BLOCK, .why = WHY_INSIDE },
	{ SYS(accept, 43), OBSERVE, .arg = { FD(fd), ADDR_OUT, PTR(len) }, .enter = accept_enter,
	  .leave = accept_leave, .flags = MAY_BLOCK, .why = "in the order of connecting" },
	{ SYS(accept4, 288), OBSERVE, .arg = { FD(fd), ADDR_OUT, PTR(len), UINT(flags) },
	  .enter = accept_enter, .leave = accept_leave, .flags = MAY_BLOCK,
	  .why = "in the order of connecting" },
	{ SYS(sendto, 44), EMULATE, .arg = { FD(fd), IN_BUF(buf, 2), UINT(len), UINT(flags),
	  IN_BUF_AS(addr, 5, sockaddr), UINT(addrlen) }, .enter = sendto_enter, .leave = send_leave,
	  .flags = MAY_BLOCK, .why = WHY_SEND },
	{ SYS(recvfrom, 45), EMULATE, .arg = { FD(fd), OUT_RES(buf), UINT(len), UINT(flags), ADDR_OUT,
	  PTR(addrlen) }, .enter = recvfrom_enter, .flags = MAY_BLOCK, .why = WHY_RECV },
	{ SYS(sendmsg, 46), EMULATE, .arg = { FD(fd), IN_STRUCT(msg, 56), UINT(flags) },
	  .enter = sendmsg_enter, .leave = send_leave, .flags = MAY_BLOCK, .why = WHY_SEND },
	{ SYS(recvmsg, 47), OBSERVE, .arg = { FD(fd), OUT_STRUCT(msg, 0), UINT(flags) },
	  .enter = recvmsg_enter, .leave = recvmsg_leave, .flags = MAY_BLOCK, .why = WHY_RECV },
	{ SYS(sendmmsg, 307), OBSERVE, .arg = { FD(fd), PTR(msgs), UINT(n), UINT(flags) },
	  .enter = sendmmsg_enter, .leave = sendmmsg_leave, .flags = MAY_BLOCK, .why = WHY_SEND },
	{ SYS(recvmmsg, 299), OBSERVE, .arg = { FD(fd), PTR(msgs), UINT(n), UINT(flags),
	  PTR(timeout) }, .enter = recvmmsg_enter, .leave = recvmmsg_leave, .flags = MAY_BLOCK,
	  .why = WHY_RECV },
	{ SYS(shutdown, 48), OBSERVE, .arg = { FD(fd), INT(how) }, .why = WHY_INSIDE },
	{ SYS(bind, 49), OBSERVE, .arg = { FD(fd), IN_BUF_AS(addr, 2, sockaddr), UINT(len) },
	  .enter = bind_enter, .leave = bind_leave, .why = WHY_INSIDE },
	{ SYS(listen, 50), OBSERVE, .arg = { FD(fd), INT(backlog) }, .enter = listen_enter,
	  .why = WHY_INSIDE },
	{ SYS(getsockname, 51), OBSERVE, .arg = { FD(fd), ADDR_OUT, PTR(len) }, .enter = name_enter,
	  .leave = name_leave, .why = WHY_INSIDE },
	{ SYS(getpeername, 52), OBSERVE, .arg = { FD(fd), ADDR_OUT, PTR(len) }, .enter = name_enter,
	  .leave = name_leave, .why = WHY_INSIDE },
	{ SYS(socketpair, 53), OBSERVE, .arg = { DOMAIN, SOCKTYPE, INT(protocol),
	  OUT_AS(fds, 8, int) }, .enter = socket_enter, .leave = socketpair_leave,
	  .why = "with buffers of a fixed size" },
	{ SYS(setsockopt, 54), OBSERVE, .arg = { FD(fd), INT(level), INT(name), IN_BUF(value, 4),
	  UINT(len) }, .enter = option_enter, .why = "all but what depends on the host" },
	{ SYS(getsockopt, 55), OBSERVE, .arg = { FD(fd), INT(level), INT(name), OUT_STRUCT(value, 0),
	  PTR(len) }, .enter = option_enter, .leave = getsockopt_leave,
	  .why = "all but what depends on the host; of TCP's measurements fixed ones" },
};

FAMILY(net, "Sockets");
