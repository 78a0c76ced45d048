/* SPDX-License-Identifier: Apache-2.0 */
/* File positions, and advice about what will be read. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/world.h"

/* A directory's end is the file system's own number. */
static long seek_end_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return -EINVAL;
	return call_run_leave(c);
}

/* A file is all data, its only hole is behind its end: where the holes are is up to the disk. */
static long seek_hole_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	off_t at = (off_t) c->a[1];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return call_run_leave(c);
	if (at < 0 || at >= st.st_size)
		return -ENXIO;
	if ((int) c->a[2] == SEEK_HOLE)
		at = st.st_size;
	return lseek(fd, at, SEEK_SET) < 0 ? -errno : at;
}

static const struct row whence[] = {
	{ .name = "SEEK_SET", .nr = SEEK_SET, .policy = PASS, .why = "deterministic" },
	{ .name = "SEEK_CUR", .nr = SEEK_CUR, .policy = PASS, .why = "deterministic" },
	{ .name = "SEEK_END", .nr = SEEK_END, .policy = OBSERVE,
	  .arg = { FD(fd), INT(offset), INT(whence) }, .enter = seek_end_enter,
	  .why = "a file's size; EINVAL for directories" },
	{ .name = "SEEK_DATA", .nr = SEEK_DATA, .policy = EMULATE,
	  .arg = { FD(fd), INT(offset), INT(whence) }, .enter = seek_hole_enter,
	  .why = "files have no holes as far as the guest can see" },
	{ .name = "SEEK_HOLE", .nr = SEEK_HOLE, .policy = EMULATE,
	  .arg = { FD(fd), INT(offset), INT(whence) }, .enter = seek_hole_enter,
	  .why = "files have no holes as far as the guest can see" },
	{ .name = "other", .nr = -1, .policy = DENY, .err = EINVAL,
	  .why = "there are no others" },
};

static const struct row rows[] = {
	{ SYS(lseek, 8), BY_SUB, .arg = { FD(fd), INT(offset), INT(whence) },
	  .sub = whence, .nsub = ARRAY_LEN(whence), .sub_arg = 2, .flags = CACHE_KEEP,
	  .why = "deterministic but for directories and holes" },
	{ SYS(fadvise64, 221), PASS, .arg = { FD(fd), INT(offset), INT(len), INT(advice) },
	  .why = "advice without an effect that shows" },
	{ SYS(readahead, 187), PASS, .arg = { FD(fd), INT(offset), UINT(count) },
	  .why = "advice without an effect that shows" },
};
FAMILY(seek, "File positions");
