/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image's files without a look at each: the launcher has walked the lower directory to see what is
 * private in it, and an overlay shows a lower file as it is but for its number and its owner. What those
 * become is the same for all; where a few of them are shown otherwise than expected, all are looked at.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rootfs/walk.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"

enum {
	SAMPLES = 64,
	MAPS_MAX = 512, /* lines, more than the kernel takes */
	NOBODY = 65534, /* who is not mapped */
};

#define LAYER_BITS (~UINT64_C(0) << 48) /* in which overlayfs keeps the layer, if it does */

struct id_map {
	unsigned inside, outside, n;
};

struct id_maps {
	struct id_map v[MAPS_MAX];
	size_t n;
};

static int maps_read(struct world *w, const char *file, struct id_maps *ret, struct err *e)
{
	own_buf b = { 0 };
	char *save = NULL, *l;
	int r = read_file(w->host_proc, file, 1 << 16, &b, e);

	if (r < 0 || !buf_cstr(&b))
		return r < 0 ? r : -ENOMEM;
	ret->n = 0;
	for (l = strtok_r((char *) b.p, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		struct id_map *m = &ret->v[ret->n];

		if (ret->n == MAPS_MAX || sscanf(l, "%u %u %u", &m->inside, &m->outside, &m->n) != 3)
			return -EBADMSG;
		ret->n++;
	}
	return 0;
}

static uint32_t mapped(const struct id_maps *m, uint32_t id)
{
	for (size_t i = 0; i < m->n; i++)
		if (id >= m->v[i].outside && id - m->v[i].outside < m->v[i].n)
			return m->v[i].inside + (id - m->v[i].outside);
	return NOBODY;
}

/* The path of the @i-th, unless it or a directory above it is none of the lower directory's own. */
static bool path_of(const struct found *f, size_t i, char path[PATH_MAX])
{
	size_t at = 0, len = 0;

	while (at != i) {
		const char *name;
		size_t n;

		for (at++; f->v[at].next <= i; at = f->v[at].next)
			;
		name = found_name(f, at);
		n = strlen(name);
		if (f->v[at].other || len + n + 2 > PATH_MAX)
			return false;
		if (len)
			path[len++] = '/';
		memcpy(path + len, name, n + 1);
		len += n;
	}
	return len > 0;
}

/* Does the overlay show it as the lower directory has it? */
static bool untouched(const struct walk_known *k, const char *path)
{
	struct stat st;

	for (int i = 0; i < LAYERS; i++)
		if (k->layer[i] >= 0 && fstatat(k->layer[i], path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return false;
	for (const char *const *m = k->mounts; *m; m++) {
		size_t n = strlen(*m);

		if (n && !strncmp(path, *m, n) && (!path[n] || path[n] == '/'))
			return false;
	}
	return true;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same(const struct stat *a, const struct stat *b)
{
	bool dir = S_ISDIR(a->st_mode);

	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mode == b->st_mode &&
		a->st_uid == b->st_uid && a->st_gid == b->st_gid && a->st_rdev == b->st_rdev &&
		same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim) &&
		(dir || (a->st_nlink == b->st_nlink && a->st_size == b->st_size));
}

/* How one of them is shown. False: there is nothing to be learnt from it. */
static bool sample(struct world *w, const struct walk_known *k, size_t i, struct stat *ret)
{
	char path[PATH_MAX];

	return path_of(k->found, i, path) && untouched(k, path) &&
		fstatat(w->self_root, path, ret, AT_SYMLINK_NOFOLLOW) == 0;
}

static size_t nth(const struct found *f, size_t n)
{
	return 1 + (f->n - 1) * n / SAMPLES;
}

/* What the numbers get in addition: nothing, where all layers are in one file system. */
static bool learn_bits(struct world *w, const struct walk_known *k, uint64_t *ret)
{
	const struct found *f = k->found;
	struct stat st;

	for (size_t n = 0; n < SAMPLES; n++) {
		const struct found_ent *e = &f->v[nth(f, n)];

		if (S_ISDIR(e->st.st_mode) || !sample(w, k, nth(f, n), &st))
			continue;
		*ret = st.st_ino ^ e->st.st_ino;
		return !(*ret & ~LAYER_BITS);
	}
	return false;
}

static bool translate(struct found *f, dev_t dev, uint64_t bits, const struct id_maps *uids,
	const struct id_maps *gids)
{
	dev_t lower = f->v[0].st.st_dev;

	for (size_t i = 0; i < f->n; i++) {
		struct stat *st = &f->v[i].st;

		if (bits && st->st_ino & LAYER_BITS)
			return false;
		f->v[i].other |= st->st_dev != lower;
		st->st_dev = dev;
		st->st_ino |= bits;
		st->st_uid = mapped(uids, st->st_uid);
		st->st_gid = mapped(gids, st->st_gid);
	}
	return true;
}

static bool as_expected(struct world *w, const struct walk_known *k)
{
	const struct found *f = k->found;
	unsigned dirs = 0, files = 0;
	struct stat st;

	for (size_t n = 0; n < SAMPLES; n++) {
		const struct found_ent *e = &f->v[nth(f, n)];

		if (!sample(w, k, nth(f, n), &st))
			continue;
		if (!same(&st, &e->st))
			return false;
		dirs += S_ISDIR(st.st_mode);
		files += !S_ISDIR(st.st_mode);
	}
	return dirs && files;
}

static bool overlaid(struct world *w, const struct walk_known *k)
{
	own_free struct id_maps *ids = calloc(2, sizeof *ids);
	struct err e = ERR_INIT;
	uint64_t bits;
	struct stat top;

	return ids && k->found->n > 1 && fstat(w->self_root, &top) == 0 &&
		maps_read(w, "self/uid_map", &ids[0], &e) == 0 &&
		maps_read(w, "self/gid_map", &ids[1], &e) == 0 && learn_bits(w, k, &bits) &&
		translate(k->found, top.st_dev, bits, &ids[0], &ids[1]) && as_expected(w, k);
}

static bool may_know(const struct world *w)
{
	return w->o->rootfs && w->o->virtual_ids && w->o->upper >= 0 && !w->o->host_root;
}

int known_get(struct world *w, struct known *ret, struct manifest_opts *mo, struct err *e)
{
	bool first = !w->found.n;
	int r = may_know(w) ? mounts_list(w, &ret->text, &ret->mounts, e) : 0;

	if (r < 0 || !may_know(w))
		return r;
	ret->known = (struct walk_known){ .found = &w->found, .layer = { w->o->upper, w->o->hidden },
		.mounts = ret->mounts };
	if (first && w->o->found) {
		w->found = *w->o->found;
		*w->o->found = (struct found){ 0 };
		if (!overlaid(w, &ret->known))
			found_free(&w->found);
	}
	if (w->found.n)
		mo->known = &ret->known;
	else
		mo->keep = &w->found;
	return 0;
}

void known_drop(struct known *k)
{
	buf_free(&k->text);
	free(k->mounts);
}
