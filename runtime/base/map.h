/* SPDX-License-Identifier: Apache-2.0 */
/* Open-addressing hash map from one or two 64-bit keys to one 64-bit value (a number or pointer). */
#ifndef DETRUN_MAP_H
#define DETRUN_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint64_t k1, k2, v;
	uint8_t used; /* 0 free, 1 used, 2 deleted */
};

struct map {
	struct map_slot *s;
	size_t cap, n, dead;
};

/** Value slot of (k1, k2), or NULL. Valid until the next map_put. */
uint64_t *map_get(const struct map *m, uint64_t k1, uint64_t k2);
/** Set (k1, k2) to @v. 0 or -ENOMEM. */
int map_put(struct map *m, uint64_t k1, uint64_t k2, uint64_t v);
bool map_del(struct map *m, uint64_t k1, uint64_t k2);
void map_free(struct map *m);

/** Walk: start with *@i = 0; returns the next used slot or NULL. Order is unspecified. */
struct map_slot *map_next(const struct map *m, size_t *i);

#endif
