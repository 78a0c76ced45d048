/* SPDX-License-Identifier: Apache-2.0 */
/* index.dtx, and the frames of events.dtr that it names. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "runtime/base/own.h"
#include "shim/trace/bundle.h"
#include "shim/trace/room.h"

bool block_follows(const struct block_rec *prev, const struct block_rec *r)
{
	uint64_t first = prev ? prev->first + prev->n : 0;
	uint64_t offset = prev ? prev->offset + prev->clen + REC_FRAME : 0;

	if (r->first != first || r->offset != offset || r->flags & ~(uint32_t) BLOCK_HAS_END)
		return false;
	if (!r->n || r->n > BLOCK_EVENTS || !r->clen || !r->ulen || r->ulen > BLOCK_MAX)
		return false;
	if (r->offset > INT64_MAX / 2 || r->clen > ZSTD_compressBound(BLOCK_MAX))
		return false;
	/* only the last block may be short, or have the end */
	return !prev || (prev->n == BLOCK_EVENTS && !prev->flags);
}

int index_load(int dirfd, bool exact, struct index *ret, struct err *e)
{
	own_buf b = { 0 };
	struct index x = { 0 };
	int r = bundle_read(dirfd, F_INDEX, INDEX_MAX, &b, e);

	if (r < 0)
		return r;
	if (exact && b.n % REC_LEN)
		return fail_msg(e, EBADMSG, "%s of the bundle is cut off: %zu bytes", F_INDEX, b.n);
	x.n = b.n / REC_LEN;
	x.r = calloc(x.n ? x.n : 1, sizeof *x.r);
	if (!x.r)
		return fail(e, ENOMEM, "read %s", F_INDEX);
	for (size_t i = 0; i < x.n; i++) {
		block_unpack(b.p + i * REC_LEN, &x.r[i]);
		if (!block_follows(i ? &x.r[i - 1] : NULL, &x.r[i])) {
			index_free(&x);
			return fail_msg(e, EBADMSG, "%s: block %zu does not follow block %zu",
				F_INDEX, i, i - 1);
		}
		x.events += x.r[i].n;
	}
	x.complete = x.n && x.r[x.n - 1].flags & BLOCK_HAS_END;
	*ret = x;
	return 0;
}

void index_free(struct index *x)
{
	free(x->r);
	*x = (struct index){ 0 };
}

void index_root(const struct index *x, uint64_t nblocks, struct merkle_hash *ret)
{
	struct merkle m = { 0 };

	for (uint64_t i = 0; i < nblocks; i++)
		merkle_add(&m, &x->r[i].node);
	merkle_root(&m, ret);
}

uint64_t events_size(const struct index *x)
{
	const struct block_rec *last = x->n ? &x->r[x->n - 1] : NULL;
	uint64_t end = last ? last->offset + last->clen + REC_FRAME : 0;

	return end + 8 + 16 * x->n + 9;
}

static int pread_full(int fd, void *p, size_t n, uint64_t at)
{
	for (size_t got = 0; got < n;) {
		ssize_t r = pread(fd, (char *) p + got, n - got, (off_t) (at + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			return -EBADMSG;
		got += (size_t) r;
	}
	return 0;
}

int block_load(int fd, const struct block_rec *r, size_t i, void *dctx, struct buf *scratch,
	struct buf *b, struct err *e)
{
	uint8_t sha[32], *d;
	struct stat st;
	size_t n;
	int err;

	/* no memory for a hostile length: the bytes must be there, and the frame agree */
	if (fstat(fd, &st) < 0 || (uint64_t) st.st_size < r->offset + r->clen)
		return fail_msg(e, EBADMSG, "%s is cut off in block %zu", F_EVENTS, i);
	scratch->n = b->n = 0;
	d = buf_room(scratch, r->clen);
	if (!d)
		return fail(e, ENOMEM, "read block %zu", i);
	err = pread_full(fd, d, r->clen, r->offset);
	if (err < 0)
		return fail(e, err, "read block %zu of %s", i, F_EVENTS);
	sha256_local(d, r->clen, sha);
	if (memcmp(sha, r->frame, sizeof sha) && room_gave_up(d, r->clen))
		return fail_msg(e, ENODATA, "events %llu to %llu were not kept: a trace beside a "
			"container's state keeps its newest (one with a place of its own, all)",
			(unsigned long long) r->first, (unsigned long long) (r->first + r->n - 1));
	if (memcmp(sha, r->frame, sizeof sha))
		return fail_msg(e, EBADMSG, "block %zu of %s is not what the index says", i,
			F_EVENTS);
	if (!dctx)
		return 0;
	if (ZSTD_findFrameCompressedSize(d, r->clen) != r->clen ||
		ZSTD_getFrameContentSize(d, r->clen) != r->ulen)
		return fail_msg(e, EBADMSG, "block %zu of %s is not one frame of %u bytes", i,
			F_EVENTS, r->ulen);
	if (!buf_room(b, r->ulen))
		return fail(e, ENOMEM, "unpack block %zu", i);
	n = ZSTD_decompressDCtx(dctx, b->p, r->ulen, d, r->clen);
	if (n != r->ulen)
		return fail_msg(e, EBADMSG, "block %zu of %s does not decompress", i, F_EVENTS);
	b->n = n;
	return 0;
}
