/* SPDX-License-Identifier: Apache-2.0 */
/* Who looks at the clock again and again, but from everywhere, only looks: no time has gone by. */
#include "guest.h"

static volatile int depth;

static double now(void)
{
	struct timespec ts;

	CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static double deep(int n)
{
	volatile char room[64];

	room[0] = (char) n;
	depth++;
	return n ? deep(n - 1) + now() * 0 + room[0] * 0 : now();
}

int main(void)
{
	double from = now();

	for (int i = 0; i < 20; i++)
		deep(17);
	CHECK(depth == 360);
	CHECK(now() - from < 0.02);
	return 0;
}
