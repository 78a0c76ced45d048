/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making, removing, naming files. What doesn't depend on the guest's umask is done by the
 * supervisor in one stop; either way the inode table follows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"

/* One call on one or two paths, between enter and leave. */
struct op {
	int dirfd, dirfd2;
	const char *path, *path2;
	unsigned flags;
	bool have, have2;
	struct stat st, st2; /* what was there before, not following a last link */
};

static struct op *op_of(struct call *c)
{
	return (struct op *) (uintptr_t) c->scratch[3];
}

/* @pa: the path's argument. *@ret: 0 or the guest's -errno. */
static struct op *op_new(struct call *c, int dirfd, unsigned pa, long *ret)
{
	struct op *o = call_mem(c, sizeof *o);

	*o = (struct op){ .dirfd = dirfd };
	c->scratch[3] = (uintptr_t) o;
	*ret = in_path(c, pa, &o->path);
	if (!*ret)
		o->have = fs_peek(c, dirfd, o->path, AT_SYMLINK_NOFOLLOW, &o->st);
	return o;
}

static long op_second(struct call *c, struct op *o, int dirfd, unsigned pa)
{
	long r = in_path(c, pa, &o->path2);

	o->dirfd2 = dirfd;
	if (!r)
		o->have2 = fs_peek(c, dirfd, o->path2, AT_SYMLINK_NOFOLLOW, &o->st2);
	return r;
}

/* ---- mkdir, mknod: the guest's umask decides the mode, so the kernel runs them ---- */

static bool of_cgroups(const struct world *w, const struct stat *st)
{
	return w->cgroup_dev && st->st_dev == w->cgroup_dev && S_ISDIR(st->st_mode);
}

static void made(struct call *c)
{
	struct op *o = op_of(c);
	struct stat st;

	if (c->ret < 0)
		fs_result(c, c->ret, "make", o->path);
	else if (fs_peek(c, o->dirfd, o->path, AT_SYMLINK_NOFOLLOW, &st)) {
		fs_born(c, o->dirfd, o->path, &st);
		if (of_cgroups(c->w, &st))
			cgroupfs_made(c, o->dirfd, o->path, &st);
	}
}

static long make_common(struct call *c, int dirfd, unsigned pa)
{
	struct op *o;
	long r;

	o = op_new(c, dirfd, pa, &r);
	if (r < 0)
		return r;
	if (!fs_may_search(c, dirfd, o->path))
		return -EACCES;
	if (o->have && fs_ours(c))
		return -EEXIST;
	return fs_may_reach(c, dirfd, o->path, W_OK | X_OK) ? call_run_leave(c) : -EACCES;
}

static long mkdir_enter(struct call *c)
{
	return make_common(c, AT_FDCWD, 0);
}

static long mkdirat_enter(struct call *c)
{
	return make_common(c, (int) c->a[0], 1);
}

/* Device nodes are empty files whose vinode says what they stand for. */
static long mknod_common(struct call *c, int dirfd, unsigned pa)
{
	unsigned mode = (unsigned) c->a[pa + 1];
	long r = make_common(c, dirfd, pa);

	if (c->verdict != V_LEAVE || !c->w->o->virtual_ids || !(S_ISCHR(mode) || S_ISBLK(mode)))
		return r;
	if (c->t->proc->ids.euid && !(S_ISCHR(mode) && !c->a[pa + 2])) { /* 0:0 is anybody's */
		c->verdict = V_DONE;
		return -EPERM;
	}
	call_karg(c, pa + 1, (mode & 07777) | S_IFREG);
	return r;
}

static void mknod_made(struct call *c, unsigned pa)
{
	unsigned mode = (unsigned) c->a[pa + 1];
	struct op *o = op_of(c);
	struct vinode *v;
	struct stat st;

	made(c);
	if (c->ret < 0 || !c->karg || !fs_peek(c, o->dirfd, o->path, AT_SYMLINK_NOFOLLOW, &st))
		return;
	v = fs_own(c->w, &st);
	v->mode = (mode & S_IFMT) | (v->mode & 07777);
	v->rdev = (uint32_t) c->a[pa + 2];
}

static long mknod_enter(struct call *c)
{
	return mknod_common(c, AT_FDCWD, 0);
}

static void mknod_leave(struct call *c)
{
	mknod_made(c, 0);
}

static long mknodat_enter(struct call *c)
{
	return mknod_common(c, (int) c->a[0], 1);
}

static void mknodat_leave(struct call *c)
{
	mknod_made(c, 1);
}

/* ---- symlink ---- */

static long symlink_common(struct call *c, int dirfd, unsigned pa)
{
	const char *target;
	struct op *o;
	int fd;
	long r;

	o = op_new(c, dirfd, pa, &r);
	if (!r)
		r = in_path(c, 0, &target);
	if (r < 0)
		return r;
	if (!fs_ours(c))
		return call_run_leave(c);
	if (!fs_may_reach(c, dirfd, o->path, o->have ? X_OK : W_OK | X_OK))
		return -EACCES;
	r = call_dirfd(c, dirfd, o->path, &fd);
	if (r < 0)
		return r;
	r = symlinkat(target, fd, o->path) < 0 ? -errno : 0;
	if (!fs_sure(fd, o->path, r))
		return call_run_leave(c);
	c->ret = r;
	made(c);
	return r;
}

static long symlink_enter(struct call *c)
{
	return symlink_common(c, AT_FDCWD, 1);
}

static long symlinkat_enter(struct call *c)
{
	return symlink_common(c, (int) c->a[1], 2);
}

/* ---- unlink, rmdir ---- */

static void removed(struct call *c)
{
	struct op *o = op_of(c);

	if (c->ret < 0) {
		fs_result(c, c->ret, "remove", o->path);
		return;
	}
	fs_entry_changed(c, o->dirfd, o->path);
	if (!o->have)
		return;
	inode_changed(c->w, inode_of(c->w, &o->st));
	inode_unnamed(c->w, &o->st);
}

static long remove_common(struct call *c, int dirfd, unsigned pa, int flags)
{
	struct op *o;
	int fd;
	long r;

	o = op_new(c, dirfd, pa, &r);
	if (r < 0)
		return r;
	r = o->have && fs_ours(c) ? fs_may_remove(c, dirfd, o->path, &o->st) : 0;
	if (!r && o->have && flags & AT_REMOVEDIR && of_cgroups(c->w, &o->st))
		r = cgroupfs_rmdir(c, &o->st);
	if (!r && !fs_ours(c))
		return call_run_leave(c);
	if (!r)
		r = call_dirfd(c, dirfd, o->path, &fd);
	if (r < 0)
		return r;
	r = unlinkat(fd, o->path, flags) < 0 ? -errno : 0;
	if (!fs_sure(fd, o->path, r))
		return call_run_leave(c);
	c->ret = r;
	removed(c);
	return r;
}

static long unlink_enter(struct call *c)
{
	return remove_common(c, AT_FDCWD, 0, 0);
}

static long rmdir_enter(struct call *c)
{
	return remove_common(c, AT_FDCWD, 0, AT_REMOVEDIR);
}

static long unlinkat_enter(struct call *c)
{
	return remove_common(c, (int) c->a[0], 1, (int) c->a[2]);
}

/* ---- two paths ---- */

/* Both starting directories, as descriptors that stay valid together. */
static long two_dirs(struct call *c, struct op *o, int *fd, int *own, int *fd2)
{
	long r = call_dirfd(c, o->dirfd, o->path, fd);

	if (r < 0)
		return r;
	if (*fd != AT_FDCWD && o->dirfd != AT_FDCWD) { /* the next call closes it */
		*fd = *own = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
		if (*fd < 0)
			return -errno;
	}
	return call_dirfd(c, o->dirfd2, o->path2, fd2);
}

/* A directory of the root file system that is to stay on it. */
static bool one_image(struct call *c, const struct op *o)
{
	struct stat parent;

	inode_look(c->w);
	return o->have && S_ISDIR(o->st.st_mode) && !(o->flags & RENAME_EXCHANGE) &&
		o->st.st_dev == c->w->ino.root &&
		fs_peek(c, o->dirfd2, fs_parent(c, o->path2), 0, &parent) &&
		parent.st_dev == c->w->ino.root;
}

/* What users other than root may move or link: 0 or -errno. */
static long two_permitted(struct call *c, const struct op *o, bool link)
{
	long r = 0;

	if (!fs_may_search(c, o->dirfd, o->path) || !fs_may_search(c, o->dirfd2, o->path2))
		return -EACCES;
	if (!o->have || (link && o->have2))
		return 0; /* the error is another */
	if (!link)
		r = fs_may_remove(c, o->dirfd, o->path, &o->st);
	else if (!fs_may_own(c, &o->st) && !(S_ISREG(o->st.st_mode) && fs_may(c, &o->st, R_OK | W_OK)))
		r = -EPERM; /* as with fs.protected_hardlinks */
	if (!r && o->have2)
		return fs_may_remove(c, o->dirfd2, o->path2, &o->st2);
	if (!r && !fs_may_reach(c, o->dirfd2, o->path2, W_OK | X_OK))
		r = -EACCES;
	return r;
}

static long two_disk(struct call *c, struct op *o, bool link, int fd, int fd2)
{
	own_quiet quiet = fs_quiet();
	long r;

	if (link)
		r = linkat(fd, o->path, fd2, o->path2, (int) o->flags);
	else
		r = syscall(SYS_renameat2, fd, o->path, fd2, o->path2, o->flags);
	r = r < 0 ? -errno : 0;
	if (r == -EXDEV && !link && one_image(c, o) &&
		!call_dirfd(c, o->dirfd2, o->path2, &fd2)) {
		r = fs_move_dir(c, fd, o->path, fd2, o->path2);
		o->have = o->have && r; /* its inode has moved already */
	}
	return r;
}

static long two_common(struct call *c, struct op *o, bool link)
{
	own_fd own = -1;
	int fd, fd2;
	long r;

	if (!fs_ours(c))
		return call_run_leave(c);
	r = two_permitted(c, o, link);
	if (!r)
		r = two_dirs(c, o, &fd, &own, &fd2);
	if (r < 0)
		return r;
	r = two_disk(c, o, link, fd, fd2);
	if (!(o->have ? fs_sure(fd2, o->path2, r) : fs_sure(fd, o->path, r)))
		return call_run_leave(c);
	c->ret = r;
	c->row->leave(c);
	return r;
}

/* What was @before by another name, or NULL, has this one now. */
static void arrived(struct call *c, int dirfd, const char *path, const struct stat *before)
{
	struct stat now;

	fs_entry_changed(c, dirfd, path);
	if (!fs_peek(c, dirfd, path, AT_SYMLINK_NOFOLLOW, &now))
		return;
	if (before)
		fs_carry(c->w, before, &now);
	fs_copied(c, dirfd, path, AT_SYMLINK_NOFOLLOW, &now);
	inode_of(c->w, &now)->nameless = false;
	inode_changed(c->w, inode_of(c->w, &now));
}

static void renamed(struct call *c)
{
	struct op *o = op_of(c);

	if (c->ret < 0) {
		fs_result(c, c->ret, "rename", o->path);
		return;
	}
	if (o->flags & RENAME_EXCHANGE) {
		arrived(c, o->dirfd, o->path, o->have2 ? &o->st2 : NULL);
	} else {
		fs_entry_changed(c, o->dirfd, o->path);
		if (o->have2)
			inode_unnamed(c->w, &o->st2);
	}
	arrived(c, o->dirfd2, o->path2, o->have ? &o->st : NULL);
}

static long rename_common(struct call *c, int d1, unsigned p1, int d2, unsigned p2, unsigned flags)
{
	struct op *o;
	long r;

	o = op_new(c, d1, p1, &r);
	if (!r)
		r = op_second(c, o, d2, p2);
	if (r < 0)
		return r;
	if (flags & RENAME_WHITEOUT) /* device nodes aren't real here */
		return -EINVAL;
	o->flags = flags;
	return two_common(c, o, false);
}

static long rename_enter(struct call *c)
{
	return rename_common(c, AT_FDCWD, 0, AT_FDCWD, 1, 0);
}

static long renameat_enter(struct call *c)
{
	return rename_common(c, (int) c->a[0], 1, (int) c->a[2], 3, 0);
}

static long renameat2_enter(struct call *c)
{
	return rename_common(c, (int) c->a[0], 1, (int) c->a[2], 3, (unsigned) c->a[4]);
}

static void linked(struct call *c)
{
	struct op *o = op_of(c);

	if (c->ret < 0)
		fs_result(c, c->ret, "link", o->path2);
	else
		arrived(c, o->dirfd2, o->path2, o->have && !(o->flags & AT_SYMLINK_FOLLOW) ? &o->st : NULL);
}

static long link_common(struct call *c, int d1, unsigned p1, int d2, unsigned p2, int flags)
{
	struct op *o;
	long r;

	o = op_new(c, d1, p1, &r);
	if (!r)
		r = op_second(c, o, d2, p2);
	if (r < 0)
		return r;
	o->flags = (unsigned) flags;
	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return flags & AT_EMPTY_PATH ? call_run_leave(c) : two_common(c, o, true);
}

static long link_enter(struct call *c)
{
	return link_common(c, AT_FDCWD, 0, AT_FDCWD, 1, 0);
}

static long linkat_enter(struct call *c)
{
	return link_common(c, (int) c->a[0], 1, (int) c->a[2], 3, (int) c->a[4]);
}

static const struct flag_name rename_flags[] = {
	{ RENAME_NOREPLACE, "RENAME_NOREPLACE" },
	{ RENAME_EXCHANGE, "RENAME_EXCHANGE" },
	{ RENAME_WHITEOUT, "RENAME_WHITEOUT" },
	{ 0, NULL },
};

static const struct flag_name link_flags[] = {
	{ AT_SYMLINK_FOLLOW, "AT_SYMLINK_FOLLOW" },
	{ AT_EMPTY_PATH, "AT_EMPTY_PATH" },
	{ 0, NULL },
};

static const struct flag_name unlink_flags[] = {
	{ AT_REMOVEDIR, "AT_REMOVEDIR" },
	{ 0, NULL },
};

#define WHY_MAKE "the new file and its directory get the virtual time"
#define WHY_NAME "the directory and the file get the virtual time"

static const struct row rows[] = {
	{ SYS(mkdir, 83), OBSERVE,
	  .arg = { PATH(path), UINT_AS(mode, mode) },
	  .enter = mkdir_enter,
	  .leave = made,
	  .why = WHY_MAKE },

	{ SYS(mkdirat, 258), OBSERVE,
	  .arg = { FD(dirfd), PATH(path), UINT_AS(mode, mode) },
	  .enter = mkdirat_enter,
	  .leave = made,
	  .why = WHY_MAKE },

	{ SYS(mknod, 133), OBSERVE,
	  .arg = { PATH(path), UINT_AS(mode, mode), UINT_AS(dev, dev) },
	  .enter = mknod_enter,
	  .leave = mknod_leave,
	  .why = WHY_MAKE "; devices are empty files on disk, and are opened as the container's own" },

	{ SYS(mknodat, 259), OBSERVE,
	  .arg = { FD(dirfd), PATH(path), UINT_AS(mode, mode), UINT_AS(dev, dev) },
	  .enter = mknodat_enter,
	  .leave = mknodat_leave,
	  .why = WHY_MAKE "; devices are empty files on disk, and are opened as the container's own" },

	{ SYS(symlink, 88), OBSERVE,
	  .arg = { PATH(target), PATH(path) },
	  .enter = symlink_enter,
	  .leave = made,
	  .why = WHY_MAKE, .flags = NOTIFY_OURS },

	{ SYS(symlinkat, 266), OBSERVE,
	  .arg = { PATH(target), FD(dirfd), PATH(path) },
	  .enter = symlinkat_enter,
	  .leave = made,
	  .why = WHY_MAKE, .flags = NOTIFY_OURS },

	{ SYS(unlink, 87), OBSERVE,
	  .arg = { PATH(path) },
	  .enter = unlink_enter,
	  .leave = removed,
	  .why = WHY_NAME, .flags = NOTIFY_OURS },

	{ SYS(rmdir, 84), OBSERVE,
	  .arg = { PATH(path) },
	  .enter = rmdir_enter,
	  .leave = removed,
	  .why = WHY_NAME, .flags = NOTIFY_OURS },

	{ SYS(unlinkat, 263), OBSERVE,
	  .arg = { FD(dirfd), PATH(path), FLAGS(flags, unlink_flags) },
	  .enter = unlinkat_enter,
	  .leave = removed,
	  .why = WHY_NAME, .flags = NOTIFY_OURS },

	{ SYS(rename, 82), OBSERVE,
	  .arg = { PATH(from), PATH(to) },
	  .enter = rename_enter,
	  .leave = renamed,
	  .why = WHY_NAME, .flags = NOTIFY_OURS },

	{ SYS(renameat, 264), OBSERVE,
	  .arg = { FD(from_dirfd), PATH(from), FD(to_dirfd), PATH(to) },
	  .enter = renameat_enter,
	  .leave = renamed,
	  .why = WHY_NAME, .flags = NOTIFY_OURS },

	{ SYS(renameat2, 316), OBSERVE,
	  .arg = { FD(from_dirfd), PATH(from), FD(to_dirfd), PATH(to), FLAGS(flags, rename_flags) },
	  .enter = renameat2_enter,
	  .leave = renamed,
	  .why = WHY_NAME, .flags = NOTIFY_OURS },

	{ SYS(link, 86), OBSERVE,
	  .arg = { PATH(from), PATH(to) },
	  .enter = link_enter,
	  .leave = linked,
	  .why = WHY_NAME, .flags = NOTIFY_OURS },

	{ SYS(linkat, 265), OBSERVE,
	  .arg = { FD(from_dirfd), PATH(from), FD(to_dirfd), PATH(to), FLAGS(flags, link_flags) },
	  .enter = linkat_enter,
	  .leave = linked,
	  .why = WHY_NAME, .flags = NOTIFY_OURS },
};

FAMILY(paths, "Names of files");
