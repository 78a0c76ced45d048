/* SPDX-License-Identifier: Apache-2.0 */
/* All leaves of CPUID, and what XGETBV says where it may be asked. */
#include <cpuid.h>
#include <stdio.h>

static void show(unsigned leaf, unsigned sub)
{
	unsigned a, b, c, d;

	__cpuid_count(leaf, sub, a, b, c, d);
	printf("%08x.%x %08x %08x %08x %08x\n", leaf, sub, a, b, c, d);
}

static void range(unsigned first)
{
	unsigned max = __get_cpuid_max(first, NULL);

	for (unsigned leaf = first; leaf <= max && leaf - first < 64; leaf++)
		for (unsigned sub = 0; sub < 5; sub++)
			show(leaf, sub);
}

int main(void)
{
	unsigned a, b, c = 0, d, lo, hi;

	range(0);
	show(0x40000000, 0);
	range(0x80000000);
	if (__get_cpuid(1, &a, &b, &c, &d) && c & bit_OSXSAVE) {
		__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
		/* the state components that the model has; others can't be hidden */
		printf("xcr0 %x\n", lo & 7);
	}
	return 0;
}
