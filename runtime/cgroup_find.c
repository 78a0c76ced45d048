/* SPDX-License-Identifier: Apache-2.0 */
/* Which cgroup hierarchies are mounted, and where in them we are. */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/cgroup_impl.h"
#include "runtime/mountinfo.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

bool cg_listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p; p = strchr(p, ','), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, n) && (!p[n] || p[n] == ','))
			return true;
	return false;
}

char *cg_clean(const char *path)
{
	char *r = malloc(strlen(path) + 2), *to = r;
	bool absolute = *path == '/';

	if (!r)
		return NULL;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !memcmp(p, "..", 2)) {
			while (to > r && *--to != '/')
				;
		} else if (n && !(n == 1 && *p == '.')) {
			*to++ = '/';
			memcpy(to, p, n);
			to += n;
		}
		p += n + (p[n] == '/');
	}
	*to = 0;
	if (absolute && to == r)
		strcpy(r, "/");
	else if (!absolute && *r)
		memmove(r, r + 1, strlen(r)); /* with its end */
	return r;
}

/* Our place as the mount shows it: what lies above the mount's root is out of sight. */
static const char *seen(const char *own, const char *root)
{
	size_t n = strlen(root);

	if (!strcmp(root, "/"))
		return own;
	if (!strncmp(own, root, n) && (!own[n] || own[n] == '/'))
		return own + n;
	return "";
}

/* The line of /proc/self/cgroup whose controllers have @first; "" is v2's. NULL: none. */
static char *own_path(const char *cgroups, const char *list)
{
	for (const char *p = cgroups; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		const char *names = strchr(p, ':');
		const char *path = names ? strchr(names + 1, ':') : NULL;
		own_free char *first = NULL;

		if (!path)
			break;
		first = strndup(names + 1, (size_t) (path - names - 1));
		if (!first)
			return NULL;
		if (*list ? *first && cg_listed(list, strndupa(first, strcspn(first, ","))) :
			    !*first)
			return strndup(path + 1, strcspn(path + 1, "\n"));
	}
	return NULL;
}

/* The controllers among a v1 mount's options, or its "name=…". */
static char *names_of(const char *options)
{
	static const char *const other[] = { "rw", "ro", "xattr", "clone_children", "noprefix",
		"all", "cpuset_v2_mode", "none", "seclabel", "favordynmods", "nofavordynmods" };
	char *r = calloc(1, strlen(options) + 1);
	own_free char *copy = strdup(options);
	char *save, *p;

	if (!r || !copy)
		return r;
	for (p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		bool skip = !strncmp(p, "release_agent=", 14);

		for (size_t i = 0; i < ARRAY_LEN(other); i++)
			skip |= !strcmp(p, other[i]);
		if (!skip)
			strcat(strcat(r, *r ? "," : ""), p);
	}
	return r;
}

static bool known(const struct cgroup *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->dir[i].name, name))
			return true;
	return false;
}

static int add_mount(struct cgroup *c, const char *cgroups, const struct mount_line *m,
	struct err *e)
{
	bool v2 = !strcmp(m->type, "cgroup2");
	own_free char *name = v2 ? strdup("") : names_of(m->options), *own = NULL;
	struct cg_dir *d = &c->dir[c->n];

	if (!name)
		return fail(e, ENOMEM, "find the cgroups");
	if (!strncmp(name, "name=", 5) && strcmp(name, "name=systemd"))
		return 0; /* somebody's own */
	if (known(c, name) || c->n == CG_DIRS || (!v2 && !*name))
		return 0;
	own = own_path(cgroups, name);
	if (!own)
		return 0;
	*d = (struct cg_dir) { .mount = strdup(m->point), .v2 = v2 };
	c->n++;
	d->name = take_ptr(name);
	if (asprintf(&d->path, "%s%s", m->point, seen(own, m->root)) < 0)
		d->path = NULL;
	if (!d->mount || !d->path)
		return fail(e, ENOMEM, "find the cgroups");
	return 0;
}

static int add_mounts(struct cgroup *c, const char *cgroups, char *mountinfo, struct err *e)
{
	char *save, *line = strtok_r(mountinfo, "\n", &save);
	int r = 0;

	for (; line && !r; line = strtok_r(NULL, "\n", &save)) {
		struct mount_line m;

		if (!strstr(line, " - cgroup") || !mountinfo_cut(line, &m))
			continue;
		if (!strcmp(m.type, "cgroup") || !strcmp(m.type, "cgroup2"))
			r = add_mount(c, cgroups, &m, e);
	}
	return r;
}

int cg_find(struct cgroup *c, struct err *e)
{
	own_buf cgroups = { 0 }, mounts = { 0 };
	char root[] = "/", point[] = CGROUP_ROOT, type[] = "cgroup2", rw[] = "rw";
	struct mount_line only = { root, point, type, rw };
	struct statfs fs;
	int r;

	if (read_file(AT_FDCWD, "/proc/self/cgroup", CG_TEXT, &cgroups, NULL) < 0 ||
		!buf_cstr(&cgroups))
		return 0; /* a kernel without */
	c->v2 = statfs(CGROUP_ROOT, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
	if (c->v2)
		return add_mount(c, (char *) cgroups.p, &only, e);
	r = read_file(AT_FDCWD, "/proc/self/mountinfo", 16 * CG_TEXT, &mounts, e);
	if (r < 0)
		return r;
	if (!buf_cstr(&mounts))
		return fail(e, ENOMEM, "find the cgroups");
	r = add_mounts(c, (char *) cgroups.p, (char *) mounts.p, e);
	c->v2 = c->n == 1 && c->dir[0].v2;
	return r;
}

const struct cg_dir *cg_of(const struct cgroup *c, const char *controller)
{
	for (size_t i = 0; i < c->n; i++)
		if (!c->dir[i].v2 && cg_listed(c->dir[i].name, controller))
			return &c->dir[i];
	for (size_t i = 0; i < c->n; i++)
		if (c->dir[i].v2)
			return &c->dir[i];
	return NULL;
}
