/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NOTIFY_SOCKET: a container that is told of a socket of its own, in a directory of its state, and
 * what it says there going on. Without a supervisor by who runs or starts it, until it is ready
 * or gone; with one by that, for as long as it lives, so that no answer depends on who listens.
 */
#ifndef DETRUN_NOTIFY_H
#define DETRUN_NOTIFY_H

#include "oci/spec.h"
#include "runtime/base/err.h"

struct notify {
	const char *host; /* the caller's NOTIFY_SOCKET; NULL: there is none */
	int from, to;	  /* the container's, the caller's; or -1 */
};
#define NOTIFY_INIT ((struct notify) { .from = -1, .to = -1 })

/** Tell the container of it: a mount of a directory in @state (a path), and the environment. */
void notify_declare(const struct notify *n, struct spec *s, const char *state);
/** Make that directory in @state. */
int notify_prepare(int state, struct err *e);
/** Make the socket, if there is the directory. */
int notify_listen(struct notify *n, int state, struct err *e);
/** For who can't do it later; a failure is only warned of. */
void notify_connect(struct notify *n);
/** Pass on what is there. True: @pid is ready, it was said, and all is done. */
bool notify_pass(struct notify *n, pid_t pid);
/** Until it is ready, or the process of @pidfd is gone; and it may be forgotten who said it. */
void notify_await(struct notify *n, pid_t pid, int pidfd);
void notify_drop(struct notify *n);

#endif
