/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: what is chosen in order, what waits, what is refused. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/sys/fake.h"

#define BUF 0x200
#define ADDR 0x400
#define LEN 0x3f0

static unsigned port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t n = sizeof a;

	return getsockname(fd, (struct sockaddr *) &a, &n) < 0 ? 0 : ntohs(a.sin_port);
}

TEST(ports_come_in_order)
{
	struct fake f = { 0 };
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);

	fake_up(&f);
	FAKE_AT(&f, struct sockaddr_in, ADDR) = (struct sockaddr_in) { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	EQ(fake_sys(&f, "bind", a, ADDR, sizeof(struct sockaddr_in)), 0);
	EQ(fake_sys(&f, "bind", b, ADDR, sizeof(struct sockaddr_in)), 0);
	EQ(f.nkernel, 0);
	OK(port_of(a) >= 32768);
	OK(port_of(b) > port_of(a)); /* not by one: the test's host may use ports itself */
	close(a);
	close(b);
	fake_free(&f);
}

TEST(what_tcp_measures_is_fixed)
{
	struct fake f = { 0 };
	int l = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0);
	struct tcp_info *info;

	fake_up(&f);
	EQ(listen(l, 7), 0);
	FAKE_AT(&f, uint32_t, LEN) = sizeof *info;
	info = &FAKE_AT(&f, struct tcp_info, BUF);
	EQ(fake_sys(&f, "getsockopt", l, IPPROTO_TCP, TCP_INFO, BUF, LEN), 0);
	EQ(FAKE_AT(&f, uint32_t, LEN), sizeof *info);
	EQ(info->tcpi_state, TCP_LISTEN);
	EQ(info->tcpi_sacked, 7);
	EQ(info->tcpi_rto, 0);
	FAKE_AT(&f, uint32_t, LEN) = 1;
	memset(&FAKE_AT(&f, uint8_t, BUF), 0x55, 2);
	EQ(fake_sys(&f, "getsockopt", l, IPPROTO_TCP, TCP_INFO, BUF, LEN), 0);
	EQ(f.m[BUF], TCP_LISTEN);
	EQ(f.m[BUF + 1], 0x55);
	FAKE_AT(&f, uint32_t, LEN) = UINT32_MAX;
	EQ(fake_sys(&f, "getsockopt", l, IPPROTO_TCP, TCP_INFO, BUF, LEN), -EINVAL);
	FAKE_AT(&f, uint32_t, LEN) = 104;
	EQ(fake_sys(&f, "getsockopt", u, IPPROTO_TCP, TCP_INFO, BUF, LEN), -EOPNOTSUPP);
	EQ(fake_sys(&f, "setsockopt", l, IPPROTO_TCP, TCP_INFO, BUF, 104), -ENOPROTOOPT);
	EQ(f.nkernel, 0);
	close(l);
	close(u);
	fake_free(&f);
}

TEST(congestion_is_controlled_in_one_way)
{
	struct fake f = { 0 };
	int l = socket(AF_INET, SOCK_STREAM, 0);

	fake_up(&f);
	FAKE_AT(&f, uint32_t, LEN) = 64;
	EQ(fake_sys(&f, "getsockopt", l, IPPROTO_TCP, TCP_CONGESTION, BUF, LEN), 0);
	EQ(FAKE_AT(&f, uint32_t, LEN), 16);
	STREQ((char *) &f.m[BUF], "cubic");
	EQ(fake_sys(&f, "setsockopt", l, IPPROTO_TCP, TCP_CONGESTION, BUF, 5), 0);
	EQ(fake_sys(&f, "setsockopt", l, IPPROTO_TCP, TCP_CONGESTION, BUF, 16), 0);
	EQ(fake_sys(&f, "setsockopt", l, IPPROTO_TCP, TCP_CONGESTION, BUF, 4), -ENOENT);
	memcpy(&f.m[BUF], "reno", 5);
	EQ(fake_sys(&f, "setsockopt", l, IPPROTO_TCP, TCP_CONGESTION, BUF, 4), -ENOENT);
	EQ(fake_sys(&f, "setsockopt", l, IPPROTO_TCP, TCP_CONGESTION, BUF, 0), -EINVAL);
	EQ(f.nkernel, 0);
	close(l);
	fake_free(&f);
}

TEST(names_that_the_kernel_would_draw_come_in_order)
{
	struct fake f = { 0 };
	int a = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un got = { 0 };
	socklen_t n = sizeof got;

	fake_up(&f);
	FAKE_AT(&f, sa_family_t, ADDR) = AF_UNIX;
	EQ(fake_sys(&f, "bind", a, ADDR, sizeof(sa_family_t)), 0);
	EQ(getsockname(a, (struct sockaddr *) &got, &n), 0);
	EQ(n, sizeof(sa_family_t) + 6);
	EQ(got.sun_path[0], 0);
	EQ(strncmp(got.sun_path + 1, "0000", 4), 0);
	close(a);
	fake_free(&f);
}

TEST(receiving_waits_for_the_sender)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, NULL, 0);
	int s[2];

	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	EQ(fake_sys_as(&f, a, "recvfrom", s[0], BUF, 10, MSG_DONTWAIT, 0, 0), -EAGAIN);
	EQ(fake_sys_as(&f, a, "recvfrom", s[0], BUF, 10, 0, 0, 0), FAKE_BLOCKED);
	memcpy(&f.m[0x800], "ping", 4);
	EQ(fake_sys_as(&f, b, "sendto", s[1], 0x800, 4, 0, 0, 0), 4);
	b->state = T_STOPPED;
	OK(fake_run(&f) == a);
	EQ(fake_result(a), 4);
	EQ(memcmp(&f.m[BUF], "ping", 4), 0);
	close(s[0]);
	close(s[1]);
	fake_free(&f);
}

TEST(waitall_waits_for_all)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, NULL, 0);
	int s[2];

	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	EQ(write(s[1], "12", 2), 2);
	EQ(fake_sys_as(&f, a, "recvfrom", s[0], BUF, 4, MSG_WAITALL, 0, 0), FAKE_BLOCKED);
	EQ(fake_sys_as(&f, b, "write", s[1], 0x800, 2), 2);
	b->state = T_STOPPED;
	OK(fake_run(&f) == a);
	EQ(fake_result(a), 4);
	close(s[0]);
	close(s[1]);
	fake_free(&f);
}

TEST(a_timeout_of_the_socket_is_virtual)
{
	struct fake f = { 0 };
	struct timeval tv = { 100, 0 };
	uint64_t start;
	int s[2];

	fake_up(&f);
	start = f.w.now;
	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	EQ(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
	EQ(fake_sys(&f, "recvfrom", s[0], BUF, 10, 0, 0, 0), FAKE_BLOCKED);
	OK(fake_run(&f));
	EQ(fake_result(f.w.init), -EAGAIN);
	OK(f.w.now - start >= 100 * NSEC);
	close(s[0]);
	close(s[1]);
	fake_free(&f);
}

TEST(what_tells_of_the_host_is_refused)
{
	struct fake f = { 0 };
	int s = socket(AF_INET, SOCK_STREAM, 0);

	EQ(fake_sys(&f, "socket", AF_NETLINK, SOCK_RAW, NETLINK_AUDIT), -EAFNOSUPPORT);
	EQ(fake_sys(&f, "socketpair", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, BUF), -EAFNOSUPPORT);
	EQ(fake_sys(&f, "socket", AF_INET, SOCK_RAW, IPPROTO_TCP), -EPROTONOSUPPORT);
	EQ(fake_sys(&f, "getsockopt", s, IPPROTO_TCP, TCP_CC_INFO, BUF, LEN), -ENOPROTOOPT);
	EQ(fake_sys(&f, "setsockopt", s, SOL_SOCKET, SO_TIMESTAMPING, BUF, 4), -ENOPROTOOPT);
	EQ(fake_sys(&f, "setsockopt", s, SOL_SOCKET, SO_TIMESTAMP, BUF, 4), 0); /* none comes */
	EQ(f.nkernel, 0);
	close(s);
	fake_free(&f);
}

static long ask(struct fake *f, int s, uint16_t type, uint16_t flags, uint32_t len)
{
	FAKE_AT(f, struct nlmsghdr, BUF) = (struct nlmsghdr){ .nlmsg_len = len, .nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = 7 };
	memset(&FAKE_AT(f, uint8_t, BUF + NLMSG_HDRLEN), 0, 64);
	return fake_sys(f, "sendto", s, BUF, 32, 0, 0, 0);
}

/* The answer's type, or what recvfrom says. */
static long answer(struct fake *f, int s)
{
	long r;

	FAKE_AT(f, uint32_t, LEN) = sizeof(struct sockaddr_nl);
	r = fake_sys(f, "recvfrom", s, BUF, 2048, MSG_DONTWAIT, ADDR, LEN);
	if (r < 0)
		return r;
	EQ(FAKE_AT(f, struct sockaddr_nl, ADDR).nl_family, AF_NETLINK);
	EQ(FAKE_AT(f, struct sockaddr_nl, ADDR).nl_pid, 0);
	EQ(FAKE_AT(f, struct nlmsghdr, BUF).nlmsg_seq, 7);
	return FAKE_AT(f, struct nlmsghdr, BUF).nlmsg_type;
}

TEST(interfaces_are_told_by_netlink)
{
	struct fake f = { 0 };
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	fake_up(&f);
	f.kernel = s;
	EQ(fake_sys(&f, "socket", AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), s);
	EQ(f.k[0], AF_UNIX);
	EQ(f.k[1], SOCK_DGRAM | SOCK_CLOEXEC);
	EQ(f.nkernel, 1);
	EQ(ask(&f, s, RTM_GETLINK, NLM_F_DUMP, 32), 32);
	EQ(answer(&f, s), RTM_NEWLINK);
	EQ(answer(&f, s), -EAGAIN);
	EQ(ask(&f, s, RTM_GETADDR, NLM_F_DUMP, 32), 32);
	EQ(answer(&f, s), RTM_NEWADDR);
	EQ(ask(&f, s, RTM_DELLINK, 0, 32), 32);
	EQ(answer(&f, s), NLMSG_ERROR);
	EQ(FAKE_AT(&f, struct nlmsgerr, BUF + NLMSG_HDRLEN).error, -EPERM);
	EQ(ask(&f, s, RTM_GETLINK, 0, 15), 32); /* lengths that lie */
	EQ(answer(&f, s), -EAGAIN);
	EQ(ask(&f, s, RTM_GETLINK, 0, 1 << 30), 32);
	EQ(answer(&f, s), -EAGAIN);
	EQ(ask(&f, s, RTM_GETLINK, 0, 17), 32);
	EQ(answer(&f, s), NLMSG_ERROR);
	EQ(FAKE_AT(&f, struct nlmsgerr, BUF + NLMSG_HDRLEN).error, -ENODEV);
	EQ(f.nkernel, 1);
	close(s);
	fake_free(&f);
}

/* libusb listens, and gives up when it can't. */
TEST(no_device_comes_or_goes)
{
	struct fake f = { .opts.network = true };
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	fake_up(&f);
	f.kernel = s;
	EQ(fake_sys(&f, "socket", AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT), s);
	EQ(f.k[0], AF_UNIX);
	FAKE_AT(&f, struct sockaddr_nl, ADDR) = (struct sockaddr_nl){ .nl_family = AF_NETLINK, .nl_groups = 1 };
	EQ(fake_sys(&f, "bind", s, ADDR, sizeof(struct sockaddr_nl)), 0);
	EQ(answer(&f, s), -EAGAIN);
	EQ(ask(&f, s, RTM_GETLINK, NLM_F_DUMP, 32), -ECONNREFUSED);
	EQ(answer(&f, s), -EAGAIN);
	EQ(f.nkernel, 1);
	close(s);
	fake_free(&f);
}

CHECK_MAIN
