/* SPDX-License-Identifier: Apache-2.0 */
/* skip. 200 processes and 100 threads that wait for standard input to end. For the runner. */
#include "guest.h"

static int p[2];

static void *in_read(void *a) { char c; read(p[0], &c, 1); return a; }
static void waits(void) { char c; setsid(); read(p[0], &c, 1); }

int main(int argc, char **argv)
{
	pthread_t t;
	char c;

	(void) argv;
	CHECK(pipe(p) == 0);
	for (int i = 0; i < 200; i++)
		start(waits);
	for (int i = 0; i < 100; i++)
		pthread_create(&t, NULL, in_read, NULL);
	if (argc > 1)
		signal(SIGTERM, SIG_IGN);
	write(1, "there\n", 6);
	while (read(0, &c, 1) > 0)
		;
	return 7;
}
