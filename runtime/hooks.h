/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hooks of config.json. Each gets the container's state on standard input, and nothing of ours
 * else; what it prints is shown when it fails, or goes to files if the bundle's annotations name
 * some.
 */
#ifndef DETRUN_HOOKS_H
#define DETRUN_HOOKS_H

#include <stdbool.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "runtime/base/buf.h"
#include "runtime/base/err.h"

struct hook_state {
	const char *id, *bundle;
	const char *status; /* "creating", "created", "running", "stopped" */
	pid_t pid;	    /* 0: none any more */
	/* may be NULL: done to the hook's process before its exec */
	int (*confine)(const void *ctx, struct err *e);
	const void *ctx;
	char *const *env; /* of hooks that have none of their own; NULL: the caller's */
	const char *out, *err; /* files for what it prints, or NULL */
};

/** The state object of the specification. */
void hooks_state(const struct spec *s, const struct hook_state *st, struct buf *ret);

/**
 * Run all of one kind, in order, here: the caller is in the namespaces that the kind asks for. 0, or
 * -errno from the first that failed or took too long; the others are not run then. A poststop
 * hook that fails is only warned of.
 */
int hooks_run(const struct spec *s, enum spec_hook_when when, const struct hook_state *st,
	struct err *e);

/** There are hooks that are run when all is mounted and the root not yet entered. */
bool hooks_before_pivot(const struct spec *s);

/** Of a container that was made, by its state directory; NULL when it has kept no config.json. */
int hooks_load(int dir, struct spec **ret, struct err *e);

#endif
