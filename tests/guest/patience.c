/* SPDX-License-Identifier: Apache-2.0 */
/* How much fits into TCP over loopback is the same whether or not real time passes meanwhile. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "guest.h"

enum { PAUSE_AFTER = 300000 }; /* bytes: a receiver that does not read has closed its window */

static const struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_addr = { 0x0100007f } };
static const struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
	.sin6_addr = IN6ADDR_LOOPBACK_INIT };
static char buf[65536];

/* Well over the 200 ms after which TCP tries again, of whatever makes no call. */
static void compute(void)
{
	uint64_t x = 1;

	for (long i = 0; i < 700000000; i++)
		__asm__ volatile("imul $3, %0, %0" : "+r"(x));
}

/* False: there is no such network. */
static int connected(int s[2], const void *at, socklen_t n)
{
	struct sockaddr_storage a = { 0 };
	int l, one = 1;

	memcpy(&a, at, n);
	l = socket(a.ss_family, SOCK_STREAM, 0);
	if (l < 0 || bind(l, (void *) &a, n) < 0)
		return 0;
	CHECK(listen(l, 1) == 0 && getsockname(l, (void *) &a, &n) == 0);
	s[0] = socket(a.ss_family, SOCK_STREAM, 0);
	CHECK(setsockopt(s[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
	CHECK(connect(s[0], (void *) &a, n) == 0);
	s[1] = accept(l, NULL, NULL);
	CHECK(s[1] >= 0 && fcntl(s[0], F_SETFL, O_NONBLOCK) == 0);
	close(l);
	return 1;
}

static long fill(const void *at, socklen_t len, size_t size, int pause, int *unread)
{
	long n = 0;
	ssize_t r;
	int s[2];

	if (!connected(s, at, len))
		return 0;
	while ((r = write(s[0], buf, size)) > 0) {
		n += r;
		if (pause && n >= PAUSE_AFTER) {
			pause = 0;
			compute();
		}
	}
	CHECK(errno == EAGAIN && !pause);
	CHECK(ioctl(s[1], FIONREAD, unread) == 0);
	close(s[0]);
	close(s[1]);
	return n;
}

static void same(const void *at, socklen_t len, size_t size)
{
	int here = 0, there = 0;
	long a = fill(at, len, size, 0, &here), b = fill(at, len, size, 1, &there);

	printf("%zu: %ld fit, %d there\n", size, a, here);
	CHECK(a == b && here == there);
}

int main(void)
{
	same(&in4, sizeof in4, 100);
	same(&in4, sizeof in4, sizeof buf);
	same(&in6, sizeof in6, 100);
	same(&in6, sizeof in6, sizeof buf);
	return 0;
}
