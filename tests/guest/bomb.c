/* SPDX-License-Identifier: Apache-2.0 */
/* A fork bomb that RLIMIT_NPROC, or its own depth, bounds; killed by whoever started it. */
#include "guest.h"

static void bomb(int depth)
{
	while (depth-- > 0)
		if (fork() < 0)
			break;
	pause();
}

int main(void)
{
	int n = 0;
	pid_t p = fork();

	CHECK(p >= 0);
	if (!p) {
		setpgid(0, 0);
		bomb(9); /* 512 */
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sleep(1);
	CHECK(kill(-p, SIGKILL) == 0);
	while (wait(NULL) > 0)
		n++;
	printf("%d reaped\n", n);
	return 0;
}
