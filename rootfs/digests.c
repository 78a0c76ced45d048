/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/digests.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <time.h>

#include "rootfs/rootfs.h"
#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/map.h"
#include "runtime/base/own.h"

/* A new layout has a new name: who knows the old one may cut what it takes for spoilt. */
static const char magic[16] = "detrun digests3";
static const char file[] = "digests3";

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
_Static_assert(offsetof(struct digest_rec, flags) % 8 == 0, "mix() takes whole words");

struct set {
	struct digest_rec way[WAYS];
};

/* @n is a multiple of 8. */
static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i += 8) {
		uint64_t word;

		memcpy(&word, b + i, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return h;
}

static uint64_t key_of(const struct digest_rec *r)
{
	return mix(0xcbf29ce484222325u, r, offsetof(struct digest_rec, flags));
}

static uint32_t check_of(const struct digest_rec *r)
{
	return (uint32_t) mix(key_of(r) ^ r->flags, r->sum, sizeof r->sum);
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

enum { TABLE_SIZE = sizeof magic + SETS * sizeof(struct set) };

static bool is_table(int fd)
{
	char have[sizeof magic];
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == TABLE_SIZE &&
		pread(fd, have, sizeof have, 0) == sizeof have && !memcmp(have, magic, sizeof magic);
}

/* Whole before it has its name, and never shortened: others have it mapped. */
static int table_make(int dir)
{
	char tmp[32];
	own_fd fd = -1;

	snprintf(tmp, sizeof tmp, "%s.%ld", file, (long) getpid());
	fd = openat(dir, tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (ftruncate(fd, TABLE_SIZE) < 0 || pwrite(fd, magic, sizeof magic, 0) != sizeof magic ||
		renameat(dir, tmp, dir, file) < 0) {
		unlinkat(dir, tmp, 0);
		return -1;
	}
	return take_fd(&fd);
}

static int table_open(int dir)
{
	own_fd fd = openat(dir, file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && is_table(fd) ? take_fd(&fd) : table_make(dir);
}

void digests_open(struct digests *d, int dir, int fd)
{
	struct statfs fs;

	*d = (struct digests){ .table = dir < 0 ? -1 : table_open(dir) };
	if (fstatfs(fd, &fs) == 0)
		d->opaque = fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

void digests_map(struct digests *d)
{
	void *p = d->table < 0 ? MAP_FAILED : mmap(NULL, TABLE_SIZE, PROT_READ, MAP_SHARED, d->table, 0);

	if (p != MAP_FAILED)
		d->map = p;
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

/* In the map, which others may be writing to, or read to @room. */
static const struct set *set_of(const struct digests *d, uint64_t key, struct set *room)
{
	if (d->map)
		return (const struct set *) (const void *) (d->map + set_at(key));
	return pread(d->table, room, sizeof *room, set_at(key)) == sizeof *room ? room : NULL;
}

static const struct digest_rec *table_get(struct digests *d, const struct digest_rec *want)
{
	struct set room;
	const struct set *s = d->table < 0 ? NULL : set_of(d, key_of(want), &room);

	for (unsigned i = 0; s && i < WAYS; i++) {
		if (s->way[i].ino != want->ino)
			continue;
		d->hit = s->way[i];
		if (same_file(&d->hit, want))
			return &d->hit;
	}
	return NULL;
}

const struct digest_rec *digests_get(struct digests *d, const struct stat *st)
{
	struct digest_rec want = rec_of(d, st);
	const struct digest_rec *have = memo_get(d->memo, st, &want);

	return have ? have : table_get(d, &want);
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
	uint64_t key = key_of(&r);
	const struct set *s;
	struct set room;
	off_t at;

	memcpy(r.sum, sum, sizeof r.sum);
	r.flags = flags;
	r.check = check_of(&r);
	if (rest >= MEMO_REST_NS)
		memo_put(d->memo, st, &r);
	s = d->table < 0 || rest < REST_NS ? NULL : set_of(d, key, &room);
	if (!s)
		return;
	at = set_at(key) + (off_t) (choose_way(s, &r) * sizeof r);
	if (pwrite(d->table, &r, sizeof r, at) != sizeof r)
		return; /* only a cache: a record half written is none */
}

void digests_close(struct digests *d)
{
	if (d->map)
		munmap((void *) (uintptr_t) d->map, TABLE_SIZE);
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
