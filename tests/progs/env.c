/* SPDX-License-Identifier: Apache-2.0 */
/* What a process inherits. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void limits(void)
{
	for (int i = 0; i < 16; i++) {
		struct rlimit r = { 0 };

		getrlimit((__rlimit_resource_t) i, &r);
		printf("rlimit %d: %llx %llx\n", i, (unsigned long long) r.rlim_cur,
			(unsigned long long) r.rlim_max);
	}
}

static void signals(void)
{
	struct sigaction sa;
	sigset_t mask;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (int i = 1; i < 65; i++) {
		if (sigismember(&mask, i) == 1)
			printf("signal %d blocked\n", i);
		if (!sigaction(i, NULL, &sa) && sa.sa_handler == SIG_IGN)
			printf("signal %d ignored\n", i);
	}
}

int main(int argc, char **argv)
{
	char dir[PATH_MAX] = "";
	gid_t groups[64];
	mode_t mask = umask(0);
	int n = getgroups(64, groups);

	for (int i = 0; i < argc; i++)
		printf("argv[%d] %s\n", i, argv[i]);
	for (char **e = environ; *e; e++)
		printf("%s\n", *e);
	printf("umask %o cwd %s\n", mask, getcwd(dir, sizeof dir) ? dir : strerror(errno));
	printf("ids %d %d %d %d groups", getuid(), geteuid(), getgid(), getegid());
	for (int i = 0; i < n; i++)
		printf(" %d", (int) groups[i]);
	printf("\npersonality %x\n", (unsigned) personality(0xffffffff));
	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("fd %d open, flags %x, tty %d\n", fd,
				(unsigned) fcntl(fd, F_GETFL) & ~O_APPEND, isatty(fd));
	limits();
	signals();
	printf("dumpable %d keepcaps %d nnp %d seccomp %d subreaper", prctl(PR_GET_DUMPABLE),
		prctl(PR_GET_KEEPCAPS), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
		prctl(PR_GET_SECCOMP));
	n = 0;
	prctl(PR_GET_CHILD_SUBREAPER, &n);
	printf(" %d\nlocale %s login %s\n", n, setlocale(LC_ALL, ""),
		getlogin() ? getlogin() : "none");
	return 0;
}
