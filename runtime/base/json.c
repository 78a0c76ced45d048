/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

/* --- reading ------------------------------------------------------------------------------ */

struct reader {
	struct json *root;
	struct json *open[JSON_DEPTH]; /* the containers that are not closed yet */
	int depth;
	char *key; /* read, its value not yet */
	const char *why; /* set before a callback stops the parser */
};

void json_free(struct json *j)
{
	if (!j)
		return;
	if (j->type == JSON_ARR || j->type == JSON_OBJ)
		for (size_t i = 0; i < j->n; i++) {
			if (j->key)
				free(j->key[i]);
			json_free(j->child[i]);
		}
	free(j->key);
	free(j->child);
	free(j->s);
	free(j);
}

static const char no_memory[] = "out of memory";

static int stop(struct reader *r, const char *why)
{
	r->why = why;
	return 0;
}

/* Grow by doubling: room is there unless n is a power of two. */
static bool grow(struct json *to)
{
	size_t cap = to->n ? 2 * to->n : 4;
	struct json **child;
	char **key;

	if (to->n && (to->n < 4 || (to->n & (to->n - 1))))
		return true;
	child = realloc(to->child, cap * sizeof(*child));
	if (!child)
		return false;
	to->child = child;
	if (to->type == JSON_ARR)
		return true;
	key = realloc(to->key, cap * sizeof(*key));
	if (!key)
		return false;
	to->key = key;
	return true;
}

/* Hang @j (owned) where the parser is. */
static int add(struct reader *r, struct json *j)
{
	struct json *to = r->depth ? r->open[r->depth - 1] : NULL;

	if (!j)
		return stop(r, no_memory);
	if (!to) {
		r->root = j;
		return 1;
	}
	if (!grow(to)) {
		json_free(j);
		return stop(r, no_memory);
	}
	if (to->type == JSON_OBJ) {
		to->key[to->n] = r->key;
		r->key = NULL;
	}
	to->child[to->n++] = j;
	return 1;
}

static struct json *node(enum json_type type)
{
	struct json *j = calloc(1, sizeof(*j));

	if (j)
		j->type = type;
	return j;
}

static struct json *text_node(enum json_type type, const void *p, size_t n)
{
	struct json *j = node(type);

	if (!j)
		return NULL;
	j->s = malloc(n + 1);
	if (!j->s) {
		free(j);
		return NULL;
	}
	memcpy(j->s, p, n);
	j->s[n] = 0;
	j->n = n;
	return j;
}

static int on_null(void *ctx)
{
	return add(ctx, node(JSON_NULL));
}

static int on_bool(void *ctx, int v)
{
	struct json *j = node(JSON_BOOL);

	if (j)
		j->b = v != 0;
	return add(ctx, j);
}

/* Whole numbers exactly, without going through a double. The parser has checked the grammar. */
static void whole_number(struct json *j)
{
	bool neg = j->s[0] == '-';
	uint64_t v = 0;

	for (const char *c = j->s + neg; *c; c++) {
		if (*c < '0' || *c > '9')
			return;
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t) (*c - '0'), &v))
			return;
	}
	if (neg ? v > (uint64_t) INT64_MAX + 1 : v > INT64_MAX) {
		j->is_u64 = !neg;
		j->i = neg ? 0 : (int64_t) v;
		return;
	}
	j->is_int = true;
	j->i = neg ? (int64_t) (0 - v) : (int64_t) v;
}

static int on_number(void *ctx, const char *p, size_t n)
{
	struct json *j = text_node(JSON_NUM, p, n);

	if (j)
		whole_number(j);
	return add(ctx, j);
}

static int on_string(void *ctx, const unsigned char *p, size_t n)
{
	if (memchr(p, 0, n))
		return stop(ctx, "a string holds a NUL character");
	return add(ctx, text_node(JSON_STR, p, n));
}

static int open_container(struct reader *r, enum json_type type)
{
	struct json *j = node(type);

	if (r->depth == JSON_DEPTH) {
		json_free(j);
		return stop(r, "nested more than 64 deep");
	}
	if (!add(r, j))
		return 0;
	r->open[r->depth++] = j;
	return 1;
}

static int on_object(void *ctx)
{
	return open_container(ctx, JSON_OBJ);
}

static int on_array(void *ctx)
{
	return open_container(ctx, JSON_ARR);
}

static int on_key(void *ctx, const unsigned char *p, size_t n)
{
	struct reader *r = ctx;

	if (memchr(p, 0, n))
		return stop(r, "a key holds a NUL character");
	r->key = strndup((const char *) p, n);
	return r->key ? 1 : stop(r, no_memory);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* By sorting a copy: a hostile object of a million keys stays cheap. */
static int unique_keys(struct reader *r, const struct json *j)
{
	char **k;
	int ok = 1;

	if (j->n < 2)
		return 1;
	k = malloc(j->n * sizeof(*k));
	if (!k)
		return stop(r, no_memory);
	memcpy(k, j->key, j->n * sizeof(*k));
	qsort(k, j->n, sizeof(*k), by_text);
	for (size_t i = 1; ok && i < j->n; i++)
		if (!strcmp(k[i - 1], k[i]))
			ok = stop(r, "the same key twice in one object");
	free(k);
	return ok;
}

static int on_object_end(void *ctx)
{
	struct reader *r = ctx;

	return unique_keys(r, r->open[--r->depth]);
}

static int on_array_end(void *ctx)
{
	struct reader *r = ctx;

	r->depth--;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_object_end,
	.yajl_start_array = on_array,
	.yajl_end_array = on_array_end,
};

/* The parser doesn't look whether it gets any. */
static void *parser_malloc(void *ctx, size_t n)
{
	void *p = malloc(n);

	(void) ctx;
	must_mem(p);
	return p;
}

static void *parser_realloc(void *ctx, void *old, size_t n)
{
	void *p = realloc(old, n);

	(void) ctx;
	must_mem(p);
	return p;
}

static void parser_free(void *ctx, void *p)
{
	(void) ctx;
	free(p);
}

static unsigned hex4(const char *p, const char *end)
{
	unsigned v = 0;

	if (end - p < 4)
		return 0;
	for (int i = 0; i < 4; i++) {
		unsigned char c = (unsigned char) p[i], l = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if (l >= 'a' && l <= 'f')
			v = v * 16 + (l - 'a' + 10u);
		else
			return 0; /* the parser will say so */
	}
	return v;
}

/*
 * yajl takes half a surrogate pair for '?' or worse, so that two texts could mean one string:
 * find it before. A backslash occurs in strings only. NULL, or where the first is.
 */
static const char *lone_surrogate(const char *p, const char *end)
{
	while ((p = memchr(p, '\\', (size_t) (end - p))) && end - p >= 2) {
		unsigned v = p[1] == 'u' ? hex4(p + 2, end) : 0;

		if (v < 0xd800 || v > 0xdfff) {
			p += 2;
			continue;
		}
		if (v >= 0xdc00 || end - p < 12 || p[6] != '\\' || p[7] != 'u')
			return p;
		v = hex4(p + 8, end);
		if (v < 0xdc00 || v > 0xdfff)
			return p;
		p += 12;
	}
	return NULL;
}

/* "line 3, column 7" of the byte at @at. */
static int fail_at(const char *text, size_t at, const char *what, const char *why, struct err *e)
{
	size_t line = 1, col = 1;

	for (size_t i = 0; i < at; i++) {
		col = text[i] == '\n' ? 1 : col + 1;
		line += text[i] == '\n';
	}
	return fail_msg(e, EINVAL, "%s: line %zu, column %zu: %s", what, line, col, why);
}

static int fail_parser(yajl_handle y, struct reader *r, const char *text, size_t n,
	const char *what, struct err *e)
{
	size_t at = yajl_get_bytes_consumed(y);
	unsigned char *m = NULL;
	char why[160];

	if (r->why == no_memory)
		return fail(e, ENOMEM, "%s", what);
	if (r->why) {
		snprintf(why, sizeof why, "%s", r->why);
	} else {
		m = yajl_get_error(y, 0, (const unsigned char *) text, n);
		snprintf(why, sizeof why, "%s", m ? (char *) m : "not JSON");
		yajl_free_error(y, m);
		why[strcspn(why, "\n")] = 0;
	}
	return fail_at(text, at < n ? at : n, what, why, e);
}

int json_parse(const char *text, size_t n, const char *what, struct json **ret, struct err *e)
{
	struct reader r = { 0 };
	yajl_alloc_funcs memory = { parser_malloc, parser_realloc, parser_free, NULL };
	const char *bad;
	yajl_handle y;
	size_t good;
	int res = 0;

	if (n > JSON_MAX)
		return fail_msg(e, EFBIG, "%s: larger than %u bytes", what, JSON_MAX);
	good = json_utf8(text, n);
	if (good < n)
		return fail_at(text, good, what, "not UTF-8", e);
	bad = n ? lone_surrogate(text, text + n) : NULL;
	if (bad)
		return fail_at(text, (size_t) (bad - text), what, "half a surrogate pair", e);
	y = yajl_alloc(&callbacks, &memory, &r);
	if (!y)
		return fail(e, ENOMEM, "%s", what);
	if (yajl_parse(y, (const unsigned char *) text, n) != yajl_status_ok ||
	    yajl_complete_parse(y) != yajl_status_ok)
		res = fail_parser(y, &r, text, n, what, e);
	else if (!r.root)
		res = fail_msg(e, EINVAL, "%s: empty, expected a JSON document", what);
	yajl_free(y);
	free(r.key);
	if (res < 0)
		json_free(r.root);
	else
		*ret = r.root;
	return res;
}

const struct json *json_get(const struct json *obj, const char *key)
{
	if (!obj || obj->type != JSON_OBJ)
		return NULL;
	for (size_t i = 0; i < obj->n; i++)
		if (!strcmp(obj->key[i], key))
			return obj->child[i];
	return NULL;
}

const char *json_get_str(const struct json *obj, const char *key)
{
	const struct json *j = json_get(obj, key);

	return j && j->type == JSON_STR ? j->s : NULL;
}
