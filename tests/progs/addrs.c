/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of everything that address space randomisation moves. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

static int data = 1, bss;

int main(int argc, char **argv)
{
	int local = argc;
	void *small = malloc(10), *big = malloc(1 << 20);
	void *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *below = mmap(NULL, 1 << 22, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("stack %p argv %p argv[0] %p\n", (void *) &local, (void *) argv, (void *) argv[0]);
	printf("heap %p big %p brk %p\n", small, big, sbrk(0));
	printf("mmap %p %p\n", map, below);
	printf("main %p data %p bss %p\n", (void *) main, (void *) &data, (void *) &bss);
	printf("libc %p ld.so %#lx vdso %#lx\n", dlsym(RTLD_DEFAULT, "printf"), getauxval(AT_BASE),
		getauxval(AT_SYSINFO_EHDR));
	free(small);
	free(big);
	return 0;
}
