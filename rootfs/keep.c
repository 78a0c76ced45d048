/* SPDX-License-Identifier: Apache-2.0 */
/* What a run changed, as plain files of the caller's; and times on disk. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rootfs/links.h"
#include "rootfs/rootfs.h"
#include "rootfs/tree.h"
#include "rootfs/upper.h"
#include "rootfs/walk.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

struct keep {
	const struct layer_opts *o;
	int dest;
	struct links links;
};

static struct stat seen(const struct keep *k, const struct walk_ent *w)
{
	struct stat st = w->st;

	if (k->o->view)
		k->o->view(k->o->ctx, w->path, &st);
	return st;
}

/* An empty file, as a layer has it: ".wh.NAME" for a removed NAME, of 1970 as there. */
static int put_marker(int dir, const char *name)
{
	const struct timespec never[2] = { { 0, 0 }, { 0, 0 } };
	char file[NAME_MAX + 8];
	own_fd fd = -1;

	snprintf(file, sizeof file, ".wh.%s", name);
	fd = openat(dir, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 || fchmod(fd, 0644) < 0 || futimens(fd, never) < 0 ? -errno : 0;
}

static int put_times(int dir, const char *name, const struct stat *st)
{
	struct timespec ts[2] = { st->st_mtim, st->st_mtim };

	return utimensat(dir, name, ts, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int put_file(const struct walk_ent *w, int dir, const char *name, const struct stat *st)
{
	own_fd to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	own_fd from = -1;
	int r;

	if (to < 0)
		return -errno;
	if (S_ISREG(w->st.st_mode) && S_ISREG(st->st_mode) && w->st.st_size) {
		from = openat(w->dirfd, w->name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		r = from < 0 ? -errno : copy_data(from, to);
		if (r < 0)
			return r;
	}
	return fchmod(to, st->st_mode & 0777) < 0 ? -errno : 0;
}

static int put_node(const struct walk_ent *w, int dir, const char *name, const struct stat *st)
{
	own_free char *to = NULL;
	int r;

	if (S_ISLNK(w->st.st_mode)) {
		r = read_link(w->dirfd, w->name, &to);
		return r ? r : symlinkat(to, dir, name) < 0 ? -errno : 0;
	}
	if (S_ISFIFO(w->st.st_mode))
		return mkfifoat(dir, name, 0600) < 0 || fchmodat(dir, name, st->st_mode & 0777, 0) < 0
				? -errno : 0;
	return put_file(w, dir, name, st);
}

static int keep_dir(const struct walk_ent *w, int dir, const char *name, int kind)
{
	own_fd fd = -1;

	if (strcmp(w->path, ".") && mkdirat(dir, name, 0700) < 0)
		return -errno;
	if (kind != UPPER_OPAQUE)
		return 0;
	fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : put_marker(fd, ".wh..opq");
}

static int keep_entry(struct keep *k, const struct walk_ent *w, int kind)
{
	const char *name, *first;
	own_fd dir = open_parent(k->dest, w->path, &name);
	struct stat st = seen(k, w);
	int r;

	if (dir < 0)
		return dir;
	if (kind == UPPER_WHITEOUT)
		return put_marker(dir, name);
	if (S_ISDIR(w->st.st_mode))
		return keep_dir(w, dir, name, kind);
	if (S_ISSOCK(w->st.st_mode))
		return 0;
	r = links_seen(&k->links, &w->st, w->path, &first);
	if (r == 1)
		return linkat(k->dest, first, dir, name, 0) < 0 ? -errno : 0;
	r = r ? r : put_node(w, dir, name, &st);
	return r ? r : put_times(dir, name, &st);
}

static int keep_one(void *ctx, const struct walk_ent *w, struct err *e)
{
	struct keep *k = ctx;
	int kind, r;

	if (upper_unchanged(w, k->o))
		return WALK_SKIP;
	kind = upper_kind(w->dirfd, w->name, w->path, &w->st, e);
	if (kind < 0)
		return kind;
	r = keep_entry(k, w, kind);
	return r < 0 ? fail(e, r, "keep %s", w->path) : 0;
}

/* Modes and times of directories, when nothing more is made in them. */
static int keep_leave(void *ctx, const struct walk_ent *w, struct err *e)
{
	struct keep *k = ctx;
	const char *name;
	own_fd dir = open_parent(k->dest, w->path, &name);
	struct stat st = seen(k, w);
	int r = dir < 0 ? dir : 0;

	if (!strcmp(w->path, "."))
		return 0; /* the caller's own directory */
	if (!r && fchmodat(dir, name, st.st_mode & 01777, 0) < 0)
		r = -errno;
	if (!r)
		r = put_times(dir, name, &st);
	return r < 0 ? fail(e, r, "keep %s", w->path) : 0;
}

/* All or nothing: the caller's directory was empty. */
static void undo(int dest)
{
	char **v;
	size_t n;

	if (dir_names(dest, &v, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		rm_rf(dest, v[i]);
	names_free(v, n);
}

int layer_copy(int upperfd, const struct layer_opts *o, int destfd, struct err *e)
{
	struct keep k = { .o = o, .dest = destfd };
	struct walk w = { .rootfd = upperfd, .ctx = &k, .visit = keep_one, .leave = keep_leave };
	int r = walk_tree(&w, e);

	links_free(&k.links);
	if (r < 0)
		undo(destfd);
	return r;
}

static int times_put(void *ctx, const struct walk_ent *w, struct err *e)
{
	struct stat st = seen(ctx, w);
	int r = 0;

	if (st.st_mtim.tv_sec != w->st.st_mtim.tv_sec || st.st_mtim.tv_nsec != w->st.st_mtim.tv_nsec)
		r = put_times(w->dirfd, w->name, &st);
	/* whose time is not ours to set: somebody else's, which we may write to, as /tmp */
	return r < 0 && r != -EPERM ? fail(e, r, "set the time of %s", w->path) : 0;
}

static int times_visit(void *ctx, const struct walk_ent *w, struct err *e)
{
	bool whiteout = S_ISCHR(w->st.st_mode) && !w->st.st_rdev;

	return whiteout || S_ISDIR(w->st.st_mode) ? 0 : times_put(ctx, w, e);
}

int rootfs_set_times(int rootfd, rootfs_view_fn view, void *ctx, struct err *e)
{
	struct layer_opts o = { .view = view, .ctx = ctx };
	struct keep k = { .o = &o };
	struct walk w = {
		.rootfd = rootfd, .ctx = &k, .visit = times_visit, .leave = times_put,
		.closed_empty = true,
	};

	return walk_tree(&w, e);
}
