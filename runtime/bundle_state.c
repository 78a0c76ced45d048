/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a bundle's container outside while it is made: its state, its cgroup, who is told. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/bundle_impl.h"
#include "runtime/hooks.h"

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

	must_mem(a);
	for (size_t i = 0; i < s->n_annotations; i++) {
		a[2 * i] = strdup(s->annotations[i].key);
		a[2 * i + 1] = strdup(s->annotations[i].value);
		must_mem(a[2 * i] && a[2 * i + 1]);
	}
	return a;
}

static char *noted_copy(const struct spec *s, const char *key)
{
	const char *v = spec_annotation(s, key);

	return v && *v ? strdup(v) : NULL;
}

static char *owner(void)
{
	struct passwd *pw = getuid() ? getpwuid(getuid()) : NULL;

	return strdup(!getuid() ? "root" : pw ? pw->pw_name : "");
}

int bundle_make_state(struct bundle *b, enum det_mode mode, struct err *e)
{
	int r = b->state_top ? 0 : state_root(b->run->root, &b->state_top, e);

	if (!r)
		r = state_create(b->state_top, b->run->id, &b->state_dir, e);
	if (r < 0)
		return r;
	b->state = (struct state) {
		.id = strdup(b->run->id),
		.bundle = strdup(b->said),
		.rootfs = strdup(b->rootfs),
		.created = now(),
		.owner = owner(),
		.version = strdup(b->spec->version),
		.annotations = annotations(b->spec),
		.mode = mode,
		.shared_mounts = !b->spec->linux_.ns[SPEC_NS_MOUNT].present,
		.hooks = b->spec->hooks[SPEC_HOOK_POSTSTART].n ||
			b->spec->hooks[SPEC_HOOK_POSTSTOP].n,
		.hooks_out = noted_copy(b->spec, "run.oci.hooks.stdout"),
		.hooks_err = noted_copy(b->spec, "run.oci.hooks.stderr"),
	};
	must_mem(b->state.id && b->state.bundle && b->state.rootfs && b->state.version);
	if (b->state.shared_mounts)
		b->state.root_on = state_mount_of(b->rootfs);
	return replace_file(b->state_dir, STATE_CONFIG, b->text.p, b->text.n, 0600, e);
}

int bundle_make_cgroup(struct bundle *b, struct err *e)
{
	struct cgroup_opts o = {
		.id = b->run->id,
		.path = b->spec->linux_.cgroups_path,
		.resources = &b->spec->linux_.resources,
		.rootless = cgroup_rootless(b->run->rootless),
	};
	int r = 0;

	if (b->run->cgroup_manager)
		r = cgroup_manager_parse(b->run->cgroup_manager, &o.manager, e);
	if (!r)
		r = cgroup_new(&o, &b->state.cgroup, e);
	if (!r)
		r = state_save(b->state_dir, &b->state, e); /* for who cleans up after us */
	if (!r)
		r = cgroup_make(b->state.cgroup, o.resources, e);
	/* that it is ours, before anybody is in it: empty ones go in any case */
	return r ? r : state_save(b->state_dir, &b->state, e);
}

int bundle_born(void *ctx, const struct launch *l, struct err *e)
{
	struct bundle *b = ctx;
	int r = cgroup_attach(b->state.cgroup, l->init, e); /* before the namespace of it is made */

	return r ? r : cgroup_apply(b->state.cgroup, &b->spec->linux_.resources, e);
}

static int send_to(const char *what, const char *path, const char *name, int fd, struct err *e)
{
	own_fd s = -1;
	int r = unix_connect(path, &s, e);

	if (!r && (r = fd_send(s, name, strlen(name), fd)) < 0)
		fail(e, r, "send to %s", path);
	return r < 0 ? fail_ctx(e, r, "%s", what) : 0;
}

/* Without the time of its start nobody would find it again. */
static int know(pid_t pid, unsigned long long *ret_start, struct err *e)
{
	int r = pid_began(pid, ret_start);

	if (!r && !*ret_start)
		r = -ESRCH;
	return r < 0 ? fail(e, r, "look at process %d of the container", pid) : 0;
}

/* Who reads the pid file may begin: it comes last. */
int bundle_created(void *ctx, const struct launch *l, struct err *e)
{
	struct bundle *b = ctx;
	const struct bundle_run *run = b->run;
	const char *receiver = run->pidfd_socket ? run->pidfd_socket :
		spec_annotation(b->spec, "run.oci.pidfd_receiver");
	int r = know(l->init, &b->state.pid_start, e);

	b->state.pid = l->init;
	b->state.shim = l->shim_pid;
	if (!r && l->shim_pid > 0)
		r = know(l->shim_pid, &b->state.shim_start, e);
	if (!r)
		r = state_save(b->state_dir, &b->state, e);
	if (!r && run->console_socket)
		r = send_to("--console-socket", run->console_socket, "/dev/pts/0",
			l->master >= 0 ? l->master : b->master, e);
	if (!r && receiver)
		r = send_to("--pidfd-socket", receiver, "pidfd", l->init_fd, e);
	if (!r && run->pid_file)
		r = write_pid_file(run->pid_file, l->init, e);
	flock(b->state_dir, LOCK_UN); /* others may look at it from now on */
	return r;
}

/* --- hooks ------------------------------------------------------------------------------- */

static int run_hooks(const struct bundle *b, enum spec_hook_when when, const char *status,
	pid_t pid, struct err *e)
{
	const struct hook_state st = { .id = b->run->id, .bundle = b->said, .status = status,
		.pid = pid, .out = b->state.hooks_out, .err = b->state.hooks_err };

	return hooks_run(b->spec, when, &st, e);
}

int bundle_before_pivot(void *ctx, const struct launch *l, struct err *e)
{
	struct bundle *b = ctx;

	/* from here on there is something for the poststop hooks to know of */
	b->state.pid = l->init;
	b->state.pid_start = pid_start_time(l->init);
	/* prestart is of a time when it was run by `start`, and says what was true then */
	int r = run_hooks(b, SPEC_HOOK_PRESTART, "created", l->init, e);

	return r < 0 ? r : run_hooks(b, SPEC_HOOK_CREATE_RUNTIME, "creating", l->init, e);
}

int bundle_poststart(void *ctx, const struct launch *l, struct err *e)
{
	struct bundle *b = ctx;

	if (b->run->detach && l->mode == DET_OFF)
		notify_await(&b->notify, l->init, l->init_fd);
	return run_hooks(ctx, SPEC_HOOK_POSTSTART, "running", l->init, e);
}
