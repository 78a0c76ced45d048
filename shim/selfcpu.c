/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor traps its own CPUID too. A switch between a task that has CPUID faulting and one
 * that has not writes a model-specific register, which in a virtual machine costs five times the
 * rest of a stop; a switch between two that have it writes nothing. What our libraries ask of CPUID
 * is answered by the real instruction, with the trap lifted for that moment.
 *
 * Nor does it keep the restartable sequences that libc has registered: the kernel writes the CPU's
 * number into memory at each switch to us, and we stay on one CPU.
 */
#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

#include "shim/engine.h"

#ifndef ARCH_SET_CPUID
#define ARCH_SET_CPUID 0x1012
#endif

static void on_segv(int sig, siginfo_t *si, void *context)
{
	greg_t *g = ((ucontext_t *) context)->uc_mcontext.gregs;
	const uint8_t *code = (const uint8_t *) g[REG_RIP];
	uint32_t a, b, c, d;

	if (si->si_code != SI_KERNEL || code[0] != 0x0f || code[1] != 0xa2) {
		signal(sig, SIG_DFL); /* a real fault: it happens again, and ends us */
		return;
	}
	syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1);
	__cpuid_count((uint32_t) g[REG_RAX], (uint32_t) g[REG_RCX], a, b, c, d);
	syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
	g[REG_RAX] = a;
	g[REG_RBX] = b;
	g[REG_RCX] = c;
	g[REG_RDX] = d;
	g[REG_RIP] += 2;
}

void self_drop_rseq(void)
{
#ifdef RSEQ_SIG
	char *area = (char *) __builtin_thread_pointer() + __rseq_offset;

	/* as long as libc registered it, which is not what it tells in each version; else it stays */
	if (__rseq_size && syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) < 0)
		syscall(SYS_rseq, area, __rseq_size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
#endif
}

int self_trap_cpuid(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = on_segv;
	sa.sa_flags = SA_SIGINFO;
	if (sigaction(SIGSEGV, &sa, NULL) < 0 || syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0) < 0)
		return -errno;
	return 0;
}
