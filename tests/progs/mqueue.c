/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX message queues: order, full and empty ones, timeouts, the notice of a message. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t noticed;

static void notice(int sig)
{
	noticed = sig;
}

static void get(mqd_t q, const struct timespec *until)
{
	char buf[32];
	unsigned prio = 0;
	ssize_t n = until ? mq_timedreceive(q, buf, sizeof buf, &prio, until)
			  : mq_receive(q, buf, sizeof buf, &prio);

	if (n < 0)
		printf("get: %s\n", strerror(errno));
	else
		printf("got %.*s of %u\n", (int) n, buf, prio);
}

static void feed(mqd_t q)
{
	char text[8];

	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof text, "m%d", i);
		if (mq_send(q, text, strlen(text), (unsigned) i % 3) < 0)
			_exit(1);
	}
	_exit(0);
}

int main(void)
{
	struct mq_attr a = { .mq_maxmsg = 3, .mq_msgsize = 32 };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct timespec until;
	mqd_t q = mq_open("/detrun-test", O_RDWR | O_CREAT | O_EXCL, 0600, &a);
	int st = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (q == (mqd_t) -1) {
		printf("open: %s\n", strerror(errno));
		return 1;
	}
	mq_unlink("/detrun-test");
	signal(SIGUSR1, notice);
	if (!fork())
		feed(q);
	sleep(1); /* it is full */
	for (int i = 0; i < 8; i++)
		get(q, NULL);
	wait(&st);
	printf("fed: %d\n", st);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec = (until.tv_nsec + 200000000) % 1000000000;
	until.tv_sec += until.tv_nsec < 200000000;
	get(q, &until);
	until.tv_nsec = -1;
	get(q, &until);
	printf("notify %d\n", mq_notify(q, &ev));
	if (!fork()) {
		sleep(1);
		_exit(mq_send(q, "late", 4, 9) < 0);
	}
	wait(&st);
	printf("noticed %d, sent %d\n", noticed, st);
	mq_getattr(q, &a);
	printf("of %ld at most, %ld there\n", a.mq_maxmsg, a.mq_curmsgs);
	a.mq_flags = O_NONBLOCK;
	mq_setattr(q, &a, NULL);
	get(q, NULL);
	get(q, NULL);
	return 0;
}
