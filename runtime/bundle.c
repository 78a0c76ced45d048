/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/bundle_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "runtime/base/io.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/groups.h"
#include "runtime/joined.h"
#include "runtime/noted.h"
#include "runtime/supervisable.h"
#include "runtime/control.h"
#include "runtime/startsock.h"

enum { TRACE_ROOM = 64 << 20 }; /* of a trace that nobody asked for */

static void bundle_drop(struct bundle *b)
{
	spec_free(b->spec);
	free(b->dir);
	free(b->said);
	free(b->rootfs);
	free(b->state_top);
	own_fd_drop(&b->state_dir);
	own_fd_drop(&b->master);
	own_fd_drop(&b->slave);
	free(b->trace);
	notify_drop(&b->notify);
	state_free(&b->state);
	buf_free(&b->text);
	buf_free(&b->config);
	buf_free(&b->inputs);
	buf_free(&b->host);
	free(b->in);
	free(b->out);
}

/* --- config.json ------------------------------------------------------------------------- */

static int load_spec(struct bundle *b, int dir, struct err *e)
{
	const char *name = b->run->config ? b->run->config : STATE_CONFIG;
	int r = read_file(dir, name, JSON_MAX, &b->text, e);

	if (r == -ENOENT)
		return fail_msg(e, ENOENT, "JSON specification file %s not found", name);
	if (!r)
		r = spec_parse((char *) b->text.p, b->text.n, name, &b->spec, e);
	return r < 0 ? r : spec_supported(b->spec, e);
}

/* Without an inheritable one none is meant: Buildah asks so for every RUN. */
static void warn_ambient(const struct spec_caps *c)
{
	uint64_t lost = c->inheritable ? c->ambient & ~(c->permitted & c->inheritable) : 0;

	for (int nr = 0; nr < 64; nr++)
		if (lost >> nr & 1)
			log_warn("can't raise ambient capability %s: operation not permitted",
				spec_cap_name(nr));
}

static int load(struct bundle *b, struct err *e)
{
	own_fd dir = -1;
	own_free char *root = NULL;
	int r;

	b->dir = realpath(b->run->dir ? b->run->dir : ".", NULL);
	if (!b->dir)
		return fail(e, errno, "bundle %s", b->run->dir);
	b->said = strdup(b->run->dir && *b->run->dir == '/' ? b->run->dir : b->dir);
	must(b->said);
	dir = open(b->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail(e, errno, "open bundle %s", b->dir);
	r = load_spec(b, dir, e);
	if (r < 0)
		return fail_ctx(e, r, "bundle %s", b->dir);
	for (size_t i = 0; i < b->spec->n_warnings; i++)
		log_warn("%s", b->spec->warnings[i]);
	warn_ambient(&b->spec->process.caps);
	if (!b->spec->root_path)
		return fail_msg(e, EINVAL, "root.path: missing in %s/config.json", b->dir);
	if (asprintf(&root, "%s%s%s", *b->spec->root_path == '/' ? "" : b->dir,
		    *b->spec->root_path == '/' ? "" : "/", b->spec->root_path) < 0)
		return fail(e, ENOMEM, "root.path");
	b->rootfs = realpath(root, NULL);
	return b->rootfs ? 0 : fail(e, errno, "root.path: root file system %s", root);
}

static int list_writable(struct bundle *b, struct err *e)
{
	const struct spec *s = b->spec;
	size_t n = 0;

	b->in = calloc(s->n_mounts + 1, sizeof *b->in);
	b->out = calloc(s->n_mounts + 2, sizeof *b->out);
	if (!b->in || !b->out)
		return fail(e, ENOMEM, "list the mounts");
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];

		if (!(m->flags & MS_BIND) || m->flags & MS_RDONLY || !m->source ||
			m->rec_attr_set & MOUNT_ATTR_RDONLY)
			continue;
		b->in[n] = m->destination;
		b->out[n++] = m->source;
	}
	b->out[n] = b->rootfs;
	return 0;
}

/* --- the terminal, descriptors ----------------------------------------------------------- */

static int check_terminal(const struct bundle *b, struct err *e)
{
	bool detached = b->run->create || b->run->detach, tty = b->spec->process.terminal;

	if (detached && tty && !b->run->console_socket)
		return fail_msg(e, EINVAL, "cannot allocate tty if detrun will detach without "
			"setting console socket (use --console-socket)");
	if (b->run->console_socket && (!detached || !tty))
		return fail_msg(e, EINVAL, "cannot use console socket if detrun will not detach or "
			"allocate tty");
	return 0;
}

/* With those of socket activation. Some may be missing, but not all. */
static int count_preserved(const struct bundle_run *run, unsigned *ret, unsigned *ret_listen,
	struct err *e)
{
	const char *listen = getenv("LISTEN_FDS");
	long long n = 0, l = 0;
	int r = run->preserve ? opt_number(run->preserve, "--preserve-fds", 0, 1000, &n, e) : 0;

	if (!r && listen && *listen)
		r = opt_number(listen, "LISTEN_FDS", 0, 1000, &l, e);
	*ret = (unsigned) (n + l);
	*ret_listen = (unsigned) l;
	if (r < 0)
		return r;
	r = fds_reserve(*ret);
	if (r == -EBADF && !n) /* those of the environment may all be missing */
		return 0;
	return r < 0 ? fail(e, r, "--preserve-fds: unable to stat preserved-fd 0 (of %u): 3 to %u",
			*ret, 2 + *ret) : 0;
}

static void add_listen(struct spec *s, unsigned n)
{
	if (!n || !s->has_process)
		return;
	spec_add_env(s, spec_printf(s, "LISTEN_FDS=%u", n));
	spec_add_env(s, "LISTEN_PID=1");
}

/* --- NOTIFY_SOCKET ----------------------------------------------------------------------- */

static int declare_notify(struct bundle *b, bool replay, struct err *e)
{
	const char *host = replay ? b->run->notify : getenv("NOTIFY_SOCKET");
	own_free char *dir = NULL;
	int r;

	if (!host || !*host)
		return 0;
	b->notify.host = host;
	r = state_root(b->run->root, &b->state_top, e);
	if (r < 0)
		return r;
	must(asprintf(&dir, "%s/%s", b->state_top, b->run->id) >= 0);
	notify_declare(&b->notify, b->spec, dir);
	return 0;
}

static int make_notify(struct bundle *b, struct job *j, struct err *e)
{
	int r;

	if (!b->notify.host)
		return 0;
	j->notify = &b->notify;
	r = notify_prepare(b->state_dir, e);
	if (!r && (!b->run->create || j->mode != DET_OFF)) /* else it is start's */
		r = notify_listen(&b->notify, b->state_dir, e);
	if (!r && j->mode != DET_OFF && j->expect_dir < 0)
		notify_connect(&b->notify);
	return r;
}

/* --- the run ----------------------------------------------------------------------------- */

static void put_inputs(struct bundle *b, const struct job *j)
{
	struct json_out in = { .b = &b->inputs }, host = { .b = &b->host };

	json_open(&in, '{');
	json_kstr(&in, "cpu", j->cpu);
	json_kint(&in, "cpus", j->cpus);
	if (b->spec->process.terminal)
		json_kbool(&in, "crlf", !j->plain_terminal);
	json_kstr(&in, "door", "bundle");
	json_kint(&in, "epoch", (int64_t) j->epoch);
	if (b->kept_groups)
		groups_put(&in, &b->spec->process.user);
	if (b->notify.host)
		json_kstr(&in, "notify", b->notify.host);
	json_kstr(&in, "seed", j->seed);
	json_kbool(&in, "strict", j->strict);
	json_close(&in, '}');
	json_open(&host, '{');
	json_kstr(&host, "bundle", b->dir);
	json_key(&host, "config");
	spec_to_json(b->spec, &b->host); /* in full; a failure stays in the buffer */
	json_close(&host, '}');
}

static int declare_inputs(struct bundle *b, struct job *j, struct err *e)
{
	int r = supervisable(b->spec, e);

	if (!r && !shared_hostname(b->spec, b->joined))
		j->hostname = b->joined;
	if (!r && (r = joined_offsets(b->spec)) < 0)
		fail(e, r, "read the offsets of the time namespace %s",
			b->spec->linux_.ns[SPEC_NS_TIME].path);
	if (!r)
		r = list_writable(b, e);
	if (r < 0)
		return r;
	put_inputs(b, j);
	if (spec_sort_env(b->spec) < 0 || spec_to_portable_json(b->spec, &b->config) < 0 ||
		!buf_cstr(&b->config) || !buf_cstr(&b->inputs) || !buf_cstr(&b->host))
		return fail(e, ENOMEM, "write down the inputs");
	j->config = (char *) b->config.p;
	j->inputs = (char *) b->inputs.p;
	j->host_inputs = (char *) b->host.p;
	return 0;
}

static int check_pivot(const struct bundle *b, struct err *e)
{
	if (b->run->no_pivot && !b->spec->linux_.ns[SPEC_NS_MOUNT].present)
		return fail_msg(e, EINVAL, "--no-pivot: unable to use no-pivot without a private MNT "
					   "namespace");
	return 0;
}

static int declare(struct bundle *b, struct job *j, struct err *e)
{
	struct job_opts jo = b->run->job;
	int r;

	j->spec = b->spec;
	j->plain_terminal = !b->run->create && !b->run->detach && !b->run->crlf;
	r = noted_of_caller(b->spec, b->dir, b->rootfs, e);
	if (!r)
		r = noted_options(b->spec, &jo, e);
	if (!r)
		r = job_declare(j, &jo, e);
	if (!r)
		r = groups_keep(b->spec, j->mode, b->run->groups, &b->kept_groups, e);
	if (!r)
		r = check_terminal(b, e);
	if (!r)
		r = check_pivot(b, e);
	if (!r && j->mode != DET_OFF)
		r = declare_inputs(b, j, e);
	return r;
}

/* Beside the state, in the host's /run, and gone with it, unless it was asked for elsewhere. */
static int place_trace(struct bundle *b, struct job *j, struct err *e)
{
	b->state.kept = j->trace != NULL;
	if (!j->detached || j->trace)
		return 0;
	if (asprintf(&b->trace, "%s/%s/trace", b->state_top, b->run->id) < 0) {
		b->trace = NULL;
		return fail(e, ENOMEM, "place the trace");
	}
	j->trace = b->trace;
	j->trace_room = TRACE_ROOM;
	return 0;
}

static int outer_terminal(struct bundle *b, struct job *j, struct err *e)
{
	const struct spec_process *p = &b->spec->process;
	int r;

	if (!b->run->console_socket)
		return 0;
	r = console_outer(p->console_height, p->console_width, &b->master, &b->slave, e);
	j->terminal = b->slave;
	return r;
}

static int make_start(struct bundle *b, struct job *j, int *ret, struct err *e)
{
	int r = bundle_make_state(b, j->mode, e);

	j->lock = b->state_dir;
	if (!r)
		r = place_trace(b, j, e);
	if (!r && b->run->create)
		r = startsock_make(b->state_dir, ret, e);
	j->start = *ret;
	if (!r)
		r = make_notify(b, j, e);
	if (!r)
		r = bundle_make_cgroup(b, e);
	j->cgroup = b->state.cgroup;
	if (!r && j->mode != DET_OFF)
		r = outer_terminal(b, j, e);
	if (!r && j->mode != DET_OFF && j->expect_dir < 0)
		r = control_listen(b->state_dir, &j->control, e);
	return r;
}

static int run_job(struct bundle *b, struct job *j, int *ret_status, struct shim_result *ret,
	struct err *e)
{
	struct err why = ERR_INIT;
	own_fd start = -1;
	int r;

	j->root = ROOT_BIND;
	j->lower = b->rootfs;
	j->volumes = b->in;
	j->shared = b->out;
	j->no_pivot = b->run->no_pivot;
	j->no_keyring = b->run->no_keyring;
	j->detached = b->run->create || b->run->detach;
	j->named = b->run->id != b->run->made_id;
	j->id = b->run->id;
	j->bundle = b->said;
	j->hooks = bundle_before_pivot;
	j->born = bundle_born;
	j->created = bundle_created;
	j->started = bundle_poststart;
	j->ctx = b;
	if (j->dry_run)
		return job_run(j, ret_status, ret, e);
	if (!j->detached && !b->run->no_subreaper)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	r = make_start(b, j, &start, e);
	if (!r)
		r = job_run(j, ret_status, ret, e);
	own_fd_drop(&j->control);
	if (r >= 0)
		b->state.root_on = 0; /* of a run that ended well it stays, as runc's: users unmount it */
	if (b->state_dir >= 0 && (r < 0 || (!j->detached && !b->run->keep)) &&
		state_destroy(b->state_top, b->state_dir, &b->state, &why) < 0)
		log_warn("%s", why.msg);
	return r;
}

int bundle_run(const struct bundle_run *run, int expect_dir, struct shim_result *ret,
	int *ret_status, struct err *e)
{
	own_cleanup(bundle_drop) struct bundle b = { .run = run, .state_dir = -1, .master = -1,
		.slave = -1, .notify = NOTIFY_INIT };
	struct job j = JOB_INIT;
	unsigned listen = 0;
	int r = count_preserved(run, &j.preserve, &listen, e);

	*ret_status = EXIT_OURS;
	if (!r)
		r = load(&b, e);
	if (!r)
		add_listen(b.spec, listen);
	if (!r)
		r = declare_notify(&b, expect_dir >= 0, e);
	if (!r)
		r = declare(&b, &j, e);
	if (r < 0)
		return r;
	j.null_stdin = j.strict;
	j.expect_dir = expect_dir;
	return run_job(&b, &j, ret_status, ret, e);
}
