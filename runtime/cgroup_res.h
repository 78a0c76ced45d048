/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cgroup*.c: a controller's limits. */
#ifndef DETRUN_CGROUP_RES_H
#define DETRUN_CGROUP_RES_H

#include "runtime/cgroup_impl.h"

/** Set what @r asks of one controller. Only called if it asks for something. */
typedef int cg_set_fn(const struct cg_dir *d, const struct spec_resources *r, struct err *e);

/* v1, and v2 where the files are the same */
cg_set_fn cg1_cpuset, cg1_memory, cg1_cpu, cg1_pids, cg1_blkio, cg1_net_cls, cg1_net_prio;
cg_set_fn cg_hugetlb, cg_rdma;
/* v2 */
cg_set_fn cg2_memory, cg2_cpu, cg2_io;

/** v2's cpu.weight (1 to 10000) of v1's cpu.shares (2 to 262144): 1024 is 100, the default of both. */
uint64_t cg2_weight(uint64_t shares);
/** v2's io.weight (1 to 10000) of v1's blkio.weight (10 to 1000). */
uint64_t cg2_io_weight(uint64_t weight);
/** v2 counts swap alone, v1 memory and swap together. 0 or -EINVAL; *@ret as the limits: 0 = not set. */
int cg2_swap(int64_t limit, int64_t swap, int64_t *ret, struct err *e);

/* cgroup_dev.c */
/** v2: struct bpf_insn after struct bpf_insn that decide by @list, of which a later rule wins. */
void cg_dev_program(struct buf *b, const struct spec_dev_rule *list, size_t n);
int cg_devices(struct cgroup *c, const struct spec_resources *r, struct err *e);

/* The value, or 0 = not set. */
static inline int64_t cg_i64(struct spec_i64 v)
{
	return v.present ? v.v : 0;
}

static inline uint64_t cg_u64(struct spec_u64 v)
{
	return v.present ? v.v : 0;
}

#endif
