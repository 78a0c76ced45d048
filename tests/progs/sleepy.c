/* SPDX-License-Identifier: Apache-2.0 */
/* How long it takes to wait for nothing, by every call that can. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long start;
static volatile sig_atomic_t ticks;

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void took(const char *what)
{
	long long t = now();

	printf("%s took %lld\n", what, t - start);
	start = now();
}

static void tick(int sig)
{
	(void) sig;
	ticks++;
}

static void timers(void)
{
	struct itimerval it = { { 0, 10000 }, { 0, 10000 } }, off = { 0 };
	timer_t timer;
	struct itimerspec its = { { 0, 0 }, { 0, 30000000 } };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };

	alarm(1);
	pause();
	took("alarm 1 s");
	setitimer(ITIMER_REAL, &it, NULL);
	while (ticks < 6)
		pause();
	setitimer(ITIMER_REAL, &off, &it);
	took("5 ticks of 10 ms");
	if (!timer_create(CLOCK_MONOTONIC, &ev, &timer)) {
		timer_settime(timer, 0, &its, NULL);
		pause();
		took("timer 30 ms");
	}
}

int main(void)
{
	struct timespec t = { 0, 50000000 }, abs;
	struct timeval v = { 0, 20000 };
	struct epoll_event ev;
	int ep = epoll_create1(0);

	signal(SIGALRM, tick);
	start = now();
	nanosleep(&t, NULL);
	took("nanosleep 50 ms");
	clock_gettime(CLOCK_REALTIME, &abs);
	abs.tv_sec++;
	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &abs, NULL);
	took("clock_nanosleep to +1 s");
	poll(NULL, 0, 30);
	took("poll 30 ms");
	select(0, NULL, NULL, NULL, &v);
	took("select 20 ms");
	epoll_wait(ep, &ev, 1, 15);
	took("epoll_wait 15 ms");
	poll(NULL, 0, 0);
	took("poll 0");
	usleep(1);
	took("usleep 1");
	timers();
	sleep(1);
	took("sleep 1 s");
	return 0;
}
