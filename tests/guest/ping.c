/* SPDX-License-Identifier: Apache-2.0 */
/* A ping of itself, by a raw socket and each way of receiving: nothing of the host is in the packet. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "guest.h"

static unsigned char ask[] = { 8, 0, 0xf7, 0xb1, 0, 77, 0, 1 };

static void show(const unsigned char *p, long n)
{
	CHECK(n > 0);
	for (long i = 0; i < n; i++)
		printf("%02x", p[i]);
	puts("");
}

int main(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	unsigned char b[100];
	struct iovec v[2] = { { b, 5 }, { b + 5, 95 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	if (s < 0) { /* who may not */
		CHECK(errno == EPERM);
		return 0;
	}
	for (int i = 0; i < 3; i++) {
		CHECK(sendto(s, ask, sizeof ask, 0, (void *) &to, sizeof to) == sizeof ask);
		for (int k = 0; k < 2; k++)
			show(b, i == 0 ? recv(s, b, sizeof b, 0) : i == 1 ? recvmsg(s, &m, 0) : read(s, b, sizeof b));
	}
	CHECK(socket(AF_INET, SOCK_RAW, IPPROTO_TCP) == -1);
	return 0;
}
