/* SPDX-License-Identifier: Apache-2.0 */
/* Rules across properties. The words are runc's where it has some: engines and suites know them. */
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>

#include "oci/spec.h"
#include "runtime/base/own.h"

static int check_uts(const struct spec *s, struct err *e)
{
	if (s->hostname && strlen(s->hostname) > 64)
		return fail_msg(e, EINVAL, "hostname: longer than the kernel's 64 bytes");
	if (s->domainname && strlen(s->domainname) > 64)
		return fail_msg(e, EINVAL, "domainname: longer than the kernel's 64 bytes");
	if (s->linux_.ns[SPEC_NS_UTS].present)
		return 0;
	if (s->hostname && *s->hostname)
		return fail_msg(e, EINVAL,
			"hostname: unable to set hostname without a private UTS namespace");
	if (s->domainname && *s->domainname)
		return fail_msg(e, EINVAL,
			"domainname: unable to set domainname without a private UTS namespace");
	return 0;
}

static bool overlap(uint32_t a, uint32_t na, uint32_t b, uint32_t nb)
{
	return a < b ? b - a < na : a - b < nb;
}

/* What the kernel would refuse when the map is written, where the cause is no longer to be seen. */
static int check_map(const char *what, const struct spec_idmap *m, size_t n, struct err *e)
{
	if (n > 340)
		return fail_msg(e, EINVAL, "linux.%s: %zu entries, the kernel takes 340", what, n);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (overlap(m[i].container, m[i].size, m[j].container, m[j].size) ||
			    overlap(m[i].host, m[i].size, m[j].host, m[j].size))
				return fail_msg(e, EINVAL, "linux.%s[%zu]: overlaps with [%zu]",
					what, i, j);
	return 0;
}

static int check_ids(const struct spec *s, struct err *e)
{
	const struct spec_linux *l = &s->linux_;
	const struct spec_ns *user = &l->ns[SPEC_NS_USER];
	int r;

	if (!user->present && (l->n_uid_maps || l->n_gid_maps))
		return fail_msg(e, EINVAL, "linux.%s: User namespace mappings specified, but USER "
					   "namespace isn't enabled in the config",
			l->n_uid_maps ? "uidMappings" : "gidMappings");
	/* none at all: the caller's own ids */
	if (user->present && !user->path && !l->n_uid_maps && l->n_gid_maps)
		return fail_msg(e, EINVAL, "linux.uidMappings: user namespaces enabled, but no uid "
					   "mappings found");
	if (user->present && !user->path && l->n_uid_maps && !l->n_gid_maps)
		return fail_msg(e, EINVAL, "linux.gidMappings: user namespaces enabled, but no gid "
					   "mappings found");
	r = check_map("uidMappings", l->uid_maps, l->n_uid_maps, e);
	return r < 0 ? r : check_map("gidMappings", l->gid_maps, l->n_gid_maps, e);
}

static int check_namespaces(const struct spec *s, struct err *e)
{
	const struct spec_linux *l = &s->linux_;

	if ((l->n_masked || l->n_readonly) && !l->ns[SPEC_NS_MOUNT].present)
		return fail_msg(e, EINVAL, "linux.%s: unable to restrict sys entries without a "
					   "private MNT namespace",
			l->n_masked ? "maskedPaths" : "readonlyPaths");
	if (l->rootfs_propagation && !l->ns[SPEC_NS_MOUNT].present)
		return fail_msg(e, EINVAL, "linux.rootfsPropagation: unable to set rootfs "
					   "propagation without a private MNT namespace");
	if ((l->time_monotonic.present || l->time_boottime.present) &&
	    !l->ns[SPEC_NS_TIME].present)
		return fail_msg(e, EINVAL, "linux.timeOffsets: time namespace offsets specified, "
					   "but time namespace isn't enabled in the config");
	if (l->n_net_devices && !l->ns[SPEC_NS_NET].present)
		return fail_msg(e, EINVAL, "linux.netDevices: unable to move network devices "
					   "without a private NET namespace");
	return 0;
}

static int check_mount_ids(const struct spec *s, const struct spec_mount *m, size_t i, struct err *e)
{
	bool asked = m->ext & (SPEC_MNT_IDMAP | SPEC_MNT_RIDMAP);

	if ((asked || m->n_uid_maps || m->n_gid_maps) && !(m->flags & MS_BIND))
		return fail_msg(e, EINVAL, "mounts[%zu]: gidMappings/uidMappings is supported only "
					   "for mounts with the option 'bind'",
			i);
	if (!m->n_uid_maps != !m->n_gid_maps)
		return fail_msg(e, EINVAL, "mounts[%zu]: %s without %s", i,
			m->n_uid_maps ? "uidMappings" : "gidMappings",
			m->n_uid_maps ? "gidMappings" : "uidMappings");
	if (asked && !m->n_uid_maps && !s->linux_.ns[SPEC_NS_USER].present)
		return fail_msg(e, EINVAL, "mounts[%zu].options: an id map needs a user namespace "
					   "or uidMappings and gidMappings", i);
	return 0;
}

static int check_mount(const struct spec *s, const struct spec_mount *m, size_t i, struct err *e)
{
	if (m->flags & MS_BIND && (!m->source || !*m->source))
		return fail_msg(e, EINVAL, "mounts[%zu].source: a bind mount on %s needs one", i,
			m->destination);
	if (!(m->flags & MS_BIND) && (!m->type || !*m->type))
		return fail_msg(e, EINVAL, "mounts[%zu].type: %s is no bind mount, so it needs one",
			i, m->destination);
	if (strlen(m->data) >= 4096)
		return fail_msg(e, EINVAL, "mounts[%zu].options: longer than the kernel takes", i);
	return check_mount_ids(s, m, i, e);
}

/* net.* and the like belong to a namespace; any other would change the host. */
static int check_sysctl(const struct spec *s, const char *key, struct err *e)
{
	static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",
		"kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
		"kernel.shm_rmid_forced" };
	const struct spec_ns *ns = s->linux_.ns;
	size_t first = strcspn(key, "./");
	char k[256], *c;
	bool is_ipc;

	if ((size_t) snprintf(k, sizeof k, "%s", key) >= sizeof k || strstr(key, "..") || !*key)
		return fail_msg(e, EINVAL, "linux.sysctl: \"%.100s\" is no sysctl", key);
	if (k[first] == '/') /* the other spelling: a dot and a slash change places */
		for (c = k; *c; c++)
			*c = *c == '/' ? '.' : *c == '.' ? '/' : *c;
	is_ipc = !strncmp(k, "fs.mqueue.", 10);
	for (size_t i = 0; i < ARRAY_LEN(ipc); i++)
		is_ipc |= !strcmp(k, ipc[i]);
	if (is_ipc && !ns[SPEC_NS_IPC].present)
		return fail_msg(e, EINVAL, "linux.sysctl: sysctl \"%s\" is not allowed in the hosts "
					   "ipc namespace",
			k);
	if (!strncmp(k, "net.", 4) && !ns[SPEC_NS_NET].present)
		return fail_msg(e, EINVAL, "linux.sysctl: sysctl \"%s\" not allowed in host network "
					   "namespace",
			k);
	if (!strcmp(k, "kernel.hostname") && ns[SPEC_NS_UTS].present)
		return fail_msg(e, EINVAL, "linux.sysctl: sysctl \"%s\" is not allowed as it "
					   "conflicts with the OCI \"hostname\" field",
			k);
	if (is_ipc || !strncmp(k, "net.", 4) ||
	    (!strncmp(k, "user.", 5) && ns[SPEC_NS_USER].present) ||
	    (!strcmp(k, "kernel.domainname") && ns[SPEC_NS_UTS].present))
		return 0;
	return fail_msg(e, EINVAL, "linux.sysctl: sysctl \"%s\" is not in a separate kernel "
				   "namespace",
		k);
}

int spec_check(const struct spec *s, struct err *e)
{
	int r = 0;

	if (!s->root_path || !*s->root_path)
		return fail_msg(e, EINVAL, "root: root must be specified");
	if (s->n_annotations && !*s->annotations[0].key)
		return fail_msg(e, EINVAL, "annotations: a key must not be empty");
	r = check_uts(s, e);
	if (!r)
		r = check_ids(s, e);
	if (!r)
		r = check_namespaces(s, e);
	for (size_t i = 0; i < s->n_mounts && !r; i++)
		r = check_mount(s, &s->mounts[i], i, e);
	for (size_t i = 0; i < s->linux_.n_sysctl && !r; i++)
		r = check_sysctl(s, s->linux_.sysctl[i].key, e);
	return r;
}
