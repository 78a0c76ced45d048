/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image says of its files where the disk can't: kept by inode while a tree is made, saved
 * beside it by path (inode numbers do not survive a copy of the cache), loaded back by inode.
 */
#ifndef DETRUN_ROOTFS_ATTRS_H
#define DETRUN_ROOTFS_ATTRS_H

#include <time.h>

#include "rootfs/rootfs.h"
#include "runtime/base/buf.h"
#include "runtime/base/map.h"

struct attr {
	uint32_t mode; /* type and permissions, the image's */
	uint32_t uid, gid;
	uint64_t rdev;
	struct timespec mtime;
};

struct attrs {
	struct map by_ino; /* (ino, 0) → index */
	struct attr *v;
	size_t n, cap;
};

/** Type and permissions on disk of a file that the image has as @mode: ours to read and write. */
uint32_t attr_disk_mode(uint32_t mode);
/** Whether the disk alone, with owner 0:0, would tell the file wrongly. */
bool attr_differs(const struct attr *a);

/** Note @a for the inode, in place of what was known of it. 0 or -ENOMEM. */
int attrs_put(struct attrs *t, uint64_t ino, const struct attr *a);
void attrs_del(struct attrs *t, uint64_t ino);
const struct attr *attrs_get(const struct attrs *t, uint64_t ino);
void attrs_free(struct attrs *t);
#define own_attrs __attribute__((cleanup(attrs_free))) struct attrs

/**
 * Finish a tree: directories get their modes and times, and every file that differs is written to
 * @entryfd/owners. @times: set mtimes too.
 */
int attrs_finish(const struct attrs *t, int rootfd, int entryfd, bool times, struct err *e);

/** Read @entryfd/owners for the tree @rootfd into @r->owners, sorted by inode. */
int owners_load(int entryfd, int rootfd, struct rootfs *r, struct err *e);

/** Append one owner. 0 or -ENOMEM. */
int owners_add(struct rootfs *r, const struct rootfs_owner *o);
/** Sort by inode, one record each. */
void owners_sort(struct rootfs *r);

#endif
