/* SPDX-License-Identifier: Apache-2.0 */
/* A second thread rewrites what the first one's calls point to: only one of them runs at a time. */
#include "guest.h"

static volatile char path[64] = "/etc/passwd";
static volatile int stop;
static struct timespec ts;

static void *rewrite(void *arg)
{
	(void) arg;
	for (unsigned i = 0; !stop; i++) {
		strcpy((char *) path, i & 1 ? "/dev/urandom" : "/etc/passwd");
		ts.tv_nsec = i & 1 ? -1 : 1000;
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

int main(void)
{
	pthread_t t;
	unsigned passwd = 0, random = 0, bad = 0;

	pthread_create(&t, NULL, rewrite, NULL);
	for (int i = 0; i < 3000; i++) {
		int fd = open((char *) path, O_RDONLY);
		unsigned char b[8];

		CHECK(fd >= 0 && read(fd, b, 8) == 8);
		memcmp(b, "root:x:0", 8) == 0 ? passwd++ : random++;
		close(fd);
		if (i % 16 == 0 && nanosleep(&ts, NULL) < 0)
			bad++;
		if (i % 10 == 0)
			sched_yield();
	}
	stop = 1;
	pthread_join(t, NULL);
	printf("%u passwd, %u random, %u bad\n", passwd, random, bad);
	return 0;
}
