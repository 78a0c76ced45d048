/* SPDX-License-Identifier: Apache-2.0 */
/* Reading events in order or by number. The bytes are hostile: every length is checked first. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "shim/trace/bundle.h"
#include "shim/trace/reader.h"

struct trace_reader {
	int dir, events;
	struct buf header;
	struct index x;
	ZSTD_DCtx *zstd;
	struct buf packed, block; /* the current block */
	size_t loaded; /* its number + 1; 0 = none */
	const uint8_t *at; /* where we are in it */
	const uint8_t *raw; /* the event before that, when it is known: else .at */
	uint64_t number; /* of the event at .at */
	uint64_t next; /* that trace_next() is to give */
};

static int load(struct trace_reader *r, size_t i, struct err *e)
{
	int err;

	if (r->loaded != i + 1) {
		r->loaded = 0;
		err = block_load(r->events, &r->x.r[i], i, r->zstd, &r->packed, &r->block, e);
		if (err < 0)
			return err;
		r->loaded = i + 1;
	}
	r->at = r->raw = r->block.p;
	r->number = r->x.r[i].first;
	return 0;
}

/* Decode the event at .at and go past it. */
static int step(struct trace_reader *r, struct event *ret, struct err *e)
{
	const uint8_t *p = r->at;

	if (event_decode(&p, r->block.p + r->block.n, ret) < 0)
		return fail_msg(e, EBADMSG, "event %llu of the trace is damaged",
			(unsigned long long) r->number);
	r->raw = r->at;
	r->at = p;
	r->number++;
	return 0;
}

/* Make .at the event .next: where it is already, one back (who looked ahead), or from the start. */
static int position(struct trace_reader *r, struct event *scratch, struct err *e)
{
	size_t i = (size_t) (r->next / BLOCK_EVENTS);
	int err = 0;

	if (r->loaded == i + 1 && r->number == r->next + 1 && r->raw != r->at) {
		r->at = r->raw;
		r->number--;
	}
	if (r->loaded != i + 1 || r->number > r->next)
		err = load(r, i, e);
	while (err == 0 && r->number < r->next)
		err = step(r, scratch, e);
	return err;
}

int trace_next(struct trace_reader *r, struct event *ret, struct err *e)
{
	int err;

	if (r->next >= r->x.events)
		return 0;
	err = position(r, ret, e);
	if (err == 0)
		err = step(r, ret, e);
	if (err < 0)
		return err;
	r->next++;
	return 1;
}

int trace_next_kept(struct trace_reader *r, struct event *ret, struct err *e)
{
	uint64_t from = r->next;
	int err;

	while ((err = trace_next(r, ret, e)) == -ENODATA)
		r->next = (r->next / BLOCK_EVENTS + 1) * BLOCK_EVENTS;
	if (err > 0 && r->next > from + 1)
		log_warn("events %llu to %llu were not kept", (unsigned long long) from,
			(unsigned long long) r->next - 2);
	return err;
}

uint64_t trace_number(const struct trace_reader *r)
{
	return r->next - 1;
}

int trace_seek(struct trace_reader *r, uint64_t event, struct err *e)
{
	struct event scratch;

	if (event > r->x.events)
		return fail_msg(e, ERANGE, "the trace has %llu events: there is no event %llu",
			(unsigned long long) r->x.events, (unsigned long long) event);
	r->next = event;
	return event == r->x.events ? 0 : position(r, &scratch, e);
}

const uint8_t *trace_bytes(const struct trace_reader *r, size_t *ret_n)
{
	*ret_n = (size_t) (r->at - r->raw);
	return r->raw;
}

const struct index *trace_index(const struct trace_reader *r)
{
	return &r->x;
}

int trace_dirfd(const struct trace_reader *r)
{
	return r->dir;
}

bool event_is_start(const struct event *ev, const uint8_t header_sha[32])
{
	const struct ev_val *v = &ev->val[0];

	return ev->kind == EV_START && ev->nval == 1 && v->type == EV_DATA && !v->is_digest &&
		v->n == 32 && !memcmp(v->p, header_sha, 32);
}

/* Is this the header that the run was started with? */
static int check_start(struct trace_reader *r, struct err *e)
{
	struct event ev;
	uint8_t sha[32];
	int err = trace_next(r, &ev, e);

	if (err < 0)
		return err;
	if (!err)
		return fail_msg(e, EBADMSG, "the trace has no event: its recorder was killed "
			"before it closed a block");
	sha256_local(r->header.p, r->header.n, sha);
	if (!event_is_start(&ev, sha))
		return fail_msg(e, EBADMSG, "%s is not the header that event 0 names", F_HEADER);
	return trace_seek(r, 0, e);
}

static int open_all(struct trace_reader *r, int dirfd, struct err *e)
{
	int err;

	r->zstd = ZSTD_createDCtx();
	r->dir = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	if (!r->zstd || r->dir < 0)
		return fail(e, r->zstd ? errno : ENOMEM, "open the trace");
	err = bundle_read(dirfd, F_HEADER, HEADER_MAX, &r->header, e);
	if (err < 0)
		return err;
	if (!buf_cstr(&r->header))
		return fail(e, ENOMEM, "read %s", F_HEADER);
	err = index_load(dirfd, false, &r->x, e);
	if (err < 0)
		return err;
	r->events = bundle_open(dirfd, F_EVENTS, e);
	if (r->events < 0)
		return r->events;
	return check_start(r, e);
}

int trace_open(int dirfd, struct trace_reader **ret, struct err *e)
{
	struct trace_reader *r = calloc(1, sizeof *r);
	int err;

	if (!r)
		return fail(e, ENOMEM, "open the trace");
	r->dir = r->events = -1;
	err = open_all(r, dirfd, e);
	if (err < 0)
		trace_close(r);
	else
		*ret = r;
	return err;
}

const char *trace_header(const struct trace_reader *r, size_t *ret_n)
{
	*ret_n = r->header.n;
	return (const char *) r->header.p;
}

uint64_t trace_size(const struct trace_reader *r)
{
	return r->x.events;
}

bool trace_complete(const struct trace_reader *r)
{
	return r->x.complete;
}

int trace_read_blob(struct trace_reader *r, const uint8_t digest[32], struct buf *b, struct err *e)
{
	char path[BLOB_PATH];
	uint8_t sha[32];
	size_t start = b->n;
	int err;

	blob_path(digest, path);
	err = bundle_read(r->dir, path, SIZE_MAX / 4, b, e);
	if (err < 0)
		return err;
	sha256_local(b->p + start, b->n - start, sha);
	if (memcmp(sha, digest, sizeof sha))
		return fail_msg(e, EBADMSG, "%s is not what its name says", path);
	return 0;
}

void trace_close(struct trace_reader *r)
{
	if (!r)
		return;
	own_fd_drop(&r->dir);
	own_fd_drop(&r->events);
	ZSTD_freeDCtx(r->zstd);
	index_free(&r->x);
	buf_free(&r->header);
	buf_free(&r->packed);
	buf_free(&r->block);
	free(r);
}
