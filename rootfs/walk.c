/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs/upper.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { KEEP_FDS = 64 }; /* levels whose directory stays open while the walk is below them */

enum { WALK_GONE = WALK_SKIP + 1 };

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

static int names_add(char ***v, size_t *n, size_t *cap, const char *name)
{
	if (*n == *cap) {
		char **more = realloc(*v, (*cap = *cap ? 2 * *cap : 16) * sizeof **v);

		if (!more)
			return -ENOMEM;
		*v = more;
	}
	(*v)[*n] = strdup(name);
	if (!(*v)[*n])
		return -ENOMEM;
	++*n;
	return 0;
}

/* Not in the frames of a walk, which may be deep. */
__attribute__((noinline))
static int names_read(int fd, char ***v, size_t *n)
{
	char buf[32768] __attribute__((aligned(8)));
	size_t cap = 0;
	ssize_t got;

	while ((got = getdents64(fd, buf, sizeof buf)) > 0)
		for (char *p = buf; p < buf + got; p += ((struct dirent64 *) (void *) p)->d_reclen) {
			const char *name = ((struct dirent64 *) (void *) p)->d_name;

			if (!strcmp(name, ".") || !strcmp(name, ".."))
				continue;
			if (names_add(v, n, &cap, name) < 0)
				return -ENOMEM;
		}
	return got < 0 ? -errno : 0;
}

/* Of a directory that was opened for this: it is at its start. */
static int names_here(int fd, char ***ret, size_t *ret_n)
{
	char **v = NULL;
	size_t n = 0;
	int r = names_read(fd, &v, &n);

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

int dir_names(int fd, char ***ret, size_t *ret_n)
{
	own_fd copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return copy < 0 ? -errno : names_here(copy, ret, ret_n);
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

/* A directory that is known, and the same in the layer above. */
struct under {
	size_t dir;	   /* in the walk's known.found, or NONE */
	int layer[LAYERS]; /* -1: nothing is in it */
};

#define NONE SIZE_MAX
#define UNKNOWN ((struct under){ .dir = NONE, .layer = { -1, -1 } })

static int walk_names(struct level *l, int *fd, const struct under *u, struct err *e);

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

static int visit(const struct level *l, const struct walk_ent *ent, struct err *e)
{
	int r = l->w->visit(l->w->ctx, ent, e);

	if (!is_gone(l, r))
		return r;
	*e = ERR_INIT;
	return WALK_GONE;
}

static bool passed(const struct level *l, int r)
{
	return is_gone(l, r) || (l->w->passed && l->w->passed(l->w->ctx, l->path, r));
}

static int walk_below(struct level *l, int *dirfd, const char *name, const struct under *u,
	struct err *e)
{
	own_fd fd = openat(*dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0) {
		r = -errno;
		return (r == -EACCES && l->w->closed_empty) || passed(l, r) ? 0 :
			fail(e, r, "open directory %s", l->path);
	}
	if (l->depth >= KEEP_FDS) {
		close(*dirfd);
		*dirfd = -1;
	}
	l->depth++;
	r = walk_names(l, &fd, u, e);
	l->depth--;
	return r ? r : reopen(l, dirfd, e);
}

/* ---- what is kept ---- */

/* *@ret: its number, or NONE. */
static int keep(const struct level *l, struct walk_ent *ent, size_t *ret, struct err *e)
{
	struct found *f = l->w->keep;

	*ret = NONE;
	if (!f)
		return 0;
	ent->found = found_add(f, ent->name, &ent->st);
	if (!ent->found)
		return fail(e, ENOMEM, "walk %s", l->path);
	*ret = f->n - 1;
	return 0;
}

static void kept(const struct level *l, size_t i, bool entered)
{
	struct found *f = l->w->keep;

	if (i == NONE)
		return;
	f->v[i].entered = entered;
	f->v[i].next = (uint32_t) f->n;
}

/* ---- what is known ---- */

enum mounted { NOT_MOUNTED, MOUNT_BELOW, MOUNT_HERE };

static enum mounted mounted(const struct level *l)
{
	const char *const *m = l->w->known ? l->w->known->mounts : NULL;
	enum mounted r = NOT_MOUNTED;
	size_t n = strlen(l->path);

	for (; m && *m; m++) {
		if (strncmp(*m, l->path, n) != 0)
			continue;
		if (!(*m)[n])
			return MOUNT_HERE;
		if ((*m)[n] == '/')
			r = MOUNT_BELOW;
	}
	return r;
}

static void under_drop(struct under *u)
{
	for (int i = 0; i < LAYERS; i++)
		own_fd_drop(&u->layer[i]);
}

/* What is known of a directory that is walked. A directory that was moved is somebody else's below. */
static struct under under_of(const struct level *l, const struct under *above, const char *name,
	size_t known)
{
	struct under u = UNKNOWN;
	const struct found_ent *k = known == NONE ? NULL : &l->w->known->found->v[known];

	if (!k || k->other || !k->entered || !S_ISDIR(k->st.st_mode) || l->depth >= KEEP_FDS ||
		mounted(l) == MOUNT_HERE)
		return UNKNOWN;
	u.dir = known;
	for (int i = 0; i < LAYERS; i++) {
		if (above->layer[i] < 0)
			continue;
		u.layer[i] = openat(above->layer[i], name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (u.layer[i] < 0 ? errno == ENOENT : !upper_redirected(u.layer[i]))
			continue;
		under_drop(&u);
		return UNKNOWN;
	}
	return u;
}

/* Add the component @name to the path; the length to cut it to again, or -errno. */
static ssize_t path_add(struct level *l, const char *name, struct err *e)
{
	size_t len = strcmp(l->path, ".") ? strlen(l->path) : 0, add = strlen(name);

	if (len + add + 2 > sizeof l->path)
		return fail_msg(e, ENAMETOOLONG, "below %.100s there is a path longer than %d bytes, which can't be "
			"listed: remove it", l->path, PATH_MAX - 1);
	if (len)
		l->path[len] = '/';
	memcpy(l->path + len + !!len, name, add + 1);
	return (ssize_t) len;
}

static void path_cut(struct level *l, ssize_t len)
{
	l->path[len] = 0;
	if (!len)
		strcpy(l->path, ".");
}

static int walk_one(struct level *l, int *dirfd, const char *name, const struct under *above,
	size_t known, struct err *e);
static int walk_known(struct level *l, size_t i, struct err *e);

static int known_names(struct level *l, size_t dir, struct err *e)
{
	const struct found *f = l->w->known->found;
	int r = 0;

	for (size_t i = dir + 1; !r && i < f->v[dir].next; i = f->v[i].next) {
		ssize_t len = path_add(l, found_name(f, i), e);

		if (len < 0)
			return (int) len;
		r = walk_known(l, i, e);
		path_cut(l, len);
	}
	return r;
}

/* Looked at after all, by its whole path. */
static int walk_apart(struct level *l, bool below, struct err *e)
{
	own_fd top = fcntl(l->w->rootfd, F_DUPFD_CLOEXEC, 3);
	const struct under none = UNKNOWN;

	if (top < 0)
		return fail(e, errno, "walk %s", l->path);
	return below ? walk_below(l, &top, l->path, &none, e)
		     : walk_one(l, &top, l->path, &none, NONE, e);
}

/*
 * As it was found: nothing above it has anything of it. But a file of several names may be changed by
 * another one, where an overlay keeps them together.
 */
static int walk_known(struct level *l, size_t i, struct err *e)
{
	struct found_ent *k = &l->w->known->found->v[i];
	struct walk_ent ent = { .dirfd = l->w->rootfd, .name = l->path, .path = l->path,
		.st = k->st, .found = k };
	int r;

	if (k->other || (!S_ISDIR(k->st.st_mode) && k->st.st_nlink > 1))
		return walk_apart(l, false, e);
	r = visit(l, &ent, e);
	if (r || !S_ISDIR(k->st.st_mode))
		return r > 0 ? 0 : r;
	r = k->entered ? known_names(l, i, e) : walk_apart(l, true, e);
	return r || !l->w->leave ? r : l->w->leave(l->w->ctx, &ent, e);
}

/* ---- the walk ---- */

/* lstat, and whether something is mounted on it. */
static int look(struct walk_ent *w)
{
	struct statx x;

	if (statx(w->dirfd, w->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &x) < 0)
		return -errno;
	w->mounted = x.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	stat_from(&x, &w->st);
	return 0;
}

static int walk_one(struct level *l, int *dirfd, const char *name, const struct under *above,
	size_t known, struct err *e)
{
	struct walk_ent ent = { .dirfd = *dirfd, .name = name, .path = l->path };
	struct under u;
	size_t i;
	int r;

	r = look(&ent);
	if (r < 0)
		return passed(l, r) ? 0 : fail(e, r, "stat %s", l->path);
	r = keep(l, &ent, &i, e);
	r = r ? r : visit(l, &ent, e);
	if (r == WALK_GONE && i != NONE)
		found_cut(l->w->keep, i);
	if (r || !S_ISDIR(ent.st.st_mode))
		return r > 0 ? 0 : r;
	u = under_of(l, above, name, known);
	r = walk_below(l, dirfd, name, &u, e);
	under_drop(&u);
	kept(l, i, true);
	ent.dirfd = *dirfd;
	return r || !l->w->leave ? r : l->w->leave(l->w->ctx, &ent, e);
}

/* Names in a directory, and those of them that are known, and that the layers above have. */
struct names {
	char **v, **above[LAYERS];
	size_t n, n_above[LAYERS], at[LAYERS], known, known_end;
};

static int names_get(struct level *l, int fd, const struct under *u, struct names *ret)
{
	int r = names_here(fd, &ret->v, &ret->n);

	ret->known = ret->known_end = 0;
	for (int i = 0; !r && i < LAYERS; i++)
		if (u->layer[i] >= 0)
			r = names_here(u->layer[i], &ret->above[i], &ret->n_above[i]);
	if (!r && u->dir != NONE) {
		ret->known = u->dir + 1;
		ret->known_end = l->w->known->found->v[u->dir].next;
	}
	return r;
}

static void names_drop(struct names *t)
{
	names_free(t->v, t->n);
	for (int i = 0; i < LAYERS; i++)
		names_free(t->above[i], t->n_above[i]);
}

/* The number of what is known by this name, or NONE. Names come in order. */
static size_t names_known(const struct level *l, struct names *t, const char *name)
{
	while (t->known < t->known_end) {
		const struct found *f = l->w->known->found;
		int c = strcmp(found_name(f, t->known), name);

		if (c >= 0)
			return c ? NONE : t->known;
		t->known = f->v[t->known].next;
	}
	return NONE;
}

static bool names_above(struct names *t, const char *name)
{
	bool any = false;

	for (int i = 0; i < LAYERS; i++) {
		while (t->at[i] < t->n_above[i] && strcmp(t->above[i][t->at[i]], name) < 0)
			t->at[i]++;
		any |= t->at[i] < t->n_above[i] && !strcmp(t->above[i][t->at[i]], name);
	}
	return any;
}

static int walk_name(struct level *l, int *fd, const struct under *u, struct names *t,
	const char *name, struct err *e)
{
	size_t known = names_known(l, t, name);

	if (known != NONE && !names_above(t, name) && mounted(l) == NOT_MOUNTED)
		return walk_known(l, known, e);
	return walk_one(l, fd, name, u, known, e);
}

static int walk_names(struct level *l, int *fd, const struct under *u, struct err *e)
{
	own_cleanup(names_drop) struct names t = { 0 };
	int r = names_get(l, *fd, u, &t);

	if (r < 0)
		return passed(l, r) ? 0 : fail(e, r, "read directory %s", l->path);
	for (size_t i = 0; !r && i < t.n; i++) {
		ssize_t len = path_add(l, t.v[i], e);

		if (len < 0)
			return (int) len;
		r = walk_name(l, fd, u, &t, t.v[i], e);
		path_cut(l, len);
	}
	return r;
}

int walk_tree(const struct walk *w, struct err *e)
{
	struct level l = { .w = w, .path = "." };
	own_fd fd = openat(w->rootfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct under top = UNKNOWN;
	bool known = w->known && w->known->found->n;

	if (fd < 0)
		return fail(e, errno, "open the tree");
	if (known)
		memcpy(top.layer, w->known->layer, sizeof top.layer);
	return walk_one(&l, &fd, ".", &top, known ? 0 : NONE, e);
}
