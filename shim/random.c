/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes: one ChaCha20 stream per task, keyed by the run's seed, its nonce the task's virtual
 * number. What one task draws does not shift what another one gets.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/err.h"
#include "shim/engine.h"

enum { KEEP = 256 }; /* bytes made at a time */

struct prng {
	EVP_CIPHER_CTX *ctx;
	uint8_t buf[KEEP];
	unsigned used;
};

static struct prng *prng_new(const uint8_t key[32], uint32_t nr)
{
	struct prng *r = calloc(1, sizeof *r);
	uint8_t iv[16] = { 0 }; /* block counter, then the nonce: both little-endian */

	must(r);
	for (unsigned i = 0; i < 4; i++)
		iv[4 + i] = (uint8_t) (nr >> 8 * i);
	r->ctx = EVP_CIPHER_CTX_new();
	must(r->ctx && EVP_EncryptInit_ex(r->ctx, EVP_chacha20(), NULL, key, iv) == 1);
	r->used = KEEP;
	return r;
}

void task_random_free(struct task *t)
{
	if (!t->rng)
		return;
	EVP_CIPHER_CTX_free(t->rng->ctx);
	free(t->rng);
	t->rng = NULL;
}

static void refill(struct prng *r)
{
	static const uint8_t zero[KEEP];
	int n;

	must(EVP_EncryptUpdate(r->ctx, r->buf, &n, zero, KEEP) == 1 && n == KEEP);
	r->used = 0;
}

void task_random(struct task *t, struct world *w, void *p, size_t n)
{
	uint8_t *to = p;

	if (!t->rng)
		t->rng = prng_new(w->key, t->nr);
	while (n) {
		size_t k;

		if (t->rng->used == KEEP)
			refill(t->rng);
		k = KEEP - t->rng->used;
		if (k > n)
			k = n;
		memcpy(to, t->rng->buf + t->rng->used, k);
		t->rng->used += (unsigned) k;
		to += k;
		n -= k;
	}
}
