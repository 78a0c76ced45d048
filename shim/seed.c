/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose the image's files are, and what they are, where the disk can't say: an archive's owners, set-id bits and
 * devices, by the numbers of the files that were made of it.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "rootfs/walk.h"
#include "runtime/base/own.h"
#include "shim/fs.h"

#define OWNER_INO_MASK ((UINT64_C(1) << 48) - 1) /* overlayfs keeps its layer in the bits above */

static const struct rootfs_owner *image_owner(const struct rootfs *r, uint64_t ino)
{
	size_t lo = 0, hi = r->nowners;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->owners[mid].ino == ino)
			return &r->owners[mid];
		if (r->owners[mid].ino < ino)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* The number by which the image knows what the walk is at, or 0. */
static uint64_t image_number(const struct world *w, const char *path, const struct stat *st)
{
	own_fd dir = -1;
	const char *name;
	struct stat was;

	if (w->o->image < 0)
		return st->st_ino & OWNER_INO_MASK;
	dir = open_parent(w->o->image, path, &name);
	return dir >= 0 && fstatat(dir, name, &was, AT_SYMLINK_NOFOLLOW) == 0 ? was.st_ino : 0;
}

void seed_owner(struct world *w, const char *path, const struct stat *st)
{
	const struct rootfs *r = w->o->rootfs;
	const struct rootfs_owner *o;
	struct vinode *v;

	if (!r || !r->own_ids || !inode_of_image(w, st->st_dev))
		return;
	o = image_owner(r, image_number(w, path, st));
	if (!o)
		return;
	v = inode_input(w, st);
	v->uid = o->uid;
	v->gid = o->gid;
	v->mode = o->mode;
	v->rdev = o->rdev;
	v->has_owner = true;
}
