/* SPDX-License-Identifier: Apache-2.0 */
/* TCP over loopback: what has arrived after each write, and how much fits until somebody reads. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static char buf[70000];

static void pair(int s[2], int nodelay)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM, 0);

	bind(l, (void *) &a, n);
	listen(l, 1);
	getsockname(l, (void *) &a, &n);
	s[0] = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(s[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
	if (connect(s[0], (void *) &a, n) < 0)
		perror("connect");
	s[1] = accept(l, NULL, NULL);
	fcntl(s[0], F_SETFL, O_NONBLOCK);
	fcntl(s[1], F_SETFL, O_NONBLOCK);
	close(l);
}

static int unread(int fd)
{
	int n = -1;

	ioctl(fd, FIONREAD, &n);
	return n;
}

static void small(int nodelay)
{
	int s[2];

	pair(s, nodelay);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++)
			write(s[0], buf, 100);
		printf("small %d: %d there,", nodelay, unread(s[1]));
		usleep(100000);
		printf(" %zd read\n", read(s[1], buf, sizeof buf));
	}
	close(s[0]);
	close(s[1]);
}

static long fill(int fd, size_t size)
{
	long n = 0;
	ssize_t r;

	while ((r = write(fd, buf, size)) > 0)
		n += r;
	return n;
}

static void full(size_t size)
{
	int s[2];

	pair(s, 0);
	printf("writes of %zu: %ld fit\n", size, fill(s[0], size));
	close(s[0]);
	close(s[1]);
}

static void measured(const char *when, int fd)
{
	struct tcp_info i = { 0 };
	socklen_t n = sizeof i;
	int r = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &n);

	printf("%s: %d, state %u, mss %u, rtt %u, window %u, retransmitted %u\n", when, r, i.tcpi_state,
		i.tcpi_snd_mss, i.tcpi_rtt, i.tcpi_snd_cwnd, i.tcpi_total_retrans);
}

static void info(void)
{
	int s[2];

	pair(s, 0);
	measured("connected", s[0]);
	fill(s[0], 3000);
	measured("full", s[0]);
	shutdown(s[1], SHUT_WR);
	measured("half closed", s[0]);
	close(s[1]);
	measured("closed", s[0]);
	close(s[0]);
}

int main(void)
{
	small(0);
	small(1);
	full(100);
	full(3000);
	full(65536);
	info();
	return 0;
}
