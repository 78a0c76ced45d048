/* SPDX-License-Identifier: Apache-2.0 */
/* Making the directories, moving processes into them, removing them. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/cgroup_impl.h"

static void nap(unsigned ms)
{
	nanosleep(&(struct timespec) { ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* --- cpuset, v1 -------------------------------------------------------------------------- */

/* A new one is empty, and a process can't enter it: it gets what its parent has. */
static int fill_cpuset(const struct cg_dir *d, const char *parent, const char *file,
	const char *given, struct err *e)
{
	struct cg_dir up = { .path = (char *) (uintptr_t) parent };
	own_buf now = { 0 }, from = { 0 };
	int r;

	if (given && *given)
		return cg_write(d, file, given, e);
	r = cg_read(d, file, &now, e);
	if (r < 0 || (now.n && now.p[0] != '\n'))
		return r;
	r = cg_read(&up, file, &from, e);
	return r < 0 ? r : cg_write(d, file, (char *) from.p, e);
}

static int init_cpuset(const struct cg_dir *d, const char *parent, const struct spec_resources *r,
	struct err *e)
{
	int x = fill_cpuset(d, parent, "cpuset.cpus", r ? r->cpu.cpus : NULL, e);

	return x < 0 ? x : fill_cpuset(d, parent, "cpuset.mems", r ? r->cpu.mems : NULL, e);
}

/* --- v2 ---------------------------------------------------------------------------------- */

/* All at once, or each alone: one that can't be handed on is missed only by who needs it. */
static void enable_controllers(const struct cg_dir *d, const char *all)
{
	own_buf b = { 0 };
	own_free char *copy = strdup(all);
	char *save, *p;

	if (!copy)
		return;
	for (p = strtok_r(copy, " \n", &save); p; p = strtok_r(NULL, " \n", &save))
		buf_printf(&b, "%s+%s", b.n ? " " : "", p);
	if (!b.n || !buf_cstr(&b) || !cg_write(d, "cgroup.subtree_control", (char *) b.p, NULL))
		return;
	for (p = strtok_r((char *) b.p, " ", &save); p; p = strtok_r(NULL, " ", &save))
		cg_write(d, "cgroup.subtree_control", p, NULL);
}

/* Controllers that manage threads work where those of whole processes do not. */
static bool asks_domain(const struct spec_resources *r)
{
	struct spec_resources rest;

	if (!r)
		return false;
	rest = *r;
	memset(&rest.cpu, 0, sizeof rest.cpu);
	rest.pids_limit.present = false;
	return cg_asks(&rest);
}

/* Below a cgroup with processes of its own only a threaded one can live. */
static int check_type(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	own_buf b = { 0 };
	char *type;

	if (cg_read(d, "cgroup.type", &b, NULL) < 0)
		return 0;
	type = (char *) b.p;
	type[strcspn(type, "\n")] = 0;
	if (!strcmp(type, "domain"))
		return 0;
	if (asks_domain(r))
		return fail_msg(e, EOPNOTSUPP, "cannot enter cgroupv2 \"%s\" with domain "
			"controllers -- it is in %s%s", d->path,
			strcmp(type, "domain invalid") ? type : "an invalid",
			strcmp(type, "domain invalid") ? " mode" : " state");
	if (!strcmp(type, "domain invalid"))
		cg_write(d, "cgroup.type", "threaded", NULL);
	return 0;
}

/* --- directories ------------------------------------------------------------------------- */

/* Go errors are lower-case, and engines read them. */
static int mkdir_failed(const char *path, int errnum, struct err *e)
{
	if (errnum == EACCES || errnum == EPERM)
		return fail_msg(e, errnum, "mkdir %s: permission denied", path);
	return fail(e, errnum, "mkdir %s", path);
}

static int make_step(struct cg_dir *d, const char *path, const char *parent,
	const struct spec_resources *r, bool last, struct err *e)
{
	struct cg_dir at = { .path = (char *) (uintptr_t) path };

	if (mkdir(path, 0755) == 0)
		d->made |= last;
	else if (errno != EEXIST)
		return mkdir_failed(path, errno, e);
	if (d->v2)
		return check_type(&at, r, e);
	if (cg_listed(d->name, "cpuset"))
		return init_cpuset(&at, parent, last ? r : NULL, e);
	return 0;
}

/* From the mount point down, as a parent decides what its children can have. */
static int make_path(struct cg_dir *d, const struct spec_resources *r, const char *controllers,
	struct err *e)
{
	own_free char *path = strdup(d->path), *parent = strdup(d->mount);
	size_t n = strlen(d->mount);
	int x = 0;

	if (!path || !parent)
		return fail(e, ENOMEM, "mkdir %s", d->path);
	while (path[n] && !x) {
		struct cg_dir up = { .path = parent };
		bool last;

		n += 1 + strcspn(path + n + 1, "/");
		last = !d->path[n];
		path[n] = 0;
		if (controllers)
			enable_controllers(&up, controllers);
		x = make_step(d, path, parent, r, last, e);
		free(parent);
		parent = strdup(path);
		if (!parent)
			return fail(e, ENOMEM, "mkdir %s", d->path);
		if (!last)
			path[n] = '/';
	}
	return x;
}

/* Only for what is asked of v2 where v1 has the rest. */
static bool wants_controllers(const struct cgroup *c, const struct cg_dir *d,
	const struct spec_resources *r)
{
	return d->v2 && (c->v2 || (r && (r->n_hugepages || r->n_unified || r->n_rdma)));
}

int cg_make_dir(struct cgroup *c, struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	struct cg_dir top = { .path = d->mount };
	own_buf ctrs = { 0 };

	if (!d->v2 && !cg_listed(d->name, "cpuset") && mkdir(d->path, 0755) == 0) {
		d->made = true;
		return 0;
	}
	if (wants_controllers(c, d, r))
		cg_read(&top, "cgroup.controllers", &ctrs, NULL);
	return make_path(d, r, ctrs.n ? (char *) ctrs.p : NULL, e);
}

static bool ignorable(const struct cgroup *c, int r)
{
	return c->rootless && !c->path_given && (r == -EACCES || r == -EPERM || r == -EROFS);
}

/* Of two who make the same, one waits here until the other's process is in it. */
static int lock(struct cgroup *c, struct err *e)
{
	const struct cg_dir *d = cg_procs_dir(c);

	c->lock = d ? open(d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (d && c->lock < 0)
		return fail(e, errno, "open %s", d->path);
	while (d && flock(c->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail(e, errno, "lock %s", d->path);
	return 0;
}

/* For those as well who have inherited it. */
static void unlock(struct cgroup *c)
{
	if (c->lock < 0)
		return;
	flock(c->lock, LOCK_UN);
	close(take_fd(&c->lock));
}

static int check_empty(const struct cgroup *c, struct err *e)
{
	own_free pid_t *pids = NULL;
	size_t n = 0;
	int r = cgroup_pids(c, &pids, &n, e);

	if (r < 0)
		return r;
	if (n)
		return fail_msg(e, EBUSY, "container's cgroup is not empty: %zu process(es) found",
			n);
	if (cgroup_frozen(c))
		return fail_msg(e, EBUSY, "container's cgroup unexpectedly frozen");
	return 0;
}

/* What was there before us is not ours. */
static void unmake(struct cgroup *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->dir[i].made)
			rmdir(c->dir[i].path);
		c->dir[i].absent = true;
	}
}

/* It is systemd's to make, when there is a process to put in. */
static int make_later(struct cgroup *c, struct err *e)
{
	int r = check_empty(c, e);

	for (size_t i = 0; r < 0 && i < c->n; i++)
		c->dir[i].absent = true;
	c->made = !r;
	return r;
}

/* systemd keeps to the hierarchies that it uses itself. */
static int attach_by_systemd(struct cgroup *c, pid_t pid, struct err *e)
{
	int r = cg_systemd_start(c, pid, e);

	for (size_t i = 0; i < c->n && !r; i++) {
		struct cg_dir *d = &c->dir[i];

		if (c->v2 || access(d->path, F_OK) == 0)
			continue;
		r = cg_make_dir(c, d, NULL, e);
		if (r < 0 && c->rootless) {
			d->absent = true;
			r = 0;
		}
	}
	return r;
}

int cgroup_make(struct cgroup *c, const struct spec_resources *r, struct err *e)
{
	int x = 0;

	if (c->unit)
		return make_later(c, e);

	for (size_t i = 0; i < c->n && !x; i++) {
		x = cg_make_dir(c, &c->dir[i], r, e);
		if (ignorable(c, x)) {
			c->dir[i].absent = true;
			x = 0;
			if (c->v2 && r && cg_asks(r))
				x = fail_ctx(e, -EACCES, "rootless needs no limits + no "
					"cgrouppath when no permission is granted for cgroups");
		}
	}
	if (!x && cgroup_exists(c))
		x = lock(c, e);
	if (!x && cgroup_exists(c))
		x = check_empty(c, e);
	if (x < 0) {
		unmake(c);
		unlock(c);
	}
	c->made = !x;
	return x;
}

/* --- processes --------------------------------------------------------------------------- */

/* A task that is still being made is refused with EINVAL for a moment. */
int cg_attach(const struct cg_dir *d, pid_t pid, struct err *e)
{
	int r;

	for (int i = 0; i < 5; i++) {
		r = cg_write_int(d, "cgroup.procs", pid, e);
		if (r != -EINVAL)
			break;
		nap(30);
	}
	return r;
}

int cgroup_birthplace(const struct cgroup *c)
{
	if (!c->v2 || c->unit || c->dir[0].absent)
		return -1;
	return open(c->dir[0].path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void cgroup_entered(struct cgroup *c)
{
	c->entered = true;
}

int cgroup_attach(struct cgroup *c, pid_t pid, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		struct cg_dir *d = &c->dir[i];
		int r = d->absent || c->entered ? 0 : cg_attach(d, pid, e);

		if (ignorable(c, r)) {
			if (d->made)
				rmdir(d->path);
			d->absent = true;
			d->made = false;
		} else if (r < 0) {
			return r;
		}
	}
	unlock(c);
	return 0;
}

int cgroup_attach_early(struct cgroup *c, pid_t pid, struct err *e)
{
	int r = c->unit ? attach_by_systemd(c, pid, e) : 0;

	if (!r && c->unit)
		r = cgroup_attach(c, pid, e);
	c->entered |= c->unit && !r;
	return r;
}

/* --- the end ----------------------------------------------------------------------------- */

/* The container may have made cgroups of its own below. */
static int rm_tree(const char *path, int depth)
{
	own_dir d = NULL;
	struct dirent *ent;

	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	if ((errno != EBUSY && errno != ENOTEMPTY) || depth > 64)
		return -errno;
	d = opendir(path);
	while (d && (ent = readdir(d))) {
		char sub[PATH_MAX];
		int r;

		if (ent->d_type != DT_DIR || !strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
			continue;
		if ((size_t) snprintf(sub, sizeof sub, "%s/%s", path, ent->d_name) >= sizeof sub)
			return -ENAMETOOLONG;
		r = rm_tree(sub, depth + 1);
		if (r < 0)
			return r;
	}
	return rmdir(path) == 0 || errno == ENOENT ? 0 : -errno;
}

static void unmade(const struct cgroup *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (!c->dir[i].absent)
			rmdir(c->dir[i].path);
}

int cgroup_remove(struct cgroup *c, struct err *e)
{
	if (c->unit && c->made)
		cg_systemd_stop(c);
	if (!c->made) { /* perhaps, when we were killed; if it is in use it was not */
		unmade(c);
		return 0;
	}
	for (size_t i = 0; i < c->n; i++) {
		int r = 0;

		if (c->dir[i].absent)
			continue;
		for (unsigned ms = 1; ms < 1000; ms *= 2) { /* who was just killed still leaves */
			r = rm_tree(c->dir[i].path, 0);
			if (r != -EBUSY)
				break;
			nap(ms);
		}
		if (r < 0)
			return fail(e, r, "unable to remove container's cgroup %s", c->dir[i].path);
	}
	return 0;
}
