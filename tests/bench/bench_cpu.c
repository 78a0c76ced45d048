/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU seconds of a command and of everything it starts, also of what outlives its parent.
 * usage: bench_cpu OUT COMMAND...   appends "user+system\n" to the file OUT
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
	return (double) t.tv_sec + (double) t.tv_usec / 1e6;
}

static int wait_all(pid_t first)
{
	int status = 0, code = 125;
	pid_t pid;

	while ((pid = wait(&status)) > 0 || errno == EINTR)
		if (pid == first)
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return code;
}

int main(int argc, char **argv)
{
	struct rusage u;
	FILE *out;
	pid_t pid;
	int code;

	if (argc < 3) {
		fprintf(stderr, "usage: %s OUT COMMAND...\n", argv[0]);
		return 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid < 0)
		return 125;
	if (!pid) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	code = wait_all(pid);
	getrusage(RUSAGE_CHILDREN, &u);
	out = fopen(argv[1], "a");
	if (!out || fprintf(out, "%.6f\n", seconds(u.ru_utime) + seconds(u.ru_stime)) < 0 || fclose(out))
		return 125;
	return code;
}
