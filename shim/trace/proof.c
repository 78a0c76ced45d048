/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/trace/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/own.h"
#include "shim/trace/reader.h"
#include "shim/trace/sign.h"

#define PROOF_MAGIC "c2sp.org/tlog-proof@v1\n"

/* Leaves of the block that @event is in; leaves the reader behind @event. */
static int block_leaves(struct trace_reader *r, uint64_t event, struct merkle_hash *leaf,
	struct buf *raw, struct err *e)
{
	const struct block_rec *rec = &trace_index(r)->r[event / BLOCK_EVENTS];
	int err = trace_seek(r, rec->first, e);
	struct event ev;

	for (uint32_t i = 0; err >= 0 && i < rec->n; i++) {
		const uint8_t *p;
		size_t n;

		err = trace_next(r, &ev, e);
		if (err < 0)
			break;
		p = trace_bytes(r, &n);
		merkle_leaf(p, n, &leaf[i]);
		if (rec->first + i == event)
			buf_put(raw, p, n);
	}
	return err < 0 ? err : 0;
}

static int proof_path(struct trace_reader *r, uint64_t event, struct buf *raw, struct buf *path,
	struct err *e)
{
	const struct index *x = trace_index(r);
	size_t block = (size_t) (event / BLOCK_EVENTS);
	own_free struct merkle_hash *leaf = calloc(BLOCK_EVENTS, sizeof *leaf);
	own_free struct merkle_hash *node = calloc(x->n, sizeof *node);
	int err;

	if (!leaf || !node)
		return fail(e, ENOMEM, "prove event %llu", (unsigned long long) event);
	err = block_leaves(r, event, leaf, raw, e);
	if (err < 0)
		return err;
	for (size_t i = 0; i < x->n; i++)
		node[i] = x->r[i].node;
	merkle_path(leaf, x->r[block].n, (size_t) (event % BLOCK_EVENTS), path);
	merkle_path(node, x->n, block, path);
	return raw->failed || path->failed ? fail(e, ENOMEM, "prove an event") : 0;
}

int trace_proof(struct trace_reader *r, uint64_t event, struct buf *b, struct err *e)
{
	own_buf raw = { 0 }, path = { 0 }, note = { 0 };
	int err;

	if (event >= trace_size(r))
		return fail_msg(e, ERANGE, "the trace has %llu events: there is no event %llu",
			(unsigned long long) trace_size(r), (unsigned long long) event);
	err = bundle_read(trace_dirfd(r), F_CHECKPOINT, NOTE_MAX, &note, e);
	if (err == -ENOENT)
		return fail_msg(e, ENOENT, "the trace has no checkpoint: its recorder did not "
			"finish (see: detrun trace recover)");
	if (err == 0)
		err = proof_path(r, event, &raw, &path, e);
	if (err < 0)
		return err;
	buf_str(b, PROOF_MAGIC "extra ");
	b64_put(raw.p, raw.n, b);
	buf_printf(b, "\nindex %llu\n", (unsigned long long) event);
	for (size_t i = 0; i < path.n; i += 32) {
		b64_put(path.p + i, 32, b);
		buf_byte(b, '\n');
	}
	buf_byte(b, '\n');
	buf_put(b, note.p, note.n);
	return b->failed ? fail(e, ENOMEM, "write the proof") : 0;
}

/* --- checking ----------------------------------------------------------------------------- */

struct lines {
	const char *p, *end;
};

/* The next line, without its newline; it must start with @prefix, which is skipped. */
static bool take_line(struct lines *l, const char *prefix, const char **ret, size_t *ret_n)
{
	size_t k = strlen(prefix);
	const char *nl = l->p < l->end ? memchr(l->p, '\n', (size_t) (l->end - l->p)) : NULL;

	if (!nl || (size_t) (nl - l->p) < k || memcmp(l->p, prefix, k))
		return false;
	*ret = l->p + k;
	*ret_n = (size_t) (nl - *ret);
	l->p = nl + 1;
	return true;
}

static bool take_number(const char *s, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if (!n || (n > 1 && *s == '0'))
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow(v, 10u, &v) ||
			__builtin_add_overflow(v, (uint64_t) (s[i] - '0'), &v))
			return false;
	*ret = v;
	return true;
}

/* All before the checkpoint. */
static bool take_head(struct lines *l, struct proof_result *res, struct buf *path)
{
	const char *s;
	size_t n;

	if (!take_line(l, "c2sp.org/tlog-proof@v1", &s, &n) || n)
		return false;
	if (!take_line(l, "extra ", &s, &n) || b64_get(s, n, &res->event) < 0)
		return false;
	if (!take_line(l, "index ", &s, &n) || !take_number(s, n, &res->number))
		return false;
	while (take_line(l, "", &s, &n)) {
		size_t was = path->n;

		if (!n)
			return true;
		if (b64_get(s, n, path) < 0 || path->n != was + 32 || path->n > 64 * 32)
			return false;
	}
	return false;
}

static int check_note(struct lines *l, const struct trace_key *k, struct proof_result *res,
	struct checkpoint *c, struct err *e)
{
	struct note n;
	const char *nl;

	if (note_next(&l->p, l->end, &n) < 0 || l->p != l->end)
		return fail_msg(e, EBADMSG, "the proof's checkpoint is not a signed note");
	nl = memchr(n.text, '\n', n.text_len);
	if ((size_t) (nl - n.text) >= sizeof res->origin)
		return fail_msg(e, EBADMSG, "the proof's checkpoint is of no run");
	memcpy(res->origin, n.text, (size_t) (nl - n.text));
	res->origin[nl - n.text] = 0;
	if (strncmp(res->origin, "detrun/run/", 11) || checkpoint_parse(&n, res->origin, c) < 0)
		return fail_msg(e, EBADMSG, "the proof's checkpoint is of no run");
	if (!note_signed_by(&n, k, res->origin))
		return fail_msg(e, EBADMSG,
			"the proof's checkpoint is not signed by the pinned key");
	return 0;
}

static int check(struct lines *l, const struct trace_key *k, struct proof_result *res,
	struct err *e)
{
	own_buf path = { 0 };
	struct checkpoint c;
	struct merkle_hash leaf;
	struct event ev;
	const uint8_t *p;
	int r;

	if (!take_head(l, res, &path))
		return fail_msg(e, EBADMSG, "not a proof of an event (c2sp.org/tlog-proof@v1)");
	r = check_note(l, k, res, &c, e);
	if (r < 0)
		return r;
	res->size = c.size;
	p = res->event.p;
	if (!p || event_decode(&p, res->event.p + res->event.n, &ev) < 0 ||
		p != res->event.p + res->event.n)
		return fail_msg(e, EBADMSG, "the proof's event is damaged");
	merkle_leaf(res->event.p, res->event.n, &leaf);
	if (!merkle_path_ok(&leaf, res->number, c.size, (const struct merkle_hash *) path.p,
		path.n / 32, &c.root))
		return fail_msg(e, EBADMSG, "event %llu of the proof is not in the signed run",
			(unsigned long long) res->number);
	return 0;
}

int trace_proof_check(const void *text, size_t n, const char *key, struct proof_result *ret,
	struct err *e)
{
	struct lines l = { text, (const char *) text + n };
	struct proof_result res = { 0 };
	own_key k = NULL;
	int r = key_load_pinned(key, &k, e);

	if (r == 0)
		r = check(&l, k, &res, e);
	if (r < 0)
		buf_free(&res.event);
	else
		*ret = res;
	return r;
}
