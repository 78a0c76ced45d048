/* SPDX-License-Identifier: Apache-2.0 */
/* expect: 125. says: deadlocked. says: write. Two processes write to each other, and none reads. */
#include "guest.h"

static int a[2], b[2];
static char big[1 << 20];

static void other(void)
{
	write(b[1], big, sizeof big);
	read(a[0], big, sizeof big);
}

int main(void)
{
	CHECK(pipe(a) == 0 && pipe(b) == 0);
	start(other);
	write(a[1], big, sizeof big);
	read(b[0], big, sizeof big);
	return 0;
}
