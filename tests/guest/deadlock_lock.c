/* SPDX-License-Identifier: Apache-2.0 */
/* expect: 125. says: deadlocked. says: futex. Two threads take two locks in two orders. */
#include "guest.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

static void *other(void *arg)
{
	pthread_mutex_lock(&b);
	usleep(1000);
	pthread_mutex_lock(&a);
	return arg;
}

int main(void)
{
	pthread_t t;

	pthread_mutex_lock(&a);
	pthread_create(&t, NULL, other, NULL);
	usleep(1000);
	pthread_mutex_lock(&b);
	return 0;
}
