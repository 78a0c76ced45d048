/* SPDX-License-Identifier: Apache-2.0 */
/* skip. Writes until nobody reads: by signal, or EPIPE when that is ignored. For the runner. */
#include "guest.h"

int main(int argc, char **argv)
{
	static char b[65536];

	(void) argv;
	if (argc > 1)
		signal(SIGPIPE, SIG_IGN);
	memset(b, 'x', sizeof b);
	for (int i = 0; i < 100; i++)
		if (write(1, b, sizeof b) < 0)
			return errno == EPIPE ? 42 : 43;
	return 0;
}
