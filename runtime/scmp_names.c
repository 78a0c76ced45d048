/* SPDX-License-Identifier: Apache-2.0 */
/* What `features` says of seccomp. */
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "runtime/base/own.h"
#include "runtime/scmp.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const char *nth(const char *const *list, size_t n, size_t i)
{
	return i < n ? list[i] : NULL;
}

const char *scmp_action_name(size_t i)
{
	static const char *const names[] = { "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
		"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY",
		"SCMP_ACT_TRACE", "SCMP_ACT_TRAP" };

	return nth(names, ARRAY_LEN(names), i);
}

const char *scmp_operator_name(size_t i)
{
	static const char *const names[] = { "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
		"SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE" };

	return nth(names, ARRAY_LEN(names), i);
}

/* Of all that the specification names, those that this libseccomp has. */
const char *scmp_arch_name(size_t i)
{
	static const char *const names[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM",
		"SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64",
		"SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
		"SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_PPC",
		"SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64", "SCMP_ARCH_S390",
		"SCMP_ARCH_S390X", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB", "SCMP_ARCH_X32",
		"SCMP_ARCH_X86", "SCMP_ARCH_X86_64" };

	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		if (scmp_arch(names[k]) && !i--)
			return names[k];
	return NULL;
}

/* A filter that can't be read is the later error: the flag was known. */
static bool kernel_has(unsigned long bit)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, bit, NULL) < 0 && errno == EFAULT;
}

const char *scmp_flag_name(size_t i, bool supported)
{
	static const struct {
		const char *name;
		unsigned long bit;
	} flags[] = {
		{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
		{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
		/* not by itself: a filter needs SCMP_ACT_NOTIFY, too */
		{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
	};

	for (size_t k = 0; k < ARRAY_LEN(flags); k++)
		if ((!supported || kernel_has(flags[k].bit)) && !i--)
			return flags[k].name;
	return NULL;
}

void scmp_version(char ret[32])
{
	const struct scmp_version *v = seccomp_version();

	snprintf(ret, 32, "%u.%u.%u", v->major, v->minor, v->micro);
}
