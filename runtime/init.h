/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child half of a launch: the container's first process, from its birth in the new namespaces
 * to the exec of the program. It executes the plan, and tells the parent of a failure through a
 * pipe that the exec closes.
 */
#ifndef DETRUN_INIT_H
#define DETRUN_INIT_H

#include <stdbool.h>

#include "runtime/plan.h"

struct init {
	const struct spec *spec;
	const struct plan *plan;
	bool userns;	  /* it has a user namespace of its own: become root in it first */
	bool setgroups;	  /* and may set supplementary groups */
	bool virtual_ids; /* the program's ids are the supervisor's: stay root for the kernel */
	int maps;	  /* end of a pipe: a byte arrives when the id maps are written */
	int sync;	  /* end of the socket pair with the supervisor */
	int err;	  /* end of the pipe for struct init_error */
	int stdio[3];	  /* what becomes 0, 1, 2 */
	unsigned preserve; /* how many fds from 3 on the program keeps */
};

struct init_error {
	int status; /* exit status: 125 set-up, 126, 127 */
	struct err e;
};

/** Never returns. */
void init_main(const struct init *in) __attribute__((noreturn));

/* ops.c: one operation before the process is ready. */
struct init_state {
	const struct init *in;
	int root;   /* the container's root mount */
	int procfs; /* a procfs of our own, attached nowhere */
	int master; /* of the container's terminal, until the supervisor has it; or -1 */
};
int op_run(struct init_state *s, const struct op *o, struct err *e);

#endif
