/* SPDX-License-Identifier: Apache-2.0 */
/* Where do two traces part? */
#include <string.h>

#include "runtime/base/own.h"
#include "shim/trace/compare.h"
#include "shim/trace/reader.h"

static bool same_bytes(const struct trace_reader *a, const struct trace_reader *b)
{
	size_t na, nb;
	const uint8_t *x = trace_bytes(a, &na), *y = trace_bytes(b, &nb);

	return na == nb && !memcmp(x, y, na);
}

/* Event by event from @from, up to @to. 1 and *@ret = the first that differs, 0 = none. */
static int compare_events(struct trace_reader *a, struct trace_reader *b, uint64_t from,
	uint64_t to, uint64_t *ret, struct err *e)
{
	struct event x, y;
	int r = trace_seek(a, from, e);

	if (r == 0)
		r = trace_seek(b, from, e);
	if (r < 0)
		return r;
	for (uint64_t i = from; i < to; i++) {
		int ra = trace_next(a, &x, e), rb;

		if (ra < 0)
			return ra;
		rb = trace_next(b, &y, e);
		if (rb < 0)
			return rb;
		if (ra != rb || (ra && !same_bytes(a, b))) {
			*ret = i;
			return 1;
		}
		if (!ra)
			return 0;
	}
	return 0;
}

static bool same_block(const struct index *x, const struct index *y, size_t i)
{
	return x->r[i].n == y->r[i].n && !memcmp(&x->r[i].node, &y->r[i].node, 32);
}

int trace_compare(struct trace_reader *a, struct trace_reader *b, uint64_t from, uint64_t *ret,
	struct err *e)
{
	const struct index *x = trace_index(a), *y = trace_index(b);
	uint64_t end = x->events > y->events ? x->events : y->events;
	size_t common = x->n < y->n ? x->n : y->n;

	while (from < end) {
		size_t i = (size_t) (from / BLOCK_EVENTS);
		uint64_t next = (uint64_t) (i + 1) * BLOCK_EVENTS;
		int r;

		if (i >= common) {
			*ret = from; /* one of them goes on */
			return 1;
		}
		if (!same_block(x, y, i)) {
			r = compare_events(a, b, from, next, ret, e);
			if (r)
				return r;
		}
		from = next;
	}
	return 0;
}
