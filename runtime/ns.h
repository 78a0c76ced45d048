/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces and id maps. */
#ifndef DETRUN_NS_H
#define DETRUN_NS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "runtime/base/err.h"

enum { MAPS_MAX = 32 };

struct idmaps {
	struct spec_idmap uid[MAPS_MAX], gid[MAPS_MAX];
	unsigned n_uid, n_gid;
	bool setgroups; /* the map allows supplementary groups */
};

/**
 * The maps of a container whose root is whoever runs us: for root all ids that there are, for a
 * user with ranges in /etc/subuid and /etc/subgid these, else the one id.
 */
int idmaps_own(struct idmaps *ret, struct err *e);
/** The maps that a spec asks for; a user namespace without maps gets idmaps_own(). */
int idmaps_of_spec(const struct spec *s, struct idmaps *ret, struct err *e);
/** Write the maps of @pid, through newuidmap and newgidmap where we may not ourselves. */
int idmaps_write(const struct idmaps *m, pid_t pid, struct err *e);

/**
 * clone3 into new namespaces (CLONE_NEW*). Returns 0 in the child, its pid in the parent; *@ret_pidfd.
 * A refusal names the sysctl that forbids it.
 */
pid_t ns_clone(uint64_t flags, int *ret_pidfd, struct err *e);
/** As ns_clone(), born in the v2 cgroup whose directory *@cgroup is. Where that fails, it is -1. */
pid_t ns_clone_into(uint64_t flags, int *cgroup, int *ret_pidfd, struct err *e);

/**
 * What failed with @r inside a new user namespace: where AppArmor gives those no rights but to programs
 * with a profile (Ubuntu's default), @e says so, too. Returns @r.
 */
int ns_powerless(int r, struct err *e);

/** The flags of the namespaces to be made when init is cloned. */
uint64_t ns_flags(const struct spec *s);
/** Whether there are some to be joined by path, and who does: before init is cloned, or init. */
enum ns_how { NS_NONE, NS_BEFORE, NS_INSIDE } ns_how(const struct spec *s);
/** Enter those that @s names by path. */
int ns_join(const struct spec *s, struct err *e);

/** Remove a tree with the rights of the user namespace @userns, or of a new one of ours (-1). */
int ns_rm_rf(int userns, const char *path);

#endif
