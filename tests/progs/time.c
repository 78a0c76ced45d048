/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to ask for the time. */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timeb.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static void clocks(void)
{
	for (int id = 0; id <= 11; id++) {
		struct timespec t = { 0 }, r = { 0 };
		int a = clock_gettime(id, &t), b = clock_getres(id, &r);

		printf("clock %d: %d %lld.%09ld, resolution %d %lld.%09ld\n", id, a,
			(long long) t.tv_sec, t.tv_nsec, b, (long long) r.tv_sec, r.tv_nsec);
	}
}

static void raw(void)
{
	struct timespec t = { 0 };
	struct timeval v = { 0 };
	long s;

	s = syscall(SYS_time, NULL);
	syscall(SYS_gettimeofday, &v, NULL);
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
	printf("raw %ld %lld.%06ld %lld.%09ld\n", s, (long long) v.tv_sec, (long) v.tv_usec,
		(long long) t.tv_sec, t.tv_nsec);
}

int main(void)
{
	struct timezone tz = { 0 };
	struct timeval v;
	struct timespec t;
	struct tms tms;
	struct timex x;
	time_t now = time(NULL);
	clock_t ticks;

	gettimeofday(&v, &tz);
	printf("time %lld\n", (long long) now);
	printf("gettimeofday %lld.%06ld zone %d %d\n", (long long) v.tv_sec, (long) v.tv_usec,
		tz.tz_minuteswest, tz.tz_dsttime);
	timespec_get(&t, TIME_UTC);
	printf("timespec_get %lld.%09ld\n", (long long) t.tv_sec, t.tv_nsec);
	clocks();
	raw();
	printf("clock() %ld\n", (long) clock());
	ticks = times(&tms);
	printf("times %ld user %ld system %ld\n", (long) ticks, (long) tms.tms_utime,
		(long) tms.tms_stime);
	memset(&x, 0, sizeof x);
	printf("adjtimex %d", adjtimex(&x));
	printf(" %lld.%ld status %x freq %ld\n", (long long) x.time.tv_sec, (long) x.time.tv_usec,
		(unsigned) x.status, x.freq);
	printf("local %s", ctime(&now));
	return 0;
}
