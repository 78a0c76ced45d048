/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/trace/sign.h"

#define KEY_NAME "trace-key.pem"

static void bio_drop(BIO **b)
{
	BIO_free(*b);
}
#define own_bio __attribute__((cleanup(bio_drop))) BIO *

static void pkey_drop(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}
#define own_pkey __attribute__((cleanup(pkey_drop))) EVP_PKEY *

/* An encrypted key is refused: no prompt in the middle of a run. */
static int no_password(char *buf, int size, int rw, void *u)
{
	(void) buf, (void) size, (void) rw, (void) u;
	return -1;
}

static int key_kind(struct trace_key *k)
{
	char group[32] = "";
	size_t n = sizeof k->raw;

	if (EVP_PKEY_is_a(k->pkey, "ED25519")) {
		k->ed25519 = true;
		return EVP_PKEY_get_raw_public_key(k->pkey, k->raw, &n) == 1 ? 0 : -EINVAL;
	}
	if (EVP_PKEY_is_a(k->pkey, "EC") &&
		EVP_PKEY_get_group_name(k->pkey, group, sizeof group, NULL) == 1 &&
		(!strcmp(group, "prime256v1") || !strcmp(group, "P-256")))
		return 0;
	return -EINVAL;
}

/* RFC 8410: what comes before the 32 bytes of an Ed25519 key. */
static const uint8_t public_head[12] = { 0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0 };
static const uint8_t private_head[16] = { 0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4,
	0x22, 4, 0x20 };

static void key_id(struct trace_key *k)
{
	uint8_t der[sizeof public_head + 32];

	memcpy(der, public_head, sizeof public_head);
	memcpy(der + sizeof public_head, k->raw, 32);
	sha256_local(der, sizeof der, k->id);
}

/*
 * The usual key, as openssl genpkey and we write it. OpenSSL's own decoder tries all it knows, which
 * takes longer than many a run.
 */
static EVP_PKEY *plain_ed25519(const struct buf *pem)
{
	static const char head[] = "-----BEGIN PRIVATE KEY-----\n";
	static const char tail[] = "\n-----END PRIVATE KEY-----\n";
	enum { DIGITS = 64, HEAD = sizeof head - 1, TAIL = sizeof tail - 1 };
	const char *p = (const char *) pem->p;
	own_buf der = { 0 };
	EVP_PKEY *k = NULL;

	if (pem->n != HEAD + DIGITS + TAIL || memcmp(p, head, HEAD) || memcmp(p + HEAD + DIGITS, tail, TAIL))
		return NULL;
	if (b64_get(p + HEAD, DIGITS, &der) == 0 && der.n == sizeof private_head + 32 &&
		!memcmp(der.p, private_head, sizeof private_head))
		k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, der.p + sizeof private_head, 32);
	if (der.p)
		OPENSSL_cleanse(der.p, der.n);
	return k;
}

static int key_wrap(EVP_PKEY *pkey, bool is_private, const char *name, struct trace_key **ret,
	struct err *e)
{
	own_key k = calloc(1, sizeof *k);
	unsigned char *der = NULL;
	int n;

	if (!k || EVP_PKEY_up_ref(pkey) != 1)
		return fail(e, ENOMEM, "load key %s", name);
	k->pkey = pkey;
	k->is_private = is_private;
	if (key_kind(k) < 0)
		return fail_msg(e, EINVAL, "key %s is neither Ed25519 nor P-256", name);
	if (k->ed25519) {
		key_id(k);
		*ret = take_ptr(k);
		return 0;
	}
	n = i2d_PUBKEY(pkey, &der);
	if (n <= 0)
		return fail_msg(e, EINVAL, "key %s has no public half", name);
	sha256_local(der, (size_t) n, k->id);
	OPENSSL_free(der);
	*ret = take_ptr(k);
	return 0;
}

static int key_parse(const struct buf *pem, const char *name, bool need_private,
	struct trace_key **ret, struct err *e)
{
	static const char label[] = "PRIVATE KEY-----";
	bool priv = pem->n && memmem(pem->p, pem->n, label, sizeof label - 1);
	own_bio in = BIO_new_mem_buf(pem->p, (int) pem->n);
	own_pkey k = NULL;

	if (priv)
		k = plain_ed25519(pem);
	if (!k && in && priv)
		k = PEM_read_bio_PrivateKey(in, NULL, no_password, NULL);
	else if (!k && in && !need_private)
		k = PEM_read_bio_PUBKEY(in, NULL, no_password, NULL);
	ERR_clear_error();
	if (k)
		return key_wrap(k, priv, name, ret, e);
	if (need_private)
		return fail_msg(e, EINVAL,
			"%s is not an unencrypted private key in PEM form (make one with: openssl "
			"genpkey -algorithm ed25519)",
			name);
	return fail_msg(e, EINVAL, "%s is not an unencrypted key in PEM form", name);
}

static int key_file(int dirfd, const char *name, bool need_private, struct trace_key **ret,
	struct err *e)
{
	own_buf pem = { 0 };
	int r = read_file(dirfd, name, 1 << 16, &pem, e);

	if (r == 0)
		r = key_parse(&pem, name, need_private, ret, e);
	if (pem.p)
		OPENSSL_cleanse(pem.p, pem.n);
	return r;
}

/* Where the user's own key lives. */
static int own_dir_path(struct buf *b, struct err *e)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && *data == '/')
		buf_printf(b, "%s/detrun", data);
	else if (home && *home == '/')
		buf_printf(b, "%s/.local/share/detrun", home);
	else
		return fail_msg(e, ENOENT,
			"no place for the signing key: neither XDG_DATA_HOME nor HOME is set "
			"(name a key with --key)");
	return buf_cstr(b) ? 0 : fail(e, ENOMEM, "signing key");
}

static int private_pem(EVP_PKEY *k, struct buf *b)
{
	own_bio mem = BIO_new(BIO_s_mem());
	char *p;
	long n;

	if (!mem || PEM_write_bio_PKCS8PrivateKey(mem, k, NULL, NULL, 0, NULL, NULL) != 1)
		return -ENOMEM;
	n = BIO_get_mem_data(mem, &p);
	buf_put(b, p, (size_t) n);
	OPENSSL_cleanse(p, (size_t) n);
	return b->failed ? -ENOMEM : 0;
}

/* The first of several that start at once makes the key; the others find it. */
static int key_make(int dir, const char *where, struct err *e)
{
	own_pkey k = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	own_buf pem = { 0 };
	char tmp[64];
	int r;

	if (!k || private_pem(k, &pem) < 0)
		return fail_msg(e, ENOMEM, "make a signing key: OpenSSL failed");
	snprintf(tmp, sizeof tmp, KEY_NAME ".%ld", (long) getpid());
	unlinkat(dir, tmp, 0);
	r = write_file(dir, tmp, pem.p, pem.n, 0600, e);
	OPENSSL_cleanse(pem.p, pem.n);
	if (r < 0)
		return fail_ctx(e, r, "make a signing key in %s", where);
	if (linkat(dir, tmp, dir, KEY_NAME, 0) < 0 && errno != EEXIST)
		r = fail(e, errno, "make a signing key in %s", where);
	unlinkat(dir, tmp, 0);
	return r;
}

static int key_own(bool make, struct trace_key **ret, bool *ret_made, struct err *e)
{
	own_buf path = { 0 };
	own_fd dir = -1;
	int r = own_dir_path(&path, e);
	const char *where = (const char *) path.p;

	if (r < 0)
		return r;
	if (make) {
		r = mkdir_p(AT_FDCWD, where, 0700);
		if (r < 0)
			return fail(e, r, "make %s for the signing key", where);
	}
	dir = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && faccessat(dir, KEY_NAME, F_OK, 0) == 0)
		make = false;
	else if (!make)
		return fail_msg(e, ENOENT,
			"no key to verify with: %s/" KEY_NAME " does not exist (name one with "
			"--key)",
			where);
	if (dir < 0)
		return fail(e, errno, "open %s", where);
	if (make && (r = key_make(dir, where, e)) < 0)
		return r;
	r = key_file(dir, KEY_NAME, true, ret, e);
	if (r < 0)
		return fail_ctx(e, r, "%s", where);
	*ret_made = make;
	return 0;
}

int trace_key_load(const char *pem, struct trace_key **ret, bool *ret_made, struct err *e)
{
	bool made = false;
	int r = pem ? key_file(AT_FDCWD, pem, true, ret, e) : key_own(true, ret, &made, e);

	if (r == 0 && ret_made)
		*ret_made = made;
	return r;
}

int key_load_pinned(const char *pem, struct trace_key **ret, struct err *e)
{
	bool made;

	return pem ? key_file(AT_FDCWD, pem, false, ret, e) : key_own(false, ret, &made, e);
}

int trace_key_public(const struct trace_key *k, struct buf *b)
{
	own_bio mem = BIO_new(BIO_s_mem());
	char *p;
	long n;

	if (!mem || PEM_write_bio_PUBKEY(mem, k->pkey) != 1)
		return -ENOMEM;
	n = BIO_get_mem_data(mem, &p);
	buf_put(b, p, (size_t) n);
	return b->failed ? -ENOMEM : 0;
}

void trace_key_free(struct trace_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

static void mdctx_drop(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}
#define own_mdctx __attribute__((cleanup(mdctx_drop))) EVP_MD_CTX *

int key_sign(const struct trace_key *k, const void *p, size_t n, struct buf *sig)
{
	own_mdctx c = EVP_MD_CTX_new();
	const char *md = k->ed25519 ? NULL : "SHA256";
	size_t len = 256;
	uint8_t *d = buf_room(sig, len);

	if (!c || !d || !k->is_private)
		return -EINVAL;
	if (EVP_DigestSignInit_ex(c, NULL, md, NULL, NULL, k->pkey, NULL) != 1 ||
		EVP_DigestSign(c, d, &len, p, n) != 1)
		return -EIO;
	sig->n += len;
	return 0;
}

bool key_accepts(const struct trace_key *k, const void *p, size_t n, const void *sig, size_t nsig)
{
	own_mdctx c = EVP_MD_CTX_new();
	const char *md = k->ed25519 ? NULL : "SHA256";

	return c && EVP_DigestVerifyInit_ex(c, NULL, md, NULL, NULL, k->pkey, NULL) == 1 &&
		EVP_DigestVerify(c, sig, nsig, p, n) == 1;
}
