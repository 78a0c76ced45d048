/* SPDX-License-Identifier: Apache-2.0 */
/* What overlayfs leaves in an upper directory beside plain files. */
#ifndef DETRUN_ROOTFS_UPPER_H
#define DETRUN_ROOTFS_UPPER_H

#include <sys/stat.h>

#include "rootfs/rootfs.h"
#include "rootfs/walk.h"
#include "runtime/base/err.h"

enum upper_kind {
	UPPER_PLAIN,
	UPPER_WHITEOUT, /* the lower file of this name is gone */
	UPPER_OPAQUE,	/* a directory that hides what is below it */
};

/**
 * What @dirfd/@name (with @st) is. @path names it in errors. An upper directory that needs its
 * lower ones to be read (redirects, metadata-only copies) is refused, and so is a name that a layer
 * uses for whiteouts. enum upper_kind or -errno.
 */
int upper_kind(int dirfd, const char *name, const char *path, const struct stat *st,
	struct err *e);

/** Whether what is below the directory @fd of an upper one is what another lower directory has. */
bool upper_redirected(int fd);

/** Whether @w is left out, being as it was at the start, with all that is below it. */
bool upper_unchanged(const struct walk_ent *w, const struct layer_opts *o);

#endif
