/* SPDX-License-Identifier: Apache-2.0 */
/* C2SP signed notes with checkpoints in them. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/hash.h"
#include "shim/trace/sign.h"

#define DASH "\xe2\x80\x94 " /* em dash, space */

void checkpoint_origin(const uint8_t header_sha[32], char ret[ORIGIN_LEN])
{
	char h[65];

	snprintf(ret, ORIGIN_LEN, "detrun/run/%.64s", hex(header_sha, 32, h));
}

/* The first four bytes of what identifies a key under a name. */
static void note_key_id(const struct trace_key *k, const char *name, uint8_t ret[4])
{
	own_buf b = { 0 };
	uint8_t sha[32];

	memcpy(ret, k->id, 4); /* ECDSA: of the SPKI alone */
	if (!k->ed25519)
		return;
	buf_printf(&b, "%s\n%c", name, 1);
	buf_put(&b, k->raw, sizeof k->raw);
	must_mem(!b.failed);
	sha256_local(b.p, b.n, sha);
	memcpy(ret, sha, 4);
}

int checkpoint_write(const struct trace_key *k, const char *origin, const struct checkpoint *c,
	struct buf *b, struct err *e)
{
	own_buf sig = { 0 };
	size_t start = b->n;
	int r;

	buf_printf(b, "%s\n%llu\n", origin, (unsigned long long) c->size);
	b64_put(c->root.b, sizeof c->root.b, b);
	buf_byte(b, '\n');
	if (k) {
		note_key_id(k, origin, buf_room(&sig, 4));
		sig.n = 4;
		r = key_sign(k, b->p + start, b->n - start, &sig);
		if (r < 0)
			return fail(e, r, "sign the checkpoint at event %llu",
				(unsigned long long) c->size);
		buf_printf(b, "\n" DASH "%s ", origin);
		b64_put(sig.p, sig.n, b);
	}
	buf_byte(b, '\n');
	return b->failed ? fail(e, ENOMEM, "write checkpoint") : 0;
}

/* End of the lines from @p on that start with the dash; @end if one is cut off. */
static const char *sig_lines(const char *p, const char *end)
{
	const size_t n = sizeof DASH - 1;

	while ((size_t) (end - p) > n && !memcmp(p, DASH, n)) {
		const char *nl = memchr(p, '\n', (size_t) (end - p));

		if (!nl)
			return end;
		p = nl + 1;
	}
	return p;
}

int note_next(const char **p, const char *end, struct note *ret)
{
	size_t n = (size_t) (end - *p);
	const char *blank = memmem(*p, n > NOTE_MAX ? NOTE_MAX : n, "\n\n", 2);

	if (!blank || blank == *p)
		return -EBADMSG;
	for (const char *c = *p; c < blank; c++)
		if ((unsigned char) *c < 0x20 && *c != '\n')
			return -EBADMSG;
	ret->text = *p;
	ret->text_len = (size_t) (blank + 1 - *p);
	ret->sigs = blank + 2;
	*p = sig_lines(ret->sigs, end);
	ret->sigs_len = (size_t) (*p - ret->sigs);
	if (ret->sigs_len && ret->sigs[ret->sigs_len - 1] != '\n')
		return -EBADMSG;
	return 0;
}

static bool line_signed_by(const char *line, const char *nl, const struct note *n,
	const struct trace_key *k, const char *name)
{
	size_t len = strlen(name);
	const char *b64 = line + sizeof DASH - 1 + len + 1;
	own_buf sig = { 0 };
	uint8_t id[4];

	if (b64 >= nl || memcmp(line + sizeof DASH - 1, name, len) || b64[-1] != ' ')
		return false;
	if (b64_get(b64, (size_t) (nl - b64), &sig) < 0 || sig.n <= 4)
		return false;
	note_key_id(k, name, id);
	return !memcmp(sig.p, id, 4) && key_accepts(k, n->text, n->text_len, sig.p + 4, sig.n - 4);
}

bool note_signed_by(const struct note *n, const struct trace_key *k, const char *name)
{
	const char *end = n->sigs + n->sigs_len;

	for (const char *l = n->sigs; l < end;) {
		const char *nl = memchr(l, '\n', (size_t) (end - l));

		if (line_signed_by(l, nl, n, k, name))
			return true;
		l = nl + 1;
	}
	return false;
}

int checkpoint_parse(const struct note *n, const char *origin, struct checkpoint *ret)
{
	own_buf again = { 0 }, root = { 0 };
	struct checkpoint c = { 0 };
	size_t o = strlen(origin);
	const char *p = n->text + o + 1, *end = n->text + n->text_len;

	if (n->text_len < o + 4 || memcmp(n->text, origin, o))
		return -EBADMSG;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(c.size, 10u, &c.size) ||
			__builtin_add_overflow(c.size, (uint64_t) (*p - '0'), &c.size))
			return -EBADMSG;
	if (end - p < 3 || b64_get(p + 1, (size_t) (end - p - 2), &root) < 0 || root.n != 32)
		return -EBADMSG;
	memcpy(c.root.b, root.p, 32);
	/* the text we would write, and nothing else */
	if (checkpoint_write(NULL, origin, &c, &again, NULL) < 0 || again.n != n->text_len + 1 ||
		memcmp(again.p, n->text, n->text_len))
		return -EBADMSG;
	*ret = c;
	return 0;
}
