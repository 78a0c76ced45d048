/* SPDX-License-Identifier: Apache-2.0 */
/* Who is in it: listing, freezing, killing. */
#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>

#include "runtime/base/own.h"
#include "runtime/cgroup_impl.h"

enum { KILL_MS = 10000, FREEZE_MS = 5000, RECALL_MS = 500 };

static void nap(unsigned ms)
{
	nanosleep(&(struct timespec) { ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* v1: all hierarchies hold the same processes; take one that the container can't do without. */
const struct cg_dir *cg_procs_dir(const struct cgroup *c)
{
	static const char *const first[] = { "devices", "freezer", "pids", "memory" };

	for (size_t i = 0; !c->v2 && i < ARRAY_LEN(first); i++) {
		const struct cg_dir *d = cg_of(c, first[i]);

		if (d && !d->v2 && !d->absent)
			return d;
	}
	for (size_t i = 0; i < c->n; i++)
		if (!c->dir[i].absent)
			return &c->dir[i];
	return NULL;
}

/* --- listing ----------------------------------------------------------------------------- */

static void add_pids(const char *text, struct buf *pids)
{
	char *end;

	for (const char *p = text; *p; p = *end ? end + 1 : end) {
		pid_t pid = (pid_t) strtol(p, &end, 10);

		if (end == p)
			break;
		if (pid > 0) /* 0: a process that our pid namespace does not see */
			buf_put(pids, &pid, sizeof pid);
	}
}

static int walk(const char *path, int depth, struct buf *pids)
{
	struct cg_dir at = { .path = (char *) (uintptr_t) path };
	own_buf b = { 0 };
	own_dir d = opendir(path);
	struct dirent *ent;
	int r = cg_read(&at, "cgroup.procs", &b, NULL);

	if (r == -EOPNOTSUPP) { /* threaded */
		r = 0;
	}
	if (r < 0)
		return r;
	if (b.n)
		add_pids((char *) b.p, pids);
	while (d && depth < 64 && (ent = readdir(d))) {
		char sub[PATH_MAX];

		if (ent->d_type != DT_DIR || !strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
			continue;
		if ((size_t) snprintf(sub, sizeof sub, "%s/%s", path, ent->d_name) < sizeof sub)
			walk(sub, depth + 1, pids); /* may be gone by now */
	}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *) a, y = *(const pid_t *) b;

	return (x > y) - (x < y);
}

int cgroup_pids(const struct cgroup *c, pid_t **ret, size_t *ret_n, struct err *e)
{
	const struct cg_dir *d = cg_procs_dir(c);
	own_buf pids = { 0 };
	int r = d ? walk(d->path, 0, &pids) : 0;

	if (r < 0 && r != -ENOENT && r != -ENODEV)
		return fail(e, r, "unable to get cgroup PIDs: %s", d->path);
	if (pids.failed)
		return fail(e, ENOMEM, "unable to get cgroup PIDs");
	*ret_n = pids.n / sizeof **ret;
	if (*ret_n)
		qsort(pids.p, *ret_n, sizeof **ret, by_number);
	*ret = (pid_t *) (void *) take_ptr(pids.p);
	return 0;
}

/* --- freezing ---------------------------------------------------------------------------- */

static bool is_frozen(const struct cg_dir *d)
{
	own_buf b = { 0 };
	uint64_t v = 0;

	if (d->v2)
		return !cg_read(d, "cgroup.events", &b, NULL) &&
		       cg_key((char *) b.p, "frozen", &v) && v;
	return !cg_read(d, "freezer.state", &b, NULL) && strncmp((char *) b.p, "THAWED", 6);
}

bool cgroup_frozen(const struct cgroup *c)
{
	const struct cg_dir *d = cg_of(c, "freezer");

	return d && !d->absent && is_frozen(d);
}

/*
 * v1's freezer can stay FREEZING while processes fork: thaw for a moment, and begin again. Only
 * FROZEN itself is what we wait for.
 */
static int freeze_v1(const struct cg_dir *d, struct err *e)
{
	for (int i = 0; i < 1000; i++) {
		own_buf b = { 0 };
		int r;

		if (i % 50 == 49) {
			cg_write(d, "freezer.state", "THAWED", NULL);
			nap(10);
		}
		r = cg_write(d, "freezer.state", "FROZEN", e);
		if (!r)
			r = cg_read(d, "freezer.state", &b, e);
		if (r < 0)
			return r;
		if (!strncmp((char *) b.p, "FROZEN", 6))
			return 0;
		nap(i % 25 == 24 ? 10 : 1);
	}
	cg_write(d, "freezer.state", "THAWED", NULL);
	return fail_msg(e, ETIMEDOUT, "unable to freeze %s", d->path);
}

static int freeze_v2(const struct cg_dir *d, bool freeze, struct err *e)
{
	int r = cg_write(d, "cgroup.freeze", freeze ? "1" : "0", e);

	for (int i = 0; !r && i < FREEZE_MS; i++) {
		if (is_frozen(d) == freeze)
			return 0;
		nap(1);
	}
	if (!r)
		r = fail_msg(e, ETIMEDOUT, "unable to %s %s", freeze ? "freeze" : "thaw", d->path);
	return r;
}

int cgroup_freeze(const struct cgroup *c, bool freeze, struct err *e)
{
	const struct cg_dir *d = cg_of(c, "freezer");

	if (!d || d->absent)
		return fail_msg(e, EOPNOTSUPP,
			"cannot toggle freezer: cgroups not configured for container");
	if (d->v2)
		return freeze_v2(d, freeze, e);
	return freeze ? freeze_v1(d, e) : cg_write(d, "freezer.state", "THAWED", e);
}

/* --- killing ----------------------------------------------------------------------------- */

/* 1: nobody is left. Frozen ones neither fork nor end, so that the numbers stay theirs. */
static int kill_round(const struct cgroup *c, bool freeze, struct err *e)
{
	own_free pid_t *seen = NULL, *pids = NULL;
	size_t n = 0;
	int r = cgroup_pids(c, &seen, &n, e);

	if (r < 0 || !n)
		return r < 0 ? r : 1;
	if (freeze) /* may fail: the next round tries again */
		cgroup_freeze(c, true, NULL);
	r = cgroup_pids(c, &pids, &n, e);
	for (size_t i = 0; !r && i < n; i++)
		kill(pids[i], SIGKILL);
	if (cgroup_frozen(c))
		cgroup_freeze(c, false, NULL);
	return r;
}

static bool nobody(const struct cgroup *c)
{
	own_free pid_t *pids = NULL;
	size_t n = 0;

	return cgroup_pids(c, &pids, &n, NULL) == 0 && !n;
}

static bool kill_v2(const struct cgroup *c)
{
	const struct cg_dir *d = c->v2 ? &c->dir[0] : NULL;

	return d && !d->absent && cg_write(d, "cgroup.kill", "1", NULL) == 0;
}

int cgroup_signal(const struct cgroup *c, int sig, struct err *e)
{
	own_free pid_t *pids = NULL;
	size_t n = 0;
	int r;

	if (sig == SIGKILL && c->made) { /* no fork escapes */
		r = kill_v2(c) ? 0 : kill_round(c, true, e);
		return r < 0 ? r : 0;
	}
	r = cgroup_pids(c, &pids, &n, e);

	for (size_t i = 0; !r && i < n; i++) {
		if (kill(pids[i], sig) < 0 && errno != ESRCH)
			r = fail(e, errno, "signal process %d", pids[i]);
	}
	return r;
}

void cgroup_recall(const struct cgroup *c)
{
	const struct cg_dir *d = cg_of(c, "freezer");
	own_free pid_t *pids = NULL;
	size_t n = 0;

	if (!c->made || !d || d->v2 || d->absent || cgroup_pids(c, &pids, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		cg_attach(d, pids[i], NULL);
}

int cgroup_kill(const struct cgroup *c, struct err *e)
{
	if (!c->made || !cgroup_exists(c) || nobody(c))
		return 0;
	for (unsigned waited = 0, ms = 1; waited < KILL_MS; waited += ms) {
		bool done = kill_v2(c); /* kills frozen ones, too */
		int r = kill_round(c, !done, e);

		if (r)
			return r < 0 ? r : 0;
		if (waited > RECALL_MS)
			cgroup_recall(c);
		nap(ms);
		ms = ms < 50 ? ms * 2 : ms;
	}
	return fail_msg(e, ETIMEDOUT, "processes of the container do not die");
}
