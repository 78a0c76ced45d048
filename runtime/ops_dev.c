/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, and what is covered: masked and read-only paths. */
#include "runtime/ops.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/base/own.h"
#include "runtime/console.h"
#include "runtime/mounts.h"

/* --- devices ------------------------------------------------------------------------------ */

static bool is_device(const struct stat *st, const struct op *o)
{
	return (st->st_mode & S_IFMT) == (o->mode & S_IFMT) &&
	       (S_ISFIFO(st->st_mode) || st->st_rdev == o->attr);
}

static int make_node(int dir, const char *name, const struct op *o, uid_t uid, gid_t gid)
{
	if (mknodat(dir, name, o->mode, o->attr) < 0)
		return -errno;
	if (fchmodat(dir, name, o->mode & 07777, 0) < 0 ||
		fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* Another file where config.json wants a device: the specification has it that this is an error. */
static int conflict(const struct stat *st, const struct op *o, struct err *e)
{
	if ((st->st_mode & S_IFMT) != (o->mode & S_IFMT))
		return fail_msg(e, EEXIST, "linux.devices: %s has incorrect ftype: the image has "
					   "another file there",
			o->path);
	return fail_msg(e, EEXIST, "linux.devices: %s has incorrect major:minor: %u:%u doesn't match "
				   "expected %u:%u",
		o->path, major(st->st_rdev), minor(st->st_rdev), major(o->attr), minor(o->attr));
}

/* A node that is in no directory of the container's: to be mounted over what the image has there. */
int ops_node(const struct op *o, uid_t uid, gid_t gid, int *ret_fd, struct err *e)
{
	own_fd fs = -1, node = -1;
	int r = mnt_new("tmpfs", "tmpfs", "mode=0755", 0, &fs, e);

	if (!r)
		r = make_node(fs, "node", o, uid, gid);
	if (r < 0)
		return fail(e, r, "make device %s", o->path);
	node = openat(fs, "node", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return node < 0 ? fail(e, errno, "make device %s", o->path)
			: mnt_clone_loose(fs, node, ret_fd, e);
}

static int hosts_node(const struct op *o, int *ret_fd, struct err *e)
{
	own_fd fd = -1;
	struct stat st;
	int r = mnt_clone(o->source ? o->source : o->path, false, false, &fd, e);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || !is_device(&st, o))
		return fail_msg(e, ENODEV, "the host's %s is not the device %u:%u", o->path,
			major(o->attr), minor(o->attr));
	*ret_fd = take_fd(&fd);
	return 0;
}

static unsigned plain(const struct op *o)
{
	return strncmp(o->path, "/dev/", 5) ? 0 : PLACE_PLAIN;
}

static int cover(struct init_state *s, const struct op *o, int fd, struct err *e)
{
	own_place at = PLACE_INIT;
	int r = place_make(s->root, o->path, PLACE_FILE | plain(o), 0755, &at, e);

	return r < 0 ? r : mnt_put(fd, at.fd, o->path, e);
}

/* 1: something else has to be done about it */
static int node_in_place(struct init_state *s, const struct op *o, bool *ret_there, struct err *e)
{
	own_place dir = PLACE_INIT;
	struct stat st;
	int r = place_make(s->root, o->path, PLACE_PARENT | plain(o), 0755, &dir, e);

	if (r < 0)
		return r;
	r = o->source ? 1 : make_node(dir.fd, dir.name, o, o->uid, o->gid);
	if (r == -EPERM)
		return 1;
	if (r != -EEXIST)
		return r < 0 ? fail(e, r, "make device %s", o->path) : r;
	*ret_there = true;
	if (fstatat(dir.fd, dir.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 1;
	return is_device(&st, o) ? 0 : o->flag && !S_ISLNK(st.st_mode) ? conflict(&st, o, e) : 1;
}

int op_device(struct init_state *s, const struct op *o, struct err *e)
{
	int *given = s->sources ? &s->sources[o - s->in->plan->op] : NULL;
	bool there = false;
	own_fd fd = -1;
	int r = node_in_place(s, o, &there, e);

	if (r <= 0)
		return r;
	if (given && *given >= 0)
		fd = take_fd(given);
	else
		r = there ? ops_node(o, o->uid, o->gid, &fd, e) : hosts_node(o, &fd, e);
	return r < 0 ? r : cover(s, o, fd, e);
}

int op_console(struct init_state *s, const struct op *o, struct err *e)
{
	int r = console_make(s->root, s->in->virtual_ids ? 0 : o->uid, o->flag, &s->master, e);

	if (!r && s->in->mode == DET_OFF) /* otherwise the supervisor knows of sizes */
		console_size(s->master, &s->in->spec->process);
	return r;
}

/* --- covered paths ------------------------------------------------------------------------ */

static bool missing(int r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

int op_readonly(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd at = in_root(s->root, o->path, O_PATH), fd = -1;
	int r;

	if (missing(at))
		return 0;
	r = at < 0 ? fail(e, at, "open") : mnt_clone_fd(at, true, &fd, e);
	if (!r)
		r = mnt_attr(fd, MOUNT_ATTR_RDONLY, 0, 0, true, e);
	if (!r)
		r = mnt_put(fd, at, o->path, e);
	return r < 0 ? fail_ctx(e, r, "make %s read-only", o->path) : 0;
}

static int null_device(int *ret_fd, struct err *e)
{
	own_fd fd = -1;
	struct stat st;
	int r = mnt_clone("/dev/null", false, false, &fd, e);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return fail_msg(e, ENODEV, "the host's /dev/null is not the null device");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* One empty directory serves all: the first place gets it, the others a clone of what is there. */
static int blank(struct init_state *s, int *ret_fd, struct err *e)
{
	int r;

	if (s->blank >= 0)
		return mnt_clone_fd(s->blank, false, ret_fd, e);
	r = mnt_new("tmpfs", "tmpfs", NULL, MS_RDONLY, &s->blank, e);
	if (r < 0)
		return r;
	*ret_fd = fcntl(s->blank, F_DUPFD_CLOEXEC, 3);
	return *ret_fd < 0 ? fail(e, errno, "an empty directory") : 0;
}

int ops_mask(struct init_state *s, int at, const char *path, struct err *e)
{
	own_fd fd = -1;
	struct stat st;
	int r;

	if (fstat(at, &st) < 0)
		return fail(e, errno, "mask %s", path);
	r = S_ISDIR(st.st_mode) ? blank(s, &fd, e) : null_device(&fd, e);
	if (!r)
		r = mnt_put(fd, at, path, e);
	return r < 0 ? fail_ctx(e, r, "mask %s", path) : 0;
}

int op_mask(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd at = in_root(s->root, o->path, O_PATH);

	if (missing(at))
		return 0;
	return at < 0 ? fail(e, at, "mask %s", o->path) : ops_mask(s, at, o->path, e);
}
