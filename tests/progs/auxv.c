/* SPDX-License-Identifier: Apache-2.0 */
/* The auxiliary vector as it lies above the environment and as procfs has it, and the bytes of AT_RANDOM. */
#include <elf.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

static void show(const Elf64_auxv_t *a)
{
	const unsigned char *p = (const unsigned char *) a->a_un.a_val;

	printf("%lu %#lx", (unsigned long) a->a_type, (unsigned long) a->a_un.a_val);
	if (a->a_type == AT_RANDOM)
		for (int i = 0; i < 16; i++)
			printf(" %02x", p[i]);
	if (a->a_type == AT_PLATFORM || a->a_type == AT_EXECFN)
		printf(" %s", (const char *) p);
	putchar('\n');
}

static void compare(const Elf64_auxv_t *a, size_t n)
{
	Elf64_auxv_t got[64];
	FILE *f = fopen("/proc/self/auxv", "r");
	size_t have = f ? fread(got, sizeof *got, 64, f) : 0;

	printf("in procfs: %zu of %zu, %s\n", have, n,
		have == n && !memcmp(got, a, n * sizeof *a) ? "the same" : "others");
}

int main(void)
{
	char **e = environ;
	const Elf64_auxv_t *a;

	while (*e)
		e++;
	for (a = (const Elf64_auxv_t *) (e + 1); a->a_type != AT_NULL; a++)
		show(a);
	compare((const Elf64_auxv_t *) (e + 1), (size_t) (a + 1 - (const Elf64_auxv_t *) (e + 1)));
	return 0;
}
