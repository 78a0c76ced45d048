/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/cache.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "rootfs/walk.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { TURNS = 100 };

static char *default_dir(void)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *r = NULL;

	if (xdg && *xdg == '/')
		return asprintf(&r, "%s/detrun", xdg) < 0 ? NULL : r;
	if (!home || *home != '/') {
		struct passwd *pw = getpwuid(geteuid());

		home = pw ? pw->pw_dir : "/";
	}
	return asprintf(&r, "%s/.cache/detrun", home) < 0 ? NULL : r;
}

static int open_dir(const char *path)
{
	int r = mkdir_p(AT_FDCWD, path, 0700), fd;

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cache_open(const char *dir, struct cache *ret, struct err *e)
{
	own_free char *top = dir ? strdup(dir) : default_dir();
	own_cache c = CACHE_INIT;

	if (!top)
		return fail(e, ENOMEM, "open the cache");
	c.topfd = open_dir(top);
	if (c.topfd < 0)
		return fail(e, c.topfd, "make the cache directory %s (XDG_CACHE_HOME names another)",
			top);
	c.top = realpath(top, NULL);
	if (!c.top)
		return fail(e, errno, "find %s", top);
	if (asprintf(&c.path, "%s/rootfs", c.top) < 0) {
		c.path = NULL;
		return fail(e, ENOMEM, "open the cache");
	}
	c.fd = open_dir(c.path);
	if (c.fd < 0)
		return fail(e, c.fd, "make the cache directory %s", c.path);
	*ret = c;
	c = CACHE_INIT;
	return 0;
}

void cache_close(struct cache *c)
{
	free(c->top);
	free(c->path);
	own_fd_drop(&c->topfd);
	own_fd_drop(&c->fd);
	*c = CACHE_INIT;
}

static int flock_it(int fd, int how)
{
	int r;

	do {
		r = flock(fd, how);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* Lock @name. Who removes an entry unlinks its lock file too: look whether it is still there. */
static int lock_entry(const struct cache *c, const char *name, int how, int *ret)
{
	char file[NAME_MAX];

	if ((size_t) snprintf(file, sizeof file, "%s.lock", name) >= sizeof file)
		return -ENAMETOOLONG;
	for (int i = 0; i < TURNS; i++) {
		own_fd fd = openat(c->fd, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		struct stat st;
		int r;

		if (fd < 0)
			return -errno;
		r = flock_it(fd, how);
		if (r < 0)
			return r;
		if (fstat(fd, &st) < 0)
			return -errno;
		if (st.st_nlink) {
			*ret = take_fd(&fd);
			return 0;
		}
	}
	return -EBUSY;
}

static int open_entry(const struct cache *c, const char *name)
{
	return open_inside(c->fd, name, O_RDONLY | O_DIRECTORY);
}

/* With the exclusive lock held: what is there of @name goes, and the lock file with it. */
static void remove_locked(const struct cache *c, const char *name)
{
	char file[NAME_MAX + 8], tmp[NAME_MAX + 8];

	snprintf(file, sizeof file, "%s.lock", name);
	snprintf(tmp, sizeof tmp, ".%s.tmp", name);
	/* out of sight at once, so that a killed removal leaves no half entry */
	renameat(c->fd, name, c->fd, tmp);
	rm_rf(c->fd, tmp);
	unlinkat(c->fd, file, 0);
}

static void remove_unused(const struct cache *c, const char *name)
{
	own_fd lock = -1;

	if (lock_entry(c, name, LOCK_EX | LOCK_NB, &lock) == 0)
		remove_locked(c, name);
}

/* What dead processes left half-made. */
static void sweep(const struct cache *c)
{
	char **v;
	size_t n;

	if (dir_names(c->fd, &v, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(v[i]);

		if (len < 6 || v[i][0] != '.' || strcmp(v[i] + len - 4, ".tmp"))
			continue;
		v[i][len - 4] = 0;
		remove_unused(c, v[i] + 1);
	}
	names_free(v, n);
}

void cache_prune(const struct cache *c, const char *prefix, const char *keep)
{
	char **v;
	size_t n;

	if (dir_names(c->fd, &v, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		char *dot = strchr(v[i], '.');

		if (!dot && !strncmp(v[i], prefix, strlen(prefix)) && strcmp(v[i], keep))
			remove_unused(c, v[i]);
	}
	names_free(v, n);
}

static int make_tmp(const struct cache *c, const char *name, const char *tmp, cache_make_fn make,
	void *ctx, struct err *e)
{
	own_fd fd = -1;
	int r;

	if (mkdirat(c->fd, tmp, 0700) < 0)
		return fail(e, errno, "make %s/%s", c->path, tmp);
	fd = open_entry(c, tmp);
	if (fd < 0)
		return fail(e, fd, "open %s/%s", c->path, tmp);
	r = make(ctx, fd, e);
	if (r == -ENOSPC || r == -EDQUOT)
		return fail_ctx(e, r, "%s: the disk is full (free some space, or name another "
			"cache with XDG_CACHE_HOME)", c->path);
	if (r < 0)
		return r;
	/* a crash of the machine must not leave an entry of empty files */
	if (syncfs(fd) < 0)
		return fail(e, errno, "write %s to disk", c->path);
	if (renameat(c->fd, tmp, c->fd, name) < 0)
		return fail(e, errno, "rename %s/%s", c->path, tmp);
	return 0;
}

/* With the exclusive lock held. */
static int make_entry(const struct cache *c, const char *name, cache_make_fn make, void *ctx,
	struct err *e)
{
	char tmp[NAME_MAX];
	int r;

	sweep(c);
	if ((size_t) snprintf(tmp, sizeof tmp, ".%s.tmp", name) >= sizeof tmp)
		return fail(e, ENAMETOOLONG, "make %s/%s", c->path, name);
	r = rm_rf(c->fd, tmp);
	if (r < 0)
		return fail(e, r, "remove the half-made %s/%s", c->path, tmp);
	r = make_tmp(c, name, tmp, make, ctx, e);
	if (r < 0)
		remove_locked(c, name);
	return r;
}

int cache_get(const struct cache *c, const char *name, cache_make_fn make, void *ctx, int *ret_fd,
	int *ret_lock, struct err *e)
{
	for (int i = 0; i < TURNS; i++) {
		own_fd lock = -1, fd = -1;
		int r = lock_entry(c, name, LOCK_SH, &lock);

		if (r < 0)
			return fail(e, r, "lock %s/%s", c->path, name);
		fd = open_entry(c, name);
		if (fd >= 0) {
			*ret_fd = take_fd(&fd);
			*ret_lock = take_fd(&lock);
			return 0;
		}
		if (fd != -ENOENT)
			return fail(e, fd, "open %s/%s", c->path, name);
		own_fd_drop(&lock);
		lock = -1;
		r = lock_entry(c, name, LOCK_EX, &lock);
		if (r < 0)
			return fail(e, r, "lock %s/%s", c->path, name);
		fd = open_entry(c, name);
		if (fd == -ENOENT)
			r = make_entry(c, name, make, ctx, e);
		if (r < 0)
			return r;
	}
	return fail(e, EBUSY, "use %s/%s", c->path, name);
}
