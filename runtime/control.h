/* SPDX-License-Identifier: Apache-2.0 */
/* The socket on which a container's supervisor takes commands: see shim/control.h. */
#ifndef DETRUN_RUNTIME_CONTROL_H
#define DETRUN_RUNTIME_CONTROL_H

#include <stddef.h>

#include "runtime/base/err.h"
#include "shim/control.h"

/** Make it in the state directory @dir. */
int control_listen(int dir, int *ret_fd, struct err *e);
int control_connect(int dir, int *ret_fd, struct err *e);
/** One question with its answer; *@ret_fds: what came with that. */
int control_ask(int fd, const struct control_ask *ask, const int *fds, size_t n, int *ret_fds,
	size_t n_ret, struct err *e);

/** A signal for the container's first process. */
int control_kill(int fd, int sig, struct err *e);

#endif
