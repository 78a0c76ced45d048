/* SPDX-License-Identifier: Apache-2.0 */
/* -v SRC:DST[:ro|rw|snapshot] */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/own.h"
#include "runtime/door.h"

static int bad(const char *text, const char *why, struct err *e)
{
	return fail_msg(e, EINVAL, "--volume %s: %s; SRC:DST[:ro|rw|snapshot] expected", text, why);
}

static int mode_of(const char *text, const char *mode, struct door_volume *v, struct err *e)
{
	if (!mode || !strcmp(mode, "rw"))
		v->mode = VOL_RW;
	else if (!strcmp(mode, "ro"))
		v->mode = VOL_RO;
	else if (!strcmp(mode, "snapshot"))
		v->mode = VOL_SNAPSHOT;
	else
		return bad(text, "unknown mode", e);
	return 0;
}

static bool clean_path(const char *p)
{
	return *p == '/' && p[1] && !strstr(p, "/../") && !(strlen(p) >= 3 &&
		!strcmp(p + strlen(p) - 3, "/.."));
}

static int parse(const char *text, struct door_volume *v, struct err *e)
{
	own_free char *copy = strdup(text);
	char *dst, *mode;
	struct stat st;
	int r;

	if (!copy)
		return fail(e, ENOMEM, "--volume");
	dst = strchr(copy, ':');
	if (!dst || dst == copy)
		return bad(text, "no destination", e);
	*dst++ = 0;
	mode = strchr(dst, ':');
	if (mode)
		*mode++ = 0;
	if (!clean_path(dst))
		return bad(text, "the destination is not an absolute path", e);
	r = mode_of(text, mode, v, e);
	if (r < 0)
		return r;
	v->src = realpath(copy, NULL);
	v->dst = strdup(dst);
	if (!v->src || stat(v->src, &st) < 0)
		return fail(e, errno, "--volume %s", copy);
	if (v->mode == VOL_SNAPSHOT && !S_ISDIR(st.st_mode))
		return bad(text, "only a directory can be a snapshot", e);
	return v->dst ? 0 : fail(e, ENOMEM, "--volume");
}

int volumes_parse(struct door *d, struct err *e)
{
	d->vol = calloc(d->volumes.n + 1, sizeof *d->vol);
	if (!d->vol)
		return fail(e, ENOMEM, "--volume");
	for (size_t i = 0; i < d->volumes.n; i++) {
		int r = parse(d->volumes.v[i], &d->vol[d->n_vol++], e);

		if (r < 0)
			return r;
	}
	return 0;
}
