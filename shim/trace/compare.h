/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_COMPARE_H
#define DETRUN_COMPARE_H

#include "shim/trace/trace.h"

/**
 * Find the first event from number @from on that differs: the blocks' nodes are compared first, and
 * only blocks that differ are unpacked. 0 = none, 1 = *@ret, or -errno.
 */
int trace_compare(struct trace_reader *a, struct trace_reader *b, uint64_t from, uint64_t *ret,
	struct err *e);

#endif
