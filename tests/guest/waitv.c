/* SPDX-License-Identifier: Apache-2.0 */
/* futex_waitv: the first of several futexes to be woken, in order of arrival with who waits for one. */
#include <linux/futex.h>

#include "guest.h"

struct waiter {
	uint64_t val, addr;
	uint32_t flags, reserved;
};

enum { U32 = 2, PRIV = 128, N = 8 };
static uint32_t word[N], *shared;
static int order[4], norder;

static long waitv(struct waiter *w, unsigned n, struct timespec *until, int clock)
{
	return syscall(449, w, n, 0, until, clock);
}

static void fill(struct waiter *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		w[i] = (struct waiter){ 0, (uint64_t) &word[i], U32 | PRIV, 0 };
}

static long wake(uint32_t *at, int n, int flag)
{
	return syscall(SYS_futex, at, FUTEX_WAKE | flag, n, NULL, NULL, 0);
}

static void *waker(void *a)
{
	usleep(100000);
	CHECK(wake(&word[(long) a], 1, FUTEX_PRIVATE_FLAG) == 1);
	return NULL;
}

static void *one(void *a)
{
	CHECK(syscall(SYS_futex, &word[2], FUTEX_WAIT_PRIVATE, 0, NULL) == 0);
	order[norder++] = 1;
	return a;
}

static void *many(void *a)
{
	struct waiter w[N];

	fill(w, N);
	CHECK(waitv(w, N, NULL, 0) == 2);
	order[norder++] = 2;
	return a;
}

static void queues(void)
{
	pthread_t t[3];

	pthread_create(&t[0], NULL, one, NULL);
	usleep(50000);
	pthread_create(&t[1], NULL, many, NULL);
	usleep(50000);
	pthread_create(&t[2], NULL, one, NULL);
	usleep(50000);
	for (int i = 0; i < 3; i++) {
		CHECK(wake(&word[2], 1, FUTEX_PRIVATE_FLAG) == 1);
		usleep(50000);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	CHECK(norder == 3 && order[0] == 1 && order[1] == 2 && order[2] == 1);
	for (int i = 0; i < N; i++)
		CHECK(wake(&word[i], 9, FUTEX_PRIVATE_FLAG) == 0);
}

static void other_process(void)
{
	usleep(100000);
	shared[1] = 1;
	CHECK(wake(&shared[1], 9, 0) == 1);
}

static void seen(int s)
{
	(void) s;
}

int main(void)
{
	struct waiter w[N + 121];
	struct timespec t, now;
	pthread_t th;
	pid_t p;

	fill(w, N);
	for (long i = 0; i < N; i += 7) {
		pthread_create(&th, NULL, waker, (void *) i);
		CHECK(waitv(w, N, NULL, 0) == i);
		pthread_join(th, NULL);
	}
	queues();
	w[3].val = 1;
	CHECK(waitv(w, N, NULL, 0) == -1 && errno == EAGAIN);
	fill(w, N);
	for (int clock = 0; clock < 2; clock++) {
		clock_gettime(clock, &t);
		t.tv_sec++;
		CHECK(waitv(w, N, &t, clock) == -1 && errno == ETIMEDOUT);
		clock_gettime(clock, &now);
		CHECK(now.tv_sec >= t.tv_sec);
	}
	CHECK(waitv(w, N, &t, CLOCK_BOOTTIME) == -1 && errno == EINVAL);
	CHECK(waitv(w, 0, NULL, 0) == -1 && errno == EINVAL);
	CHECK(waitv(w, 129, NULL, 0) == -1 && errno == EINVAL);
	CHECK(waitv(NULL, 1, NULL, 0) == -1 && errno == EINVAL);
	w[0].flags = PRIV;
	CHECK(waitv(w, N, NULL, 0) == -1 && errno == EINVAL);
	fill(w, N);
	w[1].reserved = 1;
	CHECK(waitv(w, N, NULL, 0) == -1 && errno == EINVAL);
	fill(w, N);
	w[1].addr = 8;
	CHECK(waitv(w, N, NULL, 0) == -1 && errno == EFAULT);
	w[1].addr = 9;
	CHECK(waitv(w, N, NULL, 0) == -1 && errno == EINVAL);

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p = start(other_process);
	w[0] = (struct waiter){ 0, (uint64_t) shared, U32, 0 };
	w[1] = (struct waiter){ 0, (uint64_t) &shared[1], U32, 0 };
	CHECK(waitv(w, 2, NULL, 0) == 1);
	CHECK(wait_of(p) == 0);
	on(SIGALRM, seen, 0);
	alarm(1);
	fill(w, N);
	CHECK(waitv(w, N, NULL, 0) == -1 && errno == EINTR);
	puts("in turn");
	return 0;
}
