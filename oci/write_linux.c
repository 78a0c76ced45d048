/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/mountopt.h"
#include "oci/write.h"

static void put_devices(struct json_out *o, const struct spec_linux *l)
{
	if (!l->n_devices)
		return;
	open_arr(o, "devices");
	for (size_t i = 0; i < l->n_devices; i++) {
		const struct spec_device *d = &l->devices[i];

		json_open(o, '{');
		if (d->has_mode)
			json_kint(o, "fileMode", d->mode);
		if (d->has_gid)
			json_kint(o, "gid", d->gid);
		if (d->type != 'p') {
			json_kint(o, "major", d->major);
			json_kint(o, "minor", d->minor);
		}
		json_kstr(o, "path", d->path);
		json_kstr(o, "type", (char[]){ d->type, 0 });
		if (d->has_uid)
			json_kint(o, "uid", d->uid);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void put_namespaces(struct json_out *o, const struct spec_linux *l)
{
	open_arr(o, "namespaces");
	for (int i = 0; i < SPEC_NS_COUNT; i++) {
		if (!l->ns[i].present)
			continue;
		json_open(o, '{');
		put_str(o, "path", l->ns[i].path);
		json_kstr(o, "type", spec_ns_name((enum spec_ns_type) i));
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void put_net_devices(struct json_out *o, const struct spec_linux *l)
{
	if (!l->n_net_devices)
		return;
	open_obj(o, "netDevices");
	for (size_t i = 0; i < l->n_net_devices; i++) {
		open_obj(o, l->net_devices[i].key);
		json_kstr(o, "name", l->net_devices[i].value);
		json_close(o, '}');
	}
	json_close(o, '}');
}

static void put_time_offset(struct json_out *o, const char *clock,
	const struct spec_time_offset *t)
{
	if (!t->present)
		return;
	open_obj(o, clock);
	json_kint(o, "nanosecs", t->nanosecs);
	json_kint(o, "secs", t->secs);
	json_close(o, '}');
}

static void put_intel_rdt(struct json_out *o, const struct spec_intel_rdt *t)
{
	if (!t->present)
		return;
	open_obj(o, "intelRdt");
	put_str(o, "closID", t->clos_id);
	put_true(o, "enableCMT", t->enable_cmt);
	put_true(o, "enableMBM", t->enable_mbm);
	put_true(o, "enableMonitoring", t->enable_monitoring);
	put_str(o, "l3CacheSchema", t->l3_schema);
	put_str(o, "memBwSchema", t->mem_bw_schema);
	put_strs(o, "schemata", t->schemata, t->n_schemata);
	json_close(o, '}');
}

static void put_seccomp_args(struct json_out *o, const struct spec_seccomp_rule *r)
{
	if (!r->n_args)
		return;
	open_arr(o, "args");
	for (size_t i = 0; i < r->n_args; i++) {
		json_open(o, '{');
		json_kint(o, "index", r->args[i].index);
		json_kstr(o, "op", r->args[i].op);
		json_kuint(o, "value", r->args[i].value);
		if (r->args[i].value_two)
			json_kuint(o, "valueTwo", r->args[i].value_two);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void put_seccomp_rules(struct json_out *o, const struct spec_seccomp *c)
{
	if (!c->n_rules)
		return;
	open_arr(o, "syscalls");
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct spec_seccomp_rule *r = &c->rules[i];

		json_open(o, '{');
		json_kstr(o, "action", r->action);
		put_seccomp_args(o, r);
		if (r->has_errno)
			json_kint(o, "errnoRet", r->errno_ret);
		put_strs(o, "names", r->names, r->n_names);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void put_seccomp(struct json_out *o, const struct spec_seccomp *c)
{
	if (!c->present)
		return;
	open_obj(o, "seccomp");
	put_strs(o, "architectures", c->arches, c->n_arches);
	json_kstr(o, "defaultAction", c->default_action);
	if (c->has_default_errno)
		json_kint(o, "defaultErrnoRet", c->default_errno);
	put_strs(o, "flags", c->flags, c->n_flags);
	put_str(o, "listenerMetadata", c->listener_metadata);
	put_str(o, "listenerPath", c->listener_path);
	put_seccomp_rules(o, c);
	json_close(o, '}');
}

static void put_memory_policy(struct json_out *o, const struct spec_linux *l)
{
	if (!l->memory_policy)
		return;
	open_obj(o, "memoryPolicy");
	put_strs(o, "flags", l->memory_policy_flags, l->n_memory_policy_flags);
	json_kstr(o, "mode", l->memory_policy);
	put_str(o, "nodes", l->memory_policy_nodes);
	json_close(o, '}');
}

static void put_personality(struct json_out *o, const struct spec_linux *l)
{
	if (!l->has_personality)
		return;
	open_obj(o, "personality");
	json_kstr(o, "domain", l->personality ? "LINUX32" : "LINUX");
	put_strs(o, "flags", l->personality_flags, l->n_personality_flags);
	json_close(o, '}');
}

void put_linux(struct json_out *o, const struct spec_linux *l)
{
	open_obj(o, "linux");
	put_str(o, "cgroupsPath", l->cgroups_path);
	put_devices(o, l);
	put_maps(o, "gidMappings", l->gid_maps, l->n_gid_maps);
	put_intel_rdt(o, &l->intel_rdt);
	put_strs(o, "maskedPaths", l->masked, l->n_masked);
	put_memory_policy(o, l);
	put_str(o, "mountLabel", l->mount_label);
	put_namespaces(o, l);
	put_net_devices(o, l);
	put_personality(o, l);
	put_strs(o, "readonlyPaths", l->readonly, l->n_readonly);
	put_resources(o, &l->resources);
	put_str(o, "rootfsPropagation", propagation_name(l->rootfs_propagation));
	put_seccomp(o, &l->seccomp);
	put_kv(o, "sysctl", l->sysctl, l->n_sysctl);
	if (l->time_monotonic.present || l->time_boottime.present) {
		open_obj(o, "timeOffsets");
		put_time_offset(o, "boottime", &l->time_boottime);
		put_time_offset(o, "monotonic", &l->time_monotonic);
		json_close(o, '}');
	}
	put_maps(o, "uidMappings", l->uid_maps, l->n_uid_maps);
	json_close(o, '}');
}
