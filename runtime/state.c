/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "oci/spec.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/launch.h"
#include "runtime/priv.h"
#include "runtime/startsock.h"

enum { STATE_MAX = 1 << 20, ID_MAX = 128, KILL_WAIT_MS = 10000,
	RECALL_WAIT_MS = 500, TRACE_WAIT_MS = 60000 };

int state_root(const char *root, char **ret, struct err *e)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	own_free char *path = NULL;
	int n, r;

	if (root && *root)
		n = asprintf(&path, "%s", root);
	else if (run && *run == '/' && cgroup_rootless(NULL)) /* also as the root of a user namespace */
		n = asprintf(&path, "%s/detrun", run);
	else if (geteuid() == 0)
		n = asprintf(&path, "/run/detrun");
	else
		n = asprintf(&path, "/tmp/detrun-%u/state", geteuid());
	if (n < 0)
		return fail(e, ENOMEM, "find the state directory");
	r = mkdir_p(AT_FDCWD, path, 0700);
	if (r < 0)
		return fail(e, r, "make the state directory %s (--root names another)", path);
	*ret = take_ptr(path);
	return 0;
}

int state_check_id(const char *id, struct err *e)
{
	size_t n = strlen(id);

	if (!n || n > ID_MAX || *id == '.' ||
		id[strspn(id,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")])
		return fail_msg(e, EINVAL, "invalid container ID format: %s", id);
	return 0;
}

static int open_dir(const char *root, const char *id, int *ret_dir, struct err *e)
{
	own_fd top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = top < 0 ? -1 : openat(top, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return fail_msg(e, ENOENT, "container does not exist");
	if (fd < 0)
		return fail(e, errno, "open the state of %s", id);
	*ret_dir = fd;
	return 0;
}

int state_create(const char *root, const char *id, int *ret_dir, struct err *e)
{
	own_fd top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), dir = -1;
	int r = state_check_id(id, e);

	if (r < 0)
		return r;
	if (top < 0)
		return fail(e, errno, "open %s", root);
	if (mkdirat(top, id, 0700) < 0)
		return errno == EEXIST
			? fail_msg(e, EEXIST, "container with given ID already exists")
			: fail(e, errno, "make the state directory of %s", id);
	r = open_dir(root, id, &dir, e);
	if (!r && flock(dir, LOCK_EX | LOCK_NB) < 0)
		r = fail(e, errno, "lock the state of %s", id);
	if (r < 0) {
		unlinkat(top, id, AT_REMOVEDIR);
		return r;
	}
	*ret_dir = take_fd(&dir);
	return 0;
}

int state_open(const char *root, const char *id, bool lock, int *ret_dir, struct err *e)
{
	own_fd dir = -1;
	int r = state_check_id(id, e);

	if (!r)
		r = open_dir(root, id, &dir, e);
	if (r < 0)
		return r;
	while (lock && flock(dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail(e, errno, "lock the state of %s", id);
	*ret_dir = take_fd(&dir);
	return 0;
}

/* --- the file ---------------------------------------------------------------------------- */

static void kstr(struct json_out *o, const char *key, const char *v)
{
	if (v)
		json_kstr(o, key, v);
}

static void put_annotations(struct json_out *o, const struct state *s)
{
	if (!s->annotations || !s->annotations[0])
		return;
	json_key(o, "annotations");
	json_open(o, '{');
	for (char **a = s->annotations; *a; a += 2)
		json_kstr(o, a[0], a[1]);
	json_close(o, '}');
}

int state_save(int dir, const struct state *s, struct err *e)
{
	own_buf b = { 0 };
	struct json_out o = { .b = &b };

	json_open(&o, '{');
	put_annotations(&o, s);
	kstr(&o, "bundle", s->bundle);
	json_key(&o, "cgroup");
	cgroup_put(s->cgroup, &o);
	kstr(&o, "created", s->created);
	json_kbool(&o, "hooks", s->hooks);
	kstr(&o, "hooksErr", s->hooks_err);
	kstr(&o, "hooksOut", s->hooks_out);
	kstr(&o, "id", s->id);
	json_kbool(&o, "kept", s->kept);
	json_kstr(&o, "mode", det_mode_name(s->mode));
	kstr(&o, "owner", s->owner);
	json_kint(&o, "pid", s->pid);
	json_kint(&o, "pidStart", (int64_t) s->pid_start);
	json_kint(&o, "rootOn", (int64_t) s->root_on);
	kstr(&o, "rootfs", s->rootfs);
	json_kbool(&o, "sharedMounts", s->shared_mounts);
	json_kint(&o, "shim", s->shim);
	json_kint(&o, "shimStart", (int64_t) s->shim_start);
	kstr(&o, "version", s->version);
	json_close(&o, '}');
	if (b.failed)
		return fail(e, ENOMEM, "write the state of %s", s->id);
	return replace_file(dir, "state.json", b.p, b.n, 0600, e);
}

static char *get_str(const struct json *j, const char *key)
{
	const char *s = json_get_str(j, key);
	char *copy = s ? strdup(s) : NULL;

	must_mem(!s || copy);
	return copy;
}

static long long get_int(const struct json *j, const char *key)
{
	const struct json *v = json_get(j, key);

	return v && v->type == JSON_NUM && v->is_int ? v->i : 0;
}

static char **get_annotations(const struct json *j)
{
	char **a, **p;

	if (!j || j->type != JSON_OBJ)
		return NULL;
	a = p = calloc(2 * j->n + 1, sizeof *a);
	must_mem(a);
	for (size_t i = 0; i < j->n; i++) {
		if (j->child[i]->type != JSON_STR)
			continue;
		p[0] = strdup(j->key[i]);
		p[1] = strdup(j->child[i]->s);
		must_mem(p[0] && p[1]);
		p += 2;
	}
	return a;
}

static bool get_bool(const struct json *j, const char *key)
{
	const struct json *v = json_get(j, key);

	return v && v->type == JSON_BOOL && v->b;
}

static void from_json(const struct json *j, struct state *s)
{
	s->annotations = get_annotations(json_get(j, "annotations"));
	s->bundle = get_str(j, "bundle");
	s->created = get_str(j, "created");
	s->owner = get_str(j, "owner");
	s->rootfs = get_str(j, "rootfs");
	s->version = get_str(j, "version");
	s->pid = (pid_t) get_int(j, "pid");
	s->pid_start = (unsigned long long) get_int(j, "pidStart");
	s->shim = (pid_t) get_int(j, "shim");
	s->shim_start = (unsigned long long) get_int(j, "shimStart");
	s->kept = get_bool(j, "kept");
	s->shared_mounts = get_bool(j, "sharedMounts");
	s->root_on = (unsigned long long) get_int(j, "rootOn");
	s->hooks = get_bool(j, "hooks");
	s->hooks_out = get_str(j, "hooksOut");
	s->hooks_err = get_str(j, "hooksErr");
	s->mode = det_mode_by_name(json_get_str(j, "mode"));
	cgroup_get(json_get(j, "cgroup"), &s->cgroup, NULL);
}

int state_load(int dir, const char *id, struct state *ret, struct err *e)
{
	own_buf b = { 0 };
	own_json j = NULL;
	struct err why = ERR_INIT;
	int r = read_file(dir, "state.json", STATE_MAX, &b, &why);

	*ret = (struct state) { .id = strdup(id) };
	if (!ret->id)
		return fail(e, ENOMEM, "read the state of %s", id);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail_msg(e, -r, "%s", why.msg);
	r = json_parse((char *) b.p, b.n, "state.json", &j, e);
	if (r < 0)
		return r;
	from_json(j, ret);
	ret->running = !startsock_waiting(dir);
	return 0;
}

void state_free(struct state *s)
{
	free(s->id);
	free(s->bundle);
	free(s->rootfs);
	free(s->created);
	free(s->owner);
	free(s->hooks_out);
	free(s->hooks_err);
	free(s->version);
	for (char **a = s->annotations; a && *a; a++)
		free(*a);
	free(s->annotations);
	cgroup_free(s->cgroup);
	*s = (struct state) { 0 };
}

/* --- the process ------------------------------------------------------------------------- */

bool state_alive(const struct state *s)
{
	return s->pid > 0 && s->pid_start && pid_is(s->pid, s->pid_start) != 0;
}

const char *state_status(const struct state *s)
{
	if (!state_alive(s))
		return "stopped";
	if (s->cgroup && cgroup_frozen(s->cgroup))
		return "paused";
	return s->running ? "running" : "created";
}

/* Once we hold the pidfd, the start time says whether the pid had changed hands before. */
static int pidfd_of(pid_t pid, unsigned long long start)
{
	own_fd fd = -1;
	int r;

	if (pid <= 0 || !start)
		return -ESRCH;
	fd = pidfd_open(pid, 0);
	if (fd < 0)
		return errno == EINVAL ? -ESRCH : -errno; /* a thread's by now */
	r = pid_is(pid, start);
	return r < 0 ? r : r ? take_fd(&fd) : -ESRCH;
}

int state_pidfd(const struct state *s)
{
	return pidfd_of(s->pid, s->pid_start);
}

static int gone(int fd, int ms)
{
	struct pollfd p = { fd, POLLIN, 0 };
	int r;

	if (fd < 0)
		return 0;
	do {
		r = poll(&p, 1, ms);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r ? 0 : -ETIMEDOUT;
}

/* Killed as it is, it may be kept from dying by who has frozen it. */
static void recall(const struct state *s, int init)
{
	if (s->cgroup && gone(init, RECALL_WAIT_MS) == -ETIMEDOUT)
		cgroup_recall(s->cgroup);
}

/*
 * Both before waiting for either: a traced process stays until its tracer has seen it off. The
 * supervisor is given time for a trace that somebody wants.
 */
int state_kill_all(const struct state *s, struct err *e)
{
	own_fd init = pidfd_of(s->pid, s->pid_start), shim = pidfd_of(s->shim, s->shim_start);
	int r = 0;

	if (init < 0 && init != -ESRCH)
		r = init;
	else if (shim < 0 && shim != -ESRCH)
		r = shim;
	if (r < 0)
		return fail(e, r, "look for the processes of %s", s->id);
	if (init >= 0)
		pidfd_send_signal(init, SIGKILL, NULL, 0);
	if (shim >= 0 && s->kept) {
		recall(s, init);
		gone(shim, TRACE_WAIT_MS);
	}
	if (shim >= 0)
		pidfd_send_signal(shim, SIGKILL, NULL, 0);
	r = gone(shim, KILL_WAIT_MS);
	recall(s, init);
	if (!r)
		r = gone(init, KILL_WAIT_MS);
	return r < 0 ? fail(e, r, "kill container %s", s->id) : 0;
}

void state_await_end(const struct state *s)
{
	own_fd init = pidfd_of(s->pid, s->pid_start), shim = pidfd_of(s->shim, s->shim_start);

	if (gone(init, KILL_WAIT_MS) == 0)
		gone(shim, KILL_WAIT_MS);
}

void state_poke(const struct state *s)
{
	own_fd shim = pidfd_of(s->shim, s->shim_start);

	if (shim >= 0)
		pidfd_send_signal(shim, SUPERVISE_POKE, NULL, 0);
}

void state_put(const struct state *s, struct json_out *o)
{
	bool alive = state_alive(s), any = o->any_order;

	o->any_order = true; /* runc's, which some look at by eye and some by pattern */
	json_open(o, '{');
	json_kstr(o, "ociVersion", s->version ? s->version : SPEC_VERSION_MIN);
	json_kstr(o, "id", s->id);
	json_kint(o, "pid", alive ? s->pid : 0);
	json_kstr(o, "status", state_status(s));
	json_kstr(o, "bundle", s->bundle ? s->bundle : "");
	json_kstr(o, "rootfs", s->rootfs ? s->rootfs : "");
	json_kstr(o, "created", s->created ? s->created : "0001-01-01T00:00:00Z");
	put_annotations(o, s);
	json_kstr(o, "owner", s->owner ? s->owner : "");
	json_close(o, '}');
	o->any_order = any;
}

int state_remove(const char *root, const char *id, struct err *e)
{
	own_fd top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = top < 0 ? -errno : rm_rf(top, id);

	return r < 0 && r != -ENOENT ? fail(e, r, "remove the state of %s", id) : 0;
}
