/* SPDX-License-Identifier: Apache-2.0 */
/* The POSIX clocks of a container, shared by the families that wait. */
#ifndef DETRUN_VCLOCK_H
#define DETRUN_VCLOCK_H

#include <sys/resource.h>
#include <time.h>

#include "shim/world.h"

#define VCLOCK_FOREVER NO_DEADLINE

/** Now on clock @id, in ns. 0 or -EINVAL. */
long vclock_read(struct call *c, int id, uint64_t *ret);
/** Counts a task's or process's CPU time. */
bool vclock_is_cpu(int id);
/** CLOCK_REALTIME, CLOCK_TAI and the like: counts from 1970. */
bool vclock_is_real(int id);
/** The point of world.now when clock @id shows @at. */
uint64_t vclock_to_now(struct call *c, int id, uint64_t at);

/**
 * A task asks for the time: before it is read. One that has asked again and again, and done nothing else
 * that shows, has computed in between. @cpu: for its CPU time. Of several threads it has to be seen that it
 * does, after the question (task.computes).
 */
void vclock_asked(struct call *c, bool cpu);
/** … and it was looked at: @computes: for many steps it has made no call. */
void vclock_looked(struct task *t, bool computes);
/** First of all, when a task asks: true: it computes until then, and others run; the call waits for it. */
bool vclock_owes(struct call *c);
/** It has made another call. */
void vclock_done_else(struct task *t);
/** The same for times(2). */
void vclock_times(struct call *c);

/** 0 or -EINVAL; times beyond any run become VCLOCK_FOREVER. */
long ts_to_ns(const struct timespec *ts, uint64_t *ret);
long tv_to_ns(const struct timeval *tv, uint64_t *ret);
struct timespec ns_to_ts(uint64_t ns);
struct timeval ns_to_tv(uint64_t ns);
/** a + b, not beyond VCLOCK_FOREVER. */
uint64_t ns_add(uint64_t a, uint64_t b);

/**
 * The deadline of a relative wait of @ns: what is left when the kernel restarts a call that a signal
 * without handler interrupted, else counted from now. Kept over the tries of one call.
 */
uint64_t wait_deadline(struct call *c, uint64_t ns);
/** The wait is over, restart or not. */
void wait_done(struct call *c);

/** getrusage and wait4's: CPU time of ours, everything else 0. */
void rusage_fill(uint64_t cpu_ns, struct rusage *ret);

extern const struct flag_name clock_names[];

#endif
