/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/cgroup_impl.h"

int cgroup_manager_parse(const char *name, enum cgroup_manager *ret, struct err *e)
{
	static const char *const names[] = {
		[CGROUP_CGROUPFS] = "cgroupfs",
		[CGROUP_SYSTEMD] = "systemd",
		[CGROUP_DISABLED] = "disabled",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(name, names[i])) {
			*ret = (enum cgroup_manager) i;
			return 0;
		}
	return fail_msg(e, EINVAL,
		"--cgroup-manager %s: cgroupfs, systemd or disabled expected", name);
}

/* In the first user namespace all ids are mapped as they are. */
static bool in_userns(void)
{
	own_buf b = { 0 };
	unsigned long inside, outside, n;

	if (read_file(AT_FDCWD, "/proc/self/uid_map", 4096, &b, NULL) < 0 || !buf_cstr(&b))
		return false;
	return sscanf((char *) b.p, "%lu %lu %lu", &inside, &outside, &n) == 3 &&
	       (inside || outside || n != 4294967295UL);
}

bool cgroup_rootless(const char *flag)
{
	if (flag && !strcmp(flag, "true"))
		return true;
	if (flag && !strcmp(flag, "false"))
		return false;
	return geteuid() != 0 || in_userns();
}

/* --- where it will be -------------------------------------------------------------------- */

static int place(struct cg_dir *d, bool pure_v2, const char *inner, struct err *e)
{
	own_free char *own = take_ptr(d->path);
	const char *base = *inner == '/' ? d->mount : own;
	size_t n = strlen(base);

	while (n && base[n - 1] == '/')
		n--;
	/* on v2 a cgroup with processes in it can't hand controllers on: beside, not below it */
	if (pure_v2 && *inner != '/' && n > strlen(d->mount))
		while (n && base[--n] != '/')
			;
	if (asprintf(&d->path, "%.*s%s%s", (int) n, base, *inner == '/' ? "" : "/", inner) < 0) {
		d->path = NULL;
		return fail(e, ENOMEM, "find the cgroup");
	}
	return 0;
}

static int place_all(struct cgroup *c, const struct cgroup_opts *o, struct err *e)
{
	own_free char *unit = NULL, *inner = NULL;
	int r = o->manager == CGROUP_SYSTEMD ? cg_systemd_name(c, o, &unit, e) : 0;

	if (r < 0)
		return r;
	inner = cg_clean(unit ? unit : o->path && *o->path ? o->path : o->id);
	if (!inner)
		return fail(e, ENOMEM, "find the cgroup");
	if (!*inner || !strcmp(inner, "/"))
		return fail_msg(e, EINVAL, "linux.cgroupsPath: \"%s\" is a hierarchy's root; name "
			"a cgroup below it", o->path);
	for (size_t i = 0; i < c->n && !r; i++)
		r = place(&c->dir[i], c->v2, inner, e);
	return r;
}

static int check_driver(const struct cgroup_opts *o, struct err *e)
{
	bool given = o->path && *o->path;

	if (o->manager == CGROUP_DISABLED && o->resources && cg_asks(o->resources))
		return fail_msg(e, EINVAL, "linux.resources: limits need a cgroup, "
			"and --cgroup-manager disabled allows none");
	if (given && strlen(o->path) > 3000)
		return fail(e, ENAMETOOLONG, "linux.cgroupsPath");
	return 0;
}

int cgroup_new(const struct cgroup_opts *o, struct cgroup **ret, struct err *e)
{
	own_cgroup c = calloc(1, sizeof *c);
	int r = c ? check_driver(o, e) : fail(e, ENOMEM, "find the cgroup");

	if (r < 0)
		return r;
	c->lock = -1;
	c->rootless = o->rootless;
	c->path_given = o->path && *o->path;
	if (o->manager != CGROUP_DISABLED) {
		r = cg_find(c, e);
		if (!r)
			r = place_all(c, o, e);
		if (r < 0)
			return r;
		if (!c->n && (c->path_given || (o->resources && cg_asks(o->resources))))
			return fail_msg(e, ENOENT, "linux.%s: no cgroup file system is mounted "
				"(see /proc/self/mountinfo)",
				c->path_given ? "cgroupsPath" : "resources");
	}
	*ret = take_ptr(c);
	return 0;
}

void cgroup_free(struct cgroup *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		free(c->dir[i].name);
		free(c->dir[i].mount);
		free(c->dir[i].path);
	}
	own_fd_drop(&c->lock);
	free(c->unit);
	free(c->slice);
	free(c);
}

bool cgroup_exists(const struct cgroup *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (!c->dir[i].absent)
			return true;
	return false;
}

size_t cgroup_views(const struct cgroup *c, const struct cgroup_view **ret)
{
	struct cgroup *w = (struct cgroup *) (uintptr_t) c; /* its cache */

	for (size_t i = 0; i < c->n; i++) {
		const struct cg_dir *d = &c->dir[i];
		const char *eq = strchr(d->name, '=');

		w->view[i] = (struct cgroup_view) {
			.name = d->v2 ? (c->v2 ? "" : "unified") : eq ? eq + 1 : d->name,
			.mount = d->mount,
			.path = d->absent ? NULL : d->path,
			.options = d->name,
			.v2 = d->v2,
		};
	}
	*ret = c->view;
	return c->n;
}

/* --- state.json -------------------------------------------------------------------------- */

void cgroup_put(const struct cgroup *c, struct json_out *o)
{
	if (!c) {
		json_null(o);
		return;
	}
	json_open(o, '{');
	json_key(o, "dirs");
	json_open(o, '[');
	for (size_t i = 0; i < c->n; i++) {
		if (c->dir[i].absent)
			continue;
		json_open(o, '{');
		json_kstr(o, "controllers", c->dir[i].name);
		json_kstr(o, "path", c->dir[i].path);
		json_kbool(o, "v2", c->dir[i].v2);
		json_close(o, '}');
	}
	json_close(o, ']');
	json_kbool(o, "made", c->made);
	json_kbool(o, "rootless", c->rootless);
	if (c->slice)
		json_kstr(o, "slice", c->slice);
	if (c->unit)
		json_kstr(o, "unit", c->unit);
	json_close(o, '}');
}

static bool get_bool(const struct json *j, const char *key)
{
	const struct json *v = json_get(j, key);

	return v && v->type == JSON_BOOL && v->b;
}

static int get_dir(struct cgroup *c, const struct json *j, struct err *e)
{
	const char *name = json_get_str(j, "controllers"), *path = json_get_str(j, "path");
	struct cg_dir *d = &c->dir[c->n];

	if (!name || !path || *path != '/' || strstr(path, "/../"))
		return fail_msg(e, EINVAL, "state.json: not a cgroup's directory");
	*d = (struct cg_dir) { .name = strdup(name), .path = strdup(path), .v2 = get_bool(j, "v2") };
	c->n++;
	must_mem(d->name && d->path);
	return 0;
}

int cgroup_get(const struct json *j, struct cgroup **ret, struct err *e)
{
	own_cgroup c = calloc(1, sizeof *c);
	const struct json *dirs = j && j->type == JSON_OBJ ? json_get(j, "dirs") : NULL;
	const char *unit, *slice;
	int r = 0;

	must_mem(c); /* who takes it for none leaves it behind */
	c->lock = -1;
	for (size_t i = 0; dirs && dirs->type == JSON_ARR && i < dirs->n && !r; i++) {
		if (dirs->child[i]->type != JSON_OBJ || i == CG_DIRS)
			return fail_msg(e, EINVAL, "state.json: not a list of cgroups");
		r = get_dir(c, dirs->child[i], e);
	}
	if (r < 0)
		return r;
	c->v2 = c->n == 1 && c->dir[0].v2;
	c->made = j && j->type == JSON_OBJ && get_bool(j, "made");
	c->rootless = j && j->type == JSON_OBJ && get_bool(j, "rootless");
	unit = c->n ? json_get_str(j, "unit") : NULL;
	slice = c->n ? json_get_str(j, "slice") : NULL;
	c->unit = unit ? strdup(unit) : NULL;
	c->slice = slice ? strdup(slice) : NULL;
	must_mem((c->unit || !unit) && (c->slice || !slice));
	*ret = take_ptr(c);
	return 0;
}
