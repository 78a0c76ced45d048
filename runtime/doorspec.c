/* SPDX-License-Identifier: Apache-2.0 */
/* From options to a spec: everything a program could notice is fixed here. */
#include <string.h>
#include <sys/resource.h>

#include "runtime/base/own.h"
#include "runtime/caps.h"
#include "runtime/door.h"

static const char *const fixed_env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root",
	"LANG=C.UTF-8",
	"LOGNAME=root",
	"SHELL=/bin/sh",
	"TZ=UTC",
	"USER=root",
};

static void add_fixed_env(const struct door *d, const struct job *j, struct spec *s)
{
	for (size_t i = 0; i < ARRAY_LEN(fixed_env); i++)
		spec_add_env(s, fixed_env[i]);
	spec_add_env(s, spec_printf(s, "SOURCE_DATE_EPOCH=%llu", (unsigned long long) j->epoch));
	if (d->user_name) {
		spec_add_env(s, spec_printf(s, "USER=%s", d->user_name));
		spec_add_env(s, spec_printf(s, "LOGNAME=%s", d->user_name));
	}
	if (d->user_home)
		spec_add_env(s, spec_printf(s, "HOME=%s", d->user_home));
}

static int add_env(const struct door *d, const struct job *j, struct spec *s, struct err *e)
{
	if (!d->only_env)
		add_fixed_env(d, j, s);
	for (size_t i = 0; i < d->env.n; i++) {
		const char *kv = d->env.v[i], *outside;

		if (!*kv || *kv == '=')
			return fail_msg(e, EINVAL, "--env %s: NAME=VALUE or NAME expected", kv);
		if (strchr(kv, '=')) {
			spec_add_env(s, kv);
			continue;
		}
		outside = getenv(kv);
		if (!outside)
			return fail_msg(e, EINVAL, "--env %s: not in detrun's own environment", kv);
		spec_add_env(s, spec_printf(s, "%s=%s", kv, outside));
	}
	return 0;
}

/* As far as the hard limit of the caller allows; what the program sees is the supervisor's. */
static void add_rlimits(struct spec *s)
{
	static const struct {
		int resource;
		uint64_t soft, hard;
	} fixed[] = {
		{ RLIMIT_CORE, 0, 0 },
		{ RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY },
		{ RLIMIT_NOFILE, 1024, 4096 },
		{ RLIMIT_STACK, 8 << 20, RLIM_INFINITY },
	};

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		spec_add_rlimit(s, fixed[i].resource, fixed[i].soft, fixed[i].hard);
}

static void add_mounts(struct spec *s)
{
	static const char *const m[][4] = {
		{ "/proc", "proc", "proc", "nosuid,noexec,nodev" },
		{ "/sys", "tmpfs", "tmpfs", "nosuid,noexec,nodev,ro,mode=755" },
		{ "/dev", "tmpfs", "tmpfs", "nosuid,noexec,mode=755,size=65536k" },
		{ "/dev/pts", "devpts", "devpts",
			"nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
		{ "/dev/shm", "tmpfs", "shm", "nosuid,nodev,mode=1777" },
		{ "/run", "tmpfs", "tmpfs", "nosuid,nodev,mode=755" },
	};

	for (size_t i = 0; i < ARRAY_LEN(m); i++)
		spec_add_mount(s, m[i][0], m[i][1], m[i][2], m[i][3]);
}

static void protect_proc(struct spec *s)
{
	static const char *const masked[] = {
		"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
	};
	static const char *const readonly[] = {
		"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
	};

	for (size_t i = 0; i < ARRAY_LEN(masked); i++)
		spec_add_masked(s, masked[i]);
	for (size_t i = 0; i < ARRAY_LEN(readonly); i++)
		spec_add_readonly(s, readonly[i]);
}

static void add_volume(struct spec *s, const char *src, const char *dst, int mode, bool declared)
{
	if (declared)
		src = "volume";
	if (mode == VOL_SNAPSHOT)
		spec_add_mount(s, dst, "overlay", src, "nosuid,nodev");
	else
		spec_add_mount(s, dst, "bind", src,
			mode == VOL_RO ? "rbind,ro,nosuid,nodev,rro,rnosuid,rnodev"
				       : "rbind,nosuid,nodev,rnosuid,rnodev");
}

static void add_volumes(const struct door *d, struct spec *s, bool declared)
{
	if (d->cwd)
		add_volume(s, d->cwd, "/build", VOL_RW, declared);
	for (size_t i = 0; i < d->n_vol; i++)
		add_volume(s, d->vol[i].src, d->vol[i].dst, (int) d->vol[i].mode, declared);
}

static void add_namespaces(const struct door *d, struct spec *s)
{
	spec_add_ns(s, SPEC_NS_USER, NULL);
	spec_add_ns(s, SPEC_NS_PID, NULL);
	spec_add_ns(s, SPEC_NS_MOUNT, NULL);
	spec_add_ns(s, SPEC_NS_UTS, NULL);
	spec_add_ns(s, SPEC_NS_IPC, NULL);
	spec_add_ns(s, SPEC_NS_CGROUP, NULL);
	if (strcmp(d->network, "host"))
		spec_add_ns(s, SPEC_NS_NET, NULL);
}

int door_spec(const struct door *d, const struct job *j, const char *lower, bool declared,
	struct spec **ret, struct err *e)
{
	own_spec s = spec_new();
	int r;

	spec_set_root(s, declared || !lower ? "rootfs" : lower, false);
	spec_set_hostname(s, d->hostname);
	spec_set_cwd(s, d->workdir);
	spec_set_args(s, d->argc, (const char *const *) d->argv);
	spec_set_user(s, d->uid, d->gid);
	spec_set_caps(s, CAPS_DEFAULT);
	s->process.terminal = d->terminal;
	add_rlimits(s);
	add_namespaces(d, s);
	protect_proc(s);
	r = add_env(d, j, s, e);
	if (r < 0)
		return r;
	if (!lower && !declared)
		host_mounts(s);
	add_mounts(s);
	add_volumes(d, s, declared);
	*ret = take_ptr(s);
	return 0;
}
