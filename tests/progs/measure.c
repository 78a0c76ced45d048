/* SPDX-License-Identifier: Apache-2.0 */
/* How often something can be done in a given time: who asks for the time, and does nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long sum;

static double mono(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static double day(void)
{
	struct timeval t;

	gettimeofday(&t, NULL);
	return (double) t.tv_sec + (double) t.tv_usec / 1e6;
}

static double cpu(void)
{
	return (double) clock() / CLOCKS_PER_SEC;
}

static double ticks(void)
{
	struct tms t;

	times(&t);
	return (double) t.tms_utime / 100;
}

static double takes(double (*now)(void), unsigned long n)
{
	double from = now();

	for (unsigned long i = 0; i < n; i++)
		sum += i;
	return now() - from;
}

static void how_often(const char *what, double (*now)(void), double wanted)
{
	unsigned long n = 1;
	double t;

	while ((t = takes(now, n)) < wanted) {
		void *p = mmap(NULL, 1 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		munmap(p, 1 << 12);
		n *= 2;
	}
	printf("%s: %lu in %f s\n", what, n, t);
	fflush(stdout);
}

/* As Perl's Benchmark does: what the loop itself costs is measured before, and subtracted. */
static void how_much_longer(double wanted)
{
	unsigned long n = 1;
	double none, t;

	do {
		n *= 2;
		none = takes(ticks, n);
		t = takes(ticks, n);
	} while (t - none < wanted);
	printf("longer: %lu by %f s\n", n, t - none);
	fflush(stdout);
}

/* What is written in between has taken no longer than before. */
static void stamps(void)
{
	double from = mono();

	for (int i = 0; i < 100; i++)
		if (write(1, mono() < from ? "-" : "+", 1) != 1)
			abort();
	printf("\nstamps: %f s\n", mono() - from);
	fflush(stdout);
}

/* Somebody else waits: their time comes first, and nobody is late. */
static void beside(void)
{
	double from = mono();

	if (!fork()) {
		usleep(5000);
		printf("woken after %f s\n", mono() - from);
		fflush(stdout);
		_exit(0);
	}
	for (int i = 0; i < 1000; i++)
		mono();
	wait(NULL);
}

int main(void)
{
	how_often("monotonic", mono, 0.2);
	how_often("time of day", day, 0.5);
	how_often("CPU time", cpu, 0.1);
	how_much_longer(0.1);
	stamps();
	beside();
	return 0;
}
