/* SPDX-License-Identifier: Apache-2.0 */
/* Limits as v1 has them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/own.h"
#include "runtime/cgroup_res.h"

int cg1_cpuset(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	int x = 0;

	if (r->cpu.cpus && *r->cpu.cpus)
		x = cg_write(d, "cpuset.cpus", r->cpu.cpus, e);
	if (!x && r->cpu.mems && *r->cpu.mems)
		x = cg_write(d, "cpuset.mems", r->cpu.mems, e);
	return x;
}

/* --- memory ------------------------------------------------------------------------------ */

static int set_limit(const struct cg_dir *d, int64_t v, struct err *e)
{
	uint64_t usage = 0, peak = 0;
	int r = v ? cg_write_int(d, "memory.limit_in_bytes", v, e) : 0;

	if (r != -EBUSY)
		return r;
	cg_read_uint(d, "memory.usage_in_bytes", &usage, NULL);
	cg_read_uint(d, "memory.max_usage_in_bytes", &peak, NULL);
	return fail_msg(e, EBUSY, "unable to set memory limit to %" PRId64 " (current usage: %"
		PRIu64 ", peak usage: %" PRIu64 ")", v, usage, peak);
}

static int set_memsw(const struct cg_dir *d, int64_t v, struct err *e)
{
	return v ? cg_write_int(d, "memory.memsw.limit_in_bytes", v, e) : 0;
}

/* The kernel wants limit <= memsw at every moment: which comes first depends on the direction. */
static int set_both(const struct cg_dir *d, int64_t limit, int64_t swap, struct err *e)
{
	uint64_t now;
	bool swap_first = false;
	int r = 0;

	if (limit == -1 && !swap && cg_has(d, "memory.memsw.limit_in_bytes"))
		swap = -1;
	if (limit && swap) {
		r = cg_read_uint(d, "memory.limit_in_bytes", &now, e);
		swap_first = swap == -1 || (!r && now < (uint64_t) swap);
	}
	if (!r)
		r = swap_first ? set_memsw(d, swap, e) : set_limit(d, limit, e);
	if (!r)
		r = swap_first ? set_limit(d, limit, e) : set_memsw(d, swap, e);
	return r;
}

/* Kernel memory is part of the limit above: newer kernels have no other for it. */
static int set_kernel(const struct cg_dir *d, const char *file, int64_t v, struct err *e)
{
	int r = v ? cg_write_int(d, file, v, e) : 0;

	return r == -ENOENT || r == -EOPNOTSUPP || r == -ENOTSUP ? 0 : r;
}

int cg1_memory(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	int64_t reservation = cg_i64(r->memory.reservation);
	uint64_t swappiness = cg_u64(r->memory.swappiness);
	int x = set_both(d, cg_i64(r->memory.limit), cg_i64(r->memory.swap), e);

	if (!x && reservation)
		x = cg_write_int(d, "memory.soft_limit_in_bytes", reservation, e);
	if (!x)
		x = set_kernel(d, "memory.kmem.limit_in_bytes", cg_i64(r->memory.kernel), e);
	if (!x)
		x = set_kernel(d, "memory.kmem.tcp.limit_in_bytes", cg_i64(r->memory.kernel_tcp),
			e);
	if (!x && r->memory.disable_oom_killer)
		x = cg_write(d, "memory.oom_control", "1", e);
	if (x || !r->memory.swappiness.present)
		return x;
	if (swappiness > 100)
		return fail_msg(e, EINVAL, "invalid memory swappiness value: %" PRIu64
			" (valid range is 0-100)", swappiness);
	return cg_write_uint(d, "memory.swappiness", swappiness, e);
}

/* --- cpu --------------------------------------------------------------------------------- */

static int set_shares(const struct cg_dir *d, uint64_t v, struct err *e)
{
	uint64_t now;
	int r = v ? cg_write_uint(d, "cpu.shares", v, e) : 0;

	if (!v || r < 0)
		return r;
	r = cg_read_uint(d, "cpu.shares", &now, e);
	if (r < 0 || now == v)
		return r;
	return fail_msg(e, EINVAL, "the %s allowed cpu-shares is %" PRIu64,
		now < v ? "maximum" : "minimum", now);
}

/*
 * Period, burst and quota must agree at every moment, with the parent's as well: what is refused
 * while the quota is still the old one is tried again after it.
 */
static int set_quota(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	uint64_t period = cg_u64(r->cpu.period);
	int64_t quota = cg_i64(r->cpu.quota);
	bool again = false, burst_again = false;
	int x = period ? cg_write_uint(d, "cpu.cfs_period_us", period, e) : 0;

	if (x == -EINVAL && quota)
		again = true, x = 0;
	if (!x && r->cpu.burst.present) {
		x = cg_write_uint(d, "cpu.cfs_burst_us", r->cpu.burst.v, e);
		if (x == -EINVAL && quota)
			burst_again = true, x = 0;
		if (x == -ENOENT) /* an older kernel */
			x = 0;
	}
	if (!x && quota)
		x = cg_write_int(d, "cpu.cfs_quota_us", quota, e);
	if (!x && again)
		x = cg_write_uint(d, "cpu.cfs_period_us", period, e);
	if (!x && burst_again)
		x = cg_write_uint(d, "cpu.cfs_burst_us", r->cpu.burst.v, e);
	return x;
}

static int set_realtime(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	uint64_t period = cg_u64(r->cpu.realtime_period);
	int64_t runtime = cg_i64(r->cpu.realtime_runtime);
	bool again = false;
	int x = period ? cg_write_uint(d, "cpu.rt_period_us", period, e) : 0;

	if (x == -EINVAL && runtime)
		again = true, x = 0;
	if (!x && runtime)
		x = cg_write_int(d, "cpu.rt_runtime_us", runtime, e);
	if (!x && again)
		x = cg_write_uint(d, "cpu.rt_period_us", period, e);
	return x;
}

int cg1_cpu(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	int x = set_realtime(d, r, e);

	if (!x)
		x = set_shares(d, cg_u64(r->cpu.shares), e);
	if (!x)
		x = set_quota(d, r, e);
	if (!x && r->cpu.idle.present)
		x = cg_write_int(d, "cpu.idle", r->cpu.idle.v, e);
	return x;
}

int cg1_pids(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	if (r->pids_limit.v < 0)
		return cg_write(d, "pids.max", "max", e);
	/* with 1 there is no second process either, and systemd takes no 0 */
	return cg_write_int(d, "pids.max", r->pids_limit.v ? r->pids_limit.v : 1, e);
}

/* --- block devices ----------------------------------------------------------------------- */

static int set_device(const struct cg_dir *d, const char *file, const struct spec_blkio_dev *b,
	uint64_t v, struct err *e)
{
	char line[96];

	snprintf(line, sizeof line, "%" PRId64 ":%" PRId64 " %" PRIu64, b->major, b->minor, v);
	return cg_write(d, file, line, e);
}

static int set_weights(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	bool bfq = !cg_has(d, "blkio.weight");
	const char *device = bfq ? "blkio.bfq.weight_device" : "blkio.weight_device";
	uint64_t weight = cg_u64(r->blkio.weight), leaf = cg_u64(r->blkio.leaf_weight);
	int x = 0;

	if (weight)
		x = cg_write_uint(d, bfq ? "blkio.bfq.weight" : "blkio.weight", weight, e);
	if (!x && leaf)
		x = cg_write_uint(d, "blkio.leaf_weight", leaf, e);
	for (size_t i = 0; i < r->blkio.n_dev[SPEC_BLKIO_WEIGHT] && !x; i++) {
		const struct spec_blkio_dev *b = &r->blkio.dev[SPEC_BLKIO_WEIGHT][i];

		if (b->value)
			x = set_device(d, device, b, b->value, e);
		if (!x && b->leaf_weight)
			x = set_device(d, "blkio.leaf_weight_device", b, b->leaf_weight, e);
	}
	return x;
}

int cg1_blkio(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	static const char *const files[SPEC_BLKIO_COUNT] = {
		[SPEC_BLKIO_READ_BPS] = "blkio.throttle.read_bps_device",
		[SPEC_BLKIO_WRITE_BPS] = "blkio.throttle.write_bps_device",
		[SPEC_BLKIO_READ_IOPS] = "blkio.throttle.read_iops_device",
		[SPEC_BLKIO_WRITE_IOPS] = "blkio.throttle.write_iops_device",
	};
	int x = set_weights(d, r, e);

	for (int k = SPEC_BLKIO_READ_BPS; k < SPEC_BLKIO_COUNT; k++)
		for (size_t i = 0; i < r->blkio.n_dev[k] && !x; i++)
			x = set_device(d, files[k], &r->blkio.dev[k][i], r->blkio.dev[k][i].value,
				e);
	return x;
}

/* --- the rest ---------------------------------------------------------------------------- */

int cg_hugetlb(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	const char *limit = d->v2 ? "max" : "limit_in_bytes";
	int x = 0;

	for (size_t i = 0; i < r->n_hugepages && !x; i++) {
		const struct spec_hugepage *h = &r->hugepages[i];
		char file[128];

		if (strchr(h->page_size, '/'))
			return fail_msg(e, EINVAL, "hugepage size \"%.40s\"", h->page_size);
		snprintf(file, sizeof file, "hugetlb.%.64s.%s", h->page_size, limit);
		x = cg_write_uint(d, file, h->limit, e);
		snprintf(file, sizeof file, "hugetlb.%.64s.rsvd.%s", h->page_size, limit);
		if (!x && cg_has(d, file))
			x = cg_write_uint(d, file, h->limit, e);
	}
	return x;
}

int cg1_net_cls(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	return cg_write_uint(d, "net_cls.classid", r->net_class.v, e);
}

int cg1_net_prio(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	int x = 0;

	for (size_t i = 0; i < r->n_net_prio && !x; i++) {
		char line[128];

		snprintf(line, sizeof line, "%.64s %" PRIu32, r->net_prio[i].name,
			r->net_prio[i].priority);
		x = cg_write(d, "net_prio.ifpriomap", line, e);
	}
	return x;
}

int cg_rdma(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	int x = 0;

	for (size_t i = 0; i < r->n_rdma && !x; i++) {
		const struct spec_rdma *m = &r->rdma[i];
		own_buf b = { 0 };

		buf_printf(&b, "%s", m->device);
		if (m->handles.present)
			buf_printf(&b, " hca_handle=%" PRIu64, m->handles.v);
		if (m->objects.present)
			buf_printf(&b, " hca_object=%" PRIu64, m->objects.v);
		x = buf_cstr(&b) ? cg_write(d, "rdma.max", (char *) b.p, e)
				 : fail(e, ENOMEM, "rdma");
	}
	return x;
}
