/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command and everything it starts costs, also what outlives its parent.
 * usage: bench_cpu OUT COMMAND...   appends "CPU WALL RSS\n" to the file OUT: seconds of CPU (user and
 * system), seconds, and KiB of the largest of the processes
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
	return (double) t.tv_sec + (double) t.tv_usec / 1e6;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
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
	double start = now(), wall;
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
	wall = now() - start;
	getrusage(RUSAGE_CHILDREN, &u);
	out = fopen(argv[1], "a");
	if (!out ||
		fprintf(out, "%.6f %.6f %ld\n", seconds(u.ru_utime) + seconds(u.ru_stime), wall,
			u.ru_maxrss) < 0 ||
		fclose(out))
		return 125;
	return code;
}
