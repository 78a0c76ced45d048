/* SPDX-License-Identifier: Apache-2.0 */
/* The ids and capabilities that the container's first program gets. */
#ifndef DETRUN_CAPS_H
#define DETRUN_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "oci/spec.h"
#include "runtime/base/err.h"

/** What a container's root may do when nobody says otherwise. */
#define CAPS_DEFAULT 0x00000000a80425fbULL

/**
 * Become the user of @p with its capabilities. CAP_SYS_ADMIN is kept until the exec takes it away
 * (it is not in the bounding set unless asked for), so that a filter can be installed without
 * no_new_privs. @keep_ids: leave uid and gids alone; @setgroups: supplementary groups may be set.
 * @no_gain: an exec gets no capability that is not there before it. With no_new_privs it would not
 * get it anyway, but its addresses would be random.
 */
int caps_apply(const struct spec_process *p, bool keep_ids, bool setgroups, bool no_gain,
	struct err *e);

/** Those of @set that a process with @c doesn't have: they are only shown. */
static inline uint64_t caps_unheld(const struct spec_caps *c, uint64_t set)
{
	return set & ~(c->permitted | c->effective);
}

#endif
