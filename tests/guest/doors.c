/* SPDX-License-Identifier: Apache-2.0 */
/* Other ways into the kernel: int 0x80, x32 numbers, unknown numbers. None answers with real time. */
#include "guest.h"

static long int80(long nr, long a)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a) : "memory", "r8", "r9", "r10", "r11");
	return r;
}

static long raw(long nr, long a, long b)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(0)
			 : "rcx", "r11", "memory");
	return r;
}

int main(void)
{
	const long odd[] = { -1, 500, 512, 547, 1023, 1024, 5000, 0x3fffffff, 0x7fffffff,
		0x40000000 | 201, 0x40000000 | 39, 0x40000000 | 520 };
	struct timespec ts = { 0, 0 };

	printf("int 0x80 time %ld getpid %ld exit %ld\n", int80(13, 0), int80(20, 0), int80(1, 7));
	CHECK(int80(13, 0) == -ENOSYS);
	for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++) {
		long r = raw(odd[i], (long) &ts, (long) &ts);

		printf("%lx: %ld\n", odd[i], r);
		CHECK(r == -ENOSYS);
	}
	for (long n = 463; n < 1100; n++)
		CHECK(raw(n, -1, -1) < 0);
	/* the upper half of the number is not looked at by the kernel, neither by us */
	CHECK(raw(39 | 1l << 40, 0, 0) == getpid());
	CHECK(raw(SYS_clock_gettime | 1l << 40, 0, (long) &ts) == 0);
	printf("time %ld\n", (long) ts.tv_sec);
	CHECK(!IS_REAL_TIME(ts.tv_sec));
	return 0;
}
