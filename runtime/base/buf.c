/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/hash.h"

uint8_t *buf_room(struct buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 256;
	uint8_t *p;

	if (b->failed || more > SIZE_MAX / 2 - b->n)
		goto bad;
	while (cap < b->n + more)
		cap *= 2;
	if (cap != b->cap) {
		p = realloc(b->p, cap);
		if (!p)
			goto bad;
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->n;
bad:
	b->failed = true;
	return NULL;
}

void buf_varint(struct buf *b, uint64_t v)
{
	uint8_t t[10];
	size_t n = 0;

	do {
		t[n] = v & 0x7f;
		v >>= 7;
		if (v)
			t[n] |= 0x80;
		n++;
	} while (v);
	buf_put(b, t, n);
}

void buf_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_uint(struct buf *b, uint64_t v, unsigned base, unsigned width)
{
	static const char digits[] = "0123456789abcdef";
	char text[64], *end = text + sizeof text, *p = end;

	if (v < base && width < 2) {
		buf_byte(b, (uint8_t) digits[v]);
		return;
	}
	do
		*--p = digits[v % base];
	while (v /= base);
	while ((size_t) (end - p) < width && p > text)
		*--p = '0';
	buf_put(b, p, (size_t) (end - p));
}

void buf_int(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_byte(b, '-');
	buf_uint(b, v < 0 ? -(uint64_t) v : (uint64_t) v, 10, 0);
}

void buf_hex(struct buf *b, const void *p, size_t n)
{
	uint8_t *d = buf_room(b, 2 * n + 1);

	if (!d)
		return;
	hex(p, n, (char *) d);
	b->n += 2 * n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	uint8_t *d;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	d = buf_room(b, (size_t) n + 1);
	if (!d)
		return;
	va_start(ap, fmt);
	vsnprintf((char *) d, (size_t) n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t) n;
}

char *buf_cstr(struct buf *b)
{
	uint8_t *d = buf_room(b, 1);

	if (!d)
		return NULL;
	*d = 0;
	return (char *) b->p;
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

bool varint_get(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
	const uint8_t *q = *p;
	uint64_t v = 0;
	int shift = 0;

	for (; q < end && shift < 64; shift += 7) {
		uint8_t c = *q++;

		if (shift == 63 && c > 1)
			return false;
		v |= (uint64_t) (c & 0x7f) << shift;
		if (c & 0x80)
			continue;
		if (!c && shift)
			return false; /* overlong */
		*p = q;
		*ret = v;
		return true;
	}
	return false;
}
