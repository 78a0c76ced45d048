/* SPDX-License-Identifier: Apache-2.0 */
/* Restartable sequences: whether they are there, and the CPU that they give away. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));

int main(void)
{
	static _Alignas(32) uint32_t area[8];
	long r = syscall(SYS_rseq, area, sizeof area, 0, 0x53053053);

	printf("rseq %ld %s\n", r, r ? strerror(errno) : "");
	printf("cpu_id %d\n", (int) area[1]);
	if (&__rseq_size) {
		const char *p = (const char *) __builtin_thread_pointer() + __rseq_offset;

		printf("libc's size %u cpu_id %d\n", __rseq_size, ((const int *) (const void *) p)[1]);
	}
	r = syscall(SYS_membarrier, 0, 0, 0);
	printf("membarrier %lx\n", r);
	return 0;
}
