/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File metadata. The supervisor looks the file up itself, in one stop; where only the kernel can
 * tell (procfs's links to the caller, real credentials) it runs, and leave() gives its result the
 * same shape.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/fs.h"
#include "shim/procview.h"

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)
#define STATX_FLAGS (STAT_FLAGS | AT_STATX_SYNC_TYPE)
#define STATX_GIVEN (STATX_BASIC_STATS | STATX_BTIME)
#define ACCESS_FLAGS (AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)

static void date_source(struct call *c, int dirfd, const char *path, const struct stat *st)
{
	own_fd cache = -1;
	char dir[PATH_MAX];

	if (!pyc_undated(c->w, path, st))
		return;
	if (pyc_cache(path, dir) == 0)
		cache = fs_peek_open(c, dirfd, dir, 0);
	pyc_date(c->w, cache, path, st);
}

/* Answer a stat whose buffer is argument @i, or let the kernel. */
static long stat_answer(struct call *c, int dirfd, unsigned path_arg, int flags, unsigned i)
{
	const char *path;
	struct stat st, *o;
	long r = in_path(c, path_arg, &path);

	if (!r)
		r = fs_stat(c, dirfd, path, flags, &st);
	if (r == FS_ASK)
		return call_run_leave(c);
	if (r < 0)
		return r;
	o = out(c, i, sizeof *o);
	if (!o)
		return -EFAULT;
	date_source(c, dirfd, path, &st);
	*o = st;
	inode_view(c->w, o);
	return 0;
}

/* What the kernel doesn't say of the file that it has found; once is enough. */
static void find_more(struct call *c, int dirfd, unsigned path_arg, int flags, struct stat *st)
{
	const struct vinode *v = inode_peek(c->w, st->st_dev, st->st_ino);
	const char *path;
	struct stat seen;

	if ((v && v->dev) || in_path(c, path_arg, &path) < 0 ||
		!fs_peek(c, dirfd, path, flags, &seen) || seen.st_dev != st->st_dev ||
		seen.st_ino != st->st_ino)
		return;
	stat_mount(st) = stat_mount(&seen);
	date_source(c, dirfd, path, &seen);
}

static void stat_fix(struct call *c, int dirfd, unsigned path_arg, int flags)
{
	struct stat *st;

	if (c->ret < 0)
		return;
	st = fix(c, path_arg + 1, sizeof *st);
	if (!st) {
		c->ret = -EFAULT;
		return;
	}
	find_more(c, dirfd, path_arg, flags, st);
	inode_view(c->w, st);
}

static long stat_enter(struct call *c)
{
	return stat_answer(c, AT_FDCWD, 0, 0, 1);
}

static long lstat_enter(struct call *c)
{
	return stat_answer(c, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW, 1);
}

static void stat_leave(struct call *c)
{
	stat_fix(c, AT_FDCWD, 0, 0);
}

static void lstat_leave(struct call *c)
{
	stat_fix(c, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW);
}

static long fstat_enter(struct call *c)
{
	struct stat st, *o;
	long r = fs_fstat(c, (int) c->a[0], &st);

	if (r < 0)
		return r;
	o = out(c, 1, sizeof *o);
	if (!o)
		return -EFAULT;
	*o = st;
	inode_view(c->w, o);
	return 0;
}

static long newfstatat_enter(struct call *c)
{
	int flags = (int) c->a[3];

	if (flags & ~STAT_FLAGS)
		return -EINVAL;
	return stat_answer(c, (int) c->a[0], 1, flags, 2);
}

static void newfstatat_leave(struct call *c)
{
	stat_fix(c, (int) c->a[0], 1, (int) c->a[3]);
}

static struct statx_timestamp stx_time(const struct timespec *t)
{
	return (struct statx_timestamp){ .tv_sec = t->tv_sec, .tv_nsec = (uint32_t) t->tv_nsec };
}

static void stx_fill(struct world *w, struct stat *st, struct statx *x)
{
	uint64_t btime = inode_of(w, st)->btime;
	struct mount_view m = { 0 };
	bool mounted = mount_find(w, stat_mount(st), st->st_dev, &m);

	inode_view(w, st);
	*x = (struct statx){
		.stx_mask = STATX_GIVEN | (mounted ? STATX_MNT_ID : 0),
		.stx_mnt_id = m.id,
		.stx_blksize = (uint32_t) st->st_blksize,
		.stx_nlink = (uint32_t) st->st_nlink,
		.stx_uid = st->st_uid,
		.stx_gid = st->st_gid,
		.stx_mode = (uint16_t) st->st_mode,
		.stx_ino = st->st_ino,
		.stx_size = (uint64_t) st->st_size,
		.stx_blocks = (uint64_t) st->st_blocks,
		.stx_atime = stx_time(&st->st_atim),
		.stx_btime = { .tv_sec = (int64_t) (btime / NSEC),
			.tv_nsec = (uint32_t) (btime % NSEC) },
		.stx_ctime = stx_time(&st->st_ctim),
		.stx_mtime = stx_time(&st->st_mtim),
		.stx_rdev_major = major(st->st_rdev),
		.stx_rdev_minor = minor(st->st_rdev),
		.stx_dev_major = major(st->st_dev),
		.stx_dev_minor = minor(st->st_dev),
	};
}

static long statx_enter(struct call *c)
{
	int flags = (int) c->a[2];
	struct statx *x;
	struct stat st;
	const char *path;
	long r;

	if (flags & ~STATX_FLAGS || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ||
		c->a[3] & STATX__RESERVED)
		return -EINVAL;
	r = in_path(c, 1, &path);
	if (!r)
		r = fs_stat(c, (int) c->a[0], path, flags, &st);
	if (r == FS_ASK) {
		call_karg(c, 3, STATX_BASIC_STATS | STATX_MNT_ID);
		return call_run_leave(c);
	}
	if (r < 0)
		return r;
	x = out(c, 4, sizeof *x);
	if (!x)
		return -EFAULT;
	date_source(c, (int) c->a[0], path, &st);
	stx_fill(c->w, &st, x);
	return 0;
}

static void statx_leave(struct call *c)
{
	struct statx *x;
	struct stat st = { 0 };

	if (c->ret < 0)
		return;
	x = fix(c, 4, sizeof *x);
	if (!x) {
		c->ret = -EFAULT;
		return;
	}
	st.st_dev = makedev(x->stx_dev_major, x->stx_dev_minor);
	st.st_ino = x->stx_ino;
	st.st_mode = x->stx_mode;
	st.st_nlink = x->stx_nlink;
	st.st_uid = x->stx_uid;
	st.st_gid = x->stx_gid;
	st.st_rdev = makedev(x->stx_rdev_major, x->stx_rdev_minor);
	st.st_size = (off_t) x->stx_size;
	st.st_mtim.tv_sec = x->stx_mtime.tv_sec;
	st.st_mtim.tv_nsec = x->stx_mtime.tv_nsec;
	find_more(c, (int) c->a[0], 1, (int) c->a[2] & STAT_FLAGS, &st);
	if (x->stx_mask & STATX_MNT_ID)
		stat_mount(&st) = x->stx_mnt_id;
	stx_fill(c->w, &st, x);
}

/* ---- access ---- */

static long access_answer(struct call *c, int dirfd, unsigned path_arg, int mode, int flags)
{
	const char *path;
	struct stat st;
	int fd;
	long r = in_path(c, path_arg, &path);

	if (r < 0)
		return r;
	if (mode & ~(R_OK | W_OK | X_OK) || flags & ~ACCESS_FLAGS)
		return -EINVAL;
	r = fs_stat(c, dirfd, path, flags, &st);
	if (r == FS_ASK)
		return call_run_leave(c);
	if (r < 0 || mode == F_OK)
		return r;
	if (mode & W_OK && *path && !call_dirfd(c, dirfd, path, &fd) &&
		faccessat(fd, path, W_OK, flags & AT_SYMLINK_NOFOLLOW) < 0 && errno == EROFS)
		return -EROFS;
	inode_view(c->w, &st);
	return fs_permitted(&c->t->proc->ids, flags & AT_EACCESS, &st, mode) ? 0 : -EACCES;
}

static long access_enter(struct call *c)
{
	return access_answer(c, AT_FDCWD, 0, (int) c->a[1], 0);
}

static long faccessat_enter(struct call *c)
{
	return access_answer(c, (int) c->a[0], 1, (int) c->a[2], 0);
}

static long faccessat2_enter(struct call *c)
{
	return access_answer(c, (int) c->a[0], 1, (int) c->a[2], (int) c->a[3]);
}

/* ---- readlink ---- */

static const struct {
	const char *name;
	enum spec_ns_type type;
} namespaces[] = {
	{ "time", SPEC_NS_TIME }, { "cgroup", SPEC_NS_CGROUP }, { "pid", SPEC_NS_PID },
	{ "user", SPEC_NS_USER }, { "uts", SPEC_NS_UTS }, { "ipc", SPEC_NS_IPC },
	{ "mnt", SPEC_NS_MOUNT }, { "net", SPEC_NS_NET },
};

/* The index in that of "pid:[4026532181]"; or their number. */
static unsigned namespace_of(const char *s, size_t n)
{
	const char *colon = memchr(s, ':', n < 20 ? n : 20);
	unsigned i = 0;

	if (!colon || colon + 1 == s + n || colon[1] != '[' || s[n - 1] != ']')
		return ARRAY_LEN(namespaces);
	while (i < ARRAY_LEN(namespaces) && (strlen(namespaces[i].name) != (size_t) (colon - s) ||
		memcmp(s, namespaces[i].name, (size_t) (colon - s))))
		i++;
	return i;
}

/* As many namespaces as the host has, the guest sees one of a kind. */
static size_t namespace_view(char *s, size_t n, size_t cap)
{
	unsigned i = namespace_of(s, n);
	char text[64];
	size_t len;

	if (i == ARRAY_LEN(namespaces))
		return n;
	len = (size_t) snprintf(text, sizeof text, "%s:[%u]", namespaces[i].name, 4026531834u + i);
	n = len < cap ? len : cap;
	memcpy(s, text, n);
	return n;
}

/* "pipe:[4711]" of procfs: the number is the inode's. */
static size_t link_view(struct world *w, char *s, size_t n, size_t cap)
{
	static const char *const kinds[] = { "pipe:[%llu]%n", "socket:[%llu]%n" };
	char text[64];

	inode_look(w);
	for (unsigned i = 0; i < 2; i++) {
		unsigned long long ino;
		int end = 0;

		if (sscanf(s, kinds[i], &ino, &end) != 1 || (size_t) end != n)
			continue;
		ino = inode_number(w, i ? w->ino.sock : w->ino.pipe, (ino_t) ino);
		snprintf(text, sizeof text, i ? "socket:[%llu]" : "pipe:[%llu]", ino);
		n = strlen(text) < cap ? strlen(text) : cap;
		memcpy(s, text, n);
		break;
	}
	return namespace_view(s, n, cap);
}

static long readlink_give(struct call *c, unsigned i, const char *s, size_t n)
{
	size_t cap = (size_t) c->a[i + 1];
	char *o;

	if (n > cap)
		n = cap;
	o = out(c, i, n);
	if (!o)
		return -EFAULT;
	memcpy(o, s, n);
	return (long) n;
}

static long readlink_answer(struct call *c, int dirfd, unsigned path_arg)
{
	unsigned i = path_arg + 1;
	char s[4096];
	const char *path;
	ssize_t n;
	int fd;
	long r;

	if ((int) c->a[i + 1] <= 0)
		return -EINVAL;
	r = in_path(c, path_arg, &path);
	if (r < 0)
		return r;
	if (!fs_ours(c) || !*path)
		return call_run_leave(c);
	r = fs_may_search(c, dirfd, path) ? call_dirfd(c, dirfd, path, &fd) : -EACCES;
	if (r < 0)
		return r;
	n = readlinkat(fd, path, s, sizeof s - 1);
	if (n < 0) {
		r = -errno;
		return fs_sure(fd, path, r) ? r : call_run_leave(c);
	}
	s[n] = 0;
	return readlink_give(c, i, s, link_view(c->w, s, (size_t) n, sizeof s));
}

/* One that others made is theirs: its number is an external input. */
static bool joined_link(struct call *c, unsigned i, const char *s, size_t n)
{
	unsigned ns = namespace_of(s, n);
	own_buf b = { 0 };

	if (!c->w->o || c->w->o->strict || ns == ARRAY_LEN(namespaces) ||
		!(c->w->o->joined >> namespaces[ns].type & 1))
		return false;
	buf_put(&b, s, n);
	c->ret = world_input_host(c->w, c->t, &b);
	if (!c->ret)
		c->ret = readlink_give(c, i, (char *) b.p, b.n);
	return true;
}

/* The kernel's answer may be cut off by the guest's buffer; then no number is complete. */
static void readlink_fix(struct call *c, unsigned i)
{
	char s[64];

	if (c->ret <= 0)
		return;
	if ((size_t) c->ret < sizeof s && in_at(c, c->a[i], s, (size_t) c->ret) == 0) {
		size_t cap = (size_t) c->a[i + 1], n;

		s[c->ret] = 0;
		if (joined_link(c, i, s, (size_t) c->ret))
			return;
		n = link_view(c->w, s, (size_t) c->ret, cap < sizeof s ? cap : sizeof s);
		c->ret = readlink_give(c, i, s, n);
	} else if (!fix(c, i, (size_t) c->ret)) {
		c->ret = -EFAULT;
	}
}

static long readlink_enter(struct call *c)
{
	return readlink_answer(c, AT_FDCWD, 0);
}

static void readlink_leave(struct call *c)
{
	readlink_fix(c, 1);
}

static long readlinkat_enter(struct call *c)
{
	return readlink_answer(c, (int) c->a[0], 1);
}

static void readlinkat_leave(struct call *c)
{
	readlink_fix(c, 2);
}

static const struct flag_name at_flags[] = {
	{ AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW" },
	{ AT_NO_AUTOMOUNT, "AT_NO_AUTOMOUNT" },
	{ AT_EMPTY_PATH, "AT_EMPTY_PATH" },
	{ AT_STATX_FORCE_SYNC, "AT_STATX_FORCE_SYNC" },
	{ AT_STATX_DONT_SYNC, "AT_STATX_DONT_SYNC" },
	{ 0, NULL },
};

static const struct flag_name access_flags[] = {
	{ AT_EACCESS, "AT_EACCESS" },
	{ AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW" },
	{ AT_EMPTY_PATH, "AT_EMPTY_PATH" },
	{ 0, NULL },
};

static const struct flag_name modes[] = {
	{ F_OK, "F_OK" },
	{ R_OK, "R_OK" },
	{ W_OK, "W_OK" },
	{ X_OK, "X_OK" },
	{ 0, NULL },
};

#define WHY_STAT \
	"numbers by order of first sight, times of the virtual clock, sizes of no file system"

static const struct row rows[] = {
	{ SYS(stat, 4), FIXUP,
	  .arg = { PATH(path), OUT_AS(st, sizeof(struct stat), stat) },
	  .enter = stat_enter,
	  .leave = stat_leave,
	  .why = WHY_STAT, .flags = NOTIFY_OURS },

	{ SYS(fstat, 5), FIXUP,
	  .arg = { FD(fd), OUT_AS(st, sizeof(struct stat), stat) },
	  .enter = fstat_enter,
	  .why = WHY_STAT, .flags = NOTIFY },

	{ SYS(lstat, 6), FIXUP,
	  .arg = { PATH(path), OUT_AS(st, sizeof(struct stat), stat) },
	  .enter = lstat_enter,
	  .leave = lstat_leave,
	  .why = WHY_STAT, .flags = NOTIFY_OURS },

	{ SYS(newfstatat, 262), FIXUP,
	  .arg = { FD(dirfd), PATH(path), OUT_AS(st, sizeof(struct stat), stat),
		FLAGS(flags, at_flags) },
	  .enter = newfstatat_enter,
	  .leave = newfstatat_leave,
	  .why = WHY_STAT, .flags = NOTIFY_OURS },

	{ SYS(statx, 332), FIXUP,
	  .arg = { FD(dirfd), PATH(path), FLAGS(flags, at_flags), UINT(mask),
		OUT_AS(stx, sizeof(struct statx), statx) },
	  .enter = statx_enter,
	  .leave = statx_leave,
	  .why = "as stat; always the same fields, no attributes",
	  .flags = NOTIFY_OURS },

	{ SYS(access, 21), OBSERVE,
	  .arg = { PATH(path), FLAGS(mode, modes) },
	  .enter = access_enter,
	  .why = "decided by the owner and mode that stat shows", .flags = NOTIFY_OURS },

	{ SYS(faccessat, 269), OBSERVE,
	  .arg = { FD(dirfd), PATH(path), FLAGS(mode, modes) },
	  .enter = faccessat_enter,
	  .why = "decided by the owner and mode that stat shows", .flags = NOTIFY_OURS },

	{ SYS(faccessat2, 439), OBSERVE,
	  .arg = { FD(dirfd), PATH(path), FLAGS(mode, modes), FLAGS(flags, access_flags) },
	  .enter = faccessat2_enter,
	  .why = "decided by the owner and mode that stat shows", .flags = NOTIFY_OURS },

	{ SYS(readlink, 89), FIXUP,
	  .arg = { PATH(path), OUT_RES(buf), UINT(size) },
	  .enter = readlink_enter,
	  .leave = readlink_leave,
	  .why = "procfs's names of pipes and sockets carry the numbers that stat shows",
	  .flags = NOTIFY_OURS },

	{ SYS(readlinkat, 267), FIXUP,
	  .arg = { FD(dirfd), PATH(path), OUT_RES(buf), UINT(size) },
	  .enter = readlinkat_enter,
	  .leave = readlinkat_leave,
	  .why = "procfs's names of pipes and sockets carry the numbers that stat shows",
	  .flags = NOTIFY_OURS },
};

FAMILY(stat, "File metadata");
