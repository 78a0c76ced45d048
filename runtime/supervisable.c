/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/supervisable.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

/* The virtual clock, pids and files are made of these two. */
static int check_namespaces(const struct spec *s, struct err *e)
{
	const struct spec_ns *ns = s->linux_.ns;
	const char *lacks = !ns[SPEC_NS_PID].present ? "pid" : !ns[SPEC_NS_MOUNT].present ? "mount"
											  : NULL;

	return lacks ? fail_msg(e, EOPNOTSUPP, "linux.namespaces: a new %s namespace is needed for "
		"a repeatable run, add {\"type\": \"%s\"} (or use --determinism=off)", lacks, lacks)
		     : 0;
}

/* Of the kernel, which writes them as it likes: no input that could be declared. */
static bool kernels_own(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 &&
	       (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC ||
		       fs.f_type == CGROUP_SUPER_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC ||
		       fs.f_type == DEBUGFS_MAGIC || fs.f_type == TRACEFS_MAGIC);
}

static bool at_or_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

/* At /proc and /sys themselves the container has a canonical machine's. */
static int check_volumes(const struct spec *s, struct err *e)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];

		if (m->flags & MS_BIND && m->source && !at_or_below(m->destination, "/proc") &&
			!at_or_below(m->destination, "/sys") && kernels_own(m->source))
			return fail_msg(e, EOPNOTSUPP, "mounts[%zu]: what the kernel shows in %s is "
				"different each time: not for a repeatable run (use --determinism=off)",
				i, m->source);
	}
	return 0;
}

int supervisable(const struct spec *s, struct err *e)
{
	int r = check_namespaces(s, e);

	return r < 0 ? r : check_volumes(s, e);
}
