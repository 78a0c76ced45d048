/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inodes that are forgotten: a service makes files and pipes without end. One whose last name is gone
 * can come back only by a descriptor. Where nobody has it open, it may still lie in a socket's queue
 * meanwhile, so it has to be missing twice.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "runtime/base/own.h"
#include "shim/fs.h"

static void keep(struct map *open, int dir, const char *name)
{
	struct stat st;

	if (fs_look(dir, name, 0, &st) == 0)
		must_mem(map_put(open, st.st_dev, st.st_ino, 1) == 0);
}

/* False: it can't be known. Who is gone has nothing open. */
static bool keep_task(struct world *w, const struct task *t, struct map *open)
{
	static const char *const links[] = { "cwd", "root", "exe" };
	struct dirent *ent;
	char path[32];
	own_dir d = NULL;
	int fd;

	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		snprintf(path, sizeof path, "%d/%s", (int) t->pid, links[i]);
		keep(open, w->host_proc, path);
	}
	snprintf(path, sizeof path, "%d/fd", (int) t->pid);
	fd = openat(w->host_proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH;
	d = fdopendir(fd);
	must_mem(d);
	while ((ent = readdir(d)))
		if (*ent->d_name != '.')
			keep(open, fd, ent->d_name);
	return true;
}

static bool is_open(const struct map *open, const struct vinode *v)
{
	return map_get(open, v->key.dev, v->key.ino) ||
		(v->alias.ino && map_get(open, v->alias.dev, v->alias.ino));
}

static void forget(struct world *w, const struct map *open)
{
	struct map_slot *s;
	size_t i = 0, left = 0;

	while ((s = map_next(&w->ino.map, &i))) {
		struct vinode *v = (struct vinode *) (uintptr_t) s->v;

		if (s->k1 != v->key.dev || s->k2 != v->key.ino)
			continue; /* by its other number */
		if (!v->nameless && s->k1 != w->ino.pipe && s->k1 != w->ino.sock)
			continue;
		if (v->missed && !is_open(open, v)) {
			inode_drop(w, s->k1, s->k2);
			continue;
		}
		v->missed = !is_open(open, v);
		left++;
	}
	w->ino.gone = left;
}

void inode_sweep(struct world *w)
{
	struct map open = { 0 };
	const struct task *t = w->tasks;

	inode_look(w);
	while (t && keep_task(w, t, &open))
		t = t->next;
	if (!t)
		forget(w, &open);
	map_free(&open);
	w->ino.left = w->ino.gone;
}
