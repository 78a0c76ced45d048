/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit: 120. The limit of CPU time ends what computes, with calls, without, and in a loop that counts: by
 * signals from the soft one on, for good at the hard one. So do timers of CPU time.
 */
#include "guest.h"

static volatile int came, at;
static volatile unsigned long count;

static void seen(int s)
{
	struct rusage u;

	(void) s;
	getrusage(RUSAGE_SELF, &u);
	at = (int) u.ru_utime.tv_sec;
	came++;
}

static void limit(rlim_t soft, rlim_t hard)
{
	struct rlimit l = { soft, hard };

	CHECK(setrlimit(RLIMIT_CPU, &l) == 0);
}

static void calls(void)
{
	for (;;)
		getppid();
}

static void looks(void)
{
	while (!came)
		;
}

static void counts(void)
{
	while (!came)
		count++;
}

static void ends(void (*f)(void), rlim_t soft, rlim_t hard, int sig)
{
	pid_t p;
	int st;

	fflush(NULL);
	p = fork();
	CHECK(p >= 0);
	if (!p) {
		limit(soft, hard);
		f();
		_exit(0);
	}
	st = wait_of(p);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == sig);
}

static void each_second(void)
{
	struct rlimit l;

	on(SIGXCPU, seen, 0);
	looks();
	CHECK(came == 1 && at == 1);
	CHECK(getrlimit(RLIMIT_CPU, &l) == 0 && l.rlim_cur == 2 && l.rlim_max == 3);
	came = 0;
	looks();
	CHECK(came == 1 && at == 2);
	came = 0;
	looks();
	CHECK(0);
}

static void timer(int which, int sig, void (*f)(void))
{
	const struct itimerval v = { { 0, 0 }, { 0, 300000 } }, none = { 0 };

	on(sig, seen, 0);
	came = 0;
	CHECK(setitimer(which, &v, NULL) == 0);
	f();
	CHECK(came == 1);
	CHECK(setitimer(which, &none, NULL) == 0);
}

int main(void)
{
	ends(calls, 1, 1, SIGKILL);
	ends(calls, 1, RLIM_INFINITY, SIGXCPU);
	ends(looks, 1, 2, SIGXCPU);
	ends(looks, 2, 2, SIGKILL);
	ends(counts, 1, 1, SIGKILL);
	ends(each_second, 1, 3, SIGKILL);
	timer(ITIMER_VIRTUAL, SIGVTALRM, looks);
	timer(ITIMER_PROF, SIGPROF, counts);
	puts("ended");
	return 0;
}
