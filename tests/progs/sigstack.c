/* SPDX-License-Identifier: Apache-2.0 */
/* Where the kernel puts signal frames: their size depends on the CPU's registers. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile long distance;
static char *top;

static void handler(int sig)
{
	char here;

	(void) sig;
	distance = top - &here;
}

int main(void)
{
	stack_t ss = { .ss_size = 65536 };
	struct sigaction sa = { .sa_handler = handler };
	char here;

	top = &here;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	printf("on the stack %ld\n", distance);
	ss.ss_sp = malloc(ss.ss_size);
	top = (char *) ss.ss_sp + ss.ss_size;
	sigaltstack(&ss, NULL);
	sa.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	printf("on its own %ld\n", distance);
	printf("MINSIGSTKSZ %ld SIGSTKSZ %ld\n", (long) MINSIGSTKSZ, (long) SIGSTKSZ);
	return 0;
}
