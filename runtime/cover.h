/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_COVER_H
#define DETRUN_COVER_H

#include <sys/vfs.h>

#include "runtime/init.h"

/** Whether a file system is the kernel's, which writes it as it likes: no input that could be declared. */
bool kernels_own(const struct statfs *fs);

/**
 * What of these is mounted below @fd, the mount that is at @path in the container since a moment: empty from
 * now on. Where the host mounted them they stay as they are.
 */
int cover_kernels(struct init_state *s, int fd, const char *path, struct err *e);

#endif
