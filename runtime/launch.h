/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent half of a launch. launch_start() makes init in its namespaces, and the supervisor
 * beside it, and is back when init is set up; launch_go() lets it execute the program, or wait for
 * who says `start`. Then either launch_wait() stays until all is gone, or launch_leave() goes.
 */
#ifndef DETRUN_LAUNCH_H
#define DETRUN_LAUNCH_H

#include <signal.h>
#include <stdbool.h>

#include "runtime/confine.h"
#include "runtime/console.h"
#include "runtime/mode.h"
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
	struct confine *confine; /* prepared */
	struct idmaps maps; /* if the spec makes a user namespace */
	enum det_mode mode;
	bool virtual_ids;
	bool null_stdin;
	bool detached;	      /* it outlives us */
	unsigned preserve;    /* fds from 3 on that the program keeps */
	int start;	      /* socket on which init awaits `start`, or -1: launch_go() is enough */
	int terminal;	      /* the supervisor's side of the terminal, or -1: ours, on 0, 1, 2 */
	struct cgroup *cgroup; /* made for it, or NULL */
	struct notify *notify; /* without a supervisor; or NULL */
	int lock;	      /* an fd that neither init nor the supervisor may hold, or -1 */
	struct shim_opts shim; /* declared inputs and outputs; pids, pipes and sync are ours */

	/* called when init is born and has done nothing yet; may be NULL */
	int (*born)(void *ctx, const struct launch *l, struct err *e);
	/* called when all is mounted and the root not yet entered, if .has_hooks; may be NULL */
	int (*hooks)(void *ctx, const struct launch *l, struct err *e);
	void *ctx;

	/* state */
	pid_t init, shim_pid;
	int init_fd;   /* pidfd */
	bool sources;  /* some mounts are made for init: see sources.h */
	pid_t giver;   /* by whom, until it is reaped */
	int userns;    /* fd of the container's user namespace, or -1 */
	int up;	       /* our end of the socket pair with init */
	int master;    /* of the container's terminal, where no supervisor has it; or -1 */
	int failed;    /* init's exit status, if it failed */
	int interrupted; /* the signal that ended the set-up */
	int shim_res;  /* the supervisor's result */
	int maker;     /* replay: the supervisor asks for processes that were added, or -1 */
	struct console console;
};

#define LAUNCH_INIT ((struct launch) { .init_fd = -1, .userns = -1, .up = -1, .master = -1, \
	.start = -1, .terminal = -1, .lock = -1, .shim_res = -1, .maker = -1, \
	.shim = { .control = -1, .maker = -1, .notify = -1, .notify_to = -1, .trace_dir = -1, .cache_dir = -1, \
	.image = -1, .upper = -1, .root_upper = -1, .hidden = -1, .keep = -1, .output = -1, .expect_dir = -1 } })

/** 0 or -errno, with nothing left behind; l->failed is the exit status where it is init's. */
int launch_start(struct launch *l, struct err *e);
/** Without a supervisor and .start it is back when the program runs, or can't: -errno then. */
int launch_go(struct launch *l, struct err *e);
/** It is not ours any more. */
void launch_leave(struct launch *l);
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
	struct shim_opts *o;
	int result;	      /* where the result goes */
	int terminal;	     /* to be its controlling one, or -1 */
	bool daemon;	     /* it outlives who makes it */
	const int *not_ours; /* fds to be closed in it */
	unsigned n_not_ours;
	/* makes init, by the way, in our session and as our parent's child; or NULL */
	pid_t (*bear)(void *ctx, struct err *e);
	void *ctx;
};
struct supervise_birth { /* the first that is written to .result, with .bear */
	pid_t pid; /* or -errno */
	struct err e;
};
struct supervise_result {
	int r;
	struct err e;
	struct shim_result s;
};
pid_t supervise_fork(const struct supervise *s, struct err *e);

#endif
