/* SPDX-License-Identifier: Apache-2.0 */
/* Events as one JSON object each, keys in sorted order. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/hash.h"
#include "runtime/base/json.h"
#include "shim/trace/print.h"

static const char *const types[EV_TYPE_MAX] = {
	[EV_INT] = "int", [EV_UINT] = "uint", [EV_PTR] = "ptr",
	[EV_FD] = "fd", [EV_STR] = "str", [EV_DATA] = "data",
};

static bool is_utf8(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		unsigned more = s[i] < 0x80 ? 0 : s[i] < 0xc2 ? 9 : s[i] < 0xe0 ? 1 :
			s[i] < 0xf0 ? 2 : s[i] < 0xf5 ? 3 : 9;

		if (!s[i] || more > 3 || n - i <= more)
			return false;
		if ((s[i] == 0xe0 && s[i + 1] < 0xa0) || (s[i] == 0xed && s[i + 1] > 0x9f) ||
			(s[i] == 0xf0 && s[i + 1] < 0x90) || (s[i] == 0xf4 && s[i + 1] > 0x8f))
			return false;
		for (i++; more; more--, i++)
			if ((s[i] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static void kuint(struct json_out *o, const char *key, uint64_t v)
{
	char t[32];

	if (v <= INT64_MAX) {
		json_kint(o, key, (int64_t) v);
		return;
	}
	snprintf(t, sizeof t, "%llu", (unsigned long long) v);
	json_kstr(o, key, t);
}

static void khex(struct json_out *o, const char *key, const void *p, size_t n)
{
	own_buf t = { 0 };

	if (buf_room(&t, 2 * n + 1))
		hex(p, n, (char *) t.p);
	json_key(o, key);
	json_strn(o, (const char *) t.p, t.failed ? 0 : 2 * n);
	o->b->failed |= t.failed;
}

static void put_number(struct json_out *o, const struct ev_val *v)
{
	char t[32];

	if (v->type == EV_PTR) {
		snprintf(t, sizeof t, "0x%llx", (unsigned long long) v->i);
		json_kstr(o, "value", t);
	} else if (v->type == EV_UINT) {
		kuint(o, "value", (uint64_t) v->i);
	} else {
		json_kint(o, "value", v->i);
	}
}

/* Bytes are "value" where they are text, else "hex", or "sha256" when only that was kept. */
static void put_val(struct json_out *o, const struct event *ev, const struct ev_val *v,
	const struct event_names *n)
{
	bool call = ev->kind == EV_SYSCALL;
	const char *name = call && n && n->arg ? n->arg(ev, v->arg) : NULL;
	bool bytes = v->type == EV_STR || v->type == EV_DATA;
	bool text = bytes && !v->is_digest && is_utf8(v->p ? v->p : (const void *) "", v->n);
	own_buf decoded = { 0 };

	json_open(o, '{');
	json_kint(o, "arg", v->arg);
	if (call && n && n->value && n->value(ev, v, true, &decoded)) {
		json_key(o, "decoded");
		json_strn(o, (const char *) decoded.p, decoded.n);
	}
	if (bytes && !v->is_digest && !text)
		khex(o, "hex", v->p, v->n);
	if (name)
		json_kstr(o, "name", name);
	json_kbool(o, "out", v->out);
	if (v->is_digest)
		khex(o, "sha256", v->digest, 32);
	if (bytes)
		kuint(o, "size", v->n);
	json_kstr(o, "type", types[v->type]);
	if (text) {
		json_key(o, "value");
		json_strn(o, v->p ? v->p : "", v->n);
	} else if (!bytes) {
		put_number(o, v);
	}
	json_close(o, '}');
}

void event_print_json(const struct event *ev, uint64_t number, const struct event_names *n,
	struct buf *b)
{
	struct json_out o = { .b = b };
	bool call = ev->kind == EV_SYSCALL || ev->kind == EV_FORK;
	const char *name = call && n && n->syscall ? n->syscall(ev->nr) : NULL;
	const char *error = ev->kind == EV_SYSCALL && ev->has_res ? errno_name(ev->res) : NULL;

	json_open(&o, '{');
	json_key(&o, "args");
	json_open(&o, '[');
	for (unsigned i = 0; i < ev->nval; i++)
		put_val(&o, ev, &ev->val[i], n);
	json_close(&o, ']');
	if (error)
		json_kstr(&o, "errno", error);
	kuint(&o, "event", number);
	json_kstr(&o, "kind", event_kind_name(ev->kind));
	json_kint(&o, "nr", ev->nr);
	if (ev->has_res)
		json_kint(&o, "result", ev->res);
	if (name)
		json_kstr(&o, "syscall", name);
	json_kint(&o, "task", ev->task);
	kuint(&o, "vtime", ev->vtime);
	json_close(&o, '}');
}
