/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a file's code has CPUID. x86 code has no boundaries of its own: two bytes that look like the
 * instruction may be data, or part of another one. So each place that looks so is confirmed: its
 * function, from where the unwind tables say that it begins, is gone through instruction by
 * instruction. Of what has no such tables (hand-written code, Go's) that counts which stands right
 * behind instructions that only a CPUID needs. The file may be garbage, or made to mislead.
 */
#ifndef DETRUN_CODEFILE_H
#define DETRUN_CODEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct code_site {
	uint64_t off, vaddr; /* in the file, and where its program headers want it */
};

struct code_file {
	uint64_t entry;	   /* e_entry */
	char *interp;	   /* PT_INTERP, or NULL */
	struct code_site *site;
	size_t n;
	size_t doubtful; /* places that are neither confirmed nor refuted */
	bool strange;	 /* no ELF file, too large a one or one that can't be read: nothing is known */
};

/** Look through the file. Give *@ret to code_file_free(). */
void code_file_read(int fd, struct code_file *ret);
void code_file_free(struct code_file *f);

#endif
