/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: which controllers config.json asks of, and who sets them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/own.h"
#include "runtime/cgroup_res.h"

/* Engines write 0 for "not set". */
static bool asks(struct spec_i64 v)
{
	return v.present && v.v != 0;
}

static bool asks_u(struct spec_u64 v)
{
	return v.present && v.v;
}

static bool asks_memory(const struct spec_resources *r)
{
	return asks(r->memory.limit) || asks(r->memory.reservation) || asks(r->memory.swap) ||
	       asks(r->memory.kernel) || asks(r->memory.kernel_tcp) ||
	       r->memory.swappiness.present || r->memory.disable_oom_killer;
}

static bool asks_cpu(const struct spec_resources *r)
{
	return asks_u(r->cpu.shares) || asks(r->cpu.quota) || r->cpu.burst.present ||
	       asks_u(r->cpu.period) || asks(r->cpu.realtime_runtime) ||
	       asks_u(r->cpu.realtime_period) || r->cpu.idle.present;
}

static bool asks_cpuset(const struct spec_resources *r)
{
	return (r->cpu.cpus && *r->cpu.cpus) || (r->cpu.mems && *r->cpu.mems);
}

static bool asks_blkio(const struct spec_resources *r)
{
	bool any = asks_u(r->blkio.weight) || asks_u(r->blkio.leaf_weight);

	for (int i = 0; i < SPEC_BLKIO_COUNT; i++)
		any |= r->blkio.n_dev[i] > 0;
	return any;
}

bool cg_asks_pids(const struct spec_resources *r)
{
	return asks(r->pids_limit) || r->no_pids;
}

static bool asks_hugetlb(const struct spec_resources *r)
{
	return r->n_hugepages;
}

static bool asks_net_cls(const struct spec_resources *r)
{
	return asks_u(r->net_class);
}

static bool asks_net_prio(const struct spec_resources *r)
{
	return r->n_net_prio;
}

static bool asks_rdma(const struct spec_resources *r)
{
	return r->n_rdma;
}

/* In the order in which they are set. */
static const struct controller {
	const char *name, *v2_name;
	bool (*asks)(const struct spec_resources *r);
	cg_set_fn *v1, *v2;
} controllers[] = {
	{ "cpuset", "cpuset", asks_cpuset, cg1_cpuset, cg1_cpuset },
	{ "memory", "memory", asks_memory, cg1_memory, cg2_memory },
	{ "cpu", "cpu", asks_cpu, cg1_cpu, cg2_cpu },
	{ "pids", "pids", cg_asks_pids, cg1_pids, cg1_pids },
	{ "blkio", "io", asks_blkio, cg1_blkio, cg2_io },
	{ "hugetlb", "hugetlb", asks_hugetlb, cg_hugetlb, cg_hugetlb },
	{ "net_cls", NULL, asks_net_cls, cg1_net_cls, NULL },
	{ "net_prio", NULL, asks_net_prio, cg1_net_prio, NULL },
	{ "rdma", "rdma", asks_rdma, cg_rdma, cg_rdma },
};

bool cg_asks(const struct spec_resources *r)
{
	for (size_t i = 0; i < ARRAY_LEN(controllers); i++)
		if (controllers[i].asks(r))
			return true;
	return r->n_unified;
}

/* --- v2's own files ---------------------------------------------------------------------- */

static bool v2_has(const struct cg_dir *d, const char *controller)
{
	own_buf b = { 0 };
	char *save, *p;

	if (cg_read(d, "cgroup.controllers", &b, NULL) < 0)
		return false;
	for (p = strtok_r((char *) b.p, " \n", &save); p; p = strtok_r(NULL, " \n", &save))
		if (!strcmp(p, controller))
			return true;
	return false;
}

static int unified_failed(const struct cg_dir *d, const char *key, int r, const char *why,
	struct err *e)
{
	const char *dot = strchr(key, '.');
	char name[64];

	if (r == -ENOENT || r == -EPERM || r == -EACCES) {
		if (!dot)
			return fail_msg(e, EINVAL, "unified resource: the specified key has not "
				"the form CONTROLLER.VALUE `%s`", key);
		snprintf(name, sizeof name, "%.*s", (int) (dot - key), key);
		if (strcmp(name, "cgroup") && !v2_has(d, name))
			return fail_msg(e, -r, "unified resource \"%s\" can't be set: "
				"the requested cgroup controller `%s` is not available", key, name);
	}
	return fail_msg(e, -r, "unable to set unified resource \"%s\": %s", key, why);
}

/* A value may have several lines: the kernel takes one at a time. */
static int set_one_unified(const struct cg_dir *d, const struct spec_kv *kv, struct err *e)
{
	own_free char *copy = strdup(kv->value);
	char *save, *line;
	int r = 0;

	if (!copy)
		return fail(e, ENOMEM, "unified resource \"%s\"", kv->key);
	if (strchr(kv->key, '/'))
		return fail_msg(e, EINVAL,
			"unified resource \"%s\" must be a file name (no slashes)", kv->key);
	line = strtok_r(copy, "\n", &save);
	for (; line && !r; line = strtok_r(NULL, "\n", &save)) {
		struct err why = ERR_INIT;

		r = cg_write(d, kv->key, line, &why);
		if (r < 0)
			r = unified_failed(d, kv->key, r, why.msg, e);
	}
	return r;
}

static int set_unified(struct cgroup *c, const struct spec_resources *r, struct err *e)
{
	int x = 0;

	if (r->n_unified && !c->v2)
		return fail_msg(e, EINVAL,
			"invalid configuration: cannot use unified on cgroup v1");
	for (size_t i = 0; i < r->n_unified && !x; i++)
		x = set_one_unified(&c->dir[0], &r->unified[i], e);
	return x;
}

/* --- all --------------------------------------------------------------------------------- */

/* Where it is set: on hybrid, v2 for what v1 has not got. */
static int set(struct cgroup *c, const struct controller *t, const struct spec_resources *r,
	struct err *e)
{
	const struct cg_dir *d = cg_of(c, t->name);
	const char *name = d && d->v2 && t->v2_name ? t->v2_name : t->name;

	if (!d || d->absent)
		return fail_msg(e, EACCES, "cannot set %s limit: container could not join or "
			"create cgroup", name);
	if (d->v2 && (!t->v2 || !v2_has(d, t->v2_name)))
		return fail_msg(e, EOPNOTSUPP, "cannot set %s limit: the controller is not "
			"available in %s", name, d->path);
	return (d->v2 ? t->v2 : t->v1)(d, r, e);
}

int cgroup_update(struct cgroup *c, const struct spec_resources *r, struct err *e)
{
	int x = c->unit && cg_asks(r) ? cg_systemd_limits(c, r, e) : 0;

	for (size_t i = 0; i < ARRAY_LEN(controllers) && !x; i++)
		if (controllers[i].asks(r))
			x = set(c, &controllers[i], r, e);
	return x ? x : set_unified(c, r, e);
}

int cgroup_apply(struct cgroup *c, const struct spec_resources *r, struct err *e)
{
	int x = cgroup_update(c, r, e);

	return x ? x : cg_devices(c, r, e);
}
