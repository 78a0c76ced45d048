/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives are hostile. libarchive only parses; every file is made here, by directory fd, below the
 * tree's root and through no symbolic link, and belongs to the caller.
 */
#ifndef DETRUN_ROOTFS_UNPACK_H
#define DETRUN_ROOTFS_UNPACK_H

#include <stdint.h>

#include "rootfs/attrs.h"
#include "runtime/base/err.h"

struct unpack_limits {
	uint64_t entries;
	uint64_t bytes; /* sum of the files' sizes, holes included */
};

#define UNPACK_LIMITS ((struct unpack_limits){ .entries = 4000000, .bytes = 64ull << 30 })

/**
 * Unpack the archive read from @fd into the empty directory @rootfd. Notes in @attrs what the disk
 * does not say; attrs_finish() has to follow. @what names the archive in errors.
 */
int unpack(int fd, const char *what, int rootfd, const struct unpack_limits *lim,
	struct attrs *attrs, struct err *e);

/** "/a//./b/" → "a/b", "" or "./" → ".". -EINVAL for a ".." in it, -ENAMETOOLONG. */
int path_clean(const char *in, char *ret, size_t size);

#endif
