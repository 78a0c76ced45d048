/* SPDX-License-Identifier: Apache-2.0 */
/* SIGKILL at a task in every state, and at everybody. */
#include "guest.h"

static int fds[2], full[2];
static pid_t inner;

static void in_read(void) { char c; read(fds[0], &c, 1); }
static void in_poll(void) { struct pollfd p = { fds[0], POLLIN, 0 }; poll(&p, 1, -1); }
static void in_sleep(void) { sleep(1000000); }
static void in_pause(void) { pause(); }
static void in_stop(void) { raise(SIGSTOP); }
static void in_spin(void) { for (;;) sched_yield(); }
static void in_write(void) { static char b[1 << 20]; write(full[1], b, sizeof b); }

static void in_futex(void)
{
	static int f;

	syscall(SYS_futex, &f, 0, 0, NULL, NULL, 0);
}

static void in_wait(void)
{
	inner = start(in_sleep);
	prctl(PR_SET_PDEATHSIG, 0);
	wait_of(inner);
}

static void in_vfork(void)
{
	if (!vfork()) {
		sleep(5);
		_exit(0);
	}
}

static void *thread(void *arg)
{
	((void (*)(void)) arg)();
	return NULL;
}

static void in_threads(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread, (void *) in_futex);
	pthread_create(&t, NULL, thread, (void *) in_read);
	pthread_create(&t, NULL, thread, (void *) in_sleep);
	pthread_exit(NULL); /* the leader is gone, the others wait */
}

static void in_threads2(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread, (void *) in_futex);
	pthread_create(&t, NULL, thread, (void *) in_spin);
	in_read();
}

static void self_threads(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread, (void *) in_futex);
	settle();
	kill(getpid(), SIGKILL);
}

static void other_thread_kills(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread, (void *) self_threads);
	in_read();
}

static void self_group(void)
{
	setpgid(0, 0);
	start(in_sleep);
	settle();
	kill(0, SIGKILL);
}

static void self_tgkill(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread, (void *) in_futex);
	settle();
	syscall(SYS_tgkill, getpid(), getpid() + 1, SIGKILL);
	pause();
}

static void killed(const char *name, void (*f)(void))
{
	pid_t p = start(f);
	int st;

	settle();
	CHECK(kill(p, SIGKILL) == 0);
	st = wait_of(p);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
	CHECK(kill(p, 0) < 0 && errno == ESRCH);
	printf("%s: killed\n", name);
	fflush(stdout);
}

static void dies(const char *name, void (*f)(void))
{
	int st = wait_of(start(f));

	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
	printf("%s: died\n", name);
	fflush(stdout);
}

static void zombie(void)
{
	pid_t p = fork();

	if (!p)
		_exit(3);
	settle();
	CHECK(kill(p, SIGKILL) == 0);
	CHECK(WEXITSTATUS(wait_of(p)) == 3);
	puts("zombie: keeps its status");
}

#define K(f) killed(#f, f)
#define D(f) dies(#f, f)

int main(void)
{
	CHECK(pipe(fds) == 0 && pipe(full) == 0);
	K(in_read);
	K(in_poll);
	K(in_sleep);
	K(in_pause);
	K(in_stop);
	K(in_spin);
	K(in_write);
	K(in_futex);
	K(in_wait);
	K(in_vfork);
	K(in_threads);
	K(in_threads2);
	D(self_threads);
	D(other_thread_kills);
	D(self_group);
	D(self_tgkill);
	zombie();
	return 0;
}
