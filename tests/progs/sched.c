/* SPDX-License-Identifier: Apache-2.0 */
/* Affinity, the current CPU, priorities and policies. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	unsigned cpu = 99, node = 99;
	cpu_set_t set;
	struct sched_param p = { 0 };
	struct timespec t = { 0 };

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof set, &set))
		printf("sched_getaffinity: %s\n", strerror(errno));
	printf("cpus %d:", CPU_COUNT(&set));
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			printf(" %d", i);
	printf("\nraw %ld\n", syscall(SYS_sched_getaffinity, 0, sizeof set, &set));
	printf("getcpu %ld", syscall(SYS_getcpu, &cpu, &node, NULL));
	printf(" cpu %u node %u, sched_getcpu %d\n", cpu, node, sched_getcpu());
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	printf("setaffinity 0: %d\n", sched_setaffinity(0, sizeof set, &set));
	CPU_ZERO(&set);
	CPU_SET(500, &set);
	printf("setaffinity 500: %d\n", sched_setaffinity(0, sizeof set, &set));
	printf("policy %d", sched_getscheduler(0));
	printf(" param %d %d\n", sched_getparam(0, &p), p.sched_priority);
	printf("fifo %d..%d\n", sched_get_priority_min(SCHED_FIFO),
		sched_get_priority_max(SCHED_FIFO));
	printf("interval %d", sched_rr_get_interval(0, &t));
	printf(" %lld.%09ld\n", (long long) t.tv_sec, t.tv_nsec);
	printf("priority %d", getpriority(PRIO_PROCESS, 0));
	printf(" nice %d", nice(3));
	printf(" then %d\n", getpriority(PRIO_PROCESS, 0));
	printf("ioprio %ld\n", syscall(SYS_ioprio_get, 1, 0));
	printf("timer slack %d\n", prctl(PR_GET_TIMERSLACK));
	return 0;
}
