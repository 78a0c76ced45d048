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

struct json {
	enum json_type type;
	bool b;
	bool is_int;	/* JSON_NUM: .i is exact */
	int64_t i;	/* also holds u64 above INT64_MAX bitwise when .is_u64 */
	bool is_u64;
	char *s;	/* JSON_STR (NUL-terminated; embedded NUL is refused), JSON_NUM's text */
	size_t n;	/* length of s, or number of children */
	char **key;	/* JSON_OBJ */
	struct json **child;
};

/** Parse a whole document. @what names it in errors (a path). Caller frees with json_free(). */
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

/* Streaming writer: no white space; strings escaped as RFC 8785 has it. */
struct json_out {
	struct buf *b;
	int depth;
	bool comma[64];
};

void json_open(struct json_out *o, char bracket); /* '{' or '[' */
void json_close(struct json_out *o, char bracket); /* '}' or ']' */
void json_key(struct json_out *o, const char *key);
void json_str(struct json_out *o, const char *s);
void json_strn(struct json_out *o, const char *s, size_t n); /* bytes not UTF-8 become U+FFFD */
void json_int(struct json_out *o, int64_t v);
void json_bool(struct json_out *o, bool v);
void json_null(struct json_out *o);
/* key and value in one call */
void json_kstr(struct json_out *o, const char *key, const char *s);
void json_kint(struct json_out *o, const char *key, int64_t v);
void json_kbool(struct json_out *o, const char *key, bool v);

/** Indent a compact document by @indent spaces (for `state`, `spec`). */
void json_pretty(const char *compact, size_t n, int indent, struct buf *ret);

#endif
