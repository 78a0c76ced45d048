/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which children end, are waited for, and write to one pipe. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 8 };

static volatile sig_atomic_t sigchlds;

static void count(int sig)
{
	(void) sig;
	sigchlds++;
}

static void child(int i, int fd)
{
	char line[32];

	for (int k = 0; k < 3; k++) {
		int n = snprintf(line, sizeof line, "%d.%d ", i, k);

		if (write(fd, line, (size_t) n) < 0)
			_exit(99);
		getppid();
	}
	_exit(i);
}

int main(void)
{
	struct sigaction sa = { .sa_handler = count, .sa_flags = SA_RESTART };
	int p[2], status;
	char buf[4096];
	ssize_t n;
	pid_t pid;

	sigaction(SIGCHLD, &sa, NULL);
	if (pipe(p))
		return 1;
	for (int i = 0; i < CHILDREN; i++)
		if (!fork())
			child(i, p[1]);
	close(p[1]);
	printf("written: ");
	while ((n = read(p[0], buf, sizeof buf)) > 0)
		printf("%.*s", (int) n, buf);
	printf("\nwaited:");
	while ((pid = wait(&status)) > 0)
		printf(" %d/%d", pid, WEXITSTATUS(status));
	printf("\nSIGCHLD seen: %s\n", sigchlds ? "yes" : "no");
	printf("count %d\n", (int) sigchlds);
	return 0;
}
