/* SPDX-License-Identifier: Apache-2.0 */
/* limit: 600. It counts for ever; who wanted to wait for a second and then kill it gets his turn. */
#include "guest.h"

static volatile long total;

static void count(void)
{
	for (;;)
		total++;
}

int main(void)
{
	pid_t p = start(count);
	time_t t = time(NULL);
	int st;

	sleep(1);
	CHECK(time(NULL) - t <= 2);
	CHECK(!kill(p, SIGTERM));
	st = wait_of(p);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM && !total);
	return 0;
}
