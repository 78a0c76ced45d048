/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/found.h"

#include <stdlib.h>
#include <string.h>

void found_cut(struct found *f, size_t n)
{
	while (f->n > n)
		free(f->v[--f->n].link);
}

void found_free(struct found *f)
{
	found_cut(f, 0);
	free(f->v);
	buf_free(&f->names);
	*f = (struct found){ 0 };
}

struct found_ent *found_add(struct found *f, const char *name, const struct stat *st)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 1024;
		struct found_ent *more = cap < UINT32_MAX ? realloc(f->v, cap * sizeof *more) : NULL;

		if (!more)
			return NULL;
		f->v = more;
		f->cap = cap;
	}
	if (f->names.n > UINT32_MAX / 2)
		return NULL;
	f->v[f->n] = (struct found_ent){ .st = *st, .name = (uint32_t) f->names.n,
		.next = (uint32_t) f->n + 1 };
	buf_put(&f->names, name, strlen(name) + 1);
	return f->names.failed ? NULL : &f->v[f->n++];
}
