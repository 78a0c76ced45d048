/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { RESOLVE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

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

static int fs_set_all(int fs, const char *type, const char *data, struct err *e)
{
	own_free char *copy = strdup(data ? data : "");
	char *save = NULL;

	if (!copy)
		return fail(e, ENOMEM, "mount %s", type);
	for (char *o = strtok_r(copy, ",", &save); o; o = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(o, '=');
		int r;

		if (eq)
			*eq++ = 0;
		r = fs_set(fs, type, o, eq, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int fs_flags(int fs, const char *type, unsigned long f, struct err *e)
{
	int r = 0;

	if (f & MS_SYNCHRONOUS)
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
		return fail(e, errno, "overlay file system");
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

int mnt_attr(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive,
	struct err *e)
{
	struct mount_attr a = { .attr_set = set, .attr_clr = clear, .propagation = propagation };

	/* the kernel wants the whole atime field cleared when one value of it is set */
	if (set & MOUNT_ATTR__ATIME)
		a.attr_clr |= MOUNT_ATTR__ATIME;
	if (!set && !clear && !propagation)
		return 0;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a,
		    sizeof a) < 0)
		return fail(e, errno, "change mount attributes");
	return 0;
}

int in_root(int root, const char *path, int flags)
{
	while (*path == '/')
		path++;
	return openat_beneath(root, *path ? path : ".", flags, 0, RESOLVE);
}

int mnt_attach(int fd, int root, const char *path, struct err *e)
{
	own_fd at = in_root(root, path, O_PATH);

	if (at < 0)
		return fail(e, at, "mount on %s", path);
	if (move_mount(fd, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail(e, errno, "mount on %s", path);
	return 0;
}

/* One component @name below @at, whose full path so far is @path; at's owner gets the result. */
static int step(int root, int *at, const char *path, const char *name, mode_t mode)
{
	int next = in_root(root, path, O_PATH | O_DIRECTORY);

	if (next == -ENOENT) {
		if (mkdirat(*at, name, mode) < 0 && errno != EEXIST)
			return -errno;
		next = in_root(root, path, O_PATH | O_DIRECTORY);
	}
	if (next < 0)
		return next;
	close(*at);
	*at = next;
	return 0;
}

static int walk(int root, char *path, mode_t mode, int *ret_fd)
{
	own_fd at = in_root(root, "/", O_PATH | O_DIRECTORY);
	char *p = path;

	if (at < 0)
		return at;
	while (*p) {
		char *name, *end, old;
		int r;

		p += strspn(p, "/");
		name = p;
		end = p + strcspn(p, "/");
		if (name == end)
			break;
		old = *end;
		*end = 0;
		if (!strcmp(name, ".."))
			return -EINVAL;
		r = step(root, &at, path, name, mode);
		if (r < 0)
			return r;
		*end = old;
		p = end;
	}
	*ret_fd = take_fd(&at);
	return 0;
}

int in_root_mkdir(int root, const char *path, mode_t mode, struct err *e)
{
	own_free char *copy = strdup(path);
	own_fd fd = -1;
	int r = copy ? walk(root, copy, mode, &fd) : -ENOMEM;

	return r < 0 ? fail(e, r, "make directory %s in the container", path) : 0;
}

int in_root_parent(int root, const char *path, const char **ret_name, int *ret_fd, struct err *e)
{
	const char *slash = strrchr(path, '/');
	own_free char *dir = slash ? strndup(path, (size_t) (slash - path)) : strdup("");
	int fd, r = dir ? walk(root, dir, 0755, &fd) : -ENOMEM;

	if (r < 0)
		return fail(e, r, "make the directory of %s in the container", path);
	*ret_name = slash ? slash + 1 : path;
	*ret_fd = fd;
	return 0;
}

int in_root_touch(int root, const char *path, struct err *e)
{
	const char *name;
	own_fd dir = -1, fd = in_root(root, path, O_PATH);
	int r;

	if (fd >= 0)
		return 0;
	r = in_root_parent(root, path, &name, &dir, e);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno != EEXIST)
		return fail(e, errno, "make %s in the container", path);
	return 0;
}
