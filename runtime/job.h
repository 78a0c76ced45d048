/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run, whatever door it came through: a spec, a root, inputs and outputs. job_run() makes the
 * private directory, the plan and the trace's directory, launches, waits, and cleans up.
 */
#ifndef DETRUN_JOB_H
#define DETRUN_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/launch.h"
#include "runtime/opts.h"
#include "runtime/plan.h"
#include "runtime/priv.h"

#define DEFAULT_EPOCH 744847200 /* 1993-08-08 22:00:00 UTC */

struct job {
	/* what to run; borrowed */
	const struct spec *spec;
	enum root_kind root;
	const char *lower;
	const struct rootfs *rootfs; /* NULL: the disk tells owners and times */
	struct found *found; /* all that is in .lower, or NULL */
	const struct plan_dir *dirs;
	const struct plan_link *links;
	const struct plan_file *files;
	const struct plan_file *sys; /* set by job_run() */
	const char *const *empty;
	const char *const *volumes; /* writable host directories, by their path in the container */
	const char *const *shared;  /* the same, by their path on the host */
	bool virtual_ids, soft_rlimits, no_pivot, no_keyring;
	bool plain_terminal; /* its output has no carriage returns of its own */
	unsigned preserve;
	struct cgroup *cgroup; /* of the container, or NULL */
	struct notify *notify; /* of it, or NULL */
	const char *id, *bundle; /* of a container; NULL: it has no name */

	/* how */
	enum det_mode mode;
	bool detached; /* job_run() is back when it is set up, or runs */
	bool named;    /* by who runs it, so that somebody may speak to it */
	int start;     /* see struct launch; or -1 */
	int control;   /* on which the supervisor takes commands, or -1 */
	int lock;      /* likewise */
	int terminal;  /* likewise */

	/* declared inputs */
	const char *seed, *cpu;
	const char *hostname; /* of a UTS namespace that is joined; NULL: the spec has it */
	uint64_t epoch;
	bool epoch_chosen; /* not the default */
	bool keep_times;   /* of the volumes' files */
	unsigned cpus;
	bool strict, null_stdin;
	const char *config;	 /* canonical JSON of what was declared */
	const char *inputs;	 /* JSON: what a replay needs of the declaration */
	const char *host_inputs; /* JSON: where this machine had the inputs */

	/* outputs */
	const char *trace; /* directory, NULL = the default place, "none" */
	uint64_t trace_room; /* bytes of it that are kept; 0: all */
	const char *key;   /* PEM, NULL = the user's own */
	const char *keep, *output;
	int expect_dir;	   /* replay: the bundle to compare with, or -1 */
	bool dry_run;

	/* called when init is born, when it asks for hooks, and when it is set up: may be NULL */
	int (*born)(void *ctx, const struct launch *l, struct err *e);
	int (*hooks)(void *ctx, const struct launch *l, struct err *e);
	int (*created)(void *ctx, const struct launch *l, struct err *e);
	/* called when the program runs; a failure ends it */
	int (*started)(void *ctx, const struct launch *l, struct err *e);
	void *ctx;
};
#define JOB_INIT ((struct job) { .expect_dir = -1, .start = -1, .control = -1, .lock = -1, .terminal = -1, .seed = "0", .cpu = "x86-64-v2", .cpus = 1, \
	.epoch = DEFAULT_EPOCH })

/**
 * Run it. 0, *ret_status the exit status (and *ret, which may be NULL); or -errno, *ret_status 125
 * to 127.
 */
int job_run(const struct job *j, int *ret_status, struct shim_result *ret, struct err *e);

/* The options all doors share. */
struct job_opts {
	const char *determinism, *trace, *key, *seed, *epoch, *cpu, *cpus;
	bool strict, dry_run;
};
/** Fill the job from the texts, defaults and SOURCE_DATE_EPOCH. */
int job_declare(struct job *j, const struct job_opts *o, struct err *e);

/* outputs.c */
struct outputs {
	int trace, keep, output, cache;
	struct trace_key *key;
	char *trace_path;
	char *output_dir; /* of --output */
};
#define OUTPUTS_INIT ((struct outputs) { -1, -1, -1, -1, NULL, NULL, NULL })
int outputs_open(const struct job *j, struct outputs *ret, struct err *e);
/** Give the finished tarball its name. */
int outputs_commit(const struct job *j, struct outputs *o, struct err *e);
void outputs_close(struct outputs *o);
/** Let the real clock come to @ns since 1970, if it is soon there: what is edited then is newer. */
void outputs_await(uint64_t ns);

#endif
