/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/digests.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>

#include "runtime/base/buf.h"
#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

static const char magic[16] = "detrun digests1";
static const char file[] = "digests";

enum {
	RECORDS_MAX = 1 << 20,
	REST_NS = 100000000, /* coarser than any kernel's file time stamps */
};

_Static_assert(sizeof(struct digest_rec) == 88, "the layout on disk has no holes");

static uint64_t key2(const struct digest_rec *r)
{
	uint64_t h = r->dev;

	h = h * 0x9e3779b97f4a7c15u + r->size;
	h = h * 0x9e3779b97f4a7c15u + (uint64_t) r->msec;
	h = h * 0x9e3779b97f4a7c15u + r->mnsec;
	h = h * 0x9e3779b97f4a7c15u + (uint64_t) r->csec;
	return h * 0x9e3779b97f4a7c15u + r->cnsec;
}

static struct digest_rec rec_of(const struct digests *d, const struct stat *st)
{
	return (struct digest_rec){
		.dev = d->opaque ? 0 : st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t) st->st_size,
		.msec = st->st_mtim.tv_sec,
		.mnsec = (uint32_t) st->st_mtim.tv_nsec,
		.csec = st->st_ctim.tv_sec,
		.cnsec = (uint32_t) st->st_ctim.tv_nsec,
	};
}

static void add(struct digests *d, const struct digest_rec *r)
{
	uint64_t k2 = key2(r);
	const uint64_t *at = map_get(&d->by_key, r->ino, k2);

	if (at) {
		d->v[*at] = *r;
		return;
	}
	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 4096;
		struct digest_rec *v = realloc(d->v, cap * sizeof *v);

		if (!v)
			return;
		d->v = v;
		d->cap = cap;
	}
	d->v[d->n] = *r;
	if (map_put(&d->by_key, r->ino, k2, d->n) == 0)
		d->n++;
}

static void load(struct digests *d)
{
	own_buf b = { 0 };
	size_t n;

	if (read_file(d->dir, file, sizeof magic + (size_t) RECORDS_MAX * sizeof *d->v, &b, NULL) < 0)
		return;
	if (b.n < sizeof magic || memcmp(b.p, magic, sizeof magic))
		return;
	n = (b.n - sizeof magic) / sizeof *d->v;
	d->v = malloc((n + 4096) * sizeof *d->v);
	if (!d->v)
		return;
	d->cap = n + 4096;
	for (size_t i = 0; i < n; i++) {
		struct digest_rec r;

		memcpy(&r, b.p + sizeof magic + i * sizeof r, sizeof r);
		add(d, &r);
	}
	d->loaded = d->n;
}

void digests_open(struct digests *d, int dir, int fd)
{
	struct statfs fs;

	*d = (struct digests){ .dir = dir };
	if (dir < 0)
		return;
	if (fstatfs(fd, &fs) == 0)
		d->opaque = fs.f_type == OVERLAYFS_SUPER_MAGIC;
	load(d);
}

const struct digest_rec *digests_get(const struct digests *d, const struct stat *st)
{
	struct digest_rec want = rec_of(d, st);
	const uint64_t *at = map_get(&d->by_key, want.ino, key2(&want));
	const struct digest_rec *r = at ? &d->v[*at] : NULL;

	if (!r || memcmp(r, &want, offsetof(struct digest_rec, flags)))
		return NULL;
	return r;
}

void digests_put(struct digests *d, const struct stat *st, const struct timespec *now,
	const uint8_t sum[32], uint32_t flags)
{
	struct digest_rec r = rec_of(d, st);
	int64_t rest = (now->tv_sec - st->st_ctim.tv_sec) * 1000000000ll + now->tv_nsec -
		st->st_ctim.tv_nsec;

	if (d->dir < 0 || rest < REST_NS)
		return;
	memcpy(r.sum, sum, sizeof r.sum);
	r.flags = flags;
	add(d, &r);
}

void digests_close(struct digests *d)
{
	own_buf b = { 0 };
	size_t from = 0;

	if (d->dir >= 0 && d->n > d->loaded) {
		if (d->n > RECORDS_MAX) /* start anew with what was seen last */
			from = d->n - d->loaded < RECORDS_MAX ? d->loaded : d->n - RECORDS_MAX;
		buf_put(&b, magic, sizeof magic);
		buf_put(&b, d->v + from, (d->n - from) * sizeof *d->v);
		if (!b.failed)
			write_file(d->dir, file, b.p, b.n, 0600, NULL);
	}
	map_free(&d->by_key);
	free(d->v);
	*d = (struct digests){ .dir = -1 };
}

int digest_file(int dir, int fd, const struct stat *st, uint8_t ret[32])
{
	const struct digest_rec *have;
	struct timespec now;
	struct digests d;
	int r = 0;

	digests_open(&d, dir, fd);
	have = digests_get(&d, st);
	if (have) {
		memcpy(ret, have->sum, SHA256_LEN);
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		r = sha256_fd(fd, ret);
		if (!r)
			digests_put(&d, st, &now, ret, DIGEST_XATTRS);
	}
	digests_close(&d);
	return r;
}
