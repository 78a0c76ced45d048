/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, signatures and the containers they come in: DSSE, Sigstore bundle, C2SP signed note. */
#ifndef DETRUN_SIGN_H
#define DETRUN_SIGN_H

#include <openssl/evp.h>

#include "shim/trace/bundle.h"
#include "shim/trace/trace.h"

enum { NOTE_MAX = 1 << 16, ORIGIN_LEN = sizeof "detrun/run/" + 64 };

struct trace_key {
	EVP_PKEY *pkey;
	bool ed25519;	/* else P-256 */
	bool is_private;
	uint8_t id[32]; /* SHA-256 of the SPKI DER */
	uint8_t raw[32]; /* Ed25519's public key */
};

/** For verification: a public or private PEM; @pem NULL = the user's own, which must exist. */
int key_load_pinned(const char *pem, struct trace_key **ret, struct err *e);
static inline void key_drop(struct trace_key **k)
{
	trace_key_free(*k);
}
#define own_key __attribute__((cleanup(key_drop))) struct trace_key *

/** Sign @n bytes; the signature (Ed25519: 64 bytes, P-256: DER) is appended to @sig. */
int key_sign(const struct trace_key *k, const void *p, size_t n, struct buf *sig);
/** Does the pinned key, with its own algorithm, accept this? */
bool key_accepts(const struct trace_key *k, const void *p, size_t n, const void *sig, size_t nsig);

/** DSSE's pre-authentication encoding, appended. */
void dsse_pae(const char *type, const void *p, size_t n, struct buf *b);

/* A Sigstore bundle as read: payload and, when signed, keyid (hex) and signature. */
struct envelope {
	struct buf payload, sig;
	char keyid[65]; /* empty: unsigned */
};

/** The canonical text of a bundle around @payload, signed by @k (NULL: no signature). */
int envelope_write(const struct trace_key *k, const void *payload, size_t n, struct buf *b,
	struct err *e);
/** Read it back: only the canonical text is accepted. */
int envelope_read(const char *text, size_t n, struct envelope *ret, struct err *e);
void envelope_free(struct envelope *v);
bool envelope_signed_by(const struct envelope *v, const struct trace_key *k);

/* host.json, whose signature is its last member, so that no other file depends on the host. */
int host_sign(int dirfd, const struct trace_key *k, const struct merkle_hash *root, struct err *e);
/** @k NULL: only the form is checked. */
int host_check(int dirfd, const struct trace_key *k, const struct merkle_hash *root,
	struct err *e);

/* Checkpoints */
struct checkpoint {
	uint64_t size;
	struct merkle_hash root;
};
void checkpoint_origin(const uint8_t header_sha[32], char ret[ORIGIN_LEN]);
/** A signed note, appended; @k NULL: without signature lines. */
int checkpoint_write(const struct trace_key *k, const char *origin, const struct checkpoint *c,
	struct buf *b, struct err *e);

/* One note in a text that may go on after it. */
struct note {
	const char *text; /* with its last newline */
	size_t text_len;
	const char *sigs; /* signature lines */
	size_t sigs_len;
};
/** Take a note from *@p. 0, or -EBADMSG. */
int note_next(const char **p, const char *end, struct note *ret);
/** Is the note signed by @k under the name @name? */
bool note_signed_by(const struct note *n, const struct trace_key *k, const char *name);
/** The checkpoint in a note of this origin. 0 or -EBADMSG. */
int checkpoint_parse(const struct note *n, const char *origin, struct checkpoint *ret);

#endif
