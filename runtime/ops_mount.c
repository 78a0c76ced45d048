/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts that config.json asks for. Their order is the plan's. */
#include "runtime/ops.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "runtime/base/own.h"
#include "runtime/copytree.h"
#include "runtime/cover.h"
#include "runtime/lsm.h"
#include "runtime/mounts.h"
#include "runtime/sources.h"

static int in_words(const struct op *o, int r, struct err *e)
{
	return fail_ctx(e, r, "error mounting \"%s\" to rootfs at \"%s\"",
		o->source ? o->source : o->type ? o->type : "", o->path);
}

/* Below /proc only what shows a program fewer CPUs or less memory. */
static int check_inside_proc(const char *path, struct err *e)
{
	static const char *const fine[] = { "/cpuinfo", "/diskstats", "/loadavg", "/meminfo",
		"/slabinfo", "/stat", "/swaps", "/sys/crypto/fips_enabled",
		"/sys/kernel/ns_last_pid", "/uptime" };

	if (strncmp(path, "/proc/", 6))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		if (!strcmp(path + 5, fine[i]))
			return 0;
	return fail_msg(e, EPERM, "\"%s\" cannot be mounted because it is inside /proc", path);
}

/* Over /proc only another procfs. */
static int check_proc(const struct place *at, int fd, struct err *e)
{
	struct statfs fs;

	if (strcmp(at->path, "/proc"))
		return check_inside_proc(at->path, e);
	if (fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		return 0;
	return fail_msg(e, EPERM, "\"%s\" cannot be mounted because it is not of type proc",
		at->path);
}

static int attributes(int fd, const struct op *o, struct err *e)
{
	int r = 0;

	if (o->rec_set || o->rec_clear)
		r = mnt_attr(fd, o->rec_set, o->rec_clear, 0, true, e);
	if (!r && o->propagation)
		r = mnt_attr(fd, 0, 0, o->propagation & ~(unsigned long) MS_REC,
			o->propagation & MS_REC, e);
	return r;
}

/* A directory goes on a directory, anything else on anything else. */
static int check_kind(const struct op *o, const struct place *at, int fd, struct err *e)
{
	struct stat what, where;

	if (fstat(fd, &what) < 0 || fstat(at->fd, &where) < 0)
		return fail(e, errno, "stat %s", o->path);
	return S_ISDIR(what.st_mode) == S_ISDIR(where.st_mode) ? 0 :
		fail(e, ENOTDIR, "mount on %s: one of the two", o->path);
}

static int put(int fd, const struct op *o, const struct place *at, struct err *e)
{
	int r = check_proc(at, fd, e);

	if (!r)
		r = check_kind(o, at, fd, e);
	if (!r)
		r = attributes(fd, o, e);
	return r < 0 ? r : mnt_put(fd, at->fd, o->path, e);
}

/* --- file systems of their own ------------------------------------------------------------ */

/* Without a range of ids the tty group can't be mapped: do without it then. */
static int new_devpts(const struct op *o, int *ret_fd)
{
	char data[256], *gid;
	size_t n;

	snprintf(data, sizeof data, "%s", o->data);
	gid = strstr(data, "gid=");
	if (!gid)
		return -EINVAL;
	n = strcspn(gid, ",");
	memmove(gid, gid + n + (gid[n] == ','), strlen(gid + n + (gid[n] == ',')) + 1);
	return mnt_new(o->type, o->source, data, o->ms, ret_fd, NULL);
}

static int bind_instead(const struct op *o, const char *path, int *ret_fd)
{
	own_fd fd = -1;
	int r = mnt_clone(path, true, true, &fd, NULL);

	if (!r && o->ms)
		r = mnt_bind_flags(fd, o->ms, 0, NULL);
	if (!r)
		*ret_fd = take_fd(&fd);
	return r;
}

/* What a user namespace refuses, if the host's own shows the same: they share the namespace. */
static int hosts_own(const struct init_state *s, const struct op *o, int *ret_fd)
{
	static const struct {
		const char *type, *path;
		enum spec_ns_type ns;
	} t[] = {
		{ "sysfs", "/sys", SPEC_NS_NET },
		{ "mqueue", "/dev/mqueue", SPEC_NS_IPC },
		{ "proc", "/proc", SPEC_NS_PID },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (!strcmp(o->type, t[i].type) && !s->in->spec->linux_.ns[t[i].ns].present)
			return bind_instead(o, t[i].path, ret_fd);
	return -EPERM;
}

/* The mode of the directory that a tmpfs covers is the tmpfs's, where nothing else is said. */
static const char *data_of(const struct op *o, const struct place *at, char *buf, size_t n)
{
	const char *data = o->data ? o->data : "";
	struct stat st;

	if (strcmp(o->type, "tmpfs") || at->made || fstat(at->fd, &st) < 0)
		return data;
	snprintf(buf, n, "mode=%04o%s%s", st.st_mode & 07777, *data ? "," : "", data);
	return buf;
}

static int new_mount(const struct init_state *s, const struct op *o, const char *data, int *ret_fd,
	struct err *e)
{
	int r = mnt_new(o->type, o->source, data, o->ms, ret_fd, e), other = r;

	if (r == -EINVAL && !strcmp(o->type, "devpts"))
		other = new_devpts(o, ret_fd);
	else if (o->above && (r == -EPERM || r == -EBUSY))
		other = bind_instead(o, o->above, ret_fd);
	else if (r == -EPERM)
		other = hosts_own(s, o, ret_fd);
	return other < 0 ? r : 0;
}

/* fsconfig(2) takes 255 bytes for a value, and knows no iversion. */
static bool only_classic(const struct op *o)
{
	size_t n;

	for (const char *c = o->data; c && *c; c += n + (c[n] == ',')) {
		n = strcspn(c, ",");
		if (n > 255)
			return true;
	}
	return o->ms & MS_I_VERSION;
}

static int classic(struct init_state *s, const struct op *o, const struct place *at,
	const char *data, struct err *e)
{
	own_fd fd = -1;
	int r = check_proc(at, at->fd, e);

	if (!r)
		r = mnt_classic(o->type, o->source, data, o->ms, at->fd, e);
	if (r < 0)
		return r;
	fd = in_root(s->root, at->path, O_PATH);
	return fd < 0 ? fail(e, fd, "open %s", o->path) : attributes(fd, o, e);
}

static int copy_up(const struct op *o, const struct place *at, int fd, struct err *e)
{
	own_fd from = openat(at->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_fd to = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (from < 0 || to < 0 || fstat(to, &st) < 0)
		return fail(e, errno, "tmpcopyup: open %s", o->path);
	r = copy_tree_fd(from, to, o->path, e);
	if (r < 0)
		return r;
	/* The mode is as the options of the mount say. */
	return fchmod(to, st.st_mode & 07777) < 0 ? fail(e, errno, "tmpcopyup: chmod %s", o->path) : 0;
}

/* linux.mountLabel, where there is SELinux, but not for those that the kernel labels by itself. */
static const char *labelled(const struct init_state *s, const struct op *o, const char *data,
	char *buf, size_t n)
{
	static const char *const own[] = { "proc", "sysfs", "mqueue", "cgroup", "cgroup2" };
	const char *label = s->in->spec->linux_.mount_label;

	if (!label || !*label || !lsm_selinux())
		return data;
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (!strcmp(o->type, own[i]))
			return data;
	snprintf(buf, n, "%s%scontext=\"%s\"", data, *data ? "," : "", label);
	return buf;
}

static int mount_at(struct init_state *s, const struct op *o, const struct place *at,
	struct err *e)
{
	own_fd fd = -1;
	char buf[8192], with_label[8192 + 300];
	const char *data = labelled(s, o, data_of(o, at, buf, sizeof buf), with_label,
		sizeof with_label);
	int r;

	if (only_classic(o))
		return classic(s, o, at, data, e);
	r = new_mount(s, o, data, &fd, e);
	if (!r && o->ext & SPEC_MNT_COPYUP)
		r = copy_up(o, at, fd, e);
	return r < 0 ? r : put(fd, o, at, e);
}

/* procfs and sysfs through a symlink would put the kernel's files where the image wants them. */
static int place_of(struct init_state *s, const struct op *o, unsigned flags, struct place *ret,
	struct err *e)
{
	bool kernel = o->type && (!strcmp(o->type, "proc") || !strcmp(o->type, "sysfs") ||
		(o->kind == OP_MOUNT && !strcmp(o->path, "/sys"))); /* the canonical one */
	int r;

	if (o->ext & SPEC_MNT_DST_NOFOLLOW)
		flags |= PLACE_NOFOLLOW;
	r = place_make(s->root, o->path, flags | (kernel ? PLACE_PLAIN : 0), 0755, ret, e);
	if (kernel && (r == -ELOOP || r == -ENOTDIR))
		return fail_msg(e, -r, "filesystem \"%s\" must be mounted on ordinary directory",
			o->type);
	if (r == -ENOENT && check_inside_proc(o->path, e) < 0) /* nothing can be made there */
		return -EPERM;
	if (!r && !strcmp(ret->path, "/")) /* all that was mounted so far would be below it, and not to be seen */
		return fail_msg(e, EINVAL, "create mountpoint for %s mount: it is on the top of the "
			"container's root (root.path says what that is)", o->path);
	return r;
}

int op_mount(struct init_state *s, const struct op *o, struct err *e)
{
	own_place at = PLACE_INIT;
	int r;

	if (!o->type)
		return fail_msg(e, EINVAL, "mount on %s: neither a type nor a bind mount", o->path);
	r = place_of(s, o, 0, &at, e);
	if (!r)
		r = mount_at(s, o, &at, e);
	return r < 0 ? in_words(o, r, e) : 0;
}

int op_overlay(struct init_state *s, const struct op *o, struct err *e)
{
	own_place at = PLACE_INIT;
	own_fd fd = -1;
	int r = place_of(s, o, 0, &at, e);

	if (!r)
		r = mnt_overlay(o->source, o->above, o->type, o->data, o->flag, &fd, e);
	if (!r)
		r = put(fd, o, &at, e);
	return r < 0 ? in_words(o, r, e) : 0;
}

/* --- bind mounts -------------------------------------------------------------------------- */

static bool says_flags(const struct op *o)
{
	return (o->ms & ~(unsigned long) (MS_BIND | MS_REC | MS_REMOUNT | MS_SILENT)) ||
	       o->ms_clear;
}

static int bind_at(const struct op *o, int fd, const struct place *at, struct err *e)
{
	int r = says_flags(o) ? mnt_bind_flags(fd, o->ms, o->ms_clear, e) : 0;

	return r < 0 ? r : put(fd, o, at, e);
}

/* What is mounted in the container so far. */
static int clone_inside(struct init_state *s, const struct op *o, int *ret_fd, struct err *e)
{
	bool nofollow = o->ext & SPEC_MNT_SRC_NOFOLLOW;
	own_fd at = in_root(s->root, o->source, O_PATH | (nofollow ? O_NOFOLLOW : 0)), fd = -1;
	int r = at < 0 ? fail(e, at, "open %s", o->source) : mnt_clone_fd(at, o->flag, &fd, e);

	if (!r && sources_late(o))
		r = sources_idmap(s->in->plan, s->in->sources, o, fd, e);
	if (!r)
		*ret_fd = take_fd(&fd);
	return r;
}

/* Or what the launcher has cloned for us, or the host's tree. */
static int source_of(struct init_state *s, const struct op *o, int *ret_fd, struct err *e)
{
	int *given = s->sources ? &s->sources[o - s->in->plan->op] : NULL;

	if (o->inside)
		return clone_inside(s, o, ret_fd, e);
	if (!given || *given < 0)
		return mnt_clone(o->source ? o->source : "", o->flag,
			!(o->ext & SPEC_MNT_SRC_NOFOLLOW), ret_fd, e);
	*ret_fd = take_fd(given);
	return 0;
}

/* copy-symlink: a symlink is not followed and not mounted, but made again. 0: it is none. */
static int copy_symlink(struct init_state *s, const struct op *o, struct err *e)
{
	char text[4096], there[4096];
	ssize_t n = readlink(o->source, text, sizeof text - 1), k;
	own_place p = PLACE_INIT;
	int r;

	if (n < 0)
		return errno == EINVAL ? 0 : fail(e, errno, "read %s", o->source);
	text[n] = 0;
	r = place_make(s->root, o->path, PLACE_PARENT, 0755, &p, e);
	if (r < 0)
		return r;
	if (symlinkat(text, p.fd, p.name) == 0)
		return 1;
	if (errno != EEXIST)
		return fail(e, errno, "link %s in the container", o->path);
	k = readlinkat(p.fd, p.name, there, sizeof there);
	return k == n && !memcmp(text, there, (size_t) n) ? 1 :
		fail_msg(e, EEXIST, "%s in the container is not a symlink to %s", o->path, text);
}

static int bind_one(struct init_state *s, const struct op *o, struct err *e)
{
	own_place at = PLACE_INIT;
	own_fd fd = -1;
	struct stat st;
	int r = o->ext & SPEC_MNT_COPY_SYMLINK && !o->inside ? copy_symlink(s, o, e) : 0;

	if (r)
		return r < 0 ? r : 0;
	r = source_of(s, o, &fd, e);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return fail(e, errno, "stat %s", o->source);
	r = place_of(s, o, S_ISDIR(st.st_mode) ? 0 : PLACE_FILE, &at, e);
	if (!r)
		r = bind_at(o, fd, &at, e);
	if (!r && o->flag && s->in->mode != DET_OFF)
		r = cover_kernels(s, fd, o->path, e);
	return r;
}

int op_bind(struct init_state *s, const struct op *o, struct err *e)
{
	int r = bind_one(s, o, e);

	return r < 0 ? in_words(o, r, e) : 0;
}

/* --- what is mounted already -------------------------------------------------------------- */

int op_remount(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd fd = in_root(s->root, o->path, O_PATH);
	int r = fd < 0 ? fail(e, fd, "remount") : 0;

	if (!r && !(o->ms & MS_BIND))
		r = mnt_remount(fd, o->type ? o->type : "", o->data, o->ms, o->ms_clear, e);
	if (!r)
		r = mnt_bind_flags(fd, o->ms, o->ms_clear, e);
	if (!r)
		r = attributes(fd, o, e);
	return r < 0 ? in_words(o, r, e) : 0;
}

int op_attr(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd fd = in_root(s->root, o->path, O_PATH);
	int r;

	if (fd < 0)
		return fail(e, fd, "change the mount on %s", o->path);
	r = mnt_attr(fd, o->attr, o->clear, 0, o->flag, e);
	return r < 0 ? fail_ctx(e, r, "mount on %s", o->path) : 0;
}
