/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container without processes: the handlers, the engine and the scheduler are the real ones;
 * guest memory is an array, and the kernel answers what the test says.
 *
 *	TEST(time_is_the_epochs)
 *	{
 *		struct fake f = { .opts.epoch = 7 };
 *
 *		EQ(fake_sys(&f, "time", 0), 7);
 *		fake_free(&f);
 *	}
 *
 * A struct fake may start as all zero: what is needed is made at the first call.
 */
#ifndef DETRUN_TESTS_FAKE_H
#define DETRUN_TESTS_FAKE_H

#include <limits.h>

#include "shim/engine.h"

#define FAKE_BLOCKED LONG_MIN /* the call waits; fake_run() goes on */

struct fake {
	struct shim_opts opts;
	struct shim_result result;
	struct world w;
	/* guest memory: addresses from 0x10 to its end; the stack pointer is at 0x3f00 */
	uint8_t m[0x4000];
	long kernel;	  /* what the kernel answers */
	uint64_t k[6];	  /* arguments that the kernel got last */
	unsigned nkernel; /* how often it was asked */
	uint32_t npids;
	bool killed;	  /* there is no memory any more */
};

/** The first task; made when it is not there yet. Its pid inside is 1. */
struct task *fake_up(struct fake *f);
/** Another task: a thread of @parent with CLONE_VM | CLONE_THREAD, else a process. */
struct task *fake_task(struct fake *f, struct task *parent, uint64_t clone_flags);
void fake_free(struct fake *f);

/** A system call of the task that has the token; up to six numbers follow. */
long fake_call(struct fake *f, struct task *t, const char *name, const uint64_t a[6]);
#define fake_sys_as(f, t, name, ...) fake_call(f, t, name, (const uint64_t[6]){ __VA_ARGS__ })
#define fake_sys(f, name, ...) fake_sys_as(f, NULL, name, __VA_ARGS__)
/** Let the scheduler go on: who runs next (its result: fake_result), NULL = nobody can. */
struct task *fake_run(struct fake *f);
long fake_result(const struct task *t);

/** Guest memory at @addr as a T. */
#define FAKE_AT(f, T, addr) (*(T *) (void *) &(f)->m[addr])

#endif
