/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit: 120. Two count for ever; the second, like a program of a thread sanitizer, has reserved more
 * memory than anybody can look at.
 */
#include "guest.h"

static volatile long total;

static void count(void)
{
	for (;;)
		total++;
}

static void count_in_much(void)
{
	for (int i = 0; i < 16; i++)
		CHECK(mmap(NULL, 4l << 40, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED);
	count();
}

int main(void)
{
	killed_after(count, 1);
	killed_after(count_in_much, 2);
	CHECK(!total);
	return 0;
}
