/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/ids.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { FILE_MAX = 1 << 24 };

static bool number(const char *s, uint32_t *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || v > UINT32_MAX)
		return false;
	*ret = (uint32_t) v;
	return true;
}

/* "name:start:count"; lines that are not so are passed over, as newuidmap does. */
static int add_line(struct id_table *t, char *line)
{
	char *save = NULL, *who = strtok_r(line, ":", &save);
	char *start = strtok_r(NULL, ":", &save), *count = strtok_r(NULL, ":", &save);
	struct id_range r, *more;
	struct passwd *pw;

	if (!who || !start || !count || !number(start, &r.start) || !number(count, &r.count))
		return 0;
	if (!number(who, &r.owner)) {
		pw = getpwnam(who);
		if (!pw)
			return 0;
		r.owner = pw->pw_uid;
	}
	more = realloc(t->v, (t->n + 1) * sizeof *more);
	if (!more)
		return -ENOMEM;
	t->v = more;
	t->v[t->n++] = r;
	return 0;
}

int ids_load(const char *file, struct id_table *ret, struct err *e)
{
	own_buf b = { 0 };
	struct err why;
	char *save = NULL, *text;
	int r = read_file(AT_FDCWD, file, FILE_MAX, &b, &why);

	if (r == -ENOENT)
		return 0;
	text = r < 0 ? NULL : buf_cstr(&b);
	if (!text)
		return fail(e, r < 0 ? r : -ENOMEM, "read %s", file);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		r = add_line(ret, l);
		if (r < 0)
			return fail(e, r, "read %s", file);
	}
	return 0;
}

void ids_free(struct id_table *t)
{
	free(t->v);
	*t = (struct id_table){ 0 };
}

static bool within(const struct id_range *r, uint32_t id)
{
	return id >= r->start && id - r->start < r->count;
}

bool ids_mappable(const struct id_table *t, uint32_t uid, uint32_t own, uint32_t id)
{
	if (id == own)
		return true;
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].owner == uid && within(&t->v[i], id))
			return true;
	return false;
}

uint32_t ids_image(const struct id_table *t, uint32_t uid, uint32_t top, uint32_t id)
{
	uint32_t next = 1;

	if (!top)
		return id;
	if (id == top)
		return 0;
	for (size_t i = 0; i < t->n; i++)
		if (within(&t->v[i], top) && within(&t->v[i], id) && id > top)
			return id - top;
	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i].owner != uid)
			continue;
		if (within(&t->v[i], id))
			return next + (id - t->v[i].start);
		next += t->v[i].count;
	}
	return id;
}
