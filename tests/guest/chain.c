/* SPDX-License-Identifier: Apache-2.0 */
/* Each process has a child and ends, as daemons do, until the first one is asked: it gets its turn. limit: 60. */
#include "guest.h"

int main(void)
{
	int *stop = mmap(NULL, sizeof *stop, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), p[2];
	char c;

	CHECK(stop != MAP_FAILED && pipe(p) == 0);
	if (!fork())
		for (;;) {
			if (*stop || fork())
				_exit(0);
			CHECK(write(p[1], "x", 1) == 1);
		}
	close(p[1]);
	CHECK(read(p[0], &c, 1) == 1);
	*stop = 1;
	while (read(p[0], &c, 1) > 0)
		;
	puts("over");
	return 0;
}
