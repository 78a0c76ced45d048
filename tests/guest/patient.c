/* SPDX-License-Identifier: Apache-2.0 */
/* The timeouts of a socket hold for every way to use it, and a signal ends what they would end. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "guest.h"

static int s[2], d[2], l;

static void none(int sig) { (void) sig; }

static void limits(int fd)
{
	const struct timeval tv = { 1, 500000 };

	CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#define ENDS(x, error, ms) do { int64_t t_ = now_ms(); errno = 0; CHECK((x) == -1 && errno == (error)); \
	t_ = now_ms() - t_; CHECK(t_ >= (ms) && t_ < (ms) + 300); } while (0)

static char b[1 << 20];

static void all(int error, int ms)
{
	struct iovec v = { b, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

#define NEXT if (error == EINTR) CHECK(setitimer(ITIMER_REAL, &(struct itimerval) { { 0, 0 }, { 0, ms * 1000 } }, NULL) == 0)
	NEXT; ENDS(read(s[0], b, 1), error, ms);
	NEXT; ENDS(readv(s[0], &v, 1), error, ms);
	NEXT; ENDS(recv(s[0], b, 1, 0), error, ms);
	NEXT; ENDS(recvmsg(s[0], &m, 0), error, ms);
	NEXT; ENDS(recv(d[0], b, 1, 0), error, ms);
	NEXT; ENDS(accept(l, NULL, NULL), error, ms);
	NEXT; ENDS(write(s[0], b, sizeof b), error, ms);
	NEXT; ENDS(send(s[0], b, sizeof b, 0), error, ms);
	NEXT; ENDS(sendmsg(s[0], &m, 0), error, ms);
	NEXT; ENDS(send(d[0], b, 1000, 0), error, ms);
}

int main(void)
{
	struct sockaddr_un a = { AF_UNIX, "\0patient" };

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, d) == 0);
	CHECK((l = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0 && bind(l, (void *) &a, 10) == 0 && listen(l, 1) == 0);
	limits(s[0]);
	limits(d[0]);
	limits(l);
	CHECK(write(s[0], b, sizeof b) > 0); /* as much as fits in the time */
	while (send(d[0], b, 1000, MSG_DONTWAIT) > 0)
		;
	all(EAGAIN, 1500);
	on(SIGALRM, none, SA_RESTART);
	all(EINTR, 500);
	puts("patient");
	return 0;
}
