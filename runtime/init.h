/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child half of a launch: the container's first process, from its birth in the new namespaces
 * to the exec of the program. It executes the plan, and tells the parent of a failure through a
 * pipe that the exec closes.
 */
#ifndef DETRUN_INIT_H
#define DETRUN_INIT_H

#include <stdbool.h>

#include "runtime/confine.h"
#include "runtime/mode.h"
#include "runtime/plan.h"

struct init {
	const struct spec *spec;
	const struct plan *plan;
	struct confine *confine;
	enum det_mode mode;
	bool userns;	  /* it has a user namespace of its own: become root in it first */
	bool join;	  /* it has still to enter the namespaces named by path */
	bool setgroups;	  /* and may set supplementary groups */
	bool virtual_ids; /* the program's ids are the supervisor's: stay root for the kernel */
	bool one_session; /* with the supervisor: the program makes a group, and no session */
	int up;		  /* end of the socket pair with the launcher, see below */
	int sync;	  /* end of the socket pair with the supervisor, or -1 */
	int start;	  /* socket on which `start` is awaited, or -1: the launcher's word is enough */
	int stdio[3];	  /* what becomes 0, 1, 2; -1: what is there */
	unsigned preserve; /* how many fds from 3 on the program keeps */
	int sources;	   /* socket to who clones some bind mounts for us: see sources.h; or -1 */
};

/*
 * Between launcher and init, a byte each: the launcher says MAPPED when the id maps are written,
 * and GROUPED when init is in its cgroup, which takes a while; init asks for HOOKS (if there are any), the launcher says HOOKED; init says
 * READY, with it the terminal's master by SCM_RIGHTS if there is no supervisor to have it; the
 * launcher says GO. At any time init may say FAILED and a struct init_error. The exec of the
 * program closes init's end.
 */
enum { UP_MAPPED = 'm', UP_GROUPED = 'c', UP_HOOKS = 'H', UP_HOOKED = 'h', UP_READY = 'R', UP_GO = 'G', UP_FAILED = 'E' };

/* Nobody waits for the program any more but by its exit status: what it says is all there is. */
enum { INIT_NO_EXEC = 255 };

struct init_error {
	int status; /* exit status: 125 set-up, 126, 127 */
	struct err e;
};

/** Never returns. */
/** Default actions, nothing blocked: nothing of the caller's shell or engine may reach the program. */
int reset_signals(struct err *e);
void init_main(const struct init *in) __attribute__((noreturn));

/* ops.c: one operation before the process is ready. */
struct init_state {
	const struct init *in;
	int root;   /* the container's root mount */
	int blank;  /* an empty directory, for all that are masked; or -1 */
	int *sources; /* of bind mounts, one for each operation, -1: none; or NULL */
	int procfs; /* a procfs of our own, attached nowhere */
	int master; /* of the container's terminal, until somebody has it; or -1 */
	bool user;  /* it is the program's user already */
	bool grouped; /* UP_GROUPED has come */
	int told;   /* connection of who says `start`: errors go there; or -1: to the launcher */
};
int op_run(struct init_state *s, const struct op *o, struct err *e);

#endif
