/* SPDX-License-Identifier: Apache-2.0 */
/* Directories as sources: looked through, and copied where they can't be used in place. */
#ifndef DETRUN_ROOTFS_TREE_H
#define DETRUN_ROOTFS_TREE_H

#include "rootfs/attrs.h"
#include "rootfs/ids.h"
#include "runtime/base/hash.h"

struct tree {
	int fd;		  /* the directory */
	const char *path; /* for errors */
	struct stat top;
	struct id_table uids, gids;
};

#define TREE_INIT ((struct tree){ .fd = -1 })

int tree_open(const char *path, struct tree *ret, struct err *e);
void tree_close(struct tree *t);
#define own_tree __attribute__((cleanup(tree_close))) struct tree

/** Owner in the image of a file with this lstat. */
void tree_image_ids(const struct tree *t, const struct stat *st, uint32_t *uid, uint32_t *gid);

struct tree_scan {
	bool mappable;	 /* every file belongs to an id that this user can map */
	uint8_t sum[SHA256_LEN]; /* of names, types, sizes, times, owners: changes when a file does */
};

/** Look at every file. @owners (may be NULL) gets the owners where they are not 0:0. */
int tree_scan(const struct tree *t, struct tree_scan *ret, struct rootfs *owners, struct err *e);

/** Copy the tree into the empty directory @dest, what is private as empty files and directories. */
int tree_copy(const struct tree *t, int dest, struct attrs *attrs, struct err *e);

/** Contents of @from (from its start) to @to: cloned, else copied in the kernel, else by hand. */
int copy_data(int from, int to);

#endif
