/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6962 Merkle trees over SHA-256. Thread-safe: no shared contexts. */
#ifndef DETRUN_MERKLE_H
#define DETRUN_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"

struct merkle_hash {
	uint8_t b[32];
};

/** SHA-256(0x00 || @p[0..@n)) */
void merkle_leaf(const void *p, size_t n, struct merkle_hash *ret);
/** SHA-256(0x01 || @l || @r); @ret may be @l or @r */
void merkle_node(const struct merkle_hash *l, const struct merkle_hash *r,
	struct merkle_hash *ret);

/* A tree that grows by leaves (or by nodes of one level) and keeps only its right edge. */
struct merkle {
	uint64_t n;
	unsigned depth;
	struct merkle_hash edge[64];
};

void merkle_add(struct merkle *m, const struct merkle_hash *h);
/** Root of what was added so far; of nothing: SHA-256 of nothing. */
void merkle_root(const struct merkle *m, struct merkle_hash *ret);
/** Root of @n hashes. */
void merkle_root_of(const struct merkle_hash *h, size_t n, struct merkle_hash *ret);

/** Inclusion path of hash @i of @n, from its sibling up, appended to @b (32 bytes each). */
void merkle_path(const struct merkle_hash *h, size_t n, size_t i, struct buf *b);
/** Does @path (@npath hashes) lead from leaf @leaf, number @i of @n, to @root? */
bool merkle_path_ok(const struct merkle_hash *leaf, uint64_t i, uint64_t n,
	const struct merkle_hash *path, size_t npath, const struct merkle_hash *root);

#endif
