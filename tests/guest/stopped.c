/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits of 4 s whose process is stopped from the first second to the third: those that fail then, those
 * that end when they would have, and those that don't count the stop. And what a handler's signal
 * leaves of a select's time.
 */
#include <linux/futex.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/sem.h>

#include "guest.h"

static int fds[2];

static long wait_sigtimedwait(struct timespec *t)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	return sigtimedwait(&s, NULL, t);
}

static long wait_futex(struct timespec *t)
{
	static int word;

	return syscall(SYS_futex, &word, FUTEX_WAIT, 0, t);
}

static long wait_poll(struct timespec *t)
{
	return poll(&(struct pollfd){ fds[0], POLLIN }, 1, (int) t->tv_sec * 1000);
}

static long wait_ppoll(struct timespec *t)
{
	sigset_t none;

	sigemptyset(&none);
	return ppoll(&(struct pollfd){ fds[0], POLLIN }, 1, t, &none);
}

static long wait_select(struct timespec *t)
{
	struct timeval v = { t->tv_sec, 0 };
	fd_set s;

	FD_ZERO(&s);
	FD_SET(fds[0], &s);
	return select(fds[0] + 1, &s, NULL, NULL, &v);
}

static long wait_epoll(struct timespec *t)
{
	struct epoll_event ev;

	return epoll_wait(epoll_create1(0), &ev, 1, (int) t->tv_sec * 1000);
}

static long wait_semaphore(struct timespec *t)
{
	int id = semget(IPC_PRIVATE, 1, 0600);
	struct sembuf op = { 0, -1, 0 };

	return semtimedop(id, &op, 1, t);
}

static long wait_nanosleep(struct timespec *t)
{
	return nanosleep(t, NULL);
}

static const struct {
	const char *name;
	long (*wait)(struct timespec *t);
	int seconds, err; /* how it ends */
} waits[] = {
	{ "sigtimedwait", wait_sigtimedwait, 3, EINTR }, { "futex", wait_futex, 4, ETIMEDOUT },
	{ "poll", wait_poll, 4, 0 }, { "ppoll", wait_ppoll, 6, 0 }, { "select", wait_select, 6, 0 },
	{ "epoll", wait_epoll, 3, EINTR }, { "semtimedop", wait_semaphore, 3, EINTR },
	{ "nanosleep", wait_nanosleep, 4, 0 },
};

static void one(size_t i)
{
	struct timespec t = { 4, 0 }, a, b;
	long r;
	double s;

	clock_gettime(CLOCK_MONOTONIC, &a);
	r = waits[i].wait(&t);
	r = r < 0 ? errno : 0;
	clock_gettime(CLOCK_MONOTONIC, &b);
	s = (double) (b.tv_sec - a.tv_sec) + (double) (b.tv_nsec - a.tv_nsec) / 1e9;
	printf("%s ", waits[i].name);
	fflush(stdout);
	CHECK(r == waits[i].err);
	CHECK(s > waits[i].seconds - 0.1 && s < waits[i].seconds + 0.5);
	_exit(0);
}

static void nothing(int s)
{
	(void) s;
}

static void what_is_left(void)
{
	struct timespec t = { 4, 0 };
	struct timeval v = { 4, 0 };
	sigset_t none;

	on(SIGALRM, nothing, 0);
	alarm(1);
	CHECK(select(0, NULL, NULL, NULL, &v) == -1 && errno == EINTR);
	CHECK((v.tv_sec == 2 && v.tv_usec > 900000) || (v.tv_sec == 3 && v.tv_usec < 100000));
	sigemptyset(&none);
	for (int i = 0; i < 2; i++) {
		uint64_t mask[2] = { (uint64_t) &none, 8 };

		t = (struct timespec){ 4, 0 };
		alarm(1);
		CHECK(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &t, i ? mask : NULL) == -1 && errno == EINTR);
		CHECK((t.tv_sec == 2 && t.tv_nsec > 900000000) || (t.tv_sec == 3 && t.tv_nsec < 100000000));
		printf("%ld.%09ld ", (long) t.tv_sec, t.tv_nsec);
	}
}

int main(void)
{
	CHECK(pipe(fds) == 0);
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		pid_t p;

		fflush(stdout);
		p = fork();
		if (!p)
			one(i);
		sleep(1);
		kill(p, SIGSTOP);
		sleep(2);
		kill(p, SIGCONT);
		CHECK(wait_of(p) == 0);
	}
	what_is_left();
	puts("held");
	return 0;
}
