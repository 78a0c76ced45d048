/* SPDX-License-Identifier: Apache-2.0 */
/* skip. A first process with threads and children, which ends as its argument says. */
#include "guest.h"

static const char *how;

static void *waits(void *a) { (void) a; for (;;) pause(); }

static void *ends(void *a)
{
	(void) a;
	usleep(1000);
	if (!strcmp(how, "fault"))
		*(volatile int *) 8 = 1;
	if (strcmp(how, "main") && strcmp(how, "never"))
		_exit(6);
	return waits(NULL);
}

int main(int argc, char **argv)
{
	pthread_t t;

	how = argc > 1 ? argv[1] : "main";
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			waits(NULL);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t, NULL, i == 2 ? ends : waits, NULL) == 0);
	puts("ready");
	fflush(stdout);
	if (!strcmp(how, "alone"))
		pthread_exit(NULL);
	if (!strcmp(how, "main")) {
		usleep(1000);
		_exit(5);
	}
	waits(NULL);
}
