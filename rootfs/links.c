/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int links_seen(struct links *l, const struct stat *st, const char *path, const char **ret)
{
	const uint64_t *have;
	char *copy;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return 0;
	have = map_get(&l->m, st->st_dev, st->st_ino);
	if (have) {
		*ret = (const char *) (uintptr_t) *have;
		return 1;
	}
	copy = strdup(path);
	if (!copy || map_put(&l->m, st->st_dev, st->st_ino, (uintptr_t) copy) < 0) {
		free(copy);
		return -ENOMEM;
	}
	return 0;
}

void links_free(struct links *l)
{
	struct map_slot *s;
	size_t i = 0;

	while ((s = map_next(&l->m, &i)))
		free((void *) (uintptr_t) s->v);
	map_free(&l->m);
}
