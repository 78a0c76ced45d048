/* SPDX-License-Identifier: Apache-2.0 */
/* The vsyscall page has no real time for us; where the vDSO was there is nothing. It reads its own code. */
#include <elf.h>
#include <sys/auxv.h>

#include "guest.h"

static void by_time(void)
{
	long t = ((long (*)(long *)) 0xffffffffff600400)(NULL);

	printf("time %ld\n", t);
	CHECK(!IS_REAL_TIME(t));
}

static void by_gettimeofday(void)
{
	struct timeval tv = { 0, 0 };
	int r = ((int (*)(void *, void *)) 0xffffffffff600000)(&tv, NULL);

	printf("gettimeofday %d %ld\n", r, (long) tv.tv_sec);
	CHECK(!IS_REAL_TIME(tv.tv_sec));
}

static void by_getcpu(void)
{
	unsigned cpu = 77, node = 77;
	int r = ((int (*)(void *, void *, void *)) 0xffffffffff600800)(&cpu, &node, NULL);

	printf("getcpu %d %u %u\n", r, cpu, node);
	CHECK(r < 0 || cpu == 0);
}

static void try(const char *name, void (*f)(void))
{
	int st = wait_of(start(f));

	printf("%s: %s\n", name, st == 0 ? "answered" : WIFSIGNALED(st) ? "killed" : "?");
	CHECK(st == 0 || (WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV));
}

int main(void)
{
	int p[2];

	try("time", by_time);
	try("gettimeofday", by_gettimeofday);
	try("getcpu", by_getcpu);
	CHECK(getauxval(AT_SYSINFO_EHDR) == 0);
	CHECK(pipe(p) == 0);
	for (uintptr_t at = 0x7ffff7f00000; at < 0x7ffff7fff000; at += 4096) {
		char page[4096];

		if (write(p[1], (void *) at, 4096) != 4096)
			continue;
		CHECK(read(p[0], page, 4096) == 4096);
		CHECK(memcmp(page, "\177ELF", 4) || !memmem(page, 4096, "linux-vdso", 10));
	}
	puts("no vDSO");
	return 0;
}
