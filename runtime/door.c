/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/door.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "rootfs/rootfs.h"
#include "rootfs/found.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"

size_t door_options(struct door *d, struct opt t[DOOR_OPTS])
{
	const struct opt all[] = {
		{ "chroot", 0, OPT_STR, &d->chroot, "ROOTFS",
			"root file system: a directory or a tarball" },
		{ "volume", 'v', OPT_LIST, &d->volumes, "SRC:DST[:MODE]",
			"host's SRC as DST; MODE ro, rw (default) or snapshot" },
		{ "workdir", 'w', OPT_STR, &d->workdir, "DIR",
			"start there (default /build: the current directory)" },
		{ "env", 'e', OPT_LIST, &d->env, "NAME[=VALUE]",
			"set a variable, or take it from outside" },
		{ "user", 'u', OPT_STR, &d->user, "USER[:GROUP]",
			"names or numbers (default 0:0)" },
		{ "hostname", 0, OPT_STR, &d->hostname, "NAME",
			"the host's name inside (default detrun)" },
		{ "network", 0, OPT_STR, &d->network, "none|host", "default none" },
		{ "stdin", 0, OPT_STR, &d->in, "pass|none",
			"pass (default): standard input is an external input" },
		{ "input-times", 0, OPT_STR, &d->times, "epoch|kept",
			"kept: the current directory's files and volumes' show theirs, for make" },
		{ "tty", 't', OPT_FLAG, &d->terminal, NULL, "give it a terminal" },
		{ "keep", 0, OPT_STR, &d->keep, "DIR", "copy what changed to DIR" },
		{ "output", 'o', OPT_STR, &d->output, "TAR",
			"write what changed as a normalised layer" },
		{ "overlay", 0, OPT_STR, &d->overlay, "kernel|copy",
			"how the root file system is kept unchanged" },
		{ "seed", 0, OPT_STR, &d->job.seed, "TEXT", "of all randomness (default 0)" },
		{ "epoch", 0, OPT_STR, &d->job.epoch, "SECONDS",
			"when the clock starts (default $SOURCE_DATE_EPOCH or 1993-08-08)" },
		{ "cpu", 0, OPT_STR, &d->job.cpu, "MODEL", "x86-64-v2 (default) or x86-64-v3" },
		{ "cpus", 0, OPT_STR, &d->job.cpus, "N", "number of CPUs to be seen (default 1)" },
		{ "trace", 0, OPT_STR, &d->job.trace, "DIR|none", "where the trace goes" },
		{ "key", 0, OPT_STR, &d->job.key, "PEM", "sign the trace with this key" },
		{ "strict", 0, OPT_FLAG, &d->job.strict, NULL, "refuse external inputs" },
		{ "dry-run", 0, OPT_FLAG, &d->job.dry_run, NULL, "print what would be set up" },
		{ NULL },
	};

	_Static_assert(ARRAY_LEN(all) <= DOOR_OPTS, "room for all options");
	memcpy(t, all, sizeof all);
	return ARRAY_LEN(all) - 1;
}

static int one_of(const char *what, const char **v, const char *a, const char *b, struct err *e)
{
	if (!*v)
		*v = a;
	if (strcmp(*v, a) && strcmp(*v, b))
		return fail_msg(e, EINVAL, "--%s %s: %s or %s expected", what, *v, a, b);
	return 0;
}

static int check(struct door *d, struct err *e)
{
	if (one_of("network", &d->network, "none", "host", e) < 0 ||
		one_of("stdin", &d->in, "pass", "none", e) < 0 ||
		one_of("input-times", &d->times, "epoch", "kept", e) < 0 ||
		one_of("overlay", &d->overlay, "kernel", "copy", e) < 0)
		return -EINVAL;
	if (d->job.strict && !strcmp(d->network, "host"))
		return fail_msg(e, EINVAL, "--network host is an external input, which --strict "
			"refuses");
	if (!d->hostname)
		d->hostname = "detrun";
	if (!*d->hostname || strlen(d->hostname) > 64)
		return fail_msg(e, EINVAL, "--hostname %s: 1 to 64 bytes expected", d->hostname);
	if (!d->workdir)
		d->workdir = "/build";
	if (*d->workdir != '/')
		return fail_msg(e, EINVAL, "--workdir %s: an absolute path expected", d->workdir);
	return 0;
}

/* The current directory is /build, unless a volume is, or it is the host's whole tree. */
static int find_cwd(struct door *d, struct err *e)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < d->n_vol; i++)
		if (!strcmp(d->vol[i].dst, "/build"))
			return 0;
	if (!getcwd(path, sizeof path))
		return fail(e, errno, "the current directory");
	if (!strcmp(path, "/")) {
		log_warn("the current directory is /: /build is empty inside");
		return 0;
	}
	d->cwd = strdup(path);
	return d->cwd ? 0 : fail(e, ENOMEM, "the current directory");
}

/* The host's part of the inputs names it in full. */
static int find_chroot(struct door *d, struct err *e)
{
	d->chroot_path = realpath(d->chroot, NULL);
	return d->chroot_path ? 0 : fail(e, errno, "root file system %s", d->chroot);
}

/* --- running ----------------------------------------------------------------------------- */

struct shared {
	/* NULL-terminated, paths borrowed: of all volumes inside, of the writable ones outside */
	const char **in, **out;
};

static void shared_drop(struct shared *s)
{
	free(s->in);
	free(s->out);
}

static int list_shared(const struct door *d, struct shared *s, struct err *e)
{
	size_t n = 0, w = 0;

	s->in = calloc(d->n_vol + 2, sizeof *s->in);
	s->out = calloc(d->n_vol + 2, sizeof *s->out);
	if (!s->in || !s->out)
		return fail(e, ENOMEM, "list the volumes");
	if (d->cwd) {
		s->in[n++] = "/build";
		s->out[w++] = d->cwd;
	}
	for (size_t i = 0; i < d->n_vol; i++) {
		s->in[n++] = d->vol[i].dst;
		if (d->vol[i].mode == VOL_RW)
			s->out[w++] = d->vol[i].src;
	}
	return 0;
}

static int declare(struct door *d, struct job *j, const char *lower, struct spec **spec,
	struct buf *b, struct err *e)
{
	own_spec decl = NULL;
	int r = user_resolve(d, lower, e);

	if (!r)
		r = door_spec(d, j, lower, false, spec, e);
	if (!r)
		r = door_spec(d, j, lower, true, &decl, e);
	if (r < 0)
		return r;
	j->spec = *spec;
	if (spec_to_json(decl, &b[0]) < 0 || inputs_declared(d, j, &b[1]) < 0 ||
		inputs_host(d, &b[2]) < 0 || !buf_cstr(&b[0]) || !buf_cstr(&b[1]) ||
		!buf_cstr(&b[2]))
		return fail(e, ENOMEM, "write down the inputs");
	j->config = (char *) b[0].p;
	j->inputs = (char *) b[1].p;
	j->host_inputs = (char *) b[2].p;
	return 0;
}

static void texts_drop(struct buf (*b)[3])
{
	for (int i = 0; i < 3; i++)
		buf_free(&(*b)[i]);
}

static int run_on(struct door *d, struct job *j, const struct rootfs *fs, struct shim_result *ret,
	int *ret_status, struct err *e)
{
	own_cleanup(shared_drop) struct shared sh = { NULL, NULL };
	own_cleanup(texts_drop) struct buf text[3] = { 0 };
	own_spec spec = NULL;
	own_cleanup(found_free) struct found found = { 0 };
	bool overlaid = fs && strcmp(d->overlay, "copy") != 0;
	char **empty = NULL;
	int r = declare(d, j, fs ? fs->lower : NULL, &spec, text, e);

	if (!r)
		r = list_shared(d, &sh, e);
	if (!r && fs)
		r = rootfs_private_list(fs, overlaid ? &found : NULL, &empty, e);
	if (!r && !fs)
		r = host_links(d, e);
	if (r < 0)
		return r;
	j->rootfs = fs;
	j->lower = fs ? fs->lower : NULL;
	j->root = !fs ? ROOT_EMPTY : overlaid ? ROOT_OVERLAY : ROOT_COPY;
	j->found = overlaid ? &found : NULL;
	j->links = d->links;
	j->dirs = fs ? NULL : host_dirs;
	j->files = fs ? NULL : host_files;
	j->empty = (const char *const *) empty;
	j->volumes = sh.in;
	j->shared = sh.out;
	r = job_run(j, ret_status, ret, e);
	rootfs_list_free(empty);
	return r;
}

int door_run(struct door *d, int expect_dir, struct shim_result *ret, int *ret_status,
	struct err *e)
{
	struct rootfs_opts ro = { NULL };
	struct rootfs fs = { .lock = -1 };
	struct job j = JOB_INIT;
	int r;

	*ret_status = EXIT_OURS;
	if (!d->job.determinism)
		d->job.determinism = "record"; /* what stands in the environment is for engines */
	d->job.strict |= !strcmp(d->job.determinism, "strict");
	r = check(d, e);
	if (!r)
		r = job_declare(&j, &d->job, e);
	if (!r)
		r = volumes_parse(d, e);
	if (!r)
		r = find_cwd(d, e);
	if (!r && d->chroot)
		r = find_chroot(d, e);
	if (!r && d->chroot)
		r = rootfs_prepare(d->chroot, &ro, &fs, e);
	if (!r && j.mode == DET_OFF)
		r = fail_msg(e, EINVAL, "--determinism=off is for bundles; a command without one "
			"is always supervised");
	if (r < 0)
		return r;
	j.virtual_ids = true;
	j.soft_rlimits = true;
	j.null_stdin = d->job.strict || !strcmp(d->in, "none");
	j.keep_times = !strcmp(d->times, "kept");
	j.keep = d->keep;
	j.output = d->output;
	j.expect_dir = expect_dir;
	r = run_on(d, &j, d->chroot ? &fs : NULL, ret, ret_status, e);
	if (d->chroot)
		rootfs_done(&fs);
	return r;
}

void door_free(struct door *d)
{
	for (size_t i = 0; i < d->n_vol; i++) {
		free(d->vol[i].src);
		free(d->vol[i].dst);
	}
	free(d->vol);
	free(d->cwd);
	free(d->chroot_path);
	free(d->passwd);
	free(d->links);
	free(d->volumes.v);
	free(d->env.v);
}

int door_command(struct door *d, int argc, char **argv)
{
	struct err e = ERR_INIT;
	int status = EXIT_OURS;

	d->argc = argc;
	d->argv = argv;
	if (door_run(d, -1, NULL, &status, &e) < 0)
		log_error("%s", e.msg);
	return status;
}
