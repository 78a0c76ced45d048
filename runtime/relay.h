/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The foreground's side of a process of a container: its terminal's bytes go to and fro, signals go
 * on to it, and its end is ours.
 */
#ifndef DETRUN_RELAY_H
#define DETRUN_RELAY_H

#include <sys/types.h>

#include "runtime/notify.h"
#include "runtime/state.h"

struct relay {
	pid_t pid;  /* a child of ours */
	int pidfd;
	int master; /* of its terminal, or -1 */
	const struct state *supervised; /* whose supervisor has the terminal, or NULL */
	struct notify *notify; /* what it says there is passed on; or NULL */
};

/** Signals are for relay_run() from now on. Before the process is made. */
void relay_block_signals(void);
/** Until the process has ended and its output is out. 0 and the status as a shell gives it. */
int relay_run(const struct relay *r, int *ret_status, struct err *e);

#endif
