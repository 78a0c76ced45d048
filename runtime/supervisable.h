/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_SUPERVISABLE_H
#define DETRUN_SUPERVISABLE_H

#include "oci/spec.h"

/** Can a container of this be a repeatable run? 0, or -EOPNOTSUPP and what it would take. */
int supervisable(const struct spec *s, struct err *e);

#endif
