/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/digests.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>

#include "rootfs/rootfs.h"
#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/map.h"
#include "runtime/base/own.h"

static const char magic[16] = "detrun digests2";
static const char file[] = "digests";

enum {
	SETS = 1 << 16, /* a file's records are in one set, by its key */
	WAYS = 4,
	REST_NS = 100000000, /* coarser than any kernel's file time stamps */
	MEMO_REST_NS = 20000000, /* for local file systems alone */
};

struct digest_memo {
	struct map map; /* (dev, ino) -> index in .rec */
	struct digest_rec *rec;
	size_t n, cap;
};

_Static_assert(sizeof(struct digest_rec) == 88, "the layout on disk has no holes");

struct set {
	struct digest_rec way[WAYS];
};

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3u;
	return h ^ h >> 32;
}

static uint64_t key_of(const struct digest_rec *r)
{
	return mix(0xcbf29ce484222325u, r, offsetof(struct digest_rec, flags));
}

static uint32_t check_of(const struct digest_rec *r)
{
	uint64_t h = mix(key_of(r), &r->flags, sizeof r->flags);

	return (uint32_t) mix(h, r->sum, sizeof r->sum);
}

static bool same_file(const struct digest_rec *a, const struct digest_rec *b)
{
	return !memcmp(a, b, offsetof(struct digest_rec, flags)) && a->check == check_of(a);
}

static off_t set_at(uint64_t key)
{
	return (off_t) (sizeof magic + key % SETS * sizeof(struct set));
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

static bool is_table(int fd)
{
	char have[sizeof magic];

	return pread(fd, have, sizeof have, 0) == sizeof have && !memcmp(have, magic, sizeof magic);
}

static int table_open(int dir)
{
	own_fd fd = openat(dir, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	if (is_table(fd))
		return take_fd(&fd);
	if (ftruncate(fd, 0) < 0 || ftruncate(fd, set_at(SETS - 1) + (off_t) sizeof(struct set)) < 0 ||
		pwrite(fd, magic, sizeof magic, 0) != sizeof magic)
		return -1;
	return take_fd(&fd);
}

void digests_open(struct digests *d, int dir, int fd)
{
	struct statfs fs;

	*d = (struct digests){ .table = dir < 0 ? -1 : table_open(dir) };
	if (fstatfs(fd, &fs) == 0)
		d->opaque = fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

struct digest_memo *digest_memo_new(void)
{
	return calloc(1, sizeof(struct digest_memo));
}

void digest_memo_free(struct digest_memo *m)
{
	if (!m)
		return;
	map_free(&m->map);
	free(m->rec);
	free(m);
}

static const struct digest_rec *memo_get(const struct digest_memo *m, const struct stat *st,
	const struct digest_rec *want)
{
	const uint64_t *at = m ? map_get(&m->map, st->st_dev, st->st_ino) : NULL;

	return at && !memcmp(&m->rec[*at], want, offsetof(struct digest_rec, flags)) ? &m->rec[*at]
										     : NULL;
}

/* A failure is no error: the file is read once more then. */
static void memo_put(struct digest_memo *m, const struct stat *st, const struct digest_rec *r)
{
	uint64_t *at = m ? map_get(&m->map, st->st_dev, st->st_ino) : NULL;

	if (!m)
		return;
	if (at) {
		m->rec[*at] = *r;
		return;
	}
	if (m->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 256;
		struct digest_rec *more = realloc(m->rec, cap * sizeof *more);

		if (!more)
			return;
		m->rec = more;
		m->cap = cap;
	}
	if (map_put(&m->map, st->st_dev, st->st_ino, m->n) == 0)
		m->rec[m->n++] = *r;
}

static const struct digest_rec *table_get(struct digests *d, const struct digest_rec *want)
{
	struct set s;

	if (d->table < 0 || pread(d->table, &s, sizeof s, set_at(key_of(want))) != sizeof s)
		return NULL;
	for (unsigned i = 0; i < WAYS; i++) {
		if (!same_file(&s.way[i], want))
			continue;
		d->hit = s.way[i];
		return &d->hit;
	}
	return NULL;
}

const struct digest_rec *digests_get(struct digests *d, const struct stat *st)
{
	struct digest_rec want = rec_of(d, st);
	const struct digest_rec *have = memo_get(d->memo, st, &want);

	if (have)
		return have;
	have = table_get(d, &want);
	if (have)
		memo_put(d->memo, st, have);
	return have;
}

/* The file's own place in its set, else a free one, else one that its key chooses. */
static unsigned choose_way(const struct set *s, const struct digest_rec *r)
{
	static const struct digest_rec none;

	for (unsigned i = 0; i < WAYS; i++)
		if (same_file(&s->way[i], r))
			return i;
	for (unsigned i = 0; i < WAYS; i++)
		if (!memcmp(&s->way[i], &none, sizeof none))
			return i;
	return (unsigned) (key_of(r) / SETS % WAYS);
}

void digests_put(struct digests *d, const struct stat *st, const struct timespec *now,
	const uint8_t sum[32], uint32_t flags)
{
	struct digest_rec r = rec_of(d, st);
	int64_t rest = (now->tv_sec - st->st_ctim.tv_sec) * 1000000000ll + now->tv_nsec -
		st->st_ctim.tv_nsec;
	off_t at = set_at(key_of(&r));
	struct set s;

	memcpy(r.sum, sum, sizeof r.sum);
	r.flags = flags;
	r.check = check_of(&r);
	if (rest >= MEMO_REST_NS)
		memo_put(d->memo, st, &r);
	if (d->table < 0 || rest < REST_NS || pread(d->table, &s, sizeof s, at) != sizeof s)
		return;
	at += (off_t) (choose_way(&s, &r) * sizeof r);
	if (pwrite(d->table, &r, sizeof r, at) != sizeof r)
		return; /* only a cache: a record half written is none */
}

void digests_close(struct digests *d)
{
	own_fd_drop(&d->table);
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
