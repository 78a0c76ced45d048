/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a JSON tree into a struct spec with errors that name the JSON path. The first error
 * sticks: what follows reads nothing and returns defaults, so that callers need not check each
 * call. A null member counts as absent. Private to oci/.
 */
#ifndef DETRUN_OCI_READ_H
#define DETRUN_OCI_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "oci/mem.h"
#include "runtime/base/json.h"

struct rd {
	struct spec *s;
	const char *what; /* the document's name */
	struct err *e;
	int r;		/* first error */
	size_t n;	/* length of .path */
	char path[256]; /* "process.rlimits[2]"; cut when longer */
};

/** Fail at the current path plus .@key (NULL: the path itself). Keeps an earlier error. */
void rd_fail(struct rd *rd, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** As rd_fail(), at .@key[@i]. */
#define rd_fail_item(rd, key, i, ...)                 \
	do {                                          \
		size_t mark_ = rd_enter((rd), (key)); \
		rd_enter_index((rd), (i));            \
		rd_fail((rd), NULL, __VA_ARGS__);     \
		rd_leave((rd), mark_);                \
	} while (0)

/** Note a warning at the current path. */
void rd_warn(struct rd *rd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Enter @key; returns what rd_leave() takes. */
size_t rd_enter(struct rd *rd, const char *key);
size_t rd_enter_index(struct rd *rd, size_t i);
void rd_leave(struct rd *rd, size_t mark);

/** Member @key of @obj if there, not null and of @type; another type is an error. */
const struct json *rd_get(struct rd *rd, const struct json *obj, const char *key,
	enum json_type type);

bool rd_bool(struct rd *rd, const struct json *obj, const char *key);
/** A copy in the spec's memory, or NULL. */
const char *rd_str(struct rd *rd, const struct json *obj, const char *key);
/** As rd_str(), but must be there and not empty. */
const char *rd_str_needed(struct rd *rd, const struct json *obj, const char *key);
/** A whole number in [min, max], or @dflt when absent. @has (may be NULL): it was there. */
int64_t rd_int(struct rd *rd, const struct json *obj, const char *key, int64_t min, int64_t max,
	int64_t dflt, bool *has);
uint64_t rd_u64(struct rd *rd, const struct json *obj, const char *key, bool *has);
/** A number that has to be there. */
int64_t rd_int_needed(struct rd *rd, const struct json *obj, const char *key, int64_t min,
	int64_t max);
uint64_t rd_u64_needed(struct rd *rd, const struct json *obj, const char *key);
void rd_opt_i64(struct rd *rd, const struct json *obj, const char *key, struct spec_i64 *ret);
void rd_opt_u64(struct rd *rd, const struct json *obj, const char *key, struct spec_u64 *ret);

/** A list of strings. */
void rd_strs(struct rd *rd, const struct json *obj, const char *key, const char *const **list,
	size_t *n);
/** An object of strings, sorted by key. */
void rd_kv(struct rd *rd, const struct json *obj, const char *key, const struct spec_kv **list,
	size_t *n);

/** One element of a list: @j has the type that rd_list() was given. */
typedef void (*rd_item)(struct rd *rd, const struct json *j, void *elem);
/** A list of @type; each element is read by @item into a new element of @list. */
void rd_list_(struct rd *rd, const struct json *obj, const char *key, enum json_type type,
	rd_item item, void *list, size_t *n, size_t size);
#define rd_list(rd, obj, key, type, item, list, n) \
	rd_list_(rd, obj, key, type, item, (void *) &(list), &(n), sizeof(*(list)))

/* The parts of config.json */
void read_process(struct rd *rd, const struct json *j);
void read_linux(struct rd *rd, const struct json *j);
void read_resources(struct rd *rd, const struct json *j);
void read_seccomp(struct rd *rd, const struct json *j);
void read_idmap(struct rd *rd, const struct json *j, void *elem);

#endif
