/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes: which names and sizes a file system takes differs from one to the next, so
 * the guest sees one that has none.
 */
#include <errno.h>
#include <fcntl.h>

#include "shim/fs.h"

enum { NAME_MAX_LEN = 255 };

/* @a0: the first argument is a path (followed or not) or a descriptor. 0, -errno, FS_ASK. */
static long exists(struct call *c)
{
	const char *path;
	struct stat st;
	long r;

	if (c->row->arg[0].kind == A_FD)
		return fs_fstat(c, (int) c->a[0], &st);
	r = in_path(c, 0, &path);
	if (r < 0)
		return r;
	return fs_stat(c, AT_FDCWD, path, c->row->name[0] == 'l' && c->row->name[1] != 'i'
			? AT_SYMLINK_NOFOLLOW : 0, &st);
}

/* Only whether the file is there matters; where only the kernel knows, it is there. */
static long with_name(struct call *c, long none)
{
	const char *name;
	long r = exists(c);

	if (r < 0)
		return r;
	r = in_str(c, c->a[1], NAME_MAX_LEN + 1, &name);
	if (r < 0)
		return r == -ENAMETOOLONG ? -ERANGE : r;
	return name[0] ? none : -ERANGE;
}

static long set_enter(struct call *c)
{
	return with_name(c, -EOPNOTSUPP);
}

static long get_enter(struct call *c)
{
	return with_name(c, -ENODATA);
}

static long list_enter(struct call *c)
{
	long r = exists(c);

	return r < 0 ? r : 0;
}

#define WHY_SET "no extended attributes: not every file system below can keep them"
#define WHY_GET "no file shows extended attributes"

static const struct row rows[] = {
	{ SYS(setxattr, 188), EMULATE,
	  .arg = { PATH(path), PATH(name), IN_BUF(value, 3), UINT(size), UINT(flags) },
	  .enter = set_enter, .why = WHY_SET },
	{ SYS(lsetxattr, 189), EMULATE,
	  .arg = { PATH(path), PATH(name), IN_BUF(value, 3), UINT(size), UINT(flags) },
	  .enter = set_enter, .why = WHY_SET },
	{ SYS(fsetxattr, 190), EMULATE,
	  .arg = { FD(fd), PATH(name), IN_BUF(value, 3), UINT(size), UINT(flags) },
	  .enter = set_enter, .why = WHY_SET },
	{ SYS(getxattr, 191), EMULATE,
	  .arg = { PATH(path), PATH(name), HIDE(value), UINT(size) },
	  .enter = get_enter, .why = WHY_GET },
	{ SYS(lgetxattr, 192), EMULATE,
	  .arg = { PATH(path), PATH(name), HIDE(value), UINT(size) },
	  .enter = get_enter, .why = WHY_GET },
	{ SYS(fgetxattr, 193), EMULATE,
	  .arg = { FD(fd), PATH(name), HIDE(value), UINT(size) },
	  .enter = get_enter, .why = WHY_GET },
	{ SYS(listxattr, 194), EMULATE,
	  .arg = { PATH(path), HIDE(list), UINT(size) },
	  .enter = list_enter, .why = WHY_GET },
	{ SYS(llistxattr, 195), EMULATE,
	  .arg = { PATH(path), HIDE(list), UINT(size) },
	  .enter = list_enter, .why = WHY_GET },
	{ SYS(flistxattr, 196), EMULATE,
	  .arg = { FD(fd), HIDE(list), UINT(size) },
	  .enter = list_enter, .why = WHY_GET },
	{ SYS(removexattr, 197), EMULATE,
	  .arg = { PATH(path), PATH(name) },
	  .enter = get_enter, .why = WHY_GET },
	{ SYS(lremovexattr, 198), EMULATE,
	  .arg = { PATH(path), PATH(name) },
	  .enter = get_enter, .why = WHY_GET },
	{ SYS(fremovexattr, 199), EMULATE,
	  .arg = { FD(fd), PATH(name) },
	  .enter = get_enter, .why = WHY_GET },
};

FAMILY(xattr, "Extended attributes");
