/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of the rows as a whole, beside what sys.h declares. */
#ifndef DETRUN_TABLE_H
#define DETRUN_TABLE_H

#include "shim/filter.h"
#include "shim/sys.h"

/** The families, in the order of the documentation. */
size_t sys_families(const struct family *const **ret);
const char *sys_policy_name(enum policy p);
/** The filter's rows: at most @max into @ret; returns how many there are. */
size_t sys_filter_rows(struct filter_row *ret, size_t max);
/** Let those of them be notified that can; @ours: paths are the supervisor's to look up. */
void sys_filter_notify(struct filter_row *rows, size_t n, bool ours);
/** Where the CPU cannot fault on CPUID: what may make code is trapped, too. */
void sys_filter_code(struct filter_row *rows, size_t n);

#endif
