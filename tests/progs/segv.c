/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: what siginfo says, and that the counter's trap isn't taken for one. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <x86intrin.h>

static sigjmp_buf back;
static siginfo_t info;

static void handler(int sig, siginfo_t *si, void *ctx)
{
	(void) ctx;
	info = *si;
	siglongjmp(back, sig);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	volatile int *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned aux;
	int sig;

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sig = sigsetjmp(back, 1);
	if (!sig)
		*page = 1;
	printf("signal %d code %d at page: %d\n", sig, info.si_code, info.si_addr == page);
	sig = sigsetjmp(back, 1);
	if (!sig)
		__asm__ volatile("ud2");
	printf("signal %d code %d\n", sig, info.si_code);
	sig = sigsetjmp(back, 1);
	if (!sig)
		__asm__ volatile("hlt");
	printf("signal %d code %d\n", sig, info.si_code);
	sig = sigsetjmp(back, 1);
	if (!sig)
		printf("tsc %llu %llu\n", __rdtsc(), (unsigned long long) __rdtscp(&aux));
	printf("signal %d\n", sig);
	return 0;
}
