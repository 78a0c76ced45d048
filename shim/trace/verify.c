/* SPDX-License-Identifier: Apache-2.0 */
/* Is a bundle what its recorder signed? docs/trace-format.md, "Verification". */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/hash.h"
#include "runtime/base/own.h"
#include "shim/trace/reader.h"
#include "shim/trace/sign.h"
#include "shim/trace/statement.h"
#include "shim/trace/verify.h"

static void verify_done(struct verify *v)
{
	trace_key_free(v->key);
	statement_free(&v->st);
	index_free(&v->x);
	buf_free(&v->log);
	free(v->note);
}

/* --- who signed ----------------------------------------------------------------------------- */

static int pinned_key(struct verify *v, const struct verify_opts *o, struct err *e)
{
	int r = key_load_pinned(o->key, &v->key, e);

	/* without a key of one's own an unsigned bundle can still be looked at */
	return r < 0 && o->allow_unsigned && !o->key ? 0 : r;
}

static int check_signature(struct verify *v, const struct envelope *env,
	const struct verify_opts *o, struct err *e)
{
	char mine[65] = "";

	if (v->key)
		hex(v->key->id, 32, mine);
	if (v->key && !strcmp(env->keyid, mine)) {
		v->is_signed = envelope_signed_by(env, v->key);
		if (!v->is_signed)
			return fail_msg(e, EBADMSG, "%s: the signature is wrong", F_SIGNATURE);
		return 0;
	}
	if (o->allow_unsigned)
		return 0;
	if (!*env->keyid)
		return fail_msg(e, EBADMSG,
			"%s has no signature (--allow-unsigned checks it without)", F_SIGNATURE);
	return fail_msg(e, EBADMSG, "%s is signed by key %.16s…, not by the pinned key %.16s…",
		F_SIGNATURE, env->keyid, mine);
}

static int check_envelope(struct verify *v, const struct verify_opts *o, struct err *e)
{
	own_buf text = { 0 };
	struct envelope env = { 0 };
	int r = bundle_read(v->dir, F_SIGNATURE, STATEMENT_MAX, &text, e);

	if (r == -ENOENT && faccessat(v->dir, F_HEADER, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_msg(e, ENOENT, "this is no trace: it has no %s", F_HEADER);
	if (r == -ENOENT)
		return fail_msg(e, ENOENT,
			"the bundle has no %s: its recorder did not finish (see: detrun trace "
			"recover)",
			F_SIGNATURE);
	if (r < 0)
		return r;
	r = envelope_read((const char *) text.p, text.n, &env, e);
	if (r < 0)
		return r;
	r = check_signature(v, &env, o, e);
	if (r == 0)
		r = statement_read(env.payload.p, env.payload.n, &v->st, e);
	envelope_free(&env);
	return r;
}

/* --- files ---------------------------------------------------------------------------------- */

static bool is_output(const char *name)
{
	return !strncmp(name, OUTPUTS, sizeof OUTPUTS - 1);
}

/* The files that are there are the files that were signed. Outputs may be elsewhere. */
static int check_names(const struct verify *v, struct err *e)
{
	struct statement here = { 0 };
	size_t a = 0, b = 0;
	int r = statement_scan(&here, v->dir, e);

	statement_sort(&here);
	while (r == 0 && (a < here.n || b < v->st.n)) {
		int c = a == here.n ? 1 : b == v->st.n ? -1 :
			strcmp(here.s[a].name, v->st.s[b].name);

		if (c < 0)
			r = fail_msg(e, EBADMSG, "%s is in the bundle but not in its statement",
				here.s[a].name);
		else if (c > 0 && !is_output(v->st.s[b].name))
			r = fail_msg(e, EBADMSG, "%s is missing from the bundle",
				v->st.s[b].name);
		a += c <= 0;
		b += c >= 0;
	}
	statement_free(&here);
	return r;
}

static int check_subject(const struct verify *v, const struct subject *s, struct err *e)
{
	uint8_t sha[32];
	int r;

	if (is_output(s->name) && faccessat(v->dir, s->name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	r = bundle_sha256_local(v->dir, s->name, sha, e);
	if (r < 0)
		return r;
	if (memcmp(sha, s->sha256, sizeof sha))
		return fail_msg(e, EBADMSG, "%s is not what was signed", s->name);
	return 0;
}

/* The subjects that are cheap: all but the frames and the blobs. */
static int check_small_subjects(const struct verify *v, struct err *e)
{
	bool header = false, index = false, events = false;

	for (size_t i = 0; i < v->st.n; i++) {
		const struct subject *s = &v->st.s[i];
		int r;

		header |= !strcmp(s->name, F_HEADER);
		index |= !strcmp(s->name, F_INDEX);
		events |= !strcmp(s->name, F_EVENTS);
		if (is_blob(s->name) || !strcmp(s->name, F_EVENTS))
			continue;
		r = check_subject(v, s, e);
		if (r < 0)
			return r;
	}
	if (!header || !index || !events)
		return fail_msg(e, EBADMSG, "the statement does not name %s",
			!header ? F_HEADER : !index ? F_INDEX : F_EVENTS);
	return 0;
}

/* --- index, root and chain ------------------------------------------------------------------ */

static int check_chain(const struct verify *v, struct err *e)
{
	uint8_t chain[32], packed[REC_LEN];

	chain_start(v->header_sha, chain);
	for (size_t i = 0; i < v->x.n; i++) {
		block_pack(&v->x.r[i], packed);
		chain_step(chain, packed);
		if (memcmp(chain, v->x.r[i].chain, sizeof chain))
			return fail_msg(e, EBADMSG, "%s: the chain breaks at block %zu", F_INDEX,
				i);
	}
	if (memcmp(chain, v->st.chain, sizeof chain))
		return fail_msg(e, EBADMSG, "%s: its chain is not the signed one", F_INDEX);
	return 0;
}

static int check_index(struct verify *v, struct err *e)
{
	struct merkle_hash root;
	own_fd fd = -1;
	struct stat s;
	int r = index_load(v->dir, true, &v->x, e);

	if (r < 0)
		return r;
	index_root(&v->x, v->x.n, &root);
	if (v->x.events != v->st.events || memcmp(&root, &v->st.root, sizeof root))
		return fail_msg(e, EBADMSG, "%s: its root is not the signed one", F_INDEX);
	if (v->x.complete != v->st.complete)
		return fail_msg(e, EBADMSG, "%s: the statement is wrong about the trace's end",
			F_INDEX);
	fd = bundle_open(v->dir, F_EVENTS, e);
	if (fd < 0)
		return fd;
	if (fstat(fd, &s) < 0 || (uint64_t) s.st_size != events_size(&v->x))
		return fail_msg(e, EBADMSG, "%s has not the size that the index says", F_EVENTS);
	return check_chain(v, e);
}

/* --- checkpoints ---------------------------------------------------------------------------- */

static int check_note(const struct verify *v, const struct note *n, const char *file,
	const struct checkpoint *want, struct err *e)
{
	unsigned long long at = (unsigned long long) want->size;
	struct checkpoint c;

	if (checkpoint_parse(n, v->origin, &c) < 0)
		return fail_msg(e, EBADMSG, "%s: the note at event %llu is damaged", file, at);
	if (c.size != want->size || memcmp(&c.root, &want->root, sizeof c.root))
		return fail_msg(e, EBADMSG, "%s: the note at event %llu has another root", file,
			at);
	return 0;
}

static int check_checkpoint(struct verify *v, struct err *e)
{
	struct checkpoint want = { v->st.events, v->st.root };
	own_buf b = { 0 };
	struct note n;
	const char *p, *end;
	int r = bundle_read(v->dir, F_CHECKPOINT, NOTE_MAX, &b, e);

	if (r < 0)
		return r;
	p = (const char *) b.p;
	end = p + b.n;
	if (note_next(&p, end, &n) < 0 || p != end)
		return fail_msg(e, EBADMSG, "%s is not a signed note", F_CHECKPOINT);
	r = check_note(v, &n, F_CHECKPOINT, &want, e);
	if (r == 0 && v->is_signed && !note_signed_by(&n, v->key, v->origin))
		return fail_msg(e, EBADMSG, "%s is not signed by the pinned key", F_CHECKPOINT);
	return r;
}

/* The notes of checkpoints.log, each with its empty line. */
static int split_log(struct verify *v, struct err *e)
{
	const char *p, *end;
	int r = bundle_read(v->dir, F_CHECKPOINTS, STATEMENT_MAX, &v->log, e);

	v->note = calloc(v->x.n ? v->x.n : 1, sizeof *v->note);
	if (r == 0 && !v->note)
		r = fail(e, ENOMEM, "read %s", F_CHECKPOINTS);
	if (r < 0)
		return r;
	p = (const char *) v->log.p;
	end = p + v->log.n;
	for (size_t i = 0; i < v->x.n; i++) {
		struct note *n = &v->note[i];

		if (p == end || note_next(&p, end, n) < 0)
			return fail_msg(e, EBADMSG, "%s is cut off at block %zu", F_CHECKPOINTS, i);
		if (n->sigs_len && (p == end || *p++ != '\n'))
			return fail_msg(e, EBADMSG, "%s: no empty line after the note of block "
				"%zu", F_CHECKPOINTS, i);
	}
	if (p != end)
		return fail_msg(e, EBADMSG, "%s goes on after its last note", F_CHECKPOINTS);
	return 0;
}

int verify_note(const struct verify *v, size_t i, struct err *e)
{
	if (!v->is_signed || note_signed_by(&v->note[i], v->key, v->origin))
		return 0;
	return fail_msg(e, EBADMSG, "%s: the note of block %zu is not signed by the pinned key",
		F_CHECKPOINTS, i);
}

/* One note per block, as the run went. All but the last signature are left to the full level. */
static int check_log(struct verify *v, struct err *e)
{
	struct merkle tree = { 0 };
	int r = split_log(v, e);

	for (size_t i = 0; r == 0 && i < v->x.n; i++) {
		struct checkpoint want = { .size = v->x.r[i].first + v->x.r[i].n };

		merkle_add(&tree, &v->x.r[i].node);
		merkle_root(&tree, &want.root);
		r = check_note(v, &v->note[i], F_CHECKPOINTS, &want, e);
	}
	return r < 0 || !v->x.n ? r : verify_note(v, v->x.n - 1, e);
}

/* --- all of it ------------------------------------------------------------------------------ */

static int check_host(struct verify *v, struct err *e)
{
	bool there = faccessat(v->dir, F_HOST, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

	if (there != v->st.host)
		return fail_msg(e, EBADMSG, "%s is %s", F_HOST,
			there ? "in the bundle but not in its statement" : "missing from the bundle");
	return there ? host_check(v->dir, v->is_signed ? v->key : NULL, &v->st.root, e) : 0;
}

static int verify_quick(struct verify *v, const struct verify_opts *o, struct err *e)
{
	int (*const steps[])(struct verify *, struct err *) = {
		check_host, check_checkpoint, check_log,
	};
	int r = pinned_key(v, o, e);

	if (r == 0)
		r = check_envelope(v, o, e);
	if (r == 0)
		r = check_names(v, e);
	if (r == 0)
		r = check_small_subjects(v, e);
	if (r == 0)
		r = bundle_sha256_local(v->dir, F_HEADER, v->header_sha, e);
	if (r == 0)
		r = check_index(v, e);
	checkpoint_origin(v->header_sha, v->origin);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(steps); i++)
		r = steps[i](v, e);
	return r;
}

int trace_verify(int dirfd, const struct verify_opts *o, struct verify_result *ret, struct err *e)
{
	struct verify v = { .dir = dirfd };
	int r = verify_quick(&v, o, e);

	if (r == 0 && o->level >= VERIFY_FULL)
		r = verify_content(&v, o->level == VERIFY_DEEP, e);
	if (r == 0) {
		memcpy(ret->root, v.st.root.b, 32);
		ret->events = v.st.events;
		ret->complete = v.st.complete;
		ret->is_signed = v.is_signed;
		ret->exit_status = (int) v.st.exit_status;
		ret->keyid[0] = 0;
		if (v.is_signed)
			hex(v.key->id, 32, ret->keyid);
	}
	verify_done(&v);
	return r;
}
