/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as records read from a descriptor. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* As sd-event and PostgreSQL wait for signals. */
static void in_a_set(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 7 }, got = { 0 };
	struct signalfd_siginfo s;
	int ep = epoll_create1(EPOLL_CLOEXEC), n;

	printf("add %d\n", epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	printf("none %d\n", epoll_wait(ep, &got, 1, 10));
	if (!fork()) {
		sleep(1);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	n = epoll_wait(ep, &got, 1, -1);
	printf("ready %d: %u/%x\n", n, got.data.u32, got.events);
	printf("still %d\n", epoll_wait(ep, &got, 1, -1));
	n = (int) read(fd, &s, sizeof s);
	printf("read %d: signal %u\n", n, s.ssi_signo);
	n = epoll_wait(ep, &got, 1, 5000); /* the child's end */
	printf("ready %d\n", n);
	n = (int) read(fd, &s, sizeof s);
	printf("read %d: signal %u\n", n, s.ssi_signo);
	ev.data.u32 = 8;
	kill(getpid(), SIGUSR2);
	printf("mod %d\n", epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev));
	n = epoll_wait(ep, &got, 1, 0);
	printf("ready %d: %u/%x\n", n, got.data.u32, got.events);
	printf("del %d\n", epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	printf("twice %d\n", epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	printf("none %d\n", epoll_wait(ep, &got, 1, 0));
}

int main(void)
{
	struct signalfd_siginfo s[8];
	sigset_t set;
	ssize_t n;
	int fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0) {
		printf("signalfd: %s\n", strerror(errno));
		return 0;
	}
	kill(getpid(), SIGUSR2);
	kill(getpid(), SIGUSR1);
	n = read(fd, s, sizeof s);
	for (size_t i = 0; n > 0 && i < (size_t) n / sizeof *s; i++)
		printf("signal %u code %d pid %u uid %u\n", s[i].ssi_signo, s[i].ssi_code,
			s[i].ssi_pid, s[i].ssi_uid);
	if (!fork()) {
		for (volatile long i = 0; i < 100000000; i++) /* some ticks */
			;
		_exit(5);
	}
	n = read(fd, s, sizeof *s);
	printf("read %zd: signal %u pid %u status %d times %llu %llu\n", n, s[0].ssi_signo,
		s[0].ssi_pid, s[0].ssi_status, (unsigned long long) s[0].ssi_utime,
		(unsigned long long) s[0].ssi_stime);
	wait(NULL);
	in_a_set(fd);
	return 0;
}
