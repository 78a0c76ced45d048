/* SPDX-License-Identifier: Apache-2.0 */
/* expect: 125. says: in read waits. says: 41 for a child. The last of a long line waits for ever. */
#include "guest.h"

static int p[2], left = 40;

static void next(void)
{
	char c;

	if (left--)
		wait_of(start(next));
	else
		read(p[0], &c, 1);
}

int main(void)
{
	CHECK(pipe(p) == 0);
	next();
	return 0;
}
