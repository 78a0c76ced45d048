/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent half of a launch. launch_start() makes init in its namespaces and the supervisor beside
 * it; launch_wait() stays until both are gone. Between the two a container is being created: what
 * `create` will leave behind, and `start` will let go.
 */
#ifndef DETRUN_LAUNCH_H
#define DETRUN_LAUNCH_H

#include <signal.h>
#include <stdbool.h>

#include "runtime/console.h"
#include "runtime/ns.h"
#include "runtime/plan.h"
#include "shim/shim.h"

enum {
	EXIT_OURS = 125,
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
};

struct launch {
	/* inputs, borrowed until launch_wait() is back */
	const struct spec *spec;
	const struct plan *plan;
	struct idmaps maps; /* if the spec makes a user namespace */
	bool virtual_ids;
	bool null_stdin;
	unsigned preserve;    /* fds from 3 on that the program keeps */
	struct shim_opts shim; /* declared inputs and outputs; pids, pipes and sync are ours */

	/* state */
	pid_t init, shim_pid;
	int init_fd;   /* pidfd */
	int userns;    /* fd of the container's user namespace, or -1 */
	int init_err;  /* what init says of a failure */
	int shim_res;  /* the supervisor's result */
	struct console console;
};

#define LAUNCH_INIT ((struct launch) { .init_fd = -1, .userns = -1, .init_err = -1, \
	.shim_res = -1, .shim = { .trace_dir = -1, .cache_dir = -1, .upper = -1, .keep = -1, \
	.output = -1, .expect_dir = -1 } })

/** 0 or -errno, with nothing left behind. */
int launch_start(struct launch *l, struct err *e);
/**
 * Wait for the end. Signals that ask us to end are passed on; a second one, or a container that
 * does not end, is killed. 0 and *ret; or -errno: *@ret->status is 125, 126 or 127 then.
 */
int launch_wait(struct launch *l, struct shim_result *ret, struct err *e);
/** Close what is open, kill what runs. */
void launch_done(struct launch *l);

/* supervise.c: fork the supervisor's process. */
enum { SUPERVISE_POKE = SIGUSR1 }; /* tells it that the container was sent a signal */
struct supervise {
	const struct shim_opts *o;
	int result;	      /* where the result goes */
	const int *not_ours; /* fds to be closed in it */
	unsigned n_not_ours;
};
struct supervise_result {
	int r;
	struct err e;
	struct shim_result s;
};
pid_t supervise_fork(const struct supervise *s, struct err *e);

#endif
