/* SPDX-License-Identifier: Apache-2.0 */
/* Signals in the middle of everything: restarts, masks, nesting, stacks, faults, storms. */
#include <setjmp.h>

#include "guest.h"

static volatile int got, depth, deepest;
static int fds[2];

static void count(int s) { (void) s; got++; }

static void nested(int s)
{
	if (++depth > deepest)
		deepest = depth;
	got++;
	if (s < SIGRTMIN + 4)
		raise(s + 1);
	depth--;
}

static void writer(void) { usleep(1000); kill(getppid(), SIGUSR1); usleep(1000); write(fds[1], "x", 1); }
static void signaller(void) { usleep(1000); kill(getppid(), SIGUSR1); }
static void exits(void) { usleep(1000); kill(getppid(), SIGUSR1); usleep(1000); _exit(9); }

static void restarts(void)
{
	struct timespec left, ts = { 5, 0 };
	struct pollfd p = { fds[0], POLLIN, 0 };
	pid_t c;
	char b;
	int st;

	on(SIGUSR1, count, SA_RESTART);
	c = start(writer);
	CHECK(read(fds[0], &b, 1) == 1);
	wait_of(c);
	c = start(exits);
	CHECK(waitpid(c, &st, 0) == c && WEXITSTATUS(st) == 9);
	c = start(signaller);
	CHECK(poll(&p, 1, -1) == -1 && errno == EINTR); /* never restarted */
	wait_of(c);
	c = start(signaller);
	CHECK(nanosleep(&ts, &left) == -1 && errno == EINTR && left.tv_sec == 4);
	wait_of(c);
	on(SIGUSR1, count, 0);
	c = start(writer);
	CHECK(read(fds[0], &b, 1) == -1 && errno == EINTR);
	CHECK(read(fds[0], &b, 1) == 1);
	wait_of(c);
	c = start(exits);
	CHECK(waitpid(c, &st, 0) == -1 && errno == EINTR);
	CHECK(waitpid(c, &st, 0) == c);
	printf("restarts: %d signals\n", got);
	CHECK(got == 6);
}

static void masks(void)
{
	sigset_t block, none, old;
	struct timespec ts = { 1, 0 };
	struct pollfd p = { fds[0], POLLIN, 0 };
	fd_set r;

	got = 0;
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, &old);
	raise(SIGUSR1);
	CHECK(got == 0);
	CHECK(sigsuspend(&none) == -1 && errno == EINTR && got == 1);
	CHECK(ppoll(&p, 1, &ts, NULL) == 0);
	raise(SIGUSR1);
	CHECK(ppoll(&p, 1, &ts, &none) == -1 && errno == EINTR && got == 2);
	FD_ZERO(&r);
	FD_SET(fds[0], &r);
	raise(SIGUSR1);
	CHECK(pselect(fds[0] + 1, &r, NULL, NULL, &ts, &none) == -1 && errno == EINTR && got == 3);
	FD_SET(fds[0], &r);
	CHECK(pselect(fds[0] + 1, &r, NULL, NULL, &ts, &none) == 0);
	wait_of(start(signaller));
	CHECK(got == 3);
	CHECK(sigsuspend(&none) == -1 && got == 4);
	sigprocmask(SIG_SETMASK, &old, NULL);
	puts("masks");
}

static void nesting(void)
{
	got = 0;
	for (int s = SIGRTMIN; s < SIGRTMIN + 5; s++)
		on(s, nested, 0);
	raise(SIGRTMIN);
	CHECK(got == 5 && deepest == 5);
	puts("nested: 5 deep");
}

static void divide(void) { __asm__ volatile("idivl %0" : : "r"(0), "a"(1), "d"(0)); }

static sigjmp_buf back;
static volatile int fault_sig;
static void on_fault(int s) { fault_sig = s; siglongjmp(back, 1); }

static void recurse(volatile char *p)
{
	volatile char b[4096];

	b[0] = *p;
	recurse(b);
	b[1] = b[0];
}

static void faults(void)
{
	static char alt[65536];
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof alt };
	struct rlimit rl = { 1 << 20, 1 << 20 };
	char c = 0;

	CHECK(sigaltstack(&ss, NULL) == 0);
	on(SIGSEGV, on_fault, SA_ONSTACK);
	on(SIGFPE, on_fault, SA_ONSTACK);
	on(SIGILL, on_fault, SA_ONSTACK);
	on(SIGBUS, on_fault, SA_ONSTACK);
	on(SIGTRAP, on_fault, SA_ONSTACK);
	for (int i = 0; i < 2000; i++)
		if (!sigsetjmp(back, 1))
			*(volatile int *) 16 = 1;
	CHECK(fault_sig == SIGSEGV);
	if (!sigsetjmp(back, 1))
		divide();
	CHECK(fault_sig == SIGFPE);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("ud2");
	CHECK(fault_sig == SIGILL);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("int3");
	CHECK(fault_sig == SIGTRAP);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("hlt");
	CHECK(fault_sig == SIGSEGV);
	fault_sig = 0;
	if (!sigsetjmp(back, 1)) /* not an address: a general protection fault */
		*(volatile int *) 0x8000000000000000 = 1;
	CHECK(fault_sig == SIGSEGV);
	fault_sig = 0;
	setrlimit(RLIMIT_STACK, &rl);
	if (!sigsetjmp(back, 1))
		recurse(&c);
	CHECK(fault_sig == SIGSEGV);
	puts("faults");
}

static void fault_child(void) { signal(SIGSEGV, SIG_DFL); *(volatile int *) 16 = 1; }
static void ignored_child(void) { signal(SIGSEGV, SIG_IGN); *(volatile int *) 16 = 1; }
static void abort_child(void) { abort(); }
static void fpe_child(void) { signal(SIGFPE, SIG_DFL); divide(); }
static void stackless(void) { on(SIGSEGV, count, 0); __asm__ volatile("xor %rsp, %rsp\n\tpush %rax"); }

static void storm(void)
{
	got = 0;
	on(SIGUSR2, count, 0);
	for (int i = 0; i < 100000; i++)
		kill(getpid(), SIGUSR2);
	CHECK(got == 100000);
	puts("storm: 100000");
}

static void queued(void)
{
	sigset_t s, old;
	union sigval v = { .sival_int = 1 };

	got = 0;
	on(SIGRTMIN, count, 0);
	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &s, &old);
	for (int i = 0; i < 500; i++)
		CHECK(sigqueue(getpid(), SIGRTMIN, v) == 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	CHECK(got == 500);
	puts("queued: 500");
}

static void alarms(void)
{
	char b;

	got = 0;
	on(SIGALRM, count, 0);
	alarm(2);
	CHECK(read(fds[0], &b, 1) == -1 && errno == EINTR && got == 1);
	alarm(2);
	CHECK(sleep(10) == 8);
	alarm(2);
	CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
	pause();
	CHECK(got == 3);
	puts("alarm");
}

static void died(const char *name, void (*f)(void), int sig)
{
	int st = wait_of(start(f));

	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == sig);
	printf("%s: signal %d\n", name, sig);
}

int main(void)
{
	CHECK(pipe(fds) == 0);
	restarts();
	masks();
	nesting();
	died("segv", fault_child, SIGSEGV);
	died("segv ignored", ignored_child, SIGSEGV);
	died("abort", abort_child, SIGABRT);
	died("fpe", fpe_child, SIGFPE);
	died("no stack", stackless, SIGSEGV);
	alarms();
	queued();
	storm();
	faults();
	return 0;
}
