/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/trace/room.h"

#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "runtime/base/own.h"

enum { SCARCE = 4, LESS = 16 };

struct blob_kept {
	uint8_t digest[32];
	uint64_t n;
};

/* Where the file system has little left for all who write there, a part of it. */
static uint64_t room(const struct room *q, int fd)
{
	struct statvfs s;

	if (fstatvfs(fd, &s) == 0 && (uint64_t) s.f_bavail * s.f_frsize < SCARCE * q->max)
		return q->max / LESS;
	return q->max;
}

static uint64_t end_of(const struct block_rec *r)
{
	return r->offset + r->clen + REC_FRAME;
}

void room_block(struct room *q, int events, const struct block_rec *rec, size_t nrec)
{
	uint64_t end = end_of(&rec[nrec - 1]), most;
	size_t from = q->from ? q->from : 1, to = from;

	if (!q->max || nrec < 3)
		return;
	most = room(q, events);
	while (to + 1 < nrec && end - rec[to].offset > most)
		to++;
	/* a file system without holes keeps them, until it is full */
	if (to > from && fallocate(events, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		(off_t) rec[from].offset, (off_t) (rec[to].offset - rec[from].offset)) == 0)
		q->from = to;
}

static void give_up(struct room *q, int dir, struct map *blobs)
{
	struct blob_kept *b = (struct blob_kept *) q->blobs.p + q->first++;
	char path[BLOB_PATH];

	blob_path(b->digest, path);
	unlinkat(dir, path, 0);
	map_del(blobs, get_le64(b->digest), get_le64(b->digest + 8));
	q->blob_bytes -= b->n;
}

int room_blob(struct room *q, int dir, const uint8_t digest[32], size_t n, struct map *blobs)
{
	struct blob_kept b = { .n = n };
	uint64_t most;

	if (!q->max)
		return 0;
	memcpy(b.digest, digest, sizeof b.digest);
	buf_put(&q->blobs, &b, sizeof b);
	if (q->blobs.failed)
		return -ENOMEM;
	q->blob_bytes += n;
	most = room(q, dir);
	while (q->blob_bytes > most && (q->first + 1) * sizeof b < q->blobs.n)
		give_up(q, dir, blobs);
	if (q->first * sizeof b > q->blobs.n / 2) {
		q->blobs.n -= q->first * sizeof b;
		memmove(q->blobs.p, q->blobs.p + q->first * sizeof b, q->blobs.n);
		q->first = 0;
	}
	return 0;
}

bool room_gave_up(const uint8_t *p, size_t n)
{
	return n && !p[0] && !memcmp(p, p + 1, n - 1);
}
