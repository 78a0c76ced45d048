/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/job.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/caps.h"
#include "runtime/mountinfo.h"
#include "runtime/notify.h"
#include "runtime/procattr.h"
#include "shim/procview.h"

int job_declare(struct job *j, const struct job_opts *o, struct err *e)
{
	const char *epoch = o->epoch ? o->epoch : getenv("SOURCE_DATE_EPOCH");
	int r = det_mode_of(o->strict ? "strict" : o->determinism, j->spec, &j->mode, e);
	long long v;

	if (r < 0)
		return r;

	if (epoch && *epoch) {
		if (opt_number(epoch, o->epoch ? "--epoch" : "SOURCE_DATE_EPOCH", 0, 4000000000LL,
			    &v, e) < 0)
			return -EINVAL;
		j->epoch = (uint64_t) v;
		j->epoch_chosen = true;
	}
	if (j->spec)
		j->cpus = procattr_ncpus(j->spec);
	if (o->cpus) {
		if (opt_number(o->cpus, "--cpus", 1, 1024, &v, e) < 0)
			return -EINVAL;
		j->cpus = (unsigned) v;
	}
	if (o->cpu && strcmp(o->cpu, "x86-64-v2") && strcmp(o->cpu, "x86-64-v3"))
		return fail_msg(e, EINVAL, "--cpu %s: x86-64-v2 or x86-64-v3 expected", o->cpu);
	if (o->cpu)
		j->cpu = o->cpu;
	if (o->seed)
		j->seed = o->seed;
	j->trace = o->trace;
	j->key = o->key;
	j->strict = j->mode == DET_STRICT;
	j->dry_run = o->dry_run;
	return 0;
}

static bool userns(const struct job *j)
{
	return j->spec->linux_.ns[SPEC_NS_USER].present;
}

/* --- the private directory --------------------------------------------------------------- */

static bool snapshot(const struct spec_mount *m)
{
	return m->type && !strcmp(m->type, "overlay") && !*m->data;
}


static int priv_sub(const struct priv *p, const char *name, struct err *e)
{
	own_free char *path = NULL;

	return priv_dir(p, name, &path, e);
}

static bool has_snapshots(const struct job *j)
{
	for (size_t i = 0; i < j->spec->n_mounts; i++)
		if (snapshot(&j->spec->mounts[i]))
			return true;
	return false;
}

static bool needs_priv(const struct job *j)
{
	return j->root != ROOT_BIND || (j->mode != DET_OFF && has_snapshots(j));
}

static int make_priv(const struct job *j, struct priv *p, struct err *e)
{
	/* the host door's root is a skeleton; what is built goes to /build */
	int r = priv_make(j->root == ROOT_EMPTY && !has_snapshots(j), p, e);

	if (!r)
		r = priv_sub(p, "upper", e);
	if (!r)
		r = priv_sub(p, "work", e);
	if (!r && j->empty && *j->empty)
		r = priv_sub(p, "hidden", e);
	for (unsigned i = 0; !r && i < j->spec->n_mounts; i++) {
		char name[32];

		if (!snapshot(&j->spec->mounts[i]))
			continue;
		snprintf(name, sizeof name, "v%u.upper", i);
		r = priv_sub(p, name, e);
		snprintf(name, sizeof name, "v%u.work", i);
		if (!r)
			r = priv_sub(p, name, e);
	}
	return r;
}

static int make_plan(const struct job *j, const char *priv, struct plan *p, struct err *e)
{
	struct plan_in in = {
		.spec = j->spec,
		.root = j->root,
		.lower = j->lower,
		.priv = priv,
		.cpus = j->cpus,
		.userns = userns(j),
		.no_pivot = j->no_pivot,
		.no_keyring = j->no_keyring,
		.plain_terminal = j->plain_terminal,
		.off = j->mode == DET_OFF,
		.cgroup = j->cgroup,
		.bundle = j->bundle,
		.soft_rlimits = j->soft_rlimits,
		.dirs = j->dirs,
		.links = j->links,
		.files = j->files,
		.sys = j->sys,
		.empty = j->empty,
	};

	return plan_make(&in, p, e);
}

static int print_plan(const struct job *j, int *ret_status, struct err *e)
{
	own_plan p = { 0 };
	own_buf b = { 0 };
	int r = make_plan(j, "PRIVATE", &p, e);

	if (r < 0)
		return r;
	plan_print(&p, &b);
	fwrite(b.p, 1, b.n, stdout);
	*ret_status = 0;
	return fflush(stdout) ? fail(e, errno, "print the plan") : 0;
}

/* --- the run ----------------------------------------------------------------------------- */

static uint64_t ns_of(const struct spec_time_offset *t)
{
	return (uint64_t) t->secs * 1000000000 + t->nanosecs;
}

static struct shim_attrs attrs_of(const struct spec *s)
{
	const struct spec_process *p = &s->process;

	return (struct shim_attrs) {
		.bounding = caps_unheld(&p->caps, p->caps.bounding),
		.inheritable = caps_unheld(&p->caps, p->caps.inheritable),
		.persona = (uint32_t) s->linux_.personality,
		.no_new_privs = p->no_new_privs,
		.seccomp = s->linux_.seccomp.present,
		.policy = p->scheduler.policy,
		.priority = p->scheduler.priority,
		.nice = p->scheduler.nice,
		.affinity = procattr_cpu_mask(s->linux_.resources.cpu.cpus),
		.ioprio = procattr_ioprio(&p->io_priority),
		.oom_score_adj = p->oom_score_adj,
		.mono_offset = ns_of(&s->linux_.time_monotonic),
		.boot_offset = ns_of(&s->linux_.time_boottime),
	};
}

/* Shared, joined, or connected by a hook (as Docker does it). */
static bool outside_network(const struct spec *s)
{
	const struct spec_ns *net = &s->linux_.ns[SPEC_NS_NET];

	return !net->present || net->path || s->hooks[SPEC_HOOK_PRESTART].n ||
	       s->hooks[SPEC_HOOK_CREATE_RUNTIME].n;
}

static unsigned joined(const struct spec *s)
{
	unsigned bits = 0;

	for (unsigned t = 0; t < SPEC_NS_COUNT; t++)
		bits |= (unsigned) !!s->linux_.ns[t].path << t;
	return bits;
}

static void fill_shim(const struct job *j, const struct outputs *o, struct shim_opts *s)
{
	s->argv = j->spec->process.args;
	s->env = j->spec->process.env;
	s->cwd = j->spec->process.cwd;
	s->seed = j->seed;
	s->epoch = j->epoch;
	s->epoch_chosen = j->epoch_chosen;
	s->keep_times = j->keep_times;
	s->cpu = j->cpu;
	s->cpus = j->cpus;
	s->attrs = attrs_of(j->spec);
	s->mounts = j->spec->mounts;
	s->n_mounts = j->spec->n_mounts;
	s->root_propagation = j->no_pivot ? 0 : j->spec->linux_.rootfs_propagation;
	s->joined = joined(j->spec);
	s->bar_suid = j->root == ROOT_BIND;
	s->userns = !j->virtual_ids && userns(j);
	s->rlimits = j->spec->process.rlimits;
	s->n_rlimits = j->spec->process.n_rlimits;
	s->sysctl = j->spec->linux_.sysctl;
	s->n_sysctl = j->spec->linux_.n_sysctl;
	s->hostname = j->hostname ? j->hostname : j->spec->hostname ? j->spec->hostname : "";
	s->domainname = j->spec->domainname;
	s->strict = j->strict;
	s->control = j->control;
	s->notify = j->notify ? j->notify->from : -1;
	s->notify_to = j->notify ? j->notify->to : -1;
	s->live = (j->detached || j->named) && !j->strict;
	s->network = outside_network(j->spec);
	s->terminal = j->spec->process.terminal;
	s->rows = j->spec->process.console_height;
	s->cols = j->spec->process.console_width;
	s->config = j->config;
	s->rootfs = j->rootfs;
	s->virtual_ids = j->virtual_ids;
	s->uid = j->spec->process.user.uid;
	s->gid = j->spec->process.user.gid;
	s->host_root = j->root == ROOT_EMPTY;
	s->inputs = j->inputs;
	s->host_inputs = j->host_inputs;
	s->trace_dir = o->trace;
	s->trace_room = j->trace_room;
	s->found = j->found;
	s->key = o->key;
	s->cache_dir = o->cache;
	s->volumes = j->volumes;
	s->keep = o->keep;
	s->output = o->output;
	s->expect_dir = j->expect_dir;
}

static int open_layer(const struct priv *p, const char *name, int *ret, struct err *e)
{
	own_free char *path = NULL;

	if (asprintf(&path, "%s/%s", p->path, name) < 0)
		return fail(e, ENOMEM, "open the changes");
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? fail(e, errno, "open %s", path) : 0;
}

static int open_image(const struct job *j, struct launch *l, struct err *e)
{
	l->shim.image = open(j->lower, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l->shim.image < 0 ? fail(e, errno, "open %s", j->lower) : 0;
}

static int open_layers(const struct job *j, const struct priv *p, struct launch *l, struct err *e)
{
	int r = j->root == ROOT_BIND ? 0 : open_layer(p, "upper", &l->shim.upper, e);

	if (j->root == ROOT_BIND && j->mode != DET_OFF)
		l->shim.root_upper = mountinfo_upper(j->lower);
	if (!r && j->root == ROOT_COPY)
		r = open_image(j, l, e);
	return !r && j->empty && *j->empty ? open_layer(p, "hidden", &l->shim.hidden, e) : r;
}

static int start(const struct job *j, struct launch *l, struct err *e)
{
	own_cleanup(confine_drop) struct confine c = CONFINE_INIT;
	int r = userns(j) ? idmaps_of_spec(j->spec, &l->maps, e) : 0;

	if (!r)
		r = confine_prepare(&c, j->spec, j->mode, j->lock, e);
	l->shim.agent = c.seccomp.notify;
	if (!r && l->shim.agent && j->expect_dir >= 0)
		r = fail_msg(e, EOPNOTSUPP, "what an agent for seccomp has answered can't be replayed");
	if (r < 0)
		return r;
	c.id = j->id;
	c.bundle = j->bundle;
	c.listens = true;
	c.virtual_ids = j->virtual_ids;
	l->confine = &c;
	r = launch_start(l, e);
	l->confine = NULL;
	return r;
}

static int launch(const struct job *j, struct launch *l, int *ret_status, struct shim_result *ret,
	struct err *e)
{
	int r = start(j, l, e);

	if (!r && j->created)
		r = j->created(j->ctx, l, e);
	if (!r)
		r = launch_go(l, e);
	if (!r && j->start < 0 && j->started)
		r = j->started(j->ctx, l, e);
	if (l->failed)
		*ret_status = l->failed;
	if (r < 0 && l->failed && j->id) /* runc's words, which engines look at */
		fail_ctx(e, r, "unable to start container process%s",
			l->failed == EXIT_OURS ? ": error during container init" : "");
	if (r < 0 && l->interrupted) { /* nothing of it has run */
		*ret_status = 128 + l->interrupted;
		return 0;
	}
	if (r < 0)
		return r;
	if (j->detached) {
		launch_leave(l);
		*ret_status = 0;
		return 0;
	}
	r = launch_wait(l, ret, e);
	*ret_status = ret->status;
	return r;
}

static void say_trace(const struct job *j, const struct outputs *o, const struct shim_result *s)
{
	char root[SHA256_HEX];

	hex(s->root, sizeof s->root, root);
	if (o->trace >= 0 && !s->events) /* the supervisor had to be killed */
		fprintf(stderr, "detrun: the trace in %s has no end\n", o->trace_path);
	else if (j->trace && o->trace >= 0)
		fprintf(stderr, "detrun: trace %s in %s\n", root, o->trace_path);
	else if (o->trace >= 0)
		log_debug("trace %s in %s", root, o->trace_path);
}

static int run_in(const struct job *j, const struct priv *p, struct launch *l,
	struct outputs *o, int *ret_status, struct shim_result *ret, struct err *e)
{
	own_plan plan = { 0 };
	struct utsname un;
	int r = make_plan(j, p->path, &plan, e);

	if (!r && j->mode != DET_OFF)
		r = outputs_open(j, o, e);
	if (!r)
		r = open_layers(j, p, l, e);
	if (r < 0)
		return r;
	l->spec = j->spec;
	l->plan = &plan;
	l->virtual_ids = j->virtual_ids;
	l->null_stdin = j->null_stdin;
	l->preserve = j->preserve;
	l->mode = j->mode;
	l->detached = j->detached;
	l->start = j->start;
	l->lock = j->lock;
	l->terminal = j->terminal;
	l->cgroup = j->cgroup;
	l->notify = j->notify;
	l->born = j->born;
	l->hooks = j->hooks;
	l->ctx = j->ctx;
	fill_shim(j, o, &l->shim);
	uname(&un);
	l->shim.nodename = un.nodename;
	r = launch(j, l, ret_status, ret, e);
	if (r < 0 || j->detached || j->mode == DET_OFF)
		return r;
	r = outputs_commit(j, o, e);
	if (!r)
		say_trace(j, o, ret);
	outputs_await(ret->written);
	return r;
}

static int run(const struct job *j, int *ret_status, struct shim_result *ret, struct err *e)
{
	struct shim_result *res = calloc(1, sizeof *res);
	struct outputs o = OUTPUTS_INIT;
	struct launch l = LAUNCH_INIT;
	struct priv p = PRIV_INIT;
	own_fd ns = -1;
	int r = 0;

	*ret_status = EXIT_OURS;
	must_mem(res);
	if (j->dry_run) {
		r = print_plan(j, ret_status, e);
		free(res);
		return r;
	}
	res->status = EXIT_OURS;
	if (needs_priv(j))
		r = make_priv(j, &p, e);
	if (!r)
		r = run_in(j, &p, &l, &o, ret_status, res, e);
	own_fd_drop(&l.shim.upper);
	own_fd_drop(&l.shim.root_upper);
	own_fd_drop(&l.shim.image);
	own_fd_drop(&l.shim.hidden);
	if (j->detached && !r) { /* the trace has yet to begin */
		free(o.trace_path);
		o.trace_path = NULL;
	}
	outputs_close(&o);
	ns = take_fd(&l.userns);
	launch_done(&l);
	priv_done(&p, ns);
	if (!r && ret)
		*ret = *res;
	if (r < 0 && *ret_status == 0)
		*ret_status = EXIT_OURS;
	free(res);
	return r;
}

/* The canonical machine's /sys, as files for the plan. NULL: no memory. */
static struct plan_file *sys_files(const struct shim_file *f, size_t n)
{
	struct plan_file *v = calloc(n + 1, sizeof *v);

	for (size_t i = 0; v && i < n; i++)
		v[i] = (struct plan_file){ .path = f[i].path, .data = f[i].text };
	return v;
}

int job_run(const struct job *j, int *ret_status, struct shim_result *ret, struct err *e)
{
	struct shim_file *f = NULL;
	own_free struct plan_file *v = NULL;
	size_t n;
	struct job with = *j;
	int r;

	if (j->mode == DET_OFF)
		return run(j, ret_status, ret, e);
	n = procview_static(j->cpus, !outside_network(j->spec), &f);
	v = sys_files(f, n);
	with.sys = v;
	r = n && v ? run(&with, ret_status, ret, e) : fail(e, ENOMEM, "make /sys");
	procview_free(f, n);
	return r;
}
