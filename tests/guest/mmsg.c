/* SPDX-License-Identifier: Apache-2.0 */
/* sendmmsg and recvmmsg: all that was asked for, unless a flag or the time says otherwise. */
#include <sys/socket.h>

#include "guest.h"

enum { N = 6, MANY = 400 };
static int s[2];
static char data[MANY][1000];
static struct iovec v[MANY];
static struct mmsghdr m[MANY];

static void slow_sender(void)
{
	for (int i = 0; i < N; i++) {
		usleep(100000);
		CHECK(send(s[1], &(char){ (char) ('a' + i) }, 1, 0) == 1);
	}
}

static void slow_reader(void)
{
	char b[1000];

	for (int i = 0; i < MANY; i++) {
		if (i % 10 == 0)
			usleep(10000);
		CHECK(recv(s[1], b, sizeof b, 0) == sizeof b && b[0] == (char) i);
	}
}

static void prepare(void)
{
	memset(m, 0, sizeof m);
	for (int i = 0; i < MANY; i++) {
		data[i][0] = (char) i;
		v[i] = (struct iovec){ data[i], sizeof data[i] };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &v[i], .msg_iovlen = 1 };
	}
}

static void seen(int sig)
{
	(void) sig;
}

static void receive(int flags, struct timespec *t, int want)
{
	pid_t p = start(slow_sender);

	prepare();
	CHECK(recvmmsg(s[0], m, N, flags, t) == want);
	for (int i = 0; i < want; i++)
		CHECK(m[i].msg_len == 1 && data[i][0] == 'a' + i);
	CHECK(wait_of(p) == 0);
	while (recv(s[0], data[0], 1, MSG_DONTWAIT) == 1)
		;
}

int main(void)
{
	pid_t p;

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
	receive(0, NULL, N);
	receive(MSG_WAITFORONE, NULL, 1);
	receive(0, &(struct timespec){ 0, 250000000 }, 3); /* looked at after each */
	CHECK(recvmmsg(s[0], m, N, MSG_DONTWAIT, NULL) == -1 && errno == EAGAIN);

	on(SIGALRM, seen, 0); /* what came is not lost */
	p = start(slow_sender);
	ualarm(350000, 0);
	prepare();
	CHECK(recvmmsg(s[0], m, N, 0, NULL) == 3);
	CHECK(wait_of(p) == 0);
	while (recv(s[0], data[0], 1, MSG_DONTWAIT) == 1)
		;

	prepare();
	p = start(slow_reader);
	CHECK(sendmmsg(s[0], m, MANY, 0) == MANY);
	for (int i = 0; i < MANY; i++)
		CHECK(m[i].msg_len == sizeof data[i]);
	CHECK(wait_of(p) == 0);
	puts("all");
	return 0;
}
