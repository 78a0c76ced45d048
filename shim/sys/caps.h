/* SPDX-License-Identifier: Apache-2.0 */
/* The capabilities of virtual credentials. */
#ifndef DETRUN_SYS_CAPS_H
#define DETRUN_SYS_CAPS_H

#include "shim/world.h"

#define CAPS_ALL ((2ull << 40) - 1) /* what the guest's kernel knows */

struct caps caps_of(const struct ids *ids);
bool caps_has(const struct ids *ids, int cap);
/** @ids were @old: a change of user takes capabilities away, or gives them. */
void caps_new_user(struct ids *ids, const struct ids *old);
/** A program was executed. */
void caps_exec(struct ids *ids);

#endif
