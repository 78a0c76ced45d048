/* SPDX-License-Identifier: Apache-2.0 */
/* Setting file times: they are the inode table's, and reach the disk when the run is over. */
#include <errno.h>
#include <fcntl.h>
#include <sys/time.h>
#include <utime.h>

#include "shim/fs.h"

/* What to set; between enter and leave. */
struct times {
	int dirfd, flags;
	const char *path; /* NULL: dirfd is the file */
	bool set[2];	  /* atime, mtime */
	bool now;	  /* both are now: who may write may do that */
	uint64_t to[2];
	bool have;	  /* what was there before the kernel was asked */
	struct stat before;
};

static struct times *times_now(struct call *c)
{
	struct times *t = call_mem(c, sizeof *t);

	*t = (struct times){ .set = { true, true }, .now = true, .to = { world_real(c->w), world_real(c->w) } };
	c->scratch[3] = (uintptr_t) t;
	return t;
}

/* As every file system does with what it has no room for; these are the years 1678 to 2262. */
static uint64_t ns(int64_t s, int64_t frac)
{
	const int64_t last = INT64_MAX / (int64_t) NSEC - 1;

	if (s > last || s < -last)
		frac = 0, s = s < 0 ? -last : last;
	return (uint64_t) (s * (int64_t) NSEC + frac);
}

static void apply(struct call *c, const struct times *t, const struct stat *st)
{
	inode_set_times(c->w, inode_of(c->w, st), t->set[0] ? &t->to[0] : NULL,
		t->set[1] ? &t->to[1] : NULL);
}

/* Of the kernel's: what is there now. */
static bool look(struct call *c, const struct times *t, struct stat *ret)
{
	return t->path ? fs_peek(c, t->dirfd, t->path, t->flags, ret) : fs_fstat(c, t->dirfd, ret) == 0;
}

static long times_set(struct call *c, struct times *t, int dirfd, const char *path, int flags)
{
	struct stat st;
	long r;

	t->dirfd = dirfd;
	t->path = path;
	t->flags = flags;
	if (path)
		r = fs_stat(c, dirfd, path, flags, &st);
	else
		r = fs_ours(c) ? fs_fstat(c, dirfd, &st) : FS_ASK;
	if (r == FS_ASK) {
		t->have = look(c, t, &t->before);
		return call_run_leave(c);
	}
	if (!r && !fs_may_own(c, &st) && !(t->now && fs_may(c, &st, W_OK)))
		r = t->now ? -EACCES : -EPERM;
	if (!r && (t->set[0] || t->set[1]))
		apply(c, t, &st);
	return r;
}

static void times_leave(struct call *c)
{
	struct times *t = (struct times *) (uintptr_t) c->scratch[3];
	struct stat st;

	if (c->ret < 0 || !look(c, t, &st))
		return;
	if (t->have)
		fs_carry(c->w, &t->before, &st);
	fs_copied(c, t->dirfd, t->path, t->flags, &st);
	apply(c, t, &st);
}

static long utime_enter(struct call *c)
{
	struct times *t = times_now(c);
	const struct utimbuf *u;
	const char *path;
	long r = in_path(c, 0, &path);

	if (r < 0)
		return r;
	if (c->a[1]) {
		u = in(c, 1, sizeof *u);
		if (!u)
			return -EFAULT;
		t->now = false;
		t->to[0] = ns(u->actime, 0);
		t->to[1] = ns(u->modtime, 0);
	}
	return times_set(c, t, AT_FDCWD, path, 0);
}

/* struct timeval[2] in argument @i */
static long load_timevals(struct call *c, unsigned i, struct times *t)
{
	const struct timeval *tv;

	if (!c->a[i])
		return 0;
	tv = in(c, i, 2 * sizeof *tv);
	if (!tv)
		return -EFAULT;
	t->now = false;
	for (int k = 0; k < 2; k++) {
		if (tv[k].tv_usec < 0 || tv[k].tv_usec >= 1000000)
			return -EINVAL;
		t->to[k] = ns(tv[k].tv_sec, tv[k].tv_usec * 1000);
	}
	return 0;
}

static long utimes_enter(struct call *c)
{
	struct times *t = times_now(c);
	const char *path;
	long r = load_timevals(c, 1, t);

	if (!r)
		r = in_path(c, 0, &path);
	return r < 0 ? r : times_set(c, t, AT_FDCWD, path, 0);
}

static long futimesat_enter(struct call *c)
{
	struct times *t = times_now(c);
	const char *path = NULL;
	long r = load_timevals(c, 2, t);

	if (!r && c->a[1])
		r = in_path(c, 1, &path);
	return r < 0 ? r : times_set(c, t, (int) c->a[0], path, 0);
}

static long utimensat_enter(struct call *c)
{
	struct times *t = times_now(c);
	int flags = (int) c->a[3];
	const struct timespec *ts;
	const char *path = NULL;
	long r = 0;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (c->a[2]) {
		ts = in(c, 2, 2 * sizeof *ts);
		if (!ts)
			return -EFAULT;
		for (int k = 0; k < 2; k++) {
			t->set[k] = ts[k].tv_nsec != UTIME_OMIT;
			t->now &= ts[k].tv_nsec == UTIME_NOW;
			if (!t->set[k] || ts[k].tv_nsec == UTIME_NOW)
				continue;
			if (ts[k].tv_nsec < 0 || ts[k].tv_nsec >= (long) NSEC)
				return -EINVAL;
			t->to[k] = ns(ts[k].tv_sec, ts[k].tv_nsec);
		}
	}
	if (!t->set[0] && !t->set[1])
		return 0; /* whoever it is */
	if (c->a[1])
		r = in_path(c, 1, &path);
	if (!path && flags)
		return -EINVAL;
	return r < 0 ? r : times_set(c, t, (int) c->a[0], path, flags);
}

static const struct flag_name at_flags[] = {
	{ AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW" },
	{ AT_EMPTY_PATH, "AT_EMPTY_PATH" },
	{ 0, NULL },
};

#define WHY "file times are the inode table's; now is virtual"

static const struct row rows[] = {
	{ SYS(utime, 132), EMULATE,
	  .arg = { PATH(path), IN_AS(times, sizeof(struct utimbuf), utimbuf) },
	  .enter = utime_enter,
	  .leave = times_leave,
	  .why = WHY },

	{ SYS(utimes, 235), EMULATE,
	  .arg = { PATH(path), IN_AS(times, 2 * sizeof(struct timeval), timevals) },
	  .enter = utimes_enter,
	  .leave = times_leave,
	  .why = WHY, .flags = NOTIFY_OURS },

	{ SYS(futimesat, 261), EMULATE,
	  .arg = { FD(dirfd), PATH(path), IN_AS(times, 2 * sizeof(struct timeval), timevals) },
	  .enter = futimesat_enter,
	  .leave = times_leave,
	  .why = WHY },

	{ SYS(utimensat, 280), EMULATE,
	  .arg = { FD(dirfd), PATH(path), IN_AS(times, 2 * sizeof(struct timespec), timespecs),
		FLAGS(flags, at_flags) },
	  .enter = utimensat_enter,
	  .leave = times_leave,
	  .why = WHY, .flags = NOTIFY_OURS },
};

FAMILY(utimes, "File times");
