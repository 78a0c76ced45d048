/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "runtime/base/own.h"
#include "runtime/mounts.h"

static struct op *add(struct plan *p, enum op_kind kind, const char *path)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->op = realloc(p->op, p->cap * sizeof *p->op);
		must(p->op);
	}
	p->op[p->n] = (struct op) { .kind = kind, .path = path };
	return &p->op[p->n++];
}

__attribute__((format(printf, 2, 3)))
static const char *str(struct plan *p, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	must(vasprintf(&s, fmt, ap) >= 0);
	va_end(ap);
	p->str = realloc(p->str, (p->n_str + 1) * sizeof *p->str);
	must(p->str);
	p->str[p->n_str++] = s;
	return s;
}

void plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->n_str; i++)
		free(p->str[i]);
	free(p->str);
	free(p->op);
	*p = (struct plan) { 0 };
}

/* --- the root ---------------------------------------------------------------------------- */

static const char *plan_hide(const struct plan_in *in, struct plan *p)
{
	const char *layer = NULL;

	for (const char *const *f = in->empty; f && *f; f++) {
		struct op *o = add(p, OP_HIDE, *f);

		if (!layer)
			layer = str(p, "%s/hidden", in->priv);
		o->source = in->lower;
		o->data = layer;
		o->flag = in->userns;
	}
	return layer;
}

static void plan_root(const struct plan_in *in, struct plan *p)
{
	const char *hidden;
	struct op *o;

	switch (in->root) {
	case ROOT_OVERLAY:
		hidden = plan_hide(in, p);
		o = add(p, OP_ROOT_OVERLAY, "/");
		o->source = in->lower;
		o->above = hidden;
		o->type = str(p, "%s/upper", in->priv);
		o->data = str(p, "%s/work", in->priv);
		o->flag = in->userns;
		break;
	case ROOT_COPY:
		o = add(p, OP_COPY, str(p, "%s/upper", in->priv));
		o->source = in->lower;
		o = add(p, OP_ROOT_BIND, "/");
		o->source = str(p, "%s/upper", in->priv);
		break;
	case ROOT_BIND:
		o = add(p, OP_ROOT_BIND, "/");
		o->flag = !in->spec->linux_.ns[SPEC_NS_MOUNT].present;
		o->source = in->lower;
		break;
	case ROOT_EMPTY:
		o = add(p, OP_ROOT_BIND, "/");
		o->source = str(p, "%s/upper", in->priv);
		break;
	}
}

static void plan_root_files(const struct plan_in *in, struct plan *p)
{
	for (const struct plan_dir *d = in->dirs; d && d->path; d++)
		add(p, OP_MKDIR, d->path)->mode = d->mode;
	for (const struct plan_link *l = in->links; l && l->path; l++)
		add(p, OP_SYMLINK, l->path)->data = l->target;
	for (const struct plan_file *f = in->files; f && f->path; f++) {
		struct op *o = add(p, OP_FILE, f->path);

		o->data = f->data;
		o->mode = 0644;
	}
	for (const char *const *f = in->empty; in->root == ROOT_COPY && f && *f; f++)
		add(p, OP_EMPTY, *f);
}

/* --- mounts ------------------------------------------------------------------------------ */

static struct op *plan_tmpfs(const struct spec_mount *m, unsigned long ms, struct plan *p)
{
	struct op *o = add(p, OP_MOUNT, m->destination);

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
	add(p, OP_MKDIR, "/sys/fs/cgroup")->mode = 0755;
	for (const struct plan_file *f = in->sys; f->path; f++) {
		const char *dir = str(p, "%.*s", (int) (strrchr(f->path, '/') - f->path), f->path);
		struct op *o;

		if (strcmp(dir, last))
			add(p, OP_MKDIR, dir)->mode = 0755;
		last = dir;
		o = add(p, OP_FILE, f->path);
		o->data = f->data;
		o->mode = 0444;
	}
	add(p, OP_ATTR, m->destination)->attr = MOUNT_ATTR_RDONLY;
}

static void plan_cgroup_mount(const struct plan_in *in, const struct spec_mount *m, struct plan *p)
{
	struct op *o;

	if (in->sys) { /* the hierarchy is the host's: its state is no input */
		plan_tmpfs(m, MS_RDONLY, p);
		return;
	}
	o = add(p, OP_BIND, m->destination);
	o->source = "/sys/fs/cgroup";
	o->flag = true;
	o->attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	o->optional = true;
}

static void plan_overlay_mount(const struct plan_in *in, const struct spec_mount *m, unsigned i,
	struct plan *p)
{
	struct op *o = add(p, OP_OVERLAY, m->destination);

	o->source = m->source;
	o->type = str(p, "%s/v%u.upper", in->priv, i);
	o->data = str(p, "%s/v%u.work", in->priv, i);
	o->flag = in->userns;
}

static int plan_mount(const struct plan_in *in, unsigned i, struct plan *p, struct err *e)
{
	const struct spec_mount *m = &in->spec->mounts[i];
	bool bind = m->flags & MS_BIND || (m->type && !strcmp(m->type, "bind"));
	struct op *o;

	if (m->ext)
		return fail_msg(e, EOPNOTSUPP, "mount on %s: the options tmpcopyup, idmap and "
			"nofollow are not supported yet", m->destination);
	if (!bind && m->type && !strncmp(m->type, "cgroup", 6)) {
		plan_cgroup_mount(in, m, p);
		return 0;
	}
	if (in->sys && !strcmp(m->destination, "/sys")) {
		plan_sys(in, m, p);
		return 0;
	}
	if (!bind && m->type && !strcmp(m->type, "overlay") && !*m->data && in->priv) {
		plan_overlay_mount(in, m, i, p);
		return 0;
	}
	o = add(p, bind ? OP_BIND : OP_MOUNT, m->destination);
	o->type = m->type;
	o->source = m->source;
	o->data = m->data;
	o->ms = m->flags & ~m->flags_clear;
	o->flag = m->flags & MS_REC || (bind && !(m->flags & MS_BIND));
	o->propagation = m->propagation;
	if (bind) {
		o->attr = mnt_attrs(o->ms);
		o->clear = mnt_attrs(m->flags_clear) & ~o->attr;
	} else if (!strcmp(m->destination, "/dev")) {
		o->ms &= ~(unsigned long) MS_RDONLY; /* see plan_late_attrs() */
	}
	if (m->rec_attr_set || m->rec_attr_clear) {
		o = add(p, OP_ATTR, m->destination);
		o->attr = m->rec_attr_set;
		o->clear = m->rec_attr_clear;
		o->flag = true;
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

static void plan_device(const struct plan_in *in, const struct spec_device *d, struct plan *p)
{
	struct op *o = add(p, OP_DEVICE, d->path);

	o->mode = d->mode | (d->type == 'p' ? S_IFIFO : d->type == 'b' ? S_IFBLK : S_IFCHR);
	o->attr = d->type == 'p' ? 0 : makedev((unsigned) d->major, (unsigned) d->minor);
	o->uid = d->has_uid ? d->uid : 0;
	o->gid = d->has_gid ? d->gid : 0;
	if (in->userns && d->type != 'p')
		o->source = d->path; /* nobody may make nodes in a user namespace */
}

/* The device nodes each container has, when /dev is a file system of its own. */
static void plan_dev(const struct plan_in *in, struct plan *p)
{
	bool own = false;

	for (size_t i = 0; i < in->spec->n_mounts; i++) {
		const struct spec_mount *m = &in->spec->mounts[i];

		if (!strcmp(m->destination, "/dev") && !(m->flags & MS_BIND))
			own = true;
	}
	if (!own && in->root == ROOT_BIND && in->userns && !in->spec->linux_.n_devices)
		return; /* a /dev of the root file system's own */
	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		struct spec_device d = { .path = devices[i].path, .type = 'c', .mode = 0666,
			.major = devices[i].major, .minor = devices[i].minor };

		plan_device(in, &d, p);
	}
	for (size_t i = 0; i < in->spec->linux_.n_devices; i++)
		plan_device(in, &in->spec->linux_.devices[i], p);
	for (size_t i = 0; i < ARRAY_LEN(dev_links); i++)
		add(p, OP_SYMLINK, dev_links[i].path)->data = dev_links[i].target;
}

/* A read-only /dev can be made so only when its nodes are there. */
static void plan_late_attrs(const struct plan_in *in, struct plan *p)
{
	const struct spec *s = in->spec;

	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];

		if (!strcmp(m->destination, "/dev") && m->flags & MS_RDONLY &&
			!(m->flags & MS_BIND))
			add(p, OP_ATTR, "/dev")->attr = MOUNT_ATTR_RDONLY;
	}
	for (size_t i = 0; i < s->linux_.n_readonly; i++)
		add(p, OP_READONLY, s->linux_.readonly[i]);
	for (size_t i = 0; i < s->linux_.n_masked; i++)
		add(p, OP_MASK, s->linux_.masked[i]);
	if (s->root_readonly)
		add(p, OP_ATTR, "/")->attr = MOUNT_ATTR_RDONLY;
}

/* --- the process ------------------------------------------------------------------------- */

static void plan_kernel(const struct spec *s, struct plan *p)
{
	if (s->linux_.ns[SPEC_NS_NET].present && !s->linux_.ns[SPEC_NS_NET].path)
		add(p, OP_LO_UP, NULL);
	if (s->hostname && *s->hostname)
		add(p, OP_HOSTNAME, NULL)->data = s->hostname;
	if (s->domainname && *s->domainname)
		add(p, OP_DOMAINNAME, NULL)->data = s->domainname;
	for (size_t i = 0; i < s->linux_.n_sysctl; i++)
		add(p, OP_SYSCTL, s->linux_.sysctl[i].key)->data = s->linux_.sysctl[i].value;
	if (s->process.has_oom_score_adj)
		add(p, OP_OOM, NULL)->data = str(p, "%d", s->process.oom_score_adj);
}

static void plan_process(const struct plan_in *in, struct plan *p)
{
	const struct spec_process *proc = &in->spec->process;

	for (size_t i = 0; i < proc->n_rlimits; i++) {
		struct op *o = add(p, OP_RLIMIT, NULL);

		o->data = proc->rlimits[i].name;
		o->mode = (mode_t) proc->rlimits[i].resource;
		o->attr = proc->rlimits[i].soft;
		o->clear = proc->rlimits[i].hard;
		o->flag = in->soft_rlimits;
	}
	if (!in->no_keyring)
		add(p, OP_KEYRING, NULL)->optional = true;
	add(p, OP_SESSION, NULL);
	add(p, OP_UMASK, NULL)->mode = proc->user.has_umask ? proc->user.umask : 022;
	if (in->spec->has_process)
		add(p, OP_CWD, proc->cwd);
	if (!in->spec->has_process) {
		add(p, OP_CREATED, NULL); /* `start` will say so */
	} else if (in->off) {
		add(p, OP_USER, NULL);
		add(p, OP_CREATED, NULL);
	} else { /* the supervisor attaches to who still has its privileges */
		add(p, OP_CREATED, NULL);
		add(p, OP_READY, NULL);
		add(p, OP_USER, NULL);
	}
	add(p, OP_EXEC, proc->n_args ? proc->args[0] : "");
}

int plan_make(const struct plan_in *in, struct plan *p, struct err *e)
{
	const struct spec *s = in->spec;
	bool own = s->linux_.ns[SPEC_NS_MOUNT].present; /* else we mount where the host sees it */
	int r;

	if (own)
		add(p, OP_PROPAGATION, "/")->propagation = s->linux_.rootfs_propagation
			? s->linux_.rootfs_propagation : MS_REC | MS_PRIVATE;
	plan_root(in, p);
	plan_root_files(in, p);
	for (unsigned i = 0; i < s->n_mounts; i++) {
		r = plan_mount(in, i, p, e);
		if (r < 0)
			return r;
	}
	plan_dev(in, p);
	if (s->process.terminal)
		add(p, OP_CONSOLE, "/dev/console")->uid = s->process.user.uid;
	plan_kernel(s, p);
	plan_late_attrs(in, p);
	add(p, OP_PIVOT, NULL)->flag = in->no_pivot || !own;
	plan_process(in, p);
	return 0;
}

/* --- printing ---------------------------------------------------------------------------- */

static const char *const names[] = {
	[OP_PROPAGATION] = "propagation", [OP_COPY] = "copy",
	[OP_HIDE] = "hide",
	[OP_ROOT_OVERLAY] = "root-overlay", [OP_ROOT_BIND] = "root-bind",
	[OP_MKDIR] = "mkdir", [OP_FILE] = "file",
	[OP_EMPTY] = "empty",
	[OP_SYMLINK] = "symlink", [OP_MOUNT] = "mount", [OP_OVERLAY] = "overlay",
	[OP_BIND] = "bind", [OP_DEVICE] = "device", [OP_ATTR] = "attributes",
	[OP_MASK] = "mask", [OP_READONLY] = "read-only", [OP_LO_UP] = "lo-up",
	[OP_HOSTNAME] = "hostname", [OP_DOMAINNAME] = "domainname", [OP_SYSCTL] = "sysctl",
	[OP_OOM] = "oom-score", [OP_RLIMIT] = "rlimit", [OP_PIVOT] = "pivot",
	[OP_KEYRING] = "keyring", [OP_CONSOLE] = "console", [OP_SESSION] = "session", [OP_UMASK] = "umask",
	[OP_CWD] = "cwd", [OP_CREATED] = "created", [OP_READY] = "ready", [OP_USER] = "user", [OP_EXEC] = "exec",
};

static void print_op(const struct op *o, struct buf *b)
{
	buf_printf(b, "%-12s", names[o->kind]);
	if (o->path)
		buf_printf(b, " %s", o->path);
	if (o->type)
		buf_printf(b, " type=%s", o->type);
	if (o->source)
		buf_printf(b, " from=%s", o->source);
	if (o->above)
		buf_printf(b, " above=%s", o->above);
	if (o->data && *o->data && o->kind != OP_FILE)
		buf_printf(b, " %s", o->data);
	if (o->kind == OP_RLIMIT)
		buf_printf(b, " %llu:%llu", (unsigned long long) o->attr,
			(unsigned long long) o->clear);
	else if (o->attr || o->ms)
		buf_printf(b, " flags=%#llx", (unsigned long long) (o->attr | o->ms));
	if (o->mode && o->kind != OP_RLIMIT)
		buf_printf(b, " mode=%04o", o->mode & 07777u);
	buf_str(b, "\n");
}

void plan_print(const struct plan *p, struct buf *b)
{
	for (size_t i = 0; i < p->n; i++)
		print_op(&p->op[i], b);
}
