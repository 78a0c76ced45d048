/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders at work: printing a struct, comparing two. */
#include "shim/decode.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/own.h"

static bool flag_is(const struct flag_name *f, uint64_t v)
{
	uint64_t mask = f->mask ? f->mask : f->value;

	return mask && (v & mask) == f->value;
}

bool put_flags(const struct flag_name *f, uint64_t v, struct buf *b)
{
	bool any = false;

	for (const struct flag_name *p = f; p->name && !f->mask; p++) /* one value */
		if (p->value == v) {
			buf_str(b, p->name);
			return true;
		}
	for (const struct flag_name *p = f; p->name; p++)
		if (flag_is(p, v)) {
			buf_printf(b, "%s%s", any ? "|" : "", p->name);
			v &= ~(p->mask ? p->mask : p->value);
			any = true;
		}
	if (any && v)
		buf_printf(b, "|0x%llx", (unsigned long long) v);
	return any;
}

static uint64_t number(const uint8_t *p, size_t n, bool is_signed)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n && i < 8; i++)
		v |= (uint64_t) p[i] << 8 * i;
	if (is_signed && n && n < 8 && v >> (8 * n - 1))
		v |= UINT64_MAX << 8 * n;
	return v;
}

static void put_field(const struct field *f, const uint8_t *p, bool full, struct buf *b)
{
	uint64_t v = number(p + f->at, f->size, f->how & FIELD_SIGNED);

	if (f->as && decode_put(f->as, p + f->at, f->size, full, b))
		return;
	if (f->flags && put_flags(f->flags, v, b))
		return;
	if (f->how & FIELD_SIGNED)
		buf_printf(b, "%lld", (long long) v);
	else
		buf_printf(b, f->how & FIELD_HEX || (f->flags && v) ? "0x%llx" : "%llu",
			(unsigned long long) v);
}

static void put_one(const struct decoder *d, const uint8_t *p, size_t n, bool full, struct buf *b)
{
	bool any = false, left = false;

	if (d->put) {
		d->put(p, n, b);
		return;
	}
	buf_byte(b, '{');
	for (const struct field *f = d->field; f->name; f++) {
		if (!full && f->how & FIELD_MORE) {
			left = true;
			continue;
		}
		buf_printf(b, "%s%s=", any ? ", " : "", f->name);
		put_field(f, p, full, b);
		any = true;
	}
	if (left)
		buf_str(b, ", ...");
	buf_byte(b, '}');
}

static bool fits(const struct decoder *d, size_t n)
{
	if (!d->size)
		return true;
	return d->list ? n % d->size == 0 : n >= d->size;
}

bool decode_put(const struct decoder *d, const void *p, size_t n, bool full, struct buf *b)
{
	const uint8_t *s = p;

	if (!p || !fits(d, n))
		return false;
	if (!d->list) {
		put_one(d, s, d->size ? d->size : n, full, b);
		return true;
	}
	buf_byte(b, '[');
	for (size_t i = 0; i < n; i += d->size) {
		if (i)
			buf_str(b, ", ");
		put_one(d, s + i, d->size, full, b);
	}
	buf_byte(b, ']');
	return true;
}

/* ---- two of them ---- */

struct diff {
	decode_differs *tell;
	void *ctx;
	unsigned n;
};

static void tell_one(struct diff *x, const char *name, const struct field *f, const uint8_t *a,
	const uint8_t *b)
{
	own_buf was = { 0 }, is = { 0 };

	put_field(f, a, true, &was);
	put_field(f, b, true, &is);
	x->n++;
	if (buf_cstr(&was) && buf_cstr(&is))
		x->tell(x->ctx, name, (char *) was.p, (char *) is.p);
}

static void diff_fields(struct diff *x, const struct decoder *d, const char *prefix, const uint8_t *a,
	const uint8_t *b)
{
	for (const struct field *f = d->field; f->name; f++) {
		const struct decoder *as = f->as;
		own_buf name = { 0 };

		if (!memcmp(a + f->at, b + f->at, f->size))
			continue;
		buf_printf(&name, "%s%s", prefix, f->name);
		if (!as || !as->field || as->list || f->size != as->size) {
			if (buf_cstr(&name))
				tell_one(x, (char *) name.p, f, a, b);
			continue;
		}
		buf_byte(&name, '.');
		if (buf_cstr(&name))
			diff_fields(x, as, (char *) name.p, a + f->at, b + f->at);
	}
}

unsigned decode_diff(const struct decoder *d, const void *a, size_t na, const void *b, size_t nb,
	decode_differs *tell, void *ctx)
{
	struct diff x = { tell, ctx, 0 };
	size_t n = d->list ? na : d->size;

	if (!a || !b || !d->field || !fits(d, na) || na != nb)
		return 0;
	for (size_t i = 0; i < n; i += d->size) {
		char prefix[32] = "";

		if (d->list)
			snprintf(prefix, sizeof prefix, "[%zu].", i / d->size);
		diff_fields(&x, d, prefix, (const uint8_t *) a + i, (const uint8_t *) b + i);
	}
	return x.n;
}
