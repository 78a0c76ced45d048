/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "rootfs/links.h"
#include "rootfs/walk.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

int tree_open(const char *path, struct tree *ret, struct err *e)
{
	own_tree t = TREE_INIT;
	int r;

	t.path = path;
	t.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t.fd < 0 || fstat(t.fd, &t.top) < 0)
		return fail(e, errno, "open the root file system %s", path);
	r = ids_load("/etc/subuid", &t.uids, e);
	if (!r)
		r = ids_load("/etc/subgid", &t.gids, e);
	if (r < 0)
		return r;
	*ret = t;
	t = TREE_INIT;
	return 0;
}

void tree_close(struct tree *t)
{
	own_fd_drop(&t->fd);
	ids_free(&t->uids);
	ids_free(&t->gids);
	*t = TREE_INIT;
}

void tree_image_ids(const struct tree *t, const struct stat *st, uint32_t *uid, uint32_t *gid)
{
	*uid = ids_image(&t->uids, t->top.st_uid, t->top.st_uid, st->st_uid);
	*gid = t->top.st_uid ? ids_image(&t->gids, t->top.st_uid, t->top.st_gid, st->st_gid) :
		st->st_gid;
}

/*
 * What an entry is to be in the image. What is mounted in a chroot (/proc, a bind of /home) is not
 * of it: an overlay over the tree shows the directory below, here it becomes an empty one.
 */
static struct stat seen(const struct walk_ent *w)
{
	struct stat st = w->st;

	if (S_ISDIR(st.st_mode) && strcmp(w->path, ".") && w->mounted)
		st = (struct stat){ .st_mode = S_IFDIR | 0755 };
	return st;
}

static bool closed(const struct walk_ent *w, const struct stat *st)
{
	bool mounted = S_ISDIR(st->st_mode) && !st->st_ino;

	return strcmp(w->path, ".") && (mounted || mode_private(st->st_mode));
}

/* What a copy is like: the cache has none that was made otherwise. */
#define COPIED_AS "with times"

struct scan {
	const struct tree *t;
	struct tree_scan *ret;
	struct rootfs *owners;
	struct sha256 *sum;
};

static void scan_sum(struct scan *s, const struct walk_ent *w, const struct stat *st)
{
	int64_t v[] = {
		st->st_mode, st->st_uid, st->st_gid, (int64_t) st->st_rdev,
		S_ISDIR(st->st_mode) ? 0 : st->st_size, (int64_t) st->st_ino,
		st->st_mtim.tv_sec, st->st_mtim.tv_nsec, st->st_ctim.tv_sec, st->st_ctim.tv_nsec,
	};

	sha256_add(s->sum, w->path, strlen(w->path) + 1);
	sha256_add(s->sum, v, sizeof v);
}

static int scan_owner(struct scan *s, const struct stat *st, uint32_t uid, uint32_t gid)
{
	struct rootfs_owner o = {
		.ino = st->st_ino, .uid = uid, .gid = gid, .mode = st->st_mode, .rdev = st->st_rdev,
	};

	return s->owners && (uid || gid) ? owners_add(s->owners, &o) : 0;
}

static int scan_one(void *ctx, const struct walk_ent *w, struct err *e)
{
	struct scan *s = ctx;
	const struct tree *t = s->t;
	struct stat now = seen(w), *st = &now;
	uint32_t uid, gid, me = geteuid();

	if (!st->st_ino) { /* mounted */
		scan_sum(s, w, st);
		return WALK_SKIP;
	}
	tree_image_ids(t, st, &uid, &gid);
	if (!ids_mappable(&t->uids, me, me, st->st_uid) ||
		!ids_mappable(&t->gids, me, getegid(), st->st_gid))
		s->ret->mappable = false;
	scan_sum(s, w, st);
	if (scan_owner(s, st, uid, gid) < 0)
		return fail(e, ENOMEM, "list the owners in %s", t->path);
	return closed(w, st) ? WALK_SKIP : 0;
}

int tree_scan(const struct tree *t, struct tree_scan *ret, struct rootfs *owners, struct err *e)
{
	struct tree_scan got = { .mappable = true };
	struct scan s = { .t = t, .ret = &got, .owners = owners, .sum = sha256_new() };
	struct walk w = { .rootfd = t->fd, .ctx = &s, .visit = scan_one };
	int r;

	sha256_start(s.sum);
	sha256_add(s.sum, COPIED_AS, sizeof COPIED_AS);
	r = walk_tree(&w, e);
	sha256_done(s.sum, got.sum);
	sha256_free(s.sum);
	if (r < 0)
		return fail_ctx(e, r, "%s", t->path);
	if (owners)
		owners_sort(owners);
	*ret = got;
	return 0;
}

int copy_data(int from, int to)
{
	own_free char *buf = NULL;
	ssize_t n;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	do {
		n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (!n || (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS))
		return n ? -errno : 0;
	buf = malloc(1 << 17);
	if (!buf)
		return -ENOMEM;
	while ((n = read_full(from, buf, 1 << 17)) > 0) {
		int r = write_full(to, buf, (size_t) n);

		if (r < 0)
			return r;
	}
	return (int) n;
}

struct copy {
	const struct tree *t;
	int dest;
	struct attrs *attrs;
	struct links links;
};

/* Times are kept: Python's compiled modules go by them. */
static int copy_file(int rootfd, const struct walk_ent *w, int dir, const char *name)
{
	struct timespec times[2] = { w->st.st_mtim, w->st.st_mtim };
	own_fd to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	own_fd from = -1;
	int r = 0;

	if (to < 0)
		return -errno;
	if (fchmod(to, attr_disk_mode(w->st.st_mode) & 07777) < 0)
		return -errno;
	if (S_ISREG(w->st.st_mode) && !mode_private(w->st.st_mode) && w->st.st_size) {
		from = openat(w->dirfd, w->name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		r = from < 0 ? -errno : copy_data(from, to);
	}
	if (S_ISREG(w->st.st_mode) && mode_private(w->st.st_mode) && w->st.st_size)
		r = rootfs_stand_in(rootfd, w->path, to);
	return r ? r : futimens(to, times) < 0 ? -errno : 0;
}

static int copy_node(int rootfd, const struct walk_ent *w, int dir, const char *name)
{
	own_free char *to = NULL;
	mode_t mode = attr_disk_mode(w->st.st_mode);
	int r;

	switch (w->st.st_mode & S_IFMT) {
	case S_IFDIR:
		return mkdirat(dir, name, 0700) < 0 ? -errno : 0;
	case S_IFLNK:
		r = read_link(w->dirfd, w->name, &to);
		return r ? r : symlinkat(to, dir, name) < 0 ? -errno : 0;
	case S_IFIFO:
	case S_IFSOCK: /* dead ones: nobody listens in a root that just started */
		if (mknodat(dir, name, mode & (S_IFMT | 0777), 0) < 0)
			return -errno;
		return fchmodat(dir, name, mode & 0777, 0) < 0 ? -errno : 0;
	default:
		return copy_file(rootfd, w, dir, name);
	}
}

static int copy_note(struct copy *c, const struct walk_ent *w, int dir, const char *name)
{
	struct stat now = seen(w), st;
	struct attr a = { .mode = now.st_mode, .mtime = now.st_mtim };

	if (S_ISCHR(a.mode) || S_ISBLK(a.mode))
		a.rdev = w->st.st_rdev;
	if (now.st_ino)
		tree_image_ids(c->t, &now, &a.uid, &a.gid);
	if (!S_ISDIR(a.mode) && !attr_differs(&a))
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return attrs_put(c->attrs, st.st_ino, &a);
}

/* A second name of a file that is copied already: 1 = linked, 0 = it is the first, or -errno. */
static int copy_link(struct copy *c, const struct walk_ent *w, int dir, const char *name)
{
	const char *first;
	int r = links_seen(&c->links, &w->st, w->path, &first);

	if (r != 1)
		return r;
	return linkat(c->dest, first, dir, name, 0) < 0 ? -errno : 1;
}

static int copy_one(void *ctx, const struct walk_ent *w, struct err *e)
{
	struct stat now = seen(w);
	struct copy *c = ctx;
	const char *name;
	own_fd dir = open_parent(c->dest, w->path, &name);
	int r = dir < 0 ? dir : copy_link(c, w, dir, name);

	if (r == 1)
		return 0;
	if (!r && strcmp(w->path, "."))
		r = copy_node(c->t->fd, w, dir, name);
	if (!r)
		r = copy_note(c, w, dir, name);
	if (r < 0)
		return fail(e, r, "copy %s/%s into the cache", c->t->path, w->path);
	return closed(w, &now) && S_ISDIR(now.st_mode) ? WALK_SKIP : 0;
}

int tree_copy(const struct tree *t, int dest, struct attrs *attrs, struct err *e)
{
	struct copy c = { .t = t, .dest = dest, .attrs = attrs };
	struct walk w = { .rootfd = t->fd, .ctx = &c, .visit = copy_one };
	int r = walk_tree(&w, e);

	links_free(&c.links);
	return r;
}
