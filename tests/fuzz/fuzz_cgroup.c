/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer entry for what is said of cgroups: a state's object is read or refused, and what was read
 * is written the same again; a path, however it climbs, stays below the hierarchy.
 */
#include <string.h>

#include "runtime/base/own.h"
#include "runtime/cgroup_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void write_down(const struct cgroup *c, struct buf *b)
{
	struct json_out o = { .b = b };

	cgroup_put(c, &o);
	must(buf_cstr(b) != NULL);
}

static void survives(const struct cgroup *c)
{
	own_buf a = { 0 }, b = { 0 };
	own_json j = NULL;
	own_cgroup again = NULL;
	struct err e = ERR_INIT;

	write_down(c, &a);
	must(json_parse((char *) a.p, a.n, "written", &j, &e) == 0);
	must(cgroup_get(j, &again, &e) == 0);
	write_down(again, &b);
	must(a.n == b.n && !memcmp(a.p, b.p, a.n));
}

static void stays_below(const char *path)
{
	own_free char *clean = cg_clean(path);
	const char *p = clean;

	must(clean && (*clean == '/') == (*path == '/'));
	while (p && *p) {
		p += *p == '/';
		must(strncmp(p, "..", 2) || (p[2] && p[2] != '/'));
		p = strchr(p, '/');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	own_free char *text = strndup((const char *) p, n);
	own_json j = NULL;
	own_cgroup c = NULL;
	struct err e = ERR_INIT;

	must(text);
	stays_below(text);
	if (json_parse((const char *) p, n, "state.json", &j, &e) < 0)
		return 0;
	if (cgroup_get(j, &c, &e) == 0)
		survives(c);
	return 0;
}
