/* SPDX-License-Identifier: Apache-2.0 */
/* A thread spins on memory, without any call, until another one has written it. */
#include "guest.h"

static volatile int flag, pause_flag;
static volatile uint64_t pair[2];
static pthread_spinlock_t lock;
static volatile long count;

static void *setter(void *a)
{
	(void) a;
	usleep(1000);
	flag = 1;
	while (!pause_flag)
		__builtin_ia32_pause();
	pair[0] = 1;
	pair[1] = 1;
	return NULL;
}

static void *locker(void *a)
{
	for (int i = 0; i < 3; i++) {
		pthread_spin_lock(&lock);
		count++;
		sched_yield(); /* the other one spins meanwhile */
		pthread_spin_unlock(&lock);
	}
	return a;
}

static volatile int ball;

static void *other_side(void *a)
{
	for (int i = 0; i < 3; i++) {
		while (ball != 1)
			;
		ball = 2;
	}
	return a;
}

int main(void)
{
	pthread_t t, u;

	pthread_create(&t, NULL, setter, NULL);
	while (!flag)
		;
	puts("flag");
	pause_flag = 1;
	while (!pair[0] || !pair[1])
		__asm__ volatile("" ::: "memory");
	puts("pair");
	pthread_join(t, NULL);
	pthread_spin_init(&lock, 0);
	pthread_create(&t, NULL, locker, NULL);
	pthread_create(&u, NULL, locker, NULL);
	pthread_join(t, NULL);
	pthread_join(u, NULL);
	pthread_create(&t, NULL, other_side, NULL);
	for (int i = 0; i < 3; i++) {
		ball = 1;
		while (ball != 2)
			;
	}
	pthread_join(t, NULL);
	ball = 0;
	printf("spin lock %ld\n", count);
	return 0;
}
