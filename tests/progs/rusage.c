/* SPDX-License-Identifier: Apache-2.0 */
/* Resource usage of this process and of its children. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void show(const char *what, const struct rusage *r)
{
	printf("%s: user %lld.%06ld system %lld.%06ld rss %ld faults %ld/%ld io %ld/%ld sw %ld/%ld\n",
		what, (long long) r->ru_utime.tv_sec, (long) r->ru_utime.tv_usec,
		(long long) r->ru_stime.tv_sec, (long) r->ru_stime.tv_usec, r->ru_maxrss,
		r->ru_minflt, r->ru_majflt, r->ru_inblock, r->ru_oublock, r->ru_nvcsw, r->ru_nivcsw);
}

int main(void)
{
	struct rusage r;
	volatile unsigned x = 0;
	int status;
	pid_t pid;

	memset(malloc(1 << 20), 1, 1 << 20);
	for (int i = 0; i < 3000000; i++)
		x += (unsigned) i;
	getrusage(RUSAGE_SELF, &r);
	show("self", &r);
	getrusage(RUSAGE_THREAD, &r);
	show("thread", &r);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 3000000; i++)
			x += (unsigned) i;
		_exit(3);
	}
	wait4(pid, &status, 0, &r);
	show("child", &r);
	getrusage(RUSAGE_CHILDREN, &r);
	show("children", &r);
	return x == 1;
}
