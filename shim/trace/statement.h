/* SPDX-License-Identifier: Apache-2.0 */
/* The in-toto statement: which files the bundle has, and what the run came to. */
#ifndef DETRUN_STATEMENT_H
#define DETRUN_STATEMENT_H

#include "shim/trace/bundle.h"
#include "shim/trace/trace.h"

struct subject {
	char *name;
	uint8_t sha256[32];
	bool known; /* the digest is filled in */
};

struct statement {
	struct subject *s; /* sorted by name */
	size_t n;
	uint64_t events;
	struct merkle_hash root;
	uint8_t chain[32];
	bool complete;
	bool host; /* there is a host.json */
	int64_t exit_status; /* when complete */
};

void statement_free(struct statement *st);
int statement_add(struct statement *st, const char *name, const uint8_t *sha256);
void statement_sort(struct statement *st);

/** Add every file below @dirfd but signatures and host.json; digests not yet known. */
int statement_scan(struct statement *st, int dirfd, struct err *e);
/** Fill in the digests that are not known. @trust_blobs: take a blob's from its name. */
int statement_hash(struct statement *st, int dirfd, bool trust_blobs, struct err *e);
bool is_blob(const char *name);
/** The digest in a blob's name. 0 or -EINVAL. */
int blob_digest(const char *name, uint8_t ret[32]);

/** Canonical JSON of a sorted statement, appended. */
void statement_write(const struct statement *st, struct buf *b);
int statement_read(const void *p, size_t n, struct statement *ret, struct err *e);

/** Sign and write bundle.sigstore.json, checkpoint and host.json's signature; @k may be NULL. */
int bundle_seal(int dirfd, const struct trace_key *k, const struct statement *st,
	const char *origin, struct err *e);

#endif
