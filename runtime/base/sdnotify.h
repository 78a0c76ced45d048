/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's notification protocol, as far as a container needs it: it has a socket of its own, and
 * of what it says there only that it is ready goes on to the socket that the caller was given.
 */
#ifndef DETRUN_SDNOTIFY_H
#define DETRUN_SDNOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/** The socket @name in the directory @dir, to which everybody may send. */
int sdnotify_listen(int dir, const char *name, int *ret_fd, struct err *e);
/** @to: the value of NOTIFY_SOCKET, a path, or '@' and an abstract name. */
int sdnotify_connect(const char *to, int *ret_fd, struct err *e);

/** Take all that is there of @from; true: it is ready. */
bool sdnotify_take(int from);
/** Say that it is, and that @main is its process. */
int sdnotify_say(int to, pid_t main);
/** Wait until what was said was read, for some seconds: before who said it ends. */
void sdnotify_barrier(int to);

#endif
