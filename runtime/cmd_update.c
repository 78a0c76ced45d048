/* SPDX-License-Identifier: Apache-2.0 */
/* detrun update ID: other limits for a container that runs. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/io.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"
#include "runtime/state.h"

enum { N_NUMBERS = 14, RESOURCES_MAX = 1 << 20 };

struct line {
	const char *resources;	      /* file, "-" */
	const char *number[N_NUMBERS]; /* as in numbers[] */
	const char *cpus, *mems, *l3, *mem_bw;
};

static const struct number {
	const char *name;
	const char *group, *key; /* in config.json */
	bool bytes;		 /* may end in k, m, g … */
	const char *help;
} numbers[N_NUMBERS] = {
	{ "blkio-weight", "blockIO", "weight", false, "weight for block devices, 10 to 1000" },
	{ "cpu-period", "cpu", "period", false, "length of the quota's period, in us" },
	{ "cpu-quota", "cpu", "quota", false, "CPU time in a period, in us" },
	{ "cpu-burst", "cpu", "burst", false, "unused quota that may be saved up, in us" },
	{ "cpu-share", "cpu", "shares", false, "weight for the CPU" },
	{ "cpu-idle", "cpu", "idle", false, "1: only when nobody else wants the CPU" },
	{ "cpu-rt-period", "cpu", "realtimePeriod", false, "period of real-time tasks, in us" },
	{ "cpu-rt-runtime", "cpu", "realtimeRuntime", false, "CPU time of real-time tasks, in us" },
	{ "kernel-memory", "memory", "kernel", true, NULL },
	{ "kernel-memory-tcp", "memory", "kernelTCP", true, NULL },
	{ "memory", "memory", "limit", true, "memory limit, in bytes" },
	{ "memory-reservation", "memory", "reservation", true, "soft limit, in bytes" },
	{ "memory-swap", "memory", "swap", true, "memory and swap, in bytes; -1: no limit" },
	{ "pids-limit", "pids", "limit", false, "how many tasks; -1: no limit" },
};

/* "64m" as runc reads it: powers of 1024, fractions allowed, and -1. */
static int read_bytes(const char *text, const char *name, int64_t *ret, struct err *e)
{
	static const char units[] = "bkmgtp";
	const char *unit;
	char *end;
	double v;

	errno = 0;
	if (!strcmp(text, "-1")) {
		*ret = -1;
		return 0;
	}
	v = strtod(text, &end);
	unit = *end == ' ' ? end + 1 : end;
	v = end == text || errno || !(v >= 0) ? -1 : v;
	if (v >= 0 && *unit) {
		const char *u = strchr(units, *unit | 0x20);

		for (long i = u ? u - units : 0; i > 0; i--)
			v *= 1024;
		unit++;
		if (*unit == 'i' || *unit == 'I')
			unit++;
		if (*unit == 'b' || *unit == 'B')
			unit++;
		if (!u || *unit)
			v = -1;
	}
	if (v < 0 || v > 9e18)
		return fail_msg(e, EINVAL, "invalid value for %s: invalid size: '%s'", name, text);
	*ret = (int64_t) v;
	return 0;
}

static int read_number(const struct number *n, const char *text, int64_t *ret, struct err *e)
{
	long long v;
	int r;

	if (n->bytes)
		return read_bytes(text, n->name, ret, e);
	r = opt_number(text, n->name, INT64_MIN, INT64_MAX, &v, e);
	if (r < 0)
		return fail_msg(e, EINVAL, "invalid value for %s: %s", n->name, text);
	*ret = v;
	return 0;
}

static void put_set(struct buf *b, const char *key, const char *value)
{
	own_buf v = { 0 };
	struct json_out o = { .b = &v };

	if (!value)
		return;
	json_str(&o, value);
	buf_printf(b, "%s\"%s\":", b->p[b->n - 1] == '{' ? "" : ",", key);
	buf_put(b, v.p, v.n);
}

/* What the options say, as config.json has it: there is one place that understands it. */
static int options_to_json(const struct line *l, struct buf *b, struct err *e)
{
	static const char *const groups[] = { "blockIO", "cpu", "memory", "pids" };

	buf_str(b, "{");
	for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
		buf_printf(b, "%s\"%s\":{", g ? "," : "", groups[g]);
		for (size_t i = 0; i < N_NUMBERS; i++) {
			int64_t v = 0;
			int r;

			if (!l->number[i] || strcmp(numbers[i].group, groups[g]))
				continue;
			r = read_number(&numbers[i], l->number[i], &v, e);
			if (r < 0)
				return r;
			buf_printf(b, "%s\"%s\":%" PRId64, b->p[b->n - 1] == '{' ? "" : ",",
				numbers[i].key, v);
		}
		if (!strcmp(groups[g], "cpu")) {
			put_set(b, "cpus", l->cpus);
			put_set(b, "mems", l->mems);
		}
		buf_str(b, "}");
	}
	buf_str(b, "}");
	return b->failed ? fail(e, ENOMEM, "read the limits") : 0;
}

static int read_resources(const char *file, struct buf *b, struct err *e)
{
	own_fd fd = strcmp(file, "-") ? open(file, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	own_json j = NULL;
	int r;

	if (fd < 0)
		return fail(e, errno, "open %s", file);
	r = read_fd(fd, RESOURCES_MAX, b);
	if (r < 0)
		return fail(e, r, "read %s", file);
	r = json_parse((char *) b->p, b->n, file, &j, e);
	if (r < 0)
		return r;
	return j->type == JSON_OBJ ? 0 : fail_msg(e, EINVAL, "%s: an object expected", file);
}

/*
 * A whole document by now: it can't end what we put around it. What it means is up to the version of
 * the container's config.json.
 */
static int parse(const struct buf *text, const char *what, const char *version, struct spec **ret,
	struct err *e)
{
	own_buf all = { 0 };

	buf_printf(&all, "{\"ociVersion\":\"%s\",\"root\":{\"path\":\"/\"},"
		"\"linux\":{\"resources\":", version ? version : SPEC_VERSION_MIN);
	buf_put(&all, text->p, text->n);
	buf_str(&all, "}}");
	if (all.failed)
		return fail(e, ENOMEM, "read the limits");
	return spec_parse((char *) all.p, all.n, what, ret, e);
}

static int update(const char *root, const char *id, const struct line *l, struct err *e)
{
	own_buf text = { 0 };
	own_state s = { 0 };
	own_spec spec = NULL;
	int r = state_find(root, id, &s, e);

	if (r < 0)
		return r;
	if (l->l3 || l->mem_bw)
		return fail_msg(e, EOPNOTSUPP, "Intel RDT/CAT: l3 cache schema is not enabled");
	r = l->resources ? read_resources(l->resources, &text, e) : options_to_json(l, &text, e);
	if (!r)
		r = parse(&text, l->resources ? l->resources : "update", s.version, &spec, e);
	if (r < 0)
		return r;
	if (!state_alive(&s))
		return fail_msg(e, ESRCH, "container not running");
	if (!s.cgroup)
		return fail_msg(e, EOPNOTSUPP, "container %s has no cgroup to limit it by", id);
	return cgroup_update(s.cgroup, &spec->linux_.resources, e);
}

static void make_table(struct line *l, struct opt t[N_NUMBERS + 8])
{
	const struct opt rest[] = {
		{ "cpuset-cpus", 0, OPT_STR, &l->cpus, "LIST", "which CPUs" },
		{ "cpuset-mems", 0, OPT_STR, &l->mems, "LIST", "which memory nodes" },
		{ "l3-cache-schema", 0, OPT_STR, &l->l3, NULL, NULL },
		{ "mem-bw-schema", 0, OPT_STR, &l->mem_bw, NULL, NULL },
		{ "resources", 'r', OPT_STR, &l->resources, "FILE|-",
			"read them as JSON, as config.json has them; no other option counts then" },
		{ NULL },
	};
	size_t n = 0;

	for (; n < N_NUMBERS; n++)
		t[n] = (struct opt) { numbers[n].name, 0, OPT_STR, &l->number[n], "N",
			numbers[n].help };
	memcpy(t + n, rest, sizeof rest);
}

int cmd_update(const struct global *g, int argc, char **argv)
{
	struct line l = { 0 };
	struct opt t[N_NUMBERS + 8];
	struct err e = ERR_INIT;
	int rest, r;

	make_table(&l, t);
	r = opts_parse_anywhere(t, argc, argv, &rest, &e);
	if (r == 1) {
		opts_usage("update", "change the limits of a container", "[options] ID", NULL, t);
		return 0;
	}
	if (!r && argc - rest != 1)
		r = fail_msg(&e, EINVAL, "update: exactly one container ID expected");
	if (!r)
		r = update(g->root, argv[rest], &l, &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0;
}
