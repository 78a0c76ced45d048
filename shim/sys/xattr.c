/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes. Which names and sizes a file system takes differs from one to the next, and a
 * plain directory's may be anybody's: under the doors the guest sees a file system that has none. A
 * bundle's root keeps what images and their builds use: user.*, and capabilities, of files.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "rootfs/xattrs.h"
#include "runtime/base/own.h"
#include "shim/fs.h"
#include "shim/procview.h"

enum {
	NAME_MAX_LEN = 255,
	ALL_MAX = 3072, /* of one file: what ext4 has room for beside what is the host's own */
	EACH = 16,	/* beside name and value */
};

static bool of_fd(const struct call *c)
{
	return c->row->arg[0].kind == A_FD;
}

/* lgetxattr and its like: the link itself. */
static int follow(const struct call *c)
{
	return c->row->name[0] == 'l' && c->row->name[1] != 'i' ? AT_SYMLINK_NOFOLLOW : 0;
}

/* @a0: the first argument is a path (followed or not) or a descriptor. 0, -errno, FS_ASK. */
static long exists(struct call *c)
{
	const char *path;
	struct stat st;
	long r;

	if (of_fd(c))
		return fs_fstat(c, (int) c->a[0], &st);
	r = in_path(c, 0, &path);
	return r < 0 ? r : fs_stat(c, AT_FDCWD, path, follow(c), &st);
}

static bool peek(struct call *c, struct stat *ret)
{
	const char *path;

	if (of_fd(c))
		return fs_fstat(c, (int) c->a[0], ret) == 0;
	return in_path(c, 0, &path) == 0 && fs_peek(c, AT_FDCWD, path, follow(c), ret);
}

static void copied(struct call *c, const struct stat *now)
{
	const char *path = NULL;

	if (of_fd(c) || in_path(c, 0, &path) == 0)
		fs_copied(c, of_fd(c) ? (int) c->a[0] : AT_FDCWD, path, follow(c), now);
}

/* Only whether the file is there matters; where only the kernel knows, it is there. */
static long named(struct call *c, const char **ret_name)
{
	long r = exists(c);

	if (r < 0)
		return r;
	r = in_str(c, c->a[1], NAME_MAX_LEN + 1, ret_name);
	if (r < 0)
		return r == -ENAMETOOLONG ? -ERANGE : r;
	return **ret_name ? 0 : -ERANGE;
}

/* A file of a bundle's root; *ret is what it was before. */
static bool keeps_any(struct call *c, struct stat *ret)
{
	struct mount_view m;

	if (c->w->o->virtual_ids || !peek(c, ret) || !S_ISREG(ret->st_mode))
		return false;
	inode_look(c->w);
	return mount_find(c->w, stat_mount(ret), ret->st_dev, &m) && m.id == MOUNT_FIRST;
}

static bool keeps(struct call *c, const char *name, struct stat *ret)
{
	return xattr_wanted(name) && keeps_any(c, ret);
}

/* All that we tell the guest of. None where it can't be read. */
static void read_all(struct call *c, struct xattr **ret, size_t *ret_n)
{
	own_fd fd = -1;
	const char *path;

	*ret = NULL;
	*ret_n = 0;
	if (of_fd(c))
		fd = call_getfd(c, (int) c->a[0]);
	else if (in_path(c, 0, &path) == 0)
		fd = fs_peek_open(c, AT_FDCWD, path, follow(c));
	if (fd >= 0)
		xattrs_read(fd, ret, ret_n);
}

/* A file system with less room than that is none that we count on. */
static bool fits(struct call *c, const char *name, uint64_t size)
{
	size_t all = strlen(name) + EACH, n;
	struct xattr *v;

	read_all(c, &v, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, name))
			all += strlen(v[i].name) + v[i].len + EACH;
	xattrs_free(v, n);
	return size <= ALL_MAX && all + size <= ALL_MAX;
}

static long change(struct call *c, const struct stat *before)
{
	struct stat *st = call_mem(c, sizeof *st);

	*st = *before;
	c->scratch[0] = (uintptr_t) st;
	return call_run_leave(c);
}

static void change_leave(struct call *c)
{
	const struct stat *before = (const struct stat *) (uintptr_t) c->scratch[0];
	struct stat now;

	if (c->ret == -EOPNOTSUPP)
		call_note(c, "the file system below has no extended attributes");
	if (c->ret < 0 || !peek(c, &now))
		return;
	fs_carry(c->w, before, &now);
	copied(c, &now);
	inode_changed(c->w, inode_of(c->w, &now));
}

static long set_enter(struct call *c)
{
	const char *name;
	struct stat st;
	long r = named(c, &name);

	if (r < 0)
		return r;
	if (!keeps(c, name, &st))
		return -EOPNOTSUPP;
	return fits(c, name, c->a[3]) ? change(c, &st) : -ENOSPC;
}

static long remove_enter(struct call *c)
{
	const char *name;
	struct stat st;
	long r = named(c, &name);

	if (r < 0)
		return r;
	return keeps(c, name, &st) ? change(c, &st) : -ENODATA;
}

static long get_enter(struct call *c)
{
	const char *name;
	struct stat st;
	long r = named(c, &name);

	if (r < 0)
		return r;
	return keeps(c, name, &st) ? call_run_leave(c) : -ENODATA;
}

static void get_leave(struct call *c)
{
	if (c->ret == -EOPNOTSUPP)
		c->ret = -ENODATA;
	if (c->ret > 0 && c->a[3] && !fix(c, 2, (size_t) c->ret))
		c->ret = -EFAULT;
}

static long list_enter(struct call *c)
{
	struct stat st;
	long r = exists(c);

	if (r < 0 || !keeps_any(c, &st))
		return r < 0 ? r : 0;
	call_karg(c, 2, 0); /* the kernel says who may, and we what there is */
	return call_run_leave(c);
}

static long put_list(struct call *c, const struct xattr *v, size_t n)
{
	size_t all = 0, at = 0;
	char *o;

	for (size_t i = 0; i < n; i++)
		all += strlen(v[i].name) + 1;
	if (!c->a[2] || !all)
		return (long) all;
	if (all > c->a[2])
		return -ERANGE;
	o = out(c, 1, all);
	for (size_t i = 0; o && i < n; i++) {
		memcpy(o + at, v[i].name, strlen(v[i].name) + 1);
		at += strlen(v[i].name) + 1;
	}
	return o ? (long) all : -EFAULT;
}

static void list_leave(struct call *c)
{
	struct xattr *v;
	size_t n;

	if (c->ret < 0 && c->ret != -EOPNOTSUPP)
		return;
	read_all(c, &v, &n);
	c->ret = put_list(c, v, n);
	xattrs_free(v, n);
}

#define WHY_SET "user.* and capabilities of files of a bundle's root, up to 3 KB; else there are none: " \
	"not every file system below can keep them"
#define WHY_GET "what of them set() can have set; else no file shows extended attributes"

static const struct row rows[] = {
	{ SYS(setxattr, 188), OBSERVE,
	  .arg = { PATH(path), PATH(name), IN_BUF(value, 3), UINT(size), UINT(flags) },
	  .enter = set_enter, .leave = change_leave, .why = WHY_SET },
	{ SYS(lsetxattr, 189), OBSERVE,
	  .arg = { PATH(path), PATH(name), IN_BUF(value, 3), UINT(size), UINT(flags) },
	  .enter = set_enter, .leave = change_leave, .why = WHY_SET },
	{ SYS(fsetxattr, 190), OBSERVE,
	  .arg = { FD(fd), PATH(name), IN_BUF(value, 3), UINT(size), UINT(flags) },
	  .enter = set_enter, .leave = change_leave, .why = WHY_SET },
	{ SYS(getxattr, 191), EMULATE,
	  .arg = { PATH(path), PATH(name), OUT_RES(value), UINT(size) },
	  .enter = get_enter, .leave = get_leave, .why = WHY_GET },
	{ SYS(lgetxattr, 192), EMULATE,
	  .arg = { PATH(path), PATH(name), OUT_RES(value), UINT(size) },
	  .enter = get_enter, .leave = get_leave, .why = WHY_GET },
	{ SYS(fgetxattr, 193), EMULATE,
	  .arg = { FD(fd), PATH(name), OUT_RES(value), UINT(size) },
	  .enter = get_enter, .leave = get_leave, .why = WHY_GET },
	{ SYS(listxattr, 194), EMULATE,
	  .arg = { PATH(path), OUT_RES(list), UINT(size) },
	  .enter = list_enter, .leave = list_leave, .why = WHY_GET },
	{ SYS(llistxattr, 195), EMULATE,
	  .arg = { PATH(path), OUT_RES(list), UINT(size) },
	  .enter = list_enter, .leave = list_leave, .why = WHY_GET },
	{ SYS(flistxattr, 196), EMULATE,
	  .arg = { FD(fd), OUT_RES(list), UINT(size) },
	  .enter = list_enter, .leave = list_leave, .why = WHY_GET },
	{ SYS(removexattr, 197), OBSERVE,
	  .arg = { PATH(path), PATH(name) },
	  .enter = remove_enter, .leave = change_leave, .why = WHY_SET },
	{ SYS(lremovexattr, 198), OBSERVE,
	  .arg = { PATH(path), PATH(name) },
	  .enter = remove_enter, .leave = change_leave, .why = WHY_SET },
	{ SYS(fremovexattr, 199), OBSERVE,
	  .arg = { FD(fd), PATH(name) },
	  .enter = remove_enter, .leave = change_leave, .why = WHY_SET },
};

FAMILY(xattr, "Extended attributes");
