/* SPDX-License-Identifier: Apache-2.0 */
/* A private copy of a tree: what overlayfs does lazily, where the kernel has none. */
#ifndef DETRUN_COPYTREE_H
#define DETRUN_COPYTREE_H

#include "runtime/base/err.h"

/**
 * Copy everything below the directory @src into the directory @dst (made when missing): types,
 * modes, owners, times, hard links, extended attributes. Links are not followed. Device nodes that
 * this user can't make are left out (a container's /dev is its own). 0 or -errno.
 */
int copy_tree(const char *src, const char *dst, struct err *e);
/** The same from directory to directory; @name is the source's, for errors. */
int copy_tree_fd(int from, int to, const char *name, struct err *e);
/** Give @to the owner, mode, extended attributes and times of @from. 0 or -errno. */
int copy_meta(int from, int to);

#endif
