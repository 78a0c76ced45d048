/* SPDX-License-Identifier: Apache-2.0 */
/* External inputs: recorded with their bytes and their place among the events. */
#include "shim/engine.h"

int world_input(struct world *w, struct task *t, int which, const void *p, size_t n)
{
	struct event ev = { .kind = EV_INPUT, .task = t->nr, .nr = (uint32_t) which, .nval = 1 };
	struct err e = ERR_INIT;
	uint8_t digest[32];

	if (w->tw && n && trace_blob(w->tw, p, n, digest, &e) < 0) {
		world_fatal(w, 0, "%s", e.msg);
		return -EIO;
	}
	ev.val[0] = (struct ev_val){ .type = EV_DATA, .p = p, .n = n };
	engine_record(w, &ev);
	return 0;
}

/* The trace's next event, left where it is. */
static bool peek(struct world *w, struct event *ev)
{
	struct err e = ERR_INIT;

	return trace_seek(w->expect, w->nevents, &e) == 0 && trace_next(w->expect, ev, &e) > 0;
}

static void unpeek(struct world *w)
{
	struct err e = ERR_INIT;

	if (trace_seek(w->expect, w->nevents, &e) < 0)
		world_fatal(w, 0, "%s", e.msg);
}

bool world_input_next(struct world *w, const struct task *t, uint64_t *ret_at)
{
	struct event ev;
	bool next = peek(w, &ev) && ev.kind == EV_INPUT && ev.task == t->nr &&
		!(ev.nr & INPUT_NOT_STDIO);

	if (next)
		*ret_at = w->start + ev.vtime;
	unpeek(w);
	return next;
}

int world_input_host(struct world *w, struct task *t, struct buf *b)
{
	if (w->expect) {
		b->n = 0;
		if (world_input_bytes(w, t, b) < 0)
			return -EIO; /* what is recorded next, differs */
	}
	return world_input(w, t, INPUT_HOST, b->p, b->n);
}

bool world_clock_next(struct world *w, const struct task *t)
{
	struct event ev;
	bool next = peek(w, &ev) && ev.kind == EV_INPUT && ev.task == t->nr && ev.nr == INPUT_CLOCK;

	unpeek(w);
	return next;
}

bool world_input_due(struct world *w, const struct task *t)
{
	uint64_t at;

	return world_input_next(w, t, &at) && at <= w->now;
}

int world_input_bytes(struct world *w, struct task *t, struct buf *b)
{
	struct event ev;
	struct err e = ERR_INIT;
	int r = 0;

	if (!peek(w, &ev) || ev.kind != EV_INPUT || (t && ev.task != t->nr) || !ev.nval)
		return -EIO;
	if (ev.val[0].is_digest)
		r = trace_read_blob(w->expect, ev.val[0].digest, b, &e);
	else
		buf_put(b, ev.val[0].p, ev.val[0].n);
	unpeek(w);
	if (r < 0)
		world_fatal(w, 0, "%s", e.msg);
	return r < 0 || b->failed ? -EIO : 0;
}
