/* SPDX-License-Identifier: Apache-2.0 */
/* Ten thousand processes at once, each with its place in the order. limit: 400. */
#include "guest.h"

enum { MANY = 10000 };

int main(void)
{
	int up[2], down[2], total = 0, last = -1;
	pid_t first = 0;
	char c;

	CHECK(pipe(up) == 0 && pipe(down) == 0);
	for (int i = 0; i < MANY; i++) {
		pid_t p = fork();

		CHECK(p >= 0);
		first = first ? first : p;
		if (!p) {
			close(down[1]);
			write(up[1], "x", 1);
			read(down[0], &c, 1); /* until all are there */
			_exit(i & 63);
		}
		last = p - first;
	}
	for (int i = 0; i < MANY; i++)
		CHECK(read(up[0], &c, 1) == 1);
	close(down[1]);
	for (int i = 0; i < MANY; i++) {
		int st;

		CHECK(wait(&st) > 0);
		total += WEXITSTATUS(st);
	}
	printf("%d processes, numbered up to %d: %d\n", MANY, last, total);
	return 0;
}
