/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of a process that config.json sets: scheduling, memory policy, oom score, personality. */
#ifndef DETRUN_PROCATTR_H
#define DETRUN_PROCATTR_H

#include <stdbool.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "runtime/base/err.h"

/** Words and lists that the parser doesn't look into. 0 or -errno. */
int procattr_check(const struct spec *s, struct err *e);
/**
 * By the parent, whose privileges these take: oom score, scheduler, I/O priority of @pid. With virtual
 * time the supervisor decides which task runs: a policy of real time is only shown to the container.
 */
int procattr_of(const struct spec *s, pid_t pid, bool virtual_time, struct err *e);
/** By the process itself: memory policy; personality, unless it is @virtual_persona. */
int procattr_own(const struct spec_linux *l, bool virtual_persona, struct err *e);
/** Not those that the caller is bound to, but all that the cgroup of @pid has. */
void procattr_all_cpus(pid_t pid);
/** The first 64 CPUs of such a list, as bits; 0: it has none, or is no list. */
uint64_t procattr_cpu_mask(const char *list);
/** How many CPUs a machine has that has all that config.json names. */
unsigned procattr_ncpus(const struct spec *s);
/** As ioprio_get() has it. */
int procattr_ioprio(const struct spec_io_priority *p);
/** Bind @pid to the CPUs of a list such as "0-3,7". Nothing is done for NULL or "". */
int procattr_cpus(const char *list, pid_t pid, struct err *e);

#endif
