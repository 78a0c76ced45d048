/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "oci/write.h"

static void put_dev_rules(struct json_out *o, const struct spec_resources *r)
{
	if (!r->n_devices)
		return;
	open_arr(o, "devices");
	for (size_t i = 0; i < r->n_devices; i++) {
		const struct spec_dev_rule *d = &r->devices[i];
		char access[4] = "";

		snprintf(access, sizeof access, "%s%s%s", d->r ? "r" : "", d->w ? "w" : "",
			d->m ? "m" : "");
		json_open(o, '{');
		put_str(o, "access", access);
		json_kbool(o, "allow", d->allow);
		if (d->major >= 0)
			json_kint(o, "major", d->major);
		if (d->minor >= 0)
			json_kint(o, "minor", d->minor);
		if (d->type != 'a')
			json_kstr(o, "type", (char[]){ d->type, 0 });
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void put_memory(struct json_out *o, const struct spec_resources *r)
{
	open_obj(o, "memory");
	put_true(o, "checkBeforeUpdate", r->memory.check_before_update);
	put_true(o, "disableOOMKiller", r->memory.disable_oom_killer);
	put_i64(o, "kernel", r->memory.kernel);
	put_i64(o, "kernelTCP", r->memory.kernel_tcp);
	put_i64(o, "limit", r->memory.limit);
	put_i64(o, "reservation", r->memory.reservation);
	put_i64(o, "swap", r->memory.swap);
	put_u64(o, "swappiness", r->memory.swappiness);
	put_true(o, "useHierarchy", r->memory.use_hierarchy);
	json_close(o, '}');
}

static void put_cpu(struct json_out *o, const struct spec_resources *r)
{
	open_obj(o, "cpu");
	put_u64(o, "burst", r->cpu.burst);
	put_str(o, "cpus", r->cpu.cpus);
	put_i64(o, "idle", r->cpu.idle);
	put_str(o, "mems", r->cpu.mems);
	put_u64(o, "period", r->cpu.period);
	put_i64(o, "quota", r->cpu.quota);
	put_u64(o, "realtimePeriod", r->cpu.realtime_period);
	put_i64(o, "realtimeRuntime", r->cpu.realtime_runtime);
	put_u64(o, "shares", r->cpu.shares);
	json_close(o, '}');
}

static void put_blkio_list(struct json_out *o, const char *key, const struct spec_resources *r,
	enum spec_blkio_list which)
{
	const struct spec_blkio_dev *d = r->blkio.dev[which];
	size_t n = r->blkio.n_dev[which];

	if (!n)
		return;
	open_arr(o, key);
	for (; n--; d++) {
		json_open(o, '{');
		if (which == SPEC_BLKIO_WEIGHT)
			json_kuint(o, "leafWeight", d->leaf_weight);
		json_kint(o, "major", d->major);
		json_kint(o, "minor", d->minor);
		json_kuint(o, which == SPEC_BLKIO_WEIGHT ? "weight" : "rate", d->value);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void put_blkio(struct json_out *o, const struct spec_resources *r)
{
	open_obj(o, "blockIO");
	put_u64(o, "leafWeight", r->blkio.leaf_weight);
	put_blkio_list(o, "throttleReadBpsDevice", r, SPEC_BLKIO_READ_BPS);
	put_blkio_list(o, "throttleReadIOPSDevice", r, SPEC_BLKIO_READ_IOPS);
	put_blkio_list(o, "throttleWriteBpsDevice", r, SPEC_BLKIO_WRITE_BPS);
	put_blkio_list(o, "throttleWriteIOPSDevice", r, SPEC_BLKIO_WRITE_IOPS);
	put_u64(o, "weight", r->blkio.weight);
	put_blkio_list(o, "weightDevice", r, SPEC_BLKIO_WEIGHT);
	json_close(o, '}');
}

static void put_network(struct json_out *o, const struct spec_resources *r)
{
	open_obj(o, "network");
	put_u64(o, "classID", r->net_class);
	if (r->n_net_prio) {
		open_arr(o, "priorities");
		for (size_t i = 0; i < r->n_net_prio; i++) {
			json_open(o, '{');
			json_kstr(o, "name", r->net_prio[i].name);
			json_kint(o, "priority", r->net_prio[i].priority);
			json_close(o, '}');
		}
		json_close(o, ']');
	}
	json_close(o, '}');
}

static void put_rdma(struct json_out *o, const struct spec_resources *r)
{
	open_obj(o, "rdma");
	for (size_t i = 0; i < r->n_rdma; i++) {
		open_obj(o, r->rdma[i].device);
		put_u64(o, "hcaHandles", r->rdma[i].handles);
		put_u64(o, "hcaObjects", r->rdma[i].objects);
		json_close(o, '}');
	}
	json_close(o, '}');
}

static void put_hugepages(struct json_out *o, const struct spec_resources *r)
{
	if (!r->n_hugepages)
		return;
	open_arr(o, "hugepageLimits");
	for (size_t i = 0; i < r->n_hugepages; i++) {
		json_open(o, '{');
		json_kuint(o, "limit", r->hugepages[i].limit);
		json_kstr(o, "pageSize", r->hugepages[i].page_size);
		json_close(o, '}');
	}
	json_close(o, ']');
}

/* @put writes "key":{…}; an object that came out empty is taken back, as if never written. */
static void unless_empty(struct json_out *o, const struct spec_resources *r,
	void (*put)(struct json_out *o, const struct spec_resources *r))
{
	struct json_out before = *o;
	size_t at = o->b->n;

	put(o, r);
	if (!o->b->failed && o->b->n - at >= 2 && !memcmp(o->b->p + o->b->n - 2, "{}", 2)) {
		o->b->n = at;
		*o = before;
	}
}

void put_resources(struct json_out *o, const struct spec_resources *r)
{
	if (!r->present)
		return;
	open_obj(o, "resources");
	unless_empty(o, r, put_blkio);
	unless_empty(o, r, put_cpu);
	put_dev_rules(o, r);
	put_hugepages(o, r);
	unless_empty(o, r, put_memory);
	unless_empty(o, r, put_network);
	if (r->pids_limit.present) {
		open_obj(o, "pids");
		put_i64(o, "limit", r->pids_limit);
		json_close(o, '}');
	}
	unless_empty(o, r, put_rdma);
	put_kv(o, "unified", r->unified, r->n_unified);
	json_close(o, '}');
}
