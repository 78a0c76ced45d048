/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest: libarchive mtree, byte order of names. Nothing of the file system below gets in:
 * no inode, device, link count, access or change time, size or order of a directory.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "rootfs/digests.h"
#include "rootfs/rootfs.h"
#include "rootfs/walk.h"
#include "rootfs/xattrs.h"
#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { FLUSH = 1 << 18 };

struct manifest {
	const struct manifest_opts *o;
	struct digests digests;
	struct buf out;
	struct sha256 *sum;
	int fd;
};

static int flush(struct manifest *m, struct err *e)
{
	int r;

	if (m->out.failed)
		return fail(e, ENOMEM, "write the manifest");
	sha256_add(m->sum, m->out.p, m->out.n);
	r = write_full(m->fd, m->out.p, m->out.n);
	m->out.n = 0;
	return r < 0 ? fail(e, r, "write the manifest") : 0;
}

static bool is_plain(char c)
{
	return c > 0x20 && c < 0x7f && c != '\\' && c != '#' && c != '=';
}

/* As libarchive's reader wants names: octal for what is no plain character. */
static void put_name(struct buf *b, const char *s)
{
	while (*s) {
		size_t n = 0;

		while (is_plain(s[n]))
			n++;
		buf_put(b, s, n);
		s += n;
		if (!*s)
			return;
		buf_byte(b, '\\');
		buf_uint(b, (unsigned char) *s++, 8, 3);
	}
}

static void put_common(struct buf *b, const char *path, const struct stat *st, const char *type)
{
	buf_str(b, strcmp(path, ".") ? "./" : "");
	put_name(b, path);
	buf_str(b, " type=");
	buf_str(b, type);
	buf_str(b, " uid=");
	buf_uint(b, st->st_uid, 10, 0);
	buf_str(b, " gid=");
	buf_uint(b, st->st_gid, 10, 0);
	buf_str(b, " mode=0");
	buf_uint(b, st->st_mode & 07777, 8, 0);
	buf_str(b, " time=");
	buf_int(b, st->st_mtim.tv_sec);
	buf_byte(b, '.');
	buf_uint(b, (uint64_t) st->st_mtim.tv_nsec, 10, 9);
}

static void put_xattrs(struct buf *b, const char *path, const struct xattr *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_str(b, "# xattr ");
		buf_str(b, strcmp(path, ".") ? "./" : "");
		put_name(b, path);
		buf_byte(b, ' ');
		put_name(b, v[i].name);
		buf_byte(b, '=');
		buf_hex(b, v[i].value, v[i].len);
		buf_byte(b, '\n');
	}
}

struct content {
	uint8_t sum[SHA256_LEN];
	struct xattr *xattrs;
	size_t n;
};

static void content_free(struct content *c)
{
	xattrs_free(c->xattrs, c->n);
}

/* Digest and xattrs of a regular file: from the cache, else by reading it. */
static int content_read(struct manifest *m, const struct walk_ent *w, struct content *ret)
{
	const struct digest_rec *have = digests_get(&m->digests, &w->st);
	struct timespec now;
	own_fd fd = -1;
	int r;

	if (have)
		memcpy(ret->sum, have->sum, SHA256_LEN);
	if (have && !(m->o->xattrs && have->flags & DIGEST_XATTRS))
		return 0;
	fd = openat(w->dirfd, w->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = xattrs_read(fd, &ret->xattrs, &ret->n);
	if (r || have)
		return r;
	clock_gettime(CLOCK_REALTIME, &now);
	r = sha256_fd(fd, ret->sum);
	if (!r)
		digests_put(&m->digests, &w->st, &now, ret->sum, ret->n ? DIGEST_XATTRS : 0);
	return r;
}

static int content_keep(struct manifest *m, const struct walk_ent *w, struct content *ret)
{
	int r = content_read(m, w, ret);

	if (!r && w->found) {
		memcpy(w->found->sum, ret->sum, sizeof ret->sum);
		w->found->has_sum = true;
	}
	return r;
}

static void put_unread(struct buf *b, const struct walk_ent *w, const struct stat *st)
{
	put_common(b, w->path, st, "file");
	buf_str(b, " size=");
	buf_int(b, w->st.st_size);
	buf_byte(b, '\n');
}

static bool passed(void *ctx, const char *path, int error)
{
	struct manifest *m = ctx;

	return m->o->passed && m->o->passed(m->o->ctx, path, error);
}

static int put_file(struct manifest *m, const struct walk_ent *w, const struct stat *st,
	struct err *e)
{
	bool hidden = m->o->private_hidden && mode_private(st->st_mode);
	own_cleanup(content_free) struct content c = { 0 };
	struct buf *b = &m->out;
	int r = 0;

	if (!hidden && m->o->unread && m->o->unread(m->o->ctx, w->path, &w->st)) {
		put_unread(b, w, st);
		return 0;
	}
	if (hidden)
		sha256("", 0, c.sum);
	else if (w->found && w->found->has_sum)
		memcpy(c.sum, w->found->sum, sizeof c.sum);
	else if (S_ISREG(w->st.st_mode))
		r = content_keep(m, w, &c);
	else
		r = -ESTALE;
	if (r == -EACCES) { /* the guest can't read it either */
		sha256("", 0, c.sum);
		hidden = true;
	} else if (r < 0 && passed(m, w->path, r)) {
		put_unread(b, w, st);
		return 0;
	} else if (r < 0) {
		return fail(e, r, "read %s for the manifest", w->path);
	}
	put_common(b, w->path, st, "file");
	buf_str(b, " size=");
	buf_int(b, hidden ? 0 : w->st.st_size);
	buf_str(b, " sha256=");
	buf_hex(b, c.sum, sizeof c.sum);
	buf_byte(b, '\n');
	if (m->o->xattrs && !hidden)
		put_xattrs(b, w->path, c.xattrs, c.n);
	return 0;
}

static int put_link(struct manifest *m, const struct walk_ent *w, const struct stat *st,
	struct err *e)
{
	own_free char *read = NULL;
	const char *to = w->found ? w->found->link : NULL;
	int r = to ? 0 : read_link(w->dirfd, w->name, &read);

	if (r < 0)
		return fail(e, r, "read the link %s", w->path);
	put_common(&m->out, w->path, st, "link");
	buf_str(&m->out, " link=");
	put_name(&m->out, to ? to : read);
	buf_byte(&m->out, '\n');
	if (w->found && !to)
		w->found->link = take_ptr(read);
	return 0;
}

static bool skipped(const struct manifest *m, const char *path)
{
	for (const char *const *s = m->o->skip; s && *s; s++)
		if (!strcmp(*s, path))
			return true;
	return false;
}

static int put_dir(struct manifest *m, const struct walk_ent *w, const struct stat *st,
	struct err *e)
{
	bool hidden = m->o->private_hidden && mode_private(st->st_mode) && strcmp(w->path, ".");
	own_cleanup(content_free) struct content c = { 0 };
	own_fd fd = -1;
	int r;

	put_common(&m->out, w->path, st, "dir");
	buf_byte(&m->out, '\n');
	if (hidden || skipped(m, w->path) || (m->o->closed && m->o->closed(m->o->ctx, w->path, &w->st)))
		return WALK_SKIP;
	if (!m->o->xattrs)
		return 0;
	fd = openat(w->dirfd, w->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) /* closed, or gone: the walk finds out, too */
		return 0;
	r = xattrs_read(fd, &c.xattrs, &c.n);
	if (r < 0)
		return passed(m, w->path, r) ? 0 : fail(e, r, "read %s for the manifest", w->path);
	put_xattrs(&m->out, w->path, c.xattrs, c.n);
	return 0;
}

static void put_node(struct manifest *m, const struct walk_ent *w, const struct stat *st)
{
	mode_t t = st->st_mode & S_IFMT;

	put_common(&m->out, w->path, st, t == S_IFCHR ? "char" : t == S_IFBLK ? "block" :
		t == S_IFIFO ? "fifo" : "socket");
	if (t == S_IFCHR || t == S_IFBLK)
		buf_printf(&m->out, " device=native,%u,%u", major(st->st_rdev),
			minor(st->st_rdev));
	buf_byte(&m->out, '\n');
}

static int put_entry(void *ctx, const struct walk_ent *w, struct err *e)
{
	struct manifest *m = ctx;
	struct stat st = w->st;
	int r = 0;

	if (m->o->view)
		m->o->view(m->o->ctx, w->path, &st);
	if (m->out.n > FLUSH)
		r = flush(m, e);
	if (r < 0)
		return r;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return put_file(m, w, &st, e);
	case S_IFLNK:
		return put_link(m, w, &st, e);
	case S_IFDIR:
		return put_dir(m, w, &st, e);
	default:
		put_node(m, w, &st);
		return 0;
	}
}

int manifest_write(int rootfd, const struct manifest_opts *o, int out, uint8_t ret[32],
	struct err *e)
{
	struct manifest m = { .o = o, .fd = out, .sum = sha256_new() };
	struct walk w = { .rootfd = rootfd, .ctx = &m, .visit = put_entry,
		.closed_empty = true, .gone_none = true, .passed = passed, .keep = o->keep, .known = o->known };
	int r;

	sha256_start(m.sum);
	digests_open(&m.digests, o->cache_dir, rootfd);
	digests_map(&m.digests);
	m.digests.memo = o->memo;
	buf_str(&m.out, "#mtree\n");
	r = walk_tree(&w, e);
	if (!r)
		r = flush(&m, e);
	digests_close(&m.digests);
	if (!r)
		sha256_done(m.sum, ret);
	sha256_free(m.sum);
	buf_free(&m.out);
	return r;
}
