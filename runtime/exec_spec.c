/* SPDX-License-Identifier: Apache-2.0 */
/* The process that `exec` is to make: a file's, or the container's own with what options change. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/exec.h"
#include "runtime/opts.h"

#define ID_LIMIT 0x7fffffffLL

static int set_user(struct spec_process *p, const char *text, struct err *e)
{
	own_free char *copy = strdup(text);
	char *gid = copy ? strchr(copy, ':') : NULL;
	long long v;
	int r;

	if (!copy)
		return fail(e, ENOMEM, "--user");
	if (gid)
		*gid++ = 0;
	r = opt_number(copy, "--user", 0, ID_LIMIT, &v, e);
	if (r < 0)
		return r;
	p->user.uid = (uid_t) v;
	r = gid ? opt_number(gid, "--user: group", 0, ID_LIMIT, &v, e) : 0;
	if (!r && gid)
		p->user.gid = (gid_t) v;
	return r;
}

static int add_groups(struct spec *s, const struct exec_opts *o, struct err *e)
{
	for (size_t i = 0; i < o->n_gids; i++) {
		long long v;
		int r = opt_number(o->gids[i], "--additional-gids", 0, ID_LIMIT, &v, e);

		if (r < 0)
			return r;
		spec_add_group(s, (gid_t) v);
	}
	return 0;
}

/* Ambient needs inheritable, which nobody gives a capability by name. */
static void add_caps(struct spec_caps *c, const struct exec_opts *o)
{
	for (size_t i = 0; i < o->n_caps; i++) {
		int nr = spec_cap_number(o->caps[i]);
		uint64_t bit = 1ull << (nr & 63);

		c->present = true;
		if (nr < 0) { /* of a newer kernel, perhaps: not having it is always safe */
			log_warn("ignoring unknown capability \"%.40s\" of --cap", o->caps[i]);
			continue;
		}
		c->bounding |= bit;
		c->effective |= bit;
		c->permitted |= bit;
		if (c->inheritable & bit)
			c->ambient |= bit;
	}
}

static int by_options(struct spec *s, const struct exec_opts *o, struct err *e)
{
	struct spec_process *p = &s->process;
	int r;

	spec_set_args(s, o->argc, (const char *const *) o->argv);
	for (size_t i = 0; i < o->n_env; i++) {
		const char *eq = strchr(o->env[i], '=');

		if (!eq || eq == o->env[i])
			return fail_msg(e, EINVAL, "--env %.100s: NAME=VALUE expected", o->env[i]);
		spec_add_env(s, o->env[i]);
	}
	if (o->cwd && *o->cwd != '/')
		return fail_msg(e, EINVAL, "--cwd: Cwd must be an absolute path, \"%.200s\" is not",
			o->cwd);
	if (o->cwd)
		spec_set_cwd(s, o->cwd);
	p->terminal = o->terminal;
	if (o->no_new_privs >= 0)
		p->no_new_privs = o->no_new_privs;
	if (o->apparmor)
		p->apparmor = o->apparmor;
	if (o->label)
		p->selinux_label = o->label;
	r = o->user ? set_user(p, o->user, e) : 0;
	if (!r)
		r = add_groups(s, o, e);
	add_caps(&p->caps, o);
	return r;
}

/* The caller's own file: a pipe (of a shell's <(...)) will do. */
static int read_given(const char *path, struct buf *b, struct err *e)
{
	own_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : read_fd(fd, JSON_MAX, b);

	return r < 0 ? fail(e, r, "read %s", path) : 0;
}

/* What a file leaves out is as the container's first process has it. */
static int by_file(struct spec *s, const struct exec_opts *o, struct spec **ret_file, struct err *e)
{
	const struct spec_process *own = &s->process;
	own_buf b = { 0 };
	own_spec file = NULL;
	struct spec_process p;
	int r = read_given(o->process, &b, e);

	if (!r)
		r = spec_parse_process((char *) b.p, b.n, o->process, &file, e);
	if (r < 0)
		return r;
	p = file->process;
	if (!p.caps.present)
		p.caps = own->caps;
	if (!p.n_rlimits) {
		p.rlimits = own->rlimits;
		p.n_rlimits = own->n_rlimits;
	}
	if (!p.scheduler.present)
		p.scheduler = own->scheduler;
	if (!p.io_priority.present)
		p.io_priority = own->io_priority;
	if (!p.apparmor || !*p.apparmor)
		p.apparmor = own->apparmor;
	if (!p.selinux_label || !*p.selinux_label)
		p.selinux_label = own->selinux_label;
	s->process = p;
	*ret_file = take_ptr(file);
	return 0;
}

int exec_spec(struct spec *s, const struct exec_opts *o, struct spec **ret_file, struct err *e)
{
	if (o->process)
		return by_file(s, o, ret_file, e);
	if (!o->argc)
		return fail_msg(e, EINVAL, "process args cannot be empty");
	if (!s->has_process)
		return fail_msg(e, EINVAL, "config.json has no process to take defaults from: "
			"give one by --process");
	return by_options(s, o, e);
}
