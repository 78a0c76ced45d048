/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/cpu.h"

#include <asm/prctl.h>
#include <cpuid.h>
#include <emmintrin.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "runtime/base/own.h"

struct cpu_model {
	const char *name;
	unsigned level;
	uint32_t signature; /* leaf 1's eax: family, model, stepping */
	const char *brand;  /* at most 47 characters */
};

/*
 * Family 6 with the model numbers of the first CPUs of each level, because libraries choose
 * routines by them.
 */
static const struct cpu_model models[] = {
	{ "x86-64-v2", 2, 0x000106a5, "detrun x86-64-v2" },
	{ "x86-64-v3", 3, 0x000306c3, "detrun x86-64-v3" },
};

enum word { L1_EDX, L1_ECX, L7_EBX, X1_EDX, X1_ECX, X7_EDX, LINUX, NWORDS };

enum {
	HOST = 1, /* user code can tell whether the CPU has it, so the host must */
	SMP = 2,  /* only with more than one CPU */
};

/*
 * The features of the psABI levels, and those that any kernel of such a machine has on. In the
 * order of /proc/cpuinfo. Not here, so not there: RDRAND, RDSEED, TSX, RDPID, AVX-512, AMX, PKU,
 * XSAVEC (its compacted layout would follow the host's state components, not the model's).
 */
static const struct {
	uint8_t word, bit, level, how;
	const char *name;
} features[] = {
	{ L1_EDX, 0, 2, HOST, "fpu" },
	{ L1_EDX, 2, 2, 0, "de" },
	{ L1_EDX, 3, 2, 0, "pse" },
	{ L1_EDX, 4, 2, HOST, "tsc" },
	{ L1_EDX, 5, 2, 0, "msr" },
	{ L1_EDX, 6, 2, 0, "pae" },
	{ L1_EDX, 7, 2, 0, "mce" },
	{ L1_EDX, 8, 2, HOST, "cx8" },
	{ L1_EDX, 9, 2, 0, "apic" },
	{ L1_EDX, 11, 2, 0, "sep" },
	{ L1_EDX, 12, 2, 0, "mtrr" },
	{ L1_EDX, 13, 2, 0, "pge" },
	{ L1_EDX, 14, 2, 0, "mca" },
	{ L1_EDX, 15, 2, HOST, "cmov" },
	{ L1_EDX, 16, 2, 0, "pat" },
	{ L1_EDX, 17, 2, 0, "pse36" },
	{ L1_EDX, 19, 2, HOST, "clflush" },
	{ L1_EDX, 23, 2, HOST, "mmx" },
	{ L1_EDX, 24, 2, HOST, "fxsr" },
	{ L1_EDX, 25, 2, HOST, "sse" },
	{ L1_EDX, 26, 2, HOST, "sse2" },
	{ L1_EDX, 28, 2, SMP, "ht" },
	{ X1_EDX, 11, 2, HOST, "syscall" },
	{ X1_EDX, 20, 2, 0, "nx" },
	{ X1_EDX, 27, 2, HOST, "rdtscp" },
	{ X1_EDX, 29, 2, HOST, "lm" },
	{ LINUX, 0, 2, 0, "constant_tsc" },
	{ LINUX, 1, 2, 0, "rep_good" },
	{ LINUX, 2, 2, 0, "nopl" },
	{ LINUX, 3, 2, 0, "xtopology" },
	{ X7_EDX, 8, 2, 0, "nonstop_tsc" },
	{ LINUX, 4, 2, 0, "cpuid" },
	{ L1_ECX, 0, 2, HOST, "pni" },
	{ L1_ECX, 9, 2, HOST, "ssse3" },
	{ L1_ECX, 12, 3, HOST, "fma" },
	{ L1_ECX, 13, 2, HOST, "cx16" },
	{ L1_ECX, 19, 2, HOST, "sse4_1" },
	{ L1_ECX, 20, 2, HOST, "sse4_2" },
	{ L1_ECX, 22, 3, HOST, "movbe" },
	{ L1_ECX, 23, 2, HOST, "popcnt" },
	{ L1_ECX, 26, 3, HOST, "xsave" },
	{ L1_ECX, 27, 3, HOST, NULL }, /* OSXSAVE: cpuinfo doesn't list it */
	{ L1_ECX, 28, 3, HOST, "avx" },
	{ L1_ECX, 29, 3, HOST, "f16c" },
	{ X1_ECX, 0, 2, HOST, "lahf_lm" },
	{ X1_ECX, 5, 3, HOST, "abm" },
	{ L7_EBX, 3, 3, HOST, "bmi1" },
	{ L7_EBX, 5, 3, HOST, "avx2" },
	{ L7_EBX, 8, 3, HOST, "bmi2" },
};

enum {
	MAX_BASIC = 0x16,
	MAX_EXTENDED = 0x80000008 & 0x7fffffff,
	TSC_AT_START = 1000000000, /* not zero: programs take 0 for "no counter" */
	CLFLUSH_UNITS = 8,	   /* of 8 bytes */
	PHYS_BITS = 46,
	VIRT_BITS = 48,
	XCR0 = 7, /* x87, SSE, AVX */
	AVX_OFFSET = 576,
	AVX_SIZE = 256,
	/*
	 * Not the 832 bytes of XCR0's own components: XSAVE follows the host's XCR0, and code that
	 * reserves this much and saves all it can must not overrun its buffer on a CPU with
	 * AVX-512 and protection keys.
	 */
	XSAVE_AREA = 2696,
};

const struct cpu_model *cpu_model_find(const char *name)
{
	if (!name)
		return &models[0];
	for (size_t i = 0; i < ARRAY_LEN(models); i++)
		if (!strcmp(models[i].name, name))
			return &models[i];
	return NULL;
}

const char *cpu_model_name(const struct cpu_model *m)
{
	return m->name;
}

static uint32_t feature_word(const struct cpu_model *m, enum word w, unsigned ncpus)
{
	uint32_t v = 0;

	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		if (features[i].word != w || features[i].level > m->level)
			continue;
		if ((features[i].how & SMP) && ncpus < 2)
			continue;
		v |= 1u << features[i].bit;
	}
	return v;
}

uint32_t cpu_hwcap(const struct cpu_model *m, unsigned ncpus)
{
	return feature_word(m, L1_EDX, ncpus);
}

/* Bits of an APIC id that tell the CPUs of the package apart. */
static unsigned id_bits(unsigned ncpus)
{
	unsigned n = 0;

	while (n < 31 && (1u << n) < ncpus)
		n++;
	return n;
}

static uint32_t low_mask(unsigned bits)
{
	return (1u << bits) - 1;
}

static void leaf_vendor(uint32_t ret[4])
{
	ret[0] = MAX_BASIC;
	memcpy(&ret[1], "Genu", 4);
	memcpy(&ret[3], "ineI", 4);
	memcpy(&ret[2], "ntel", 4);
}

static void leaf_version(const struct cpu_model *m, unsigned ncpus, uint32_t ret[4])
{
	uint32_t ids = 1u << id_bits(ncpus);

	ret[0] = m->signature;
	ret[1] = CLFLUSH_UNITS << 8 | (ids > 255 ? 255 : ids) << 16;
	ret[2] = feature_word(m, L1_ECX, ncpus);
	ret[3] = feature_word(m, L1_EDX, ncpus);
}

/* Deterministic cache parameters: one Nehalem- and Haswell-like hierarchy. */
static void leaf_caches(uint32_t subleaf, unsigned ncpus, uint32_t ret[4])
{
	static const struct {
		uint8_t type, level, ways;
		uint16_t sets;
	} cache[] = { { 1, 1, 8, 64 }, { 2, 1, 8, 64 }, { 3, 2, 8, 512 }, { 3, 3, 16, 8192 } };
	uint32_t ids = low_mask(id_bits(ncpus)), cores = ids > 63 ? 63 : ids;

	if (subleaf >= ARRAY_LEN(cache))
		return;
	ret[0] = cache[subleaf].type | cache[subleaf].level << 5 | 1 << 8 | cores << 26;
	if (cache[subleaf].level == 3) {
		ret[0] |= (ids & 0xfff) << 14;
		ret[3] = 1 << 1; /* inclusive */
	}
	ret[1] = (uint32_t) (cache[subleaf].ways - 1) << 22 | (64 - 1);
	ret[2] = cache[subleaf].sets - 1u;
}

static void leaf_topology(uint32_t subleaf, unsigned ncpus, uint32_t ret[4])
{
	ret[2] = subleaf & 0xff;
	if (subleaf == 0) {
		ret[1] = 1;
		ret[2] |= 1 << 8; /* threads of a core */
	} else if (subleaf == 1) {
		ret[0] = id_bits(ncpus);
		ret[1] = ncpus & 0xffff;
		ret[2] |= 2 << 8; /* cores */
	}
}

static void leaf_xsave(const struct cpu_model *m, uint32_t subleaf, uint32_t ret[4])
{
	if (m->level < 3)
		return;
	if (subleaf == 0) {
		ret[0] = XCR0;
		ret[1] = XSAVE_AREA;
		ret[2] = XSAVE_AREA;
	} else if (subleaf == 2) {
		ret[0] = AVX_SIZE;
		ret[1] = AVX_OFFSET;
	}
}

static void leaf_brand(const struct cpu_model *m, uint32_t leaf, uint32_t ret[4])
{
	char text[48] = "";

	memcpy(text, m->brand, strlen(m->brand));
	memcpy(ret, text + (leaf - 0x80000002) * 16, 16);
}

static void basic(const struct cpu_model *m, uint32_t leaf, uint32_t sub, unsigned ncpus,
	uint32_t ret[4])
{
	switch (leaf) {
	case 0:
		leaf_vendor(ret);
		break;
	case 1:
		leaf_version(m, ncpus, ret);
		break;
	case 2:
		/*
		 * The caches of leaf 4 as descriptors: 2c L1d, 30 L1i, 21 L2, e4 L3; TLBs and
		 * prefetch as Nehalem's. "Ask leaf 4" would do, but makes each start of a program
		 * ask it some thirty times, and each time is a stop.
		 */
		ret[0] = 0x55035a01;
		ret[1] = 0x00f0b2e4;
		ret[3] = 0x30ca212c;
		break;
	case 4:
		leaf_caches(sub, ncpus, ret);
		break;
	case 7:
		if (sub == 0)
			ret[1] = feature_word(m, L7_EBX, ncpus);
		break;
	case 0xb:
		leaf_topology(sub, ncpus, ret);
		break;
	case 0xd:
		leaf_xsave(m, sub, ret);
		break;
	case 0x15: /* 25 MHz crystal, times 40 */
		ret[0] = 1;
		ret[1] = CPU_TSC_HZ / 25000000;
		ret[2] = 25000000;
		break;
	case 0x16: /* MHz: base, maximum, bus */
		ret[0] = CPU_TSC_HZ / 1000000;
		ret[1] = CPU_TSC_HZ / 1000000;
		ret[2] = 100;
		break;
	}
}

static void extended(const struct cpu_model *m, uint32_t leaf, unsigned ncpus, uint32_t ret[4])
{
	switch (leaf) {
	case 0x80000000:
		ret[0] = 0x80000000u | MAX_EXTENDED;
		break;
	case 0x80000001:
		ret[2] = feature_word(m, X1_ECX, ncpus);
		ret[3] = feature_word(m, X1_EDX, ncpus);
		break;
	case 0x80000002:
	case 0x80000003:
	case 0x80000004:
		leaf_brand(m, leaf, ret);
		break;
	case 0x80000006: /* second-level cache: KB, 8-way, line */
		ret[2] = 256u << 16 | 6 << 12 | 64;
		break;
	case 0x80000007:
		ret[3] = feature_word(m, X7_EDX, ncpus);
		break;
	case 0x80000008:
		ret[0] = VIRT_BITS << 8 | PHYS_BITS;
		break;
	}
}

void cpu_cpuid(const struct cpu_model *m, uint32_t leaf, uint32_t subleaf, unsigned ncpus,
	uint32_t ret[4])
{
	memset(ret, 0, 4 * sizeof *ret);
	if (!ncpus)
		ncpus = 1;
	if (leaf & 0x80000000)
		extended(m, leaf, ncpus, ret);
	else
		basic(m, leaf, subleaf, ncpus, ret);
}

static void host_words(uint32_t ret[NWORDS])
{
	uint32_t a, b, c, d;

	memset(ret, 0, NWORDS * sizeof *ret);
	if (__get_cpuid(1, &a, &b, &c, &d)) {
		ret[L1_ECX] = c;
		ret[L1_EDX] = d;
	}
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
		ret[L7_EBX] = b;
	if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
		ret[X1_ECX] = c;
		ret[X1_EDX] = d;
	}
}

static uint64_t host_xcr0(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t) hi << 32 | lo;
}

int cpu_host_can(const struct cpu_model *m, struct err *e)
{
	uint32_t has[NWORDS];

	host_words(has);
	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		const char *name = features[i].name ? features[i].name : "osxsave";

		if (!(features[i].how & HOST) || features[i].level > m->level)
			continue;
		if (!(has[features[i].word] & 1u << features[i].bit))
			return fail_msg(e, ENOTSUP, "CPU model %s: this machine's CPU lacks %s; %s",
				m->name, name,
				m->level > 2 ? "use --cpu x86-64-v2" : "a newer CPU is needed");
	}
	if (m->level >= 3 && (host_xcr0() & XCR0) != XCR0)
		return fail_msg(e, ENOTSUP,
			"CPU model %s: this machine's kernel does not save AVX registers; "
			"use --cpu x86-64-v2",
			m->name);
	return 0;
}

enum { FAULTED = -1 }; /* no CPU's highest leaf */

static void on_fault(int sig, siginfo_t *si, void *context)
{
	greg_t *g = ((ucontext_t *) context)->uc_mcontext.gregs;

	(void) sig;
	(void) si;
	g[REG_RAX] = (uint32_t) FAULTED;
	g[REG_RIP] += 2;
}

/* Some hypervisors take the order and don't follow it. */
bool cpu_can_fault(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, old;
	const char *env = getenv("DETRUN_CPUID");
	uint32_t a, b, c, d;

	if ((env && !strcmp(env, "0")) || sigaction(SIGSEGV, &sa, &old) < 0)
		return false;
	a = 0;
	if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0) == 0) {
		__asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "0"(0), "2"(0));
		must(syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1) == 0);
	}
	must(sigaction(SIGSEGV, &old, NULL) == 0);
	return a == (uint32_t) FAULTED;
}

static bool is_prefix(uint8_t c)
{
	switch (c) {
	case 0x26: /* segments */
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66: /* operand and address size */
	case 0x67:
	case 0xf2: /* rep */
	case 0xf3:
		return true;
	default:
		return c >= 0x40 && c <= 0x4f; /* rex */
	}
}

int cpu_insn_decode(const uint8_t *code, size_t n, enum cpu_insn *ret)
{
	const size_t longest = 15;
	size_t i = 0;

	if (n > longest)
		n = longest;
	while (i < n && is_prefix(code[i]))
		i++;
	if (n - i < 2)
		return 0;
	if ((code[i] == 0x0f || code[i] == CPU_TRAP) && code[i + 1] == 0xa2) {
		*ret = CPU_INSN_CPUID;
		return (int) i + 2;
	}
	if (code[i] != 0x0f)
		return 0;
	if (code[i + 1] == 0x31) {
		*ret = CPU_INSN_RDTSC;
		return (int) i + 2;
	}
	if (n - i >= 3 && code[i + 1] == 0x01 && code[i + 2] == 0xf9) {
		*ret = CPU_INSN_RDTSCP;
		return (int) i + 3;
	}
	return 0;
}

void cpu_rdtsc(uint64_t vtime_ns, uint32_t *ret_eax, uint32_t *ret_edx)
{
	uint64_t t = vtime_ns + TSC_AT_START;

	*ret_eax = (uint32_t) t;
	*ret_edx = (uint32_t) (t >> 32);
}

/*
 * The two bytes every pattern has: c7 f0..ff (RDRAND, RDSEED, RDPID, XBEGIN) or 01 d6 (XTEST).
 * What is at p[i] decides which it is, if any; false where it is none.
 */
static bool hit_at(const uint8_t *p, size_t n, size_t i, struct cpu_hit *ret)
{
	bool after_0f = i > 0 && p[i - 1] == 0x0f;

	ret->off = i - (after_0f ? 1 : 0);
	ret->likely = true;
	if (p[i] == 0x01) {
		ret->kind = CPU_HIT_XTEST;
		return after_0f && p[i + 1] == 0xd6;
	}
	if (after_0f && p[i + 1] < 0xf8) {
		ret->kind = CPU_HIT_RDRAND;
		return true;
	}
	if (after_0f) {
		bool rex = i > 1 && (p[i - 2] & 0xf0) == 0x40;
		size_t rep = i - (rex ? 3 : 2);

		ret->kind = i > (rex ? 2u : 1u) && p[rep] == 0xf3 ? CPU_HIT_RDPID : CPU_HIT_RDSEED;
		return true;
	}
	ret->kind = CPU_HIT_XBEGIN; /* with its displacement of at least 2 bytes, mostly 4 */
	ret->likely = n - i >= 6 && (p[i + 5] == 0 || p[i + 5] == 0xff);
	return p[i + 1] == 0xf8 && n - i >= 4;
}

/* Bit k is set where one of the two-byte patterns may start at p[k]; reads 17 bytes. */
static unsigned candidates(const uint8_t *p)
{
	__m128i a = _mm_loadu_si128((const __m128i *) p);
	__m128i b = _mm_loadu_si128((const __m128i *) (p + 1));
	__m128i high = _mm_set1_epi8((char) 0xf0);
	__m128i c7 = _mm_and_si128(_mm_cmpeq_epi8(a, _mm_set1_epi8((char) 0xc7)),
		_mm_cmpeq_epi8(_mm_and_si128(b, high), high));
	__m128i d6 = _mm_and_si128(_mm_cmpeq_epi8(a, _mm_set1_epi8(0x01)),
		_mm_cmpeq_epi8(b, _mm_set1_epi8((char) 0xd6)));

	return (unsigned) _mm_movemask_epi8(_mm_or_si128(c7, d6));
}

static unsigned candidate(const uint8_t *p)
{
	return (p[0] == 0xc7 && p[1] >= 0xf0) || (p[0] == 0x01 && p[1] == 0xd6);
}

size_t cpu_scan_code(const uint8_t *p, size_t n, struct cpu_hit *hits, size_t max)
{
	size_t found = 0, step;
	struct cpu_hit h;

	for (size_t i = 0; i + 1 < n; i += step) {
		bool wide = n - i >= 17;
		unsigned m = wide ? candidates(p + i) : candidate(p + i);

		step = wide ? 16 : 1;
		for (; m; m &= m - 1) {
			if (!hit_at(p, n, i + (size_t) __builtin_ctz(m), &h))
				continue;
			if (found < max)
				hits[found] = h;
			found++;
		}
	}
	return found;
}

const char *cpu_hit_name(enum cpu_hit_kind k)
{
	static const char *const names[] = { "rdrand", "rdseed", "rdpid", "xbegin", "xtest" };

	return (size_t) k < ARRAY_LEN(names) ? names[k] : "?";
}

static void one_cpuinfo(const struct cpu_model *m, unsigned cpu, unsigned ncpus, struct buf *b)
{
	uint32_t s = m->signature;

	buf_printf(b, "processor\t: %u\nvendor_id\t: GenuineIntel\ncpu family\t: %u\n", cpu,
		s >> 8 & 0xf);
	buf_printf(b, "model\t\t: %u\nmodel name\t: %s\nstepping\t: %u\nmicrocode\t: 0x1\n",
		(s >> 16 & 0xf) << 4 | (s >> 4 & 0xf), m->brand, s & 0xf);
	buf_printf(b, "cpu MHz\t\t: %u.000\ncache size\t: 8192 KB\n", CPU_TSC_HZ / 1000000);
	buf_printf(b, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n", ncpus,
		cpu, ncpus);
	buf_printf(b, "apicid\t\t: %u\ninitial apicid\t: %u\n", cpu, cpu);
	buf_printf(b, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t:",
		MAX_BASIC);
	for (size_t i = 0; i < ARRAY_LEN(features); i++)
		if (features[i].name && features[i].level <= m->level &&
			(ncpus > 1 || !(features[i].how & SMP)))
			buf_printf(b, " %s", features[i].name);
	buf_printf(b, "\nbugs\t\t:\nbogomips\t: %u.00\nclflush size\t: %u\ncache_alignment\t: 64\n",
		2 * (CPU_TSC_HZ / 1000000), CLFLUSH_UNITS * 8);
	buf_printf(b, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
		PHYS_BITS, VIRT_BITS);
}

void cpu_cpuinfo(const struct cpu_model *m, unsigned ncpus, struct buf *b)
{
	if (!ncpus)
		ncpus = 1;
	for (unsigned i = 0; i < ncpus; i++)
		one_cpuinfo(m, i, ncpus, b);
}
