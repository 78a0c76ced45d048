/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task that shares memory with the threads of another process stops them, looks at their registers, and
 * lets them go, as LeakSanitizer does; others may not.
 */
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "guest.h"

enum { THREADS = 3 };

static volatile pid_t tid[THREADS + 1];
static volatile int done, sum;
static int ends[2];
static char stack[1 << 16] __attribute__((aligned(16)));

static void *waits(void *a)
{
	int i = (int) (intptr_t) a;
	char c;

	tid[i] = (pid_t) syscall(SYS_gettid);
	if (i == 1)
		CHECK(read(ends[0], &c, 1) == 1);
	else if (i == 2)
		while (!done)
			usleep(1000);
	else
		while (!done)
			sched_yield();
	sum++;
	return NULL;
}

static void stopped(pid_t t)
{
	int st = 0;

	CHECK(waitpid(t, &st, __WALL) == t && WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
	CHECK(ptrace(PTRACE_ATTACH, t, 0, 0) == -1 && errno == EPERM);
}

static void looked_at(pid_t t)
{
	struct user_regs_struct g = { 0 }, h = { 0 };
	struct user_fpregs_struct f;
	struct iovec v = { &h, sizeof h + 8 };
	char here = 0;

	CHECK(ptrace(PTRACE_GETREGS, t, 0, &g) == 0);
	CHECK(ptrace(PTRACE_GETREGSET, t, NT_PRSTATUS, &v) == 0);
	CHECK(v.iov_len == sizeof h && !memcmp(&g, &h, sizeof g) && g.rsp && g.rip);
	CHECK(&here < stack + sizeof stack && (g.rsp < (uintptr_t) stack || g.rsp > (uintptr_t) stack + sizeof stack));
	v = (struct iovec) { &f, sizeof f };
	CHECK(ptrace(PTRACE_GETREGSET, t, NT_FPREGSET, &v) == 0 && v.iov_len == sizeof f);
	CHECK(ptrace(PTRACE_GETFPREGS, t, 0, &f) == 0);
	CHECK(ptrace(PTRACE_GETREGSET, t, NT_X86_XSTATE, &v) == -1 && errno == EINVAL);
}

static int tracer(void *a)
{
	int was;

	CHECK(ptrace(PTRACE_GETREGS, tid[0], 0, &was) == -1 && errno == ESRCH);
	CHECK(ptrace(PTRACE_ATTACH, 30000, 0, 0) == -1 && errno == ESRCH);
	CHECK(ptrace(PTRACE_ATTACH, getpid(), 0, 0) == -1 && errno == EPERM);
	for (int i = 0; i <= THREADS; i++) {
		CHECK(ptrace(PTRACE_ATTACH, tid[i], 0, 0) == 0);
		stopped(tid[i]);
	}
	was = done = 1;
	for (int i = 0; i < 10; i++)
		usleep(10000), sched_yield();
	CHECK(!sum); /* nobody has run meanwhile */
	for (int i = 0; i <= THREADS; i++) {
		looked_at(tid[i]);
		if (i != 2 || a)
			CHECK(ptrace(PTRACE_DETACH, tid[i], 0, 0) == 0);
	}
	return 7; /* the third is let go by that */
}

static void others(void)
{
	pid_t p = start((void (*)(void)) pause);
	int st;

	CHECK(ptrace(PTRACE_ATTACH, p, 0, 0) == -1 && errno == EPERM);
	CHECK(ptrace(PTRACE_SEIZE, p, 0, 0) == -1 && errno == EPERM);
	kill(p, SIGTERM);
	st = wait_of(p);
	CHECK(WIFSIGNALED(st));
}

int main(void)
{
	pthread_t t[THREADS];
	int st;
	pid_t p;

	CHECK(pipe(ends) == 0);
	tid[0] = getpid();
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, waits, (void *) (intptr_t) (i + 1)) == 0);
	settle();
	p = clone(tracer, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_UNTRACED, NULL);
	CHECK(p > 0);
	while (!done)
		sched_yield();
	CHECK(waitpid(p, &st, __WALL) == p && WIFEXITED(st) && WEXITSTATUS(st) == 7);
	CHECK(write(ends[1], "x", 1) == 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	CHECK(sum == THREADS);
	others();
	puts("traced");
	return 0;
}
