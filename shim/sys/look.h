/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by poll.c and epoll.c: waiting for descriptors. */
#ifndef DETRUN_SYS_LOOK_H
#define DETRUN_SYS_LOOK_H

#include "shim/sys/io.h"

#define WHY_LOOK "looked at without waiting; waits for another task, or the virtual clock"

/* What a call waits for. */
struct look {
	struct pollfd *p;
	size_t n;
	bool has_input; /* a terminal's, or standard input */
	struct stdio *std;
	uint32_t tty;
};

/** Nothing is ready: park the task until something may be. */
long poll_wait(struct call *c, const struct look *l, uint64_t deadline);
/** The deadline of a timeout, the same over all tries of one call. */
uint64_t poll_deadline_ms(struct call *c, int64_t ms);
/** The same of a time in memory (or NULL); @unit: ns in the second field's unit. 0 or -errno. */
long poll_deadline_at(struct call *c, uint64_t addr, uint64_t unit, uint64_t *ret);
/** The signal mask at @addr (or NULL) holds while the call waits. 0 or -errno. */
long poll_mask(struct call *c, uint64_t addr, uint64_t size);

#endif
