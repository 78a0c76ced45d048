/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/cpu.h"

#include <stdlib.h>

#include "runtime/base/own.h"
#include "tests/check.h"

static const char *const names[] = { "x86-64-v2", "x86-64-v3" };

static const struct cpu_model *v2(void)
{
	return cpu_model_find("x86-64-v2");
}

static const struct cpu_model *v3(void)
{
	return cpu_model_find("x86-64-v3");
}

TEST(models_by_name)
{
	OK(cpu_model_find(NULL) == v2());
	OK(v2() && v3() && v2() != v3());
	OK(!cpu_model_find("x86-64-v4"));
	OK(!cpu_model_find(""));
	STREQ(cpu_model_name(v3()), "x86-64-v3");
}

TEST(vendor_and_brand)
{
	uint32_t r[4];
	char text[49] = "";

	cpu_cpuid(v2(), 0, 0, 1, r);
	EQ(r[0], 0x16);
	OK(!memcmp(&r[1], "Genu", 4) && !memcmp(&r[3], "ineI", 4) && !memcmp(&r[2], "ntel", 4));
	for (uint32_t i = 0; i < 3; i++) {
		cpu_cpuid(v2(), 0x80000002 + i, 0, 1, r);
		memcpy(text + 16 * i, r, 16);
	}
	STREQ(text, "detrun x86-64-v2");
}

/* The psABI's levels, and nothing that lets randomness or the host through. */
TEST(features_are_those_of_the_level)
{
	uint32_t r[4], v2_ecx = 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23;
	uint32_t v3_ecx = v2_ecx | 1u << 12 | 1u << 22 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 29;

	cpu_cpuid(v2(), 1, 0, 1, r);
	EQ(r[2], v2_ecx);
	EQ(r[3], cpu_hwcap(v2(), 1));
	EQ(r[3] >> 28 & 1, 0);
	cpu_cpuid(v2(), 7, 0, 1, r);
	EQ(r[0] | r[1] | r[2] | r[3], 0);
	cpu_cpuid(v2(), 0x80000001, 0, 1, r);
	EQ(r[2], 1);
	EQ(r[3], 1u << 11 | 1u << 20 | 1u << 27 | 1u << 29);
	cpu_cpuid(v3(), 1, 0, 4, r);
	EQ(r[2], v3_ecx);
	EQ(r[3] >> 28 & 1, 1);
	cpu_cpuid(v3(), 7, 0, 1, r);
	EQ(r[1], 1 << 3 | 1 << 5 | 1 << 8);
	EQ(r[0] | r[2] | r[3], 0);
	cpu_cpuid(v3(), 7, 1, 1, r);
	EQ(r[0] | r[1] | r[2] | r[3], 0);
	cpu_cpuid(v3(), 0x80000001, 0, 1, r);
	EQ(r[2], 1 | 1 << 5);
}

TEST(caches_end)
{
	uint32_t r[4], type[5];
	uint64_t size[5];

	for (uint32_t i = 0; i < 5; i++) {
		cpu_cpuid(v2(), 4, i, 4, r);
		type[i] = r[0] & 31;
		size[i] = ((uint64_t) (r[1] >> 22) + 1) * ((r[1] & 0xfff) + 1) * ((uint64_t) r[2] + 1);
	}
	EQ(type[0], 1);
	EQ(size[0], 32 << 10);
	EQ(type[1], 2);
	EQ(size[2], 256 << 10);
	EQ(size[3], 8 << 20);
	EQ(type[4], 0);
	cpu_cpuid(v2(), 4, 3, 4, r);
	EQ(r[0] >> 14 & 0xfff, 3); /* shared by 4 */
	EQ(r[0] >> 26, 3);
}

/* Leaf 2 says the same as leaf 4, without sending the reader there. */
TEST(descriptors_name_the_caches)
{
	static const uint8_t want[] = { 0x2c, 0x30, 0x21, 0xe4 };
	uint8_t b[16];
	uint32_t r[4];

	cpu_cpuid(v2(), 2, 0, 1, r);
	memcpy(b, r, 16);
	EQ(b[0], 1);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		OK(memchr(b + 1, want[i], 15));
	OK(!memchr(b, 0xff, 16));
	for (int i = 0; i < 4; i++)
		EQ(r[i] >> 31, 0);
}

TEST(topology_ends)
{
	uint32_t r[4];

	cpu_cpuid(v2(), 0xb, 0, 6, r);
	EQ(r[1], 1);
	EQ(r[2], 0x100);
	cpu_cpuid(v2(), 0xb, 1, 6, r);
	EQ(r[0], 3);
	EQ(r[1], 6);
	EQ(r[2], 0x201);
	cpu_cpuid(v2(), 0xb, 2, 6, r);
	EQ(r[0] | r[1], 0);
	EQ(r[2], 2);
}

TEST(xsave_only_with_v3)
{
	uint32_t r[4];

	cpu_cpuid(v2(), 0xd, 0, 1, r);
	EQ(r[0] | r[1] | r[2] | r[3], 0);
	cpu_cpuid(v3(), 0xd, 0, 1, r);
	EQ(r[0], 7);
	EQ(r[1], r[2]);
	OK(r[1] >= 2688); /* all that code saves where the host has AVX-512 */
	cpu_cpuid(v3(), 0xd, 1, 1, r);
	EQ(r[0], 0); /* no XSAVEC */
	cpu_cpuid(v3(), 0xd, 2, 1, r);
	EQ(r[0], 256);
	EQ(r[1], 576);
}

TEST(unknown_leaves_are_zero)
{
	static const uint32_t leaf[] = { 3, 5, 6, 9, 10, 0x14, 0x17, 0x19, 0x1f, 0x40000000,
		0x80000005, 0x80000009, 0xc0000000, 0xffffffff };
	uint32_t r[4];

	for (size_t i = 0; i < ARRAY_LEN(leaf); i++) {
		cpu_cpuid(v3(), leaf[i], 0, 1, r);
		EQ(r[0] | r[1] | r[2] | r[3], 0);
	}
	cpu_cpuid(v3(), 0x80000000, 0, 1, r);
	EQ(r[0], 0x80000008);
}

TEST(frequency_is_that_of_the_counter)
{
	uint32_t r[4], lo0, hi0, lo1, hi1;

	cpu_cpuid(v2(), 0x15, 0, 1, r);
	EQ((uint64_t) r[2] * r[1] / r[0], CPU_TSC_HZ);
	cpu_cpuid(v2(), 0x16, 0, 1, r);
	EQ(r[0] * 1000000ull, CPU_TSC_HZ);
	cpu_rdtsc(0, &lo0, &hi0);
	cpu_rdtsc(5000000000u, &lo1, &hi1);
	OK(lo0 || hi0);
	EQ(((uint64_t) hi1 << 32 | lo1) - ((uint64_t) hi0 << 32 | lo0), 5000000000u);
}

TEST(host_and_faulting_can_be_asked)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 2; i++)
		if (cpu_host_can(cpu_model_find(names[i]), &e) < 0)
			HAS(e.msg, "lacks");
	cpu_can_fault();
}

static int decode(const char *bytes, size_t n)
{
	enum cpu_insn k = 99;
	int len = cpu_insn_decode((const uint8_t *) bytes, n, &k);

	return len ? len * 10 + (int) k : 0;
}

TEST(instructions_with_any_prefix)
{
	EQ(decode("\x0f\xa2", 2), 20 + CPU_INSN_CPUID);
	EQ(decode("\xd6\xa2", 2), 20 + CPU_INSN_CPUID); /* in its place */
	EQ(decode("\xf3\xd6\xa2", 3), 30 + CPU_INSN_CPUID);
	EQ(decode("\xd6\x31", 2), 0);
	EQ(decode("\x0f\x31\x90", 3), 20 + CPU_INSN_RDTSC);
	EQ(decode("\x0f\x01\xf9", 3), 30 + CPU_INSN_RDTSCP);
	EQ(decode("\x48\x0f\xa2", 3), 30 + CPU_INSN_CPUID);
	EQ(decode("\xf3\x66\x2e\x4f\x0f\x31", 6), 60 + CPU_INSN_RDTSC);
	EQ(decode("\xf2\x0f\x01\xf9", 4), 40 + CPU_INSN_RDTSCP);
	EQ(decode("\x0f\x01\xf8", 3), 0);
	EQ(decode("\x0f\x01", 2), 0);
	EQ(decode("\x0f", 1), 0);
	EQ(decode("", 0), 0);
	EQ(decode("\xf0\x0f\xa2", 3), 0); /* lock is an invalid instruction */
	EQ(decode("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\xa2", 15),
		150 + CPU_INSN_CPUID);
	EQ(decode("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\xa2", 16), 0);
}

/* Each pattern at every place of a page that is otherwise quiet, and at its end. */
TEST(scan_finds_every_pattern_everywhere)
{
	static const struct {
		const char *bytes;
		size_t n, off;
		enum cpu_hit_kind kind;
	} pat[] = {
		{ "\x0f\xc7\xf0", 3, 0, CPU_HIT_RDRAND },
		{ "\x48\x0f\xc7\xf7", 4, 1, CPU_HIT_RDRAND },
		{ "\x0f\xc7\xf8", 3, 0, CPU_HIT_RDSEED },
		{ "\x66\x41\x0f\xc7\xff", 5, 2, CPU_HIT_RDSEED },
		{ "\xf3\x0f\xc7\xf8", 4, 1, CPU_HIT_RDPID },
		{ "\xf3\x41\x0f\xc7\xf9", 5, 2, CPU_HIT_RDPID },
		{ "\xc7\xf8\x10\x00\x00\x00", 6, 0, CPU_HIT_XBEGIN },
		{ "\x0f\x01\xd6", 3, 0, CPU_HIT_XTEST },
	};
	uint8_t page[100];
	struct cpu_hit h[2];

	for (size_t k = 0; k < ARRAY_LEN(pat); k++)
		for (size_t at = 0; at + pat[k].n <= sizeof page; at++) {
			memset(page, 0x90, sizeof page);
			memcpy(page + at, pat[k].bytes, pat[k].n);
			EQ(cpu_scan_code(page, sizeof page, h, 2), 1);
			EQ(h[0].off, at + pat[k].off);
			STREQ(cpu_hit_name(h[0].kind), cpu_hit_name(pat[k].kind));
		}
}

TEST(scan_leaves_the_rest)
{
	static const uint8_t quiet[] = { 0xc7, 0x45, 0xf8, 0, 0, 0, 0, /* mov dword [rbp-8], 0 */
		0x0f, 0xc7, 0x0e, /* cmpxchg8b [rsi] */
		0x0f, 0xc7, 0x75, 0, /* vmptrld */
		0x0f, 0x01, 0xd5, 0x01, 0xd6, /* xend; add esi, edx */
		0x0f, 0x01, 0xf9, 0xc7, 0xf8 };
	uint8_t two[] = { 0x0f, 0xc7, 0xf1, 0x0f, 0xc7, 0xf2, 0x0f, 0xc7, 0xf3 };
	/* lea rdi, [rdi+rax*8-8]; mov rsi, r12; call */
	uint8_t tail[] = { 0x48, 0x8d, 0x7c, 0xc7, 0xf8, 0x4c, 0x89, 0xe6, 0xe8, 0, 0, 0, 0 };
	struct cpu_hit h[1];

	EQ(cpu_scan_code(quiet, sizeof quiet, h, 1), 0);
	EQ(cpu_scan_code(quiet, 0, h, 1), 0);
	EQ(cpu_scan_code(quiet, 1, h, 1), 0);
	EQ(cpu_scan_code(two, sizeof two, h, 1), 3); /* counts what it can't keep */
	OK(h[0].likely);
	EQ(cpu_scan_code(tail, sizeof tail, h, 1), 1);
	OK(!h[0].likely);
}

TEST(cpuinfo_agrees_with_cpuid)
{
	own_buf b = { 0 }, b4 = { 0 };
	const char *p;
	int n = 0;

	cpu_cpuinfo(v2(), 1, &b);
	p = buf_cstr(&b);
	HAS(p, "model name\t: detrun x86-64-v2\n");
	HAS(p, "cpu family\t: 6\nmodel\t\t: 26\n");
	HAS(p, " sse4_2 popcnt lahf_lm\n");
	OK(!strstr(p, " avx") && !strstr(p, "rdrand") && !strstr(p, " ht "));
	cpu_cpuinfo(v3(), 4, &b4);
	p = buf_cstr(&b4);
	HAS(p, " avx f16c ");
	HAS(p, "siblings\t: 4\n");
	HAS(p, " ht ");
	while ((p = strstr(p, "processor\t: "))) {
		p++;
		n++;
	}
	EQ(n, 4);
}

CHECK_MAIN
