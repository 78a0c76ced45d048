/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of processes, threads, groups and sessions. */
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void ids(const char *who)
{
	printf("%s: pid %d ppid %d tid %ld pgid %d sid %d\n", who, getpid(), getppid(),
		(long) syscall(SYS_gettid), getpgrp(), getsid(0));
	fflush(stdout);
}

static void *thread(void *arg)
{
	ids(arg);
	return NULL;
}

int main(void)
{
	pthread_t t;
	char link[64] = "";

	ids("main");
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();
		int status = 0;

		if (!pid) {
			ids("child");
			setsid();
			ids("leader");
			_exit(i);
		}
		pid_t done = waitpid(-1, &status, 0);

		printf("forked %d, waited %d, status %d\n", pid, done, WEXITSTATUS(status));
	}
	for (int i = 0; i < 2; i++) {
		char name[] = "thread";

		pthread_create(&t, NULL, thread, name);
		pthread_join(t, NULL);
	}
	if (readlink("/proc/self", link, sizeof link - 1) > 0)
		printf("/proc/self -> %s\n", link);
	return 0;
}
