/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bind mount of much (/, an engine's directory) brings along what is mounted below: the host's /proc and
 * /sys, or the container's own, where its root is in there. They are different each time, to read some of
 * their files takes something away from others, and what is seen there would be outside the record.
 */
#include "runtime/cover.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/mountinfo.h"
#include "runtime/mounts.h"
#include "runtime/ops.h"

enum { MOUNTINFO_MAX = 16 << 20 };

bool kernels_own(const struct statfs *fs)
{
	return fs->f_type == PROC_SUPER_MAGIC || fs->f_type == SYSFS_MAGIC ||
	       fs->f_type == CGROUP_SUPER_MAGIC || fs->f_type == CGROUP2_SUPER_MAGIC ||
	       fs->f_type == DEBUGFS_MAGIC || fs->f_type == TRACEFS_MAGIC;
}

static unsigned long long mount_id(int fd)
{
	struct statx x;

	return statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) < 0 ? 0 : x.stx_mnt_id;
}

/* Nothing of it may come to where the host, or others, have the same. */
static int cover_one(struct init_state *s, int top, const char *name, unsigned long long id, struct err *e)
{
	own_fd fd = openat_beneath(top, name, O_PATH | O_NOFOLLOW, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	struct statfs fs;
	int r;

	if (fd < 0 || mount_id(fd) != id) /* another one is over it */
		return 0;
	if (fstatfs(fd, &fs) < 0)
		return fail(e, errno, "look at what is mounted on %s", name);
	if (!kernels_own(&fs))
		return 0;
	r = mnt_attr(fd, 0, 0, MS_PRIVATE, false, e);
	return r < 0 ? r : ops_mask(s, fd, name, e);
}

static int cover_below(struct init_state *s, int top, char *text, struct err *e)
{
	own_free char *copy = strdup(text);
	unsigned long long id = mount_id(top);
	char *save = NULL, *at = NULL;
	struct mount_line m;
	size_t n;
	int r = 0;

	for (char *l = copy ? strtok_r(copy, "\n", &save) : NULL; l && !at; l = strtok_r(NULL, "\n", &save))
		at = mountinfo_cut(l, &m) && m.id == id ? m.point : NULL;
	if (!at)
		return fail(e, copy ? EBADMSG : ENOMEM, "find the mount among this process's");
	n = strlen(at);
	for (char *l = strtok_r(text, "\n", &save); l && !r; l = strtok_r(NULL, "\n", &save))
		if (mountinfo_cut(l, &m) && !strncmp(m.point, at, n) && m.point[n] == '/')
			r = cover_one(s, top, m.point + n + 1, m.id, e);
	return r;
}

int cover_kernels(struct init_state *s, int fd, const char *path, struct err *e)
{
	own_buf b = { 0 };
	int r = read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &b, e);

	if (!r)
		r = buf_cstr(&b) ? cover_below(s, fd, (char *) b.p, e) : fail(e, ENOMEM, "read the mounts");
	return r < 0 ? fail_ctx(e, r, "cover what the kernel shows below %s", path) : 0;
}
