/* SPDX-License-Identifier: Apache-2.0 */
/* Looking paths up for the guest, and what a change to a directory means for the inode table. */
#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rootfs/walk.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/fs.h"
#include "shim/procview.h"

/*
 * With the kernel's own credentials in force, or another root directory, the supervisor would see
 * other things than the guest does.
 */
bool fs_ours(const struct call *c)
{
	return c->w->o->virtual_ids && !c->t->fs->chrooted;
}

sigset_t fs_quiet(void)
{
	sigset_t all, was;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &was);
	return was;
}

void fs_quiet_end(const sigset_t *was)
{
	sigprocmask(SIG_SETMASK, was, NULL);
}

/*
 * An error is the same for everybody unless a link led there: /proc/self is a link that the
 * supervisor, which is no process of the container, has no target for.
 */
bool fs_sure(int fd, const char *path, long err)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS };
	int got;

	if (err != -ENOENT && err != -ENOTDIR && err != -ELOOP && err != -EACCES)
		return true;
	got = (int) syscall(SYS_openat2, fd, path, &how, sizeof how);
	if (got >= 0)
		close(got);
	return got < 0 && errno != ELOOP && -errno == err;
}

/* What the kernel's procfs has and the canonical machine's hasn't. */
static bool hidden(const struct world *w, const char *path, const struct stat *st)
{
	char name[PATH_MAX];
	size_t n;

	if (!w->proc_dev || st->st_dev != w->proc_dev || strncmp(path, "/proc/", 6))
		return false;
	path += 6 + strspn(path + 6, "/");
	n = strlen(path);
	while (n && path[n - 1] == '/')
		n--;
	snprintf(name, sizeof name, "%.*s", (int) n, path);
	return !strstr(name, "/.") && !strstr(name, "//") && !procview_shown(w, name);
}

int fs_look(int fd, const char *path, int flags, struct stat *ret)
{
	struct statx x;

	if (statx(fd, path, flags | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_MNT_ID, &x) < 0)
		return -1;
	stat_from(&x, ret);
	stat_mount(ret) = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id : 0;
	return 0;
}

bool fs_permitted(const struct ids *ids, bool effective, const struct stat *st, int mode)
{
	uint32_t uid = effective ? ids->fsuid : ids->ruid, gid = effective ? ids->fsgid : ids->rgid;
	unsigned bits = st->st_mode & 7;
	bool member = gid == st->st_gid;

	if (!uid)
		return !(mode & X_OK) || S_ISDIR(st->st_mode) || st->st_mode & 0111;
	for (unsigned i = 0; i < ids->ngroups; i++)
		member |= ids->groups[i] == st->st_gid;
	if (uid == st->st_uid)
		bits = st->st_mode >> 6 & 7;
	else if (member)
		bits = st->st_mode >> 3 & 7;
	return !((unsigned) mode & ~bits);
}

/* Of a volume's files only those that the task's user made inside are known to be whose. */
static bool whose(struct call *c, const struct stat *st)
{
	const struct vinode *v = inode_peek(c->w, st->st_dev, st->st_ino);

	return inode_of_image(c->w, st->st_dev) ||
		(v && v->has_owner && v->uid == c->t->proc->ids.fsuid);
}

bool fs_may(struct call *c, const struct stat *st, int mode)
{
	struct stat view = *st;

	if (!fs_ours(c) || !c->t->proc->ids.fsuid || S_ISLNK(st->st_mode) ||
		(c->w->proc_dev && st->st_dev == c->w->proc_dev) || !whose(c, st))
		return true;
	inode_view(c->w, &view);
	return fs_permitted(&c->t->proc->ids, true, &view, mode);
}

long fs_fstat(struct call *c, int fd, struct stat *ret)
{
	own_fd dup = call_getfd(c, fd);

	if (dup < 0)
		return dup;
	return fs_look(dup, "", AT_EMPTY_PATH, ret) < 0 ? -errno : 0;
}

/* AT_EMPTY_PATH on a descriptor or the current directory. */
static long stat_base(struct call *c, int dirfd, struct stat *ret)
{
	int fd;
	long r;

	if (dirfd != AT_FDCWD)
		return fs_fstat(c, dirfd, ret);
	r = call_dirfd(c, AT_FDCWD, "", &fd);
	if (r < 0)
		return r;
	return fs_look(fd, "", AT_EMPTY_PATH, ret) < 0 ? -errno : 0;
}

static long look_up(struct call *c, int dirfd, const char *path, int flags, struct stat *ret)
{
	int fd;
	long r;

	if (!*path)
		return flags & AT_EMPTY_PATH ? stat_base(c, dirfd, ret) : -ENOENT;
	r = call_dirfd(c, dirfd, path, &fd);
	if (r < 0)
		return r;
	if (fs_look(fd, path, flags & AT_SYMLINK_NOFOLLOW, ret) == 0)
		return hidden(c->w, path, ret) ? -ENOENT : 0;
	r = -errno;
	return fs_sure(fd, path, r) ? r : FS_ASK;
}

/* ---- users other than root: theirs are the permissions that we keep, not the kernel's ---- */

/* True for whom every file is open, as for root. */
static bool unbound(const struct call *c)
{
	return !fs_ours(c) || !c->t->proc->ids.fsuid;
}

/* Of what is no directory the lookup itself will say so. */
static bool may_dir(struct call *c, int dirfd, const char *dir, int mode)
{
	struct stat st;

	return look_up(c, dirfd, dir, *dir ? 0 : AT_EMPTY_PATH, &st) != 0 || !S_ISDIR(st.st_mode) ||
	       fs_may(c, &st, mode);
}

bool fs_may_search(struct call *c, int dirfd, const char *path)
{
	size_t n = strlen(path);
	char *dir;

	if (unbound(c) || !n)
		return true;
	if (!may_dir(c, dirfd, *path == '/' ? "/" : "", X_OK))
		return false;
	while (n && path[n - 1] == '/')
		n--;
	dir = call_mem(c, n + 1);
	memcpy(dir, path, n);
	dir[n] = 0;
	for (size_t i = 1; i < n; i++) {
		bool there;

		if (dir[i] != '/' || dir[i - 1] == '/')
			continue;
		dir[i] = 0;
		there = may_dir(c, dirfd, dir, X_OK);
		dir[i] = '/';
		if (!there)
			return false;
	}
	return true;
}

bool fs_may_reach(struct call *c, int dirfd, const char *path, int mode)
{
	if (unbound(c) || !*path)
		return true;
	return fs_may_search(c, dirfd, path) && may_dir(c, dirfd, fs_parent(c, path), mode);
}

bool fs_may_own(struct call *c, const struct stat *st)
{
	struct stat view = *st;

	if (unbound(c) || !whose(c, st))
		return true;
	inode_view(c->w, &view);
	return view.st_uid == c->t->proc->ids.fsuid;
}

long fs_may_remove(struct call *c, int dirfd, const char *path, const struct stat *st)
{
	struct stat dir;

	if (!fs_may_reach(c, dirfd, path, W_OK | X_OK))
		return -EACCES;
	if (unbound(c) || look_up(c, dirfd, fs_parent(c, path), 0, &dir) != 0 || !whose(c, &dir))
		return 0;
	inode_view(c->w, &dir);
	if (!(dir.st_mode & S_ISVTX) || dir.st_uid == c->t->proc->ids.fsuid)
		return 0;
	return fs_may_own(c, st) ? 0 : -EPERM;
}

long fs_stat(struct call *c, int dirfd, const char *path, int flags, struct stat *ret)
{
	if (!fs_ours(c))
		return FS_ASK;
	return fs_may_search(c, dirfd, path) ? look_up(c, dirfd, path, flags, ret) : -EACCES;
}

/* An absolute path of a task that has changed its root. fd or -1. */
static int open_in_root(struct call *c, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned) flags, .resolve = RESOLVE_IN_ROOT };
	own_fd root = -1;
	char link[32];

	snprintf(link, sizeof link, "%d/root", (int) c->t->pid);
	root = openat(c->w->host_proc, link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : (int) syscall(SYS_openat2, root, path, &how, sizeof how);
}

static bool peek_in_root(struct call *c, const char *path, int flags, struct stat *ret)
{
	int link = flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0;
	own_fd fd = open_in_root(c, path, O_PATH | O_CLOEXEC | link);

	return fd >= 0 && fs_look(fd, "", AT_EMPTY_PATH, ret) == 0;
}

/* As the task would. fd or -1. */
static int open_as(struct call *c, int dirfd, const char *path, int how)
{
	int fd;

	if (c->t->fs->chrooted && *path == '/')
		return open_in_root(c, path, how);
	return call_dirfd(c, dirfd, path, &fd) == 0 ? openat(fd, path, how) : -1;
}

int fs_peek_open(struct call *c, int dirfd, const char *path, int flags)
{
	int link = flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0;

	return open_as(c, dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | link);
}

bool fs_peek(struct call *c, int dirfd, const char *path, int flags, struct stat *ret)
{
	int fd;

	if (!*path)
		return flags & AT_EMPTY_PATH && stat_base(c, dirfd, ret) == 0;
	if (c->t->fs->chrooted && *path == '/')
		return peek_in_root(c, path, flags, ret);
	return call_dirfd(c, dirfd, path, &fd) == 0 &&
		fs_look(fd, path, flags & AT_SYMLINK_NOFOLLOW, ret) == 0;
}

const char *fs_parent(struct call *c, const char *path)
{
	size_t n = strlen(path);
	char *p;

	while (n && path[n - 1] == '/')
		n--;
	while (n && path[n - 1] != '/')
		n--;
	if (!n)
		return ".";
	p = call_mem(c, n + 1);
	memcpy(p, path, n);
	p[n] = 0;
	return p;
}

void fs_entry_changed(struct call *c, int dirfd, const char *path)
{
	struct stat st;

	if (fs_peek(c, dirfd, fs_parent(c, path), 0, &st))
		inode_modified(c->w, inode_of(c->w, &st));
}

struct vinode *fs_own(struct world *w, const struct stat *st)
{
	struct vinode *v = inode_of(w, st);
	struct stat seen = *st;

	if (v->has_owner)
		return v;
	inode_view(w, &seen);
	v->uid = seen.st_uid;
	v->gid = seen.st_gid;
	v->mode = seen.st_mode;
	v->rdev = seen.st_rdev;
	v->has_owner = true;
	return v;
}

void fs_born(struct call *c, int dirfd, const char *path, const struct stat *st)
{
	const struct ids *ids = &c->t->proc->ids;
	uint32_t gid = ids->fsgid;
	struct stat parent = { 0 };
	struct vinode *v;
	bool have;

	inode_born(c->w, st);
	have = path && fs_peek(c, dirfd, fs_parent(c, path), 0, &parent);
	if (have)
		inode_modified(c->w, inode_of(c->w, &parent));
	if (!c->w->o->virtual_ids)
		return;
	if (have) {
		inode_view(c->w, &parent);
		if (parent.st_mode & S_ISGID)
			gid = parent.st_gid;
	}
	if (!ids->fsuid && !gid && !(parent.st_mode & S_ISGID))
		return;
	v = fs_own(c->w, st);
	v->uid = ids->fsuid;
	v->gid = gid;
	if (S_ISDIR(st->st_mode) && parent.st_mode & S_ISGID)
		v->mode |= S_ISGID;
}

/* Where the root's overlay keeps what was changed, or -1. */
static int upper_of(const struct world *w)
{
	return w->o->upper >= 0 ? w->o->upper : w->o->root_upper;
}

static bool maybe_copy(struct world *w, const struct stat *now)
{
	return upper_of(w) >= 0 && !S_ISDIR(now->st_mode) && inode_of_image(w, now->st_dev) &&
		!inode_input(w, now)->own;
}

/* An overlay shows all that its upper layer has of a file as it is there, but for its number. */
static bool is_copy(const struct stat *st, const struct stat *upper)
{
	return st->st_mode == upper->st_mode && st->st_size == upper->st_size &&
		!memcmp(&st->st_mtim, &upper->st_mtim, sizeof st->st_mtim) &&
		!memcmp(&st->st_ctim, &upper->st_ctim, sizeof st->st_ctim);
}

/* The file of the image that @fd is is in the upper layer now: there it has another number. */
static void learn_copy(struct world *w, int fd, const struct stat *now)
{
	char link[32], where[PATH_MAX];
	struct stat here, st;
	own_fd dir = -1;
	const char *name;
	struct vinode *v;
	ssize_t n;

	if (fd < 0 || fstat(fd, &here) < 0 || here.st_dev != now->st_dev || here.st_ino != now->st_ino)
		return;
	snprintf(link, sizeof link, "self/fd/%d", fd);
	n = readlinkat(w->host_proc, link, where, sizeof where - 1);
	if (n < 2 || *where != '/')
		return;
	where[n] = 0;
	dir = open_parent(upper_of(w), where + 1, &name);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !is_copy(&here, &st))
		return; /* it has not been changed yet */
	v = inode_input(w, now);
	v->own = true;
	inode_alias(w, v, now->st_dev == w->ino.root ? now->st_dev : st.st_dev, st.st_ino);
}

void fs_copied_fd(struct world *w, int fd, const struct stat *now)
{
	if (maybe_copy(w, now))
		learn_copy(w, fd, now);
}

void fs_copied(struct call *c, int dirfd, const char *path, int flags, const struct stat *now)
{
	int link = flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0;
	own_fd at = -1;

	if (!maybe_copy(c->w, now))
		return;
	at = path && *path ? open_as(c, dirfd, path, O_PATH | O_CLOEXEC | link) : call_getfd(c, dirfd);
	learn_copy(c->w, at, now);
}

void fs_carry(struct world *w, const struct stat *before, const struct stat *now)
{
	struct vinode *v = inode_peek(w, before->st_dev, before->st_ino), *copy;
	uint64_t ino;

	if (before->st_dev == now->st_dev && before->st_ino == now->st_ino)
		return;
	if (v && v == inode_peek(w, now->st_dev, now->st_ino))
		return;
	if (S_ISDIR(now->st_mode)) {
		inode_move(w, before, now);
		return;
	}
	if (inode_links(w, before) < 2) {
		v = inode_input(w, before);
		inode_alias(w, v, now->st_dev, now->st_ino);
		v->links = v->names = 0; /* a file of its own now */
		v->own = true;
		return;
	}
	v = inode_of(w, before); /* its other names stay what they were */
	copy = inode_born(w, now);
	ino = copy->ino;
	inode_copy(copy, v);
	copy->ino = ino;
	copy->own = true;
	copy->links = copy->names = 0;
}

long fs_result(struct call *c, long r, const char *what, const char *path)
{
	if (r == -ENOSPC || r == -EIO || r == -EDQUOT)
		world_fatal(c->w, (int) -r, "%s %s", what, path ? path : "a file");
	return r;
}
