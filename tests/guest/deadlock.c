/* SPDX-License-Identifier: Apache-2.0 */
/* expect: 125. says: deadlocked. says: read. Two processes wait for each other, for ever. */
#include "guest.h"

static int a[2], b[2];

static void other(void)
{
	char c;

	read(a[0], &c, 1);
	write(b[1], &c, 1);
}

int main(void)
{
	char c;

	CHECK(pipe(a) == 0 && pipe(b) == 0);
	start(other);
	read(b[0], &c, 1);
	return 0;
}
