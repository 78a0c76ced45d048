/* SPDX-License-Identifier: Apache-2.0 */
/* The files of one process in /proc: what the program knows by itself stays, the host's numbers go. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/machine.h"
#include "shim/procview.h"
#include "shim/sys/caps.h"

enum { MAX_TEXT = 16 << 20 };

struct view {
	struct call *c;
	struct world *w;
	struct task *t; /* NULL: a zombie, or not one of ours */
	pid_t pid;
	const char *real;
	bool hosts; /* the host decides what it says */
};

typedef void view_fn(struct view *v, struct buf *b);

/* ---- of the task ---- */

/* Every task is stopped while we look: the letter is the scheduler's. */
static char state_letter(const struct view *v, char real)
{
	if (real == 'Z' || real == 'X' || !v->t)
		return real == 't' ? 'S' : real;
	if (v->t == v->c->t)
		return 'R';
	for (const struct task *t = v->t->proc->threads; t; t = t->next_thread)
		if (t->state == T_STOPPED)
			return 'T';
	return v->t->state == T_READY || v->t->state == T_RUNNING ? 'R' : 'S';
}

/* Another file of the same process, by the numbers that the supervisor knows. */
static bool read_other(const struct view *v, const char *name, struct buf *b)
{
	char path[64];
	own_fd fd = -1;

	if (!v->t)
		return false;
	snprintf(path, sizeof path, "%d/%s", (int) v->t->pid, name);
	fd = openat(v->w->host_proc, path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read_fd(fd, MAX_TEXT, b) == 0 && buf_cstr(b);
}

static uint64_t vsize(const struct view *v)
{
	own_buf b = { 0 };

	if (v->t && v->t->quiet)
		return 0;
	return read_other(v, "maps", &b) ? procview_vsize((const char *) b.p) : 0;
}

/* A quarter of what is mapped is shown as resident: a number, since the true one is the kernel's. */
static uint64_t rss(uint64_t size)
{
	return size / 4 / MACHINE_PAGE * MACHINE_PAGE;
}

static void view_stat(struct view *v, struct buf *b)
{
	const char *end = strrchr(v->real, ')');
	int ppid, pgrp, sid, tty, tpgid, threads = 1, n = 0;
	uint64_t size = vsize(v), cpu = v->t ? v->t->proc->cpu / (NSEC / MACHINE_HZ) : 0;
	char state;

	if (!end || sscanf(end + 1, " %c %d %d %d %d %d%n", &state, &ppid, &pgrp, &sid, &tty, &tpgid,
			    &n) != 6)
		return;
	sscanf(end + 1 + n, " %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d", &threads);
	if (v->t && v->t->quiet)
		buf_printf(b, "%d (init)", (int) v->pid);
	else
		buf_put(b, v->real, (size_t) (end + 1 - v->real));
	buf_printf(b, " %c %d %d %d %d %d 4194304 0 0 0 0 %llu 0 0 0 20 0 %d 0 %llu %llu %llu",
		state_letter(v, state), ppid, pgrp, session_seen(v->w, sid), tty, tpgid, (unsigned long long) cpu, threads,
		(unsigned long long) (BOOT_OFFSET / (NSEC / MACHINE_HZ)), (unsigned long long) size,
		(unsigned long long) (rss(size) / MACHINE_PAGE));
	buf_str(b, " 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

static void view_statm(struct view *v, struct buf *b)
{
	unsigned long long pages = vsize(v) / MACHINE_PAGE;

	buf_printf(b, "%llu %llu 0 1 0 0 0\n", pages, (unsigned long long) rss(pages * MACHINE_PAGE) /
		MACHINE_PAGE);
}

/* ---- status ---- */

/* The kernel's line of that key, copied as it is. */
static void copy_line(const struct view *v, const char *key, struct buf *b)
{
	char pattern[64];
	const char *p, *nl;

	snprintf(pattern, sizeof pattern, "\n%s:", key);
	p = strstr(v->real, pattern);
	if (!p)
		return;
	nl = strchr(p + 1, '\n');
	if (nl)
		buf_put(b, p + 1, (size_t) (nl - p));
}

static void status_state(struct view *v, struct buf *b)
{
	const char *p = strstr(v->real, "\nState:\t");
	char s = state_letter(v, p ? p[8] : 'S');

	buf_printf(b, "State:\t%c (%s)\n", s,
		s == 'R' ? "running" : s == 'S' ? "sleeping" : s == 'Z' ? "zombie"
		: s == 'T' ? "stopped" : "dead");
}

static void status_ids(struct view *v, struct buf *b)
{
	const struct ids *i = v->t ? &v->t->proc->ids : NULL;

	if (!i || !v->w->o->virtual_ids) {
		copy_line(v, "Uid", b);
		copy_line(v, "Gid", b);
		buf_str(b, "FDSize:\t64\n");
		copy_line(v, "Groups", b);
		return;
	}
	buf_printf(b, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t64\nGroups:\t", i->ruid,
		i->euid, i->suid, i->fsuid, i->rgid, i->egid, i->sgid, i->fsgid);
	for (unsigned k = 0; k < i->ngroups; k++)
		buf_printf(b, "%u ", i->groups[k]);
	buf_str(b, " \n");
}

static void status_memory(struct view *v, struct buf *b)
{
	unsigned long long kb = vsize(v) >> 10, res = rss(vsize(v)) >> 10;

	buf_printf(b,
		"VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmLck:\t       0 kB\nVmPin:\t       0 kB\n"
		"VmHWM:\t%8llu kB\nVmRSS:\t%8llu kB\nRssAnon:\t%8llu kB\nRssFile:\t       0 kB\n"
		"RssShmem:\t       0 kB\nVmData:\t%8llu kB\nVmStk:\t     132 kB\nVmExe:\t       4 kB\n"
		"VmLib:\t       0 kB\nVmPTE:\t       0 kB\nVmSwap:\t       0 kB\n"
		"HugetlbPages:\t       0 kB\nCoreDumping:\t0\nTHP_enabled:\t0\n",
		kb, kb, res, res, res, kb);
}

/* Capabilities that newer kernels may add are not shown. */
static void status_caps(struct view *v, struct buf *b)
{
	static const char *const keys[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	const struct proc_attrs *a = v->t ? &v->t->proc->attr : NULL;
	const uint64_t more[] = { a ? a->inheritable : 0, 0, 0, a ? a->bounding : 0, 0 };

	if (v->t && v->w->o->virtual_ids) {
		struct caps k = caps_of(&v->t->proc->ids);
		const uint64_t bits[] = { k.inheritable, k.permitted, k.effective, CAPS_ALL, 0 };

		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			buf_printf(b, "%s:\t%016llx\n", keys[i], (unsigned long long) bits[i]);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		char pattern[16];
		const char *p;

		snprintf(pattern, sizeof pattern, "\n%s:", keys[i]);
		p = strstr(v->real, pattern);
		buf_printf(b, "%s:\t%016llx\n", keys[i], (unsigned long long)
			((p ? strtoull(p + strlen(pattern), NULL, 16) : 0) | more[i]) &
			0x1ffffffffffull);
	}
}

/* As "0-2,5". */
static void put_cpus(uint64_t mask, struct buf *b)
{
	const char *sep = "";

	for (unsigned lo = 0; lo < 64; lo++) {
		unsigned hi = lo;

		if (!(mask >> lo & 1))
			continue;
		while (hi < 63 && mask >> (hi + 1) & 1)
			hi++;
		buf_printf(b, hi > lo ? "%s%u-%u" : "%s%u", sep, lo, hi);
		sep = ",";
		lo = hi;
	}
}

static void view_status(struct view *v, struct buf *b)
{
	static const char *const signals[] = { "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt" };
	uint64_t cpus = v->t ? sched_cpus(v->w, &v->t->sched) : 1;
	const char *nl = strchr(v->real, '\n');
	bool zombie = strstr(v->real, "\nState:\tZ") != NULL;

	if (v->t && v->t->quiet)
		buf_str(b, "Name:\tinit\n");
	else if (nl) /* Name */
		buf_put(b, v->real, (size_t) (nl + 1 - v->real));
	copy_line(v, "Umask", b);
	status_state(v, b);
	copy_line(v, "Tgid", b);
	buf_str(b, "Ngid:\t0\n");
	copy_line(v, "Pid", b);
	copy_line(v, "PPid", b);
	buf_str(b, "TracerPid:\t0\n");
	status_ids(v, b);
	copy_line(v, "NStgid", b);
	copy_line(v, "NSpid", b);
	copy_line(v, "NSpgid", b);
	copy_line(v, "NSsid", b);
	if (!zombie)
		status_memory(v, b);
	copy_line(v, "Threads", b);
	buf_printf(b, "SigQ:\t0/%d\n", MACHINE_NPROC);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		copy_line(v, signals[i], b);
	status_caps(v, b);
	buf_printf(b, "NoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t%d\n",
		v->t && v->t->proc->attr.no_new_privs, v->w->o->attrs.seccomp ? 2 : 0,
		v->w->o->attrs.seccomp);
	buf_printf(b,
		"Speculation_Store_Bypass:\tvulnerable\nSpeculationIndirectBranch:\talways enabled\n"
		"Cpus_allowed:\t%llx\nCpus_allowed_list:\t", (unsigned long long) cpus);
	put_cpus(cpus, b);
	buf_str(b, "\nMems_allowed:\t00000000,00000001\nMems_allowed_list:\t0\n"
		"voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n");
}

/* ---- limits ---- */

static void limit_value(struct buf *b, uint64_t v)
{
	if (v == RLIM_INFINITY)
		buf_printf(b, "%-20s ", "unlimited");
	else
		buf_printf(b, "%-20llu ", (unsigned long long) v);
}

static void view_limits(struct view *v, struct buf *b)
{
	static const struct {
		const char *name, *unit;
		int res;
	} rows[] = { { "Max cpu time", "seconds", RLIMIT_CPU }, { "Max file size", "bytes", RLIMIT_FSIZE },
		{ "Max data size", "bytes", RLIMIT_DATA }, { "Max stack size", "bytes", RLIMIT_STACK },
		{ "Max core file size", "bytes", RLIMIT_CORE }, { "Max resident set", "bytes", RLIMIT_RSS },
		{ "Max processes", "processes", RLIMIT_NPROC }, { "Max open files", "files", RLIMIT_NOFILE },
		{ "Max locked memory", "bytes", RLIMIT_MEMLOCK },
		{ "Max address space", "bytes", RLIMIT_AS }, { "Max file locks", "locks", RLIMIT_LOCKS },
		{ "Max pending signals", "signals", RLIMIT_SIGPENDING },
		{ "Max msgqueue size", "bytes", RLIMIT_MSGQUEUE },
		{ "Max nice priority", "", RLIMIT_NICE }, { "Max realtime priority", "", RLIMIT_RTPRIO },
		{ "Max realtime timeout", "us", RLIMIT_RTTIME } };

	if (!v->t)
		return;
	buf_printf(b, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rlimit l = rlimit_view(v->t->proc, (unsigned) rows[i].res);

		buf_printf(b, "%-25s ", rows[i].name);
		limit_value(b, l.rlim_cur);
		limit_value(b, l.rlim_max);
		buf_printf(b, "%-10s\n", rows[i].unit);
	}
}

/* ---- the rest ---- */

static void view_auxv(struct view *v, struct buf *b)
{
	if (v->t && v->t->mm)
		buf_put(b, v->t->mm->auxv, sizeof v->t->mm->auxv);
}

static void view_maps(struct view *v, struct buf *b)
{
	procview_maps(v->w, v->t ? v->t->mm : NULL, v->real, b);
}

static void view_smaps(struct view *v, struct buf *b)
{
	procview_smaps(v->w, v->t ? v->t->mm : NULL, v->real, false, b);
}

static void view_rollup(struct view *v, struct buf *b)
{
	procview_smaps(v->w, NULL, v->real, true, b);
}

static void view_mountinfo(struct view *v, struct buf *b)
{
	v->hosts = procview_mountinfo(v->w, v->real, b);
}

/* The file itself lacks nothing, but shows the options of the host: made from its better sibling. */
static void view_mounts(struct view *v, struct buf *b)
{
	own_buf info = { 0 };

	if (read_other(v, "mountinfo", &info))
		v->hosts = procview_mounts(v->w, (const char *) info.p, b);
}

/* Ids that config.json doesn't map are all there are. */
static void view_id_map(struct view *v, struct buf *b)
{
	v->hosts = v->w->o->userns && !v->w->o->strict;
	buf_str(b, v->hosts ? v->real : "         0          0 4294967295\n");
}

static void view_personality(struct view *v, struct buf *b)
{
	buf_printf(b, "%08x\n", v->t ? v->t->proc->attr.personality : 0);
}

static void view_oom(struct view *v, struct buf *b)
{
	buf_printf(b, "%d\n", v->w->o->attrs.oom_score_adj);
}

static void view_cgroup(struct view *v, struct buf *b)
{
	buf_printf(b, "0::%s\n", vcgroup_path(v->t ? v->t->proc : NULL));
}

static void view_timens(struct view *v, struct buf *b)
{
	const struct shim_attrs *a = &v->w->o->attrs;

	buf_printf(b, "%-10s %10llu %9llu\n%-10s %10llu %9llu\n", "monotonic",
		(unsigned long long) (a->mono_offset / NSEC),
		(unsigned long long) (a->mono_offset % NSEC), "boottime",
		(unsigned long long) (a->boot_offset / NSEC),
		(unsigned long long) (a->boot_offset % NSEC));
}

static const struct {
	const char *name;
	view_fn *fn;	  /* made from the kernel's, or: */
	const char *text; /* fixed; both NULL: the kernel's own */
} files[] = {
	{ "stat", view_stat, NULL },
	{ "status", view_status, NULL },
	{ "statm", view_statm, NULL },
	{ "maps", view_maps, NULL },
	{ "smaps", view_smaps, NULL },
	{ "smaps_rollup", view_rollup, NULL },
	{ "limits", view_limits, NULL },
	{ "mountinfo", view_mountinfo, NULL },
	{ "mounts", view_mounts, NULL },
	{ "mountstats", NULL, "" },
	{ "cmdline", NULL, NULL },
	{ "comm", NULL, NULL },
	{ "environ", NULL, NULL },
	{ "auxv", view_auxv, NULL },
	{ "mem", NULL, NULL },
	{ "clear_refs", NULL, NULL },
	{ "cgroup", view_cgroup, NULL },
	{ "cpuset", NULL, "/\n" },
	{ "oom_score", NULL, "0\n" },
	{ "oom_score_adj", view_oom, NULL },
	{ "oom_adj", NULL, "0\n" },
	{ "io", NULL, "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"
	  "cancelled_write_bytes: 0\n" },
	{ "sched", NULL, "" },
	{ "schedstat", NULL, "0 0 0\n" },
	{ "personality", view_personality, NULL },
	{ "numa_maps", NULL, "" },
	{ "wchan", NULL, "0" },
	{ "stack", NULL, "" },
	{ "syscall", NULL, "running\n" },
	{ "timerslack_ns", NULL, "50000\n" },
	{ "timers", NULL, "" },
	{ "timens_offsets", view_timens, NULL },
	{ "loginuid", NULL, "4294967295" },
	{ "sessionid", NULL, "4294967295" },
	{ "coredump_filter", NULL, "00000033\n" },
	{ "uid_map", view_id_map, NULL },
	{ "gid_map", view_id_map, NULL },
	{ "projid_map", NULL, "" },
	{ "setgroups", NULL, "allow\n" },
	{ "arch_status", NULL, "" },
};

bool procview_shown_process(const struct world *w, const char *rest)
{
	static const char *const links[] = { "cwd", "root", "exe", "fd", "fdinfo", "task", "ns", "net",
		"map_files", "ns/cgroup", "ns/ipc", "ns/mnt", "ns/net", "ns/pid",
		"ns/pid_for_children", "ns/user", "ns/uts" };

	if (!*rest || strncmp(rest, "fd/", 3) == 0 || strncmp(rest, "fdinfo/", 7) == 0 ||
		strncmp(rest, "map_files/", 10) == 0)
		return true;
	if (strncmp(rest, "net/", 4) == 0)
		return procview_shown(w, rest);
	if (strncmp(rest, "task/", 5) == 0) {
		rest = strchr(rest + 5, '/');
		return !rest || procview_shown_process(w, rest + 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (strcmp(links[i], rest) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(files[i].name, rest) == 0)
			return true;
	return false;
}

/* Process 1 is ours, standing in for init: what it is on the host is nobody's business. */
static enum proc_pass stand_in(struct view *v, const char *name, struct buf *b)
{
	static const char *const empty[] = { "environ", "auxv", "maps", "smaps", "mem" };

	if (strcmp(name, "cmdline") == 0) {
		buf_put(b, "init", 5);
		return PROC_TEXT;
	}
	if (strcmp(name, "comm") == 0) {
		buf_str(b, "init\n");
		return PROC_TEXT;
	}
	for (size_t i = 0; i < ARRAY_LEN(empty); i++)
		if (strcmp(empty[i], name) == 0)
			return PROC_TEXT;
	(void) v;
	return PROC_PASS;
}

static enum proc_pass fdinfo(const struct view *v, struct buf *b)
{
	unsigned long long host = 0;
	struct mount_view m = { .id = MOUNT_FIRST };
	long long pos;
	unsigned flags;

	if (sscanf(v->real, "pos:\t%lld\nflags:\t%o\nmnt_id:\t%llu", &pos, &flags, &host) < 2)
		return PROC_ABSENT;
	mount_find(v->w, host, 0, &m);
	buf_printf(b, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%u\n", pos, flags, m.id);
	return PROC_TEXT;
}

/* Where a network is shared, with whom is decided outside. */
static enum proc_pass net(const struct view *v, const char *name, struct buf *b)
{
	bool shared = v->w->o->network;

	if (!(shared && v->w->o->strict) && procview_net(v->w, name, v->real, b))
		return shared ? PROC_INPUT : PROC_TEXT;
	return procview_machine(v->w, v->c->t, name, b) ? PROC_TEXT : PROC_ABSENT;
}

enum proc_pass procview_process(struct call *c, pid_t pid, const char *name, const char *real,
	struct buf *b)
{
	struct view v = { .c = c, .w = c->w, .t = task_by_vpid(c->w, pid), .pid = pid, .real = real };

	if (v.t && v.t->quiet && stand_in(&v, name, b) == PROC_TEXT)
		return PROC_TEXT;
	if (strncmp(name, "fdinfo/", 7) == 0)
		return fdinfo(&v, b);
	if (strncmp(name, "net/", 4) == 0)
		return net(&v, name, b);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (strcmp(files[i].name, name) != 0)
			continue;
		if (files[i].fn)
			files[i].fn(&v, b);
		else if (files[i].text)
			buf_str(b, files[i].text);
		else
			return PROC_PASS;
		return v.hosts ? PROC_INPUT : PROC_TEXT;
	}
	return PROC_ABSENT;
}
