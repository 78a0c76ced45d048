/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit: 30. One spins ever more slowly for a lock, whose holder sleeps, beside one that is busy with
 * calls: that it still spins is not found out anew, by thousands of steps, after each of these.
 */
#include <stdatomic.h>

#include "guest.h"

static atomic_int lock, done;
static long taken;

static void take(void)
{
	for (int b = 1; atomic_exchange(&lock, 1); b *= b < 1024 ? 2 : 1)
		for (int i = 0; i < b; i++)
			__builtin_ia32_pause();
}

static void *taker(void *a)
{
	for (int i = 0; i < 2; i++) {
		take();
		usleep(10000);
		taken++;
		atomic_store(&lock, 0);
	}
	done++;
	return a;
}

int main(void)
{
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&t[i], NULL, taker, NULL));
	while (done < 2)
		sched_yield();
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_join(t[i], NULL));
	CHECK(taken == 4);
	return 0;
}
