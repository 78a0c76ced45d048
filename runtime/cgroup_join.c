/* SPDX-License-Identifier: Apache-2.0 */
/* For who comes later: joining a container's cgroup, watching it run out of memory. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/cgroup_impl.h"

/* --- exec -------------------------------------------------------------------------------- */

/* Does it stay below where it starts? */
static bool below(const char *path)
{
	int depth = 0;

	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !memcmp(p, "..", 2))
			depth--;
		else if (n && !(n == 1 && *p == '.'))
			depth++;
		if (depth < 0)
			return false;
		p += n + (p[n] == '/');
	}
	return true;
}

/* The argument that is for this hierarchy: its path, NULL if there is none. */
static const char *sub_of(const struct cg_dir *d, const char *const *sub, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *colon = strchr(sub[i], ':');
		own_free char *list = colon ? strndup(sub[i], (size_t) (colon - sub[i])) : NULL;
		char *save, *p;

		if (!colon)
			return sub[i];
		p = list ? strtok_r(list, ",", &save) : NULL;
		for (; p; p = strtok_r(NULL, ",", &save))
			if (cg_listed(d->name, p) || (d->v2 && !strcmp(p, "unified")))
				return colon + 1;
	}
	return NULL;
}

static bool used(const struct cgroup *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (cg_listed(c->dir[i].name, name) || (c->dir[i].v2 && !strcmp(name, "unified")))
			return true;
	return false;
}

static int check_sub(const struct cgroup *c, const char *arg, size_t n_sub, struct err *e)
{
	const char *colon = strchr(arg, ':');
	own_free char *list = colon ? strndup(arg, (size_t) (colon - arg)) : NULL;
	char *save, *p;

	if (colon && strchr(colon + 1, ':'))
		return fail_msg(e, EINVAL, "invalid --cgroup argument: %s", arg);
	if (!colon && n_sub > 1)
		return fail_msg(e, EINVAL,
			"invalid --cgroup argument: %s (missing <controller>: prefix)", arg);
	must_mem(!colon || list);
	if (colon && (!*list || strstr(list, ",,") || *list == ','))
		return fail_msg(e, EINVAL,
			"invalid --cgroup argument: %s (empty <controller> prefix)", arg);
	if (!below(colon ? colon + 1 : arg))
		return fail_msg(e, EINVAL, "bad sub cgroup path: %s is not a sub cgroup path", colon ? colon + 1 : arg);
	p = list ? strtok_r(list, ",", &save) : NULL;
	for (; p; p = strtok_r(NULL, ",", &save))
		if (!used(c, p))
			return fail_msg(e, EINVAL, "unknown controller %s in SubCgroupPaths", p);
	return 0;
}

static int join_dir(const struct cg_dir *d, const char *sub, pid_t pid, struct err *e)
{
	own_free char *path = NULL;
	struct cg_dir at = *d;

	if (asprintf(&path, "%s%s%s", d->path, sub ? "/" : "", sub ? sub : "") < 0)
		return fail(e, ENOMEM, "join the cgroup");
	at.path = path;
	return cg_attach(&at, pid, e);
}

/* v2: the container's own is closed to processes once it has children with controllers. */
static int follow_init(const struct cg_dir *d, pid_t init, pid_t pid, struct err *e)
{
	char path[64];
	own_buf b = { 0 };
	own_free char *at = NULL;
	struct cgroup here = { 0 };
	const char *line;
	int r;

	snprintf(path, sizeof path, "/proc/%d/cgroup", init);
	r = read_file(AT_FDCWD, path, CG_TEXT, &b, e);
	if (r < 0)
		return r;
	line = buf_cstr(&b) ? strstr((char *) b.p, "0::/") : NULL;
	if (!line)
		return fail_msg(e, EINVAL, "%s: no v2 cgroup in it", path);
	r = cg_find(&here, e);
	if (!r && asprintf(&at, "%s%.*s", here.n ? here.dir[0].mount : "",
			   (int) strcspn(line + 3, "\n"), line + 3) >= 0 && here.n) {
		struct cg_dir x = *d;

		x.path = at;
		r = cg_attach(&x, pid, e);
	}
	for (size_t i = 0; i < here.n; i++) {
		free(here.dir[i].name);
		free(here.dir[i].mount);
		free(here.dir[i].path);
	}
	return r;
}

static int join(const struct cgroup *c, const char *const *sub, size_t n_sub, pid_t init, pid_t pid,
	struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n_sub && !r; i++)
		r = check_sub(c, sub[i], n_sub, e);
	for (size_t i = 0; i < c->n && !r; i++) {
		const struct cg_dir *d = &c->dir[i];
		const char *s = sub_of(d, sub, n_sub);

		/* hybrid: a path for all is not looked for where nobody makes it */
		if (s && d->v2 && !c->v2 && !strchr(sub[0], ':'))
			s = NULL;
		if (d->absent)
			continue;
		r = join_dir(d, s, pid, e);
		/* it has children with controllers, or init has left it and it is gone */
		if ((r == -EBUSY || r == -ENOENT) && d->v2 && !s)
			r = follow_init(d, init, pid, e);
		if (r < 0 && c->rootless && !s)
			r = 0;
	}
	return r;
}

int cgroup_join(const struct cgroup *c, const char *const *sub, size_t n_sub, pid_t init, pid_t pid,
	struct err *e)
{
	int r = join(c, sub, n_sub, init, pid, e);

	return r < 0 ? fail_ctx(e, r, "error adding pid %d to cgroups", pid) : 0;
}

/* --- out of memory ----------------------------------------------------------------------- */

static uint64_t kills_v2(const struct cg_dir *d)
{
	own_buf b = { 0 };
	uint64_t v = 0;

	return !cg_read(d, "memory.events", &b, NULL) && cg_key((char *) b.p, "oom_kill", &v) ? v
											      : 0;
}

static int watch_v2(const struct cg_dir *d)
{
	own_fd fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	own_free char *path = NULL;

	if (fd < 0 || asprintf(&path, "%s/memory.events", d->path) < 0 ||
		inotify_add_watch(fd, path, IN_MODIFY) < 0)
		return -1;
	return take_fd(&fd);
}

static int watch_v1(const struct cg_dir *d)
{
	own_fd fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), control = -1;
	own_free char *path = NULL;
	char line[32];

	if (fd < 0 || asprintf(&path, "%s/memory.oom_control", d->path) < 0)
		return -1;
	control = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(line, sizeof line, "%d %d", fd, control);
	if (control < 0 || cg_write(d, "cgroup.event_control", line, NULL) < 0)
		return -1;
	return take_fd(&fd);
}

int cgroup_watch_oom(const struct cgroup *c, uint64_t *ret_kills)
{
	const struct cg_dir *d = cg_of(c, "memory");

	if (!d)
		return -1;
	*ret_kills = d->v2 ? kills_v2(d) : 0;
	return d->v2 ? watch_v2(d) : watch_v1(d);
}

uint64_t cgroup_oom_kills(const struct cgroup *c, int watch, uint64_t before)
{
	const struct cg_dir *d = cg_of(c, "memory");
	char drain[4096];
	uint64_t v = 0;

	if (!d || watch < 0)
		return before;
	if (!d->v2)
		return read(watch, &v, sizeof v) == sizeof v ? before + v : before;
	while (read(watch, drain, sizeof drain) > 0)
		;
	return kills_v2(d);
}
