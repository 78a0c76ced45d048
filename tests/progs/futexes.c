/* SPDX-License-Identifier: Apache-2.0 */
/* The raw futex: order of wake-ups, requeue, timeouts. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 5 };

static int word, other, ready;
static char order[32];
static int n;

static long futex(int *w, int op, int v, const void *t, int *w2, int v3)
{
	return syscall(SYS_futex, w, op | FUTEX_PRIVATE_FLAG, v, t, w2, v3);
}

static void *waiter(void *arg)
{
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0) && errno == EINTR)
		;
	order[__atomic_fetch_add(&n, 1, __ATOMIC_SEQ_CST)] = (char) ('a' + (long) arg);
	return NULL;
}

static void timeouts(void)
{
	struct timespec t = { 0, 20000000 }, a, b;
	long r;

	clock_gettime(CLOCK_MONOTONIC, &a);
	r = futex(&word, FUTEX_WAIT, 0, &t, NULL, 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("timeout %ld %s after %lld\n", r, strerror(errno),
		(b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec);
	r = futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0);
	printf("other value %ld %s\n", r, strerror(errno));
	printf("nobody %ld\n", futex(&word, FUTEX_WAKE, 5, NULL, NULL, 0));
}

int main(void)
{
	pthread_t t[THREADS];

	timeouts();
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, waiter, (void *) i);
	while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < THREADS)
		usleep(1000);
	usleep(20000);
	printf("wake 1: %ld\n", futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	printf("requeue: %ld\n",
		futex(&word, FUTEX_CMP_REQUEUE, 1, (void *) 2L, &other, 0));
	printf("wake other: %ld\n", futex(&other, FUTEX_WAKE, 9, NULL, NULL, 0));
	printf("wake rest: %ld\n", futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("order %s\n", order);
	return 0;
}
