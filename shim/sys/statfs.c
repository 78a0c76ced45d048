/* SPDX-License-Identifier: Apache-2.0 */
/* File systems: one disk of a fixed size, whatever is below; and what config.json gives a size. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>

#include "shim/fs.h"
#include "shim/procview.h"

enum {
	BLOCK = 4096,
	BLOCKS = 64 << 18, /* 64 GiB */
	FREE = 48 << 18,
	FILES = 4 << 20,
	FILES_FREE = 3 << 20,
	NAME = 255,
	RELATIME = 0x1000 | 0x20, /* ST_RELATIME, ST_VALID */
};

static long answer(struct call *c, unsigned i, const struct stat *st, uint32_t blocks)
{
	struct statfs *s = out(c, i, sizeof *s);
	struct mount_view m = { 0 };

	if (!s)
		return -EFAULT;
	s->f_bsize = s->f_frsize = BLOCK;
	s->f_namelen = NAME;
	s->f_flags = RELATIME;
	if (c->w->proc_dev && st->st_dev == c->w->proc_dev) {
		s->f_type = PROC_SUPER_MAGIC;
		return 0;
	}
	if (c->w->cgroup_dev && st->st_dev == c->w->cgroup_dev) {
		s->f_type = CGROUP2_SUPER_MAGIC;
		return 0;
	}
	s->f_type = EXT4_SUPER_MAGIC;
	s->f_fsid.__val[0] = MOUNT_FIRST;
	if (mount_find(c->w, stat_mount(st), st->st_dev, &m)) {
		s->f_fsid.__val[0] = m.dev;
		if (!m.disk) /* sysfs and the like */
			return 0;
	}
	blocks = blocks ? blocks : m.blocks;
	if (blocks) {
		s->f_type = TMPFS_MAGIC;
		s->f_blocks = s->f_bfree = s->f_bavail = s->f_files = s->f_ffree = blocks;
		return 0;
	}
	s->f_blocks = BLOCKS;
	s->f_bfree = s->f_bavail = FREE;
	s->f_files = FILES;
	s->f_ffree = FILES_FREE;
	return 0;
}

static long statfs_enter(struct call *c)
{
	const char *path;
	struct stat st;
	long r = in_path(c, 0, &path);

	if (!r)
		r = fs_stat(c, AT_FDCWD, path, 0, &st);
	if (r == FS_ASK)
		return call_run_leave(c);
	return r < 0 ? r : answer(c, 1, &st, 0);
}

static void statfs_leave(struct call *c)
{
	struct statfs *s;
	struct stat st = { 0 };
	uint32_t blocks = 0;

	if (c->ret < 0)
		return;
	s = fix(c, 1, sizeof *s);
	if (s && s->f_type == PROC_SUPER_MAGIC)
		st.st_dev = c->w->proc_dev;
	if (s && c->w->cgroup_dev && memcmp(&s->f_fsid, &c->w->cgroup_fsid, sizeof s->f_fsid) == 0)
		st.st_dev = c->w->cgroup_dev;
	if (s && s->f_type == TMPFS_MAGIC)
		blocks = mount_blocks(c->w, s);
	c->ret = answer(c, 1, &st, blocks);
}

static long fstatfs_enter(struct call *c)
{
	struct stat st;
	long r = fs_fstat(c, (int) c->a[0], &st);

	return r < 0 ? r : answer(c, 1, &st, 0);
}

#define WHY "one disk of a fixed size"

static const struct row rows[] = {
	{ SYS(statfs, 137), EMULATE,
	  .arg = { PATH(path), OUT_AS(buf, sizeof(struct statfs), statfs) },
	  .enter = statfs_enter,
	  .leave = statfs_leave,
	  .why = WHY, .flags = NOTIFY_OURS },

	{ SYS(fstatfs, 138), EMULATE,
	  .arg = { FD(fd), OUT_AS(buf, sizeof(struct statfs), statfs) },
	  .enter = fstatfs_enter,
	  .why = WHY, .flags = NOTIFY_OURS },

	{ SYS(ustat, 136), DENY,
	  .arg = { UINT(dev), PTR(buf) },
	  .why = "obsolete: free space of a device number" },
};

FAMILY(statfs, "File systems");
