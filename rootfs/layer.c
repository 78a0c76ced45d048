/* SPDX-License-Identifier: Apache-2.0 */
/* An overlay's upper directory as an OCI layer: a function of what changed, not of the disk. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs/links.h"
#include "rootfs/rootfs.h"
#include "rootfs/tarout.h"
#include "rootfs/upper.h"
#include "rootfs/walk.h"
#include "runtime/base/own.h"

struct layer {
	const struct layer_opts *o;
	struct tarout tar;
	struct links links;
};

static int put_marker(struct layer *l, const char *dir, const char *name, struct err *e)
{
	struct stat st = { .st_mode = S_IFREG | 0644 };
	char path[PATH_MAX + NAME_MAX];
	bool top = !strcmp(dir, ".");

	snprintf(path, sizeof path, "%s%s.wh.%s", top ? "" : dir, top ? "" : "/", name);
	return tarout_entry(&l->tar, &(struct tar_entry){ .path = path, .st = &st }, e);
}

static int put_whiteout(struct layer *l, int fd, const char *dir, const char *name, struct err *e)
{
	struct stat st;
	int kind;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(e, errno, "stat %s/%s", dir, name);
	if (S_ISDIR(st.st_mode))
		return 0;
	kind = upper_kind(fd, name, name, &st, e);
	return kind == UPPER_WHITEOUT ? put_marker(l, dir, name, e) : kind < 0 ? kind : 0;
}

/* Whiteouts come before their siblings, so that a reader can apply the layer in one pass. */
static int put_whiteouts(struct layer *l, int fd, const char *dir, struct err *e)
{
	char **v;
	size_t n;
	int r = dir_names(fd, &v, &n);

	if (r < 0)
		return fail(e, r, "read directory %s", dir);
	for (size_t i = 0; !r && i < n; i++)
		r = put_whiteout(l, fd, dir, v[i], e);
	names_free(v, n);
	return r;
}

static int put_dir(struct layer *l, const struct walk_ent *w, const struct stat *st, int kind,
	struct err *e)
{
	own_fd fd = openat(w->dirfd, w->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char path[PATH_MAX + 2];
	const struct tar_entry en = { .path = path, .st = st };
	int r = 0;

	if (fd < 0)
		return fail(e, errno, "open %s", w->path);
	snprintf(path, sizeof path, "%s/", w->path);
	if (strcmp(w->path, "."))
		r = tarout_entry(&l->tar, &en, e);
	if (!r && kind == UPPER_OPAQUE)
		r = put_marker(l, w->path, ".wh..opq", e);
	return r ? r : put_whiteouts(l, fd, w->path, e);
}

static int put_file(struct layer *l, const struct walk_ent *w, const struct tar_entry *en,
	struct err *e)
{
	own_fd fd = openat(w->dirfd, w->name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int r = fd < 0 ? fail(e, errno, "open %s", w->path) : tarout_entry(&l->tar, en, e);

	return r ? r : tarout_file(&l->tar, fd, (uint64_t) w->st.st_size, w->path, e);
}

static int put_entry(struct layer *l, const struct walk_ent *w, int kind, struct err *e)
{
	struct stat st = w->st;
	struct tar_entry en = { .path = w->path, .st = &st };
	own_free char *target = NULL;
	int r;

	if (l->o->view)
		l->o->view(l->o->ctx, w->path, &st);
	if (S_ISDIR(w->st.st_mode))
		return put_dir(l, w, &st, kind, e);
	if (S_ISSOCK(st.st_mode))
		return 0;
	r = links_seen(&l->links, &w->st, w->path, &en.link);
	en.hard = r == 1;
	if (!r && S_ISLNK(w->st.st_mode)) {
		r = read_link(w->dirfd, w->name, &target);
		en.link = target;
	}
	if (r < 0)
		return fail(e, r, "read %s", w->path);
	if (!en.hard && S_ISREG(st.st_mode))
		return put_file(l, w, &en, e);
	return tarout_entry(&l->tar, &en, e);
}

static int layer_one(void *ctx, const struct walk_ent *w, struct err *e)
{
	struct layer *l = ctx;
	int kind;

	if (upper_unchanged(w, l->o))
		return WALK_SKIP;
	kind = upper_kind(w->dirfd, w->name, w->path, &w->st, e);
	if (kind < 0 || kind == UPPER_WHITEOUT)
		return kind < 0 ? kind : 0;
	return put_entry(l, w, kind, e);
}

int layer_write(int upperfd, const struct layer_opts *o, int out, uint8_t ret[32], struct err *e)
{
	struct layer l = { .o = o };
	struct walk w = { .rootfd = upperfd, .ctx = &l, .visit = layer_one };
	int r;

	tarout_start(&l.tar, out);
	r = walk_tree(&w, e);
	if (!r)
		r = tarout_end(&l.tar, ret, e);
	tarout_free(&l.tar);
	links_free(&l.links);
	return r;
}
