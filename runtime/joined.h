/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_JOINED_H
#define DETRUN_JOINED_H

#include <limits.h>

#include "oci/spec.h"

/**
 * The host name of a UTS namespace that the container joins, or shares with the caller: 0; or -errno,
 * also where it has one of its own, or is given a name.
 */
int shared_hostname(const struct spec *s, char ret[HOST_NAME_MAX + 1]);

/**
 * A time namespace that the container joins has its clocks ahead: declare by how much. Behind can't be
 * shown: -EINVAL.
 */
int joined_offsets(struct spec *s);

#endif
