/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/map.h"

#include <errno.h>
#include <stdlib.h>

static size_t slot_of(uint64_t k1, uint64_t k2, size_t cap)
{
	uint64_t h = k1 * 0x9e3779b97f4a7c15u ^ (k2 + 0x7f4a7c15u) * 0xc2b2ae3d27d4eb4fu;

	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9u;
	h ^= h >> 32;
	return (size_t) h & (cap - 1);
}

static struct map_slot *find(const struct map *m, uint64_t k1, uint64_t k2)
{
	if (!m->cap)
		return NULL;
	for (size_t i = slot_of(k1, k2, m->cap);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->s[i];

		if (!s->used)
			return NULL;
		if (s->used == 1 && s->k1 == k1 && s->k2 == k2)
			return s;
	}
}

uint64_t *map_get(const struct map *m, uint64_t k1, uint64_t k2)
{
	struct map_slot *s = find(m, k1, k2);

	return s ? &s->v : NULL;
}

static void place(struct map *m, uint64_t k1, uint64_t k2, uint64_t v)
{
	size_t i = slot_of(k1, k2, m->cap);

	while (m->s[i].used)
		i = (i + 1) & (m->cap - 1);
	m->s[i] = (struct map_slot){ k1, k2, v, 1 };
	m->n++;
}

static int grow(struct map *m)
{
	size_t cap = 64;
	struct map old = *m;
	struct map_slot *s;

	while (cap < (old.n + 1) * 3)
		cap *= 2;
	s = calloc(cap, sizeof *s);
	if (!s)
		return -ENOMEM;
	*m = (struct map){ .s = s, .cap = cap };
	for (size_t i = 0; i < old.cap; i++)
		if (old.s[i].used == 1)
			place(m, old.s[i].k1, old.s[i].k2, old.s[i].v);
	free(old.s);
	return 0;
}

int map_put(struct map *m, uint64_t k1, uint64_t k2, uint64_t v)
{
	struct map_slot *s = find(m, k1, k2);

	if (s) {
		s->v = v;
		return 0;
	}
	if ((m->n + m->dead + 1) * 3 > m->cap * 2) {
		int r = grow(m);

		if (r < 0)
			return r;
	}
	place(m, k1, k2, v);
	return 0;
}

bool map_del(struct map *m, uint64_t k1, uint64_t k2)
{
	struct map_slot *s = find(m, k1, k2);

	if (!s)
		return false;
	s->used = 2;
	m->n--;
	m->dead++;
	return true;
}

void map_free(struct map *m)
{
	free(m->s);
	*m = (struct map){ 0 };
}

struct map_slot *map_next(const struct map *m, size_t *i)
{
	while (*i < m->cap) {
		struct map_slot *s = &m->s[(*i)++];

		if (s->used == 1)
			return s;
	}
	return NULL;
}
