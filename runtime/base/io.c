/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "runtime/base/own.h"

ssize_t read_full(int fd, void *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, (char *) p + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		got += (size_t) r;
	}
	return (ssize_t) got;
}

int write_full(int fd, const void *p, size_t n)
{
	const char *c = p;

	while (n) {
		ssize_t r = write(fd, c, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		c += r;
		n -= (size_t) r;
	}
	return 0;
}

int read_fd(int fd, size_t max, struct buf *b)
{
	size_t start = b->n;

	for (;;) {
		uint8_t *d = buf_room(b, 65536);
		ssize_t r;

		if (!d)
			return -ENOMEM;
		r = read(fd, d, 65536);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			return 0;
		b->n += (size_t) r;
		if (b->n - start > max)
			return -EFBIG;
	}
}

int read_file(int dirfd, const char *path, size_t max, struct buf *b, struct err *e)
{
	own_fd fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0)
		return fail(e, errno, "open %s", path);
	if (fstat(fd, &st) < 0)
		return fail(e, errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return fail_msg(e, EINVAL, "%s is not a regular file", path);
	r = read_fd(fd, max, b);
	if (r == -EFBIG)
		return fail_msg(e, EFBIG, "%s is larger than %zu bytes", path, max);
	if (r < 0)
		return fail(e, r, "read %s", path);
	return 0;
}

int fds_reserve(unsigned n)
{
	bool any = !n;

	for (int fd = 3; fd < 3 + (int) n; fd++) {
		int flags = fcntl(fd, F_GETFD);

		any |= flags == 0; /* ours all close at an exec */
		if (flags < 0 && open("/", O_PATH | O_CLOEXEC) < 0)
			return -errno;
	}
	return any ? 0 : -EBADF;
}

static int replace(int dirfd, const char *path, const void *p, size_t n, mode_t mode, bool sync,
	struct err *e)
{
	char tmp[4096];
	own_fd fd = -1;
	int r;

	if ((size_t) snprintf(tmp, sizeof tmp, "%s.%ld.tmp", path, (long) getpid()) >= sizeof tmp)
		return fail(e, ENAMETOOLONG, "write %s", path);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return fail(e, errno, "create %s", tmp);
	r = write_full(fd, p, n);
	if (!r && sync && fsync(fd) < 0)
		r = -errno;
	if (!r && renameat(dirfd, tmp, dirfd, path) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return fail(e, r, "write %s", path);
	}
	return 0;
}

int write_file(int dirfd, const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	return replace(dirfd, path, p, n, mode, true, e);
}

int replace_file(int dirfd, const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	return replace(dirfd, path, p, n, mode, false, e);
}

int write_pid_file(const char *path, pid_t pid, struct err *e)
{
	char text[16];
	size_t n = (size_t) snprintf(text, sizeof text, "%d", pid);
	struct stat st;
	own_fd fd = -1;
	int r;

	if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return replace(AT_FDCWD, path, text, n, 0644, false, e);
	fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	r = fd < 0 ? -errno : write_full(fd, text, n);
	return r < 0 ? fail(e, r, "write %s", path) : 0;
}

int openat_beneath(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t) (flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = resolve,
	};
	long fd;

	do {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd < 0 ? -errno : (int) fd;
}

int mkdir_p(int dirfd, const char *path, mode_t mode)
{
	own_free char *copy = strdup(path);
	own_fd at = -1;
	char *save = NULL;

	if (!copy)
		return -ENOMEM;
	at = openat(dirfd, *path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return -errno;
	for (char *c = strtok_r(copy, "/", &save); c; c = strtok_r(NULL, "/", &save)) {
		int next;

		if (mkdirat(at, c, mode) < 0 && errno != EEXIST)
			return -errno;
		next = openat(at, c, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (next < 0)
			return -errno;
		close(at);
		at = next;
	}
	return 0;
}

/*
 * Directories nest deeper than we may open descriptors or want to recurse: what lies below RM_DEPTH
 * is moved up into the top directory, which is then read again.
 */
enum { RM_DEPTH = 64 };

struct rm {
	int top;	/* where to move to */
	unsigned moved; /* names used there */
};

static int rm_dir(struct rm *rm, int dirfd, const char *name, int depth);

/* @type: what the directory says that it is, or DT_UNKNOWN. */
static int rm_entry(struct rm *rm, int dirfd, const char *name, int type, int depth)
{
	if (type != DT_DIR && (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT))
		return 0;
	if (type != DT_DIR && errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0; /* most are empty, and need no look */
	return rm_dir(rm, dirfd, name, depth);
}

static int rm_tree(struct rm *rm, int fd, int depth) /* takes fd */
{
	own_dir d = fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		int r = -errno;

		close(fd);
		return r;
	}
	for (;;) {
		int r;

		errno = 0;
		ent = readdir(d);
		if (!ent)
			return -errno;
		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
			continue;
		r = rm_entry(rm, dirfd(d), ent->d_name, ent->d_type, depth);
		if (r < 0)
			return r;
	}
}

static int rm_move_up(struct rm *rm, int dirfd, const char *name)
{
	char to[32];

	fchmodat(dirfd, name, 0700, 0); /* its ".." changes */
	do {
		snprintf(to, sizeof to, ".rm-%u", rm->moved++);
		if (renameat(dirfd, name, rm->top, to) == 0)
			return 0;
	} while (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR);
	return -errno;
}

static int rm_open(int dirfd, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags);

	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name, flags);
	if (fd < 0)
		return -errno;
	fchmod(fd, 0700);
	return fd;
}

static int rm_dir(struct rm *rm, int dirfd, const char *name, int depth)
{
	int fd, r;

	if (depth == RM_DEPTH)
		return rm_move_up(rm, dirfd, name);
	fd = rm_open(dirfd, name);
	if (fd < 0)
		return fd;
	r = rm_tree(rm, fd, depth + 1);
	if (r < 0)
		return r;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int rm_rf(int dirfd, const char *path)
{
	struct rm rm = { .top = -1 };
	own_fd top = -1;
	unsigned before;

	if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	top = rm_open(dirfd, path);
	if (top < 0)
		return top;
	rm.top = top;
	do {
		int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

		if (fd < 0)
			return -errno;
		before = rm.moved;
		r = rm_tree(&rm, fd, 0);
		if (r < 0)
			return r;
	} while (rm.moved != before);
	return unlinkat(dirfd, path, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static struct timespec time_of(struct statx_timestamp t)
{
	return (struct timespec){ .tv_sec = t.tv_sec, .tv_nsec = t.tv_nsec };
}

void stat_from(const struct statx *x, struct stat *ret)
{
	*ret = (struct stat){
		.st_dev = makedev(x->stx_dev_major, x->stx_dev_minor),
		.st_ino = x->stx_ino,
		.st_mode = x->stx_mode,
		.st_nlink = x->stx_nlink,
		.st_uid = x->stx_uid,
		.st_gid = x->stx_gid,
		.st_rdev = makedev(x->stx_rdev_major, x->stx_rdev_minor),
		.st_size = (off_t) x->stx_size,
		.st_blksize = x->stx_blksize,
		.st_blocks = (blkcnt_t) x->stx_blocks,
		.st_atim = time_of(x->stx_atime),
		.st_mtim = time_of(x->stx_mtime),
		.st_ctim = time_of(x->stx_ctime),
	};
}
