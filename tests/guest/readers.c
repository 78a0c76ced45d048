/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit: 90. Many wait to read, while two others exchange bytes. What comes in the end, bytes, an end of
 * file, a signal, a deadline or a connection, comes to whom it is for.
 */
#include <netinet/in.h>
#include <sys/socket.h>

#include "guest.h"

enum { READERS = 400, TURNS = 4000 };

static int all[2], turn[2], back[2], said[2];

static char get(int fd)
{
	char c = 0;

	return read(fd, &c, 1) == 1 ? c : 0;
}

static void put(int fd, char c)
{
	CHECK(write(fd, &c, 1) == 1);
}

static void of_many(void)
{
	put(said[1], get(all[0]));
}

static void pair(int n)
{
	for (int i = 0; i < n; i++) {
		put(turn[1], 't');
		CHECK(get(back[0]) == 'b');
	}
}

static void answer(void)
{
	while (get(turn[0]) == 't')
		put(back[1], 'b');
}

static void ring(int s) { (void) s; }

static void interrupted(void)
{
	char c;

	on(SIGUSR1, ring, 0);
	CHECK(read(all[0], &c, 1) < 0 && errno == EINTR);
	put(said[1], 'i');
}

static void until_deadline(void)
{
	struct timeval tv = { .tv_sec = 100 };
	int p[2];
	char c;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	CHECK(!setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	CHECK(recv(p[0], &c, 1, 0) < 0 && errno == EAGAIN);
	put(said[1], 'd');
}

static void orphan(void)
{
	CHECK(!prctl(PR_SET_PDEATHSIG, SIGUSR1));
	interrupted();
}

static void parent(void)
{
	start(orphan);
	pause();
}

static void server(struct sockaddr_in *a)
{
	socklen_t n = sizeof *a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CHECK(!bind(fd, (void *) a, n) && !listen(fd, 3) && !getsockname(fd, (void *) a, &n));
	if (!fork()) {
		int c = accept(fd, NULL, NULL);

		CHECK(c >= 0 && get(c) == 'n');
		put(said[1], 'a');
		CHECK(!get(c));
		put(said[1], 'e');
		_exit(0);
	}
	close(fd);
}

static void many(void)
{
	for (int i = 0; i < READERS; i++)
		start(of_many);
	start(answer);
	pair(TURNS);
	for (int i = 0; i < READERS; i++)
		put(all[1], (char) ('a' + i % 26));
	for (int i = 0; i < READERS; i++)
		CHECK(get(said[0]) == 'a' + i % 26);
	for (int i = 0; i < READERS; i++)
		CHECK(wait(NULL) > 0);
}

int main(void)
{
	struct sockaddr_in a;
	pid_t i, o;
	int c;

	CHECK(!pipe(all) && !pipe(said) && !socketpair(AF_UNIX, SOCK_STREAM, 0, turn) &&
		!socketpair(AF_UNIX, SOCK_STREAM, 0, back));
	many();
	i = start(interrupted);
	start(until_deadline);
	server(&a);
	pair(50);
	kill(i, SIGUSR1);
	CHECK(get(said[0]) == 'i');
	c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(!connect(c, (void *) &a, sizeof a));
	pair(50);
	put(c, 'n');
	CHECK(get(said[0]) == 'a');
	pair(50);
	close(c);
	CHECK(get(said[0]) == 'e');
	CHECK(get(said[0]) == 'd');
	o = start(parent);
	pair(50);
	kill(o, SIGKILL);
	CHECK(get(said[0]) == 'i');
	shutdown(turn[1], SHUT_WR);
	puts("all");
	return 0;
}
