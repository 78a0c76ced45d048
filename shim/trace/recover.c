/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/trace/recover.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/trace/reader.h"
#include "shim/trace/room.h"
#include "shim/trace/verify.h"

struct recovery {
	int dir, events;
	const struct trace_key *key;
	uint8_t header_sha[32], chain[32];
	char origin[ORIGIN_LEN];
	struct index x; /* blocks that are whole */
	uint64_t file_size;
	int64_t status;
	ZSTD_DCtx *zstd;
	struct buf packed, block;
};

static uint64_t good_end(const struct recovery *v)
{
	const struct block_rec *last = v->x.n ? &v->x.r[v->x.n - 1] : NULL;

	return last ? last->offset + last->clen + REC_FRAME : 0;
}

static bool add_block(struct recovery *v, const struct block_rec *r)
{
	struct block_rec *p = realloc(v->x.r, (v->x.n + 1) * sizeof *p);

	if (!p)
		return false;
	v->x.r = p;
	p[v->x.n++] = *r;
	v->x.events += r->n;
	v->x.complete = r->flags & BLOCK_HAS_END;
	memcpy(v->chain, r->chain, sizeof v->chain);
	return true;
}

/* The record behind the frame at @p, when all of it is there and says the truth. */
static bool whole_record(const struct recovery *v, const uint8_t *p, size_t n,
	struct block_rec *ret)
{
	const struct block_rec *prev = v->x.n ? &v->x.r[v->x.n - 1] : NULL;
	size_t clen = ZSTD_findFrameCompressedSize(p, n);
	const uint8_t *rec;
	uint8_t chain[32];

	if (ZSTD_isError(clen) || n - clen < REC_FRAME)
		return false;
	rec = p + clen;
	if (get_le32(rec) != MAGIC_RECORD || get_le32(rec + 4) != REC_LEN)
		return false;
	rec += 8;
	block_unpack(rec, ret);
	if (ret->clen != clen || !block_follows(prev, ret))
		return false;
	memcpy(chain, v->chain, sizeof chain);
	chain_step(chain, rec);
	return !memcmp(chain, ret->chain, sizeof chain);
}

/* One more block? The map is of the whole file. */
static bool next_block(struct recovery *v, const uint8_t *map)
{
	uint64_t at = good_end(v);
	struct block_rec r;

	if (v->x.complete || at >= v->file_size ||
		!whole_record(v, map + at, (size_t) (v->file_size - at), &r))
		return false;
	if (block_load(v->events, &r, v->x.n, v->zstd, &v->packed, &v->block, NULL) < 0)
		return false;
	if (verify_events(&r, v->x.n, &v->block, v->header_sha, &v->status, NULL) < 0)
		return false;
	return add_block(v, &r);
}

static int scan_blocks(struct recovery *v, struct err *e)
{
	struct stat st;
	void *map;
	int r = 0;

	if (fstat(v->events, &st) < 0)
		return fail(e, errno, "stat %s", F_EVENTS);
	v->file_size = (uint64_t) st.st_size;
	if (!st.st_size)
		return 0;
	map = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, v->events, 0);
	if (map == MAP_FAILED)
		return fail(e, errno, "map %s", F_EVENTS);
	while (next_block(v, map))
		;
	if (good_end(v) + REC_LEN < v->file_size && room_gave_up((uint8_t *) map + good_end(v), REC_LEN))
		r = fail_msg(e, ENODATA, "events from %llu on were not kept: what is left can be shown, "
			"not recovered", (unsigned long long) v->x.events);
	munmap(map, (size_t) st.st_size);
	return r;
}

/* Does the note of block @i, if the key signed it, name the root of what is there? */
static int check_note(const struct recovery *v, const struct note *n, size_t i,
	const struct merkle_hash *root, uint64_t *ret_noted, struct err *e)
{
	struct checkpoint c;

	if (!v->key || !note_signed_by(n, v->key, v->origin) ||
		checkpoint_parse(n, v->origin, &c) < 0)
		return 0;
	*ret_noted = c.size;
	if (i >= v->x.n)
		return 0;
	if (c.size == v->x.r[i].first + v->x.r[i].n && !memcmp(root, &c.root, sizeof *root))
		return 0;
	return fail_msg(e, EBADMSG, "the events up to %llu are not those that the recorder signed",
		(unsigned long long) c.size);
}

/* What the recorder signed must be what is there. */
static int check_noted(const struct recovery *v, uint64_t *ret_noted, struct err *e)
{
	own_buf b = { 0 };
	const char *p, *end;
	struct merkle tree = { 0 };
	struct note n;
	int r = bundle_read(v->dir, F_CHECKPOINTS, STATEMENT_MAX, &b, e);

	if (r == -ENOENT)
		return 0;
	p = (const char *) b.p;
	end = p + b.n;
	for (size_t i = 0; r == 0 && p < end && note_next(&p, end, &n) == 0; i++) {
		struct merkle_hash root;

		p += n.sigs_len && p < end; /* the empty line after it */
		if (i < v->x.n)
			merkle_add(&tree, &v->x.r[i].node);
		merkle_root(&tree, &root);
		r = check_note(v, &n, i, &root, ret_noted, e);
	}
	return r;
}

static int replace(int dir, const char *name, const struct buf *b, struct err *e)
{
	if (b->failed)
		return fail(e, ENOMEM, "write %s", name);
	return bundle_put(dir, name, b->p, b->n, e);
}

static int rewrite_index(const struct recovery *v, struct err *e)
{
	own_buf b = { 0 };
	uint8_t packed[REC_LEN];

	for (size_t i = 0; i < v->x.n; i++) {
		block_pack(&v->x.r[i], packed);
		buf_put(&b, packed, sizeof packed);
	}
	return replace(v->dir, F_INDEX, &b, e);
}

static int rewrite_log(const struct recovery *v, struct err *e)
{
	own_buf b = { 0 };
	struct merkle tree = { 0 };

	for (size_t i = 0; i < v->x.n; i++) {
		struct checkpoint c = { .size = v->x.r[i].first + v->x.r[i].n };
		int r;

		merkle_add(&tree, &v->x.r[i].node);
		merkle_root(&tree, &c.root);
		r = checkpoint_write(v->key, v->origin, &c, &b, e);
		if (r < 0)
			return r;
		if (v->key)
			buf_byte(&b, '\n');
	}
	return replace(v->dir, F_CHECKPOINTS, &b, e);
}

static int cut_events(const struct recovery *v, struct err *e)
{
	own_buf b = { 0 };
	int r;

	seek_table(v->x.r, v->x.n, &b);
	if (b.failed)
		return fail(e, ENOMEM, "write %s", F_EVENTS);
	if (ftruncate(v->events, (off_t) good_end(v)) < 0 ||
		lseek(v->events, 0, SEEK_END) < 0)
		return fail(e, errno, "cut %s", F_EVENTS);
	r = write_full(v->events, b.p, b.n);
	return r < 0 ? bundle_write_failed(e, r, F_EVENTS) : 0;
}

static int seal(struct recovery *v, struct recover_result *res, struct err *e)
{
	struct statement st = { .events = v->x.events, .complete = v->x.complete,
		.exit_status = v->status };
	int r;

	st.host = faccessat(v->dir, F_HOST, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	memcpy(st.chain, v->chain, 32);
	index_root(&v->x, v->x.n, &st.root);
	memcpy(res->root, st.root.b, 32);
	r = statement_scan(&st, v->dir, e);
	if (r == 0)
		r = statement_hash(&st, v->dir, false, e);
	statement_sort(&st);
	if (r == 0)
		r = bundle_seal(v->dir, v->key, &st, v->origin, e);
	statement_free(&st);
	return r;
}

/* What was being written when the recorder died, and the note that is written anew. */
static void remove_unfinished(int dir)
{
	static const char *const names[] = { F_HOST F_TMP, F_CHECKPOINT F_TMP, F_SIGNATURE F_TMP,
		F_INDEX F_TMP, F_CHECKPOINTS F_TMP, F_CHECKPOINT };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlinkat(dir, names[i], 0);
}

static int open_parts(struct recovery *v, struct err *e)
{
	int r;

	if (faccessat(v->dir, F_SIGNATURE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return fail_msg(e, EEXIST, "the trace is finished: there is nothing to recover");
	r = bundle_sha256_local(v->dir, F_HEADER, v->header_sha, e);
	if (r < 0)
		return r;
	remove_unfinished(v->dir);
	chain_start(v->header_sha, v->chain);
	checkpoint_origin(v->header_sha, v->origin);
	v->events = openat(v->dir, F_EVENTS, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (v->events < 0)
		return fail(e, errno, "open %s of the bundle", F_EVENTS);
	v->zstd = ZSTD_createDCtx();
	return v->zstd ? 0 : fail(e, ENOMEM, "recover");
}

static int recover(struct recovery *v, struct recover_result *res, struct err *e)
{
	int (*const steps[])(const struct recovery *, struct err *) = {
		cut_events, rewrite_index, rewrite_log,
	};
	int r = open_parts(v, e);

	if (r == 0)
		r = scan_blocks(v, e);
	if (r == 0 && !v->x.n)
		r = fail_msg(e, ENODATA, "no block of the trace is whole: nothing to recover");
	if (r == 0)
		r = check_noted(v, &res->noted, e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(steps); i++)
		r = steps[i](v, e);
	res->events = v->x.events;
	res->complete = v->x.complete;
	res->cut = v->file_size - good_end(v);
	return r < 0 ? r : seal(v, res, e);
}

int trace_recover(int dirfd, const struct trace_key *key, struct recover_result *ret,
	struct err *e)
{
	struct recovery v = { .dir = dirfd, .events = -1, .key = key };
	struct recover_result res = { 0 };
	int r = recover(&v, &res, e);

	own_fd_drop(&v.events);
	index_free(&v.x);
	ZSTD_freeDCtx(v.zstd);
	buf_free(&v.packed);
	buf_free(&v.block);
	if (r == 0)
		*ret = res;
	return r;
}
