/* SPDX-License-Identifier: Apache-2.0 */
/* detrun features: what config.json may ask for, as the specification's features.md has it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "oci/spec.h"
#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"
#include "runtime/scmp.h"

typedef const char *name_fn(size_t i);

static void put_names(struct json_out *o, const char *key, name_fn *name)
{
	json_key(o, key);
	json_open(o, '[');
	for (size_t i = 0; name(i); i++)
		json_str(o, name(i));
	json_close(o, ']');
}

static void put_list(struct json_out *o, const char *key, const char *const *list)
{
	json_key(o, key);
	json_open(o, '[');
	for (; *list; list++)
		json_str(o, *list);
	json_close(o, ']');
}

static void put_enabled(struct json_out *o, const char *key, bool v)
{
	json_key(o, key);
	json_open(o, '{');
	json_kbool(o, "enabled", v);
	json_close(o, '}');
}

/* Those that this kernel has, which may be fewer than we have names for. */
static const char *capability(size_t i)
{
	static const char last[] = "/proc/sys/kernel/cap_last_cap";
	own_buf b = { 0 };
	long n = 63;

	if (read_file(AT_FDCWD, last, 16, &b, NULL) == 0 && buf_cstr(&b))
		n = atol((char *) b.p);
	return (long) i <= n ? spec_cap_name((int) i) : NULL;
}

static const char *namespace(size_t i)
{
	static const char *const names[] = { "cgroup", "ipc", "mount", "network", "pid", "time",
		"user", "uts" };

	return i < ARRAY_LEN(names) ? names[i] : NULL;
}

static const char *hook(size_t i)
{
	return i < SPEC_HOOK_COUNT ? spec_hook_name((enum spec_hook_when) i) : NULL;
}

static const char *known_flag(size_t i)
{
	return scmp_flag_name(i, false);
}

static const char *supported_flag(size_t i)
{
	return scmp_flag_name(i, true);
}

static void put_cgroup(struct json_out *o)
{
	json_key(o, "cgroup");
	json_open(o, '{');
	json_kbool(o, "rdma", true);
	json_kbool(o, "systemd", true);
	json_kbool(o, "systemdUser", true);
	json_kbool(o, "v1", true);
	json_kbool(o, "v2", true);
	json_close(o, '}');
}

static void put_seccomp(struct json_out *o)
{
	json_key(o, "seccomp");
	json_open(o, '{');
	put_names(o, "actions", scmp_action_name);
	put_names(o, "archs", scmp_arch_name);
	json_kbool(o, "enabled", true);
	put_names(o, "knownFlags", known_flag);
	put_names(o, "operators", scmp_operator_name);
	put_names(o, "supportedFlags", supported_flag);
	json_close(o, '}');
}

static void put_memory_policy(struct json_out *o)
{
	static const char *const flags[] = { "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES",
		"MPOL_F_STATIC_NODES", NULL };
	static const char *const modes[] = { "MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE",
		"MPOL_LOCAL", "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE",
		NULL };

	json_key(o, "memoryPolicy");
	json_open(o, '{');
	put_list(o, "flags", flags);
	put_list(o, "modes", modes);
	json_close(o, '}');
}

static void put_linux(struct json_out *o)
{
	json_key(o, "linux");
	json_open(o, '{');
	put_enabled(o, "apparmor", true);
	put_names(o, "capabilities", capability);
	put_cgroup(o);
	put_enabled(o, "intelRdt", false);
	put_memory_policy(o);
	json_key(o, "mountExtensions");
	json_open(o, '{');
	put_enabled(o, "idmap", true);
	json_close(o, '}');
	put_names(o, "namespaces", namespace);
	put_enabled(o, "netDevices", true);
	put_seccomp(o);
	put_enabled(o, "selinux", true);
	json_close(o, '}');
}

static void put_annotations(struct json_out *o)
{
	char version[32];

	scmp_version(version);
	json_key(o, "annotations");
	json_open(o, '{');
	json_kstr(o, "io.github.seccomp.libseccomp.version", version);
	json_kstr(o, "org.detrun.determinism", "off,record,strict");
	json_kstr(o, "org.detrun.version", DETRUN_VERSION);
	/* where clients look for it */
	json_kstr(o, "org.opencontainers.runc.checkpoint.enabled", "false");
	json_close(o, '}');
}

/* Our annotations name host paths: the key to sign with, the directory of the trace. */
static const char *const unsafe[] = { "org.detrun.", NULL };

static int put_features(struct buf *b)
{
	own_buf compact = { 0 };
	struct json_out o = { .b = &compact };

	json_open(&o, '{');
	put_annotations(&o);
	put_names(&o, "hooks", hook);
	put_linux(&o);
	put_names(&o, "mountOptions", spec_mount_option);
	json_kstr(&o, "ociVersionMax", SPEC_VERSION_MAX);
	json_kstr(&o, "ociVersionMin", SPEC_VERSION_MIN);
	put_list(&o, "potentiallyUnsafeConfigAnnotations", unsafe);
	json_close(&o, '}');
	if (compact.failed)
		return -ENOMEM;
	json_pretty((char *) compact.p, compact.n, 4, b);
	buf_byte(b, '\n');
	return b->failed ? -ENOMEM : 0;
}

int cmd_features(const struct global *g, int argc, char **argv)
{
	const struct opt options[] = { { NULL } };
	struct err e = ERR_INIT;
	own_buf b = { 0 };
	int rest = argc, r = opts_parse(options, argc, argv, &rest, NULL, &e);

	(void) g;
	if (r > 0) {
		opts_usage("features", "print, as JSON, what a config.json may ask for", "\n", NULL,
			options);
		return 0;
	}
	if (!r && rest < argc)
		r = fail_msg(&e, EINVAL, "features takes no argument, but got \"%s\"", argv[rest]);
	if (!r && put_features(&b) < 0)
		r = fail(&e, ENOMEM, "print the features");
	if (!r && write_full(STDOUT_FILENO, b.p, b.n) == 0)
		return 0;
	log_error("%s", r < 0 ? e.msg : "cannot write to standard output");
	return 1;
}
