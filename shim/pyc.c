/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time of a Python source. Input files show the epoch; but a compiled module has the time that
 * its source had, and is not used when that is another: each start would compile everything anew.
 * Where the disk agrees with the compiled module (PEP 3147, PEP 552), the source shows the time that
 * stands in there. It is a part of the input's content already.
 */
#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rootfs/walk.h"
#include "runtime/base/own.h"
#include "shim/world.h"

#define SUFFIX ".py"
#define TAG ".cpython-"

/* The names in the __pycache__ that was looked at last. */
struct pyc_dir {
	dev_t dev;
	ino_t ino;
	char **names; /* sorted */
	size_t n;
};

bool pyc_undated(struct world *w, const char *path, const struct stat *st)
{
	size_t n = strlen(path), s = strlen(SUFFIX);
	const struct vinode *v;

	if (!S_ISREG(st->st_mode) || n <= s || strcmp(path + n - s, SUFFIX) != 0)
		return false;
	v = inode_peek(w, st->st_dev, st->st_ino);
	return !v || !(v->dated || v->touched);
}

int pyc_cache(const char *path, char ret[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int n = snprintf(ret, PATH_MAX, "%.*s__pycache__", slash ? (int) (slash - path) + 1 : 0, path);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static struct pyc_dir *names_of(struct world *w, int cache)
{
	struct pyc_dir *d = w->pyc;
	struct stat st;

	if (fstat(cache, &st) < 0)
		return NULL;
	if (!d) {
		d = w->pyc = calloc(1, sizeof *d);
		must_mem(d);
	}
	if (d->dev == st.st_dev && d->ino == st.st_ino)
		return d;
	names_free(d->names, d->n);
	*d = (struct pyc_dir){ .dev = st.st_dev, .ino = st.st_ino };
	if (dir_names(cache, &d->names, &d->n) < 0)
		*d = (struct pyc_dir){ 0 };
	return d;
}

/* The first that is not before "@stem.cpython-". */
static size_t first(const struct pyc_dir *d, const char *stem, size_t len)
{
	size_t lo = 0, hi = d->n;
	char key[NAME_MAX + sizeof TAG];

	snprintf(key, sizeof key, "%.*s" TAG, (int) len, stem);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(d->names[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Magic, flags (0: it goes by the time), time and size of the source. */
static bool says(int cache, const char *name, const struct stat *source)
{
	own_fd fd = openat(cache, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	uint32_t h[4];

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		pread(fd, h, sizeof h, 0) == sizeof h && !h[1] &&
		le32toh(h[2]) == (uint32_t) source->st_mtim.tv_sec &&
		le32toh(h[3]) == (uint32_t) source->st_size;
}

static bool agrees(struct world *w, int cache, const char *path, const struct stat *st)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(name) - strlen(SUFFIX);
	const struct pyc_dir *d = names_of(w, cache);

	if (!d || len > NAME_MAX)
		return false;
	for (size_t i = first(d, name, len); i < d->n; i++) {
		const char *tag = d->names[i] + len;

		if (strncmp(d->names[i], name, len) != 0 || strncmp(tag, TAG, strlen(TAG)) != 0)
			return false;
		if (says(cache, d->names[i], st))
			return true;
	}
	return false;
}

void pyc_date(struct world *w, int cache, const char *path, const struct stat *st)
{
	struct vinode *v = inode_input(w, st);

	v->dated = true;
	if (cache >= 0 && st->st_mtim.tv_sec > 0 && agrees(w, cache, path, st))
		v->mtime = (uint64_t) st->st_mtim.tv_sec * NSEC;
}
