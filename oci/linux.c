/* SPDX-License-Identifier: Apache-2.0 */
/* config.json's linux object, but for resources and seccomp. */
#include <string.h>

#include "oci/mountopt.h"
#include "oci/read.h"

void read_idmap(struct rd *rd, const struct json *j, void *elem)
{
	struct spec_idmap *m = elem;

	m->container = (uint32_t) rd_int_needed(rd, j, "containerID", 0, UINT32_MAX);
	m->host = (uint32_t) rd_int_needed(rd, j, "hostID", 0, UINT32_MAX);
	m->size = (uint32_t) rd_int_needed(rd, j, "size", 0, UINT32_MAX);
	if (!m->size)
		rd_fail(rd, "size", "must not be 0");
	else if (m->container > UINT32_MAX - m->size || m->host > UINT32_MAX - m->size)
		rd_fail(rd, NULL, "reaches beyond the last id, 4294967294");
}

static void read_namespace(struct rd *rd, const struct json *j)
{
	const char *type = rd_str_needed(rd, j, "type");
	struct spec_ns *ns = NULL;

	for (int i = 0; i < SPEC_NS_COUNT && !ns; i++)
		if (!strcmp(type, spec_ns_name((enum spec_ns_type) i)))
			ns = &rd->s->linux_.ns[i];
	if (!ns) {
		rd_fail(rd, "type", "namespace \"%.40s\" does not exist", type);
		return;
	}
	if (ns->present)
		rd_fail(rd, "type", "malformed spec file: duplicated ns \"%s\"", type);
	ns->present = true;
	ns->path = rd_str(rd, j, "path");
	if (ns->path && !*ns->path)
		ns->path = NULL;
	if (ns->path && ns->path[0] != '/')
		rd_fail(rd, "path", "must be absolute, \"%.200s\" is not", ns->path);
}

static void read_namespaces(struct rd *rd, const struct json *linux_)
{
	const struct json *j = rd_get(rd, linux_, "namespaces", JSON_ARR);
	size_t mark = rd_enter(rd, "namespaces");

	for (size_t i = 0; j && i < j->n && !rd->r; i++) {
		size_t inner = rd_enter_index(rd, i);

		if (j->child[i]->type == JSON_OBJ)
			read_namespace(rd, j->child[i]);
		else
			rd_fail(rd, NULL, "expected an object");
		rd_leave(rd, inner);
	}
	rd_leave(rd, mark);
}

static void item_device(struct rd *rd, const struct json *j, void *elem)
{
	struct spec_device *d = elem;
	const char *type = rd_str_needed(rd, j, "type");
	bool node;

	d->path = rd_str_needed(rd, j, "path");
	if (*d->path != '/')
		rd_fail(rd, "path", "must be absolute, \"%.200s\" is not", d->path);
	if (strlen(type) != 1 || !strchr("cbup", *type))
		rd_fail(rd, "type", "invalid device type \"%.40s\" (not c, b, u or p)", type);
	d->type = *type;
	node = *type != 'p';
	if (node) {
		d->major = rd_int_needed(rd, j, "major", 0, 4095);
		d->minor = rd_int_needed(rd, j, "minor", 0, 1048575);
	}
	d->mode = (mode_t) rd_int(rd, j, "fileMode", 0, 0177777, 0666, &d->has_mode) & 07777;
	d->uid = (uid_t) rd_int(rd, j, "uid", 0, UINT32_MAX - 1, 0, &d->has_uid);
	d->gid = (gid_t) rd_int(rd, j, "gid", 0, UINT32_MAX - 1, 0, &d->has_gid);
}

static void read_net_devices(struct rd *rd, const struct json *linux_, struct spec_linux *l)
{
	const struct json *j = rd_get(rd, linux_, "netDevices", JSON_OBJ);
	size_t mark = rd_enter(rd, "netDevices");

	for (size_t i = 0; j && i < j->n && !rd->r; i++) {
		struct spec_kv *kv = SPEC_APPEND(rd->s, l->net_devices, l->n_net_devices);
		size_t inner = rd_enter(rd, j->key[i]);
		const char *name;

		if (j->child[i]->type != JSON_OBJ)
			rd_fail(rd, NULL, "expected an object");
		name = rd_str(rd, j->child[i], "name");
		kv->key = spec_strdup(rd->s, j->key[i]);
		kv->value = name && *name ? name : kv->key;
		rd_leave(rd, inner);
	}
	spec_sort_kv((struct spec_kv *) l->net_devices, l->n_net_devices);
	rd_leave(rd, mark);
}

static void read_personality(struct rd *rd, const struct json *linux_, struct spec_linux *l)
{
	const struct json *j = rd_get(rd, linux_, "personality", JSON_OBJ);
	size_t mark = rd_enter(rd, "personality");
	const char *domain;

	if (j) {
		domain = rd_str_needed(rd, j, "domain");
		l->has_personality = true;
		l->personality = !strcmp(domain, "LINUX32") ? 8 : 0;
		if (strcmp(domain, "LINUX32") && strcmp(domain, "LINUX"))
			rd_fail(rd, "domain", "invalid personality domain %.40s", domain);
		rd_strs(rd, j, "flags", &l->personality_flags, &l->n_personality_flags);
	}
	rd_leave(rd, mark);
}

static void read_time_offset(struct rd *rd, const struct json *offsets, const char *clock,
	struct spec_time_offset *t)
{
	const struct json *j = rd_get(rd, offsets, clock, JSON_OBJ);
	size_t mark = rd_enter(rd, clock);

	t->present = j != NULL;
	t->secs = rd_int(rd, j, "secs", INT64_MIN, INT64_MAX, 0, NULL);
	t->nanosecs = (uint32_t) rd_int(rd, j, "nanosecs", 0, 999999999, 0, NULL);
	rd_leave(rd, mark);
}

static void read_time_offsets(struct rd *rd, const struct json *linux_, struct spec_linux *l)
{
	const struct json *j = rd_get(rd, linux_, "timeOffsets", JSON_OBJ);
	size_t mark = rd_enter(rd, "timeOffsets");

	for (size_t i = 0; j && i < j->n; i++)
		if (strcmp(j->key[i], "monotonic") && strcmp(j->key[i], "boottime"))
			rd_fail(rd, j->key[i], "clock has no offset in a time namespace");
	read_time_offset(rd, j, "monotonic", &l->time_monotonic);
	read_time_offset(rd, j, "boottime", &l->time_boottime);
	rd_leave(rd, mark);
}

static void read_intel_rdt(struct rd *rd, const struct json *linux_, struct spec_intel_rdt *t)
{
	const struct json *j = rd_get(rd, linux_, "intelRdt", JSON_OBJ);
	size_t mark = rd_enter(rd, "intelRdt");

	t->present = j != NULL;
	t->clos_id = rd_str(rd, j, "closID");
	t->l3_schema = rd_str(rd, j, "l3CacheSchema");
	t->mem_bw_schema = rd_str(rd, j, "memBwSchema");
	rd_strs(rd, j, "schemata", &t->schemata, &t->n_schemata);
	t->enable_cmt = rd_bool(rd, j, "enableCMT");
	t->enable_mbm = rd_bool(rd, j, "enableMBM");
	t->enable_monitoring = rd_bool(rd, j, "enableMonitoring");
	if (t->clos_id && (strchr(t->clos_id, '/') || !strcmp(t->clos_id, ".") ||
			      !strcmp(t->clos_id, "..")))
		rd_fail(rd, "closID", "invalid intelRdt.ClosID \"%.100s\"", t->clos_id);
	rd_leave(rd, mark);
}

static void read_memory_policy(struct rd *rd, const struct json *linux_, struct spec_linux *l)
{
	const struct json *j = rd_get(rd, linux_, "memoryPolicy", JSON_OBJ);
	size_t mark = rd_enter(rd, "memoryPolicy");

	if (j) {
		l->memory_policy = rd_str(rd, j, "mode");
		if (!l->memory_policy || !*l->memory_policy)
			rd_fail(rd, "mode", "invalid memory policy mode: must not be empty");
		l->memory_policy_nodes = rd_str(rd, j, "nodes");
		rd_strs(rd, j, "flags", &l->memory_policy_flags, &l->n_memory_policy_flags);
	}
	rd_leave(rd, mark);
}

static void read_paths(struct rd *rd, const struct json *linux_, const char *key,
	const char *const **list, size_t *n)
{
	rd_strs(rd, linux_, key, list, n);
	for (size_t i = 0; i < *n && !rd->r; i++)
		if ((*list)[i][0] != '/')
			rd_fail_item(rd, key, i, "must be absolute, \"%.200s\" is not", (*list)[i]);
}

void read_linux(struct rd *rd, const struct json *j)
{
	struct spec_linux *l = &rd->s->linux_;
	const char *prop;

	l->present = true;
	rd_list(rd, j, "uidMappings", JSON_OBJ, read_idmap, l->uid_maps, l->n_uid_maps);
	rd_list(rd, j, "gidMappings", JSON_OBJ, read_idmap, l->gid_maps, l->n_gid_maps);
	read_namespaces(rd, j);
	rd_list(rd, j, "devices", JSON_OBJ, item_device, l->devices, l->n_devices);
	read_net_devices(rd, j, l);
	read_paths(rd, j, "maskedPaths", &l->masked, &l->n_masked);
	read_paths(rd, j, "readonlyPaths", &l->readonly, &l->n_readonly);
	prop = rd_str(rd, j, "rootfsPropagation");
	if (prop && *prop) {
		l->rootfs_propagation = propagation_flags(prop);
		if (!l->rootfs_propagation)
			rd_fail(rd, NULL, "rootfsPropagation=%.40s is not supported", prop);
	}
	l->cgroups_path = rd_str(rd, j, "cgroupsPath");
	l->mount_label = rd_str(rd, j, "mountLabel");
	rd_kv(rd, j, "sysctl", &l->sysctl, &l->n_sysctl);
	read_seccomp(rd, j);
	read_personality(rd, j, l);
	read_time_offsets(rd, j, l);
	read_resources(rd, j);
	read_intel_rdt(rd, j, &l->intel_rdt);
	read_memory_policy(rd, j, l);
}
