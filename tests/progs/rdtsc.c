/* SPDX-License-Identifier: Apache-2.0 */
/* The time stamp counter, read both ways, and how it relates to the clock. */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

int main(void)
{
	unsigned aux = 99;
	unsigned long long a = __rdtsc(), b = __rdtscp(&aux), c;
	struct timespec t;

	printf("rdtsc %llu\nrdtscp %llu aux %u\n", a, b, aux);
	for (int i = 0; i < 5; i++)
		printf("step %llu\n", __rdtsc() - a);
	clock_gettime(CLOCK_MONOTONIC, &t);
	c = __rdtsc();
	printf("monotonic %lld.%09ld tsc %llu\n", (long long) t.tv_sec, t.tv_nsec, c);
	return c < b;
}
