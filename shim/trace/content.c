/* SPDX-License-Identifier: Apache-2.0 */
/* The costly half of verification: frames, blobs, notes and events, a job per block or file. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "runtime/base/own.h"
#include "shim/trace/pool.h"
#include "shim/trace/reader.h"
#include "shim/trace/verify.h"

enum { CHUNK = 1 << 18 };

int bundle_sha256_local(int dirfd, const char *name, uint8_t ret[32], struct err *e)
{
	own_fd fd = bundle_open(dirfd, name, e);
	own_free uint8_t *buf = malloc(CHUNK);
	SHA256_CTX c;
	ssize_t n;

	if (fd < 0)
		return fd;
	if (!buf)
		return fail(e, ENOMEM, "read %s of the bundle", name);
	SHA256_Init(&c);
	while ((n = read(fd, buf, CHUNK))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(e, errno, "read %s of the bundle", name);
		SHA256_Update(&c, buf, (size_t) n);
	}
	SHA256_Final(ret, &c);
	return 0;
}

static bool right_place(const struct block_rec *r, uint32_t i, const struct event *ev,
	const uint8_t header_sha[32])
{
	bool last = i + 1 == r->n;

	if (r->first + i == 0)
		return event_is_start(ev, header_sha);
	if (ev->kind == EV_START)
		return false;
	return (ev->kind == EV_END) == (last && r->flags & BLOCK_HAS_END);
}

int verify_events(const struct block_rec *r, size_t i, const struct buf *b,
	const uint8_t header_sha[32], int64_t *ret_status, struct err *e)
{
	const uint8_t *p = b->p, *end = b->p + b->n, *from;
	own_buf again = { 0 };
	struct merkle tree = { 0 };
	struct merkle_hash h;
	struct event ev;

	for (uint32_t k = 0; k < r->n; k++) {
		unsigned long long number = (unsigned long long) (r->first + k);

		from = p;
		again.n = 0;
		if (event_decode(&p, end, &ev) < 0)
			return fail_msg(e, EBADMSG, "event %llu is damaged", number);
		if (event_encode(&ev, &again) < 0 || again.n != (size_t) (p - from) ||
			memcmp(again.p, from, again.n))
			return fail_msg(e, EBADMSG, "event %llu is not canonical", number);
		if (!right_place(r, k, &ev, header_sha))
			return fail_msg(e, EBADMSG, "event %llu is out of place", number);
		merkle_leaf(from, (size_t) (p - from), &h);
		merkle_add(&tree, &h);
	}
	merkle_root(&tree, &h);
	if (p != end)
		return fail_msg(e, EBADMSG, "block %zu goes on after its last event", i);
	if (memcmp(&h, &r->node, sizeof h))
		return fail_msg(e, EBADMSG, "block %zu: its events are not those of the index", i);
	if (ev.kind == EV_END)
		*ret_status = ev.res;
	return 0;
}

struct content {
	const struct verify *v;
	bool deep;
	int events; /* fd */
	const struct subject **file; /* whole files to hash: events.dtr and the blobs */
	size_t nfile;
};

struct worker {
	ZSTD_DCtx *zstd;
	struct buf packed, block;
};

static void *worker_start(void *ctx)
{
	struct worker *w = calloc(1, sizeof *w);
	struct content *c = ctx;

	if (w && c->deep)
		w->zstd = ZSTD_createDCtx();
	return w;
}

static void worker_stop(void *worker)
{
	struct worker *w = worker;

	if (!w)
		return;
	ZSTD_freeDCtx(w->zstd);
	buf_free(&w->packed);
	buf_free(&w->block);
	free(w);
}

static int check_file(const struct content *c, const struct subject *s, struct err *e)
{
	uint8_t sha[32], named[32];
	int r = bundle_sha256_local(c->v->dir, s->name, sha, e);

	if (r < 0)
		return r;
	if (memcmp(sha, s->sha256, sizeof sha))
		return fail_msg(e, EBADMSG, "%s is not what was signed", s->name);
	if (is_blob(s->name) && (blob_digest(s->name, named) < 0 || memcmp(sha, named, 32)))
		return fail_msg(e, EBADMSG, "%s is not what its name says", s->name);
	return 0;
}

/* The record behind each frame is the index's. */
static int check_record(const struct content *c, const struct block_rec *r, size_t i,
	struct err *e)
{
	uint8_t packed[REC_LEN], got[REC_FRAME];
	own_buf want = { 0 };

	block_pack(r, packed);
	record_frame(packed, &want);
	if (want.failed || pread(c->events, got, sizeof got, (off_t) (r->offset + r->clen)) !=
		(ssize_t) sizeof got || memcmp(got, want.p, sizeof got))
		return fail_msg(e, EBADMSG, "%s: the record of block %zu is not the index's",
			F_EVENTS, i);
	return 0;
}

static int check_block(const struct content *c, struct worker *w, size_t i, struct err *e)
{
	const struct block_rec *r = &c->v->x.r[i];
	int64_t status = c->v->st.exit_status;
	int err = block_load(c->events, r, i, w->zstd, &w->packed, &w->block, e);

	if (err == 0)
		err = check_record(c, r, i, e);
	if (err == 0)
		err = verify_note(c->v, i, e);
	if (err < 0 || !c->deep)
		return err;
	err = verify_events(r, i, &w->block, c->v->header_sha, &status, e);
	if (err == 0 && status != c->v->st.exit_status)
		return fail_msg(e, EBADMSG, "the exit status in END is not the signed one");
	return err;
}

static int content_job(void *ctx, void *worker, size_t job, struct err *e)
{
	const struct content *c = ctx;
	struct worker *w = worker;

	if (!w || (c->deep && !w->zstd))
		return fail(e, ENOMEM, "verify");
	if (job < c->nfile)
		return check_file(c, c->file[job], e);
	return check_block(c, w, job - c->nfile, e);
}

static int check_seek_table(const struct content *c, struct err *e)
{
	own_buf want = { 0 }, got = { 0 };
	const struct index *x = &c->v->x;

	seek_table(x->r, x->n, &want);
	if (want.failed || !buf_room(&got, want.n))
		return fail(e, ENOMEM, "verify");
	if (pread(c->events, got.p, want.n, (off_t) (events_size(x) - want.n)) !=
		(ssize_t) want.n || memcmp(got.p, want.p, want.n))
		return fail_msg(e, EBADMSG, "%s: its seek table is damaged", F_EVENTS);
	return 0;
}

int verify_content(const struct verify *v, bool deep, struct err *e)
{
	struct content c = { .v = v, .deep = deep };
	own_fd fd = bundle_open(v->dir, F_EVENTS, e);
	own_buf packed = { 0 };
	struct pool_jobs jobs = { .run = content_job, .start = worker_start, .stop = worker_stop,
		.ctx = &c };
	int r;

	if (fd < 0)
		return fd;
	/* what was given up begins there: said before events.dtr is found to be changed */
	if (v->x.n > 1 && block_load(fd, &v->x.r[1], 1, NULL, &packed, &packed, e) == -ENODATA)
		return -ENODATA;
	c.events = fd;
	c.file = calloc(v->st.n, sizeof(*c.file));
	if (!c.file)
		return fail(e, ENOMEM, "verify");
	for (size_t i = 0; i < v->st.n; i++)
		if (is_blob(v->st.s[i].name) || !strcmp(v->st.s[i].name, F_EVENTS))
			c.file[c.nfile++] = &v->st.s[i];
	jobs.n = c.nfile + v->x.n;
	r = pool_run(&jobs, e);
	free(c.file);
	return r < 0 ? r : check_seek_table(&c, e);
}
