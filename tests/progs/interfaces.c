/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces and addresses, as getifaddrs(3) finds them and as netlink tells of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void addresses(void)
{
	char text[INET6_ADDRSTRLEN];
	struct ifaddrs *all, *i;

	if (getifaddrs(&all)) {
		printf("getifaddrs: %s\n", strerror(errno));
		return;
	}
	for (i = all; i; i = i->ifa_next) {
		const struct sockaddr *a = i->ifa_addr;

		printf("%s flags %x family %d", i->ifa_name, i->ifa_flags, a ? a->sa_family : -1);
		if (a && a->sa_family == AF_INET)
			printf(" %s", inet_ntop(AF_INET, &((struct sockaddr_in *) a)->sin_addr, text,
					      sizeof text));
		if (a && a->sa_family == AF_INET6)
			printf(" %s", inet_ntop(AF_INET6, &((struct sockaddr_in6 *) a)->sin6_addr,
					      text, sizeof text));
		if (a && a->sa_family == AF_PACKET && i->ifa_data)
			printf(" rx %u", *(uint32_t *) i->ifa_data);
		printf("\n");
	}
	freeifaddrs(all);
}

static void name(int fd, const char *what, int (*get)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_nl a = { 0 };
	socklen_t n = sizeof a;

	if (get(fd, (void *) &a, &n))
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: family %d port %s groups %u, %u\n", what, a.nl_family,
			a.nl_pid == 0 ? "0" : a.nl_pid == (uint32_t) getpid() ? "mine" : "other",
			a.nl_groups, n);
}

static void answers(int fd, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[8192] __attribute__((aligned(8)));

	while (poll(&p, 1, 0) == 1) {
		struct sockaddr_nl a = { .nl_pid = 99 };
		struct iovec v = { buf, sizeof buf };
		struct msghdr m = { &a, sizeof a, &v, 1, NULL, 0, 0 };
		ssize_t n = recvmsg(fd, &m, 0);
		struct nlmsghdr *h = (void *) buf;

		printf("%s: from %d %u (%u), flags %x\n", what, a.nl_family, a.nl_pid, m.msg_namelen,
			m.msg_flags);
		for (; n > 0 && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			printf("  type %d flags %x seq %u%s", h->nlmsg_type, h->nlmsg_flags,
				h->nlmsg_seq, h->nlmsg_pid == (uint32_t) getpid() ? "" : " other");
			if (h->nlmsg_type == NLMSG_ERROR)
				printf(" error %d", ((struct nlmsgerr *) NLMSG_DATA(h))->error);
			printf("\n");
			if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
				return;
		}
	}
}

static void ask(int fd, const char *what, int type, int flags, int index)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg m;
	} q = { { sizeof q, type, flags, 7, 0 }, { .ifi_index = index } };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	ssize_t n = type % 2 ? send(fd, &q, sizeof q, 0)
			     : sendto(fd, &q, sizeof q, 0, (void *) &to, sizeof to);

	if (n != sizeof q)
		printf("%s: %s\n", what, strerror(errno));
	else
		answers(fd, what);
}

int main(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	struct addrinfo hints = { .ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM }, *r, *i;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), one = 1;
	char text[IF_NAMESIZE];

	if (fd < 0 || bind(fd, (void *) &a, sizeof a))
		printf("netlink: %s\n", strerror(errno));
	printf("option %d\n", setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one));
	name(fd, "socket", getsockname);
	name(fd, "peer", getpeername);
	ask(fd, "links", RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 0);
	ask(fd, "link 1", RTM_GETLINK, NLM_F_REQUEST, 1);
	ask(fd, "link 77", RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 77);
	ask(fd, "addresses", RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 0);
	ask(fd, "neighbours", RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, 0);
	ask(fd, "delete", RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, 1);
	ask(fd, "delete", RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1);
	close(fd);
	addresses();
	printf("lo is %u, 1 is %s\n", if_nametoindex("lo"), if_indextoname(1, text) ? text : "nothing");
	if (getaddrinfo("127.0.0.1", "80", &hints, &r) == 0) {
		for (i = r; i; i = i->ai_next)
			printf("family %d\n", i->ai_family);
		freeaddrinfo(r);
	}
	return 0;
}
