/* SPDX-License-Identifier: Apache-2.0 */
/* The spec that `detrun spec` writes: what every engine's user expects of one. */
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "oci/mem.h"
#include "runtime/base/own.h"

struct default_mount {
	const char *destination, *type, *source, *options, *rootless; /* rootless: options then */
};

static void add_mounts(struct spec *s, bool rootless)
{
	static const struct default_mount mounts[] = {
		{ "/proc", "proc", "proc", NULL, NULL },
		{ "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k", NULL },
		{ "/dev/pts", "devpts", "devpts",
			"nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
			"nosuid,noexec,newinstance,ptmxmode=0666,mode=0620" },
		{ "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k", NULL },
		{ "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev", NULL },
		{ "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro", NULL },
		{ "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		const struct default_mount *m = &mounts[i];

		/* a user's own sysfs is refused where the host's is partly covered: bind it */
		if (rootless && !strcmp(m->type, "sysfs"))
			spec_add_mount(s, "/sys", "none", "/sys", "rbind,nosuid,noexec,nodev,ro");
		else
			spec_add_mount(s, m->destination, m->type, m->source,
				rootless && m->rootless ? m->rootless : m->options);
	}
}

static void add_paths(struct spec *s)
{
	static const char *const masked[] = { "/proc/acpi", "/proc/asound", "/proc/kcore",
		"/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
		"/proc/sched_debug", "/sys/firmware", "/proc/scsi", "/sys/devices/virtual/powercap" };
	static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
		"/proc/sysrq-trigger" };

	for (size_t i = 0; i < ARRAY_LEN(masked); i++)
		spec_add_masked(s, masked[i]);
	for (size_t i = 0; i < ARRAY_LEN(readonly); i++)
		spec_add_readonly(s, readonly[i]);
}

/* With version 1 it would hide a container's cgroups from those who look for them by path. */
static bool cgroups_unified(void)
{
	struct statfs fs;

	return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static void add_namespaces(struct spec *s, bool rootless, uid_t uid, gid_t gid)
{
	spec_add_ns(s, SPEC_NS_PID, NULL);
	spec_add_ns(s, SPEC_NS_IPC, NULL);
	spec_add_ns(s, SPEC_NS_UTS, NULL);
	spec_add_ns(s, SPEC_NS_MOUNT, NULL);
	if (cgroups_unified())
		spec_add_ns(s, SPEC_NS_CGROUP, NULL);
	spec_add_ns(s, SPEC_NS_NET, NULL); /* rootless too: the host's network is not repeatable */
	if (!rootless)
		return;
	spec_add_ns(s, SPEC_NS_USER, NULL);
	spec_add_uid_map(s, 0, uid, 1);
	spec_add_gid_map(s, 0, gid, 1);
}

static void deny_devices(struct spec *s)
{
	struct spec_resources *r = &s->linux_.resources;
	struct spec_dev_rule *d = SPEC_APPEND(s, r->devices, r->n_devices);

	r->present = true;
	*d = (struct spec_dev_rule){ .type = 'a', .major = -1, .minor = -1, .r = 1, .w = 1, .m = 1 };
}

struct spec *spec_default(bool rootless, uid_t uid, gid_t gid)
{
	static const char *const caps[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" };
	struct spec *s = spec_new();
	uint64_t mask = 0;

	for (size_t i = 0; i < ARRAY_LEN(caps); i++)
		mask |= 1ull << spec_cap_number(caps[i]);
	spec_set_caps(s, mask);
	spec_set_root(s, "rootfs", true);
	spec_set_hostname(s, "detrun");
	spec_set_cwd(s, "/");
	spec_add_arg(s, "sh");
	spec_add_env(s, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	spec_add_env(s, "TERM=xterm");
	spec_add_rlimit(s, spec_rlimit_number("RLIMIT_NOFILE"), 1024, 1024);
	s->process.terminal = true;
	s->process.no_new_privs = true;
	add_mounts(s, rootless);
	add_namespaces(s, rootless, uid, gid);
	add_paths(s);
	if (!rootless)
		deny_devices(s);
	return s;
}
