/* SPDX-License-Identifier: Apache-2.0 */
/* Limits as v2 has them, converted from what config.json says in v1's terms. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/own.h"
#include "runtime/cgroup_res.h"

/* --- conversions ------------------------------------------------------------------------- */

/* Of numbers over 1; not worth loading a library of mathematics for. */
static double log_2(double x)
{
	double r = 0;

	for (; x >= 2; x /= 2)
		r += 1;
	for (double bit = 0.5; bit > 1e-13; bit /= 2) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			r += bit;
		}
	}
	return r;
}

static double exp_2(double x)
{
	double r = 1, term = 1, n = 1;

	for (; x >= 1; x -= 1)
		n *= 2;
	for (int i = 1; i < 25; i++) {
		term *= x * 0.69314718055994530942 / i;
		r += term;
	}
	return n * r;
}

/*
 * A curve through the minima (2 and 1), the defaults (1024 and 100) and the maxima (262144 and
 * 10000) of both: quadratic in the logarithms.
 */
uint64_t cg2_weight(uint64_t shares)
{
	double l, w;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log_2((double) shares);
	w = exp_2(((l * l + 125 * l) / 612.0 - 7.0 / 34.0) * 3.32192809488736234787);
	return (uint64_t) (w - 1e-7) + 1; /* rounded up */
}

uint64_t cg2_io_weight(uint64_t weight)
{
	return weight ? 1 + (weight - 10) * 9999 / 990 : 0;
}

int cg2_swap(int64_t limit, int64_t swap, int64_t *ret, struct err *e)
{
	if (limit == -1 && !swap) { /* without any limit there is none on swap either */
		*ret = -1;
		return 0;
	}
	if (swap == -1 || !swap) {
		*ret = swap;
		return 0;
	}
	if (!limit)
		return fail_msg(e, EINVAL, "unable to set swap limit without memory limit");
	if (limit < 0)
		return fail_msg(e, EINVAL, "unable to set swap limit with unlimited memory");
	if (swap < limit)
		return fail_msg(e, EINVAL, "memory+swap limit should be >= memory limit");
	*ret = swap - limit;
	return 0;
}

static int write_max(const struct cg_dir *d, const char *file, int64_t v, struct err *e)
{
	return v == -1 ? cg_write(d, file, "max", e) : cg_write_int(d, file, v, e);
}

static int no_v2(const char *what, struct err *e)
{
	return fail_msg(e, EOPNOTSUPP, "%s: cgroup v2 has no such limit; leave it out", what);
}

/* --- memory ------------------------------------------------------------------------------ */

static int set_swap(const struct cg_dir *d, int64_t limit, int64_t swap, struct err *e)
{
	int64_t v = 0;
	uint64_t now;
	int r;

	if (swap > 0 && !limit && !cg_read_uint(d, "memory.max", &now, NULL))
		limit = now == UINT64_MAX ? -1 : (int64_t) now;
	r = cg2_swap(limit, swap, &v, e);
	if (r < 0 || (!v && swap <= 0))
		return r;
	r = write_max(d, "memory.swap.max", v, e);
	/* without swap accounting there is no swap to limit or to forbid */
	return r == -ENOENT && v <= 0 ? 0 : r;
}

/* Rather refuse a limit than have the kernel kill at once. */
static int check_usage(const struct cg_dir *d, int64_t limit, int64_t swap, struct err *e)
{
	uint64_t now;

	if ((limit <= 0 && swap <= 0) || cg_read_uint(d, "memory.current", &now, NULL) < 0)
		return 0;
	if (swap > 0 && (uint64_t) swap <= now)
		return fail_msg(e, EBUSY, "rejecting memory+swap limit %" PRId64 " <= usage %"
			PRIu64, swap, now);
	if (limit > 0 && (uint64_t) limit <= now)
		return fail_msg(e, EBUSY, "rejecting memory limit %" PRId64 " <= usage %" PRIu64,
			limit, now);
	return 0;
}

/* Kernel memory is part of memory.max. */
int cg2_memory(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	int64_t limit = cg_i64(r->memory.limit), swap = cg_i64(r->memory.swap);
	int64_t low = cg_i64(r->memory.reservation);
	int x = 0;

	if (r->memory.swappiness.present)
		return no_v2("memory.swappiness", e);
	if (r->memory.disable_oom_killer)
		return no_v2("memory.disableOOMKiller", e);
	if (r->memory.check_before_update)
		x = check_usage(d, limit, swap, e);
	if (!x)
		x = set_swap(d, limit, swap, e);
	if (!x && limit)
		x = write_max(d, "memory.max", limit, e);
	if (!x && low)
		x = write_max(d, "memory.low", low, e);
	return x;
}

/* --- cpu --------------------------------------------------------------------------------- */

/* One of the two alone leaves the other as it is. */
static int write_cpu_max(const struct cg_dir *d, int64_t quota, uint64_t period, struct err *e)
{
	char now_quota[32] = "max", line[96];
	uint64_t now_period = 100000;
	own_buf b = { 0 };

	if ((!quota || !period) && !cg_read(d, "cpu.max", &b, NULL))
		sscanf((char *) b.p, "%31s %" SCNu64, now_quota, &now_period);
	if (quota)
		snprintf(now_quota, sizeof now_quota, quota > 0 ? "%" PRId64 : "max", quota);
	snprintf(line, sizeof line, "%s %" PRIu64, now_quota, period ? period : now_period);
	return cg_write(d, "cpu.max", line, e);
}

static int set_quota(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	int64_t quota = cg_i64(r->cpu.quota);
	uint64_t period = cg_u64(r->cpu.period);
	bool again = false;
	int x = 0;

	if (r->cpu.burst.present) {
		x = cg_write_uint(d, "cpu.max.burst", r->cpu.burst.v, e);
		if (x == -EINVAL && quota) /* more than the old quota allows */
			again = true, x = 0;
		if (x == -ENOENT) /* an older kernel */
			x = 0;
	}
	if (!x && (quota || period))
		x = write_cpu_max(d, quota, period, e);
	if (!x && again)
		x = cg_write_uint(d, "cpu.max.burst", r->cpu.burst.v, e);
	return x;
}

int cg2_cpu(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	int x = 0;

	if (cg_i64(r->cpu.realtime_runtime) || cg_u64(r->cpu.realtime_period))
		return no_v2("cpu.realtimeRuntime and realtimePeriod", e);
	if (r->cpu.idle.present)
		x = cg_write_int(d, "cpu.idle", r->cpu.idle.v, e);
	if (!x && cg_u64(r->cpu.shares))
		x = cg_write_uint(d, "cpu.weight", cg2_weight(r->cpu.shares.v), e);
	return x ? x : set_quota(d, r, e);
}

/* --- block devices ----------------------------------------------------------------------- */

static int set_weights(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	uint64_t weight = cg_u64(r->blkio.weight);
	bool bfq = cg_has(d, "io.bfq.weight");
	int x = 0;

	if (weight && bfq)
		x = cg_write_uint(d, "io.bfq.weight", weight, e);
	else if (weight)
		x = cg_write_uint(d, "io.weight", cg2_io_weight(weight), e);
	for (size_t i = 0; i < r->blkio.n_dev[SPEC_BLKIO_WEIGHT] && !x; i++) {
		const struct spec_blkio_dev *b = &r->blkio.dev[SPEC_BLKIO_WEIGHT][i];
		char line[96];

		if (!b->value)
			continue;
		snprintf(line, sizeof line, "%" PRId64 ":%" PRId64 " %" PRIu64, b->major, b->minor,
			bfq ? b->value : cg2_io_weight(b->value));
		x = cg_write(d, bfq ? "io.bfq.weight" : "io.weight", line, e);
	}
	return x;
}

int cg2_io(const struct cg_dir *d, const struct spec_resources *r, struct err *e)
{
	static const char *const keys[SPEC_BLKIO_COUNT] = {
		[SPEC_BLKIO_READ_BPS] = "rbps",
		[SPEC_BLKIO_WRITE_BPS] = "wbps",
		[SPEC_BLKIO_READ_IOPS] = "riops",
		[SPEC_BLKIO_WRITE_IOPS] = "wiops",
	};
	int x = cg_u64(r->blkio.leaf_weight) ? no_v2("blockIO.leafWeight", e)
					     : set_weights(d, r, e);

	for (int k = SPEC_BLKIO_READ_BPS; k < SPEC_BLKIO_COUNT; k++)
		for (size_t i = 0; i < r->blkio.n_dev[k] && !x; i++) {
			const struct spec_blkio_dev *b = &r->blkio.dev[k][i];
			char line[96], rate[32] = "max";

			if (b->value)
				snprintf(rate, sizeof rate, "%" PRIu64, b->value);
			snprintf(line, sizeof line, "%" PRId64 ":%" PRId64 " %s=%s", b->major,
				b->minor, keys[k], rate);
			x = cg_write(d, "io.max", line, e);
		}
	return x;
}
