/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical encoding of one event: docs/trace-format.md, "Events". */
#include "shim/trace/event.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/hash.h"
#include "shim/trace/trace.h"

enum {
	KIND_MASK = 0x0f,
	HAS_RES = 0x10,
	TYPE_MASK = 0x07,
	VAL_OUT = 0x08,
	VAL_DIGEST = 0x10,
	HEAD_MAX = 1 + 5 + 5 + 10 + 10 + 1, /* all before the values */
	VAL_HEAD_MAX = 2 + 10,
};

static inline uint8_t *put_varint(uint8_t *d, uint64_t v)
{
	while (v >= 0x80) {
		*d++ = (uint8_t) (v | 0x80);
		v >>= 7;
	}
	*d++ = (uint8_t) v;
	return d;
}

static inline bool is_bytes(const struct ev_val *v)
{
	return v->type == EV_STR || v->type == EV_DATA;
}

/* What a value is on disk: a string too long to be one is data, long data its digest. */
static inline bool kept_as_digest(const struct ev_val *v, size_t max)
{
	if (v->type == EV_STR)
		return v->n > EV_STR_MAX;
	return v->type == EV_DATA && (v->is_digest || v->n > max);
}

static int event_bound(const struct event *ev, size_t *ret)
{
	size_t n = HEAD_MAX, max = event_inline(ev->kind);

	if (ev->kind >= EV_KIND_MAX || ev->nval > EV_MAXVAL)
		return -EINVAL;
	for (unsigned i = 0; i < ev->nval; i++) {
		const struct ev_val *v = &ev->val[i];

		if (v->type >= EV_TYPE_MAX)
			return -EINVAL;
		n += VAL_HEAD_MAX;
		if (!is_bytes(v))
			continue;
		if (v->is_digest ? v->type != EV_DATA || v->n <= max : v->n && !v->p)
			return -EINVAL;
		n += kept_as_digest(v, max) ? SHA256_LEN : v->n;
	}
	*ret = n;
	return 0;
}

static uint8_t *put_val(uint8_t *d, const struct ev_val *v, size_t max)
{
	bool digest = kept_as_digest(v, max);
	uint8_t type = digest ? EV_DATA : v->type;

	*d++ = (uint8_t) (type | (v->out ? VAL_OUT : 0) | (digest ? VAL_DIGEST : 0));
	*d++ = v->arg;
	if (type == EV_INT || type == EV_FD)
		return put_varint(d, zigzag(v->i));
	if (type == EV_UINT || type == EV_PTR)
		return put_varint(d, (uint64_t) v->i);
	d = put_varint(d, v->n);
	if (digest) {
		if (v->is_digest)
			memcpy(d, v->digest, SHA256_LEN);
		else
			sha256(v->p, v->n, d);
		return d + SHA256_LEN;
	}
	if (v->n)
		memcpy(d, v->p, v->n);
	return d + v->n;
}

int event_encode(const struct event *ev, struct buf *b)
{
	uint8_t *start, *d;
	size_t bound;

	if (event_bound(ev, &bound) < 0)
		return -EINVAL;
	start = d = buf_room(b, bound);
	if (!d)
		return -ENOMEM;
	*d++ = (uint8_t) (ev->kind | (ev->has_res ? HAS_RES : 0));
	d = put_varint(d, ev->task);
	d = put_varint(d, ev->nr);
	d = put_varint(d, ev->vtime);
	if (ev->has_res)
		d = put_varint(d, zigzag(ev->res));
	*d++ = (uint8_t) ev->nval;
	for (unsigned i = 0; i < ev->nval; i++)
		d = put_val(d, &ev->val[i], event_inline(ev->kind));
	b->n += (size_t) (d - start);
	return 0;
}

static bool get_u32(const uint8_t **p, const uint8_t *end, uint32_t *ret)
{
	uint64_t v;

	if (!varint_get(p, end, &v) || v > UINT32_MAX)
		return false;
	*ret = (uint32_t) v;
	return true;
}

static bool get_int(const uint8_t **p, const uint8_t *end, int64_t *ret)
{
	uint64_t v;

	if (!varint_get(p, end, &v))
		return false;
	*ret = unzigzag(v);
	return true;
}

static bool get_bytes(const uint8_t **p, const uint8_t *end, size_t max, struct ev_val *v)
{
	uint64_t n;
	size_t have;

	if (!varint_get(p, end, &n) || n > SIZE_MAX / 2)
		return false;
	if (v->is_digest ? n <= max : n > (v->type == EV_STR ? (size_t) EV_STR_MAX : max))
		return false;
	have = v->is_digest ? SHA256_LEN : (size_t) n;
	if ((size_t) (end - *p) < have)
		return false;
	v->n = (size_t) n;
	if (v->is_digest)
		memcpy(v->digest, *p, SHA256_LEN);
	else
		v->p = *p;
	*p += have;
	return true;
}

static bool get_val(const uint8_t **p, const uint8_t *end, size_t max, struct ev_val *v)
{
	uint64_t u;
	uint8_t tag;

	if (end - *p < 2)
		return false;
	tag = (*p)[0];
	v->arg = (*p)[1];
	*p += 2;
	v->type = tag & TYPE_MASK;
	v->out = tag & VAL_OUT;
	v->is_digest = tag & VAL_DIGEST;
	v->i = 0;
	v->p = NULL;
	v->n = 0;
	if (tag & ~(TYPE_MASK | VAL_OUT | VAL_DIGEST) || v->type >= EV_TYPE_MAX)
		return false;
	if (v->is_digest && v->type != EV_DATA)
		return false;
	if (is_bytes(v))
		return get_bytes(p, end, max, v);
	if (v->type == EV_INT || v->type == EV_FD)
		return get_int(p, end, &v->i);
	if (!varint_get(p, end, &u))
		return false;
	v->i = (int64_t) u;
	return true;
}

int event_decode(const uint8_t **p, const uint8_t *end, struct event *ret)
{
	const uint8_t *q = *p;
	uint8_t head;

	if (q >= end)
		return -EBADMSG;
	head = *q++;
	ret->kind = head & KIND_MASK;
	ret->has_res = head & HAS_RES;
	ret->res = 0;
	if (head & ~(KIND_MASK | HAS_RES) || ret->kind >= EV_KIND_MAX)
		return -EBADMSG;
	if (!get_u32(&q, end, &ret->task) || !get_u32(&q, end, &ret->nr) ||
		!varint_get(&q, end, &ret->vtime))
		return -EBADMSG;
	if (ret->has_res && !get_int(&q, end, &ret->res))
		return -EBADMSG;
	if (q >= end || *q > EV_MAXVAL)
		return -EBADMSG;
	ret->nval = *q++;
	for (unsigned i = 0; i < ret->nval; i++)
		if (!get_val(&q, end, event_inline(ret->kind), &ret->val[i]))
			return -EBADMSG;
	*p = q;
	return 0;
}
