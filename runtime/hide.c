/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only root can read in an image is shown empty to everybody (or something stands in for it), so that
 * all see the same. These are a layer of their own between the image and the changes: they are no changes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "rootfs/rootfs.h"
#include "runtime/base/own.h"
#include "runtime/copytree.h"
#include "runtime/hide.h"

/* The directory @name as it is below @lower, below @layer as well. Moves both down into it. */
static int step(int *lower, int *layer, const char *name)
{
	own_fd from = openat(*lower, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
		to = -1;
	bool made;
	int r;

	if (from < 0)
		return -errno;
	made = mkdirat(*layer, name, 0700) == 0;
	if (!made && errno != EEXIST)
		return -errno;
	to = openat(*layer, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return -errno;
	r = made ? copy_meta(from, to) : 0;
	if (r < 0)
		return r;
	close(*lower);
	close(*layer);
	*lower = take_fd(&from);
	*layer = take_fd(&to);
	return 0;
}

static int hide_file(int root, const char *path, int lower, int layer, const char *name)
{
	own_fd from = openat(lower, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), to = -1;
	int r;

	if (from < 0)
		return -errno;
	to = openat(layer, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = to < 0 ? -errno : rootfs_stand_in(root, path, to);
	return r < 0 ? r : copy_meta(from, to);
}

/* Its parents' times last: making it has changed them. */
static int retime(int lower, int layer)
{
	struct stat st;

	if (fstat(lower, &st) < 0 ||
		futimens(layer, (struct timespec[]) { st.st_atim, st.st_mtim }) < 0)
		return -errno;
	return 0;
}

static int hide(int root, int *lower, int *layer, const char *path, char *names, const char *xattr)
{
	char *save = NULL, *name = strtok_r(names, "/", &save), *next;
	int r;

	for (; name; name = next) {
		struct stat st;

		next = strtok_r(NULL, "/", &save);
		if (!next && fstatat(*lower, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		if (!next && !S_ISDIR(st.st_mode)) {
			r = hide_file(root, path, *lower, *layer, name);
			return r < 0 ? r : retime(*lower, *layer);
		}
		r = step(lower, layer, name);
		if (r < 0)
			return r;
	}
	return fsetxattr(*layer, xattr, "y", 1, 0) < 0 ? -errno : retime(*lower, *layer);
}

int hide_in_layer(const char *lower, const char *layer, const char *path, bool userxattr,
	struct err *e)
{
	own_fd from = open(lower, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_fd root = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, 3);
	own_fd to = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_free char *copy = strdup(path);
	int r;

	if (from < 0 || root < 0 || to < 0 || !copy)
		return fail(e, errno, "hide %s", path);
	r = copy_meta(from, to);
	if (!r)
		r = hide(root, &from, &to, path, copy, userxattr ? "user.overlay.opaque"
							  : "trusted.overlay.opaque");
	return r < 0 ? fail(e, r, "hide %s/%s", lower, path) : 0;
}
