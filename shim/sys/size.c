/* SPDX-License-Identifier: Apache-2.0 */
/* File sizes, and bringing data to the disk. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"

static bool too_large(const struct call *c, const struct stat *st, off_t size)
{
	return S_ISREG(st->st_mode) && size > st->st_size &&
		(uint64_t) size > rlimit_fsize(c->t->proc);
}

static long truncate_enter(struct call *c)
{
	const char *path;
	struct stat st;
	long r = in_path(c, 0, &path);

	if (!r)
		r = fs_stat(c, AT_FDCWD, path, 0, &st);
	if (r < 0)
		return r;
	if (r == 0 && too_large(c, &st, (off_t) c->a[1]))
		return rlimit_exceeded(c);
	c->scratch[0] = r == 0;
	c->scratch[1] = st.st_dev;
	c->scratch[2] = st.st_ino;
	c->scratch[3] = st.st_nlink;
	return call_run_leave(c);
}

static void truncate_leave(struct call *c)
{
	struct stat now, before = { .st_dev = c->scratch[1], .st_ino = c->scratch[2],
		.st_nlink = c->scratch[3] };
	const char *path;

	if (in_path(c, 0, &path) < 0)
		return;
	if (c->ret < 0) {
		fs_result(c, c->ret, "truncate", path);
		return;
	}
	if (!fs_peek(c, AT_FDCWD, path, 0, &now))
		return;
	if (c->scratch[0])
		fs_carry(c->w, &before, &now);
	fs_copied(c, AT_FDCWD, path, 0, &now);
	inode_modified(c->w, inode_of(c->w, &now));
}

static long ftruncate_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY && too_large(c, &st, (off_t) c->a[1]))
		return rlimit_exceeded(c);
	if (ftruncate(fd, (off_t) c->a[1]) < 0)
		return fs_result(c, -errno, "truncate", NULL);
	inode_modified(c->w, inode_of(c->w, &st));
	return 0;
}

/* ---- fallocate: what it does to content and size, whatever the file system can reserve ---- */

static long zero_range(int fd, off_t at, off_t end)
{
	static const char zeros[1 << 16];

	/* a hole reads the same, and costs nothing, however long it is */
	if (at < end && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, end - at) == 0)
		return 0;
	while (at < end) {
		off_t n = end - at < (off_t) sizeof zeros ? end - at : (off_t) sizeof zeros;
		ssize_t w = pwrite(fd, zeros, (size_t) n, at);

		if (w < 0)
			return -errno;
		at += w;
	}
	return 0;
}

static long allocate(int fd, int mode, off_t at, off_t len, const struct stat *st)
{
	bool keep = mode & FALLOC_FL_KEEP_SIZE;
	off_t end = at + len, zero_to = end < st->st_size ? end : st->st_size;
	long r = 0;

	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case 0:
		break;
	case FALLOC_FL_PUNCH_HOLE:
		if (!keep)
			return -EOPNOTSUPP;
		/* fall through */
	case FALLOC_FL_ZERO_RANGE:
		r = zero_range(fd, at, zero_to);
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (!r && !keep && end > st->st_size && ftruncate(fd, end) < 0)
		r = -errno;
	return r;
}

static long fallocate_enter(struct call *c)
{
	off_t at = (off_t) c->a[2], len = (off_t) c->a[3];
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct stat st;
	long r;

	if (fd < 0)
		return fd;
	if (at < 0 || len <= 0)
		return -EINVAL;
	if (at > LLONG_MAX - len)
		return -EFBIG;
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY || fstat(fd, &st) < 0)
		return -EBADF;
	if (S_ISFIFO(st.st_mode))
		return -ESPIPE;
	if (!S_ISREG(st.st_mode))
		return -ENODEV;
	if (!(c->a[1] & FALLOC_FL_KEEP_SIZE) && too_large(c, &st, at + len))
		return rlimit_exceeded(c);
	r = allocate(fd, (int) c->a[1], at, len, &st);
	if (!r)
		inode_modified(c->w, inode_of(c->w, &st));
	return fs_result(c, r, "allocate", NULL);
}

/* ---- sync ---- */

static long nothing_enter(struct call *c)
{
	(void) c;
	return 0;
}

static long fsync_enter(struct call *c)
{
	struct stat st;
	long r = fs_fstat(c, (int) c->a[0], &st);

	if (r < 0)
		return r;
	return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) ? 0 : -EINVAL;
}

static long syncfs_enter(struct call *c)
{
	struct stat st;

	return fs_fstat(c, (int) c->a[0], &st);
}

static long sync_file_range_enter(struct call *c)
{
	struct stat st;
	long r = fs_fstat(c, (int) c->a[0], &st);

	if (r < 0)
		return r;
	if ((int64_t) c->a[1] < 0 || (int64_t) c->a[2] < 0 || c->a[3] & ~7ull)
		return -EINVAL;
	return S_ISFIFO(st.st_mode) ? -ESPIPE : 0;
}

static const struct flag_name falloc_flags[] = {
	{ FALLOC_FL_KEEP_SIZE, "FALLOC_FL_KEEP_SIZE" },
	{ FALLOC_FL_PUNCH_HOLE, "FALLOC_FL_PUNCH_HOLE" },
	{ FALLOC_FL_COLLAPSE_RANGE, "FALLOC_FL_COLLAPSE_RANGE" },
	{ FALLOC_FL_ZERO_RANGE, "FALLOC_FL_ZERO_RANGE" },
	{ FALLOC_FL_INSERT_RANGE, "FALLOC_FL_INSERT_RANGE" },
	{ 0, NULL },
};

#define WHY_SYNC "a container that dies has nothing to lose: its output is what it left at its end"

static const struct row rows[] = {
	{ SYS(truncate, 76), OBSERVE,
	  .arg = { PATH(path), INT(length) },
	  .enter = truncate_enter,
	  .leave = truncate_leave,
	  .why = "the file gets the virtual time" },

	{ SYS(ftruncate, 77), OBSERVE,
	  .arg = { FD(fd), INT(length) },
	  .enter = ftruncate_enter,
	  .why = "the file gets the virtual time" },

	{ SYS(fallocate, 285), EMULATE,
	  .arg = { FD(fd), FLAGS(mode, falloc_flags), INT(offset), INT(len) },
	  .enter = fallocate_enter,
	  .why = "content and size change as asked on any file system; nothing is reserved" },

	{ SYS(fsync, 74), EMULATE,
	  .arg = { FD(fd) },
	  .enter = fsync_enter,
	  .why = WHY_SYNC },

	{ SYS(fdatasync, 75), EMULATE,
	  .arg = { FD(fd) },
	  .enter = fsync_enter,
	  .why = WHY_SYNC },

	{ SYS(sync, 162), EMULATE,
	  .enter = nothing_enter,
	  .why = WHY_SYNC },

	{ SYS(syncfs, 306), EMULATE,
	  .arg = { FD(fd) },
	  .enter = syncfs_enter,
	  .why = WHY_SYNC },

	{ SYS(sync_file_range, 277), EMULATE,
	  .arg = { FD(fd), INT(offset), INT(len), UINT(flags) },
	  .enter = sync_file_range_enter,
	  .why = WHY_SYNC },
};

FAMILY(size, "Sizes and syncing");
