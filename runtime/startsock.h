/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How `start` lets a created container go: a socket in its state directory, on which the
 * container's init waits. Who connects sends a byte, and with it where PIDs are set; the answer is a struct init_error, or nothing
 * and the end of the stream when the program runs. The name is there exactly as long as the
 * container is created and nobody has started it.
 */
#ifndef DETRUN_STARTSOCK_H
#define DETRUN_STARTSOCK_H

#include <stdbool.h>

#include "runtime/base/err.h"

/** Of the kernel, where it says which PID of one's own namespace was the last. */
#define LAST_PID_FILE "/proc/sys/kernel/ns_last_pid"

/** Make it in the state directory @dir. */
int startsock_make(int dir, int *ret_listener, struct err *e);
/** It is there: created, not yet started. */
bool startsock_waiting(int dir);
/** `start`: let go. -errno and what init said when the program does not run; *@ret_ends: and init ends. */
int startsock_go(int dir, bool *ret_ends, struct err *e);
/**
 * init: wait for `start`, by the user who holds the other end of the connected socket @like.
 * The connection or -errno; *@ret_pids: LAST_PID_FILE as the caller has it, or -1.
 */
int startsock_await(int listener, int like, int *ret_pids);

#endif
