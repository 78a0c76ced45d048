/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening files. The kernel opens (only it can give the guest a descriptor), but what surely isn't
 * there is answered at once: that is most of what a compiler's or a shell's searches ask.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"

#define WRITES (O_WRONLY | O_RDWR | O_TRUNC)
/* Without any others a file that is there is only read: see open_for() */
#define READS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY | O_NONBLOCK | O_NOCTTY | 0100000 /* LARGEFILE */)

#define NODE_LOOKS (O_CREAT | O_EXCL | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Between enter and leave. */
struct opening {
	int dirfd, flags;
	const char *path;
	bool have;	/* .before is the file as it was */
	bool absent;	/* there was none */
	bool node;	/* it stands for a device */
	struct stat before;
};

static struct opening *opening_of(struct call *c)
{
	return (struct opening *) (uintptr_t) c->scratch[3];
}

static struct opening *opening_new(struct call *c, int dirfd, const char *path, int flags)
{
	struct opening *o = call_mem(c, sizeof *o);

	*o = (struct opening){ .dirfd = dirfd, .path = path, .flags = flags };
	if (!c->again)
		c->scratch[0] = c->scratch[2] = 0;
	c->scratch[3] = (uintptr_t) o;
	return o;
}

static bool of_cgroups(const struct call *c, const struct stat *st)
{
	return c->w->cgroup_dev && st->st_dev == c->w->cgroup_dev && S_ISREG(st->st_mode);
}

static bool special(const struct call *c, const struct stat *st)
{
	return (c->w->proc_dev && st->st_dev == c->w->proc_dev) || of_cgroups(c, st);
}

static int lookup_flags(int flags)
{
	bool excl = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);

	return flags & O_NOFOLLOW || excl ? AT_SYMLINK_NOFOLLOW : 0;
}

/* The kernel refuses it for what it is, before it asks who opens it. */
static bool is_wrong(const struct opening *o)
{
	bool dir = S_ISDIR(o->before.st_mode), excl = (o->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);

	return excl || (o->flags & O_DIRECTORY && !dir) || (dir && o->flags & WRITES);
}

/* Users other than root are ours: the kernel would let them. */
static bool may_open(struct call *c, const struct opening *o)
{
	int acc = o->flags & O_ACCMODE, mode = 0;

	if (!fs_may_reach(c, o->dirfd, o->path, o->have ? X_OK : W_OK | X_OK))
		return false;
	if (!o->have || o->flags & O_PATH || is_wrong(o))
		return true;
	if (acc != O_WRONLY)
		mode |= R_OK;
	if (acc != O_RDONLY || o->flags & O_TRUNC)
		mode |= W_OK;
	return fs_may(c, &o->before, mode);
}

/*
 * A file that is there, only to be read: the supervisor opens it and gives it away, in one stop.
 * Negative: let the kernel try.
 */
static long open_for(struct call *c, const struct opening *o)
{
	int flags = o->flags & ~(O_NOCTTY | O_CLOEXEC), dirfd;
	own_fd fd = -1;

	if (!S_ISREG(o->before.st_mode) && !S_ISDIR(o->before.st_mode))
		return -EINVAL;
	if (call_dirfd(c, o->dirfd, o->path, &dirfd) < 0)
		return -EINVAL;
	fd = openat(dirfd, o->path, flags | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -EINVAL : c->w->ops->addfd(c->t, fd, o->flags & O_CLOEXEC);
}

/* @fa: which argument holds the flags; 6 = none that can be changed (creat, openat2). */
static long open_common(struct call *c, int dirfd, const char *path, int flags, unsigned fa)
{
	struct opening *o = opening_new(c, dirfd, path, flags);
	int keep = flags & ~(O_DIRECT | O_NOATIME);
	long r;

	if (fa < 6 && keep != flags)
		call_karg(c, fa, (unsigned) keep);
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return call_run_leave(c);
	r = fs_stat(c, dirfd, path, lookup_flags(flags), &o->before);
	if (r == FS_ASK)
		o->have = fs_peek(c, dirfd, path, lookup_flags(flags), &o->before);
	else if (r < 0 && !(flags & O_CREAT && r == -ENOENT))
		return r;
	else
		o->have = !r;
	o->absent = !o->have;
	if (fa < 6 && o->have && flags & O_TRUNC && of_cgroups(c, &o->before))
		call_karg(c, fa, (unsigned) (keep &= ~O_TRUNC)); /* there is nothing to cut */
	if (!may_open(c, o))
		return -EACCES;
	o->node = o->have && !(flags & O_PATH) && node_is(c->w, &o->before);
	if (o->node && fa < 6) /* a file is opened in its place first: all that a lookup may refuse */
		call_karg(c, fa, (unsigned) (keep = (flags & NODE_LOOKS) | O_RDONLY));
	if (c->t->notice && !r && !special(c, &o->before) && !o->node) {
		r = open_for(c, o);
		if (r >= 0)
			return r;
	}
	if (o->have && S_ISFIFO(o->before.st_mode) && !(flags & (O_PATH | O_NONBLOCK)) && fa < 6)
		return fifo_open(c, dirfd, path, &o->before, keep, fa);
	return call_run_leave(c);
}

static void opened_write(struct call *c, struct opening *o, int fd, const struct stat *now)
{
	if (o->have)
		fs_carry(c->w, &o->before, now);
	fs_copied_fd(c->w, fd, now);
	if (o->flags & O_TRUNC && S_ISREG(now->st_mode))
		inode_modified(c->w, inode_of(c->w, now));
}

/* The guest may have got a file of ours instead. */
static long opened_proc(struct call *c, const struct opening *o, const struct stat *real)
{
	struct stat now;
	long fd = real->st_dev == c->w->cgroup_dev ? cgroupfs_opened(c, (int) c->ret)
						   : procfs_opened(c, (int) c->ret, o->path);

	if (fd >= 0 && fs_fstat(c, (int) fd, &now) == 0 && !special(c, &now))
		inode_is_proc(c->w, &now, real);
	return fd;
}

static void opened(struct call *c)
{
	struct opening *o = opening_of(c);
	own_fd fd = -1;
	struct stat st;

	fifo_opened(c);
	if (c->ret < 0) {
		c->ret = procfs_failed(c, c->ret);
		if (o->flags & (WRITES | O_CREAT) && !(o->have && S_ISCHR(o->before.st_mode))) /* a terminal's EIO */
			fs_result(c, c->ret, "open", o->path);
		return;
	}
	if (o->node) {
		c->ret = node_opened(c, (int) c->ret, &o->before, o->flags);
		return;
	}
	if (o->have && !special(c, &o->before) && (!(o->flags & WRITES) || o->flags & O_PATH))
		return; /* a file that was there, only to be read */
	fd = call_getfd(c, (int) c->ret);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (!o->have && !(o->flags & O_PATH) && node_is(c->w, &st)) /* who knew before? openat2() */
		c->ret = node_opened(c, (int) c->ret, &st, o->flags);
	else if (special(c, &st))
		c->ret = o->flags & O_PATH ? c->ret : opened_proc(c, o, &st);
	else if ((o->flags & O_TMPFILE) == O_TMPFILE)
		fs_born(c, o->dirfd, NULL, &st);
	else if (o->absent && o->flags & O_CREAT)
		fs_born(c, o->dirfd, o->path, &st);
	else if (o->flags & WRITES)
		opened_write(c, o, fd, &st);
}

static long open_enter(struct call *c)
{
	const char *path;
	long r = in_path(c, 0, &path);

	return r ? r : open_common(c, AT_FDCWD, path, (int) c->a[1], 1);
}

static long openat_enter(struct call *c)
{
	const char *path;
	long r = in_path(c, 1, &path);

	return r ? r : open_common(c, (int) c->a[0], path, (int) c->a[2], 2);
}

static long creat_enter(struct call *c)
{
	const char *path;
	long r = in_path(c, 0, &path);

	return r ? r : open_common(c, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, 6);
}

static long openat2_enter(struct call *c)
{
	struct open_how how;
	const void *p;
	const char *path;
	long r;

	if (c->a[3] < sizeof how)
		return -EINVAL;
	if (c->a[3] > sizeof how) /* newer than the canonical kernel */
		return -E2BIG;
	p = in(c, 2, sizeof how);
	if (!p)
		return -EFAULT;
	memcpy(&how, p, sizeof how);
	r = in_path(c, 1, &path);
	if (r)
		return r;
	if (how.resolve) { /* the lookup is not the usual one */
		opening_new(c, (int) c->a[0], path, (int) how.flags)->absent = false;
		return call_run_leave(c);
	}
	return open_common(c, (int) c->a[0], path, (int) how.flags, 6);
}

static long memfd_enter(struct call *c)
{
	const char *name;
	long r = in_path(c, 0, &name);

	return r ? r : call_run_leave(c);
}

static void memfd_leave(struct call *c)
{
	struct stat st;

	if (c->ret >= 0 && fs_fstat(c, (int) c->ret, &st) == 0)
		inode_born(c->w, &st);
}

static const struct flag_name memfd_flags[] = {
	{ MFD_CLOEXEC, "MFD_CLOEXEC" },
	{ MFD_ALLOW_SEALING, "MFD_ALLOW_SEALING" },
	{ MFD_HUGETLB, "MFD_HUGETLB" },
	{ 0, NULL },
};

static const struct row rows[] = {
	{ SYS(open, 2), FIXUP,
	  .arg = { PATH(path), FLAGS(flags, names_open), CREAT_MODE(mode, 1) },
	  .enter = open_enter,
	  .leave = opened,
	  .why = "what is made gets the virtual time; procfs is replaced; FIFOs wait here",
	  .flags = NOTIFY_OURS | MAY_BLOCK, .quick_mask = ~(uint32_t) READS, .quick_arg = 1 },

	{ SYS(openat, 257), FIXUP,
	  .arg = { FD(dirfd), PATH(path), FLAGS(flags, names_open), CREAT_MODE(mode, 2) },
	  .enter = openat_enter,
	  .leave = opened,
	  .why = "what is made gets the virtual time; procfs is replaced; FIFOs wait here",
	  .flags = NOTIFY_OURS | MAY_BLOCK, .quick_mask = ~(uint32_t) READS, .quick_arg = 2 },

	{ SYS(openat2, 437), FIXUP,
	  .arg = { FD(dirfd), PATH(path), IN_AS(how, sizeof(struct open_how), open_how), UINT(size) },
	  .enter = openat2_enter,
	  .leave = opened,
	  .why = "as openat" },

	{ SYS(creat, 85), FIXUP,
	  .arg = { PATH(path), UINT_AS(mode, mode) },
	  .enter = creat_enter,
	  .leave = opened,
	  .why = "as openat" },

	{ SYS(memfd_create, 319), FIXUP,
	  .arg = { PATH(name), FLAGS(flags, memfd_flags) },
	  .enter = memfd_enter,
	  .leave = memfd_leave,
	  .why = "a new file has the virtual time" },

	{ SYS(umask, 95), PASS,
	  .arg = { UINT_AS(mask, mode) },
	  .why = "starts at a fixed value and is the program's own" },
};

FAMILY(open, "Opening files");
