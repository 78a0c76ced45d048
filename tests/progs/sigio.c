/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that send a signal: to who waits, who computes, by pipe, socket and listener. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t got, from_fd;

static void on_io(int sig, siginfo_t *si, void *ctx)
{
	(void) ctx;
	got = sig;
	from_fd = si->si_fd;
}

static void ask_for(int fd)
{
	int on = 1;

	if (fcntl(fd, F_SETOWN, getpid()) < 0 || ioctl(fd, FIOASYNC, &on) < 0)
		printf("descriptor %d: %s\n", fd, strerror(errno));
	printf("owner %d flags %#x\n", fcntl(fd, F_GETOWN), fcntl(fd, F_GETFL) & O_ASYNC);
}

/* A child does @say; who waits for nothing else is woken. */
static void wait_for(const char *what, int fd, void (*say)(int), int arg)
{
	sigset_t none;
	int r;

	sigemptyset(&none);
	got = from_fd = 0;
	ask_for(fd);
	if (!fork()) {
		say(arg);
		_exit(0);
	}
	r = sigsuspend(&none);
	printf("%s: %s, signal %d of %d\n", what, r < 0 ? strerror(errno) : "?", got, from_fd);
	while (wait(NULL) < 0 && errno == EINTR)
		;
}

static void say_byte(int fd)
{
	sleep(1);
	if (write(fd, "x", 1) != 1)
		_exit(1);
}

static void say_connect(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *) &a, sizeof a) < 0)
		printf("connect: %s\n", strerror(errno));
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_io, .sa_flags = SA_SIGINFO };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	sigset_t io;
	int p[2], s[2], l = socket(AF_INET, SOCK_STREAM, 0);

	setvbuf(stdout, NULL, _IONBF, 0);
	sigaction(SIGIO, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	sigaddset(&io, SIGUSR1);
	sigprocmask(SIG_BLOCK, &io, NULL);
	if (pipe(p) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0 ||
		bind(l, (struct sockaddr *) &a, sizeof a) < 0 || listen(l, 1) < 0 ||
		getsockname(l, (struct sockaddr *) &a, &n) < 0)
		return 1;
	wait_for("pipe", p[0], say_byte, p[1]);
	wait_for("socket", s[0], say_byte, s[1]);
	fcntl(l, F_SETSIG, SIGUSR1);
	printf("sends %d\n", fcntl(l, F_GETSIG));
	wait_for("listener", l, say_connect, ntohs(a.sin_port));
	return 0;
}
