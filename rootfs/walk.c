/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { KEEP_FDS = 64 }; /* levels whose directory stays open while the walk is below them */

struct level {
	const struct walk *w;
	char path[PATH_MAX]; /* of the entry at hand */
	int depth;
};

void names_free(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static int names_read(DIR *d, char ***v, size_t *n)
{
	size_t cap = 0;

	for (;;) {
		struct dirent *ent;

		errno = 0;
		ent = readdir(d);
		if (!ent)
			return -errno;
		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
			continue;
		if (*n == cap) {
			char **more = realloc(*v, (cap = cap ? 2 * cap : 16) * sizeof **v);

			if (!more)
				return -ENOMEM;
			*v = more;
		}
		(*v)[*n] = strdup(ent->d_name);
		if (!(*v)[*n])
			return -ENOMEM;
		++*n;
	}
}

int dir_names(int fd, char ***ret, size_t *ret_n)
{
	own_fd copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_dir d = copy < 0 ? NULL : fdopendir(copy);
	char **v = NULL;
	size_t n = 0;
	int r;

	if (!d)
		return -errno;
	take_fd(&copy);
	r = names_read(d, &v, &n);
	if (r < 0) {
		names_free(v, n);
		return r;
	}
	if (n)
		qsort(v, n, sizeof *v, by_bytes);
	*ret = v;
	*ret_n = n;
	return 0;
}

int open_inside(int rootfd, const char *path, int flags)
{
	return openat_beneath(rootfd, path, flags | O_NOFOLLOW, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int open_parent(int rootfd, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	int fd;

	if (slash) {
		if (slash - path >= PATH_MAX)
			return -ENAMETOOLONG;
		memcpy(dir, path, (size_t) (slash - path));
		dir[slash - path] = 0;
	}
	fd = open_inside(rootfd, dir, O_PATH | O_DIRECTORY);
	if (fd >= 0)
		*ret_name = slash ? slash + 1 : path;
	return fd;
}

bool is_mount(int dirfd, const char *name)
{
	struct statx x;

	return statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &x) == 0 &&
		x.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

int read_link(int dirfd, const char *name, char **ret)
{
	char buf[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, buf, sizeof buf);

	if (n < 0)
		return -errno;
	if (n >= (ssize_t) sizeof buf)
		return -ENAMETOOLONG;
	*ret = strndup(buf, (size_t) n);
	return *ret ? 0 : -ENOMEM;
}

static int walk_names(struct level *l, int *fd, struct err *e);

static int reopen(struct level *l, int *dirfd, struct err *e)
{
	char *slash = strrchr(l->path, '/');

	if (*dirfd >= 0)
		return 0;
	if (slash)
		*slash = 0;
	*dirfd = open_inside(l->w->rootfd, slash ? l->path : ".", O_RDONLY | O_DIRECTORY);
	if (slash)
		*slash = '/';
	return *dirfd < 0 ? fail(e, *dirfd, "open the directory of %s", l->path) : 0;
}

static bool is_gone(const struct level *l, int r)
{
	return r == -ENOENT && l->w->gone_none;
}

static int walk_below(struct level *l, int *dirfd, const char *name, struct err *e)
{
	own_fd fd = openat(*dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0 && ((errno == EACCES && l->w->closed_empty) || is_gone(l, -errno)))
		return 0;
	if (fd < 0)
		return fail(e, errno, "open directory %s", l->path);
	if (l->depth >= KEEP_FDS) {
		close(*dirfd);
		*dirfd = -1;
	}
	l->depth++;
	r = walk_names(l, &fd, e);
	l->depth--;
	return r ? r : reopen(l, dirfd, e);
}

static int walk_one(struct level *l, int *dirfd, const char *name, struct err *e)
{
	struct walk_ent ent = { .dirfd = *dirfd, .name = name, .path = l->path };
	int r;

	if (fstatat(*dirfd, name, &ent.st, AT_SYMLINK_NOFOLLOW) < 0)
		return is_gone(l, -errno) ? 0 : fail(e, errno, "stat %s", l->path);
	r = l->w->visit(l->w->ctx, &ent, e);
	if (is_gone(l, r)) {
		*e = ERR_INIT;
		return 0;
	}
	if (r || !S_ISDIR(ent.st.st_mode))
		return r == WALK_SKIP ? 0 : r;
	r = walk_below(l, dirfd, name, e);
	ent.dirfd = *dirfd;
	return r || !l->w->leave ? r : l->w->leave(l->w->ctx, &ent, e);
}

static int walk_names(struct level *l, int *fd, struct err *e)
{
	size_t len = strcmp(l->path, ".") ? strlen(l->path) : 0, n = 0;
	char **v = NULL;
	int r = dir_names(*fd, &v, &n);

	if (r < 0)
		return is_gone(l, r) ? 0 : fail(e, r, "read directory %s", l->path);
	for (size_t i = 0; !r && i < n; i++) {
		size_t add = strlen(v[i]);

		if (len + add + 2 > sizeof l->path) {
			r = fail(e, ENAMETOOLONG, "walk %s", l->path);
			break;
		}
		if (len)
			l->path[len] = '/';
		memcpy(l->path + len + !!len, v[i], add + 1);
		r = walk_one(l, fd, v[i], e);
		l->path[len] = 0;
	}
	if (!len)
		strcpy(l->path, ".");
	names_free(v, n);
	return r;
}

int walk_tree(const struct walk *w, struct err *e)
{
	struct level l = { .w = w, .path = "." };
	own_fd fd = openat(w->rootfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(e, errno, "open the tree");
	return walk_one(&l, &fd, ".", e);
}
