/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container has used, as `events --stats` prints it: runc's names, keys in order. What is zero
 * or unknown is left out where runc does so.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/own.h"
#include "runtime/cgroup_impl.h"

static void kuint(struct json_out *o, const char *key, uint64_t v)
{
	if (v)
		json_kuint(o, key, v);
}

/* 0 where there is no such file. */
static uint64_t number(const struct cg_dir *d, const char *file)
{
	uint64_t v = 0;

	return d && !cg_read_uint(d, file, &v, NULL) ? v : 0;
}

static uint64_t of_key(const struct buf *b, const char *key)
{
	uint64_t v = 0;

	return b->n && cg_key((const char *) b->p, key, &v) ? v : 0;
}

/* The file's text, "" if there is none. */
static const char *text(const struct cg_dir *d, const char *file, struct buf *b)
{
	return d && !cg_read(d, file, b, NULL) && b->n ? (const char *) b->p : "";
}

/* --- pressure ---------------------------------------------------------------------------- */

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static void put_pressure_line(struct json_out *o, const char *key, const char *line)
{
	static const char *const avgs[] = { "avg10", "avg300", "avg60" };
	const char *total = line ? strstr(line, "total=") : NULL;

	json_key(o, key);
	json_open(o, '{');
	for (size_t i = 0; i < ARRAY_LEN(avgs); i++) {
		const char *p = line ? strstr(line, avgs[i]) : NULL;
		double v = p ? strtod(p + strlen(avgs[i]) + 1, NULL) : 0;

		json_key(o, avgs[i]);
		json_double(o, v);
	}
	json_kuint(o, "total", total ? strtoull(total + 6, NULL, 10) : 0);
	json_close(o, '}');
}

static void put_pressure(struct json_out *o, const struct cg_dir *d, const char *file)
{
	own_buf b = { 0 };
	const char *p = d && d->v2 ? text(d, file, &b) : "";

	if (!*p)
		return;
	json_key(o, "psi");
	json_open(o, '{');
	put_pressure_line(o, "full", strstr(p, "full "));
	put_pressure_line(o, "some", strstr(p, "some "));
	json_close(o, '}');
}

/* --- cpu --------------------------------------------------------------------------------- */

/* "1 2 3", or a column of "cpu user system" lines. */
static void put_percpu(struct json_out *o, const char *key, const char *list, int column)
{
	bool any = false;

	for (const char *p = list; *p;) {
		uint64_t v[3];
		int used = 0;

		if (column ? sscanf(p, "%" SCNu64 " %" SCNu64 " %" SCNu64 "%n", &v[0], &v[1], &v[2],
				     &used) < 3 :
			     sscanf(p, "%" SCNu64 "%n", &v[0], &used) < 1)
			break;
		if (!any) {
			json_key(o, key);
			json_open(o, '[');
		}
		any = true;
		json_uint(o, v[column]);
		p += used;
		p += strspn(p, " \n");
	}
	if (any)
		json_close(o, ']');
}

static void put_usage_v1(struct json_out *o, const struct cg_dir *d)
{
	own_buf stat = { 0 }, each = { 0 }, all = { 0 };
	const char *table = text(d, "cpuacct.usage_all", &all);
	const uint64_t tick = 1000000000 / (uint64_t) sysconf(_SC_CLK_TCK);

	text(d, "cpuacct.stat", &stat);
	table = strchr(table, '\n') ? strchr(table, '\n') + 1 : "";
	json_kuint(o, "kernel", of_key(&stat, "system") * tick);
	put_percpu(o, "percpu", text(d, "cpuacct.usage_percpu", &each), 0);
	put_percpu(o, "percpu_kernel", table, 2);
	put_percpu(o, "percpu_user", table, 1);
	kuint(o, "total", number(d, "cpuacct.usage"));
	json_kuint(o, "user", of_key(&stat, "user") * tick);
}

static void put_cpu(struct json_out *o, const struct cgroup *c)
{
	const struct cg_dir *d = cg_of(c, "cpu"), *acct = cg_of(c, "cpuacct");
	bool v2 = d && d->v2;
	own_buf stat = { 0 };

	text(d, "cpu.stat", &stat);
	json_open(o, '{');
	put_pressure(o, d, "cpu.pressure");
	json_key(o, "throttling");
	json_open(o, '{');
	kuint(o, "periods", of_key(&stat, "nr_periods"));
	kuint(o, "throttledPeriods", of_key(&stat, "nr_throttled"));
	kuint(o, "throttledTime", v2 ? of_key(&stat, "throttled_usec") * 1000
				     : of_key(&stat, "throttled_time"));
	json_close(o, '}');
	json_key(o, "usage");
	json_open(o, '{');
	if (acct && !acct->v2) {
		put_usage_v1(o, acct);
	} else {
		json_kuint(o, "kernel", of_key(&stat, "system_usec") * 1000);
		kuint(o, "total", of_key(&stat, "usage_usec") * 1000);
		json_kuint(o, "user", of_key(&stat, "user_usec") * 1000);
	}
	json_close(o, '}');
	json_close(o, '}');
}

/* "0-2,5" as a list of numbers. */
static void put_set(struct json_out *o, const char *key, const struct cg_dir *d, const char *file)
{
	own_buf b = { 0 };
	const char *p = text(d, file, &b);
	unsigned from, to;
	int n;

	if (sscanf(p, "%u", &from) != 1)
		return;
	json_key(o, key);
	json_open(o, '[');
	for (; sscanf(p, "%u%n", &from, &n) == 1; p += *p == ',') {
		p += n;
		to = from;
		if (sscanf(p, "-%u%n", &to, &n) == 1)
			p += n;
		for (; from <= to && to < 65536; from++)
			json_uint(o, from);
	}
	json_close(o, ']');
}

static void put_cpuset(struct json_out *o, const struct cgroup *c)
{
	const struct cg_dir *at = cg_of(c, "cpuset"), *d = at && !at->v2 ? at : NULL;
	own_buf level = { 0 };

	json_open(o, '{');
	json_kuint(o, "cpu_exclusive", number(d, "cpuset.cpu_exclusive"));
	put_set(o, "cpus", d, "cpuset.cpus");
	json_kuint(o, "mem_exclusive", number(d, "cpuset.mem_exclusive"));
	json_kuint(o, "mem_hardwall", number(d, "cpuset.mem_hardwall"));
	json_kuint(o, "memory_migrate", number(d, "cpuset.memory_migrate"));
	json_kuint(o, "memory_pressure", number(d, "cpuset.memory_pressure"));
	json_kuint(o, "memory_spread_page", number(d, "cpuset.memory_spread_page"));
	json_kuint(o, "memory_spread_slab", number(d, "cpuset.memory_spread_slab"));
	put_set(o, "mems", d, "cpuset.mems");
	json_kuint(o, "sched_load_balance", number(d, "cpuset.sched_load_balance"));
	json_kint(o, "sched_relax_domain_level",
		atoi(text(d, "cpuset.sched_relax_domain_level", &level)));
	json_close(o, '}');
}

/* --- memory ------------------------------------------------------------------------------ */

static void put_entry(struct json_out *o, const char *key, uint64_t fails, uint64_t limit,
	uint64_t max, uint64_t usage)
{
	json_key(o, key);
	json_open(o, '{');
	json_kuint(o, "failcnt", fails);
	json_kuint(o, "limit", limit);
	kuint(o, "max", max);
	kuint(o, "usage", usage);
	json_close(o, '}');
}

static void put_entry_v1(struct json_out *o, const char *key, const struct cg_dir *d,
	const char *name)
{
	static const char *const files[] = { "failcnt", "limit_in_bytes", "max_usage_in_bytes",
		"usage_in_bytes" };
	uint64_t v[4];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char file[64];

		snprintf(file, sizeof file, "memory%s.%s", name, files[i]);
		v[i] = number(d, file);
	}
	put_entry(o, key, v[0], v[1], v[2], v[3]);
}

/* v1 counts memory and swap together, and so does the event. */
static void put_entries_v2(struct json_out *o, const struct cg_dir *d)
{
	uint64_t used = number(d, "memory.current"), limit = number(d, "memory.max");
	uint64_t swap = number(d, "memory.swap.current"), swap_max = number(d, "memory.swap.max");

	if (swap_max != UINT64_MAX)
		swap_max = limit == UINT64_MAX ? limit : swap_max + limit;
	put_entry(o, "swap", 0, swap_max, 0, swap + used);
	put_entry(o, "usage", 0, limit, number(d, "memory.peak"), used);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* memory.stat: "name number" lines. */
static void put_raw(struct json_out *o, char *stat)
{
	char *lines[256], *save, *line = strtok_r(stat, "\n", &save);
	size_t n = 0;

	for (; line && n < ARRAY_LEN(lines); line = strtok_r(NULL, "\n", &save)) {
		char *space = strchr(line, ' ');

		if (!space)
			continue;
		*space = 0;
		lines[n++] = line;
	}
	if (!n)
		return;
	qsort(lines, n, sizeof *lines, by_name);
	json_key(o, "raw");
	json_open(o, '{');
	for (size_t i = 0; i < n; i++)
		json_kuint(o, lines[i], strtoull(lines[i] + strlen(lines[i]) + 1, NULL, 10));
	json_close(o, '}');
}

static void put_memory(struct json_out *o, const struct cgroup *c)
{
	const struct cg_dir *d = cg_of(c, "memory");
	bool v2 = !d || d->v2;
	own_buf stat = { 0 };

	text(d, "memory.stat", &stat);
	json_open(o, '{');
	kuint(o, "cache", of_key(&stat, v2 ? "file" : "cache"));
	if (v2) {
		put_entry(o, "kernel", 0, 0, 0, 0);
		put_entry(o, "kernelTCP", 0, 0, 0, 0);
		put_pressure(o, d, "memory.pressure");
	} else {
		put_entry_v1(o, "kernel", d, ".kmem");
		put_entry_v1(o, "kernelTCP", d, ".kmem.tcp");
	}
	if (stat.n)
		put_raw(o, (char *) stat.p);
	if (v2) {
		put_entries_v2(o, d);
	} else {
		put_entry_v1(o, "swap", d, ".memsw");
		put_entry_v1(o, "usage", d, "");
	}
	json_close(o, '}');
}

/* --- block devices ----------------------------------------------------------------------- */

static void put_io(struct json_out *o, const char *major_minor, const char *op, uint64_t v)
{
	unsigned major = 0, minor = 0;

	sscanf(major_minor, "%u:%u", &major, &minor);
	json_open(o, '{');
	kuint(o, "major", major);
	kuint(o, "minor", minor);
	json_kstr(o, "op", op);
	kuint(o, "value", v);
	json_close(o, '}');
}

/* "254:0 Read 123" lines of the first file that has some; the sum over all devices is no entry. */
static void put_io_v1(struct json_out *o, const char *key, const struct cg_dir *d, const char *what)
{
	static const char *const files[] = { "blkio.bfq.%s_recursive", "blkio.%s_recursive",
		"blkio.throttle.%s_recursive", "blkio.throttle.%s" };
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(files) && !any; i++) {
		own_buf b = { 0 };
		char file[64], at[32], op[16];
		uint64_t v;
		int n;

		snprintf(file, sizeof file, files[i], what);
		for (const char *p = text(d, file, &b);
			sscanf(p, "%31[0-9:] %15s %" SCNu64 "%n", at, op, &v, &n) == 3; p += n + 1) {
			if (!any) {
				json_key(o, key);
				json_open(o, '[');
			}
			any = true;
			put_io(o, at, op, v);
			if (!p[n])
				break;
		}
	}
	if (any)
		json_close(o, ']');
}

/* "254:0 rbytes=1 wbytes=2 rios=3 …" */
static void put_io_v2(struct json_out *o, const char *key, const char *stat, const char *read,
	const char *write)
{
	bool any = false;

	for (const char *line = stat; *line;) {
		const char *end = strchrnul(line, '\n');
		own_free char *one = strndup(line, (size_t) (end - line));
		const char *r = one ? strstr(one, read) : NULL, *w = one ? strstr(one, write) : NULL;

		line = *end ? end + 1 : end;
		if (!r || !w)
			continue;
		if (!any) {
			json_key(o, key);
			json_open(o, '[');
		}
		any = true;
		put_io(o, one, "Read", strtoull(r + strlen(read), NULL, 10));
		put_io(o, one, "Write", strtoull(w + strlen(write), NULL, 10));
	}
	if (any)
		json_close(o, ']');
}

static void put_blkio(struct json_out *o, const struct cgroup *c)
{
	const struct cg_dir *d = cg_of(c, "blkio");
	own_buf b = { 0 };
	const char *stat;

	json_open(o, '{');
	if (d && d->v2) {
		stat = text(d, "io.stat", &b);
		put_io_v2(o, "ioServiceBytesRecursive", stat, "rbytes=", "wbytes=");
		put_io_v2(o, "ioServicedRecursive", stat, "rios=", "wios=");
		put_pressure(o, d, "io.pressure");
	} else {
		put_io_v1(o, "ioServiceBytesRecursive", d, "io_service_bytes");
		put_io_v1(o, "ioServicedRecursive", d, "io_serviced");
	}
	json_close(o, '}');
}

/* --- the rest ---------------------------------------------------------------------------- */

static uint64_t huge_number(const struct cg_dir *d, const char *size, const char *what)
{
	char file[128];

	snprintf(file, sizeof file, "hugetlb.%.64s.%s", size, what);
	return number(d, file);
}

static void put_huge_size(struct json_out *o, const struct cg_dir *d, const char *size)
{
	own_buf events = { 0 };
	char file[128];
	bool rsvd;

	snprintf(file, sizeof file, "hugetlb.%.64s.events", size);
	text(d, file, &events);
	snprintf(file, sizeof file, "hugetlb.%.64s.rsvd.%s", size,
		d->v2 ? "current" : "usage_in_bytes");
	rsvd = cg_has(d, file);
	json_key(o, size);
	json_open(o, '{');
	if (d->v2) {
		json_kuint(o, "failcnt", of_key(&events, "max"));
		kuint(o, "usage", huge_number(d, size, rsvd ? "rsvd.current" : "current"));
	} else {
		json_kuint(o, "failcnt", huge_number(d, size, rsvd ? "rsvd.failcnt" : "failcnt"));
		kuint(o, "max", huge_number(d, size,
			rsvd ? "rsvd.max_usage_in_bytes" : "max_usage_in_bytes"));
		kuint(o, "usage", huge_number(d, size,
			rsvd ? "rsvd.usage_in_bytes" : "usage_in_bytes"));
	}
	json_close(o, '}');
}

static void put_hugetlb(struct json_out *o, const struct cgroup *c)
{
	const struct cg_dir *d = cg_of(c, "hugetlb");
	own_dir dir = d ? opendir(d->path) : NULL;
	char *sizes[16];
	struct dirent *ent;
	size_t n = 0;

	while (dir && (ent = readdir(dir)) && n < ARRAY_LEN(sizes)) {
		const char *dot = strchr(ent->d_name, '.');
		const char *end = dot ? strchr(dot + 1, '.') : NULL;

		if (strncmp(ent->d_name, "hugetlb.", 8) || !end ||
			strcmp(end, d->v2 ? ".current" : ".usage_in_bytes"))
			continue;
		sizes[n] = strndup(dot + 1, (size_t) (end - dot - 1));
		n += sizes[n] != NULL;
	}
	qsort(sizes, n, sizeof *sizes, by_name);
	json_open(o, '{');
	for (size_t i = 0; i < n; i++) {
		put_huge_size(o, d, sizes[i]);
		free(sizes[i]);
	}
	json_close(o, '}');
}

static void put_pids(struct json_out *o, const struct cgroup *c)
{
	const struct cg_dir *d = cg_of(c, "pids");
	uint64_t limit = number(d, "pids.max"), now = number(d, "pids.current");
	own_free pid_t *pids = NULL;
	size_t n = 0;

	if (d && !cg_has(d, "pids.current") && !cgroup_pids(c, &pids, &n, NULL))
		now = n;
	json_open(o, '{');
	kuint(o, "current", now);
	kuint(o, "limit", limit == UINT64_MAX ? 0 : limit);
	json_close(o, '}');
}

int cgroup_stats(const struct cgroup *c, struct json_out *o, struct err *e)
{
	static const struct {
		const char *key;
		void (*put)(struct json_out *o, const struct cgroup *c);
	} parts[] = {
		{ "blkio", put_blkio }, { "cpu", put_cpu },	  { "cpuset", put_cpuset },
		{ "hugetlb", put_hugetlb }, { "intel_rdt", NULL }, { "memory", put_memory },
	};

	if (!cgroup_exists(c))
		return fail_msg(e, ENOENT, "the container has no cgroup to tell what it uses");
	json_open(o, '{');
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		json_key(o, parts[i].key);
		if (parts[i].put) {
			parts[i].put(o, c);
			continue;
		}
		json_open(o, '{');
		json_close(o, '}');
	}
	json_key(o, "network_interfaces");
	json_null(o);
	json_key(o, "pids");
	put_pids(o, c);
	json_close(o, '}');
	return o->b->failed ? fail(e, ENOMEM, "print the statistics") : 0;
}
