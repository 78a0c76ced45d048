/* SPDX-License-Identifier: Apache-2.0 */
/* expect: 125. says: a loop. Alarms end some loops; the last two wait for each other. */
#include "guest.h"

static volatile int rang, never;

static void ring(int s) { (void) s; rang++; }

static void until_killed(void)
{
	alarm(1);
	for (;;)
		;
}

static void *never_ends(void *a)
{
	while (never < 7)
		;
	return a;
}

int main(void)
{
	pthread_t t;
	int st = wait_of(start(until_killed));

	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGALRM);
	on(SIGALRM, ring, 0);
	alarm(3);
	while (!rang)
		;
	puts("rang");
	fflush(stdout);
	pthread_create(&t, NULL, never_ends, NULL);
	while (!never)
		__builtin_ia32_pause();
	return 0;
}
