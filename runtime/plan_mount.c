/* SPDX-License-Identifier: Apache-2.0 */
/* The plan's mounts and devices. */
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "runtime/base/own.h"
#include "runtime/cgroup.h"
#include "runtime/mounts.h"
#include "runtime/plan_impl.h"

static bool is_type(const struct spec_mount *m, const char *type)
{
	return !(m->flags & MS_BIND) && m->type && !strcmp(m->type, type);
}

static struct op *plan_tmpfs(const struct spec_mount *m, unsigned long ms, struct plan *p)
{
	struct op *o = plan_add(p, OP_MOUNT, m->destination);

	o->type = "tmpfs";
	o->source = "tmpfs";
	o->data = "mode=755";
	o->ms = MS_NOSUID | MS_NODEV | MS_NOEXEC | ms;
	return o;
}

/* The canonical machine's /sys: a few files, read-only. The host's would tell of the host. */
static void plan_sys(const struct plan_in *in, const struct spec_mount *m, struct plan *p)
{
	const char *last = "";

	plan_tmpfs(m, 0, p);
	plan_add(p, OP_MKDIR, "/sys/fs/cgroup")->mode = 0755;
	for (const struct plan_file *f = in->sys; f->path; f++) {
		const char *dir = plan_str(p, "%.*s", (int) (strrchr(f->path, '/') - f->path), f->path);
		struct op *o;

		if (strcmp(dir, last))
			plan_add(p, OP_MKDIR, dir)->mode = 0755;
		last = dir;
		o = plan_add(p, OP_FILE, f->path);
		o->data = f->data;
		o->mode = 0444;
	}
	plan_add(p, OP_ATTR, m->destination)->attr = MOUNT_ATTR_RDONLY;
}

/* --- cgroups ----------------------------------------------------------------------------- */

static bool cgroupns(const struct plan_in *in)
{
	return in->spec->linux_.ns[SPEC_NS_CGROUP].present;
}

/* One hierarchy: the container's part of it, be it by its namespace or by a bind mount. */
static void plan_hierarchy(const struct plan_in *in, const struct spec_mount *m,
	const struct cgroup_view *v, struct plan *p)
{
	const char *at = *v->name ? plan_str(p, "%s/%s", m->destination, v->name)
				  : m->destination;
	bool own = cgroupns(in) || (v->v2 && !*v->name);
	struct op *o;

	o = plan_add(p, own ? OP_MOUNT : OP_BIND, at);
	o->type = own ? v->v2 ? "cgroup2" : "cgroup" : NULL;
	o->source = own ? "cgroup" : v->path ? v->path : v->mount;
	o->above = own ? cgroupns(in) && v->path ? v->path : v->mount : NULL;
	o->data = own && !v->v2 ? v->options : NULL;
	o->flag = !own;
	o->ms = m->flags & ~(unsigned long) MS_REC;
	if (!own && !v->path)
		o->ms |= MS_RDONLY; /* not ours: to look at */
	o->propagation = m->propagation;
}

/* Controllers that share a hierarchy are found by each name. */
static void plan_links(const struct spec_mount *m, const struct cgroup_view *v, struct plan *p)
{
	const char *c = v->name;

	if (!strchr(c, ','))
		return;
	for (size_t n; *c; c += n + (c[n] == ',')) {
		n = strcspn(c, ",");
		plan_add(p, OP_SYMLINK, plan_str(p, "%s/%.*s", m->destination, (int) n, c))->data =
			v->name;
	}
}

static void plan_cgroups(const struct plan_in *in, const struct spec_mount *m, struct plan *p)
{
	const struct cgroup_view *v = NULL;
	size_t n = in->cgroup ? cgroup_views(in->cgroup, &v) : 0;
	struct op *o;

	if (n == 1 && !*v->name) {
		plan_hierarchy(in, m, v, p);
		return;
	}
	if (!n) { /* none of our own: the host's, to look at */
		o = plan_add(p, OP_BIND, m->destination);
		o->source = "/sys/fs/cgroup";
		o->flag = true;
		o->ms = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
		o->rec_set = MOUNT_ATTR_RDONLY;
		o->optional = true;
		return;
	}
	plan_tmpfs(m, 0, p);
	for (size_t i = 0; i < n; i++) {
		if (v[i].v2) /* beside v1's: a systemd inside would take it for its own, and fail */
			continue;
		plan_hierarchy(in, m, &v[i], p);
		plan_links(m, &v[i], p);
	}
	if (m->flags & MS_RDONLY)
		plan_add(p, OP_ATTR, m->destination)->attr = MOUNT_ATTR_RDONLY;
}

/* --- mounts ------------------------------------------------------------------------------ */

static void plan_overlay_mount(const struct plan_in *in, const struct spec_mount *m, unsigned i,
	struct plan *p)
{
	struct op *o = plan_add(p, OP_OVERLAY, m->destination);

	o->source = m->source;
	o->type = plan_str(p, "%s/v%u.upper", in->priv, i);
	o->data = plan_str(p, "%s/v%u.work", in->priv, i);
	o->flag = in->userns;
}

static const char *source_of(const struct plan_in *in, const struct spec_mount *m, struct plan *p)
{
	if (!m->source || m->source[0] == '/' || !in->bundle)
		return m->source;
	return plan_str(p, "%s/%s", in->bundle, m->source);
}

/* Made read-only when what belongs into it is there. */
static bool late_readonly(const struct spec_mount *m)
{
	return m->flags & MS_RDONLY && !(m->flags & (MS_BIND | MS_REMOUNT)) &&
	       (is_type(m, "tmpfs") || !strcmp(m->destination, "/dev"));
}

/* A host's path below the root file system is the container's: what is left of it, or NULL. */
static const char *inside(const struct plan_in *in, const char *path)
{
	size_t n = in->root == ROOT_BIND ? strlen(in->lower) : 0;

	return n > 1 && path && !strncmp(path, in->lower, n) && path[n] == '/' ? path + n : NULL;
}

static void plan_mount(const struct plan_in *in, const struct spec_mount *m, struct plan *p)
{
	bool bind = m->flags & MS_BIND;
	const char *to = inside(in, m->destination);
	struct op *o = plan_add(p, m->flags & MS_REMOUNT ? OP_REMOUNT : bind ? OP_BIND :
		OP_MOUNT, to ? to : m->destination);

	o->type = m->type;
	o->source = bind ? source_of(in, m, p) : m->source;
	if (bind && inside(in, o->source)) {
		o->source = inside(in, o->source);
		o->inside = true;
	}
	o->data = m->data;
	o->ms = m->flags & ~m->flags_clear;
	o->ms_clear = m->flags_clear;
	o->rec_set = m->rec_attr_set;
	o->rec_clear = m->rec_attr_clear;
	o->ext = m->ext;
	o->mount = m;
	o->flag = m->flags & MS_REC;
	o->propagation = m->propagation;
	if (late_readonly(m))
		o->ms &= ~(unsigned long) MS_RDONLY;
}

int plan_mounts(const struct plan_in *in, struct plan *p, struct err *e)
{
	(void) e;
	for (unsigned i = 0; i < in->spec->n_mounts; i++) {
		const struct spec_mount *m = &in->spec->mounts[i];
		bool cgroup = is_type(m, "cgroup") || is_type(m, "cgroup2");

		if (cgroup && in->sys) { /* the hierarchy is the host's: its state is no input */
			plan_tmpfs(m, 0, p);
			plan_cgview(in, m, p);
		} else if (in->sys && plan_cgview_part(in->spec, m)) {
			continue;
		} else if (cgroup)
			plan_cgroups(in, m, p);
		else if (in->sys && !strcmp(m->destination, "/sys"))
			plan_sys(in, m, p);
		else if (is_type(m, "overlay") && !*m->data && in->priv)
			plan_overlay_mount(in, m, i, p);
		else
			plan_mount(in, m, p);
	}
	return 0;
}

/* --- devices ----------------------------------------------------------------------------- */

static const struct {
	const char *path;
	unsigned major, minor;
} devices[] = {
	{ "/dev/null", 1, 3 },	 { "/dev/zero", 1, 5 },	   { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

static const struct plan_link dev_links[] = {
	{ "/dev/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
	{ "/dev/ptmx", "pts/ptmx" },
};

static void plan_device(const struct plan_in *in, const struct spec_device *d, bool asked,
	struct plan *p)
{
	struct op *o = plan_add(p, OP_DEVICE, d->path);

	o->mode = d->mode | (d->type == 'p' ? S_IFIFO : d->type == 'b' ? S_IFBLK : S_IFCHR);
	o->attr = d->type == 'p' ? 0 : makedev((unsigned) d->major, (unsigned) d->minor);
	o->uid = d->has_uid ? d->uid : 0;
	o->gid = d->has_gid ? d->gid : 0;
	if (in->userns && d->type != 'p')
		o->source = d->path; /* nobody may make nodes in a user namespace */
	o->flag = asked;
}

static bool listed(const struct spec *s, const char *path)
{
	for (size_t i = 0; i < s->linux_.n_devices; i++)
		if (!strcmp(s->linux_.devices[i].path, path))
			return true;
	return false;
}

/* Nothing is made where /dev is the host's, or one of the image's own that we may not write. */
static bool own_dev(const struct plan_in *in)
{
	bool own = in->root != ROOT_BIND || !in->userns || in->spec->linux_.n_devices;

	for (size_t i = 0; i < in->spec->n_mounts; i++) {
		const struct spec_mount *m = &in->spec->mounts[i];

		if (!strcmp(m->destination, "/dev"))
			own = !(m->flags & MS_BIND);
	}
	return own;
}

void plan_dev(const struct plan_in *in, struct plan *p)
{
	const struct spec *s = in->spec;

	if (!own_dev(in))
		return;
	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		struct spec_device d = { .path = devices[i].path, .type = 'c', .mode = 0666,
			.major = devices[i].major, .minor = devices[i].minor };

		if (!listed(s, d.path))
			plan_device(in, &d, false, p);
	}
	for (size_t i = 0; i < s->linux_.n_devices; i++)
		if (strcmp(s->linux_.devices[i].path, "/dev/ptmx")) /* devpts has it */
			plan_device(in, &s->linux_.devices[i], true, p);
	for (size_t i = 0; i < ARRAY_LEN(dev_links); i++)
		plan_add(p, OP_SYMLINK, dev_links[i].path)->data = dev_links[i].target;
}

static bool covered(const struct spec *s, size_t i)
{
	for (size_t k = i + 1; k < s->n_mounts; k++)
		if (!strcmp(s->mounts[k].destination, s->mounts[i].destination))
			return true;
	return false;
}

static bool listed_before(const char *const *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(list[k], list[i]))
			return true;
	return false;
}

void plan_late_attrs(const struct plan_in *in, struct plan *p)
{
	const struct spec *s = in->spec;

	for (size_t i = 0; i < s->n_mounts; i++)
		if (late_readonly(&s->mounts[i]) && !covered(s, i) &&
			!(in->sys && !strcmp(s->mounts[i].destination, "/sys")))
			plan_add(p, OP_ATTR, s->mounts[i].destination)->attr = MOUNT_ATTR_RDONLY;
	for (size_t i = 0; i < s->linux_.n_readonly; i++)
		plan_add(p, OP_READONLY, s->linux_.readonly[i]);
	for (size_t i = 0; i < s->linux_.n_masked; i++)
		if (!listed_before(s->linux_.masked, i))
			plan_add(p, OP_MASK, s->linux_.masked[i]);
	if (s->root_readonly)
		plan_add(p, OP_ATTR, "/")->attr = MOUNT_ATTR_RDONLY;
}
