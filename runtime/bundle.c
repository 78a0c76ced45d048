/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/bundle.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>

#include "runtime/base/io.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"

struct bundle {
	const struct bundle_run *run;
	struct spec *spec;
	char *dir, *rootfs;	  /* absolute */
	char *state_top;
	int state_dir;
	struct state state;
	struct buf config, inputs, host;
	const char **in, **out; /* writable host directories: inside, outside */
};

static void bundle_drop(struct bundle *b)
{
	spec_free(b->spec);
	free(b->dir);
	free(b->rootfs);
	own_fd_drop(&b->state_dir);
	state_free(&b->state);
	buf_free(&b->config);
	buf_free(&b->inputs);
	buf_free(&b->host);
	free(b->in);
	free(b->out);
}

/* --- config.json ------------------------------------------------------------------------- */

static int load(struct bundle *b, struct err *e)
{
	own_fd dir = -1;
	own_free char *root = NULL;
	int r;

	b->dir = realpath(b->run->dir ? b->run->dir : ".", NULL);
	if (!b->dir)
		return fail(e, errno, "bundle %s", b->run->dir);
	dir = open(b->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail(e, errno, "open bundle %s", b->dir);
	r = spec_load(dir, "config.json", &b->spec, e);
	if (!r)
		r = spec_supported(b->spec, e);
	if (r < 0)
		return fail_ctx(e, r, "bundle %s", b->dir);
	for (size_t i = 0; i < b->spec->n_warnings; i++)
		log_warn("%s", b->spec->warnings[i]);
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

		if (!(m->flags & MS_BIND) || m->flags & MS_RDONLY || !m->source)
			continue;
		b->in[n] = m->destination;
		b->out[n++] = m->source;
	}
	b->out[n] = b->rootfs;
	return 0;
}

/* Annotations of the bundle are the defaults of the options. */
static void annotated(const struct spec *s, struct job_opts *o)
{
	const struct {
		const char *name;
		const char **to;
	} t[] = {
		{ "org.detrun.seed", &o->seed },   { "org.detrun.epoch", &o->epoch },
		{ "org.detrun.cpu", &o->cpu },	   { "org.detrun.cpus", &o->cpus },
		{ "org.detrun.trace", &o->trace }, { "org.detrun.key", &o->key },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (!*t[i].to)
			*t[i].to = spec_annotation(s, t[i].name);
}

/* --- state ------------------------------------------------------------------------------- */

static char *now(void)
{
	struct timespec t;
	struct tm tm;
	char day[32];
	char *s;

	clock_gettime(CLOCK_REALTIME, &t);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", gmtime_r(&t.tv_sec, &tm));
	return asprintf(&s, "%s.%09ldZ", day, t.tv_nsec) < 0 ? NULL : s;
}

static char **annotations(const struct spec *s)
{
	char **a = calloc(2 * s->n_annotations + 1, sizeof *a);

	must(a);
	for (size_t i = 0; i < s->n_annotations; i++) {
		a[2 * i] = strdup(s->annotations[i].key);
		a[2 * i + 1] = strdup(s->annotations[i].value);
		must(a[2 * i] && a[2 * i + 1]);
	}
	return a;
}

static int make_state(struct bundle *b, struct err *e)
{
	struct passwd *pw = getpwuid(getuid());
	int r = state_root(b->run->root, &b->state_top, e);

	if (!r)
		r = state_create(b->state_top, b->run->id, &b->state_dir, e);
	if (r < 0)
		return r;
	b->state = (struct state) {
		.id = strdup(b->run->id),
		.bundle = strdup(b->dir),
		.rootfs = strdup(b->rootfs),
		.created = now(),
		.owner = strdup(pw ? pw->pw_name : ""),
		.version = strdup(b->spec->version),
		.annotations = annotations(b->spec),
	};
	return 0;
}

static int write_pid(const char *path, pid_t pid, struct err *e)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d", pid);

	return write_file(AT_FDCWD, path, text, (size_t) n, 0644, e);
}

static int started(void *ctx, const struct launch *l, struct err *e)
{
	struct bundle *b = ctx;
	int r;

	b->state.pid = l->init;
	b->state.pid_start = pid_start_time(l->init);
	b->state.shim = l->shim_pid;
	b->state.shim_start = pid_start_time(l->shim_pid);
	b->state.running = true;
	r = state_save(b->state_dir, &b->state, e);
	if (!r && b->run->pid_file)
		r = write_pid(b->run->pid_file, l->init, e);
	return r;
}

/* --- the run ----------------------------------------------------------------------------- */

static void put_inputs(struct bundle *b, const struct job *j)
{
	struct json_out in = { .b = &b->inputs }, host = { .b = &b->host };

	json_open(&in, '{');
	json_kstr(&in, "cpu", j->cpu);
	json_kint(&in, "cpus", j->cpus);
	json_kstr(&in, "door", "bundle");
	json_kint(&in, "epoch", (int64_t) j->epoch);
	json_kstr(&in, "seed", j->seed);
	json_kbool(&in, "strict", j->strict);
	json_close(&in, '}');
	json_open(&host, '{');
	json_kstr(&host, "bundle", b->dir);
	json_close(&host, '}');
}

static int declare(struct bundle *b, struct job *j, struct err *e)
{
	struct job_opts jo = b->run->job;
	long long n = 0;
	int r;

	annotated(b->spec, &jo);
	r = job_declare(j, &jo, e);
	if (!r && b->run->preserve)
		r = opt_number(b->run->preserve, "--preserve-fds", 0, 1000, &n, e);
	if (!r)
		r = list_writable(b, e);
	if (r < 0)
		return r;
	put_inputs(b, j);
	if (spec_to_json(b->spec, &b->config) < 0 || !buf_cstr(&b->config) ||
		!buf_cstr(&b->inputs) ||
		!buf_cstr(&b->host))
		return fail(e, ENOMEM, "write down the inputs");
	j->preserve = (unsigned) n;
	j->config = (char *) b->config.p;
	j->inputs = (char *) b->inputs.p;
	j->host_inputs = (char *) b->host.p;
	return 0;
}

static int run_job(struct bundle *b, struct job *j, int *ret_status, struct shim_result *ret,
	struct err *e)
{
	int r;

	j->spec = b->spec;
	j->root = ROOT_BIND;
	j->lower = b->rootfs;
	j->volumes = b->in;
	j->shared = b->out;
	j->no_pivot = b->run->no_pivot;
	j->no_keyring = b->run->no_keyring;
	j->started = started;
	j->ctx = b;
	if (j->dry_run)
		return job_run(j, ret_status, ret, e);
	r = make_state(b, e);
	if (r < 0)
		return r;
	r = job_run(j, ret_status, ret, e);
	if (!b->run->keep || !b->state.pid)
		state_remove(b->state_top, b->run->id, NULL);
	return r;
}

int bundle_run(const struct bundle_run *run, int expect_dir, struct shim_result *ret,
	int *ret_status, struct err *e)
{
	own_cleanup(bundle_drop) struct bundle b = { .run = run, .state_dir = -1 };
	struct job j = JOB_INIT;
	int r = load(&b, e);

	*ret_status = EXIT_OURS;
	if (!r)
		r = declare(&b, &j, e);
	if (r < 0)
		return r;
	j.null_stdin = j.strict;
	j.expect_dir = expect_dir;
	r = run_job(&b, &j, ret_status, ret, e);
	free(b.state_top);
	return r;
}
