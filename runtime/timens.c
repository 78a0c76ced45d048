/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/timens.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "runtime/base/buf.h"
#include "runtime/base/own.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static int open_own(const char *path, int flags)
{
	own_fd fd = open(path, flags | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0 || (fs.f_type != PROC_SUPER_MAGIC && fs.f_type != NSFS_MAGIC))
		return -ENODEV;
	return take_fd(&fd);
}

static void put(struct buf *b, const char *clock, const struct spec_time_offset *t)
{
	if (t->present)
		buf_printf(b, "%s %lld %u\n", clock, (long long) t->secs, t->nanosecs);
}

static int set_offsets(const struct spec_linux *l, struct err *e)
{
	own_buf b = { 0 };
	own_fd fd = -1;

	put(&b, "monotonic", &l->time_monotonic);
	put(&b, "boottime", &l->time_boottime);
	if (b.failed)
		return fail(e, ENOMEM, "linux.timeOffsets");
	if (!b.n)
		return 0;
	fd = open_own("/proc/self/timens_offsets", O_WRONLY);
	if (fd < 0)
		return fail(e, fd, "open /proc/self/timens_offsets");
	if (write(fd, b.p, b.n) != (ssize_t) b.n)
		return fail(e, errno, "linux.timeOffsets: write /proc/self/timens_offsets");
	return 0;
}

int timens_enter(const struct spec *s, struct err *e)
{
	const struct spec_ns *ns = &s->linux_.ns[SPEC_NS_TIME];
	own_fd fd = -1;
	int r;

	if (!ns->present || ns->path)
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return fail(e, errno, "make a time namespace");
	r = set_offsets(&s->linux_, e);
	if (r < 0)
		return r;
	fd = open_own("/proc/self/ns/time_for_children", O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
		return fail(e, fd < 0 ? fd : errno, "enter the time namespace");
	return 0;
}
