/* SPDX-License-Identifier: Apache-2.0 */
/* $HOME of a process, from the container's own /etc/passwd. */
#ifndef DETRUN_HOME_H
#define DETRUN_HOME_H

#include "oci/spec.h"

/**
 * The environment of @p, each name once, with a HOME in it: the caller's, else the user's in /etc/passwd below our
 * own root, else "/". NULL: no memory. Not to be freed: it is for an exec.
 */
char *const *home_env(const struct spec_process *p);

#endif
