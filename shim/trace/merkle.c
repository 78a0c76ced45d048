/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's low-level SHA-256 on purpose: on inputs of one or two blocks it costs half of an EVP
 * digest, and this is the inner loop of recording and of deep verification.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "shim/trace/merkle.h"

#include <openssl/sha.h>
#include <string.h>

void merkle_leaf(const void *p, size_t n, struct merkle_hash *ret)
{
	static const uint8_t prefix = 0;
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, &prefix, 1);
	SHA256_Update(&c, p, n);
	SHA256_Final(ret->b, &c);
}

void merkle_node(const struct merkle_hash *l, const struct merkle_hash *r,
	struct merkle_hash *ret)
{
	uint8_t t[65];
	SHA256_CTX c;

	t[0] = 1;
	memcpy(t + 1, l->b, 32);
	memcpy(t + 33, r->b, 32);
	SHA256_Init(&c);
	SHA256_Update(&c, t, sizeof t);
	SHA256_Final(ret->b, &c);
}

void merkle_add(struct merkle *m, const struct merkle_hash *h)
{
	struct merkle_hash top = *h;

	for (uint64_t n = m->n; n & 1; n >>= 1)
		merkle_node(&m->edge[--m->depth], &top, &top);
	m->edge[m->depth++] = top;
	m->n++;
}

void merkle_root(const struct merkle *m, struct merkle_hash *ret)
{
	struct merkle_hash top;
	unsigned d = m->depth;

	if (!d) {
		SHA256((const uint8_t *) "", 0, ret->b);
		return;
	}
	top = m->edge[--d];
	while (d)
		merkle_node(&m->edge[--d], &top, &top);
	*ret = top;
}

void merkle_root_of(const struct merkle_hash *h, size_t n, struct merkle_hash *ret)
{
	struct merkle m = { 0 };

	for (size_t i = 0; i < n; i++)
		merkle_add(&m, &h[i]);
	merkle_root(&m, ret);
}

/* The largest power of two smaller than @n (n > 1): where RFC 6962 splits a tree. */
static size_t split(size_t n)
{
	size_t k = 1;

	while (k < n - k)
		k *= 2;
	return k;
}

void merkle_path(const struct merkle_hash *h, size_t n, size_t i, struct buf *b)
{
	struct merkle_hash side;
	size_t k;

	if (n < 2)
		return;
	k = split(n);
	if (i < k) {
		merkle_path(h, k, i, b);
		merkle_root_of(h + k, n - k, &side);
	} else {
		merkle_path(h + k, n - k, i - k, b);
		merkle_root_of(h, k, &side);
	}
	buf_put(b, side.b, sizeof side.b);
}

bool merkle_path_ok(const struct merkle_hash *leaf, uint64_t i, uint64_t n,
	const struct merkle_hash *path, size_t npath, const struct merkle_hash *root)
{
	struct merkle_hash top = *leaf;
	uint64_t last = n - 1;

	if (i >= n)
		return false;
	for (size_t p = 0; p < npath; p++) {
		if (!last)
			return false;
		if (i & 1 || i == last) {
			merkle_node(&path[p], &top, &top);
			while (!(i & 1) && i) {
				i >>= 1;
				last >>= 1;
			}
		} else {
			merkle_node(&top, &path[p], &top);
		}
		i >>= 1;
		last >>= 1;
	}
	return !last && !memcmp(&top, root, sizeof top);
}
