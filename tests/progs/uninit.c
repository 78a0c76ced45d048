/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of memory nobody has written: the stack below, fresh and reused heap, a new mapping. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static unsigned long long digest(const volatile unsigned char *p, size_t n)
{
	unsigned long long h = 14695981039346656037ull;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 1099511628211ull;
	return h;
}

__attribute__((noinline)) static unsigned long long below(void)
{
	volatile unsigned char junk[8192];

	__asm__ volatile("" : : "r"(junk) : "memory");
	return digest(junk, sizeof junk);
}

int main(void)
{
	unsigned long long first = below();
	void *map = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *p, *q;

	printf("stack %016llx\n", first);
	p = malloc(5000);
	printf("fresh %016llx\n", digest((unsigned char *) p, 5000));
	snprintf(p, 5000, "%p", (void *) p);
	free(p);
	q = malloc(5000);
	printf("reused %016llx\n", digest((unsigned char *) q, 5000));
	for (int i = 0; i < 40; i++)
		free(malloc((size_t) i * 30));
	p = malloc(600);
	printf("bins %016llx\n", digest((unsigned char *) p, 600));
	printf("map %016llx\n", digest(map, 65536));
	printf("stack %016llx\n", below());
	free(p);
	free(q);
	return 0;
}
