/* SPDX-License-Identifier: Apache-2.0 */
/* expect: 137. SIGKILL to process 1 does nothing from inside; to everybody, spares us; to our
 * group, takes us along. */
#include "guest.h"

static void sleeper(void) { sleep(100000); }
static void apart(void) { setsid(); sleep(100000); }

int main(void)
{
	pid_t p[6];

	CHECK(!IS_REAL_TIME(time(NULL))); /* on the host, this would end everything */
	printf("kill 1: %d\n", kill(1, SIGKILL));
	printf("kill 1 stop: %d\n", kill(1, SIGSTOP));
	for (int i = 0; i < 6; i++)
		p[i] = start(i & 1 ? apart : sleeper);
	settle();
	CHECK(kill(-1, SIGKILL) == 0);
	for (int i = 0; i < 6; i++)
		CHECK(WIFSIGNALED(wait_of(p[i])));
	puts("all gone");
	for (int i = 0; i < 6; i++)
		p[i] = start(sleeper);
	settle();
	fflush(stdout);
	kill(0, SIGKILL);
	puts("still here");
	return 1;
}
