/* SPDX-License-Identifier: Apache-2.0 */
/* DSSE envelopes in Sigstore bundles, and the signature inside host.json. */
#include "shim/trace/sign.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/json.h"

#define MEDIA_TYPE   "application/vnd.dev.sigstore.bundle.v0.3+json"
#define PAYLOAD_TYPE "application/vnd.in-toto+json"
#define HOST_TYPE    "application/vnd.detrun.host+json"

void dsse_pae(const char *type, const void *p, size_t n, struct buf *b)
{
	buf_printf(b, "DSSEv1 %zu %s %zu ", strlen(type), type, n);
	buf_put(b, p, n);
}

static int sign_payload(const struct trace_key *k, const void *payload, size_t n, struct buf *sig,
	struct err *e)
{
	own_buf pae = { 0 };
	int r;

	dsse_pae(PAYLOAD_TYPE, payload, n, &pae);
	r = pae.failed ? -ENOMEM : key_sign(k, pae.p, pae.n, sig);
	return r < 0 ? fail(e, r, "sign the trace") : 0;
}

static void json_kb64(struct json_out *o, const char *key, const void *p, size_t n)
{
	own_buf t = { 0 };

	b64_put(p, n, &t);
	json_key(o, key);
	json_strn(o, (const char *) t.p, t.n);
	o->b->failed |= t.failed;
}

static void envelope_json(const void *payload, size_t n, const char *keyid, const struct buf *sig,
	struct buf *b)
{
	struct json_out o = { .b = b };

	json_open(&o, '{');
	json_key(&o, "dsseEnvelope");
	json_open(&o, '{');
	json_kb64(&o, "payload", payload, n);
	json_kstr(&o, "payloadType", PAYLOAD_TYPE);
	json_key(&o, "signatures");
	json_open(&o, '[');
	if (*keyid) {
		json_open(&o, '{');
		json_kstr(&o, "keyid", keyid);
		json_kb64(&o, "sig", sig->p, sig->n);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	json_kstr(&o, "mediaType", MEDIA_TYPE);
	json_key(&o, "verificationMaterial");
	json_open(&o, '{');
	json_key(&o, "publicKey");
	json_open(&o, '{');
	json_kstr(&o, "hint", keyid);
	json_close(&o, '}');
	json_close(&o, '}');
	json_close(&o, '}');
	buf_byte(b, '\n');
}

int envelope_write(const struct trace_key *k, const void *payload, size_t n, struct buf *b,
	struct err *e)
{
	own_buf sig = { 0 };
	char keyid[65] = "";
	int r;

	if (k) {
		r = sign_payload(k, payload, n, &sig, e);
		if (r < 0)
			return r;
		hex(k->id, sizeof k->id, keyid);
	}
	envelope_json(payload, n, keyid, &sig, b);
	return b->failed ? fail(e, ENOMEM, "write %s", F_SIGNATURE) : 0;
}

static int get_b64(const struct json *obj, const char *key, struct buf *b)
{
	const char *s = json_get_str(obj, key);

	return s ? b64_get(s, strlen(s), b) : -EBADMSG;
}

static int envelope_fields(const struct json *j, struct envelope *v)
{
	const struct json *d = json_get(j, "dsseEnvelope");
	const struct json *sigs = d ? json_get(d, "signatures") : NULL;
	const char *keyid;

	if (!sigs || sigs->type != JSON_ARR || sigs->n > 1 || get_b64(d, "payload", &v->payload))
		return -EBADMSG;
	if (!sigs->n)
		return 0;
	keyid = json_get_str(sigs->child[0], "keyid");
	if (!keyid || strlen(keyid) != 64 || get_b64(sigs->child[0], "sig", &v->sig))
		return -EBADMSG;
	memcpy(v->keyid, keyid, sizeof v->keyid);
	return 0;
}

int envelope_read(const char *text, size_t n, struct envelope *ret, struct err *e)
{
	struct envelope v = { 0 };
	own_json j = NULL;
	own_buf again = { 0 };
	int r = json_parse(text, n, F_SIGNATURE, &j, e);

	if (r < 0)
		return r;
	r = envelope_fields(j, &v);
	if (r == 0) {
		envelope_json(v.payload.p, v.payload.n, v.keyid, &v.sig, &again);
		if (again.failed || again.n != n || memcmp(again.p, text, n))
			r = -EBADMSG;
	}
	if (r < 0) {
		envelope_free(&v);
		return fail_msg(e, EBADMSG, "%s is not a bundle in canonical form", F_SIGNATURE);
	}
	*ret = v;
	return 0;
}

void envelope_free(struct envelope *v)
{
	buf_free(&v->payload);
	buf_free(&v->sig);
}

bool envelope_signed_by(const struct envelope *v, const struct trace_key *k)
{
	own_buf pae = { 0 };

	if (!*v->keyid)
		return false;
	dsse_pae(PAYLOAD_TYPE, v->payload.p, v->payload.n, &pae);
	return !pae.failed && key_accepts(k, pae.p, pae.n, v->sig.p, v->sig.n);
}

/* --- host.json ---------------------------------------------------------------------------- */

/* What its signature covers: the run's root, so that it is this run's, and the text without it. */
static void host_pae(const struct merkle_hash *root, const void *p, size_t n, struct buf *b)
{
	own_buf t = { 0 };
	char h[65];

	buf_printf(&t, "%s\n", hex(root->b, 32, h));
	buf_put(&t, p, n);
	dsse_pae(HOST_TYPE, t.p, t.n, b);
	b->failed |= t.failed;
}

/* The text's length without white space at its end and the last brace; 0 = no object. */
static size_t host_body(const struct buf *b)
{
	size_t n = b->n;

	while (n && strchr(" \n\r\t", b->p[n - 1]))
		n--;
	return n > 1 && b->p[n - 1] == '}' && b->p[0] == '{' ? n - 1 : 0;
}

static void host_tail(const struct trace_key *k, const struct buf *sig, bool comma, struct buf *b)
{
	char keyid[65];

	buf_printf(b, "%s\"signature\":{\"keyid\":\"%s\",\"sig\":\"", comma ? "," : "",
		hex(k->id, 32, keyid));
	b64_put(sig->p, sig->n, b);
	buf_str(b, "\"}}\n");
}

static ssize_t find_tail(const struct buf *b)
{
	static const char mark[] = "\"signature\":{\"keyid\":\"";

	for (size_t i = b->n; i-- > 1;)
		if (b->n - i >= sizeof mark && !memcmp(b->p + i, mark, sizeof mark - 1))
			return (ssize_t) (b->p[i - 1] == ',' ? i - 1 : i);
	return -1;
}

/* 1: there is none. */
static int host_read(int dirfd, struct buf *ret, struct err *e)
{
	if (faccessat(dirfd, F_HOST, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 1;
	return bundle_read(dirfd, F_HOST, HEADER_MAX, ret, e);
}

int host_sign(int dirfd, const struct trace_key *k, const struct merkle_hash *root, struct err *e)
{
	own_buf b = { 0 }, pae = { 0 }, sig = { 0 };
	ssize_t tail;
	size_t n;
	int r;

	r = host_read(dirfd, &b, e);
	if (r)
		return r < 0 ? r : 0;
	n = host_body(&b);
	if (!n)
		return fail_msg(e, EINVAL, "%s is not a JSON object", F_HOST);
	tail = find_tail(&b);
	if (tail > 0)
		n = (size_t) tail; /* a signature made before a crash */
	b.n = n;
	host_pae(root, b.p, b.n, &pae);
	r = pae.failed ? -ENOMEM : key_sign(k, pae.p, pae.n, &sig);
	if (r < 0)
		return fail(e, r, "sign %s", F_HOST);
	host_tail(k, &sig, b.p[n - 1] != '{', &b);
	if (b.failed)
		return fail(e, ENOMEM, "sign %s", F_HOST);
	return bundle_put(dirfd, F_HOST, b.p, b.n, e);
}

static int host_check_sig(const struct buf *b, size_t body, const struct trace_key *k,
	const struct merkle_hash *root)
{
	own_buf pae = { 0 }, sig = { 0 }, tail = { 0 };
	const char *s = (const char *) b->p + body, *from, *to;

	from = memmem(s, b->n - body, "\"sig\":\"", 7);
	to = from ? memchr(from + 7, '"', b->n - (size_t) (from + 7 - (const char *) b->p)) : NULL;
	if (!to || b64_get(from + 7, (size_t) (to - from - 7), &sig) < 0)
		return -EBADMSG;
	host_tail(k, &sig, b->p[body] == ',', &tail);
	if (tail.failed || tail.n != b->n - body || memcmp(tail.p, s, tail.n))
		return -EBADMSG;
	host_pae(root, b->p, body, &pae);
	return !pae.failed && key_accepts(k, pae.p, pae.n, sig.p, sig.n) ? 0 : -EBADMSG;
}

int host_check(int dirfd, const struct trace_key *k, const struct merkle_hash *root,
	struct err *e)
{
	own_buf b = { 0 };
	own_json j = NULL;
	ssize_t body;
	int r;

	r = host_read(dirfd, &b, e);
	if (r)
		return r < 0 ? r : 0;
	if (!k)
		return json_parse((const char *) b.p, b.n, F_HOST, &j, e);
	body = find_tail(&b);
	if (body < 0)
		return fail_msg(e, EBADMSG, "%s is not signed", F_HOST);
	if (host_check_sig(&b, (size_t) body, k, root) < 0)
		return fail_msg(e, EBADMSG, "%s is not what was signed", F_HOST);
	return 0;
}
