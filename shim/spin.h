/* SPDX-License-Identifier: Apache-2.0 */
/* Between spin.c and cycle.c. */
#ifndef DETRUN_SPIN_H
#define DETRUN_SPIN_H

#include "shim/world.h"

/** Some order of registers' states; 0: the same. */
int spin_order(const struct user_regs_struct *a, const struct user_regs_struct *b);
/** One instruction on. False: something else than that has happened (*ret: the wait status). */
bool spin_step(struct task *t, int *ret);
/** It will come back to the state that it is in for ever; it is left at one state of the cycle. */
bool cycle_look(struct world *w, struct task *t, int *st);
/** It does the same again and again, but for a few words that grow by the same in each turn. */
bool cycle_counts(struct world *w, struct task *t, int *st);

/** It makes no call for many steps. *st: as for spin_step(). */
bool cycle_computes(struct world *w, struct task *t, int *st);

#endif
