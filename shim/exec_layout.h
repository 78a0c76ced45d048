/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The initial stack of a program, rebuilt: the strings (argv, environment, file name) stay where
 * the kernel put them, for their addresses depend only on their content. Everything below them is
 * one layout that no kernel version, CPU or boot can change:
 *
 *   sp -> argc, argv[], NULL, envp[], NULL, auxv (always the same entries), padding,
 *         16 random bytes, "x86_64", padding, strings ...
 */
#ifndef DETRUN_EXEC_LAYOUT_H
#define DETRUN_EXEC_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

enum { AUXV_LEN = 20 * 16 }; /* bytes, with AT_NULL */

struct exec_layout_in {
	uint64_t sp;	      /* of the new program, before its first instruction */
	const uint8_t *stack; /* bytes from sp to the end of the stack, as the kernel made them */
	size_t n;
	uint8_t random[16];   /* what AT_RANDOM points to */
	uint32_t uid, gid, euid, egid; /* AT_SECURE is whether they differ */
	uint32_t hwcap;	      /* cpu_hwcap() */
};

struct exec_layout_out {
	uint64_t sp; /* the new one, 16-byte aligned */
	/*
	 * Write .bytes at .lo: from the lower of the two stack pointers up to the first string, so
	 * that nothing the kernel wrote there remains.
	 */
	uint64_t lo;
	struct buf bytes; /* the caller frees */
	uint64_t vdso;	  /* AT_SYSINFO_EHDR as it was, 0 = none */
	uint64_t entry, base, phdr;
	uint64_t phnum;
	uint64_t execfn; /* address of the string */
	uint64_t random_addr;
	uint64_t argv, envp; /* addresses of the arrays */
	uint64_t auxv;
	size_t argc, envc;
};

/** 0 or -errno: -EBADMSG for a stack that no kernel made. @in is not trusted. */
int exec_layout(const struct exec_layout_in *in, struct exec_layout_out *ret, struct err *e);

#endif
