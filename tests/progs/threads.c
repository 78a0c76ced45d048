/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which threads get a mutex, a condition, and a barrier. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { THREADS = 5, TURNS = 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static char order[THREADS * TURNS + 1], woken[THREADS + 1];
static int norder, nwoken, go;

static void *run(void *arg)
{
	int id = (int) (long) arg;

	pthread_barrier_wait(&barrier);
	for (int i = 0; i < TURNS; i++) {
		pthread_mutex_lock(&lock);
		order[norder++] = (char) ('a' + id);
		pthread_mutex_unlock(&lock);
		if (i % 4 == id % 4)
			usleep(1);
	}
	pthread_mutex_lock(&lock);
	while (!go)
		pthread_cond_wait(&cond, &lock);
	woken[nwoken++] = (char) ('a' + id);
	pthread_mutex_unlock(&lock);
	return NULL;
}

int main(void)
{
	pthread_t t[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, run, (void *) i);
	usleep(10000);
	pthread_mutex_lock(&lock);
	go = 1;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("lock  %s\nwoken %s\nself  %lx\n", order, woken, (unsigned long) t[0]);
	return 0;
}
