/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: which controllers config.json asks of. */
#include "runtime/cgroup_impl.h"

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

static bool asks_pids(const struct spec_resources *r)
{
	return asks(r->pids_limit);
}

bool cg_asks(const struct spec_resources *r)
{
	return r->present && (asks_memory(r) || asks_cpu(r) || asks_cpuset(r) || asks_blkio(r) ||
		asks_pids(r) || r->n_hugepages || asks_u(r->net_class) || r->n_net_prio ||
		r->n_rdma || r->n_unified);
}

int cgroup_apply(struct cgroup *c, const struct spec_resources *r, struct err *e)
{
	(void) c, (void) r, (void) e;
	return 0;
}
