/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/json.h"

struct spec_mem {
	struct spec_mem *next;
	max_align_t data[];
};

void *spec_alloc(struct spec *s, size_t n)
{
	struct spec_mem *m = calloc(1, sizeof(*m) + n);

	must_mem(m);
	m->next = s->mem;
	s->mem = m;
	return m->data;
}

struct spec *spec_new(void)
{
	struct spec *s = calloc(1, sizeof(*s));

	must_mem(s);
	s->version = SPEC_VERSION;
	s->process.cwd = "/";
	return s;
}

void spec_free(struct spec *s)
{
	struct spec_mem *m, *next;

	if (!s)
		return;
	for (m = s->mem; m; m = next) {
		next = m->next;
		free(m);
	}
	free(s);
}

/* A list has room for 4, 8, 16 … elements, the last of them always zero. */
void *spec_append(struct spec *s, void *list, size_t *n, size_t size)
{
	char *p = *(char **) list;
	size_t used = *n + 1; /* with the zeroed one */

	if (!p || (used >= 4 && !(used & (used - 1)))) {
		char *q = spec_alloc(s, (p ? 2 * used : 4) * size);

		if (p)
			memcpy(q, p, *n * size);
		p = q;
		memcpy(list, &p, sizeof(p));
	}
	return p + size * (*n)++;
}

void spec_append_str(struct spec *s, const char *const **list, size_t *n, const char *str)
{
	const char **p = spec_append(s, list, n, sizeof(*p));

	*p = spec_strdup(s, str);
}

const char *spec_strdup(struct spec *s, const char *str)
{
	size_t n = str ? strlen(str) + 1 : 0;

	return str ? memcpy(spec_alloc(s, n), str, n) : NULL;
}

const char *spec_printf(struct spec *s, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	must(n >= 0);
	p = spec_alloc(s, (size_t) n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t) n + 1, fmt, ap);
	va_end(ap);
	return p;
}

static int by_key(const void *a, const void *b)
{
	return json_key_cmp(((const struct spec_kv *) a)->key, ((const struct spec_kv *) b)->key);
}

void spec_sort_kv(struct spec_kv *kv, size_t n)
{
	if (n)
		qsort(kv, n, sizeof(*kv), by_key);
}
