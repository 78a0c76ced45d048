/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups that systemd makes: a scope of its own per container, handed over to us ("Delegate"). It is
 * asked over D-Bus by libsystemd, which is loaded only for this: nobody else pays for it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/cgroup_res.h"

#define SD_DEST "org.freedesktop.systemd1"
#define SD_PATH "/org/freedesktop/systemd1"
#define SD_MANAGER "org.freedesktop.systemd1.Manager"

enum { JOIN_MS = 30000 };

/* --- libsystemd -------------------------------------------------------------------------- */

struct bus_error { /* as libsystemd's sd_bus_error */
	const char *name, *message;
	int need_free;
};

struct sd {
	void *lib, *bus;
	int (*open_system)(void **bus);
	int (*open_user)(void **bus);
	void *(*unref)(void *bus);
	int (*new_call)(void *bus, void **m, const char *dest, const char *path, const char *iface,
		const char *member);
	int (*append)(void *m, const char *types, ...);
	int (*open_container)(void *m, char type, const char *contents);
	int (*close_container)(void *m);
	int (*call)(void *bus, void *m, uint64_t usec, struct bus_error *e, void **reply);
	void *(*message_unref)(void *m);
	void (*error_free)(struct bus_error *e);
	int (*read)(void *m, const char *types, ...);
	int (*get_string)(void *bus, const char *dest, const char *path, const char *iface,
		const char *member, struct bus_error *e, char **ret);
};

static void sd_drop(struct sd *s)
{
	if (s->bus)
		s->unref(s->bus);
	if (s->lib)
		dlclose(s->lib);
}

static int load(struct sd *s, struct err *e)
{
	const struct {
		const char *name;
		void *to;
	} t[] = {
		{ "sd_bus_open_system", &s->open_system },
		{ "sd_bus_open_user", &s->open_user },
		{ "sd_bus_flush_close_unref", &s->unref },
		{ "sd_bus_message_new_method_call", &s->new_call },
		{ "sd_bus_message_append", &s->append },
		{ "sd_bus_message_open_container", &s->open_container },
		{ "sd_bus_message_close_container", &s->close_container },
		{ "sd_bus_call", &s->call },
		{ "sd_bus_message_unref", &s->message_unref },
		{ "sd_bus_error_free", &s->error_free },
		{ "sd_bus_message_read", &s->read },
		{ "sd_bus_get_property_string", &s->get_string },
	};

	s->lib = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
	if (!s->lib)
		return fail_msg(e, ENOENT, "--systemd-cgroup: libsystemd.so.0 is missing; install it "
			"or use --cgroup-manager cgroupfs");
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		void *fn = dlsym(s->lib, t[i].name);

		if (!fn)
			return fail_msg(e, ENOENT, "--systemd-cgroup: libsystemd.so.0 has no %s",
				t[i].name);
		memcpy(t[i].to, &fn, sizeof fn);
	}
	return 0;
}

static int connect_bus(struct sd *s, bool user, struct err *e)
{
	int r = load(s, e);

	if (r < 0)
		return r;
	r = user ? s->open_user(&s->bus) : s->open_system(&s->bus);
	if (r < 0) {
		s->bus = NULL;
		return fail(e, r, "connect to systemd's %s bus", user ? "user" : "system");
	}
	return 0;
}

static int new_call(struct sd *s, const char *member, void **ret, struct err *e)
{
	int r = s->new_call(s->bus, ret, SD_DEST, SD_PATH, SD_MANAGER, member);

	return r < 0 ? fail(e, r, "call systemd's %s", member) : 0;
}

/* Sends it, and frees it. @r: of filling it in. @ret_job: of its answer, may be NULL. */
static int send_call(struct sd *s, void *m, int r, const char *what, const char *unit,
	char **ret_job, struct err *e)
{
	const char *job = NULL;
	struct bus_error why = { 0 };
	void *reply = NULL;

	if (r >= 0)
		r = s->call(s->bus, m, 0, &why, &reply);
	if (r >= 0 && ret_job)
		r = s->read(reply, "o", &job);
	if (r >= 0 && ret_job)
		*ret_job = strdup(job);
	if (r < 0)
		r = fail_msg(e, -r, "unable to %s unit \"%s\": %s", what, unit,
			why.message ? why.message : strerror(-r));
	s->error_free(&why);
	if (reply)
		s->message_unref(reply);
	s->message_unref(m);
	return r < 0 ? r : 0;
}

/* --- properties -------------------------------------------------------------------------- */

static int put_u64(struct sd *s, void *m, const char *name, uint64_t v)
{
	return s->append(m, "(sv)", name, "t", v);
}

/* 0 = not set, -1 = no limit. */
static int put_limit(struct sd *s, void *m, const char *name, int64_t v)
{
	return v ? put_u64(s, m, name, v < 0 ? UINT64_MAX : (uint64_t) v) : 0;
}

/* In us of CPU time per second, which systemd wants in steps of 10 ms. */
static int put_quota(struct sd *s, void *m, const struct spec_resources *r)
{
	int64_t quota = cg_i64(r->cpu.quota);
	uint64_t period = cg_u64(r->cpu.period), v;

	if (!quota)
		return 0;
	if (quota < 0)
		return put_u64(s, m, "CPUQuotaPerSecUSec", UINT64_MAX);
	v = (uint64_t) quota * 1000000 / (period ? period : 100000);
	return put_u64(s, m, "CPUQuotaPerSecUSec", (v + 9999) / 10000 * 10000);
}

/* What systemd would otherwise set back: the rest is ours in a delegated unit. */
static int put_limits(struct sd *s, void *m, const struct spec_resources *r, bool v2)
{
	uint64_t shares = cg_u64(r->cpu.shares);
	int x = put_limit(s, m, v2 ? "MemoryMax" : "MemoryLimit", cg_i64(r->memory.limit));

	if (x >= 0 && v2)
		x = put_limit(s, m, "MemoryLow", cg_i64(r->memory.reservation));
	if (x >= 0 && shares)
		x = put_u64(s, m, v2 ? "CPUWeight" : "CPUShares",
			v2 ? cg2_weight(shares) : shares);
	if (x >= 0)
		x = put_quota(s, m, r);
	if (x >= 0 && cg_asks_pids(r))
		x = put_limit(s, m, "TasksMax", r->pids_limit.v ? r->pids_limit.v : 1);
	return x;
}

static int put_unit(struct sd *s, void *m, const struct cgroup *c, pid_t pid)
{
	static const char *const yes[] = { "Delegate", "MemoryAccounting", "CPUAccounting",
		"TasksAccounting" };
	int r = s->append(m, "(sv)", "Description", "s", "detrun container");

	if (r >= 0)
		r = s->append(m, "(sv)", "Slice", "s", c->slice);
	if (r >= 0)
		r = s->append(m, "(sv)", "PIDs", "au", 1, (uint32_t) pid);
	if (r >= 0)
		r = s->append(m, "(sv)", "DefaultDependencies", "b", 0);
	for (size_t i = 0; i < ARRAY_LEN(yes) && r >= 0; i++)
		r = s->append(m, "(sv)", yes[i], "b", 1);
	if (r >= 0)
		r = s->append(m, "(sv)", c->v2 ? "IOAccounting" : "BlockIOAccounting", "b", 1);
	return r;
}

/* --- units ------------------------------------------------------------------------------- */

static int start_unit(struct sd *s, const struct cgroup *c, pid_t pid, char **ret_job, struct err *e)
{
	void *m = NULL;
	int r = new_call(s, "StartTransientUnit", &m, e);

	if (r < 0)
		return r;
	r = s->append(m, "ss", c->unit, "replace");
	if (r >= 0)
		r = s->open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = put_unit(s, m, c, pid);
	if (r >= 0)
		r = s->close_container(m);
	if (r >= 0)
		r = s->append(m, "a(sa(sv))", 0);
	return send_call(s, m, r, "start", c->unit, ret_job, e);
}

static bool moved(pid_t pid, const char *unit)
{
	own_buf b = { 0 }, end = { 0 };
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
	buf_printf(&end, "/%s\n", unit);
	return read_file(AT_FDCWD, path, CG_TEXT, &b, NULL) == 0 && buf_cstr(&b) && buf_cstr(&end) &&
	       strstr((char *) b.p, (char *) end.p);
}

/* A job that is done can't be asked any more. */
static bool working(struct sd *s, const char *job)
{
	struct bus_error why = { 0 };
	own_free char *state = NULL;
	int r = s->get_string(s->bus, SD_DEST, job, SD_DEST ".Job", "State", &why, &state);

	s->error_free(&why);
	return r >= 0;
}

/*
 * Until the job is done systemd may take the process back out of hierarchies of v1, and remove what
 * we make there.
 */
int cg_systemd_start(struct cgroup *c, pid_t pid, struct err *e)
{
	own_cleanup(sd_drop) struct sd s = { 0 };
	own_free char *job = NULL;
	int r = connect_bus(&s, c->rootless, e);

	if (!r)
		r = start_unit(&s, c, pid, &job, e);
	if (!r && !job)
		r = fail(e, ENOMEM, "start %s", c->unit);
	for (int ms = 0; !r && working(&s, job); ms++) {
		if (ms == JOIN_MS)
			return fail_msg(e, ETIMEDOUT, "systemd has not started %s within %d s",
				c->unit, JOIN_MS / 1000);
		nanosleep(&(struct timespec) { 0, 1000000 }, NULL);
	}
	if (!r && !moved(pid, c->unit))
		r = fail_msg(e, EIO, "systemd has not moved the container into %s (see journalctl -u "
			"%s)", c->unit, c->unit);
	return r;
}

int cg_systemd_limits(const struct cgroup *c, const struct spec_resources *res, struct err *e)
{
	own_cleanup(sd_drop) struct sd s = { 0 };
	void *m = NULL;
	int r = connect_bus(&s, c->rootless, e);

	if (!r)
		r = new_call(&s, "SetUnitProperties", &m, e);
	if (r < 0)
		return r;
	r = s.append(m, "sb", c->unit, 1);
	if (r >= 0)
		r = s.open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = put_limits(&s, m, res, c->v2);
	if (r >= 0)
		r = s.close_container(m);
	return send_call(&s, m, r, "set limits of", c->unit, NULL, e);
}

/* One that is gone is stopped; a failed one would keep its name. */
void cg_systemd_stop(const struct cgroup *c)
{
	own_cleanup(sd_drop) struct sd s = { 0 };
	void *m = NULL;

	if (connect_bus(&s, c->rootless, NULL) < 0)
		return;
	if (new_call(&s, "StopUnit", &m, NULL) == 0)
		send_call(&s, m, s.append(m, "ss", c->unit, "replace"), "stop", c->unit, NULL, NULL);
	if (new_call(&s, "ResetFailedUnit", &m, NULL) == 0)
		send_call(&s, m, s.append(m, "s", c->unit), "reset", c->unit, NULL, NULL);
}

/* --- names ------------------------------------------------------------------------------- */

/* "a-b.slice" is below "a.slice"; "-.slice" is the root. */
static int slice_path(const char *slice, struct buf *b, struct err *e)
{
	size_t n = strlen(slice);

	if (n <= 6 || strcmp(slice + n - 6, ".slice") || strchr(slice, '/'))
		return fail_msg(e, EINVAL, "invalid slice name: %s", slice);
	if (!strcmp(slice, "-.slice"))
		return 0;
	if (*slice == '-' || slice[n - 7] == '-' || strstr(slice, "--"))
		return fail_msg(e, EINVAL, "invalid slice name: %s", slice);
	for (size_t i = 0; i < n - 6; i++)
		if (slice[i] == '-' || i == n - 7)
			buf_printf(b, "/%.*s.slice", (int) (slice[i] == '-' ? i : i + 1), slice);
	return 0;
}

static int split(const struct cgroup_opts *o, char **ret_slice, char **ret_unit, struct err *e)
{
	own_free char *copy = strdup(o->path && *o->path ? o->path : ":detrun:");
	char *prefix = copy ? strchr(copy, ':') : NULL;
	char *name = prefix ? strchr(prefix + 1, ':') : NULL;
	const char *slice = o->rootless ? "user.slice" : "system.slice", *unit;
	size_t n;

	if (!copy)
		return fail(e, ENOMEM, "linux.cgroupsPath");
	if (!name || strchr(name + 1, ':') || strchr(copy, '/'))
		return fail_msg(e, EINVAL, "expected cgroupsPath to be of format \"slice:prefix:name\" "
			"for systemd cgroups, got \"%s\" instead", o->path);
	*prefix++ = 0;
	*name++ = 0;
	unit = *name ? name : o->id;
	n = strlen(unit);
	*ret_slice = strdup(*copy ? copy : slice);
	if (n > 6 && !strcmp(unit + n - 6, ".slice"))
		*ret_unit = strdup(unit);
	else if (asprintf(ret_unit, "%s%s%s.scope", prefix, *prefix ? "-" : "", unit) < 0)
		*ret_unit = NULL;
	return *ret_slice && *ret_unit ? 0 : fail(e, ENOMEM, "linux.cgroupsPath");
}

/* Where the manager itself begins: the root for the system's. */
static int base_of(bool user, struct buf *b, struct err *e)
{
	own_cleanup(sd_drop) struct sd s = { 0 };
	struct bus_error why = { 0 };
	own_free char *at = NULL;
	int r = connect_bus(&s, user, e);

	if (r < 0)
		return r;
	r = s.get_string(s.bus, SD_DEST, SD_PATH, SD_MANAGER, "ControlGroup", &why, &at);
	if (r < 0)
		r = fail_msg(e, -r, "ask systemd for its cgroup: %s",
			why.message ? why.message : strerror(-r));
	s.error_free(&why);
	if (r >= 0 && strcmp(at, "/"))
		buf_str(b, at);
	return r < 0 ? r : 0;
}

int cg_systemd_name(struct cgroup *c, const struct cgroup_opts *o, char **ret_path, struct err *e)
{
	own_buf b = { 0 };
	int r;

	if (access("/run/systemd/system", F_OK) < 0)
		return fail_msg(e, EOPNOTSUPP, "systemd not running on this host, cannot use systemd "
			"cgroups manager (--cgroup-manager cgroupfs does without)");
	r = split(o, &c->slice, &c->unit, e);
	if (!r)
		r = base_of(o->rootless, &b, e);
	if (!r)
		r = slice_path(c->slice, &b, e);
	if (r < 0)
		return r;
	buf_printf(&b, "/%s", c->unit);
	if (!buf_cstr(&b))
		return fail(e, ENOMEM, "linux.cgroupsPath");
	*ret_path = (char *) take_ptr(b.p);
	return 0;
}
