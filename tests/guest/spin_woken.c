/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit: 20. Who was woken goes first: whoever woke it may count from then on, as Java's interpreter
 * does in a loop that the woken one compiles.
 */
#include "guest.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static volatile int asked, answered;
static volatile long total;

static void *helper(void *a)
{
	pthread_mutex_lock(&lock);
	while (asked < 5) {
		pthread_cond_wait(&cond, &lock);
		answered = asked;
	}
	pthread_mutex_unlock(&lock);
	return a;
}

static void ask(int n)
{
	pthread_mutex_lock(&lock);
	asked = n;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
	while (answered < n)
		total++;
}

int main(void)
{
	pthread_t t;

	CHECK(!pthread_create(&t, NULL, helper, NULL));
	usleep(1000);
	for (int i = 0; i < 1000; i++)
		time(NULL);
	for (int n = 1; n <= 5; n++)
		ask(n);
	CHECK(!pthread_join(t, NULL));
	printf("%ld\n", total);
	return 0;
}
