/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_SUPERVISABLE_H
#define DETRUN_SUPERVISABLE_H

#include "oci/spec.h"

/**
 * Make of it what can be a repeatable run: its processes and mounts are its own. 0, or -EOPNOTSUPP
 * and what it would take.
 */
int supervisable(struct spec *s, struct err *e);

#endif
