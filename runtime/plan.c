/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/plan_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "runtime/base/own.h"
#include "shim/shim.h"

struct op *plan_add(struct plan *p, enum op_kind kind, const char *path)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->op = realloc(p->op, p->cap * sizeof *p->op);
		must_mem(p->op);
	}
	p->op[p->n] = (struct op) { .kind = kind, .path = path };
	return &p->op[p->n++];
}

const char *plan_str(struct plan *p, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	must_mem(vasprintf(&s, fmt, ap) >= 0);
	va_end(ap);
	p->str = realloc(p->str, (p->n_str + 1) * sizeof *p->str);
	must_mem(p->str);
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

/*
 * Not asked for anything, a container sees what the host mounts later; a run to be repeated must
 * not. What is to be shared with the host stays as it is: see op_root_bind().
 */
static void plan_propagation(const struct plan_in *in, struct plan *p)
{
	unsigned long want = in->spec->linux_.rootfs_propagation;

	if (want & MS_SHARED && !in->no_pivot)
		return;
	plan_add(p, OP_PROPAGATION, "/")->propagation = MS_REC |
		(want & (MS_SLAVE | MS_SHARED) || (!want && in->off) ? MS_SLAVE : MS_PRIVATE);
}

/* --- the root ---------------------------------------------------------------------------- */

static const char *plan_hide(const struct plan_in *in, struct plan *p)
{
	const char *layer = NULL;

	for (const char *const *f = in->empty; f && *f; f++) {
		struct op *o = plan_add(p, OP_HIDE, *f);

		if (!layer)
			layer = plan_str(p, "%s/hidden", in->priv);
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
		o = plan_add(p, OP_ROOT_OVERLAY, "/");
		o->source = in->lower;
		o->above = hidden;
		o->type = plan_str(p, "%s/upper", in->priv);
		o->data = plan_str(p, "%s/work", in->priv);
		o->flag = in->userns;
		break;
	case ROOT_COPY:
		o = plan_add(p, OP_COPY, plan_str(p, "%s/upper", in->priv));
		o->source = in->lower;
		o = plan_add(p, OP_ROOT_BIND, "/");
		o->source = plan_str(p, "%s/upper", in->priv);
		break;
	case ROOT_BIND:
		o = plan_add(p, OP_ROOT_BIND, "/");
		o->flag = !in->spec->linux_.ns[SPEC_NS_MOUNT].present;
		o->source = in->lower;
		if (!in->no_pivot)
			o->propagation = in->spec->linux_.rootfs_propagation;
		break;
	case ROOT_EMPTY:
		o = plan_add(p, OP_ROOT_BIND, "/");
		o->source = plan_str(p, "%s/upper", in->priv);
		break;
	}
}

static void plan_root_files(const struct plan_in *in, struct plan *p)
{
	for (const struct plan_dir *d = in->dirs; d && d->path; d++)
		plan_add(p, OP_MKDIR, d->path)->mode = d->mode;
	for (const struct plan_link *l = in->links; l && l->path; l++)
		plan_add(p, OP_SYMLINK, l->path)->data = l->target;
	for (const struct plan_file *f = in->files; f && f->path; f++) {
		struct op *o = plan_add(p, OP_FILE, f->path);

		o->data = f->data;
		o->mode = 0644;
	}
	for (const char *const *f = in->empty; in->root == ROOT_COPY && f && *f; f++)
		plan_add(p, OP_EMPTY, *f);
}

/* --- the process ------------------------------------------------------------------------- */

static void plan_kernel(const struct spec *s, struct plan *p)
{
	if (s->linux_.ns[SPEC_NS_NET].present && !s->linux_.ns[SPEC_NS_NET].path)
		plan_add(p, OP_LO_UP, NULL);
	if (s->hostname && *s->hostname)
		plan_add(p, OP_HOSTNAME, NULL)->data = s->hostname;
	if (s->domainname && *s->domainname)
		plan_add(p, OP_DOMAINNAME, NULL)->data = s->domainname;
	for (size_t i = 0; i < s->linux_.n_sysctl; i++)
		plan_add(p, OP_SYSCTL, s->linux_.sysctl[i].key)->data = s->linux_.sysctl[i].value;
}

static void plan_process(const struct plan_in *in, struct plan *p)
{
	const struct spec_process *proc = &in->spec->process;

	for (size_t i = 0; i < proc->n_rlimits; i++) {
		struct op *o;

		if (!in->off && shim_limits(proc->rlimits[i].resource))
			continue;
		o = plan_add(p, OP_RLIMIT, NULL);
		o->data = proc->rlimits[i].name;
		o->mode = (mode_t) proc->rlimits[i].resource;
		o->attr = proc->rlimits[i].soft;
		o->clear = proc->rlimits[i].hard;
		o->flag = in->soft_rlimits;
	}
	if (!in->no_keyring)
		plan_add(p, OP_KEYRING, NULL)->optional = true;
	plan_add(p, OP_SESSION, NULL);
	plan_add(p, OP_UMASK, NULL)->mode = proc->user.has_umask ? proc->user.umask : 022;
	if (in->spec->has_process)
		plan_add(p, OP_CWD, proc->cwd);
	if (!in->spec->has_process) {
		plan_add(p, OP_CREATED, NULL); /* `start` will say so */
	} else if (in->off) {
		plan_add(p, OP_USER, NULL);
		plan_add(p, OP_CREATED, NULL);
	} else { /* the supervisor attaches to who still has its privileges */
		plan_add(p, OP_CREATED, NULL);
		plan_add(p, OP_READY, NULL);
		plan_add(p, OP_USER, NULL);
	}
	plan_add(p, OP_EXEC, proc->n_args ? proc->args[0] : "");
}

int plan_make(const struct plan_in *in, struct plan *p, struct err *e)
{
	const struct spec *s = in->spec;
	bool own = s->linux_.ns[SPEC_NS_MOUNT].present; /* else we mount where the host sees it */
	struct op *o;
	int r;

	if (own)
		plan_propagation(in, p);
	plan_root(in, p);
	plan_root_files(in, p);
	r = plan_mounts(in, p, e);
	if (r < 0)
		return r;
	plan_dev(in, p);
	if (s->process.terminal) {
		o = plan_add(p, OP_CONSOLE, "/dev/console");
		o->uid = s->process.user.uid;
		o->flag = in->plain_terminal;
	}
	plan_kernel(s, p);
	if (s->has_process && strcmp(s->process.cwd, "/")) {
		o = plan_add(p, OP_MKDIR, s->process.cwd); /* before the root is read-only */
		o->mode = 0755;
		o->optional = true;
	}
	plan_late_attrs(in, p);
	o = plan_add(p, OP_PIVOT, NULL);
	o->flag = in->no_pivot || !own;
	o->attr = own;
	o->propagation = own && !(s->linux_.rootfs_propagation & MS_PRIVATE)
		? s->linux_.rootfs_propagation : 0;
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
	[OP_BIND] = "bind", [OP_REMOUNT] = "remount", [OP_DEVICE] = "device", [OP_ATTR] = "attributes",
	[OP_MASK] = "mask", [OP_READONLY] = "read-only", [OP_LO_UP] = "lo-up",
	[OP_HOSTNAME] = "hostname", [OP_DOMAINNAME] = "domainname", [OP_SYSCTL] = "sysctl",
	[OP_RLIMIT] = "rlimit", [OP_PIVOT] = "pivot",
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
	if (o->ms_clear)
		buf_printf(b, " clear=%#lx", o->ms_clear);
	if (o->rec_set || o->rec_clear)
		buf_printf(b, " all=%#llx/%#llx", (unsigned long long) o->rec_set,
			(unsigned long long) o->rec_clear);
	if (o->propagation)
		buf_printf(b, " propagation=%#lx", o->propagation);
	if (o->mode && o->kind != OP_RLIMIT)
		buf_printf(b, " mode=%04o", o->mode & 07777u);
	buf_str(b, "\n");
}

void plan_print(const struct plan *p, struct buf *b)
{
	for (size_t i = 0; i < p->n; i++)
		print_op(&p->op[i], b);
}
