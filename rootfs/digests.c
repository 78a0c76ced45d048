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
static const char magic[16] = "detrun digests4";
static const char file[] = "digests4";

enum {
	WAYS = 8,
	SETS_MIN = 1 << 15, /* 23 MB */
	SETS_MAX = 1 << 20,
	FILES_PER_SET = 4, /* of one tree: hardly any set has more than its ways then */
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

static size_t set_index(const struct digests *d, uint64_t key)
{
	return key & (d->sets - 1);
}

static size_t set_at(const struct digests *d, uint64_t key)
{
	return sizeof magic + set_index(d, key) * sizeof(struct set);
}

static size_t table_size(size_t sets)
{
	return sizeof magic + sets * sizeof(struct set);
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
		return (const struct set *) (const void *) (d->map + set_at(d, key));
	return pread(d->table, room, sizeof *room, (off_t) set_at(d, key)) == sizeof *room ? room
											 : NULL;
}

static void way_used(struct digests *d, uint64_t key, unsigned way)
{
	if (d->used)
		d->used[set_index(d, key)] |= (uint8_t) (1 << way);
}

static const struct digest_rec *table_get(struct digests *d, const struct digest_rec *want)
{
	struct set room;
	uint64_t key = key_of(want);
	const struct set *s = d->table < 0 ? NULL : set_of(d, key, &room);

	for (unsigned i = 0; s && i < WAYS; i++) {
		if (s->way[i].ino != want->ino)
			continue;
		d->hit = s->way[i];
		if (same_file(&d->hit, want)) {
			way_used(d, key, i);
			return &d->hit;
		}
	}
	return NULL;
}

const struct digest_rec *digests_get(struct digests *d, const struct stat *st)
{
	struct digest_rec want = rec_of(d, st);
	const struct digest_rec *have = memo_get(d->memo, st, &want);

	d->asked++;
	return have ? have : table_get(d, &want);
}

/* The file's own place in its set, else a free one, else one that this tree has not asked for. */
static unsigned choose_way(const struct digests *d, const struct set *s, const struct digest_rec *r)
{
	uint64_t key = key_of(r);
	unsigned used = d->used ? d->used[set_index(d, key)] : 0, first = (unsigned) (key >> 32);

	static const struct digest_rec none;

	for (unsigned i = 0; i < WAYS; i++)
		if (same_file(&s->way[i], r))
			return i;
	for (unsigned i = 0; i < WAYS; i++)
		if (!memcmp(&s->way[i], &none, sizeof none))
			return i;
	for (unsigned i = 0; i < WAYS; i++)
		if (!(used >> (first + i) % WAYS & 1))
			return (first + i) % WAYS;
	return first % WAYS;
}

/* A record half written is none. */
static int table_put(struct digests *d, const struct set *s, const struct digest_rec *r)
{
	uint64_t key = key_of(r);
	unsigned way = choose_way(d, s, r);
	off_t at = (off_t) (set_at(d, key) + way * sizeof *r);

	if (pwrite(d->table, r, sizeof *r, at) != sizeof *r)
		return -EIO;
	way_used(d, key, way);
	return 0;
}

void digests_put(struct digests *d, const struct stat *st, const struct timespec *now,
	const uint8_t sum[32], uint32_t flags)
{
	struct digest_rec r = rec_of(d, st);
	int64_t rest = (now->tv_sec - st->st_ctim.tv_sec) * 1000000000ll + now->tv_nsec -
		st->st_ctim.tv_nsec;
	const struct set *s;
	struct set room;

	memcpy(r.sum, sum, sizeof r.sum);
	r.flags = flags;
	r.check = check_of(&r);
	if (rest >= MEMO_REST_NS)
		memo_put(d->memo, st, &r);
	s = d->table < 0 || rest < REST_NS ? NULL : set_of(d, key_of(&r), &room);
	if (s)
		table_put(d, s, &r); /* only a cache */
}

/* All that @from has in its map. */
static int table_carry(const struct digests *from, struct digests *to)
{
	for (size_t i = 0; i < from->sets; i++) {
		const struct set *s = (const void *) (from->map + sizeof magic + i * sizeof *s);

		for (unsigned way = 0; way < WAYS; way++) {
			struct digest_rec r = s->way[way];
			const struct set *into;
			struct set room;

			if (!r.ino || !same_file(&r, &r))
				continue;
			into = set_of(to, key_of(&r), &room);
			if (!into || table_put(to, into, &r) < 0)
				return -EIO;
		}
	}
	return 0;
}

/* How many sets the file has; 0: it is none of ours. */
static size_t table_sets(int fd)
{
	char have[sizeof magic];
	struct stat st;
	size_t sets;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t) sizeof magic)
		return 0;
	sets = ((size_t) st.st_size - sizeof magic) / sizeof(struct set);
	if ((size_t) st.st_size != table_size(sets) || sets & (sets - 1) || sets < SETS_MIN ||
		sets > SETS_MAX)
		return 0;
	return pread(fd, have, sizeof have, 0) == sizeof have && !memcmp(have, magic, sizeof magic) ?
		sets : 0;
}

/*
 * Whole before it has its name, and never shortened or enlarged: others have it mapped. @from (or
 * NULL) has what it begins with.
 */
static int table_make(int dir, size_t sets, const struct digests *from)
{
	struct digests d = { .table = -1, .sets = sets };
	char tmp[32];
	int r;

	snprintf(tmp, sizeof tmp, "%s.%ld", file, (long) getpid());
	d.table = openat(dir, tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (d.table < 0)
		return -1;
	r = ftruncate(d.table, (off_t) table_size(sets)) < 0 ||
		pwrite(d.table, magic, sizeof magic, 0) != sizeof magic;
	if (!r && from)
		r = table_carry(from, &d);
	if (r || renameat(dir, tmp, dir, file) < 0) {
		unlinkat(dir, tmp, 0);
		own_fd_drop(&d.table);
	}
	return d.table;
}

static int table_open(int dir, size_t *ret_sets)
{
	own_fd fd = openat(dir, file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	*ret_sets = fd < 0 ? 0 : table_sets(fd);
	if (*ret_sets)
		return take_fd(&fd);
	*ret_sets = SETS_MIN;
	return table_make(dir, SETS_MIN, NULL);
}

void digests_open(struct digests *d, int dir, int fd)
{
	struct statfs fs;

	*d = (struct digests){ .table = -1, .dir = dir };
	if (dir >= 0)
		d->table = table_open(dir, &d->sets);
	if (fstatfs(fd, &fs) == 0)
		d->opaque = fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

void digests_map(struct digests *d)
{
	void *p = d->table < 0 ? MAP_FAILED
			       : mmap(NULL, table_size(d->sets), PROT_READ, MAP_SHARED, d->table, 0);

	if (p == MAP_FAILED)
		return;
	d->map = p;
	d->used = calloc(d->sets, sizeof *d->used); /* without, others' places are taken as well */
}

/* For who comes next: room for a tree as large as the one that was asked for. */
static void table_grow(const struct digests *d)
{
	size_t sets = d->sets;
	own_fd fd = -1;

	while (sets < SETS_MAX && sets * FILES_PER_SET < d->asked)
		sets *= 2;
	if (d->map && sets > d->sets)
		fd = table_make(d->dir, sets, d);
}

void digests_close(struct digests *d)
{
	if (d->table >= 0)
		table_grow(d);
	if (d->map)
		munmap((void *) (uintptr_t) d->map, table_size(d->sets));
	free(d->used);
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
