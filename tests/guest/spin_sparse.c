/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit: 120. As a program of a thread sanitizer: it has reserved more memory than anybody can look
 * at, and counts for ever. Who wanted to wait and then kill it gets his turn.
 */
#include "guest.h"

static volatile long total;

static void count(void)
{
	for (int i = 0; i < 16; i++)
		CHECK(mmap(NULL, 4l << 40, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED);
	for (;;)
		total++;
}

int main(void)
{
	pid_t p = start(count);
	time_t t = time(NULL);
	int st;

	sleep(2);
	CHECK(time(NULL) - t <= 3);
	CHECK(!kill(p, SIGTERM));
	st = wait_of(p);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM && !total);
	return 0;
}
