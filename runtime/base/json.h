/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: the only user of yajl. Reading gives a tree that refuses duplicate keys, depth over 64 and
 * trailing garbage. Writing gives RFC 8785 canonical form when keys are given in sorted order
 * (json_out checks: an unsorted key within an object fails the buffer).
 */
#ifndef DETRUN_JSON_H
#define DETRUN_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUM, JSON_STR, JSON_ARR, JSON_OBJ };

#define JSON_MAX (16u << 20)
#define JSON_DEPTH 64

struct json {
	enum json_type type;
	bool b;
	bool is_int;	/* JSON_NUM: a whole number that fits .i */
	int64_t i;	/* holds a u64 above INT64_MAX bitwise when .is_u64 */
	bool is_u64;	/* JSON_NUM: a whole number above INT64_MAX that fits (uint64_t) .i */
	char *s;	/* JSON_STR (NUL-terminated; embedded NUL is refused), JSON_NUM's text */
	size_t n;	/* length of s, or number of children */
	char **key;	/* JSON_OBJ */
	struct json **child;
};

/** Parse a whole document (at most JSON_MAX bytes). @what names it in errors (a path). */
int json_parse(const char *text, size_t n, const char *what, struct json **ret, struct err *e);
void json_free(struct json *j);
static inline void json_drop(struct json **j)
{
	json_free(*j);
}
#define own_json __attribute__((cleanup(json_drop))) struct json *

/** Member of an object by name, or NULL. */
const struct json *json_get(const struct json *obj, const char *key);
/** Member's string, or NULL when absent or not a string. */
const char *json_get_str(const struct json *obj, const char *key);

/** How many bytes at the start of @p are UTF-8 (no surrogates, no overlong forms): @n when all. */
size_t json_utf8(const char *p, size_t n);
/** Order of keys in RFC 8785: by UTF-16 code units. As strcmp(). */
int json_key_cmp(const char *a, const char *b);

/*
 * Streaming writer: no white space; strings escaped as RFC 8785 has it. Whole numbers are written
 * in full also beyond 2^53, where RFC 8785 would round them to a double. Start with { .b = &buf }.
 */
struct json_out {
	struct buf *b;
	int depth;
	bool comma[JSON_DEPTH];
	bool any_order; /* for people and engines: no canonical form */
	size_t key[JSON_DEPTH]; /* where the last key of each open object begins in .b, + 1 */
};

void json_open(struct json_out *o, char bracket); /* '{' or '[' */
void json_close(struct json_out *o, char bracket); /* '}' or ']' */
void json_key(struct json_out *o, const char *key);
void json_str(struct json_out *o, const char *s);
void json_strn(struct json_out *o, const char *s, size_t n); /* bytes not UTF-8 become U+FFFD */
void json_int(struct json_out *o, int64_t v);
void json_uint(struct json_out *o, uint64_t v);
/** With at most 6 digits. */
void json_double(struct json_out *o, double v);
void json_bool(struct json_out *o, bool v);
void json_null(struct json_out *o);
/* key and value in one call */
void json_kstr(struct json_out *o, const char *key, const char *s);
void json_kint(struct json_out *o, const char *key, int64_t v);
void json_kuint(struct json_out *o, const char *key, uint64_t v);
void json_kbool(struct json_out *o, const char *key, bool v);

/** Indent a compact document by @indent spaces, or by tabs when negative (for `state`, `spec`). */
void json_pretty(const char *compact, size_t n, int indent, struct buf *ret);

#endif
