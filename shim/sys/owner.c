/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owners and modes. Under virtual ids the owner is the supervisor's alone, as fakeroot has it: the
 * file on disk belongs to whoever runs detrun, and only its permission bits follow.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"

#define DISK_BITS 01777 /* set-id bits stay in the vinode */
#define CHOWN_FLAGS (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)

/* Between enter and leave. */
struct target {
	int dirfd, flags;
	const char *path; /* NULL: dirfd is the file */
	bool linked;	  /* by its link in /proc: O_PATH will do, and what isn't open isn't there */
	bool have;	  /* what was there before the kernel was asked */
	struct stat before;
};

/* "/proc/self/fd/N", which is how glibc changes what O_PATH has opened; else -1. */
static int fd_of_link(const struct call *c, const char *path, int flags)
{
	static const char dir[] = "/proc/self/fd/";
	size_t n = sizeof dir - 1, digits;

	if (!c->w->o->virtual_ids || c->t->fs->chrooted || !path || flags & AT_SYMLINK_NOFOLLOW ||
		strncmp(path, dir, n))
		return -1;
	digits = strspn(path + n, "0123456789");
	return digits && digits < 8 && !path[n + digits] ? atoi(path + n) : -1;
}

static struct target *target_new(struct call *c, int dirfd, const char *path, int flags)
{
	struct target *t = call_mem(c, sizeof *t);

	*t = (struct target){ .dirfd = dirfd, .flags = flags, .path = path };
	if (fd_of_link(c, path, flags) >= 0)
		*t = (struct target){ .dirfd = fd_of_link(c, path, flags), .linked = true };
	c->scratch[3] = (uintptr_t) t;
	return t;
}

static bool target_stat(struct call *c, const struct target *t, struct stat *ret)
{
	if (!t->path)
		return fs_fstat(c, t->dirfd, ret) == 0;
	return fs_peek(c, t->dirfd, t->path, t->flags, ret);
}

static long target_ask(struct call *c, struct target *t)
{
	t->have = target_stat(c, t, &t->before);
	return call_run_leave(c);
}

/* The kernel has changed it. */
static void target_changed(struct call *c, const struct target *t, const struct stat *now)
{
	if (t->have)
		fs_carry(c->w, &t->before, now);
	fs_copied(c, t->dirfd, t->path, t->flags, now);
}

/* 0, -errno or FS_ASK */
static long target_lookup(struct call *c, const struct target *t, struct stat *ret)
{
	long r;

	if (t->path)
		return fs_stat(c, t->dirfd, t->path, t->flags, ret);
	r = fs_ours(c) ? fs_fstat(c, t->dirfd, ret) : FS_ASK;
	return t->linked && r == -EBADF ? -ENOENT : r;
}

static struct target *target_of(struct call *c)
{
	return (struct target *) (uintptr_t) c->scratch[3];
}

/* ---- chmod ---- */

/* The bits on disk are as the kernel left them: remember those that aren't what was asked. */
static void mode_set(struct call *c, const struct stat *before, const struct stat *now,
	unsigned mode)
{
	struct vinode *v;

	fs_carry(c->w, before, now);
	v = inode_of(c->w, now);
	if (c->w->o->virtual_ids && (v->has_owner || (now->st_mode & 07777) != mode)) {
		v = fs_own(c->w, now);
		v->mode = (v->mode & S_IFMT) | mode;
	}
	inode_changed(c->w, v);
}

static long chmod_linked(struct call *c, int fd, unsigned mode)
{
	char link[32];
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) /* from Linux 6.6 on, and glibc's answer before */
		return -EOPNOTSUPP;
	snprintf(link, sizeof link, "self/fd/%d", fd);
	return fchmodat(c->w->host_proc, link, mode, 0) < 0 ? -errno : 0;
}

static long chmod_disk(struct call *c, const struct target *t, unsigned mode)
{
	own_quiet quiet = fs_quiet();
	own_fd dup = -1;
	int fd;
	long r;

	if (!t->path) {
		dup = call_getfd(c, t->dirfd);
		if (dup < 0)
			return dup;
		if (t->linked)
			return chmod_linked(c, dup, mode);
		if (fcntl(dup, F_GETFL) & O_PATH)
			return -EBADF;
		return fchmod(dup, mode) < 0 ? -errno : 0;
	}
	r = call_dirfd(c, t->dirfd, t->path, &fd);
	if (r < 0)
		return r;
	return fchmodat(fd, t->path, mode, 0) < 0 ? -errno : 0;
}

static long chmod_common(struct call *c, int dirfd, const char *path, unsigned mode)
{
	struct target *t = target_new(c, dirfd, path, 0);
	struct stat before, now;
	long r = target_lookup(c, t, &before);

	mode &= 07777;
	if (r == FS_ASK)
		return target_ask(c, t);
	if (!r && !fs_may_own(c, &before))
		r = -EPERM;
	if (r < 0)
		return r;
	r = chmod_disk(c, t, mode & DISK_BITS);
	if (r < 0 && r != -EPERM)
		return fs_result(c, r, "chmod", path);
	if (!target_stat(c, t, &now))
		return 0;
	mode_set(c, &before, &now, mode);
	fs_copied(c, t->dirfd, t->path, t->flags, &now);
	return 0;
}

static void chmod_leave(struct call *c)
{
	const struct target *t = target_of(c);
	struct stat st;

	if (c->ret < 0 || !target_stat(c, t, &st))
		return;
	target_changed(c, t, &st);
	inode_changed(c->w, inode_of(c->w, &st));
}

static long chmod_enter(struct call *c)
{
	const char *path;
	long r = in_path(c, 0, &path);

	return r ? r : chmod_common(c, AT_FDCWD, path, (unsigned) c->a[1]);
}

static long fchmod_enter(struct call *c)
{
	return chmod_common(c, (int) c->a[0], NULL, (unsigned) c->a[1]);
}

static long fchmodat_enter(struct call *c)
{
	const char *path;
	long r = in_path(c, 1, &path);

	return r ? r : chmod_common(c, (int) c->a[0], path, (unsigned) c->a[2]);
}

/* ---- chown ---- */

static void owner_set(struct call *c, const struct stat *st, uint32_t uid, uint32_t gid)
{
	struct vinode *v;

	if (c->w->o->virtual_ids) {
		v = fs_own(c->w, st);
		if (uid != (uint32_t) -1)
			v->uid = uid;
		if (gid != (uint32_t) -1)
			v->gid = gid;
		if (!S_ISDIR(v->mode)) {
			v->mode &= ~(uint32_t) S_ISUID;
			if (v->mode & S_IXGRP)
				v->mode &= ~(uint32_t) S_ISGID;
		}
	}
	inode_changed(c->w, inode_of(c->w, st));
}

static bool in_group(const struct ids *ids, uint32_t gid)
{
	bool member = gid == ids->fsgid;

	for (unsigned i = 0; i < ids->ngroups; i++)
		member |= ids->groups[i] == gid;
	return member;
}

/* Only root gives files away; an owner may give his to another group of his. */
static bool may_chown(struct call *c, const struct stat *st, uint32_t uid, uint32_t gid)
{
	const struct ids *ids = &c->t->proc->ids;

	if (!ids->fsuid)
		return true;
	return fs_may_own(c, st) && (uid == (uint32_t) -1 || uid == ids->fsuid) &&
		(gid == (uint32_t) -1 || in_group(ids, gid));
}

/* @ia: the argument with the uid; the gid follows. */
static long chown_common(struct call *c, int dirfd, const char *path, int flags, unsigned ia)
{
	struct target *t = target_new(c, dirfd, path, flags);
	struct stat st;
	long r;

	c->scratch[0] = ia;
	r = target_lookup(c, t, &st);
	if (!r && !may_chown(c, &st, (uint32_t) c->a[ia], (uint32_t) c->a[ia + 1]))
		r = -EPERM;
	if (r < 0)
		return r;
	if (r == FS_ASK) {
		if (c->w->o->virtual_ids) { /* the kernel only says whether it exists */
			call_karg(c, ia, (uint32_t) -1);
			call_karg(c, ia + 1, (uint32_t) -1);
		}
		return target_ask(c, t);
	}
	owner_set(c, &st, (uint32_t) c->a[ia], (uint32_t) c->a[ia + 1]);
	return 0;
}

static void chown_leave(struct call *c)
{
	const struct target *t = target_of(c);
	unsigned ia = (unsigned) c->scratch[0];
	struct stat st;

	if (c->ret < 0 || !target_stat(c, t, &st))
		return;
	target_changed(c, t, &st);
	owner_set(c, &st, (uint32_t) c->a[ia], (uint32_t) c->a[ia + 1]);
}

static long chown_enter(struct call *c)
{
	const char *path;
	long r = in_path(c, 0, &path);

	return r ? r : chown_common(c, AT_FDCWD, path, 0, 1);
}

static long lchown_enter(struct call *c)
{
	const char *path;
	long r = in_path(c, 0, &path);

	return r ? r : chown_common(c, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, 1);
}

static long fchown_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);

	if (fd < 0 || fcntl(fd, F_GETFL) & O_PATH)
		return -EBADF;
	return chown_common(c, (int) c->a[0], NULL, 0, 1);
}

static long fchownat_enter(struct call *c)
{
	int flags = (int) c->a[4];
	const char *path;
	long r = in_path(c, 1, &path);

	if (flags & ~CHOWN_FLAGS)
		return -EINVAL;
	return r ? r : chown_common(c, (int) c->a[0], path, flags, 2);
}

static const struct flag_name at_flags[] = {
	{ AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW" },
	{ AT_EMPTY_PATH, "AT_EMPTY_PATH" },
	{ 0, NULL },
};

#define WHY_CHMOD "set-id bits and what the disk refuses are kept in the inode table"
#define WHY_CHOWN "with virtual ids only the inode table knows the owner, else the kernel's own"

static const struct row rows[] = {
	{ SYS(chmod, 90), OBSERVE,
	  .arg = { PATH(path), UINT_AS(mode, mode) },
	  .enter = chmod_enter,
	  .leave = chmod_leave,
	  .why = WHY_CHMOD, .flags = NOTIFY_OURS },

	{ SYS(fchmod, 91), OBSERVE,
	  .arg = { FD(fd), UINT_AS(mode, mode) },
	  .enter = fchmod_enter,
	  .leave = chmod_leave,
	  .why = WHY_CHMOD },

	{ SYS(fchmodat, 268), OBSERVE,
	  .arg = { FD(dirfd), PATH(path), UINT_AS(mode, mode) },
	  .enter = fchmodat_enter,
	  .leave = chmod_leave,
	  .why = WHY_CHMOD, .flags = NOTIFY_OURS },

	{ SYS(chown, 92), EMULATE,
	  .arg = { PATH(path), INT(uid), INT(gid) },
	  .enter = chown_enter,
	  .leave = chown_leave,
	  .why = WHY_CHOWN, .flags = NOTIFY_OURS },

	{ SYS(fchown, 93), EMULATE,
	  .arg = { FD(fd), INT(uid), INT(gid) },
	  .enter = fchown_enter,
	  .leave = chown_leave,
	  .why = WHY_CHOWN },

	{ SYS(lchown, 94), EMULATE,
	  .arg = { PATH(path), INT(uid), INT(gid) },
	  .enter = lchown_enter,
	  .leave = chown_leave,
	  .why = WHY_CHOWN, .flags = NOTIFY_OURS },

	{ SYS(fchownat, 260), EMULATE,
	  .arg = { FD(dirfd), PATH(path), INT(uid), INT(gid), FLAGS(flags, at_flags) },
	  .enter = fchownat_enter,
	  .leave = chown_leave,
	  .why = WHY_CHOWN, .flags = NOTIFY_OURS },
};

FAMILY(owner, "Owners and modes");
