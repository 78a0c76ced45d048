/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/tarout.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "runtime/base/io.h"

enum { BLOCK = 512, FLUSH = 1 << 18 };

static const uint64_t max_size = 077777777777ull; /* eleven octal digits */
static const uint64_t max_id = 07777777;

struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a tar header is one block");

void tarout_start(struct tarout *t, int fd)
{
	*t = (struct tarout){ .fd = fd, .sum = sha256_new() };
	sha256_start(t->sum);
}

void tarout_free(struct tarout *t)
{
	sha256_free(t->sum);
	buf_free(&t->b);
}

static int flush(struct tarout *t, struct err *e)
{
	int r;

	if (t->b.failed)
		return fail(e, ENOMEM, "write the layer");
	sha256_add(t->sum, t->b.p, t->b.n);
	r = write_full(t->fd, t->b.p, t->b.n);
	t->b.n = 0;
	return r < 0 ? fail(e, r, "write the layer") : 0;
}

static void pad(struct buf *b, uint64_t size)
{
	static const char zero[BLOCK];

	buf_put(b, zero, (BLOCK - size % BLOCK) % BLOCK);
}

static void octal(char *field, size_t width, uint64_t v)
{
	char s[32];

	snprintf(s, sizeof s, "%0*" PRIo64, (int) width - 1, v);
	memcpy(field, s, width - 1);
}

static void seal(struct ustar *h)
{
	unsigned sum = 0;
	char s[16];

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->sum, ' ', sizeof h->sum);
	for (size_t i = 0; i < sizeof *h; i++)
		sum += ((const unsigned char *) h)[i];
	snprintf(s, sizeof s, "%06o", sum);
	memcpy(h->sum, s, 7);
}

static char type_of(const struct tar_entry *en)
{
	if (en->hard)
		return '1';
	switch (en->st->st_mode & S_IFMT) {
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

static uint64_t size_of(const struct tar_entry *en)
{
	return type_of(en) == '0' ? (uint64_t) en->st->st_size : 0;
}

/* "LEN KEY=VALUE\n", where LEN counts itself. */
static void record(struct buf *b, const char *key, const void *value, size_t n)
{
	size_t rest = strlen(key) + n + 3, len = rest + 1;

	while (len != rest + (size_t) snprintf(NULL, 0, "%zu", len))
		len = rest + (size_t) snprintf(NULL, 0, "%zu", len);
	buf_printf(b, "%zu %s=", len, key);
	buf_put(b, value, n);
	buf_byte(b, '\n');
}

static void record_num(struct buf *b, const char *key, uint64_t v)
{
	char s[32];

	record(b, key, s, (size_t) snprintf(s, sizeof s, "%" PRIu64, v));
}

static void record_time(struct buf *b, const struct timespec *ts)
{
	char s[48];
	int n;

	if (ts->tv_sec >= 0 && (uint64_t) ts->tv_sec <= max_size && !ts->tv_nsec)
		return;
	/* before 1970, -1.5 is second -2 and 500000000 ns */
	if (ts->tv_sec < 0 && ts->tv_nsec)
		n = snprintf(s, sizeof s, "-%lld.%09ld", -(long long) ts->tv_sec - 1,
			1000000000 - ts->tv_nsec);
	else
		n = snprintf(s, sizeof s, "%lld.%09ld", (long long) ts->tv_sec, ts->tv_nsec);
	while (s[n - 1] == '0')
		n--;
	n -= s[n - 1] == '.';
	record(b, "mtime", s, (size_t) n);
}

static bool is_utf8(const char *s)
{
	const unsigned char *p = (const unsigned char *) s;

	while (*p) {
		unsigned n = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : (*p & 0xf0) == 0xe0 ? 2 :
			*p >= 0xf0 && *p < 0xf5 ? 3 : 9;

		if (n == 9 || (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
			(*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
			return false;
		for (p++; n; n--)
			if ((*p++ & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* What the ustar header of @en has no room for. */
static void records(struct buf *b, const struct tar_entry *en)
{
	bool path = strlen(en->path) > 100, link = en->link && strlen(en->link) > 100;

	if ((path && !is_utf8(en->path)) || (link && !is_utf8(en->link)))
		record(b, "hdrcharset", "BINARY", 6);
	if (en->st->st_gid > max_id)
		record_num(b, "gid", en->st->st_gid);
	if (link)
		record(b, "linkpath", en->link, strlen(en->link));
	record_time(b, &en->st->st_mtim);
	if (path)
		record(b, "path", en->path, strlen(en->path));
	if (size_of(en) > max_size)
		record_num(b, "size", size_of(en));
	if (en->st->st_uid > max_id)
		record_num(b, "uid", en->st->st_uid);
}

static void put_pax(struct tarout *t, const struct tar_entry *en, const struct buf *recs)
{
	const char *slash = strrchr(en->path, '/');
	struct ustar h = { .type = 'x' };
	char name[BLOCK];
	int n = snprintf(name, sizeof name, "PaxHeaders/%s", slash ? slash + 1 : en->path);

	memcpy(h.name, name, n > 100 ? 100 : (size_t) n);
	octal(h.mode, sizeof h.mode, 0644);
	octal(h.uid, sizeof h.uid, 0);
	octal(h.gid, sizeof h.gid, 0);
	octal(h.size, sizeof h.size, recs->n);
	octal(h.mtime, sizeof h.mtime, 0);
	seal(&h);
	buf_put(&t->b, &h, sizeof h);
	buf_put(&t->b, recs->p, recs->n);
	pad(&t->b, recs->n);
}

static uint64_t fit(int64_t v, uint64_t max)
{
	return v < 0 ? 0 : (uint64_t) v > max ? max : (uint64_t) v;
}

static void put_ustar(struct tarout *t, const struct tar_entry *en)
{
	const struct stat *st = en->st;
	struct ustar h = { .type = type_of(en) };

	memcpy(h.name, en->path, strnlen(en->path, sizeof h.name));
	octal(h.mode, sizeof h.mode, st->st_mode & 07777);
	octal(h.uid, sizeof h.uid, fit(st->st_uid, max_id));
	octal(h.gid, sizeof h.gid, fit(st->st_gid, max_id));
	octal(h.size, sizeof h.size, fit((int64_t) size_of(en), max_size));
	octal(h.mtime, sizeof h.mtime, fit(st->st_mtim.tv_sec, max_size));
	if (en->link)
		memcpy(h.link, en->link, strnlen(en->link, sizeof h.link));
	if (h.type == '3' || h.type == '4') {
		octal(h.major, sizeof h.major, fit(major(st->st_rdev), max_id));
		octal(h.minor, sizeof h.minor, fit(minor(st->st_rdev), max_id));
	}
	seal(&h);
	buf_put(&t->b, &h, sizeof h);
}

int tarout_entry(struct tarout *t, const struct tar_entry *en, struct err *e)
{
	own_buf recs = { 0 };

	records(&recs, en);
	if (recs.failed)
		return fail(e, ENOMEM, "write the layer");
	if (recs.n)
		put_pax(t, en, &recs);
	put_ustar(t, en);
	return t->b.n > FLUSH ? flush(t, e) : 0;
}

int tarout_file(struct tarout *t, int from, uint64_t size, const char *path, struct err *e)
{
	uint64_t left = size;

	while (left) {
		size_t n = left > FLUSH ? FLUSH : (size_t) left;
		uint8_t *p = buf_room(&t->b, n);
		ssize_t r = p ? read_full(from, p, n) : -ENOMEM;

		if (r < 0)
			return fail(e, (int) r, "read %s", path);
		if ((size_t) r != n)
			return fail_msg(e, EBUSY, "%s shrank while it was read", path);
		t->b.n += n;
		left -= n;
		r = t->b.n > FLUSH ? flush(t, e) : 0;
		if (r < 0)
			return (int) r;
	}
	pad(&t->b, size);
	return 0;
}

int tarout_end(struct tarout *t, uint8_t ret[SHA256_LEN], struct err *e)
{
	static const char zero[2 * BLOCK];
	int r;

	buf_put(&t->b, zero, sizeof zero);
	r = flush(t, e);
	if (!r)
		sha256_done(t->sum, ret);
	return r;
}
