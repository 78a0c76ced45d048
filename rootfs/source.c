/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rootfs/attrs.h"
#include "rootfs/cache.h"
#include "rootfs/digests.h"
#include "rootfs/rootfs.h"
#include "rootfs/tree.h"
#include "rootfs/unpack.h"
#include "rootfs/walk.h"
#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { COPY_TURNS = 3 };

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
		a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
		a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* The empty directory "root" of a new entry. */
static int make_root(int entry, struct err *e)
{
	int fd;

	if (mkdirat(entry, "root", 0700) < 0)
		return fail(e, errno, "make a directory in the cache");
	fd = open_inside(entry, "root", O_RDONLY | O_DIRECTORY);
	return fd < 0 ? fail(e, fd, "open a directory in the cache") : fd;
}

/* Take the entry @name of the cache, made when it is not there, as the lower directory. */
static int use_entry(const struct cache *c, const char *name, cache_make_fn make, void *ctx,
	struct rootfs *r, struct err *e)
{
	own_fd entry = -1, root = -1;
	int bad = cache_get(c, name, make, ctx, &entry, &r->lock, e);

	if (bad < 0)
		return bad;
	root = open_inside(entry, "root", O_RDONLY | O_DIRECTORY);
	bad = root < 0 ? fail(e, root, "open root") : owners_load(entry, root, r, e);
	if (bad < 0)
		return fail_ctx(e, bad, "the cache is damaged (remove %s/%s)", c->path, name);
	r->own_ids = true;
	r->copied = true;
	if (asprintf(&r->lower, "%s/%s/root", c->path, name) < 0) {
		r->lower = NULL;
		return fail(e, ENOMEM, "open the cache");
	}
	return 0;
}

struct tarball {
	const char *path;
	int fd;
	struct stat st;
};

static int tarball_make(void *ctx, int entry, struct err *e)
{
	const struct tarball *t = ctx;
	own_fd root = make_root(entry, e);
	own_attrs attrs = { 0 };
	struct stat now;
	int r;

	if (root < 0)
		return root;
	if (lseek(t->fd, 0, SEEK_SET) < 0)
		return fail(e, errno, "rewind %s", t->path);
	r = unpack(t->fd, t->path, root, &UNPACK_LIMITS, &attrs, e);
	if (!r)
		r = attrs_finish(&attrs, root, entry, true, e);
	if (r < 0)
		return r;
	if (fstat(t->fd, &now) < 0 || !same_file(&now, &t->st))
		return fail_msg(e, EBUSY, "%s: changed while it was unpacked: try again", t->path);
	return 0;
}

static int from_tarball(const char *path, const struct cache *c, struct rootfs *r, struct err *e)
{
	struct tarball t = { .path = path };
	own_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char name[80] = "sha256-";
	uint8_t sum[SHA256_LEN];
	int bad;

	if (fd < 0 || fstat(fd, &t.st) < 0)
		return fail(e, errno, "open the root file system %s", path);
	bad = digest_file(c->topfd, fd, &t.st, sum);
	if (bad < 0)
		return fail(e, bad, "read %s", path);
	t.fd = fd;
	hex(sum, sizeof sum, name + strlen(name));
	r->times_from_image = true;
	return use_entry(c, name, tarball_make, &t, r, e);
}

static int dir_make(void *ctx, int entry, struct err *e)
{
	const struct tree *t = ctx;
	own_fd root = make_root(entry, e);
	own_attrs attrs = { 0 };
	int r = root < 0 ? root : tree_copy(t, root, &attrs, e);

	return r ? r : attrs_finish(&attrs, root, entry, false, e);
}

/* dir-<which directory>-<its state>: a changed source makes another entry. Its old one goes
 * first: there may not be room for both. */
static int copy_dir(struct tree *t, const struct tree_scan *s, const struct cache *c,
	struct rootfs *r, struct err *e)
{
	uint64_t id[] = { t->top.st_dev, t->top.st_ino };
	struct sha256 *h = sha256_new();
	uint8_t which[SHA256_LEN];
	char of[32], name[128], state[2 * SHA256_LEN + 1], dir[17];

	sha256_start(h);
	sha256_add(h, r->lower, strlen(r->lower) + 1);
	sha256_add(h, id, sizeof id);
	sha256_done(h, which);
	sha256_free(h);
	hex(which, 8, dir);
	hex(s->sum, sizeof s->sum, state);
	snprintf(of, sizeof of, "dir-%s-", dir);
	snprintf(name, sizeof name, "%s%s", of, state);
	free(take_ptr(r->lower));
	cache_prune(c, of, name);
	return use_entry(c, name, dir_make, t, r, e);
}

/* Copy until the source stood still meanwhile. */
static int copied_dir(struct tree *t, struct tree_scan *s, const char *cache, struct rootfs *r,
	struct err *e)
{
	own_cache c = CACHE_INIT;
	own_free char *path = strdup(r->lower);
	int bad = path ? cache_open(cache, &c, e) : fail(e, ENOMEM, "copy %s", r->lower);

	for (int i = 0; !bad && i < COPY_TURNS; i++) {
		struct tree_scan after;

		bad = copy_dir(t, s, &c, r, e);
		if (!bad)
			bad = tree_scan(t, &after, NULL, e);
		if (bad || !memcmp(after.sum, s->sum, sizeof after.sum))
			return bad;
		*s = after;
		rootfs_done(r);
		r->private_hidden = true;
		r->lower = strdup(path);
		if (!r->lower)
			return fail(e, ENOMEM, "copy %s", path);
	}
	return bad ? bad : fail_msg(e, EBUSY, "%s changes while it is copied: try again", path);
}

static int from_directory(const char *path, const char *cache, struct rootfs *r, struct err *e)
{
	own_tree t = TREE_INIT;
	struct tree_scan s;
	int bad = tree_open(path, &t, e);

	if (bad < 0)
		return bad;
	r->private_hidden = true;
	r->lower = realpath(path, NULL);
	if (!r->lower)
		return fail(e, errno, "find %s", path);
	if (!geteuid() && !t.top.st_uid)
		return 0; /* root's tree, used by root */
	bad = tree_scan(&t, &s, r, e);
	if (bad < 0)
		return bad;
	if (geteuid() && !s.mappable) {
		free(take_ptr(r->owners));
		r->nowners = 0;
		return copied_dir(&t, &s, cache, r, e);
	}
	r->own_ids = true;
	r->id_base = t.top.st_uid;
	return 0;
}

int rootfs_prepare(const char *path, const struct rootfs_opts *o, struct rootfs *ret,
	struct err *e)
{
	const char *cache = o ? o->cache : NULL;
	struct rootfs r = { .lock = -1 };
	own_cache c = CACHE_INIT;
	struct stat st;
	int bad;

	if (stat(path, &st) < 0)
		return fail(e, errno, "open the root file system %s", path);
	if (S_ISDIR(st.st_mode)) {
		bad = from_directory(path, cache, &r, e);
	} else if (S_ISREG(st.st_mode)) {
		bad = cache_open(cache, &c, e);
		if (!bad)
			bad = from_tarball(path, &c, &r, e);
	} else {
		bad = fail_msg(e, EINVAL, "the root file system %s is neither a directory nor a "
			"tarball", path);
	}
	if (bad < 0) {
		rootfs_done(&r);
		return bad;
	}
	*ret = r;
	return 0;
}

void rootfs_done(struct rootfs *r)
{
	free(r->lower);
	free(r->owners);
	if (r->lock >= 0)
		close(r->lock);
	*r = (struct rootfs){ .lock = -1 };
}

struct list {
	char **v;
	size_t n;
	bool hides; /* what is private */
};

static int list_add(struct list *l, const char *path, bool dir)
{
	char **more;

	if (!(l->n & (l->n + 1))) { /* room for one and the NULL, doubled when a power of two */
		more = realloc(l->v, 2 * (l->n + 1) * sizeof *more);
		if (!more)
			return -ENOMEM;
		l->v = more;
	}
	if (!path) {
		l->v[l->n] = NULL;
		return 0;
	}
	if (asprintf(&l->v[l->n], "%s%s", path, dir ? "/" : "") < 0) {
		l->v[l->n] = NULL;
		return -ENOMEM;
	}
	l->v[++l->n] = NULL;
	return 0;
}

static int keep_link(const struct walk_ent *w, struct err *e)
{
	int r = read_link(w->dirfd, w->name, &w->found->link);

	return r < 0 ? fail(e, r, "read the link %s", w->path) : 0;
}

static int list_one(void *ctx, const struct walk_ent *w, struct err *e)
{
	bool dir = S_ISDIR(w->st.st_mode);
	const struct list *l = ctx;

	if (!strcmp(w->path, "."))
		return 0;
	if (w->found)
		w->found->other = w->mounted || (S_ISCHR(w->st.st_mode) && !w->st.st_rdev); /* a whiteout */
	if (dir && w->mounted)
		return WALK_SKIP;
	if (w->found && S_ISLNK(w->st.st_mode))
		return keep_link(w, e);
	if (!l->hides || !mode_private(w->st.st_mode) || (!dir && !w->st.st_size))
		return 0;
	if (list_add(ctx, w->path, dir) < 0)
		return fail(e, ENOMEM, "list private files");
	return dir ? WALK_SKIP : 0;
}

int rootfs_private_list(const struct rootfs *r, struct found *found, char ***ret, struct err *e)
{
	struct list l = { .hides = r->private_hidden && !r->copied };
	struct walk w = { .ctx = &l, .visit = list_one, .keep = found };
	own_fd fd = -1;
	int bad = list_add(&l, NULL, false);

	if (bad < 0)
		return fail(e, bad, "list private files");
	if (l.hides || found) {
		fd = open(r->lower, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			bad = fail(e, errno, "open %s", r->lower);
		w.rootfd = fd;
		bad = bad ? bad : walk_tree(&w, e);
	}
	if (bad < 0) {
		rootfs_list_free(l.v);
		return bad;
	}
	*ret = l.v;
	return 0;
}

void rootfs_list_free(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}
