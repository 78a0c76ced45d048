/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {
	[JSON_NULL] = "null",	[JSON_BOOL] = "true or false", [JSON_NUM] = "a number",
	[JSON_STR] = "a string", [JSON_ARR] = "a list",	       [JSON_OBJ] = "an object",
};

void rd_fail(struct rd *rd, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (rd->r < 0)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	rd->r = fail_msg(rd->e, EINVAL, "%s: %s%s%.100s: %s", rd->what, rd->path,
		key && rd->n ? "." : "", key ? key : "", text);
}

void rd_warn(struct rd *rd, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (rd->r < 0 || rd->s->n_warnings >= 100)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	spec_append_str(rd->s, &rd->s->warnings, &rd->s->n_warnings,
		spec_printf(rd->s, "%s: %s: %s", rd->what, rd->path, text));
}

static size_t enter(struct rd *rd, const char *fmt, const char *key, size_t i)
{
	size_t mark = rd->n, room = sizeof rd->path - rd->n;
	int n = key ? snprintf(rd->path + rd->n, room, fmt, key)
		    : snprintf(rd->path + rd->n, room, "[%zu]", i);

	rd->n += n < 0 ? 0 : (size_t) n < room ? (size_t) n : room - 1;
	return mark;
}

size_t rd_enter(struct rd *rd, const char *key)
{
	return enter(rd, rd->n ? ".%s" : "%s", key, 0);
}

size_t rd_enter_index(struct rd *rd, size_t i)
{
	return enter(rd, NULL, NULL, i);
}

void rd_leave(struct rd *rd, size_t mark)
{
	rd->n = mark;
	rd->path[mark] = 0;
}

static bool is_type(struct rd *rd, const struct json *j, const char *key, enum json_type type)
{
	if (j->type == type)
		return true;
	rd_fail(rd, key, "expected %s, got %s", type_names[type], type_names[j->type]);
	return false;
}

const struct json *rd_get(struct rd *rd, const struct json *obj, const char *key,
	enum json_type type)
{
	const struct json *j = rd->r < 0 ? NULL : json_get(obj, key);

	if (!j || j->type == JSON_NULL)
		return NULL;
	return is_type(rd, j, key, type) ? j : NULL;
}

bool rd_bool(struct rd *rd, const struct json *obj, const char *key)
{
	const struct json *j = rd_get(rd, obj, key, JSON_BOOL);

	return j && j->b;
}

const char *rd_str(struct rd *rd, const struct json *obj, const char *key)
{
	const struct json *j = rd_get(rd, obj, key, JSON_STR);

	return j ? spec_strdup(rd->s, j->s) : NULL;
}

const char *rd_str_needed(struct rd *rd, const struct json *obj, const char *key)
{
	const char *s = rd_str(rd, obj, key);

	if (!s || !*s)
		rd_fail(rd, key, "must not be empty");
	return s ? s : "";
}

static bool in_range(struct rd *rd, const struct json *j, const char *key, int64_t min,
	int64_t max)
{
	if (!j->is_int && !j->is_u64)
		rd_fail(rd, key, "expected a whole number, got %.40s", j->s);
	else if (j->is_u64 || j->i < min || j->i > max)
		rd_fail(rd, key, "%.40s is out of range (%lld to %lld)", j->s, (long long) min,
			(long long) max);
	else
		return true;
	return false;
}

int64_t rd_int(struct rd *rd, const struct json *obj, const char *key, int64_t min, int64_t max,
	int64_t dflt, bool *has)
{
	const struct json *j = rd_get(rd, obj, key, JSON_NUM);

	if (!j || !in_range(rd, j, key, min, max))
		return dflt;
	if (has)
		*has = true;
	return j->i;
}

uint64_t rd_u64(struct rd *rd, const struct json *obj, const char *key, bool *has)
{
	const struct json *j = rd_get(rd, obj, key, JSON_NUM);

	if (!j || (!j->is_u64 && !in_range(rd, j, key, 0, INT64_MAX)))
		return 0;
	if (has)
		*has = true;
	return (uint64_t) j->i;
}

int64_t rd_int_needed(struct rd *rd, const struct json *obj, const char *key, int64_t min,
	int64_t max)
{
	bool has = false;
	int64_t v = rd_int(rd, obj, key, min, max, 0, &has);

	if (!has)
		rd_fail(rd, key, "must be given");
	return v;
}

uint64_t rd_u64_needed(struct rd *rd, const struct json *obj, const char *key)
{
	bool has = false;
	uint64_t v = rd_u64(rd, obj, key, &has);

	if (!has)
		rd_fail(rd, key, "must be given");
	return v;
}

void rd_opt_i64(struct rd *rd, const struct json *obj, const char *key, struct spec_i64 *ret)
{
	ret->v = rd_int(rd, obj, key, INT64_MIN, INT64_MAX, 0, &ret->present);
}

void rd_opt_u64(struct rd *rd, const struct json *obj, const char *key, struct spec_u64 *ret)
{
	ret->v = rd_u64(rd, obj, key, &ret->present);
}

void rd_list_(struct rd *rd, const struct json *obj, const char *key, enum json_type type,
	rd_item item, void *list, size_t *n, size_t size)
{
	const struct json *j = rd_get(rd, obj, key, JSON_ARR);
	size_t mark = rd_enter(rd, key);

	for (size_t i = 0; j && i < j->n && !rd->r; i++) {
		size_t inner = rd_enter_index(rd, i);

		if (is_type(rd, j->child[i], NULL, type))
			item(rd, j->child[i], spec_append(rd->s, list, n, size));
		rd_leave(rd, inner);
	}
	rd_leave(rd, mark);
}

static void item_str(struct rd *rd, const struct json *j, void *elem)
{
	*(const char **) elem = spec_strdup(rd->s, j->s);
}

void rd_strs(struct rd *rd, const struct json *obj, const char *key, const char *const **list,
	size_t *n)
{
	rd_list_(rd, obj, key, JSON_STR, item_str, (void *) list, n, sizeof(**list));
}

void rd_kv(struct rd *rd, const struct json *obj, const char *key, const struct spec_kv **list,
	size_t *n)
{
	const struct json *j = rd_get(rd, obj, key, JSON_OBJ);
	size_t mark = rd_enter(rd, key);

	for (size_t i = 0; j && i < j->n && !rd->r; i++) {
		struct spec_kv *kv;

		if (!is_type(rd, j->child[i], j->key[i], JSON_STR))
			break;
		kv = spec_append(rd->s, (void *) list, n, sizeof(*kv));
		kv->key = spec_strdup(rd->s, j->key[i]);
		kv->value = spec_strdup(rd->s, j->child[i]->s);
	}
	spec_sort_kv((struct spec_kv *) *list, *n);
	rd_leave(rd, mark);
}
