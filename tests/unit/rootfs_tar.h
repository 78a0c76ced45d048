/* SPDX-License-Identifier: Apache-2.0 */
/* Tar bytes made by hand, and a scratch directory with a cache, for the tests of rootfs/. */
#ifndef DETRUN_TESTS_ROOTFS_TAR_H
#define DETRUN_TESTS_ROOTFS_TAR_H

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "rootfs/rootfs.h"
#include "rootfs/walk.h"
#include "runtime/base/buf.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

struct tar_spec {
	const char *name;
	char type;
	unsigned mode, uid, gid, major, minor;
	const char *data;
	size_t size;
	const char *link;
};

static inline void tar_raw(struct buf *b, const struct tar_spec *s)
{
	char h[512] = { 0 };
	unsigned sum = 0;

	snprintf(h, 100, "%s", s->name);
	snprintf(h + 100, 8, "%07o", s->mode);
	snprintf(h + 108, 8, "%07o", s->uid);
	snprintf(h + 116, 8, "%07o", s->gid);
	snprintf(h + 124, 12, "%011zo", s->size);
	snprintf(h + 136, 12, "%011o", 1000000);
	h[156] = s->type;
	snprintf(h + 157, 100, "%s", s->link ? s->link : "");
	memcpy(h + 257, "ustar\00000", 8);
	snprintf(h + 329, 8, "%07o", s->major);
	snprintf(h + 337, 8, "%07o", s->minor);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof h; i++)
		sum += (unsigned char) h[i];
	snprintf(h + 148, 8, "%06o", sum);
	buf_put(b, h, sizeof h);
	buf_put(b, s->data, s->data ? s->size : 0);
	memset(h, 0, sizeof h);
	buf_put(b, h, (512 - s->size % 512) % 512);
}

static inline void tar_put(struct buf *b, const char *name, char type, unsigned mode,
	const char *data, const char *link)
{
	tar_raw(b, &(struct tar_spec){ .name = name, .type = type, .mode = mode, .data = data,
		.size = data ? strlen(data) : 0, .link = link });
}

static inline void tar_file(struct buf *b, const char *name, unsigned mode, const char *data)
{
	tar_put(b, name, '0', mode, data, NULL);
}

static inline void tar_dir(struct buf *b, const char *name, unsigned mode)
{
	tar_put(b, name, '5', mode, NULL, NULL);
}

static inline void tar_owned(struct buf *b, const char *name, unsigned mode, const char *data,
	unsigned uid, unsigned gid)
{
	tar_raw(b, &(struct tar_spec){ .name = name, .type = '0', .mode = mode, .data = data,
		.size = strlen(data), .uid = uid, .gid = gid });
}

static inline void tar_dev(struct buf *b, const char *name, char type, unsigned maj, unsigned min)
{
	tar_raw(b, &(struct tar_spec){ .name = name, .type = type, .mode = 0660, .major = maj,
		.minor = min });
}

static inline void pax_record(struct buf *b, const char *key, const char *value, size_t n)
{
	size_t rest = strlen(key) + n + 3, len = rest + 1;

	while (len != rest + (size_t) snprintf(NULL, 0, "%zu", len))
		len++;
	buf_printf(b, "%zu %s=", len, key);
	buf_put(b, value, n);
	buf_byte(b, '\n');
}

static inline void tar_pax_raw(struct buf *b, const struct buf *rec)
{
	tar_raw(b, &(struct tar_spec){ .name = "pax", .type = 'x', .mode = 0644,
		.data = (const char *) rec->p, .size = rec->n });
}

static inline void tar_pax(struct buf *b, const char *key, const char *value, size_t n)
{
	own_buf rec = { 0 };

	pax_record(&rec, key, value, n);
	tar_pax_raw(b, &rec);
}

static inline void tar_pax2(struct buf *b, const char *k1, const char *v1, const char *k2,
	const char *v2)
{
	own_buf rec = { 0 };

	pax_record(&rec, k1, v1, strlen(v1));
	pax_record(&rec, k2, v2, strlen(v2));
	tar_pax_raw(b, &rec);
}

static inline void tar_end(struct buf *b)
{
	memset(buf_room(b, 1024), 0, 1024);
	b->n += 1024;
}

/* A scratch directory: test.tar, cache/, outside/ (which nothing may touch). */
struct fx {
	char dir[64], outside[96], text[4096];
	int dirfd, root;
	struct buf tar;
	struct rootfs r;
	struct err e;
};

static inline struct fx fx_new(void)
{
	struct fx x = { .dir = "/tmp/detrun-test-XXXXXX", .root = -1, .r.lock = -1 };

	must(mkdtemp(x.dir));
	x.dirfd = open(x.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(x.outside, sizeof x.outside, "%s/outside", x.dir);
	must(mkdirat(x.dirfd, "outside", 0755) == 0);
	return x;
}

/* Let go of the prepared root; what is in the cache stays. */
static inline void fx_again(struct fx *x)
{
	if (x->root >= 0)
		close(x->root);
	x->root = -1;
	rootfs_done(&x->r);
}

static inline void fx_free(struct fx *x)
{
	fx_again(x);
	buf_free(&x->tar);
	must(rm_rf(AT_FDCWD, x->dir) == 0);
	close(x->dirfd);
}

static inline int fx_tarball(struct fx *x)
{
	int fd = openat(x->dirfd, "test.tar", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	must(fd >= 0 && write_full(fd, x->tar.p, x->tar.n) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static inline int fx_open(struct fx *x)
{
	char tar[128], cache[128];
	struct rootfs_opts o = { .cache = cache };
	int r;

	snprintf(tar, sizeof tar, "%s/test.tar", x->dir);
	snprintf(cache, sizeof cache, "%s/cache", x->dir);
	r = rootfs_prepare(tar, &o, &x->r, &x->e);
	if (!r)
		x->root = open(x->r.lower, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r;
}

/* Prepare the bytes in .tar as they are. */
static inline int fx_prepare_raw(struct fx *x)
{
	close(fx_tarball(x));
	return fx_open(x);
}

/* Prepare the tar in .tar, with an end mark. */
static inline int fx_prepare(struct fx *x)
{
	size_t n = x->tar.n;
	int r;

	tar_end(&x->tar);
	r = fx_prepare_raw(x);
	x->tar.n = n;
	return r;
}

static inline size_t names_in(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **v;
	size_t n;

	if (fd < 0)
		return 0;
	must(dir_names(fd, &v, &n) == 0);
	names_free(v, n);
	close(fd);
	return n;
}

static inline size_t fx_entries(const struct fx *x)
{
	char path[128];

	snprintf(path, sizeof path, "%s/cache/rootfs", x->dir);
	return names_in(path);
}

/* No entry in the cache, nothing outside. */
#define fx_untouched(x)                           \
	do {                                      \
		EQ(fx_entries(x), 0);             \
		EQ(names_in((x)->outside), 0);    \
		EQ(names_in((x)->dir) <= 3, true); \
	} while (0)

static inline const char *fx_read(struct fx *x, const char *path)
{
	own_fd fd = openat(x->root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read_full(fd, x->text, sizeof x->text - 1);

	x->text[n < 0 ? 0 : n] = 0;
	return n < 0 ? NULL : x->text;
}

static inline const struct rootfs_owner *fx_owner(const struct fx *x, const char *path)
{
	struct stat st;

	if (fstatat(x->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return NULL;
	for (size_t i = 0; i < x->r.nowners; i++)
		if (x->r.owners[i].ino == st.st_ino)
			return &x->r.owners[i];
	return NULL;
}

#endif
