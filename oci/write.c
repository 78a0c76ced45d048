/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/write.h"

void put_str(struct json_out *o, const char *key, const char *s)
{
	if (s && *s)
		json_kstr(o, key, s);
}

void put_true(struct json_out *o, const char *key, bool v)
{
	if (v)
		json_kbool(o, key, true);
}

void open_obj(struct json_out *o, const char *key)
{
	json_key(o, key);
	json_open(o, '{');
}

void open_arr(struct json_out *o, const char *key)
{
	json_key(o, key);
	json_open(o, '[');
}

void put_strs(struct json_out *o, const char *key, const char *const *list, size_t n)
{
	if (!n)
		return;
	open_arr(o, key);
	for (size_t i = 0; i < n; i++)
		json_str(o, list[i]);
	json_close(o, ']');
}

void put_kv(struct json_out *o, const char *key, const struct spec_kv *list, size_t n)
{
	if (!n)
		return;
	open_obj(o, key);
	for (size_t i = 0; i < n; i++)
		json_kstr(o, list[i].key, list[i].value);
	json_close(o, '}');
}

void put_i64(struct json_out *o, const char *key, struct spec_i64 v)
{
	if (v.present)
		json_kint(o, key, v.v);
}

void put_u64(struct json_out *o, const char *key, struct spec_u64 v)
{
	if (v.present)
		json_kuint(o, key, v.v);
}

void put_maps(struct json_out *o, const char *key, const struct spec_idmap *m, size_t n)
{
	if (!n)
		return;
	open_arr(o, key);
	for (size_t i = 0; i < n; i++) {
		json_open(o, '{');
		json_kint(o, "containerID", m[i].container);
		json_kint(o, "hostID", m[i].host);
		json_kint(o, "size", m[i].size);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void put_hooks(struct json_out *o, const struct spec_hooks *hooks)
{
	static const enum spec_hook_when sorted[] = { SPEC_HOOK_CREATE_CONTAINER,
		SPEC_HOOK_CREATE_RUNTIME, SPEC_HOOK_POSTSTART, SPEC_HOOK_POSTSTOP,
		SPEC_HOOK_PRESTART, SPEC_HOOK_START_CONTAINER };
	bool any = false;

	for (int i = 0; i < SPEC_HOOK_COUNT; i++)
		any |= hooks[i].n > 0;
	if (!any)
		return;
	open_obj(o, "hooks");
	for (int i = 0; i < SPEC_HOOK_COUNT; i++) {
		const struct spec_hooks *h = &hooks[sorted[i]];

		if (!h->n)
			continue;
		open_arr(o, spec_hook_name(sorted[i]));
		for (size_t k = 0; k < h->n; k++) {
			json_open(o, '{');
			put_strs(o, "args", h->list[k].args, h->list[k].n_args);
			put_strs(o, "env", h->list[k].env, h->list[k].n_env);
			json_kstr(o, "path", h->list[k].path);
			if (h->list[k].timeout)
				json_kint(o, "timeout", h->list[k].timeout);
			json_close(o, '}');
		}
		json_close(o, ']');
	}
	json_close(o, '}');
}

static void put_mounts(struct json_out *o, const struct spec_mount *m, size_t n)
{
	if (!n)
		return;
	open_arr(o, "mounts");
	for (; n--; m++) {
		json_open(o, '{');
		json_kstr(o, "destination", m->destination);
		put_maps(o, "gidMappings", m->gid_maps, m->n_gid_maps);
		put_strs(o, "options", m->options, m->n_options);
		put_str(o, "source", m->source);
		put_str(o, "type", m->type);
		put_maps(o, "uidMappings", m->uid_maps, m->n_uid_maps);
		json_close(o, '}');
	}
	json_close(o, ']');
}

int spec_to_json(const struct spec *s, struct buf *ret)
{
	struct json_out o = { .b = ret };

	json_open(&o, '{');
	put_kv(&o, "annotations", s->annotations, s->n_annotations);
	put_str(&o, "domainname", s->domainname);
	put_hooks(&o, s->hooks);
	put_str(&o, "hostname", s->hostname);
	if (s->linux_.present)
		put_linux(&o, &s->linux_);
	put_mounts(&o, s->mounts, s->n_mounts);
	json_kstr(&o, "ociVersion", s->version);
	if (s->has_process)
		put_process(&o, &s->process);
	if (s->root_path) {
		open_obj(&o, "root");
		json_kstr(&o, "path", s->root_path);
		put_true(&o, "readonly", s->root_readonly);
		json_close(&o, '}');
	}
	json_close(&o, '}');
	return ret->failed ? -ENOMEM : 0;
}
