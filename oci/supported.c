/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What config.json can ask for and this runtime does not do yet. Each is a line here, and goes when
 * the code that does it comes. A property that changes nothing (an empty list, a rule that holds
 * anyway) is not refused.
 */
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>

#include "oci/spec.h"
#include "runtime/base/own.h"

#define CAP_MKNOD_BIT (1ull << 27)

static int no(struct err *e, const char *path, const char *why)
{
	return fail_msg(e, EOPNOTSUPP, "%s: not supported yet%s%s", path, why ? ": " : "",
		why ? why : "");
}

/*
 * Without a device cgroup: denying all holds anyway where nobody can make a device node, and
 * allowing adds nothing to the nodes that are there.
 */
static bool device_rules_hold(const struct spec *s)
{
	const struct spec_resources *r = &s->linux_.resources;
	bool deny = false;

	for (size_t i = 0; i < r->n_devices; i++) {
		const struct spec_dev_rule *d = &r->devices[i];
		bool all = d->type == 'a' && d->major < 0 && d->minor < 0 && d->r && d->w && d->m;

		if (!d->allow && !all)
			return false; /* one device: only a cgroup does that */
		deny |= !d->allow;
	}
	return !deny || s->linux_.ns[SPEC_NS_USER].present ||
	       !(s->process.caps.bounding & CAP_MKNOD_BIT);
}

/* Engines write 0 for "not set" and -1 for "no limit": neither asks for anything. */
static bool asks(struct spec_i64 v)
{
	return v.present && v.v != 0 && v.v != -1;
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
	return asks_u(r->cpu.shares) || asks(r->cpu.quota) || asks_u(r->cpu.burst) ||
	       asks_u(r->cpu.period) || asks(r->cpu.realtime_runtime) ||
	       asks_u(r->cpu.realtime_period) || asks(r->cpu.idle) ||
	       (r->cpu.cpus && *r->cpu.cpus) || (r->cpu.mems && *r->cpu.mems);
}

static bool asks_blkio(const struct spec_resources *r)
{
	bool any = asks_u(r->blkio.weight) || asks_u(r->blkio.leaf_weight);

	for (int i = 0; i < SPEC_BLKIO_COUNT; i++)
		any |= r->blkio.n_dev[i] > 0;
	return any;
}

static int resources(const struct spec *s, struct err *e)
{
	const struct spec_resources *r = &s->linux_.resources;
	const struct {
		bool asked;
		const char *path;
	} t[] = {
		{ asks_memory(r), "linux.resources.memory" },
		{ asks_cpu(r), "linux.resources.cpu" },
		{ asks(r->pids_limit), "linux.resources.pids.limit" },
		{ asks_blkio(r), "linux.resources.blockIO" },
		{ r->n_hugepages, "linux.resources.hugepageLimits" },
		{ asks_u(r->net_class) || r->n_net_prio, "linux.resources.network" },
		{ r->n_rdma, "linux.resources.rdma" },
		{ r->n_unified, "linux.resources.unified" },
	};

	if (!device_rules_hold(s))
		return no(e, "linux.resources.devices", "only \"deny all\" holds without a cgroup");
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (t[i].asked)
			return no(e, t[i].path, NULL);
	return 0;
}

static int linux_rest(const struct spec_linux *l, struct err *e)
{
	const struct {
		bool asked;
		const char *path;
	} t[] = {
		{ l->cgroups_path && *l->cgroups_path, "linux.cgroupsPath" },
		{ l->n_personality_flags, "linux.personality.flags" },
		{ l->intel_rdt.present, "linux.intelRdt" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (t[i].asked)
			return no(e, t[i].path, NULL);
	return 0;
}

int spec_supported(const struct spec *s, struct err *e)
{
	int r;

	if (s->n_foreign)
		return fail_msg(e, EOPNOTSUPP, "%s: is for another platform than Linux",
			s->foreign[0]);
	r = linux_rest(&s->linux_, e);
	if (!r)
		r = resources(s, e);
	return r;
}
