/* SPDX-License-Identifier: Apache-2.0 */
/* limit: 55. Who only counts while a thread of its own sleeps is not waited for as if it did something. */
#include "guest.h"

static volatile int awake;
static volatile long turns[2];

static void *sleeper(void *a)
{
	settle();
	awake++;
	return a;
}

static unsigned long in_a_register(void)
{
	unsigned long n = 0;

	while (!awake)
		n++;
	return n;
}

static void in_memory(void)
{
	while (awake < 2) {
		turns[0]++;
		turns[1] += 3;
	}
}

int main(void)
{
	pthread_t t[2];

	pthread_create(&t[0], NULL, sleeper, NULL);
	CHECK(in_a_register());
	pthread_create(&t[1], NULL, sleeper, NULL);
	in_memory();
	CHECK(turns[0] && turns[1] == 3 * turns[0]);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	puts("awake");
	return 0;
}
