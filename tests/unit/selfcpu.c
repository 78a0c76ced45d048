/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's own traps: what traps answers with the truth, a fault is still one. */
#include "tests/check.h"

#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "shim/cpu.h"
#include "shim/engine.h"

static bool trapped(void)
{
	int tsc = 0;

	return prctl(PR_GET_TSC, &tsc, 0, 0, 0) == 0 && tsc == PR_TSC_SIGSEGV;
}

/* Exit statuses of a process that has its traps set. */
static int tsc(void)
{
	unsigned cpu = UINT32_MAX;
	uint64_t a = __rdtsc(), b = __rdtscp(&cpu), c = __rdtsc();

	return a && a < b && b < c && cpu != UINT32_MAX && trapped() ? 0 : 1;
}

static int clocks(void)
{
	struct timespec ts;
	uint64_t a = self_now(), b, c;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) < 0) /* the vDSO's, which reads the counter */
		return 2;
	b = (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
	c = self_now();
	return a <= b && b <= c && trapped() ? 0 : 1;
}

static int cpuid(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(0, &a, &b, &c, &d) && a >= 1 && b && c && d && trapped() ? 0 : 1;
}

static int fault(void)
{
	volatile uintptr_t nothing = 8;

	*(volatile int *) nothing = 1;
	return 0;
}

static int status_of(int (*what)(void))
{
	pid_t pid = fork();
	int st = -1;

	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		_exit(self_trap_cpu(cpu_can_fault()) < 0 || !trapped() ? 99 : what());
	}
	return pid > 0 && waitpid(pid, &st, 0) == pid ? st : -1;
}

TEST(the_counter_goes_on)
{
	EQ(status_of(tsc), 0);
}

TEST(clocks_agree)
{
	EQ(status_of(clocks), 0);
}

TEST(cpuid_is_answered)
{
	EQ(status_of(cpuid), 0);
}

TEST(faults_stay)
{
	int st = status_of(fault);

	OK(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV);
}

CHECK_MAIN
