/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one CPU that a container sees: what CPUID, RDTSC and /proc/cpuinfo answer, whichever CPU is
 * below, and where code uses instructions that can't be made to ask.
 */
#ifndef DETRUN_CPU_H
#define DETRUN_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

struct cpu_model;

/** "x86-64-v2" (also for NULL: the default) or "x86-64-v3"; NULL when there is no such model. */
const struct cpu_model *cpu_model_find(const char *name);
const char *cpu_model_name(const struct cpu_model *m);

/** What CPUID answers: eax, ebx, ecx, edx. Unknown leaves are all zero. */
void cpu_cpuid(const struct cpu_model *m, uint32_t leaf, uint32_t subleaf, unsigned ncpus,
	uint32_t ret[4]);
/** AT_HWCAP: leaf 1's edx. */
uint32_t cpu_hwcap(const struct cpu_model *m, unsigned ncpus);
/** 0 when this machine's CPU has every feature of the model, else an error that names one. */
int cpu_host_can(const struct cpu_model *m, struct err *e);
/** Whether this CPU can be told to fault on CPUID: it is tried. DETRUN_CPUID=0 in the environment says no. */
bool cpu_can_fault(void);

/*
 * In the place of CPUID's first byte where the CPU cannot fault on it: both makers keep it from being
 * an instruction in 64-bit mode.
 */
#define CPU_TRAP 0xd6

enum cpu_insn { CPU_INSN_CPUID, CPU_INSN_RDTSC, CPU_INSN_RDTSCP };
/** Recognise a trapped instruction with any prefixes, CPU_TRAP for CPUID among them. Its length, or 0 when it is another. */
int cpu_insn_decode(const uint8_t *code, size_t n, enum cpu_insn *ret);

#define CPU_TSC_HZ 1000000000u
/** The time stamp counter at virtual time @vtime_ns: 1 tick is 1 ns. RDTSCP's ecx is 0. */
void cpu_rdtsc(uint64_t vtime_ns, uint32_t *ret_eax, uint32_t *ret_edx);

enum cpu_hit_kind { CPU_HIT_RDRAND, CPU_HIT_RDSEED, CPU_HIT_RDPID, CPU_HIT_XBEGIN, CPU_HIT_XTEST };
struct cpu_hit {
	size_t off; /* of the opcode, after its prefixes */
	enum cpu_hit_kind kind;
	/*
	 * False for an XBEGIN that would abort to over 16 MB away: real ones stay in their
	 * function, so this is the tail of another instruction, unless someone hides it.
	 */
	bool likely;
};
/**
 * Find byte patterns of untrappable instructions at any alignment: what is found may be data or
 * part of another instruction, what is not found is not there. A pattern that straddles two calls
 * is missed, so give runs of pages in one piece. Returns the number found; at most @max are kept.
 */
size_t cpu_scan_code(const uint8_t *p, size_t n, struct cpu_hit *hits, size_t max);
const char *cpu_hit_name(enum cpu_hit_kind k);

/** Text of /proc/cpuinfo. */
void cpu_cpuinfo(const struct cpu_model *m, unsigned ncpus, struct buf *b);

#endif
