/* SPDX-License-Identifier: Apache-2.0 */
/* config.json's linux.resources: control groups. */
#include <stdlib.h>
#include <string.h>

#include "oci/read.h"

static void item_dev_rule(struct rd *rd, const struct json *j, void *elem)
{
	struct spec_dev_rule *d = elem;
	const char *type = rd_str(rd, j, "type"), *access = rd_str(rd, j, "access");

	d->allow = rd_bool(rd, j, "allow");
	d->type = type && *type ? *type : 'a';
	if (type && *type && (strlen(type) != 1 || !strchr("abc", *type)))
		rd_fail(rd, "type", "invalid cgroup device type \"%.40s\" (not a, b or c)", type);
	d->major = rd_int(rd, j, "major", -1, UINT32_MAX, -1, NULL);
	d->minor = rd_int(rd, j, "minor", -1, UINT32_MAX, -1, NULL);
	for (const char *c = access ? access : ""; *c; c++)
		if (!strchr("rwm", *c)) /* runc passes over it, and its users have it */
			rd_warn(rd, "devices: access \"%.40s\" is not made of r, w and m",
				access);
	d->r = access && strchr(access, 'r');
	d->w = access && strchr(access, 'w');
	d->m = access && strchr(access, 'm');
}

static void read_memory(struct rd *rd, const struct json *res, struct spec_resources *r)
{
	const struct json *j = rd_get(rd, res, "memory", JSON_OBJ);
	size_t mark = rd_enter(rd, "memory");

	rd_opt_i64(rd, j, "limit", &r->memory.limit);
	rd_opt_i64(rd, j, "reservation", &r->memory.reservation);
	rd_opt_i64(rd, j, "swap", &r->memory.swap);
	rd_opt_i64(rd, j, "kernel", &r->memory.kernel);
	rd_opt_i64(rd, j, "kernelTCP", &r->memory.kernel_tcp);
	rd_opt_u64(rd, j, "swappiness", &r->memory.swappiness);
	r->memory.disable_oom_killer = rd_bool(rd, j, "disableOOMKiller");
	r->memory.use_hierarchy = rd_bool(rd, j, "useHierarchy");
	r->memory.check_before_update = rd_bool(rd, j, "checkBeforeUpdate");
	rd_leave(rd, mark);
}

static void read_cpu(struct rd *rd, const struct json *res, struct spec_resources *r)
{
	const struct json *j = rd_get(rd, res, "cpu", JSON_OBJ);
	size_t mark = rd_enter(rd, "cpu");

	rd_opt_u64(rd, j, "shares", &r->cpu.shares);
	rd_opt_i64(rd, j, "quota", &r->cpu.quota);
	rd_opt_u64(rd, j, "burst", &r->cpu.burst);
	rd_opt_u64(rd, j, "period", &r->cpu.period);
	rd_opt_i64(rd, j, "realtimeRuntime", &r->cpu.realtime_runtime);
	rd_opt_u64(rd, j, "realtimePeriod", &r->cpu.realtime_period);
	rd_opt_i64(rd, j, "idle", &r->cpu.idle);
	r->cpu.cpus = rd_str(rd, j, "cpus");
	r->cpu.mems = rd_str(rd, j, "mems");
	rd_leave(rd, mark);
}

static void item_blkio_weight(struct rd *rd, const struct json *j, void *elem)
{
	struct spec_blkio_dev *d = elem;

	d->major = rd_int_needed(rd, j, "major", 0, UINT32_MAX);
	d->minor = rd_int_needed(rd, j, "minor", 0, UINT32_MAX);
	d->value = (uint64_t) rd_int(rd, j, "weight", 0, UINT16_MAX, 0, NULL);
	d->leaf_weight = (uint64_t) rd_int(rd, j, "leafWeight", 0, UINT16_MAX, 0, NULL);
}

static void item_blkio_rate(struct rd *rd, const struct json *j, void *elem)
{
	struct spec_blkio_dev *d = elem;

	d->major = rd_int_needed(rd, j, "major", 0, UINT32_MAX);
	d->minor = rd_int_needed(rd, j, "minor", 0, UINT32_MAX);
	d->value = rd_u64_needed(rd, j, "rate");
}

static void read_blkio(struct rd *rd, const struct json *res, struct spec_resources *r)
{
	static const char *const rates[SPEC_BLKIO_COUNT] = {
		[SPEC_BLKIO_READ_BPS] = "throttleReadBpsDevice",
		[SPEC_BLKIO_WRITE_BPS] = "throttleWriteBpsDevice",
		[SPEC_BLKIO_READ_IOPS] = "throttleReadIOPSDevice",
		[SPEC_BLKIO_WRITE_IOPS] = "throttleWriteIOPSDevice",
	};
	const struct json *j = rd_get(rd, res, "blockIO", JSON_OBJ);
	size_t mark = rd_enter(rd, "blockIO");

	rd_opt_u64(rd, j, "weight", &r->blkio.weight);
	rd_opt_u64(rd, j, "leafWeight", &r->blkio.leaf_weight);
	rd_list(rd, j, "weightDevice", JSON_OBJ, item_blkio_weight, r->blkio.dev[SPEC_BLKIO_WEIGHT],
		r->blkio.n_dev[SPEC_BLKIO_WEIGHT]);
	for (int i = SPEC_BLKIO_READ_BPS; i < SPEC_BLKIO_COUNT; i++)
		rd_list(rd, j, rates[i], JSON_OBJ, item_blkio_rate, r->blkio.dev[i],
			r->blkio.n_dev[i]);
	rd_leave(rd, mark);
}

static void item_hugepage(struct rd *rd, const struct json *j, void *elem)
{
	struct spec_hugepage *h = elem;

	/* runc's reader does not look at the case of letters, and its users write either */
	h->page_size = rd_str_needed(rd, j, json_get(j, "pagesize") ? "pagesize" : "pageSize");
	h->limit = rd_u64_needed(rd, j, "limit");
}

static void item_net_prio(struct rd *rd, const struct json *j, void *elem)
{
	struct spec_net_prio *p = elem;

	p->name = rd_str_needed(rd, j, "name");
	p->priority = (uint32_t) rd_int_needed(rd, j, "priority", 0, UINT32_MAX);
}

static void read_network(struct rd *rd, const struct json *res, struct spec_resources *r)
{
	const struct json *j = rd_get(rd, res, "network", JSON_OBJ);
	size_t mark = rd_enter(rd, "network");

	r->net_class.v = (uint64_t) rd_int(rd, j, "classID", 0, UINT32_MAX, 0,
		&r->net_class.present);
	rd_list(rd, j, "priorities", JSON_OBJ, item_net_prio, r->net_prio, r->n_net_prio);
	rd_leave(rd, mark);
}

static int by_device(const void *a, const void *b)
{
	return json_key_cmp(((const struct spec_rdma *) a)->device,
		((const struct spec_rdma *) b)->device);
}

static void read_rdma(struct rd *rd, const struct json *res, struct spec_resources *r)
{
	const struct json *j = rd_get(rd, res, "rdma", JSON_OBJ);
	size_t mark = rd_enter(rd, "rdma");

	for (size_t i = 0; j && i < j->n && !rd->r; i++) {
		struct spec_rdma *d = SPEC_APPEND(rd->s, r->rdma, r->n_rdma);
		size_t inner = rd_enter(rd, j->key[i]);

		if (j->child[i]->type != JSON_OBJ)
			rd_fail(rd, NULL, "expected an object");
		d->device = spec_strdup(rd->s, j->key[i]);
		rd_opt_u64(rd, j->child[i], "hcaHandles", &d->handles);
		rd_opt_u64(rd, j->child[i], "hcaObjects", &d->objects);
		rd_leave(rd, inner);
	}
	if (r->n_rdma)
		qsort((void *) r->rdma, r->n_rdma, sizeof(*r->rdma), by_device);
	rd_leave(rd, mark);
}

static void read_pids(struct rd *rd, const struct json *res, struct spec_resources *r)
{
	const struct json *j = rd_get(rd, res, "pids", JSON_OBJ);
	size_t mark = rd_enter(rd, "pids");

	rd_opt_i64(rd, j, "limit", &r->pids_limit);
	r->no_pids = r->pids_limit.present && !r->pids_limit.v &&
		strtol(rd->s->version + 2, NULL, 10) >= 3;
	rd_leave(rd, mark);
}

void read_resources(struct rd *rd, const struct json *linux_)
{
	struct spec_resources *r = &rd->s->linux_.resources;
	const struct json *j = rd_get(rd, linux_, "resources", JSON_OBJ);
	size_t mark = rd_enter(rd, "resources");

	r->present = j != NULL;
	rd_list(rd, j, "devices", JSON_OBJ, item_dev_rule, r->devices, r->n_devices);
	read_memory(rd, j, r);
	read_cpu(rd, j, r);
	read_pids(rd, j, r);
	read_blkio(rd, j, r);
	rd_list(rd, j, "hugepageLimits", JSON_OBJ, item_hugepage, r->hugepages, r->n_hugepages);
	read_network(rd, j, r);
	read_rdma(rd, j, r);
	rd_kv(rd, j, "unified", &r->unified, &r->n_unified);
	rd_leave(rd, mark);
}
