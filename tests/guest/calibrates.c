/* SPDX-License-Identifier: Apache-2.0 */
/* How often something can be done in a given time, beside threads that wait, sleep, yield, look at memory. */
#include "guest.h"

static volatile int stop;
static volatile unsigned sum;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t over = PTHREAD_COND_INITIALIZER;

static double now(void)
{
	struct timespec ts;

	CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static double day(void)
{
	struct timeval tv;

	CHECK(gettimeofday(&tv, NULL) == 0);
	return (double) tv.tv_sec + (double) tv.tv_usec / 1e6;
}

static void *waits(void *a)
{
	pthread_mutex_lock(&lock);
	while (!stop)
		pthread_cond_wait(&over, &lock);
	pthread_mutex_unlock(&lock);
	return a;
}

static void *sleeps(void *a)
{
	for (; !stop; ++*(long *) a)
		usleep(10000);
	return a;
}

static void *yields(void *a)
{
	while (!stop)
		sched_yield();
	return a;
}

static void *looks(void *a)
{
	while (!stop)
		__asm__ volatile("pause");
	return a;
}

static void calibrate(const char *what, void *(*other)(void *), double (*clock)(void), long more,
	double wanted)
{
	long n, k, done = 0;
	pthread_t t;
	double from, took;

	stop = 0;
	CHECK(pthread_create(&t, NULL, other, &done) == 0);
	for (n = 1;; n *= more) {
		from = clock();
		for (k = 0; k < n * 100; k++)
			sum = sum * 1664525 + 1013904223;
		took = clock() - from;
		if (took >= wanted)
			break;
	}
	pthread_mutex_lock(&lock);
	stop = 1;
	pthread_cond_broadcast(&over);
	pthread_mutex_unlock(&lock);
	CHECK(pthread_join(t, NULL) == 0);
	printf("%s: %ld in %.3f s, %ld\n", what, n, took, done);
	fflush(stdout);
}

int main(void)
{
	calibrate("beside one that waits", waits, now, 2, 1);
	calibrate("ten times as often", waits, now, 10, 0.5);
	calibrate("beside one that sleeps", sleeps, now, 10, 0.5);
	calibrate("the time of day", sleeps, day, 2, 0.2);
	calibrate("beside one that yields", yields, now, 10, 0.05);
	calibrate("beside one that looks", looks, now, 2, 0.5);
	return 0;
}
