/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What config.json says of the container's first process beyond its mounts: seccomp, labels,
 * scheduling, memory policy, time offsets. Each is prepared by the parent, which may open host files and say
 * what is wrong; some of it is then the parent's to do to init, and the rest init's own.
 */
#ifndef DETRUN_CONFINE_H
#define DETRUN_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "runtime/base/err.h"
#include "runtime/mode.h"
#include "runtime/scmp.h"

struct confine {
	const struct spec *spec;
	const char *id, *bundle; /* for hooks and agents; NULL where the container has no name */
	bool virtual_ids; /* see struct launch */
	bool supervised; /* there is a supervisor: what would hide things from it is refused */
	bool listens;	 /* it takes this process's calls as notifications, too */
	struct scmp_prog seccomp;
	struct scmp_agent agent;
	int label; /* in init: takes the label of the next exec, or -1 */
};

#define CONFINE_INIT ((struct confine) { .agent = { .sock = -1 }, .label = -1 })

/**
 * Parent, before the clone: look at everything, compile, connect. @dir: the container's state directory,
 * or -1.
 */
int confine_prepare(struct confine *c, const struct spec *s, enum det_mode mode, int dir,
	struct err *e);
/** Parent, before init may go on: what is done to it from outside. @state: JSON object. */
int confine_parent(struct confine *c, pid_t init, const char *state, struct err *e);
/** The same, with the state of a container that is being created. */
int confine_born(struct confine *c, pid_t init, struct err *e);
/** Init, as soon as it is root in its user namespace, the host's /proc still being there. */
int confine_first(struct confine *c, struct err *e);
/**
 * Init: the hooks of its own. createContainer's are run with the root (an fd) as their directory;
 * startContainer's are programs of the container, and held by what holds the container's; @user: its
 * user and capabilities are ours by now.
 */
int confine_create_hooks(const struct confine *c, int root, struct err *e);
int confine_start_hooks(struct confine *c, bool user, bool setgroups, struct err *e);
/** Init, before the supervisor traces it. */
int confine_traced(const struct confine *c, struct err *e);
/** Init, the last thing before the exec. */
int confine_last(const struct confine *c, struct err *e);
void confine_drop(struct confine *c);

#endif
