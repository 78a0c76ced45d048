/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_HIDE_H
#define DETRUN_HIDE_H

#include <stdbool.h>

#include "runtime/base/err.h"

/**
 * Make @path of the tree @lower empty in @layer, a directory that overlayfs will put over it: an
 * empty file, or an opaque directory; with its parents, owners, modes and times as below.
 */
int hide_in_layer(const char *lower, const char *layer, const char *path, bool userxattr,
	struct err *e);

#endif
