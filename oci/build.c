/* SPDX-License-Identifier: Apache-2.0 */
/* A struct spec without JSON. */
#include <string.h>

#include "oci/mem.h"
#include "oci/mountopt.h"

void spec_set_root(struct spec *s, const char *path, bool readonly)
{
	s->root_path = spec_strdup(s, path);
	s->root_readonly = readonly;
}

void spec_set_hostname(struct spec *s, const char *name)
{
	s->hostname = spec_strdup(s, name);
}

void spec_set_cwd(struct spec *s, const char *cwd)
{
	s->has_process = true;
	s->process.cwd = spec_strdup(s, cwd);
}

void spec_add_arg(struct spec *s, const char *arg)
{
	s->has_process = true;
	spec_append_str(s, &s->process.args, &s->process.n_args, arg);
}

void spec_set_args(struct spec *s, int argc, const char *const *argv)
{
	s->process.args = NULL;
	s->process.n_args = 0;
	for (int i = 0; i < argc; i++)
		spec_add_arg(s, argv[i]);
}

void spec_add_env(struct spec *s, const char *assignment)
{
	struct spec_process *p = &s->process;
	const char *eq = strchrnul(assignment, '=');
	size_t n = (size_t) (eq - assignment);

	s->has_process = true;
	for (size_t i = 0; i < p->n_env; i++)
		if (!strncmp(p->env[i], assignment, n) && p->env[i][n] == '=') {
			((const char **) p->env)[i] = spec_strdup(s, assignment);
			return;
		}
	spec_append_str(s, &p->env, &p->n_env, assignment);
}

void spec_set_user(struct spec *s, uid_t uid, gid_t gid)
{
	s->has_process = true;
	s->process.user.uid = uid;
	s->process.user.gid = gid;
}

void spec_add_group(struct spec *s, gid_t gid)
{
	struct spec_user *u = &s->process.user;
	gid_t *g = SPEC_APPEND(s, u->groups, u->n_groups);

	*g = gid;
}

void spec_add_rlimit(struct spec *s, int resource, uint64_t soft, uint64_t hard)
{
	struct spec_process *p = &s->process;
	struct spec_rlimit *l;

	must(spec_rlimit_name(resource) != NULL);
	l = SPEC_APPEND(s, p->rlimits, p->n_rlimits);
	*l = (struct spec_rlimit){ resource, spec_rlimit_name(resource), soft, hard };
}

void spec_set_caps(struct spec *s, uint64_t mask)
{
	struct spec_caps *c = &s->process.caps;

	c->present = true;
	c->bounding = c->effective = c->permitted = mask;
	c->inheritable = c->ambient = 0;
}

void spec_add_ns(struct spec *s, enum spec_ns_type type, const char *path)
{
	s->linux_.present = true;
	s->linux_.ns[type] = (struct spec_ns){ true, spec_strdup(s, path) };
}

void spec_add_uid_map(struct spec *s, uint32_t container, uint32_t host, uint32_t size)
{
	struct spec_idmap *m = SPEC_APPEND(s, s->linux_.uid_maps, s->linux_.n_uid_maps);

	s->linux_.present = true;
	*m = (struct spec_idmap){ container, host, size };
}

void spec_add_gid_map(struct spec *s, uint32_t container, uint32_t host, uint32_t size)
{
	struct spec_idmap *m = SPEC_APPEND(s, s->linux_.gid_maps, s->linux_.n_gid_maps);

	s->linux_.present = true;
	*m = (struct spec_idmap){ container, host, size };
}

void spec_add_masked(struct spec *s, const char *path)
{
	s->linux_.present = true;
	spec_append_str(s, &s->linux_.masked, &s->linux_.n_masked, path);
}

void spec_add_readonly(struct spec *s, const char *path)
{
	s->linux_.present = true;
	spec_append_str(s, &s->linux_.readonly, &s->linux_.n_readonly, path);
}

void spec_add_annotation(struct spec *s, const char *key, const char *value)
{
	struct spec_kv *kv;

	for (size_t i = 0; i < s->n_annotations; i++)
		if (!strcmp(s->annotations[i].key, key)) {
			((struct spec_kv *) s->annotations)[i].value = spec_strdup(s, value);
			return;
		}
	kv = SPEC_APPEND(s, s->annotations, s->n_annotations);
	*kv = (struct spec_kv){ spec_strdup(s, key), spec_strdup(s, value) };
	spec_sort_kv((struct spec_kv *) s->annotations, s->n_annotations);
}

void spec_drop_annotation(struct spec *s, const char *key)
{
	struct spec_kv *kv = (struct spec_kv *) s->annotations;

	for (size_t i = 0; i < s->n_annotations; i++)
		if (!strcmp(kv[i].key, key)) {
			memmove(kv + i, kv + i + 1, (s->n_annotations - i) * sizeof *kv);
			s->n_annotations--;
			return;
		}
}

const char *spec_annotation(const struct spec *s, const char *key)
{
	for (size_t i = 0; i < s->n_annotations; i++)
		if (!strcmp(s->annotations[i].key, key))
			return s->annotations[i].value;
	return NULL;
}

void spec_add_mount(struct spec *s, const char *destination, const char *type, const char *source,
	const char *options)
{
	struct spec_mount *m = SPEC_APPEND(s, s->mounts, s->n_mounts);
	const char *end;

	m->destination = spec_strdup(s, destination);
	m->type = spec_strdup(s, type);
	m->source = spec_strdup(s, source);
	for (const char *o = options; o && *o; o = *end ? end + 1 : end) {
		end = strchrnul(o, ',');
		if (end == o)
			continue;
		spec_append_str(s, &m->options, &m->n_options,
			spec_printf(s, "%.*s", (int) (end - o), o));
	}
	mount_understand(s, m);
}
