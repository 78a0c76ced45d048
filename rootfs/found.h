/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a walk has found in a tree, in its order: kept for a later walk, which then needs to look only
 * where something can have changed.
 */
#ifndef DETRUN_ROOTFS_FOUND_H
#define DETRUN_ROOTFS_FOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "runtime/base/buf.h"

struct found_ent {
	struct stat st;	  /* lstat */
	uint32_t name;	  /* of the last component: in found.names */
	uint32_t next;	  /* the first entry that is not below this one */
	bool entered;	  /* a directory whose content follows */
	bool other;	  /* not what an overlay has there: something was mounted on it, or it hides it */
	bool has_sum;	  /* .sum is the content's SHA-256 */
	uint8_t sum[32];
	char *link;	  /* a symbolic link's target, or NULL: not read yet */
};

struct found {
	struct found_ent *v; /* the tree's top is the first */
	size_t n, cap;
	struct buf names;
};

void found_free(struct found *f);

/** Append; its .next is right when all that is below it has been appended, too. NULL: no memory. */
struct found_ent *found_add(struct found *f, const char *name, const struct stat *st);

/** Take the last ones away again, from @n on. */
void found_cut(struct found *f, size_t n);

static inline const char *found_name(const struct found *f, size_t i)
{
	return (const char *) f->names.p + f->v[i].name;
}

#endif
