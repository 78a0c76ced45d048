/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/procattr.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { DEADLINE = 6 /* SCHED_DEADLINE */, NODES_MAX = 1024, LONG_BITS = 8 * sizeof(unsigned long) };

/* --- lists of numbers -------------------------------------------------------------------- */

typedef void (*set_fn)(void *set, unsigned n);

/* "0-3,7": each number below @max is given to @add. */
static int parse_list(const char *list, unsigned max, set_fn add, void *set)
{
	const char *p = list;

	while (*p) {
		unsigned long from, to;
		char *end;

		if (*p < '0' || *p > '9')
			return -EINVAL;
		from = to = strtoul(p, &end, 10);
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return -EINVAL;
			to = strtoul(end + 1, &end, 10);
		}
		if (from > to || to >= max || (*end && *end != ',') || (*end && !end[1]))
			return -EINVAL;
		for (unsigned long n = from; n <= to; n++)
			add(set, (unsigned) n);
		p = *end ? end + 1 : end;
	}
	return 0;
}

static void add_cpu(void *set, unsigned n)
{
	CPU_SET(n, (cpu_set_t *) set);
}

static int cpus_of(const char *list, cpu_set_t *set, struct err *e)
{
	CPU_ZERO(set);
	if (parse_list(list, CPU_SETSIZE, add_cpu, set) < 0)
		return fail_msg(e, EINVAL, "process.execCPUAffinity: \"%.100s\" is no list of CPUs "
			"such as 0-3,7", list);
	return 0;
}

uint64_t procattr_cpu_mask(const char *list)
{
	uint64_t mask = 0;
	cpu_set_t set;

	if (!list || !*list || cpus_of(list, &set, NULL) < 0)
		return 0;
	for (size_t cpu = 0; cpu < 64; cpu++)
		mask |= (uint64_t) !!CPU_ISSET(cpu, &set) << cpu;
	return mask;
}

unsigned procattr_ncpus(const struct spec *s)
{
	uint64_t all = procattr_cpu_mask(s->linux_.resources.cpu.cpus) |
		procattr_cpu_mask(s->process.exec_cpu_initial) |
		procattr_cpu_mask(s->process.exec_cpu_final);
	unsigned n = 1;

	while (n < 64 && all >> n)
		n++;
	return n;
}

int procattr_cpus(const char *list, pid_t pid, struct err *e)
{
	cpu_set_t set;
	int r;

	if (!list || !*list)
		return 0;
	r = cpus_of(list, &set, e);
	if (!r && sched_setaffinity(pid, sizeof set, &set) < 0)
		return fail(e, errno, "bind to the CPUs %s", list);
	return r;
}

/* --- memory policy ----------------------------------------------------------------------- */

static const struct {
	const char *name;
	int mode;
	bool nodes; /* makes no sense without */
} modes[] = {
	{ "MPOL_DEFAULT", 0, false },	 { "MPOL_PREFERRED", 1, false },
	{ "MPOL_BIND", 2, true },	 { "MPOL_INTERLEAVE", 3, true },
	{ "MPOL_LOCAL", 4, false },	 { "MPOL_PREFERRED_MANY", 5, true },
	{ "MPOL_WEIGHTED_INTERLEAVE", 6, true },
};

static const struct {
	const char *name;
	int flag;
} mode_flags[] = {
	{ "MPOL_F_STATIC_NODES", 1 << 15 },
	{ "MPOL_F_RELATIVE_NODES", 1 << 14 },
	{ "MPOL_F_NUMA_BALANCING", 1 << 13 },
};

static void add_node(void *set, unsigned n)
{
	((unsigned long *) set)[n / LONG_BITS] |= 1ul << n % LONG_BITS;
}

struct policy {
	int mode;
	bool any;
	unsigned long nodes[NODES_MAX / LONG_BITS];
};

static int policy_mode(const struct spec_linux *l, struct policy *p, bool *needs, struct err *e)
{
	size_t i = 0;

	while (i < ARRAY_LEN(modes) && strcmp(modes[i].name, l->memory_policy))
		i++;
	if (i == ARRAY_LEN(modes))
		return fail_msg(e, EINVAL, "linux.memoryPolicy.mode: invalid memory policy mode "
			"\"%.40s\"",
			l->memory_policy);
	p->mode = modes[i].mode;
	*needs = modes[i].nodes;
	for (i = 0; i < l->n_memory_policy_flags; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(mode_flags) &&
			strcmp(mode_flags[k].name, l->memory_policy_flags[i]))
			k++;
		if (k == ARRAY_LEN(mode_flags))
			return fail_msg(e, EINVAL, "linux.memoryPolicy.flags: invalid memory policy "
				"flag \"%.40s\"",
				l->memory_policy_flags[i]);
		p->mode |= mode_flags[k].flag;
	}
	return 0;
}

static int policy_of(const struct spec_linux *l, struct policy *p, struct err *e)
{
	const char *nodes = l->memory_policy_nodes;
	bool needs = false;
	int r = policy_mode(l, p, &needs, e);

	if (r < 0)
		return r;
	p->any = nodes && *nodes;
	if (p->any && parse_list(nodes, NODES_MAX, add_node, p->nodes) < 0)
		return fail_msg(e, EINVAL, "linux.memoryPolicy.nodes: invalid memory policy nodes "
			"\"%.100s\": a list such as 0-3,7 expected", nodes);
	if (needs && !p->any)
		return fail_msg(e, EINVAL, "linux.memoryPolicy.nodes: invalid memory policy nodes: %s "
			"needs some",
			l->memory_policy);
	return 0;
}

static int set_policy(const struct spec_linux *l, struct err *e)
{
	struct policy p = { 0 };
	int r = policy_of(l, &p, e);

	if (r < 0)
		return r;
	if (syscall(SYS_set_mempolicy, p.mode, p.any ? p.nodes : NULL, p.any ? NODES_MAX + 1 : 0) < 0)
		return fail(e, errno, "set_mempolicy %s of nodes %s", l->memory_policy,
			p.any ? l->memory_policy_nodes : "(none)");
	return 0;
}

/* --- by the parent ----------------------------------------------------------------------- */

static int set_oom(int score, pid_t pid, struct err *e)
{
	char path[64], text[16];
	int n = snprintf(text, sizeof text, "%d", score), r;
	own_fd fd = -1;

	snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : write_full(fd, text, (size_t) n);
	return r < 0 ? fail(e, r, "set oom_score_adj to %d", score) : 0;
}

static int not_with_cpus(struct err *e)
{
	return fail_msg(e, EPERM, "process scheduler can't be used together with AllowedCPUs: "
		"take out linux.resources.cpu.cpus or process.scheduler");
}

static int set_scheduler(const struct spec_scheduler *s, bool cpus, pid_t pid, struct err *e)
{
	struct { /* as the first version of it, which every kernel knows */
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} a = { sizeof a, (uint32_t) s->policy, s->flags, s->nice, (uint32_t) s->priority,
		s->runtime, s->deadline, s->period };

	if (syscall(SYS_sched_setattr, pid, &a, 0) == 0)
		return 0;
	if (errno == EPERM && cpus)
		return not_with_cpus(e);
	return fail(e, errno, "error setting scheduler attributes of process.scheduler");
}

/* Never before the supervisor, which is on the same CPU. */
static bool shares_cpu(const struct spec_scheduler *s)
{
	return s->policy == SCHED_OTHER || s->policy == SCHED_BATCH || s->policy == SCHED_IDLE;
}

int procattr_ioprio(const struct spec_io_priority *p)
{
	return p->present ? IOPRIO_PRIO_VALUE(p->class, p->priority) : 0;
}

static int set_io_priority(const struct spec_io_priority *p, pid_t pid, struct err *e)
{
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, procattr_ioprio(p)) < 0)
		return fail(e, errno, "failed to set io priority of process.ioPriority");
	return 0;
}

void procattr_all_cpus(pid_t pid)
{
	cpu_set_t set;

	memset(&set, 0xff, sizeof set);
	sched_setaffinity(pid, sizeof set, &set);
}

int procattr_of(const struct spec *s, pid_t pid, bool virtual_time, struct err *e)
{
	const struct spec_process *p = &s->process;
	const char *cpus = s->linux_.resources.cpu.cpus;
	int r = p->has_oom_score_adj ? set_oom(p->oom_score_adj, pid, e) : 0;

	if (!r && p->io_priority.present)
		r = set_io_priority(&p->io_priority, pid, e);
	if (r < 0 || !p->scheduler.present)
		return r;
	if (!virtual_time || shares_cpu(&p->scheduler))
		return set_scheduler(&p->scheduler, cpus && *cpus, pid, e);
	return cpus && *cpus && p->scheduler.policy == DEADLINE ? not_with_cpus(e) : 0;
}

/* --- by the process itself --------------------------------------------------------------- */

int procattr_own(const struct spec_linux *l, bool virtual_persona, struct err *e)
{
	if (l->memory_policy) {
		int r = set_policy(l, e);

		if (r < 0)
			return r;
	}
	if (l->has_personality && !virtual_persona && personality(l->personality) < 0)
		return fail(e, errno, "set the personality of linux.personality");
	return 0;
}

int procattr_check(const struct spec *s, struct err *e)
{
	const char *const lists[] = { s->process.exec_cpu_initial, s->process.exec_cpu_final };
	struct policy p = { 0 };
	cpu_set_t set;
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(lists) && !r; i++)
		r = lists[i] ? cpus_of(lists[i], &set, e) : 0;
	if (!r && s->linux_.memory_policy)
		r = policy_of(&s->linux_, &p, e);
	return r;
}
