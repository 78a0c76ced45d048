/* SPDX-License-Identifier: Apache-2.0 */
/* How long an x86-64 instruction is. Enough to go from one to the next, no more. */
#ifndef DETRUN_INSN_H
#define DETRUN_INSN_H

#include <stddef.h>
#include <stdint.h>

/**
 * The length of the instruction at @p, of which @n bytes are known. 0: it is none in 64-bit mode,
 * its end is not among them, or makers of CPUs differ on its length.
 */
size_t insn_len(const uint8_t *p, size_t n);

#endif
