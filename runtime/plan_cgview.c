/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical machine's cgroups: the limits that config.json declares, read-only, and who is in it;
 * nothing that is measured. As version 2 has them, and those that programs of version 1's time look for as it did.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "runtime/base/own.h"
#include "runtime/cgroup_res.h"
#include "runtime/plan_impl.h"

#define V1_UNLIMITED INT64_C(9223372036854771712)

struct view {
	struct plan *p;
	const char *top;
};

__attribute__((format(printf, 3, 4)))
static void add(const struct view *v, const char *name, const char *fmt, ...)
{
	const char *path = plan_str(v->p, "%s/%s", v->top, name);
	char text[512];
	struct op *o;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	o = plan_add(v->p, OP_FILE, path);
	o->data = plan_str(v->p, "%s\n", text);
	o->mode = 0444;
}

static void add_empty(const struct view *v, const char *name, mode_t mode)
{
	struct op *o = plan_add(v->p, OP_FILE, plan_str(v->p, "%s/%s", v->top, name));

	o->data = "";
	o->mode = mode;
}

/* Of limits 0 is none said. */
static void add_max(const struct view *v, const char *name, int64_t n)
{
	if (n > 0)
		add(v, name, "%" PRId64, n);
	else
		add(v, name, "max");
}

static void add_memory(const struct view *v, const struct spec_resources *r)
{
	int64_t limit = cg_i64(r->memory.limit), swap = 0;

	if (cg2_swap(limit, cg_i64(r->memory.swap), &swap, NULL) < 0)
		swap = 0;
	add_max(v, "memory.max", limit);
	add_max(v, "memory.high", 0);
	add(v, "memory.low", "%" PRId64, cg_i64(r->memory.reservation) > 0 ?
		cg_i64(r->memory.reservation) : 0);
	if (limit > 0 && r->memory.swap.v == limit)
		add(v, "memory.swap.max", "0");
	else
		add_max(v, "memory.swap.max", swap);
}

static uint64_t period(const struct spec_resources *r)
{
	return r->cpu.period.present && r->cpu.period.v ? r->cpu.period.v : 100000;
}

static void add_cpu(const struct view *v, const struct spec_resources *r, unsigned ncpus)
{
	const char *cpus = r->cpu.cpus ? r->cpu.cpus : "";
	char all[32];

	snprintf(all, sizeof all, ncpus > 1 ? "0-%u" : "0", ncpus ? ncpus - 1 : 0);
	if (cg_i64(r->cpu.quota) > 0)
		add(v, "cpu.max", "%" PRId64 " %" PRIu64, r->cpu.quota.v, period(r));
	else
		add(v, "cpu.max", "max %" PRIu64, period(r));
	add(v, "cpu.weight", "%" PRIu64, cg_u64(r->cpu.shares) ? cg2_weight(r->cpu.shares.v) : 100);
	add(v, "cpu.max.burst", "%" PRIu64, cg_u64(r->cpu.burst));
	add(v, "cpu.idle", "%d", cg_i64(r->cpu.idle) > 0);
	add(v, "cpuset.cpus", "%.500s", cpus);
	add(v, "cpuset.mems", "%.500s", r->cpu.mems ? r->cpu.mems : "");
	add(v, "cpuset.cpus.effective", "%.500s", *cpus ? cpus : all);
	add(v, "cpuset.mems.effective", "0");
}

static void add_io(const struct view *v, const struct spec_resources *r)
{
	uint64_t weight = cg_u64(r->blkio.weight);

	add(v, "io.weight", "default %" PRIu64, weight ? cg2_io_weight(weight) : 100);
	if (weight)
		add(v, "io.bfq.weight", "default %" PRIu64, weight);
	add(v, "blkio.weight", "%" PRIu64, weight ? weight : 500);
}

/* What is said in version 2's own words; they come last, and win. */
static void add_unified(const struct view *v, const struct spec_resources *r)
{
	for (size_t i = 0; i < r->n_unified; i++)
		if (!strchr(r->unified[i].key, '/'))
			add(v, r->unified[i].key, "%.500s", r->unified[i].value);
}

/* Controllers are found by their name, in the one directory that there is. */
static void add_v1(const struct view *v, const struct spec_resources *r)
{
	static const char *const names[] = { "blkio", "cpu", "cpuset", "memory", "pids" };
	int64_t limit = cg_i64(r->memory.limit), swap = cg_i64(r->memory.swap);
	int64_t quota = cg_i64(r->cpu.quota);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		plan_add(v->p, OP_SYMLINK, plan_str(v->p, "%s/%s", v->top, names[i]))->data = ".";
	add(v, "cpu.cfs_period_us", "%" PRIu64, period(r));
	add(v, "cpu.cfs_quota_us", "%" PRId64, quota > 0 ? quota : -1);
	add(v, "cpu.shares", "%" PRIu64, cg_u64(r->cpu.shares) ? r->cpu.shares.v : 1024);
	add(v, "memory.limit_in_bytes", "%" PRId64, limit > 0 ? limit : V1_UNLIMITED);
	add(v, "memory.soft_limit_in_bytes", "%" PRId64, cg_i64(r->memory.reservation) > 0 ?
		cg_i64(r->memory.reservation) : V1_UNLIMITED);
	add(v, "memory.oom_control", "oom_kill_disable %d\nunder_oom 0\noom_kill 0",
		r->memory.disable_oom_killer);
	add(v, "memory.memsw.limit_in_bytes", "%" PRId64, swap > 0 ? swap : V1_UNLIMITED);
}

/* The supervisor's to say, when they are opened, and to look at what is written. */
static void add_members(const struct view *v)
{
	static const char *const writable[] = { "cgroup.procs", "cgroup.subtree_control",
		"cgroup.threads", "tasks" };

	for (size_t i = 0; i < ARRAY_LEN(writable); i++)
		add_empty(v, writable[i], 0644);
	add_empty(v, "pids.current", 0444);
	add(v, "cgroup.events", "populated 1\nfrozen 0");
	add(v, "cgroup.type", "domain");
}

static bool is_cgroup(const struct spec_mount *m)
{
	return !(m->flags & MS_BIND) && m->type &&
	       (!strcmp(m->type, "cgroup") || !strcmp(m->type, "cgroup2"));
}

static bool below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && path[n] == '/';
}

bool plan_cgview_part(const struct spec *s, const struct spec_mount *m)
{
	for (size_t i = 0; m->flags & MS_BIND && i < s->n_mounts; i++)
		if (is_cgroup(&s->mounts[i]) && below(m->destination, s->mounts[i].destination))
			return true;
	return false;
}

/* Podman gives a systemd inside version 1's hierarchy for it, over the others that are read-only. */
static bool writable(const struct spec *s, const struct spec_mount *top)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (below(s->mounts[i].destination, top->destination) &&
			!(s->mounts[i].flags & MS_RDONLY))
			return true;
	return !(top->flags & MS_RDONLY);
}

void plan_cgview(const struct plan_in *in, const struct spec_mount *m, struct plan *p)
{
	const struct spec_resources *r = &in->spec->linux_.resources;
	const struct view v = { p, m->destination };

	add_members(&v);
	add(&v, "cgroup.controllers", "cpuset cpu io memory pids");
	add_cpu(&v, r, in->cpus);
	add_memory(&v, r);
	add_io(&v, r);
	add_max(&v, "pids.max", cg_i64(r->pids_limit));
	add_v1(&v, r);
	add_unified(&v, r);
	if (!writable(in->spec, m))
		plan_add(p, OP_ATTR, m->destination)->attr = MOUNT_ATTR_RDONLY;
}
