/* SPDX-License-Identifier: Apache-2.0 */
/* limit: 600. */
/* slow. */
/* A thread waits for another one's word, and counts meanwhile, as Java's interpreter does. */
#include "guest.h"

static volatile int ready, flag;
static volatile long total;

static void *say(void *arg)
{
	ready = 1;
	usleep(100000);
	flag = 1;
	return arg;
}

int main(void)
{
	pthread_t t;

	CHECK(!pthread_create(&t, NULL, say, NULL));
	while (!ready)
		sched_yield();
	while (!flag)
		total++;
	CHECK(!pthread_join(t, NULL));
	return 0;
}
