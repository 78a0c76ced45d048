/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's control group: one directory on cgroup v2, one per hierarchy on v1, both where v2 is
 * mounted beside v1 ("hybrid"), none where there are no cgroups or the caller may not write to them.
 *
 *	cgroup_new()	 find where it will be; touches nothing
 *	cgroup_make()	 make the directories
 *	cgroup_attach()	 move a process in
 *	cgroup_apply()	 set the limits
 *	cgroup_put()	 for state.json; cgroup_get() is its inverse
 *	cgroup_kill()	 kill all that is in it
 *	cgroup_remove()	 remove it with what the container made below
 */
#ifndef DETRUN_CGROUP_H
#define DETRUN_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "runtime/base/err.h"
#include "runtime/base/json.h"

enum cgroup_manager { CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED };

struct cgroup_opts {
	const char *id;
	const char *path; /* linux.cgroupsPath, or NULL */
	const struct spec_resources *resources; /* may be NULL; borrowed for the call only */
	enum cgroup_manager manager;
	bool rootless; /* without the permission to make one go on without, if nothing asks for it */
};

struct cgroup;

/** "cgroupfs", "systemd", "disabled". */
int cgroup_manager_parse(const char *name, enum cgroup_manager *ret, struct err *e);
/** @flag: --rootless=true|false|auto, or NULL: by our user and user namespace. */
bool cgroup_rootless(const char *flag);

int cgroup_new(const struct cgroup_opts *o, struct cgroup **ret, struct err *e);
void cgroup_free(struct cgroup *c);
static inline void cgroup_drop(struct cgroup **c)
{
	cgroup_free(*c);
}
#define own_cgroup __attribute__((cleanup(cgroup_drop))) struct cgroup *

/**
 * Make it, empty. Fails if it is there with processes in it, or frozen. On failure what was made is
 * gone again. @r is what cgroup_apply() will be given, or NULL.
 */
int cgroup_make(struct cgroup *c, const struct spec_resources *r, struct err *e);
/**
 * On v2 a process can be born in it (CLONE_INTO_CGROUP), which takes the kernel far less time than a
 * move: a descriptor for that, or -1. cgroup_entered(): that was done, cgroup_attach() has nothing to do.
 */
int cgroup_birthplace(const struct cgroup *c);
void cgroup_entered(struct cgroup *c);
/** Move a process in. Before the limits are set: no limit may stop the move. */
int cgroup_attach(struct cgroup *c, pid_t pid, struct err *e);
/** As cgroup_attach() where the cgroup is made with its first process in it, else nothing yet. */
int cgroup_attach_early(struct cgroup *c, pid_t pid, struct err *e);
/** The limits of a new container, its device rules among them. */
int cgroup_apply(struct cgroup *c, const struct spec_resources *r, struct err *e);
/** As cgroup_apply() without the device rules: for `update`. */
int cgroup_update(struct cgroup *c, const struct spec_resources *r, struct err *e);

/** The processes in it and below it (malloc). */
int cgroup_pids(const struct cgroup *c, pid_t **ret, size_t *ret_n, struct err *e);
/** Nothing moves in it until it is thawed. */
int cgroup_freeze(const struct cgroup *c, bool freeze, struct err *e);
bool cgroup_frozen(const struct cgroup *c);
/** Send a signal to every process of it. 0, also when there is none. */
int cgroup_signal(const struct cgroup *c, int sig, struct err *e);
/**
 * SIGKILL to all, frozen or forking, until none is left (10 s at most). Nothing if cgroup_make() has
 * not been successful: it may be somebody else's.
 */
int cgroup_kill(const struct cgroup *c, struct err *e);
/**
 * v1: a process that somebody has moved into another, frozen freezer dies only where it is thawed.
 * Back to this one with them all.
 */
void cgroup_recall(const struct cgroup *c);
/** Remove the directories. One that is gone already is no error. */
int cgroup_remove(struct cgroup *c, struct err *e);

/** True where there is a cgroup: false with `disabled` and where we had to go on without. */
bool cgroup_exists(const struct cgroup *c);

/**
 * Join for `exec`, as cgroup_attach(). @sub (--cgroup): NULL, "path" below the container's, or
 * "controller[,controller]:path"; several are given one after the other. @init: the container's
 * first process; on v2 we follow it where it has gone if the container's own can't be joined.
 */
int cgroup_join(const struct cgroup *c, const char *const *sub, size_t n_sub, pid_t init, pid_t pid,
	struct err *e);

/** An object for state.json; @c may be NULL (null is written). */
void cgroup_put(const struct cgroup *c, struct json_out *o);
/** NULL or null gives a cgroup that does not exist. */
int cgroup_get(const struct json *j, struct cgroup **ret, struct err *e);

/** A descriptor that is readable when the kernel has killed in it for lack of memory, or -1. */
int cgroup_watch_oom(const struct cgroup *c, uint64_t *ret_kills);
/** How often it has by now. @before: what we knew. */
uint64_t cgroup_oom_kills(const struct cgroup *c, int watch, uint64_t before);

/** What events --stats prints as "data". */
int cgroup_stats(const struct cgroup *c, struct json_out *o, struct err *e);

/**
 * The hierarchies that a mount of type "cgroup" shows inside: the name below the mount point
 * ("cpu,cpuacct", "unified" or "" when the mount point itself is the one and only v2 hierarchy),
 * where it is mounted outside, and the container's directory in it.
 */
struct cgroup_view {
	const char *name;
	const char *mount; /* of the hierarchy, outside */
	const char *path;  /* of the container, outside; NULL when it has none there */
	const char *options; /* mount data for a mount of its own: "cpu,cpuacct" */
	bool v2;
};
size_t cgroup_views(const struct cgroup *c, const struct cgroup_view **ret);

#endif
