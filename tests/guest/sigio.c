/* SPDX-License-Identifier: Apache-2.0 */
/* SIGIO: what another task does to the other end comes as a signal, where the receiver waits. */
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "guest.h"

static volatile int came, fd_of, band;

static void seen(int s, siginfo_t *si, void *ctx)
{
	(void) s, (void) ctx;
	came++;
	fd_of = si->si_fd;
	band = (int) si->si_band;
}

static void await(int n)
{
	sigset_t none;

	sigemptyset(&none);
	while (came < n)
		sigsuspend(&none);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = seen, .sa_flags = SA_SIGINFO };
	int s[2], p[2], one = 1;
	sigset_t io;
	pid_t child;
	char c;

	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	sigaddset(&io, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &io, NULL);
	sigaction(SIGIO, &sa, NULL);
	sigaction(SIGRTMIN, &sa, NULL);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, s) && !pipe(p));
	CHECK(!ioctl(s[0], FIOASYNC, &one) && !fcntl(s[0], F_SETOWN, getpid()));
	CHECK(!fcntl(p[0], F_SETOWN, getpid()) && !fcntl(p[0], F_SETSIG, SIGRTMIN));
	CHECK(!fcntl(p[0], F_SETFL, O_ASYNC));
	CHECK(fcntl(s[0], F_GETOWN) == getpid());
	child = fork();
	if (!child) {
		for (int i = 0; i < 3; i++) {
			usleep(1000);
			CHECK(write(s[1], "x", 1) == 1);
		}
		usleep(1000);
		CHECK(write(p[1], "y", 1) == 1);
		_exit(0);
	}
	for (int i = 1; i <= 3; i++) {
		await(i);
		CHECK(read(s[0], &c, 1) == 1 && c == 'x');
	}
	await(4);
	CHECK(fd_of == p[0] && band == (POLLIN | POLLRDNORM));
	CHECK(read(p[0], &c, 1) == 1 && c == 'y');
	wait_of(child);
	printf("%d\n", came);
	return 0;
}
