/* SPDX-License-Identifier: Apache-2.0 */
/* A growable byte buffer. A failed allocation is remembered in .failed; check once at the end. */
#ifndef DETRUN_BUF_H
#define DETRUN_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct buf {
	uint8_t *p;
	size_t n;
	size_t cap;
	bool failed;
};

/** Make room for @more bytes after .n; returns their start, or NULL (and .failed). */
uint8_t *buf_room(struct buf *b, size_t more);

static inline void buf_put(struct buf *b, const void *p, size_t n)
{
	bool fits = b->p && !b->failed && b->cap - b->n >= n;
	uint8_t *d = fits ? b->p + b->n : buf_room(b, n);

	if (d && n) {
		memcpy(d, p, n);
		b->n += n;
	}
}

static inline void buf_byte(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

/** Unsigned LEB128, shortest form: the only encoding of a value. */
void buf_varint(struct buf *b, uint64_t v);
void buf_str(struct buf *b, const char *s);
/** As printf() would, in a tenth of its time: @base 8, 10 or 16, zeros in front up to @width. */
void buf_uint(struct buf *b, uint64_t v, unsigned base, unsigned width);
void buf_int(struct buf *b, int64_t v);
/** Lower-case hex of @n bytes. */
void buf_hex(struct buf *b, const void *p, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** NUL-terminate (the NUL is not counted in .n); NULL when the buffer has failed. */
char *buf_cstr(struct buf *b);
void buf_free(struct buf *b);

/** Read a canonical varint at *@p, before @end. Moves *@p. False on garbage or overlong forms. */
bool varint_get(const uint8_t **p, const uint8_t *end, uint64_t *ret);

static inline uint64_t zigzag(int64_t v)
{
	return ((uint64_t) v << 1) ^ (uint64_t) (v >> 63);
}

static inline int64_t unzigzag(uint64_t v)
{
	return (int64_t) (v >> 1) ^ -(int64_t) (v & 1);
}

#define own_buf __attribute__((cleanup(buf_free))) struct buf

#endif
