/* SPDX-License-Identifier: Apache-2.0 */
/* More address space than there is, used and given back; what lies in the way stays as it is. */
#include "guest.h"

#define TB (1l << 40)

static volatile int before = 77;

static char *reserve(char *at, long n, int flags)
{
	return mmap(at, (size_t) n, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

int main(void)
{
	char *heap = strdup("heap"), *p = reserve(NULL, TB, 0), *fixed, *big[16];
	int same = 0;

	CHECK(p != MAP_FAILED);
	fixed = reserve((char *) ((uintptr_t) p - 20 * TB), 4096, MAP_FIXED);
	CHECK(fixed != MAP_FAILED);
	fixed[9] = 'f';
	p[0] = 'p';
	for (long n = TB; n < TB + 300 * 4096; n += 4096) { /* grows, each time somewhere else */
		char *q = mremap(p, (size_t) n, (size_t) n + 4096, MREMAP_MAYMOVE);

		CHECK(q != MAP_FAILED && q[0] == 'p' && fixed[9] == 'f');
		same += p == q;
		p = q;
	}
	CHECK(before == 77 && !strcmp(heap, "heap"));
	for (int i = 0; i < 300; i++) {
		char *q = reserve(NULL, TB / 2, 0);

		CHECK(q != MAP_FAILED);
		q[0] = 1;
		CHECK(p[0] == 'p' && fixed[9] == 'f' && before == 77);
		CHECK(!munmap(q, TB / 2));
	}
	for (int i = 0; i < 16; i++) /* all at once */
		CHECK((big[i] = reserve(NULL, 4 * TB, 0)) != MAP_FAILED);
	CHECK(p[0] == 'p' && fixed[9] == 'f' && before == 77 && !strcmp(heap, "heap"));
	printf("%p %p %d\n", p, big[15], same);
	free(heap);
	return 0;
}
