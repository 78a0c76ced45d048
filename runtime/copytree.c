/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/copytree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "runtime/base/map.h"
#include "runtime/base/own.h"

enum { DEPTH_MAX = 2000 };

struct copy {
	int root;	/* the new tree */
	struct map links; /* (dev, ino) → strdup'ed path in the new tree */
	char path[8192]; /* of the entry at work, relative */
	unsigned depth;
	struct err *e;
};

static int copy_dir(struct copy *c, int from, int to);

static int copy_xattrs(int from, int to)
{
	char names[8192], value[65536];
	ssize_t n = flistxattr(from, names, sizeof names);

	for (char *x = names; n > 0 && x < names + n; x += strlen(x) + 1) {
		ssize_t len = fgetxattr(from, x, value, sizeof value);

		if (len < 0 || fsetxattr(to, x, value, (size_t) len, 0) == 0)
			continue;
		if (errno != EPERM && errno != ENOTSUP && errno != EACCES)
			return -errno;
	}
	return 0;
}

/* Owner before mode: a change of owner takes the set-id bits away. */
int copy_meta(int from, int to)
{
	struct stat st;
	struct timespec t[2];

	if (fstat(from, &st) < 0)
		return -errno;
	t[0] = st.st_atim;
	t[1] = st.st_mtim;
	if (fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0)
		return -errno;
	if (copy_xattrs(from, to) < 0 || futimens(to, t) < 0)
		return -errno;
	return 0;
}

static int copy_bytes(int from, int to)
{
	char b[65536];
	ssize_t n;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	do {
		n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
	} while (n > 0);
	if (n == 0)
		return 0;
	while ((n = read(from, b, sizeof b)) > 0)
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(to, b + done, (size_t) (n - done));
			if (w < 0)
				return -errno;
		}
	return n < 0 ? -errno : 0;
}

static int copy_reg(int from, int dir, const char *name)
{
	own_fd to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (to < 0)
		return -errno;
	r = copy_bytes(from, to);
	return r < 0 ? r : copy_meta(from, to);
}

static int copy_link(int at, const char *name, int dir, const struct stat *st)
{
	char target[4097];
	ssize_t n = readlinkat(at, name, target, sizeof target - 1);

	if (n < 0)
		return -errno;
	target[n] = 0;
	if (symlinkat(target, dir, name) < 0 ||
		fchownat(dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	utimensat(dir, name, (struct timespec[]) { st->st_atim, st->st_mtim },
		AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int copy_node(int dir, const char *name, const struct stat *st)
{
	if (mknodat(dir, name, st->st_mode, st->st_rdev) < 0)
		return errno == EPERM ? 0 : -errno;
	if (fchownat(dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		fchmodat(dir, name, st->st_mode & 07777, 0) < 0)
		return -errno;
	utimensat(dir, name, (struct timespec[]) { st->st_atim, st->st_mtim },
		AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* 1: @name was a further link to a file that is there already */
static int copy_hard(struct copy *c, int dir, const char *name, const struct stat *st)
{
	uint64_t *known;
	char *path;

	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return 0;
	known = map_get(&c->links, st->st_dev, st->st_ino);
	if (known)
		return linkat(c->root, (char *) (uintptr_t) *known, dir, name, 0) < 0 ? -errno : 1;
	path = strdup(c->path);
	return path ? map_put(&c->links, st->st_dev, st->st_ino, (uintptr_t) path) : -ENOMEM;
}

static int copy_subdir(struct copy *c, int from, int dir, const char *name)
{
	own_fd to = -1;

	if (mkdirat(dir, name, 0700) < 0)
		return -errno;
	to = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return to < 0 ? -errno : copy_dir(c, from, to);
}

static int copy_entry(struct copy *c, int at, const char *name, int dir)
{
	own_fd from = -1;
	struct stat st;
	int r;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	r = copy_hard(c, dir, name, &st);
	if (r)
		return r < 0 ? r : 0;
	if (S_ISLNK(st.st_mode))
		return copy_link(at, name, dir, &st);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return copy_node(dir, name, &st);
	from = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (from < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? copy_subdir(c, from, dir, name)
				   : copy_reg(from, dir, name);
}

static int copy_named(struct copy *c, int at, const char *name, int dir)
{
	size_t len = strlen(c->path);
	int r;

	if (len + strlen(name) + 2 > sizeof c->path)
		return fail(c->e, ENAMETOOLONG, "copy %s/%s", c->path, name);
	if (len)
		strcat(c->path, "/");
	strcat(c->path, name);
	r = copy_entry(c, at, name, dir);
	if (r < 0 && !c->e->code)
		fail(c->e, r, "copy %s", c->path);
	c->path[len] = 0;
	return r;
}

static int copy_dir(struct copy *c, int from, int to)
{
	own_dir d = fdopendir(fcntl(from, F_DUPFD_CLOEXEC, 3));
	struct dirent *ent;

	if (!d)
		return -errno;
	if (++c->depth > DEPTH_MAX)
		return -ELOOP;
	for (errno = 0; (ent = readdir(d)); errno = 0) {
		int r;

		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
			continue;
		r = copy_named(c, from, ent->d_name, to);
		if (r < 0)
			return r;
	}
	c->depth--;
	return errno ? -errno : copy_meta(from, to);
}

int copy_tree_fd(int from, int to, const char *name, struct err *e)
{
	struct err first = ERR_INIT;
	struct copy c = { .e = &first, .root = to };
	struct map_slot *s;
	size_t i = 0;
	int r = copy_dir(&c, from, to);

	while ((s = map_next(&c.links, &i)))
		free((char *) (uintptr_t) s->v);
	map_free(&c.links);
	if (r >= 0)
		return 0;
	if (!first.code)
		return fail(e, r, "copy %s", name);
	fail_msg(e, first.code, "%s", first.msg);
	return fail_ctx(e, r, "copy %s", name);
}

int copy_tree(const char *src, const char *dst, struct err *e)
{
	own_fd from = open(src, O_RDONLY | O_DIRECTORY | O_CLOEXEC), to = -1;

	if (from < 0)
		return fail(e, errno, "open %s", src);
	if (mkdir(dst, 0755) < 0 && errno != EEXIST)
		return fail(e, errno, "make %s", dst);
	to = open(dst, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return fail(e, errno, "open %s", dst);
	return copy_tree_fd(from, to, src, e);
}
