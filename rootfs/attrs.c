/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/attrs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs/walk.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

static const char magic[] = "detrun owners 1";

enum { OWNERS_MAX = 1 << 30 }; /* bytes of the sidecar */

static uint32_t disk_type(uint32_t mode)
{
	return S_ISBLK(mode) || S_ISCHR(mode) ? S_IFREG : mode & S_IFMT;
}

uint32_t attr_disk_mode(uint32_t mode)
{
	if (S_ISLNK(mode))
		return S_IFLNK | 0777;
	if (S_ISDIR(mode))
		return S_IFDIR | (mode & 01777) | 0700;
	return disk_type(mode) | (mode & 0777) | 0600;
}

bool attr_differs(const struct attr *a)
{
	return a->uid || a->gid || a->mode != attr_disk_mode(a->mode);
}

int attrs_put(struct attrs *t, uint64_t ino, const struct attr *a)
{
	const uint64_t *at = map_get(&t->by_ino, ino, 0);

	if (at) {
		t->v[*at] = *a;
		return 0;
	}
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 1024;
		struct attr *v = realloc(t->v, cap * sizeof *v);

		if (!v)
			return -ENOMEM;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n] = *a;
	return map_put(&t->by_ino, ino, 0, t->n++);
}

void attrs_del(struct attrs *t, uint64_t ino)
{
	map_del(&t->by_ino, ino, 0);
}

const struct attr *attrs_get(const struct attrs *t, uint64_t ino)
{
	const uint64_t *at = map_get(&t->by_ino, ino, 0);

	return at ? &t->v[*at] : NULL;
}

void attrs_free(struct attrs *t)
{
	map_free(&t->by_ino);
	free(t->v);
	*t = (struct attrs){ 0 };
}

struct finish {
	const struct attrs *t;
	bool times;
	struct buf out;
};

static int finish_one(void *ctx, const struct walk_ent *w, struct err *e)
{
	struct finish *f = ctx;
	const struct attr *a = attrs_get(f->t, w->st.st_ino);

	if (!a)
		return 0;
	if (S_ISDIR(a->mode)) {
		struct timespec ts[2] = { a->mtime, a->mtime };

		if (fchmodat(w->dirfd, w->name, attr_disk_mode(a->mode) & 07777, 0) < 0)
			return fail(e, errno, "set the mode of %s", w->path);
		if (f->times && utimensat(w->dirfd, w->name, ts, AT_SYMLINK_NOFOLLOW) < 0)
			return fail(e, errno, "set the time of %s", w->path);
	}
	if (attr_differs(a)) {
		buf_printf(&f->out, "%" PRIo32 " %" PRIu32 " %" PRIu32 " %" PRIx64 " %s", a->mode,
			a->uid, a->gid, a->rdev, w->path);
		buf_byte(&f->out, 0);
	}
	return 0;
}

int attrs_finish(const struct attrs *t, int rootfd, int entryfd, bool times, struct err *e)
{
	struct finish f = { .t = t, .times = times };
	struct walk w = { .rootfd = rootfd, .ctx = &f, .visit = finish_one };
	int r;

	buf_put(&f.out, magic, sizeof magic);
	r = walk_tree(&w, e);
	if (!r && f.out.failed)
		r = fail(e, ENOMEM, "list the owners");
	if (!r)
		r = write_file(entryfd, "owners", f.out.p, f.out.n, 0600, e);
	buf_free(&f.out);
	return r;
}

int owners_add(struct rootfs *r, const struct rootfs_owner *o)
{
	size_t n = r->nowners;

	if (!(n & (n - 1))) { /* grow at each power of two */
		void *more = realloc(r->owners, (n ? 2 * n : 1) * sizeof *r->owners);

		if (!more)
			return -ENOMEM;
		r->owners = more;
	}
	r->owners[r->nowners++] = *o;
	return 0;
}

static int by_ino(const void *a, const void *b)
{
	const struct rootfs_owner *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

void owners_sort(struct rootfs *r)
{
	size_t n = 0;

	if (!r->nowners)
		return;
	qsort(r->owners, r->nowners, sizeof *r->owners, by_ino);
	for (size_t i = 1; i < r->nowners; i++)
		if (r->owners[i].ino != r->owners[n].ino)
			r->owners[++n] = r->owners[i];
	r->nowners = n + 1;
}

/* One record of the sidecar, NUL-terminated. Its path is below the tree, through no link. */
static int owner_line(const char *line, int rootfd, struct rootfs *r)
{
	struct rootfs_owner o = { 0 };
	const char *path, *name;
	own_fd dir = -1;
	struct stat st;
	int used = 0;

	if (sscanf(line, "%" SCNo32 " %" SCNu32 " %" SCNu32 " %" SCNx64 "%n", &o.mode, &o.uid,
		    &o.gid, &o.rdev, &used) != 4 || line[used] != ' ')
		return -EBADMSG;
	path = line + used + 1;
	dir = open_parent(rootfd, path, &name);
	if (dir < 0)
		return dir;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (st.st_mode != attr_disk_mode(o.mode))
		return -ESTALE;
	o.ino = st.st_ino;
	return owners_add(r, &o);
}

static int owners_parse(const struct buf *b, int rootfd, struct rootfs *r)
{
	const char *p = (const char *) b->p, *end = p + b->n;

	if (b->n < sizeof magic || memcmp(p, magic, sizeof magic) || end[-1])
		return -EBADMSG;
	for (p += sizeof magic; p < end; p += strlen(p) + 1) {
		int bad = owner_line(p, rootfd, r);

		if (bad)
			return bad;
	}
	owners_sort(r);
	return 0;
}

int owners_load(int entryfd, int rootfd, struct rootfs *r, struct err *e)
{
	own_buf b = { 0 };
	int bad = read_file(entryfd, "owners", OWNERS_MAX, &b, e);

	if (bad < 0)
		return bad;
	bad = owners_parse(&b, rootfd, r);
	return bad ? fail(e, bad, "the list of owners does not fit the tree") : 0;
}
