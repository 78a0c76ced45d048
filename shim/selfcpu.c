/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor traps what it traps of its container: the time stamp counter and, where that can be,
 * CPUID. A switch between a task that has such a trap and one that has not writes a model-specific
 * register, or CR4, which in many virtual machines costs several times the rest of a stop (CR4: on
 * AMD's CPUs); a switch between two that have it writes nothing. What our libraries ask of either is
 * answered by the real instruction, with the trap lifted for that moment; clocks that libc would read
 * from the counter are asked of the kernel.
 *
 * Nor does it keep the restartable sequences that libc has registered: the kernel writes the CPU's
 * number into memory at each switch to us, and we stay on one CPU.
 */
#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86intrin.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

#include "shim/cpu.h"
#include "shim/engine.h"

#ifndef ARCH_SET_CPUID
#define ARCH_SET_CPUID 0x1012
#endif

static void real_cpuid(greg_t *g)
{
	uint32_t a, b, c, d;

	syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1);
	__cpuid_count((uint32_t) g[REG_RAX], (uint32_t) g[REG_RCX], a, b, c, d);
	syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
	g[REG_RAX] = a;
	g[REG_RBX] = b;
	g[REG_RCX] = c;
	g[REG_RDX] = d;
}

static void real_rdtsc(greg_t *g, bool with_cpu)
{
	unsigned cpu = 0;
	uint64_t t;

	prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
	t = with_cpu ? __rdtscp(&cpu) : __rdtsc();
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
	g[REG_RAX] = (uint32_t) t;
	g[REG_RDX] = (greg_t) (t >> 32);
	if (with_cpu)
		g[REG_RCX] = cpu;
}

static void on_segv(int sig, siginfo_t *si, void *context)
{
	greg_t *g = ((ucontext_t *) context)->uc_mcontext.gregs;
	const uint8_t *code = (const uint8_t *) g[REG_RIP];
	enum cpu_insn insn;
	int len = 0;

	if (si->si_code == SI_KERNEL) /* its bytes are there, as it was executed */
		for (size_t n = 2; !len && n <= 3; n++)
			len = cpu_insn_decode(code, n, &insn);
	if (!len) {
		signal(sig, SIG_DFL); /* a real fault: it happens again, and ends us */
		return;
	}
	if (insn == CPU_INSN_CPUID)
		real_cpuid(g);
	else
		real_rdtsc(g, insn == CPU_INSN_RDTSCP);
	g[REG_RIP] += len;
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

int self_trap_cpu(bool cpuid)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = on_segv;
	sa.sa_flags = SA_SIGINFO;
	if (sigaction(SIGSEGV, &sa, NULL) < 0 || prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) < 0)
		return -errno;
	if (cpuid && syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0) < 0)
		return -errno;
	return 0;
}

uint64_t self_now(void)
{
	struct timespec ts = { 0 };

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return (uint64_t) ts.tv_sec * NSEC + (uint64_t) ts.tv_nsec;
}
