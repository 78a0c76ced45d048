/* SPDX-License-Identifier: Apache-2.0 */
/* config.json as a whole. */
#include "oci/spec.h"

#include <fcntl.h>
#include <string.h>

#include "oci/mountopt.h"
#include "oci/read.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

/* Every 1.x: a minor version adds, and what we do not know in it is ignored as the spec says. */
static void read_version(struct rd *rd, const struct json *j)
{
	const char *v = rd_str_needed(rd, j, "ociVersion");
	const char *c = v;
	int dots = 0;

	rd->s->version = v;
	for (; (*c >= '0' && *c <= '9') || (*c == '.' && dots < 2); c++)
		dots += *c == '.';
	if (dots != 2 || (*c && *c != '-' && *c != '+') || !strcmp(v, ".."))
		rd_fail(rd, "ociVersion", "\"%.40s\" is not a semantic version", v);
	else if (strncmp(v, "1.", 2))
		rd_fail(rd, "ociVersion", "version %.40s is not understood, only 1.x is", v);
}

static void read_root(struct rd *rd, const struct json *j)
{
	const struct json *root = rd_get(rd, j, "root", JSON_OBJ);
	size_t mark;

	if (!root)
		return;
	mark = rd_enter(rd, "root");
	rd->s->root_path = rd_str_needed(rd, root, "path");
	rd->s->root_readonly = rd_bool(rd, root, "readonly");
	rd_leave(rd, mark);
}

static void item_mount(struct rd *rd, const struct json *j, void *elem)
{
	struct spec_mount *m = elem;

	m->destination = rd_str_needed(rd, j, "destination");
	m->type = rd_str(rd, j, "type");
	m->source = rd_str(rd, j, "source");
	rd_strs(rd, j, "options", &m->options, &m->n_options);
	rd_list(rd, j, "uidMappings", JSON_OBJ, read_idmap, m->uid_maps, m->n_uid_maps);
	rd_list(rd, j, "gidMappings", JSON_OBJ, read_idmap, m->gid_maps, m->n_gid_maps);
	mount_understand(rd->s, m);
}

static void item_hook(struct rd *rd, const struct json *j, void *elem)
{
	struct spec_hook *h = elem;
	bool has = false;

	h->path = rd_str_needed(rd, j, "path");
	if (*h->path != '/')
		rd_fail(rd, "path", "must be absolute, \"%.200s\" is not", h->path);
	rd_strs(rd, j, "args", &h->args, &h->n_args);
	rd_strs(rd, j, "env", &h->env, &h->n_env);
	h->timeout = (int) rd_int(rd, j, "timeout", 0, INT32_MAX, 0, &has);
	if (has && !h->timeout)
		rd_fail(rd, "timeout", "must be greater than zero");
}

const char *spec_hook_name(enum spec_hook_when when)
{
	static const char *const names[SPEC_HOOK_COUNT] = {
		[SPEC_HOOK_PRESTART] = "prestart",
		[SPEC_HOOK_CREATE_RUNTIME] = "createRuntime",
		[SPEC_HOOK_CREATE_CONTAINER] = "createContainer",
		[SPEC_HOOK_START_CONTAINER] = "startContainer",
		[SPEC_HOOK_POSTSTART] = "poststart",
		[SPEC_HOOK_POSTSTOP] = "poststop",
	};

	return names[when];
}

static void read_hooks(struct rd *rd, const struct json *j)
{
	const struct json *hooks = rd_get(rd, j, "hooks", JSON_OBJ);
	size_t mark = rd_enter(rd, "hooks");

	for (int i = 0; i < SPEC_HOOK_COUNT; i++) {
		struct spec_hooks *h = &rd->s->hooks[i];

		rd_list(rd, hooks, spec_hook_name((enum spec_hook_when) i), JSON_OBJ, item_hook,
			h->list, h->n);
	}
	rd_leave(rd, mark);
}

static void read_foreign(struct rd *rd, const struct json *j)
{
	static const char *const other[] = { "freebsd", "solaris", "vm", "windows", "zos" };

	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		if (rd_get(rd, j, other[i], JSON_OBJ))
			spec_append_str(rd->s, &rd->s->foreign, &rd->s->n_foreign, other[i]);
}

static void read_idmap_options(struct rd *rd)
{
	size_t top = rd_enter(rd, "mounts");

	for (size_t i = 0; i < rd->s->n_mounts; i++) {
		size_t mark = rd_enter_index(rd, i);

		mount_idmap(rd, (struct spec_mount *) &rd->s->mounts[i]); /* our own memory */
		rd_leave(rd, mark);
	}
	rd_leave(rd, top);
}

static void read_whole(struct rd *rd, const struct json *j)
{
	struct spec *s = rd->s;
	const struct json *part;
	size_t mark;

	read_version(rd, j);
	read_root(rd, j);
	part = rd_get(rd, j, "process", JSON_OBJ);
	mark = rd_enter(rd, "process");
	if (part)
		read_process(rd, part);
	rd_leave(rd, mark);
	s->hostname = rd_str(rd, j, "hostname");
	s->domainname = rd_str(rd, j, "domainname");
	rd_list(rd, j, "mounts", JSON_OBJ, item_mount, s->mounts, s->n_mounts);
	part = rd_get(rd, j, "linux", JSON_OBJ);
	mark = rd_enter(rd, "linux");
	if (part)
		read_linux(rd, part);
	rd_leave(rd, mark);
	read_idmap_options(rd);
	read_hooks(rd, j);
	rd_kv(rd, j, "annotations", &s->annotations, &s->n_annotations);
	read_foreign(rd, j);
}

typedef void (*read_fn)(struct rd *rd, const struct json *j);

static int parse(const char *text, size_t n, const char *what, read_fn read, bool check,
	struct spec **ret, struct err *e)
{
	own_json j = NULL;
	own_spec s = NULL;
	struct rd rd = { .what = what, .e = e };
	int r = json_parse(text, n, what, &j, e);

	if (r < 0)
		return r;
	if (j->type != JSON_OBJ)
		return fail_msg(e, EINVAL, "%s: expected a JSON object", what);
	s = spec_new();
	rd.s = s;
	read(&rd, j);
	if (rd.r < 0)
		return rd.r;
	r = check ? spec_check(s, e) : 0;
	if (r < 0)
		return fail_ctx(e, r, "%s", what);
	*ret = take_ptr(s);
	return 0;
}

int spec_parse(const char *text, size_t n, const char *what, struct spec **ret, struct err *e)
{
	return parse(text, n, what, read_whole, true, ret, e);
}

int spec_parse_process(const char *text, size_t n, const char *what, struct spec **ret,
	struct err *e)
{
	return parse(text, n, what, read_process, false, ret, e);
}

int spec_load(int dirfd, const char *name, struct spec **ret, struct err *e)
{
	own_buf b = { 0 };
	int r = read_file(dirfd, name, JSON_MAX, &b, e);

	if (r == -ENOENT)
		return fail_msg(e, ENOENT, "JSON specification file %s not found", name);
	if (r < 0)
		return r;
	return spec_parse((char *) b.p, b.n, name, ret, e);
}
