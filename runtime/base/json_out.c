/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/base/json.h"

/* One character of UTF-8 at @p (@n > 0 bytes left). Returns its length, 0 when it is none. */
static size_t utf8(const uint8_t *p, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc0 ? 2 : 0;
	uint32_t v;

	if (!len || len > n || *p > 0xf4)
		return 0;
	v = len == 1 ? *p : *p & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*ret = v;
	return len;
}

size_t json_utf8(const char *p, size_t n)
{
	size_t i = 0, len;
	uint32_t c;

	for (; i < n; i += len) {
		len = utf8((const uint8_t *) p + i, n - i, &c);
		if (!len)
			break;
	}
	return i;
}

/* What is no UTF-8 counts as U+FFFD, a byte at a time, as json_strn() writes it. */
static size_t next_char(const uint8_t *p, size_t n, uint32_t *ret)
{
	size_t len = utf8(p, n, ret);

	if (len)
		return len;
	*ret = 0xfffd;
	return 1;
}

/* The same of a string as json_strn() escapes it. */
static size_t next_escaped(const uint8_t *p, size_t n, uint32_t *ret)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	const char *c;

	if (*p != '\\')
		return next_char(p, n, ret);
	if (p[1] == 'u') {
		*ret = (uint32_t) ((p[4] - '0') * 16 +
				   (p[5] <= '9' ? p[5] - '0' : p[5] - 'a' + 10));
		return 6;
	}
	c = strchr(from, p[1]);
	*ret = (uint32_t) (c ? to[c - from] : p[1]);
	return 2;
}

/* In UTF-16 the characters above U+FFFF (surrogates) come before U+E000 to U+FFFF. */
static uint32_t utf16_rank(uint32_t c)
{
	return c >= 0xe000 && c <= 0xffff ? c + 0x200000 : c;
}

typedef size_t (*next_fn)(const uint8_t *p, size_t n, uint32_t *ret);

static int compare(const uint8_t *a, size_t na, next_fn next_a, const uint8_t *b, size_t nb)
{
	while (na && nb) {
		uint32_t ca, cb;
		size_t la = next_a(a, na, &ca), lb = next_char(b, nb, &cb);

		if (ca != cb)
			return utf16_rank(ca) < utf16_rank(cb) ? -1 : 1;
		a += la;
		na -= la;
		b += lb;
		nb -= lb;
	}
	return na ? 1 : nb ? -1 : 0;
}

int json_key_cmp(const char *a, const char *b)
{
	return compare((const uint8_t *) a, strlen(a), next_char, (const uint8_t *) b, strlen(b));
}

/* --- writing ------------------------------------------------------------------------------ */

/* What a value needs before it: a comma, unless it is the first or follows its key. */
static void before_value(struct json_out *o)
{
	if (!o->depth)
		return;
	if (o->comma[o->depth - 1])
		buf_byte(o->b, ',');
	o->comma[o->depth - 1] = true;
}

void json_open(struct json_out *o, char bracket)
{
	before_value(o);
	if (o->depth == JSON_DEPTH) {
		o->b->failed = true;
		return;
	}
	o->comma[o->depth] = false;
	o->key[o->depth] = 0;
	o->depth++;
	buf_byte(o->b, (uint8_t) bracket);
}

void json_close(struct json_out *o, char bracket)
{
	if (!o->depth) {
		o->b->failed = true; /* one json_open() too few, or one was too deep */
		return;
	}
	o->depth--;
	buf_byte(o->b, (uint8_t) bracket);
}

static void put_quoted(struct buf *b, const char *s, size_t n)
{
	static const char esc[] = "\b\t\n\f\r\"\\", name[] = "btnfr\"\\";
	const uint8_t *p = (const uint8_t *) s;

	buf_byte(b, '"');
	while (n) {
		uint32_t c;
		size_t len = utf8(p, n, &c);
		const char *x = len == 1 && c ? strchr(esc, (int) c) : NULL;

		if (x)
			buf_printf(b, "\\%c", name[x - esc]);
		else if (len == 1 && c < 0x20)
			buf_printf(b, "\\u%04x", c);
		else if (len)
			buf_put(b, p, len);
		else
			buf_str(b, "\xef\xbf\xbd");
		p += len ? len : 1;
		n -= len ? len : 1;
	}
	buf_byte(b, '"');
}

/* The last key of the open object: the bytes after .key, up to its closing quote. */
static bool follows_last_key(struct json_out *o, const char *key)
{
	size_t at = o->key[o->depth - 1], end;
	const uint8_t *p = o->b->p;

	if (!at || o->b->failed)
		return true;
	for (end = at; p[end] != '"'; end++)
		end += p[end] == '\\';
	return compare(p + at, end - at, next_escaped, (const uint8_t *) key, strlen(key)) < 0;
}

void json_key(struct json_out *o, const char *key)
{
	must(o->depth > 0);
	before_value(o);
	if (!o->any_order && !follows_last_key(o, key))
		o->b->failed = true;
	o->key[o->depth - 1] = o->b->n + 1;
	put_quoted(o->b, key, strlen(key));
	buf_byte(o->b, ':');
	o->comma[o->depth - 1] = false; /* its value follows at once */
}

void json_strn(struct json_out *o, const char *s, size_t n)
{
	before_value(o);
	put_quoted(o->b, s, n);
}

void json_str(struct json_out *o, const char *s)
{
	json_strn(o, s, strlen(s));
}

void json_int(struct json_out *o, int64_t v)
{
	before_value(o);
	buf_printf(o->b, "%lld", (long long) v);
}

void json_uint(struct json_out *o, uint64_t v)
{
	before_value(o);
	buf_printf(o->b, "%llu", (unsigned long long) v);
}

void json_double(struct json_out *o, double v)
{
	before_value(o);
	buf_printf(o->b, "%g", v);
}

void json_bool(struct json_out *o, bool v)
{
	before_value(o);
	buf_str(o->b, v ? "true" : "false");
}

void json_null(struct json_out *o)
{
	before_value(o);
	buf_str(o->b, "null");
}

void json_kstr(struct json_out *o, const char *key, const char *s)
{
	json_key(o, key);
	json_str(o, s);
}

void json_kint(struct json_out *o, const char *key, int64_t v)
{
	json_key(o, key);
	json_int(o, v);
}

void json_kuint(struct json_out *o, const char *key, uint64_t v)
{
	json_key(o, key);
	json_uint(o, v);
}

void json_kbool(struct json_out *o, const char *key, bool v)
{
	json_key(o, key);
	json_bool(o, v);
}

static void new_line(struct buf *b, int depth, int indent)
{
	buf_byte(b, '\n');
	for (int i = 0; i < depth * (indent < 0 ? 1 : indent); i++)
		buf_byte(b, indent < 0 ? '\t' : ' ');
}

static size_t string_end(const char *p, size_t i, size_t n)
{
	for (i++; i < n && p[i] != '"'; i++)
		i += p[i] == '\\';
	return i < n ? i : n - 1;
}

void json_pretty(const char *p, size_t n, int indent, struct buf *ret)
{
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i], next = i + 1 < n ? p[i + 1] : 0;

		if (c == '"') {
			size_t end = string_end(p, i, n);

			buf_put(ret, p + i, end - i + 1);
			i = end;
		} else if ((c == '{' && next == '}') || (c == '[' && next == ']')) {
			buf_put(ret, p + i++, 2);
		} else if (c == '{' || c == '[') {
			buf_byte(ret, (uint8_t) c);
			new_line(ret, ++depth, indent);
		} else if (c == '}' || c == ']') {
			new_line(ret, --depth, indent);
			buf_byte(ret, (uint8_t) c);
		} else {
			buf_byte(ret, (uint8_t) c);
			if (c == ',')
				new_line(ret, depth, indent);
			else if (c == ':')
				buf_byte(ret, ' ');
		}
	}
}
