/* SPDX-License-Identifier: Apache-2.0 */
/* detrun replay: the inputs of a trace once more, compared event by event. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/bundle.h"
#include "runtime/cmd.h"
#include "runtime/door.h"
#include "shim/trace/trace.h"

enum { HOST_MAX = 1 << 20, EXIT_DIVERGED = 1 };

struct replay {
	const char *dir;
	const char *chroot, *build, *bundle, *trace, *key; /* where this machine has them */
	struct opt_list volumes;
	int fd;
	struct json *header, *host;
	const struct json *in, *paths; /* inputs: declared, of the host; .paths NULL: not to be trusted */
	struct err untrusted;	       /* why */
	char epoch[24], cpus[16];
};

static void replay_drop(struct replay *r)
{
	own_fd_drop(&r->fd);
	json_free(r->header);
	json_free(r->host);
	free(r->volumes.v);
}

static int bad(const struct replay *r, const char *what, struct err *e)
{
	return fail_msg(e, EINVAL, "trace %s: %s", r->dir, what);
}

/*
 * Its command can write to the directories of this machine that host.json names: whoever made the
 * trace would choose them.
 */
static bool trusted(struct replay *r)
{
	const struct verify_opts o = { .key = r->key };
	struct verify_result v;

	return trace_verify(r->fd, &o, &v, &r->untrusted) == 0;
}

static int unnamed(const struct replay *r, const char *what, const char *option, struct err *e)
{
	if (r->paths)
		return fail_msg(e, EINVAL, "trace %s: it does not say where %s was; %s names it", r->dir, what,
			option);
	return fail_msg(e, EPERM, "trace %s: it is not to say where %s is (%s): name it with %s, or who may say so "
		"with --key", r->dir, what, r->untrusted.msg, option);
}

/* The header is checked against event 0. */
static int read_trace(struct replay *r, struct err *e)
{
	struct trace_reader *t = NULL;
	own_buf host = { 0 };
	const char *text;
	size_t n;
	int ret;

	r->fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return fail(e, errno, "open trace %s", r->dir);
	ret = trace_open(r->fd, &t, e);
	if (ret < 0)
		return fail_ctx(e, ret, "trace %s", r->dir);
	text = trace_header(t, &n);
	ret = json_parse(text, n, "header.json", &r->header, e);
	trace_close(t);
	if (ret < 0)
		return ret;
	ret = read_file(r->fd, "host.json", HOST_MAX, &host, e);
	if (!ret)
		ret = json_parse((char *) host.p, host.n, "host.json", &r->host, e);
	if (ret < 0)
		return ret;
	r->in = json_get(r->header, "inputs");
	r->paths = json_get(r->host, "inputs");
	if (!r->in || r->in->type != JSON_OBJ || !r->paths || r->paths->type != JSON_OBJ)
		return bad(r, "it says nothing of its inputs", e);
	if (!trusted(r))
		r->paths = NULL;
	return 0;
}

static bool flag(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_BOOL && v->b;
}

static long long number(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_NUM && v->is_int ? v->i : 0;
}

/* Strings of an array, NULL-terminated (malloc; the strings are the tree's). */
static const char **strings(const struct json *o, const char *key, size_t *ret_n)
{
	const struct json *a = json_get(o, key);
	const char **v;

	if (!a || a->type != JSON_ARR)
		return NULL;
	for (size_t i = 0; i < a->n; i++)
		if (a->child[i]->type != JSON_STR)
			return NULL;
	v = calloc(a->n + 1, sizeof *v);
	for (size_t i = 0; v && i < a->n; i++)
		v[i] = a->child[i]->s;
	*ret_n = a->n;
	return v;
}

static void job_options(struct replay *r, struct job_opts *o)
{
	snprintf(r->epoch, sizeof r->epoch, "%lld", number(r->in, "epoch"));
	snprintf(r->cpus, sizeof r->cpus, "%lld", number(r->in, "cpus"));
	o->seed = json_get_str(r->in, "seed");
	o->cpu = json_get_str(r->in, "cpu");
	o->epoch = r->epoch;
	o->cpus = r->cpus;
	o->strict = flag(r->in, "strict");
	o->determinism = "record"; /* if not strict: only what was supervised left a trace */
	o->trace = r->trace ? r->trace : "none";
	o->key = r->key;
}

/* --- the door without a verb ------------------------------------------------------------- */

/* Where the volume at @dst is: as the command line says, else as the trace does. malloc or NULL. */
static char *volume_source(const struct replay *r, const char *dst, size_t i)
{
	const struct json *src = json_get(r->paths, "volumes");

	for (size_t k = r->volumes.n; k-- > 0;) {
		const char *text = r->volumes.v[k], *colon = strchr(text, ':');

		if (colon && !strcmp(colon + 1, dst))
			return strndup(text, (size_t) (colon - text));
	}
	if (!src || src->type != JSON_ARR || i >= src->n || src->child[i]->type != JSON_STR)
		return NULL;
	return strdup(src->child[i]->s);
}

/* SRC:DST:MODE from both halves. */
static int volumes(struct replay *r, struct door *d, struct err *e)
{
	const struct json *v = json_get(r->in, "volumes");

	if (!v || v->type != JSON_ARR)
		return bad(r, "its volumes are not well-formed", e);
	d->volumes.v = calloc(v->n + 1, sizeof *d->volumes.v);
	if (!d->volumes.v)
		return fail(e, ENOMEM, "volumes");
	for (size_t i = 0; i < v->n; i++) {
		const char *dst = json_get_str(v->child[i], "destination");
		const char *mode = json_get_str(v->child[i], "mode");
		own_free char *from = NULL;
		char *text;

		if (!dst || !mode)
			return bad(r, "its volumes are not well-formed", e);
		from = volume_source(r, dst, i);
		if (!from)
			return unnamed(r, dst, "--volume SRC:DST", e);
		if (asprintf(&text, "%s:%s:%s", from, dst, mode) < 0)
			return fail(e, ENOMEM, "volumes");
		d->volumes.v[d->volumes.n++] = text;
	}
	return 0;
}

static int enter_build(const struct replay *r, struct err *e)
{
	const char *build = r->build ? r->build : json_get_str(r->paths, "build");

	if (!flag(r->in, "build"))
		return chdir("/") < 0 ? fail(e, errno, "enter /") : 0;
	if (!build)
		return unnamed(r, "/build", "--build DIR", e);
	return chdir(build) < 0 ? fail(e, errno, "%s, which was /build (--build names another)",
					build) : 0;
}

static int door_from(struct replay *r, struct door *d, struct err *e)
{
	bool chroot_door = json_get_str(r->in, "door") && !strcmp(json_get_str(r->in, "door"),
		"chroot");
	size_t argc = 0;
	int ret;

	d->argv = (char **) (uintptr_t) strings(r->in, "argv", &argc);
	d->argc = (int) argc;
	d->env.v = strings(r->in, "env", &d->env.n);
	if (!d->argv || !argc || !d->env.v)
		return bad(r, "its argv or env is not well-formed", e);
	d->only_env = true;
	d->terminal = flag(r->in, "terminal");
	d->hostname = json_get_str(r->in, "hostname");
	d->network = json_get_str(r->in, "network");
	d->in = json_get_str(r->in, "stdin");
	d->times = json_get_str(r->in, "inputTimes");
	d->user = json_get_str(r->in, "user");
	d->workdir = json_get_str(r->in, "workdir");
	if (chroot_door) {
		d->chroot = r->chroot ? r->chroot : json_get_str(r->paths, "rootfs");
		if (!d->chroot)
			return unnamed(r, "its root file system", "--chroot ROOTFS", e);
	}
	job_options(r, &d->job);
	ret = volumes(r, d, e);
	return ret < 0 ? ret : enter_build(r, e);
}

static int replay_door(struct replay *r, struct shim_result *res, int *status, struct err *e)
{
	struct door d = { 0 };
	int ret = door_from(r, &d, e);

	if (!ret)
		ret = door_run(&d, r->fd, res, status, e);
	for (size_t i = 0; i < d.volumes.n; i++)
		free((char *) (uintptr_t) d.volumes.v[i]);
	free(d.argv);
	door_free(&d);
	return ret;
}

static int replay_bundle(struct replay *r, struct shim_result *res, int *status, struct err *e)
{
	struct bundle_run b = { .dir = r->bundle ? r->bundle : json_get_str(r->paths, "bundle"),
		.crlf = flag(r->in, "crlf"), .notify = json_get_str(r->in, "notify"),
		.groups = json_get(r->in, "groups") };

	if (!b.dir)
		return unnamed(r, "its bundle", "--bundle DIR", e);
	snprintf(b.made_id, sizeof b.made_id, "replay-%d", getpid());
	b.id = b.made_id;
	job_options(r, &b.job);
	return bundle_run(&b, r->fd, res, status, e);
}

static int replay(struct replay *r, int *status, struct err *e)
{
	struct shim_result *res = calloc(1, sizeof *res);
	const char *door;
	int ret;

	must_mem(res);
	ret = read_trace(r, e);
	door = ret < 0 ? NULL : json_get_str(r->in, "door");
	if (door && !strcmp(door, "bundle"))
		ret = replay_bundle(r, res, status, e);
	else if (door)
		ret = replay_door(r, res, status, e);
	else if (!ret)
		ret = bad(r, "it says nothing of its inputs", e);
	if (!ret && res->diverged) {
		fprintf(stderr, "detrun: replay differs: %s\n", res->what);
		*status = EXIT_DIVERGED;
	} else if (!ret) {
		fprintf(stderr, "detrun: replay of %s is the same\n", r->dir);
		*status = 0;
	}
	free(res);
	return ret;
}

int cmd_replay(const struct global *g, int argc, char **argv)
{
	own_cleanup(replay_drop) struct replay r = { .fd = -1 };
	const struct opt t[] = {
		{ "chroot", 0, OPT_STR, &r.chroot, "ROOTFS", "where the root file system is now" },
		{ "build", 0, OPT_STR, &r.build, "DIR", "where the directory is that was /build" },
		{ "volume", 'v', OPT_LIST, &r.volumes, "SRC:DST", "where a volume is now" },
		{ "bundle", 'b', OPT_STR, &r.bundle, "DIR", "where the OCI bundle is now" },
		{ "trace", 0, OPT_STR, &r.trace, "DIR", "keep the replay's own trace there" },
		{ "key", 0, OPT_STR, &r.key, "PEM", "sign that with this key; trust the trace if it did" },
		{ NULL },
	};
	struct err e = ERR_INIT;
	int rest, status = EXIT_OURS, ret = opts_parse(t, argc, argv, &rest, NULL, &e);

	(void) g;
	if (ret == 1) {
		opts_usage("replay", "run a trace's inputs again and compare", "[options] TRACE",
			"Event by event: 0 the same, 1 the first difference is printed. /build is\n"
			"changed as the first run changed it: have it as it was before that.", t);
		return 0;
	}
	if (!ret && argc - rest != 1)
		ret = fail_msg(&e, EINVAL, "replay: exactly one trace directory expected");
	if (!ret) {
		r.dir = argv[rest];
		ret = replay(&r, &status, &e);
	}
	if (ret < 0)
		log_error("%s", e.msg);
	return ret < 0 ? EXIT_OURS : status;
}
