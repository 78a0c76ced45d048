/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that wait without sleeping: for the clock, and for another thread. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static volatile int flag, turns;

static void *setter(void *arg)
{
	(void) arg;
	for (int i = 0; i < 10; i++) {
		turns++;
		sched_yield();
	}
	flag = 1;
	return NULL;
}

static long long ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void until_clock(clockid_t id, const char *name)
{
	long long end = ns(id) + 2000000;
	long n = 0;

	while (ns(id) < end)
		n++;
	printf("%s: 2 ms in %ld turns\n", name, n);
}

int main(void)
{
	pthread_t t;
	long n = 0;
	time_t s;

	until_clock(CLOCK_MONOTONIC, "monotonic");
	until_clock(CLOCK_REALTIME, "realtime");
	until_clock(CLOCK_PROCESS_CPUTIME_ID, "cpu");
	pthread_create(&t, NULL, setter, NULL);
	while (!flag) {
		sched_yield();
		n++;
	}
	pthread_join(t, NULL);
	printf("flag after %ld yields, %d turns\n", n, turns);
	s = time(NULL) + 1;
	usleep(990000);
	for (n = 0; time(NULL) < s; n++)
		usleep(100);
	printf("next second after %ld short sleeps\n", n);
	return 0;
}
