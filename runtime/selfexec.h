/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is ours inside a container can be reached from there as /proc/PID/exe. That must never be the
 * host's file: a process that holds it could write to it once nobody executes it any more.
 *
 * The doors without a bundle need no clone: their containers have mounts of their own, nothing joins
 * them, PID 1 can't be looked at, and the supervisor refuses to let what is executed be our file.
 */
#ifndef DETRUN_SELFEXEC_H
#define DETRUN_SELFEXEC_H

#include "runtime/base/err.h"

/**
 * Execute us again, from a read-only clone of the file or a sealed copy. 0: we are that already,
 * *ret_how says of what kind.
 */
int selfexec(char *const *argv, const char **ret_how, struct err *e);

#endif
