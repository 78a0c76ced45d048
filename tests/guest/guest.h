/* SPDX-License-Identifier: Apache-2.0 */
/* For the hostile and unlucky programs: each checks by itself what it gets, and says so. */
#ifndef GUEST_H
#define GUEST_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Ends the program with 99 and the reason. */
#define CHECK(x)                                                                         \
	do {                                                                             \
		if (!(x)) {                                                              \
			int e_ = errno;                                                  \
			fflush(NULL);                                                    \
			errno = e_;                                                      \
			dprintf(2, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #x, errno); \
			_exit(99);                                                       \
		}                                                                        \
	} while (0)

/* The program counts on 1993 or another declared epoch: a time of our years is the host's. */
#define IS_REAL_TIME(t) ((t) > 1600000000)

static inline pid_t start(void (*f)(void))
{
	pid_t p;

	fflush(NULL);
	p = fork();
	CHECK(p >= 0);
	if (!p) {
		f();
		fflush(NULL);
		_exit(0);
	}
	return p;
}

static inline int wait_of(pid_t p)
{
	int st;
	pid_t r;

	do
		r = waitpid(p, &st, 0);
	while (r < 0 && errno == EINTR);
	CHECK(r == p);
	return st;
}

static inline void on(int sig, void (*f)(int), int flags)
{
	struct sigaction a = { .sa_handler = f, .sa_flags = flags };

	CHECK(sigaction(sig, &a, NULL) == 0);
}

/* A child that would do @f for ever; who wants to wait for a while and then end that gets his turn. */
static inline void killed_after(void (*f)(void), int sec)
{
	pid_t p = start(f);
	time_t t = time(NULL);
	int st;

	while (sleep((unsigned) sec))
		;
	CHECK(time(NULL) - t <= sec + 1);
	CHECK(!kill(p, SIGTERM));
	st = wait_of(p);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM);
}

/* Let the others come to their waits. */
static inline void settle(void)
{
	usleep(50000);
}

#endif
