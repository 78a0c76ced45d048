/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_VERIFY_H
#define DETRUN_VERIFY_H

#include "shim/trace/sign.h"
#include "shim/trace/statement.h"

/* A bundle under verification: filled in from the signature inwards. */
struct verify {
	int dir;
	struct trace_key *key; /* pinned; NULL only when unsigned bundles are allowed */
	bool is_signed;
	struct statement st; /* as signed */
	struct index x;
	uint8_t header_sha[32];
	char origin[ORIGIN_LEN];
	struct buf log;	   /* checkpoints.log */
	struct note *note; /* its notes, one per block, in .log */
};

/** Is the note of block @i in checkpoints.log signed? 0 or -errno. */
int verify_note(const struct verify *v, size_t i, struct err *e);

/** Every byte of frames and blobs, every note (full), and every event (deep), on all cores. */
int verify_content(const struct verify *v, bool deep, struct err *e);

/** Decode, re-encode and hash the events of block @i in @b. */
int verify_events(const struct block_rec *r, size_t i, const struct buf *b,
	const uint8_t header_sha[32], int64_t *ret_status, struct err *e);

/** SHA-256 of a file of the bundle, safe in threads. */
int bundle_sha256_local(int dirfd, const char *name, uint8_t ret[32], struct err *e);

#endif
