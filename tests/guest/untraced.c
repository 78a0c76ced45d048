/* SPDX-License-Identifier: Apache-2.0 */
/* A child that asked not to be traced still sees the virtual clock and dies with the rest. */
#include "guest.h"

static int child(void *arg)
{
	struct timespec ts;

	(void) arg;
	clock_gettime(CLOCK_REALTIME, &ts);
	dprintf(1, "child: %s\n", IS_REAL_TIME(ts.tv_sec) ? "real time" : "virtual time");
	_exit(IS_REAL_TIME(ts.tv_sec));
}

int main(void)
{
	static char stack[2][65536];
	pid_t p = clone(child, stack[1], CLONE_UNTRACED | SIGCHLD, NULL);

	CHECK(p > 0 && wait_of(p) == 0);
	p = clone(child, stack[1], CLONE_UNTRACED | CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	CHECK(p > 0 && wait_of(p) == 0);
	p = clone(child, stack[1], CLONE_UNTRACED | CLONE_PARENT | SIGCHLD, NULL);
	CHECK(p > 0);
	settle();
	return 0;
}
