/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as records read from a descriptor. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

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
	if (!fork())
		_exit(5);
	n = read(fd, s, sizeof *s);
	printf("read %zd: signal %u pid %u status %d times %llu %llu\n", n, s[0].ssi_signo,
		s[0].ssi_pid, s[0].ssi_status, (unsigned long long) s[0].ssi_utime,
		(unsigned long long) s[0].ssi_stime);
	wait(NULL);
	return 0;
}
