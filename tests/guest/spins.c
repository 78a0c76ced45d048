/* SPDX-License-Identifier: Apache-2.0 */
/* Spinning with calls, and a computation beside a sleeper. */
#include "guest.h"

static volatile int flag, slept;

static void *setter(void *a)
{
	(void) a;
	for (int i = 0; i < 1000; i++)
		sched_yield();
	flag = 1;
	return NULL;
}

static void *sleeper(void *a)
{
	(void) a;
	for (int i = 0; i < 5; i++) {
		usleep(1000);
		slept++;
	}
	return NULL;
}

int main(void)
{
	pthread_t t;
	long n = 0;
	volatile unsigned x = 1;

	pthread_create(&t, NULL, setter, NULL);
	for (; !flag; n++)
		sched_yield();
	pthread_join(t, NULL);
	printf("%ld yields\n", n);
	pthread_create(&t, NULL, sleeper, NULL);
	for (int i = 0; i < 100000000; i++)
		x = x * 1664525 + 1013904223;
	printf("computed %u, slept %d\n", x, slept);
	pthread_join(t, NULL);
	printf("slept %d\n", slept);
	return 0;
}
