/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes: one ChaCha20 stream per task, keyed by the run's seed, its nonce the task's virtual
 * number. What one task draws does not shift what another one gets.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/err.h"
#include "shim/engine.h"

enum { WORDS = 16, ROUNDS = 20, KEEP = 256 /* bytes made at a time */ };

struct prng {
	uint32_t state[WORDS]; /* RFC 8439, 2.3: constants, key, block counter, nonce */
	uint8_t buf[KEEP];
	unsigned used;
};

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

static struct prng *prng_new(const uint8_t key[32], uint32_t nr)
{
	struct prng *r = calloc(1, sizeof *r);

	must_mem(r);
	for (unsigned i = 0; i < 4; i++)
		r->state[i] = le32((const uint8_t *) "expand 32-byte k" + 4 * i);
	for (unsigned i = 0; i < 8; i++)
		r->state[4 + i] = le32(key + 4 * i);
	r->state[13] = nr;
	r->used = KEEP;
	return r;
}

void task_random_free(struct task *t)
{
	free(t->rng);
	t->rng = NULL;
}

static uint32_t rotate(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static void quarter(uint32_t *x, unsigned a, unsigned b, unsigned c, unsigned d)
{
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 7);
}

/* One block of 64 bytes: by columns, then by diagonals. */
static void block(uint32_t *state, uint8_t *ret)
{
	uint32_t x[WORDS];

	memcpy(x, state, sizeof x);
	for (unsigned i = 0; i < ROUNDS; i += 2) {
		for (unsigned k = 0; k < 4; k++)
			quarter(x, k, 4 + k, 8 + k, 12 + k);
		for (unsigned k = 0; k < 4; k++)
			quarter(x, k, 4 + (k + 1) % 4, 8 + (k + 2) % 4, 12 + (k + 3) % 4);
	}
	for (unsigned i = 0; i < WORDS; i++) {
		x[i] += state[i];
		for (unsigned k = 0; k < 4; k++)
			ret[4 * i + k] = (uint8_t) (x[i] >> 8 * k);
	}
	if (!++state[12]) /* as with a counter of 64 bits: no stream is that long */
		state[13]++;
}

static void refill(struct prng *r)
{
	for (unsigned i = 0; i < KEEP; i += 4 * WORDS)
		block(r->state, r->buf + i);
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
