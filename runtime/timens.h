/* SPDX-License-Identifier: Apache-2.0 */
/* The time namespace: clock offsets can be written only before anybody is in it. */
#ifndef DETRUN_TIMENS_H
#define DETRUN_TIMENS_H

#include "oci/spec.h"
#include "runtime/base/err.h"

/** Init, as root of its user namespace, the host's /proc still there: make it, set it, enter it. */
int timens_enter(const struct spec *s, struct err *e);

#endif
