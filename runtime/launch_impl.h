/* SPDX-License-Identifier: Apache-2.0 */
/* Between launch.c and launch_wait.c. */
#ifndef DETRUN_LAUNCH_IMPL_H
#define DETRUN_LAUNCH_IMPL_H

#include "runtime/launch.h"

/** Wait for a child of ours; its wait status. */
int launch_reap(pid_t *pid);
/** init is gone, and has not said why. -EPIPE. */
int launch_gone(struct err *e);
/** It has said UP_FAILED: why. */
int launch_failure(struct launch *l, struct err *e);

#endif
