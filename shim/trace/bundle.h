/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of shim/trace share: names, sizes and small encodings of the bundle. */
#ifndef DETRUN_BUNDLE_H
#define DETRUN_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "shim/trace/merkle.h"

#define F_HEADER      "header.json"
#define F_HOST	      "host.json"
#define F_EVENTS      "events.dtr"
#define F_INDEX	      "index.dtx"
#define F_CHECKPOINT  "checkpoint"
#define F_CHECKPOINTS "checkpoints.log"
#define F_SIGNATURE   "bundle.sigstore.json"
#define F_TMP	      ".tmp" /* behind the name of a file that is being written */
#define OUTPUTS	      "outputs/" /* in front of the names of outputs, which are not in the bundle */

enum {
	BLOCK_EVENTS = 1 << 14,
	BLOCK_MAX = 512 << 20, /* bytes of a block's events */
	REC_LEN = 128,
	REC_CHAINED = 96, /* bytes of a record that the chain covers */
	REC_FRAME = 8 + REC_LEN, /* its skippable frame */
	HEADER_MAX = 64 << 20,
	INDEX_MAX = 256 << 20,
	STATEMENT_MAX = 512 << 20,
	BLOB_PATH = sizeof "blobs/sha256/xx/" + 64,
};

#define MAGIC_RECORD 0x184D2A51u /* skippable frame with an index record */
#define MAGIC_SEEK   0x184D2A5Eu /* skippable frame with zstd's seek table */
#define SEEK_FOOTER  0x8F92EAB1u

enum { BLOCK_HAS_END = 1 }; /* block_rec.flags */

/* One block's record in index.dtx, and behind its frame in events.dtr. */
struct block_rec {
	uint64_t first; /* number of its first event */
	uint32_t n;	/* events */
	uint32_t flags;
	uint64_t offset; /* of its frame in events.dtr */
	uint32_t clen, ulen; /* bytes of the frame, of the events */
	uint8_t frame[32]; /* SHA-256 of the frame */
	struct merkle_hash node; /* Merkle root of its events */
	uint8_t chain[32];
};

void block_pack(const struct block_rec *r, uint8_t ret[REC_LEN]);
void block_unpack(const uint8_t p[REC_LEN], struct block_rec *ret);
void chain_start(const uint8_t header_sha[32], uint8_t ret[32]);
/** @chain becomes that of the packed record @rec, whose own chain field is not read. */
void chain_step(uint8_t chain[32], const uint8_t rec[REC_LEN]);

/** SHA-256 without shared state, for threads. */
void sha256_local(const void *p, size_t n, uint8_t ret[32]);
/** The skippable frame of a packed record, appended. */
void record_frame(const uint8_t rec[REC_LEN], struct buf *b);
/** The seek table of @n blocks, appended. */
void seek_table(const struct block_rec *r, size_t n, struct buf *b);

static inline void put_le32(uint8_t *d, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		d[i] = (uint8_t) (v >> 8 * i);
}

static inline void put_le64(uint8_t *d, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		d[i] = (uint8_t) (v >> 8 * i);
}

static inline uint32_t get_le32(const uint8_t *s)
{
	return (uint32_t) s[0] | (uint32_t) s[1] << 8 | (uint32_t) s[2] << 16 |
		(uint32_t) s[3] << 24;
}

static inline uint64_t get_le64(const uint8_t *s)
{
	return (uint64_t) get_le32(s) | (uint64_t) get_le32(s + 4) << 32;
}

/** Standard base64 with padding, appended. */
void b64_put(const void *p, size_t n, struct buf *b);
/** Strict: whole groups, right padding, no stray bits, no white space. 0 or -EBADMSG. */
int b64_get(const char *s, size_t n, struct buf *b);

/* The index of a bundle, its structure checked but not yet its truth. */
struct index {
	struct block_rec *r;
	size_t n;
	uint64_t events;
	bool complete; /* the last block has END */
};

/**
 * Read index.dtx. @exact: a partial last record is an error, else it is ignored (a prefix).
 * Checks that blocks follow each other without gaps in events and offsets.
 */
int index_load(int dirfd, bool exact, struct index *ret, struct err *e);
void index_free(struct index *x);
void index_root(const struct index *x, uint64_t nblocks, struct merkle_hash *ret);
/** One packed-record check: geometry of @r after @prev (NULL for the first). */
bool block_follows(const struct block_rec *prev, const struct block_rec *r);
/** Size that events.dtr must have: all frames and the seek table. */
uint64_t events_size(const struct index *x);

/** Open a regular file below @dirfd for reading, no links followed. fd or -errno; err names it. */
int bundle_open(int dirfd, const char *name, struct err *e);
int bundle_read(int dirfd, const char *name, size_t max, struct buf *b, struct err *e);
/** Make a new file with these bytes; it must not exist yet. */
int bundle_write(int dirfd, const char *name, const void *p, size_t n, struct err *e);
/** Make or replace a file, all of it or nothing; a crash may leave name.tmp (F_TMP). */
int bundle_put(int dirfd, const char *name, const void *p, size_t n, struct err *e);
/** -ENOSPC and its kin as an error that says what to do. */
int bundle_write_failed(struct err *e, int r, const char *name);
int bundle_sha256(int dirfd, const char *name, uint8_t ret[32], struct err *e);
void blob_path(const uint8_t digest[32], char ret[BLOB_PATH]);

/**
 * Decompress and check one frame read from events.dtr into @b (replaced). Errors name block @i.
 * @dctx: a ZSTD_DCtx.
 */
int block_load(int fd, const struct block_rec *r, size_t i, void *dctx, struct buf *scratch,
	struct buf *b, struct err *e);

#endif
