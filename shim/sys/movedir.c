/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renaming a directory of the image: overlayfs in a user namespace can't, a plain disk can. So that
 * it works everywhere, the directory is made anew and its entries move one by one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"

enum { MAX_DEPTH = 128 };

/* The names in a directory, NUL after NUL, an empty one at the end. */
static long names(int fd, struct buf *b)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_dir d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!d) {
		own_fd_drop(&copy);
		return -errno;
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			buf_put(b, e->d_name, strlen(e->d_name) + 1);
	buf_byte(b, 0);
	return b->failed ? -ENOMEM : 0;
}

static long move(struct world *w, int fd, const char *path, int fd2, const char *path2, int depth);

/* One entry, renamed where the file system can. */
static long move_entry(struct world *w, int from, int to, const char *name, int depth)
{
	struct stat before, now;
	own_fd at = -1;

	if (fstatat(from, name, &before, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (renameat(from, name, to, name) < 0) {
		if (errno != EXDEV || !S_ISDIR(before.st_mode))
			return -errno;
		return move(w, from, name, to, name, depth);
	}
	if (fstatat(to, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	fs_carry(w, &before, &now);
	at = openat(to, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	fs_copied_fd(w, at, &now);
	return 0;
}

static long move_entries(struct world *w, int from, int to, int depth)
{
	own_buf b = { 0 };
	long r = names(from, &b);

	for (const char *n = (const char *) b.p; !r && *n; n += strlen(n) + 1)
		r = move_entry(w, from, to, n, depth);
	return r;
}

static long move(struct world *w, int fd, const char *path, int fd2, const char *path2, int depth)
{
	own_fd from = -1;
	own_fd to = -1;
	struct stat before, now;
	long r;

	if (depth > MAX_DEPTH)
		return -EXDEV;
	from = openat(fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 || fstat(from, &before) < 0)
		return -errno;
	if (unlinkat(fd2, path2, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	if (mkdirat(fd2, path2, 0700) < 0)
		return -errno;
	to = openat(fd2, path2, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0 || fchmod(to, before.st_mode & 07777) < 0)
		return -errno;
	r = move_entries(w, from, to, depth + 1);
	if (r < 0)
		return r;
	if (unlinkat(fd, path, AT_REMOVEDIR) < 0 || fstat(to, &now) < 0)
		return -errno;
	fs_carry(w, &before, &now);
	return 0;
}

long fs_move_dir(struct call *c, int fd, const char *path, int fd2, const char *path2)
{
	return move(c->w, fd, path, fd2, path2, 0);
}
