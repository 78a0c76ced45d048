/* SPDX-License-Identifier: Apache-2.0 */
/* Large things: arguments, mappings, recursion, pipes both ways. */
#include "guest.h"

extern char **environ;

static void big_args(size_t total)
{
	size_t one = 100000, n = total / one;
	char **argv = calloc(n + 4, sizeof *argv), *big = malloc(one);
	int st;
	pid_t p;

	memset(big, 'a', one);
	big[one - 1] = 0;
	argv[0] = "true";
	for (size_t i = 1; i <= n; i++)
		argv[i] = big;
	fflush(stdout);
	p = fork();
	if (!p) {
		execv("/bin/true", argv);
		_exit(errno == E2BIG ? 7 : 8);
	}
	st = wait_of(p);
	printf("%zu bytes of arguments: %s\n", total,
		st == 0 ? "executed" : st == 7 << 8 ? "E2BIG" : "?");
	CHECK(st == 0 || st == 7 << 8);
}

static int deep(int n)
{
	volatile char b[500];

	b[0] = (char) n;
	return n ? deep(n - 1) + b[0] - (char) n : 0;
}

static void mappings(void)
{
	size_t huge = 1ull << 40;
	char *p = mmap(NULL, huge, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int n = 0;

	if (p != MAP_FAILED) {
		p[0] = p[huge - 1] = 1;
		printf("1 TiB at %p\n", p);
		munmap(p, huge);
	}
	CHECK(mmap(NULL, 1ull << 62, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	for (; n < 20000; n++)
		if (mmap(NULL, 4096, n & 1 ? PROT_READ : PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			MAP_FAILED)
			break;
	printf("%d mappings\n", n);
}

static int to[2], from[2];

static void echo(void)
{
	static char b[1 << 20];
	size_t n = 0;
	ssize_t r;

	close(to[1]);
	close(from[0]);
	while (n < sizeof b && (r = read(to[0], b + n, sizeof b - n)) > 0)
		n += (size_t) r;
	CHECK(n == sizeof b);
	CHECK(write(from[1], b, sizeof b) == sizeof b);
}

static void pipes(void)
{
	static char a[1 << 20], b[1 << 20];
	size_t n = 0;
	ssize_t r;
	pid_t p;

	CHECK(pipe(to) == 0 && pipe(from) == 0);
	for (size_t i = 0; i < sizeof a; i++)
		a[i] = (char) (i * 7 + i / 256);
	p = start(echo);
	close(to[0]);
	close(from[1]);
	CHECK(write(to[1], a, sizeof a) == sizeof a);
	while (n < sizeof b && (r = read(from[0], b + n, sizeof b - n)) > 0)
		n += (size_t) r;
	CHECK(n == sizeof b && !memcmp(a, b, n));
	CHECK(wait_of(p) == 0);
	puts("1 MiB both ways");
}

int main(void)
{
	big_args(1 << 20);
	big_args(10 << 20);
	big_args(1 << 17);
	CHECK(deep(10000) == 0);
	mappings();
	pipes();
	return 0;
}
