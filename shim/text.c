/* SPDX-License-Identifier: Apache-2.0 */
/* A stopped task's code, which it may not write itself: by /proc/PID/mem, a page at a time. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shim/engine.h"

int text_open(struct world *w, struct task *t, struct text *x)
{
	char path[32];

	snprintf(path, sizeof path, "%d/mem", (int) t->pid);
	x->have = x->changed = x->failed = false;
	x->mem = openat(w->host_proc, path, O_RDWR | O_CLOEXEC);
	return x->mem < 0 ? -1 : 0;
}

static void flush(struct text *x)
{
	if (x->changed && pwrite(x->mem, x->byte, sizeof x->byte, (off_t) x->page) != sizeof x->byte)
		x->failed = true;
	x->changed = false;
}

/* The page of @at; @*n: no more than is in it. */
static uint8_t *on_page(struct text *x, uint64_t at, size_t *n)
{
	uint64_t in = at % sizeof x->byte;

	if (!x->have || x->page != at - in) {
		flush(x);
		x->page = at - in;
		x->have = !x->failed &&
			pread(x->mem, x->byte, sizeof x->byte, (off_t) x->page) == sizeof x->byte;
	}
	if (*n > sizeof x->byte - in)
		*n = sizeof x->byte - in;
	return x->have ? x->byte + in : NULL;
}

bool text_is(struct text *x, uint64_t at, const void *p, size_t n)
{
	for (size_t i = 0, part; i < n; i += part) {
		const uint8_t *q = on_page(x, at + i, (part = n - i, &part));

		if (!q || memcmp(q, (const uint8_t *) p + i, part))
			return false;
	}
	return true;
}

void text_put(struct text *x, uint64_t at, const void *p, size_t n)
{
	for (size_t i = 0, part; i < n; i += part) {
		uint8_t *q = on_page(x, at + i, (part = n - i, &part));

		if (!q) {
			x->failed = true;
			return;
		}
		memcpy(q, (const uint8_t *) p + i, part);
		x->changed = true;
	}
}

bool text_close(struct text *x)
{
	flush(x);
	close(x->mem);
	return !x->failed;
}
