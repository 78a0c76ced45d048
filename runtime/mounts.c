/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "runtime/base/own.h"

uint64_t mnt_attrs(unsigned long f)
{
	uint64_t a = 0;

	a |= f & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0;
	a |= f & MS_NOSUID ? MOUNT_ATTR_NOSUID : 0;
	a |= f & MS_NODEV ? MOUNT_ATTR_NODEV : 0;
	a |= f & MS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0;
	a |= f & MS_NODIRATIME ? MOUNT_ATTR_NODIRATIME : 0;
	a |= f & MS_NOSYMFOLLOW ? MOUNT_ATTR_NOSYMFOLLOW : 0;
	if (f & MS_NOATIME)
		a |= MOUNT_ATTR_NOATIME;
	else if (f & MS_STRICTATIME)
		a |= MOUNT_ATTR_STRICTATIME;
	return a;
}

/* The kernel's own words about a failed fsconfig() or fsmount(), if it left any. */
static int fs_fail(int fs, int errnum, const char *type, const char *what, struct err *e)
{
	char text[512];
	ssize_t n = read(fs, text, sizeof text - 1);

	if (n <= 2)
		return fail(e, errnum, "%s file system: %s", type, what);
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return fail(e, errnum, "%s file system: %s (%s)", type, what, text + 2);
}

static int fs_set(int fs, const char *type, const char *key, const char *value, struct err *e)
{
	int r = fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0);

	return r < 0 ? fs_fail(fs, errno, type, key, e) : 0;
}

/* The next of a list: context="a:b:c:s0:c1,c2" is one, as SELinux has commas of its own. */
static char *next_option(char **rest)
{
	char *o = *rest, *end = o;
	bool quoted = false;

	if (!o)
		return NULL;
	for (; *end && (quoted || *end != ','); end++)
		quoted ^= *end == '"';
	*rest = *end ? end + 1 : NULL;
	*end = 0;
	return o;
}

static void unquote(char *v)
{
	size_t n = strlen(v);

	if (n < 2 || *v != '"' || v[n - 1] != '"')
		return;
	memmove(v, v + 1, n - 2);
	v[n - 2] = 0;
}

static int fs_set_all(int fs, const char *type, const char *data, struct err *e)
{
	own_free char *copy = strdup(data ? data : "");
	char *rest = copy, *o;

	if (!copy)
		return fail(e, ENOMEM, "mount %s", type);
	while ((o = next_option(&rest))) {
		char *eq = strchr(o, '=');
		int r;

		if (!*o)
			continue;
		if (eq)
			*eq++ = 0;
		if (eq)
			unquote(eq);
		r = fs_set(fs, type, o, eq, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int fs_flags(int fs, const char *type, unsigned long f, struct err *e)
{
	int r = 0;

	if (f & MS_RDONLY)
		r = fs_set(fs, type, "ro", NULL, e);
	if (!r && f & MS_SYNCHRONOUS)
		r = fs_set(fs, type, "sync", NULL, e);
	if (!r && f & MS_DIRSYNC)
		r = fs_set(fs, type, "dirsync", NULL, e);
	if (!r && f & MS_LAZYTIME)
		r = fs_set(fs, type, "lazytime", NULL, e);
	return r;
}

static int fs_make(int fs, const char *type, unsigned long ms_flags, int *ret_fd, struct err *e)
{
	int fd;

	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_fail(fs, errno, type, "create", e);
	fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned) mnt_attrs(ms_flags));
	if (fd < 0)
		return fs_fail(fs, errno, type, "mount", e);
	*ret_fd = fd;
	return 0;
}

int mnt_new(const char *type, const char *source, const char *data, unsigned long ms_flags,
	int *ret_fd, struct err *e)
{
	own_fd fs = fsopen(type, FSOPEN_CLOEXEC);
	int r;

	if (fs < 0)
		return fail(e, errno, "%s file system", type);
	r = fs_set(fs, type, "source", source && *source ? source : type, e);
	if (!r)
		r = fs_set_all(fs, type, data, e);
	if (!r)
		r = fs_flags(fs, type, ms_flags, e);
	return r < 0 ? r : fs_make(fs, type, ms_flags, ret_fd, e);
}

/* The working directory leads to the target without a path; nobody looks at it before the plan's. */
int mnt_classic(const char *type, const char *source, const char *data, unsigned long ms_flags,
	int at, struct err *e)
{
	own_fd back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (back < 0 || fchdir(at) < 0)
		return fail(e, errno, "%s file system", type);
	r = mount(source && *source ? source : type, ".", type, ms_flags, data) < 0 ? -errno : 0;
	if (fchdir(back) < 0)
		return fail(e, errno, "go back to the working directory");
	return r < 0 ? fail(e, r, "%s file system", type) : 0;
}

int mnt_remount(int at, const char *type, const char *data, unsigned long ms_flags,
	unsigned long ms_clear, struct err *e)
{
	own_fd fs = fspick(at, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
	int r;

	if (fs < 0)
		return fail(e, errno, "remount");
	r = fs_set_all(fs, type, data, e);
	if (!r)
		r = fs_flags(fs, type, ms_flags, e);
	if (!r && ms_clear & MS_RDONLY)
		r = fs_set(fs, type, "rw", NULL, e);
	if (!r && fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		r = fs_fail(fs, errno, type, "remount", e);
	return r;
}

/* overlay splits lowerdir at colons */
static char *overlay_escape(char *o, const char *path)
{
	for (; *path; path++) {
		if (*path == ':' || *path == '\\')
			*o++ = '\\';
		*o++ = *path;
	}
	*o = 0;
	return o;
}

static char *overlay_lowers(const char *lower, const char *above)
{
	char *out = malloc(2 * strlen(lower) + 2 * strlen(above ? above : "") + 2), *o = out;

	if (out && above) {
		o = overlay_escape(o, above);
		*o++ = ':';
	}
	if (out)
		overlay_escape(o, lower);
	return out;
}

static int overlay_try(const char *lower, const char *upper, const char *work, bool userxattr,
	bool xino, int *ret_fd, struct err *e)
{
	own_fd fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int r;

	if (fs < 0)
		return fail(e, errno, errno == ENODEV ? "it has no overlay file system (modprobe overlay)"
			: "overlay file system");
	r = fs_set(fs, "overlay", "lowerdir", lower, e);
	if (!r)
		r = fs_set(fs, "overlay", "upperdir", upper, e);
	if (!r)
		r = fs_set(fs, "overlay", "workdir", work, e);
	if (!r && userxattr)
		r = fs_set(fs, "overlay", "userxattr", NULL, e);
	if (!r && xino)
		r = fs_set(fs, "overlay", "xino", "on", e);
	return r < 0 ? r : fs_make(fs, "overlay", 0, ret_fd, e);
}

int mnt_overlay(const char *lower, const char *above, const char *upper, const char *work,
	bool userxattr, int *ret_fd, struct err *e)
{
	own_free char *esc = overlay_lowers(lower, above);
	int r;

	if (!esc)
		return fail(e, ENOMEM, "overlay of %s", lower);
	if (overlay_try(esc, upper, work, userxattr, true, ret_fd, NULL) == 0)
		return 0;
	r = overlay_try(esc, upper, work, userxattr, false, ret_fd, e);
	if (r < 0)
		return fail_ctx(e, r, "the kernel refuses an overlay of %s with its changes in %s; "
			"--overlay=copy works without (or set TMPDIR to another file system)",
			lower, upper);
	return 0;
}

int mnt_clone(const char *source, bool recursive, bool follow, int *ret_fd, struct err *e)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int fd;

	flags |= recursive ? AT_RECURSIVE : 0;
	flags |= follow ? 0 : AT_SYMLINK_NOFOLLOW;
	fd = open_tree(AT_FDCWD, source, flags);
	if (fd < 0 && errno == EINVAL && !recursive)
		return fail(e, EINVAL, "bind mount %s: it has mounts below that a user namespace "
			"may not uncover; use rbind", source);
	if (fd < 0)
		return fail(e, errno, "bind mount %s", source);
	*ret_fd = fd;
	return 0;
}

int mnt_clone_fd(int fd, bool recursive, int *ret_fd, struct err *e)
{
	int t = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
		(recursive ? AT_RECURSIVE : 0));

	if (t < 0)
		return fail(e, errno, "clone a mount");
	*ret_fd = t;
	return 0;
}

/* Over "/", below which nobody looks from there; the working directory leads back to it. */
int mnt_clone_loose(int mnt, int fd, int *ret_fd, struct err *e)
{
	own_fd back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (back < 0 || move_mount(mnt, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return fail(e, errno, "attach a mount");
	r = mnt_clone_fd(fd, false, ret_fd, e);
	if (fchdir(mnt) < 0 || umount2(".", MNT_DETACH) < 0 || fchdir(back) < 0)
		r = fail(e, errno, "detach a mount");
	return r;
}

static int attr(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive)
{
	struct mount_attr a = { .attr_set = set, .attr_clr = clear, .propagation = propagation };

	/* the kernel wants the whole atime field cleared when one value of it is set */
	if (set & MOUNT_ATTR__ATIME || clear & MOUNT_ATTR__ATIME)
		a.attr_clr |= MOUNT_ATTR__ATIME;
	if (!set && !clear && !propagation)
		return 0;
	return mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a,
		sizeof a) < 0 ? -errno : 0;
}

static int attr_done(int r, struct err *e)
{
	if (r == -ENOSYS)
		return fail_msg(e, ENOSYS, "the kernel is too old: it has no mount_setattr; Linux 5.12 "
			"or newer is needed");
	return r < 0 ? fail(e, r, "change mount attributes") : 0;
}

int mnt_attr(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive,
	struct err *e)
{
	return attr_done(attr(fd, set, clear, propagation, recursive), e);
}

/* --- flags of a bind mount --------------------------------------------------------------- */

enum {
	ATIMES = MS_NOATIME | MS_RELATIME | MS_STRICTATIME,
	LOCKABLE = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NODIRATIME | ATIMES,
};

static unsigned long flags_there(int fd)
{
	static const unsigned long to[][2] = {
		{ ST_RDONLY, MS_RDONLY }, { ST_NOSUID, MS_NOSUID }, { ST_NODEV, MS_NODEV },
		{ ST_NOEXEC, MS_NOEXEC }, { ST_NOATIME, MS_NOATIME },
		{ ST_NODIRATIME, MS_NODIRATIME }, { ST_RELATIME, MS_RELATIME },
	};
	unsigned long f = 0;
	struct statvfs v;

	if (fstatvfs(fd, &v) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(to); i++)
		if (v.f_flag & to[i][0])
			f |= to[i][1];
	return f & (MS_NOATIME | MS_RELATIME) ? f : f | MS_STRICTATIME;
}

/* As mount(2) takes MS_REMOUNT | MS_BIND: without a word about access times they stay. */
static int bind_flags(int fd, unsigned long flags)
{
	uint64_t set = mnt_attrs(flags), gone = mnt_attrs(MS_RDONLY | MS_NOSUID | MS_NODEV |
		MS_NOEXEC | MS_NOSYMFOLLOW);

	if (flags & MS_STRICTATIME)
		set = (set & ~(uint64_t) MOUNT_ATTR__ATIME) | MOUNT_ATTR_STRICTATIME;
	if (flags & (ATIMES | MS_NODIRATIME))
		gone |= MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
	return attr(fd, set, gone & ~(set & ~(uint64_t) MOUNT_ATTR__ATIME), 0, false);
}

/* What a user namespace may not take away stays, unless it was asked for by name. */
int mnt_bind_flags(int fd, unsigned long set, unsigned long clear, struct err *e)
{
	unsigned long there;
	int r = bind_flags(fd, set);

	if (r != -EPERM)
		return attr_done(r, e);
	there = flags_there(fd);
	if (there & clear & LOCKABLE)
		return fail(e, EPERM, "an option of the host's mount is locked by the user "
			"namespace");
	if (set & ATIMES && (set & ATIMES) != (there & ATIMES))
		return fail(e, EPERM, "the access time option is locked by the user namespace");
	return attr_done(bind_flags(fd, set | (there & LOCKABLE)), e);
}

int mnt_put(int fd, int at, const char *path, struct err *e)
{
	if (move_mount(fd, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail(e, errno, "mount on %s", path);
	return 0;
}
