/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording. An event is encoded into the block's buffer and nothing more; hashing, compressing and
 * signing happen once per block, where they run from warm caches.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/map.h"
#include "runtime/base/own.h"
#include "shim/trace/room.h"
#include "shim/trace/sign.h"
#include "shim/trace/statement.h"

enum { ZSTD_LEVEL = 1 };

struct trace_writer {
	int dir, events, index, checkpoints;
	const struct trace_key *key; /* borrowed */
	char origin[ORIGIN_LEN];

	struct buf block; /* events not yet written, encoded */
	uint32_t end[BLOCK_EVENTS]; /* where each of them ends */
	uint32_t n;
	bool has_end;
	uint64_t vtime; /* of the last event */

	struct block_rec *rec; /* closed blocks */
	size_t nrec;
	uint64_t offset; /* bytes of events.dtr */
	struct sha256 *whole; /* of events.dtr */
	uint8_t chain[32];
	struct merkle tree; /* over the blocks' nodes */

	ZSTD_CCtx *zstd;
	struct buf out;
	struct map blobs; /* digests of blobs that are on disk */
	struct room room;
	struct err broken; /* the first failure: all later calls repeat it */
	bool ended;
};

void trace_room(struct trace_writer *w, uint64_t max)
{
	w->room.max = max;
}

uint64_t trace_count(const struct trace_writer *w)
{
	const struct block_rec *last = w->nrec ? &w->rec[w->nrec - 1] : NULL;

	return (last ? last->first + last->n : 0) + w->n;
}

static int broken(struct trace_writer *w, int r, const struct err *e)
{
	if (r < 0 && !w->broken.code) {
		if (e)
			w->broken = *e;
		w->broken.code = -r;
	}
	return r;
}

static int new_file(struct trace_writer *w, const char *name, int *ret, struct err *e)
{
	int r = bundle_write(w->dir, name, "", 0, e);

	if (r < 0)
		return r;
	*ret = openat(w->dir, name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	return *ret < 0 ? fail(e, errno, "open %s", name) : 0;
}

static int start_files(struct trace_writer *w, const void *header, size_t n, struct err *e)
{
	int r = bundle_write(w->dir, F_HEADER, header, n, e);

	if (r == 0)
		r = new_file(w, F_EVENTS, &w->events, e);
	if (r == 0)
		r = new_file(w, F_INDEX, &w->index, e);
	if (r == 0)
		r = new_file(w, F_CHECKPOINTS, &w->checkpoints, e);
	return r;
}

static int put_start(struct trace_writer *w, const uint8_t sha[32], struct err *e)
{
	struct event ev = { .kind = EV_START, .nval = 1 };

	ev.val[0] = (struct ev_val){ .type = EV_DATA, .p = sha, .n = 32 };
	return trace_put(w, &ev, e);
}

int trace_writer_new(int dirfd, const void *header, size_t header_len, const struct trace_key *key,
	struct trace_writer **ret, struct err *e)
{
	struct trace_writer *w = calloc(1, sizeof *w);
	uint8_t sha[32];
	int r;

	if (!w)
		return fail(e, ENOMEM, "start a trace");
	w->events = w->index = w->checkpoints = -1;
	w->key = key;
	w->whole = sha256_new();
	sha256_start(w->whole);
	sha256_local(header, header_len, sha);
	chain_start(sha, w->chain);
	checkpoint_origin(sha, w->origin);
	w->zstd = ZSTD_createCCtx();
	w->dir = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	if (!w->zstd || w->dir < 0)
		r = fail(e, w->zstd ? errno : ENOMEM, "start a trace");
	else
		r = start_files(w, header, header_len, e);
	if (r == 0)
		ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	if (r == 0)
		r = put_start(w, sha, e);
	if (r < 0) {
		w->ended = true;
		trace_writer_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

/* Root of the block's events. */
static void block_node(const struct trace_writer *w, struct merkle_hash *ret)
{
	struct merkle m = { 0 };
	struct merkle_hash leaf;
	uint32_t from = 0;

	for (uint32_t i = 0; i < w->n; i++) {
		merkle_leaf(w->block.p + from, w->end[i] - from, &leaf);
		merkle_add(&m, &leaf);
		from = w->end[i];
	}
	merkle_root(&m, ret);
}

static int keep_rec(struct trace_writer *w, const struct block_rec *r)
{
	struct block_rec *p = w->rec;

	if (!(w->nrec & (w->nrec - 1))) {
		p = realloc(p, (w->nrec ? 2 * w->nrec : 1) * sizeof *p);
		if (!p)
			return -ENOMEM;
		w->rec = p;
	}
	p[w->nrec++] = *r;
	return 0;
}

/* Compress and describe the open block: the frame and its record's frame are left in w->out. */
static int block_make(struct trace_writer *w, struct block_rec *r, uint8_t packed[REC_LEN])
{
	size_t bound = ZSTD_compressBound(w->block.n), n;

	w->out.n = 0;
	if (!buf_room(&w->out, bound + REC_FRAME))
		return -ENOMEM;
	n = ZSTD_compress2(w->zstd, w->out.p, bound, w->block.p, w->block.n);
	if (ZSTD_isError(n))
		return -ENOMEM;
	w->out.n = n;
	*r = (struct block_rec){ .first = trace_count(w) - w->n, .n = w->n,
		.flags = w->has_end ? BLOCK_HAS_END : 0, .offset = w->offset,
		.clen = (uint32_t) n, .ulen = (uint32_t) w->block.n };
	sha256_local(w->out.p, n, r->frame);
	block_node(w, &r->node);
	block_pack(r, packed);
	chain_step(w->chain, packed);
	memcpy(r->chain, w->chain, 32);
	block_pack(r, packed);
	record_frame(packed, &w->out);
	return 0;
}

static int append(struct trace_writer *w, int fd, const char *name, const struct buf *b,
	struct err *e)
{
	int r = b->failed ? -ENOMEM : write_full(fd, b->p, b->n);

	if (fd == w->events && r == 0) {
		sha256_add(w->whole, b->p, b->n);
		w->offset += b->n;
	}
	return r < 0 ? bundle_write_failed(e, r, name) : 0;
}

static int put_checkpoint(struct trace_writer *w, struct err *e)
{
	struct checkpoint c = { .size = trace_count(w) };
	own_buf note = { 0 };
	int r;

	merkle_root(&w->tree, &c.root);
	r = checkpoint_write(w->key, w->origin, &c, &note, e);
	if (r < 0)
		return r;
	if (w->key)
		buf_byte(&note, '\n');
	return append(w, w->checkpoints, F_CHECKPOINTS, &note, e);
}

/* Events first, then the index, then the signature: a prefix of these writes is a valid prefix. */
static int block_close(struct trace_writer *w, struct err *e)
{
	uint8_t packed[REC_LEN];
	struct buf rec = { .p = packed, .n = REC_LEN };
	struct block_rec r;
	int err = block_make(w, &r, packed);

	if (err == 0)
		err = keep_rec(w, &r);
	if (err < 0)
		return fail(e, err, "write a block of the trace");
	merkle_add(&w->tree, &r.node);
	w->block.n = 0;
	w->n = 0;
	err = append(w, w->events, F_EVENTS, &w->out, e);
	if (err == 0)
		err = append(w, w->index, F_INDEX, &rec, e);
	if (err == 0)
		err = put_checkpoint(w, e);
	if (err == 0)
		room_block(&w->room, w->events, w->rec, w->nrec);
	return err;
}

/* Payloads of external inputs are kept: replay needs their bytes. */
static int keep_inputs(struct trace_writer *w, const struct event *ev, struct err *e)
{
	uint8_t digest[32];

	for (unsigned i = 0; i < ev->nval; i++) {
		const struct ev_val *v = &ev->val[i];
		int r = 0;

		if (v->type == EV_DATA && !v->is_digest && v->n > EV_INLINE)
			r = trace_blob(w, v->p, v->n, digest, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int trace_put(struct trace_writer *w, const struct event *ev, struct err *e)
{
	int r;

	if (w->broken.code)
		return fail_msg(e, w->broken.code, "%s", w->broken.msg);
	must(!w->has_end && (ev->kind == EV_START) == (trace_count(w) == 0));
	if (ev->kind == EV_INPUT && (r = keep_inputs(w, ev, e)) < 0)
		return r;
	r = event_encode(ev, &w->block);
	if (r == 0 && w->block.n > BLOCK_MAX)
		r = -EFBIG;
	if (r < 0)
		return broken(w, fail(e, r, "event %llu of the trace",
			(unsigned long long) trace_count(w)), e);
	w->end[w->n++] = (uint32_t) w->block.n;
	w->has_end = ev->kind == EV_END;
	w->vtime = ev->vtime;
	if (w->n < BLOCK_EVENTS || w->has_end)
		return 0;
	return broken(w, block_close(w, e), e);
}

/* --- blobs -------------------------------------------------------------------------------- */

static int blob_write(struct trace_writer *w, const uint8_t digest[32], const void *p, size_t n,
	struct err *e)
{
	char path[BLOB_PATH], *slash;
	int r;

	blob_path(digest, path);
	slash = strrchr(path, '/');
	*slash = 0;
	r = mkdir_p(w->dir, path, 0755);
	if (r < 0)
		return bundle_write_failed(e, r, path);
	*slash = '/';
	return bundle_write(w->dir, path, p, n, e);
}

int trace_blob(struct trace_writer *w, const void *p, size_t n, uint8_t ret_digest[32],
	struct err *e)
{
	uint64_t k1, k2;
	int r;

	if (w->broken.code)
		return fail_msg(e, w->broken.code, "%s", w->broken.msg);
	sha256_local(p, n, ret_digest);
	k1 = get_le64(ret_digest);
	k2 = get_le64(ret_digest + 8);
	if (map_get(&w->blobs, k1, k2))
		return 0;
	r = blob_write(w, ret_digest, p, n, e);
	if (r == 0 && (map_put(&w->blobs, k1, k2, 1) < 0 ||
		room_blob(&w->room, w->dir, ret_digest, n, &w->blobs) < 0))
		r = fail(e, ENOMEM, "keep a blob");
	return broken(w, r, e);
}

/* --- the end ------------------------------------------------------------------------------ */

static int write_tail(struct trace_writer *w, struct err *e)
{
	own_buf b = { 0 };

	seek_table(w->rec, w->nrec, &b);
	return append(w, w->events, F_EVENTS, &b, e);
}

static int add_outputs(struct statement *st, const struct trace_subject *subj, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		own_buf name = { 0 };

		buf_printf(&name, OUTPUTS "%s", subj[i].name);
		if (!buf_cstr(&name) || statement_add(st, (char *) name.p, subj[i].sha256) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int make_statement(struct trace_writer *w, int status, const struct trace_subject *subj,
	size_t nsubj, struct statement *st, struct err *e)
{
	int r = statement_scan(st, w->dir, e);

	if (r < 0)
		return r;
	st->events = trace_count(w);
	st->complete = true;
	st->exit_status = status;
	st->host = faccessat(w->dir, F_HOST, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	memcpy(st->chain, w->chain, 32);
	merkle_root(&w->tree, &st->root);
	for (size_t i = 0; i < st->n; i++)
		if (!strcmp(st->s[i].name, F_EVENTS)) {
			sha256_done(w->whole, st->s[i].sha256);
			st->s[i].known = true;
		}
	r = statement_hash(st, w->dir, true, e);
	if (r == 0 && add_outputs(st, subj, nsubj) < 0)
		r = fail(e, ENOMEM, "write the statement");
	statement_sort(st);
	return r;
}

static int finish(struct trace_writer *w, int status, const struct trace_subject *subj,
	size_t nsubj, struct statement *st, struct err *e)
{
	struct event end = { .kind = EV_END, .has_res = true, .res = status,
		.vtime = w->vtime };
	int r = trace_put(w, &end, e);

	if (r == 0)
		r = block_close(w, e);
	if (r == 0)
		r = write_tail(w, e);
	if (r == 0)
		r = make_statement(w, status, subj, nsubj, st, e);
	return r < 0 ? r : bundle_seal(w->dir, w->key, st, w->origin, e);
}

int trace_end(struct trace_writer *w, int status, const struct trace_subject *subj, size_t nsubj,
	uint8_t ret_root[32], struct err *e)
{
	struct statement st = { 0 };
	int r;

	must(!w->ended);
	r = finish(w, status, subj, nsubj, &st, e);
	w->ended = true;
	if (r == 0)
		memcpy(ret_root, st.root.b, 32);
	statement_free(&st);
	return r;
}

void trace_writer_free(struct trace_writer *w)
{
	int fd[4];

	if (!w)
		return;
	if (!w->ended && !w->broken.code && w->n)
		block_close(w, NULL); /* keep what is there: still a prefix, without END */
	fd[0] = w->events, fd[1] = w->index, fd[2] = w->checkpoints, fd[3] = w->dir;
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		own_fd_drop(&fd[i]);
	ZSTD_freeCCtx(w->zstd);
	sha256_free(w->whole);
	map_free(&w->blobs);
	buf_free(&w->room.blobs);
	buf_free(&w->block);
	buf_free(&w->out);
	free(w->rec);
	free(w);
}
