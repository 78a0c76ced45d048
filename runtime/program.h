/* SPDX-License-Identifier: Apache-2.0 */
/* Which file a process's args[0] is, inside the container; and runc's words when it is none. */
#ifndef DETRUN_PROGRAM_H
#define DETRUN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "oci/spec.h"
#include "runtime/base/err.h"

/** Look args[0] up along PATH. 0 and @ret; or EXIT_NOT_FOUND, EXIT_NOT_EXECUTABLE with @e. */
int program_find(const struct spec_process *p, char *ret, size_t n, struct err *e);
/** The same for an execve() that failed with -errno @r. @searched: along PATH. */
int program_fail(const char *name, bool searched, int r, struct err *e);
/** The same for one that was found: its interpreter is what is missing, if anything. */
int program_exec_fail(const char *name, int r, struct err *e);

#endif
