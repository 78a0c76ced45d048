/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only root can read in an image is shown empty to everybody, so that all see the same. The
 * empty ones are a layer of their own between the image and the changes: they are no changes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

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

static int hide_file(int lower, int layer, const char *name)
{
	own_fd from = openat(lower, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), to = -1;

	if (from < 0)
		return -errno;
	to = openat(layer, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return to < 0 ? -errno : copy_meta(from, to);
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

static int hide(int *lower, int *layer, char *path, const char *xattr)
{
	char *save = NULL, *name = strtok_r(path, "/", &save), *next;
	int r;

	for (; name; name = next) {
		struct stat st;

		next = strtok_r(NULL, "/", &save);
		if (!next && fstatat(*lower, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		if (!next && !S_ISDIR(st.st_mode)) {
			r = hide_file(*lower, *layer, name);
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
	own_fd to = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_free char *copy = strdup(path);
	int r;

	if (from < 0 || to < 0 || !copy)
		return fail(e, errno, "hide %s", path);
	r = copy_meta(from, to);
	if (!r)
		r = hide(&from, &to, copy, userxattr ? "user.overlay.opaque"
						    : "trusted.overlay.opaque");
	return r < 0 ? fail(e, r, "hide %s/%s", lower, path) : 0;
}
