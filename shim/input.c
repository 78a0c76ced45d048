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
