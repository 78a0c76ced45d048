/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host lends a bundle may be all of somebody's home, or of /: more than one would read for a
 * manifest. Beyond a limit only names and sizes of its files are inputs, unless the run wrote to them; beyond
 * another one directories are, without what is in them.
 */
#include <string.h>
#include <sys/mount.h>

#include "shim/engine.h"

enum { LENT_MAX = 1 << 30, LENT_FILES = 100000 }; /* bytes, names: a large source tree */

/* @path is relative, without doubled slashes; @top is as config.json has it. */
static bool at_or_below(const char *path, const char *top)
{
	for (;;) {
		size_t n;

		top += strspn(top, "/");
		n = strcspn(top, "/");
		if (!n)
			return true;
		if (strncmp(path, top, n) != 0 || (path[n] && path[n] != '/'))
			return false;
		path += n + (path[n] == '/');
		top += n;
	}
}

static bool is_lent(const struct shim_opts *o, const char *path)
{
	for (size_t i = 0; i < o->n_mounts; i++)
		if (o->mounts[i].flags & MS_BIND && at_or_below(path, o->mounts[i].destination))
			return true;
	return false;
}

void lent_begin(struct world *w)
{
	memset(&w->lent, 0, sizeof w->lent);
}

static bool may_be_much(const struct world *w, const char *path)
{
	return !w->o->strict && !w->o->virtual_ids && is_lent(w->o, path);
}

static bool touched(struct world *w, const struct stat *st)
{
	const struct vinode *v = inode_peek(w, st->st_dev, st->st_ino);

	return v && v->touched;
}

bool lent_unread(void *ctx, const char *path, const struct stat *st)
{
	struct world *w = ctx;

	if (!may_be_much(w, path))
		return false;
	w->lent.names++;
	if (touched(w, st))
		return false;
	if ((uint64_t) st->st_size <= LENT_MAX - w->lent.read) {
		w->lent.read += (uint64_t) st->st_size;
		return false;
	}
	w->lent.unread++;
	return true;
}

bool lent_closed(void *ctx, const char *path, const struct stat *st)
{
	struct world *w = ctx;

	if (!may_be_much(w, path) || ++w->lent.names <= LENT_FILES || touched(w, st))
		return false;
	w->lent.closed++;
	return true;
}

/* What the program gets when it tries is in the trace. */
bool lent_passed(void *ctx, const char *path, int error)
{
	struct world *w = ctx;

	if (error == -ENOMEM || error == -EMFILE || error == -ENFILE || !may_be_much(w, path))
		return false;
	w->lent.unread++;
	return true;
}
