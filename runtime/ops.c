/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of the plan that init executes before it is ready: mounts, files, the kernel. */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/console.h"
#include "runtime/copytree.h"
#include "runtime/hide.h"
#include "runtime/init.h"
#include "runtime/mounts.h"

typedef int op_fn(struct init_state *s, const struct op *o, struct err *e);

static int do_propagation(struct init_state *s, const struct op *o, struct err *e)
{
	(void) s;
	if (mount(NULL, "/", NULL, o->propagation | MS_REC, NULL) < 0)
		return fail(e, errno, "change the propagation of the host's mounts");
	return 0;
}

static int do_copy(struct init_state *s, const struct op *o, struct err *e)
{
	(void) s;
	return copy_tree(o->source, o->path, e);
}

static int do_hide(struct init_state *s, const struct op *o, struct err *e)
{
	(void) s;
	return hide_in_layer(o->source, o->data, o->path, o->flag, e);
}

/* --- roots: attached over the host's "/", which stays visible to us until the pivot ------- */

static int root_attach(struct init_state *s, int fd, struct err *e)
{
	if (move_mount(fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return fail(e, errno, "attach the container's root");
	s->root = fd;
	return 0;
}

static int do_root_overlay(struct init_state *s, const struct op *o, struct err *e)
{
	int fd, r = mnt_overlay(o->source, o->above, o->type, o->data, o->flag, &fd, e);

	return r < 0 ? r : root_attach(s, fd, e);
}

static int do_root_bind(struct init_state *s, const struct op *o, struct err *e)
{
	int fd, r;

	if (o->flag) { /* no mount namespace: in its place */
		s->root = open(o->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return s->root < 0 ? fail(e, errno, "open %s", o->source) : 0;
	}
	r = mnt_clone(o->source, true, true, &fd, e);
	return r < 0 ? r : root_attach(s, fd, e);
}

/* --- files ------------------------------------------------------------------------------- */

static int do_mkdir(struct init_state *s, const struct op *o, struct err *e)
{
	return in_root_mkdir(s->root, o->path, o->mode, e);
}

static int do_file(struct init_state *s, const struct op *o, struct err *e)
{
	const char *name;
	own_fd dir = -1, fd = -1;
	int r = in_root_parent(s->root, o->path, &name, &dir, e);

	if (r < 0)
		return r;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, o->mode);
	r = fd < 0 ? -errno : write_full(fd, o->data, strlen(o->data));
	return r < 0 ? fail(e, r, "write %s in the container", o->path) : 0;
}

static int do_symlink(struct init_state *s, const struct op *o, struct err *e)
{
	const char *name;
	own_fd dir = -1;
	int r = in_root_parent(s->root, o->path, &name, &dir, e);

	if (r < 0)
		return r;
	if (symlinkat(o->data, dir, name) < 0 && errno != EEXIST)
		return fail(e, errno, "link %s in the container", o->path);
	return 0;
}

static int empty_dir(int fd)
{
	own_dir d = fdopendir(dup(fd));
	struct dirent *ent;
	int r = d ? 0 : -errno;

	while (!r && (ent = readdir(d)))
		if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
			r = rm_rf(fd, ent->d_name);
	return r;
}

/* What only root could have read in the image is the same for everybody when it is empty. */
static int do_empty(struct init_state *s, const struct op *o, struct err *e)
{
	bool dir = *o->path && o->path[strlen(o->path) - 1] == '/';
	own_fd fd = in_root(s->root, o->path, dir ? O_RDONLY | O_DIRECTORY : O_WRONLY | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(e, fd < 0 ? fd : errno, "empty %s in the container", o->path);
	r = dir ? empty_dir(fd) : S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0 ? -errno : 0;
	if (!r && futimens(fd, (struct timespec[]) { st.st_atim, st.st_mtim }) < 0)
		r = -errno;
	return r < 0 ? fail(e, r, "empty %s in the container", o->path) : 0;
}

/* --- mounts ------------------------------------------------------------------------------ */

static int attach(struct init_state *s, int fd, const struct op *o, struct err *e)
{
	int r = mnt_attr(fd, o->attr, o->clear, 0, o->flag, e);

	if (!r && o->propagation)
		r = mnt_attr(fd, 0, 0, o->propagation & ~(unsigned long) MS_REC,
			o->propagation & MS_REC, e);
	if (!r)
		r = mnt_attach(fd, s->root, o->path, e);
	return r < 0 ? fail_ctx(e, r, "mount %s", o->path) : 0;
}

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

static int do_mount(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd fd = -1;
	int r = in_root_mkdir(s->root, o->path, 0755, e);

	if (r < 0)
		return r;
	if (!o->type)
		return fail_msg(e, EINVAL, "mount on %s: neither a type nor a bind mount", o->path);
	r = mnt_new(o->type, o->source, o->data, o->ms, &fd, e);
	if (r == -EINVAL && !strcmp(o->type, "devpts"))
		r = new_devpts(o, &fd);
	if (r < 0)
		return fail_ctx(e, r, "mount %s", o->path);
	return attach(s, fd, o, e);
}

static int do_overlay(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd fd = -1;
	int r = in_root_mkdir(s->root, o->path, 0755, e);

	if (!r)
		r = mnt_overlay(o->source, o->above, o->type, o->data, o->flag, &fd, e);
	return r < 0 ? r : attach(s, fd, o, e);
}

static int do_bind(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd fd = -1;
	struct stat st;
	int r = mnt_clone(o->source ? o->source : "", o->flag, true, &fd, e);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return fail(e, errno, "stat %s", o->source);
	r = S_ISDIR(st.st_mode) ? in_root_mkdir(s->root, o->path, 0755, e)
				: in_root_touch(s->root, o->path, e);
	return r < 0 ? r : attach(s, fd, o, e);
}

static int do_device(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd fd = -1, dir = -1;
	const char *name;
	struct stat st;
	int r = in_root_parent(s->root, o->path, &name, &dir, e);

	if (r < 0)
		return r;
	if (!o->source && mknodat(dir, name, o->mode, o->attr) == 0) {
		if (fchmodat(dir, name, o->mode & 07777, 0) < 0 ||
			fchownat(dir, name, o->uid, o->gid, AT_SYMLINK_NOFOLLOW) < 0)
			return fail(e, errno, "make device %s", o->path);
		return 0;
	}
	if (!o->source && errno == EEXIST)
		return 0;
	r = mnt_clone(o->path, false, false, &fd, e);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != (o->mode & S_IFMT) ||
		st.st_rdev != o->attr)
		return fail_msg(e, ENODEV, "the host's %s is not the device %u:%u", o->path,
			major(o->attr), minor(o->attr));
	r = in_root_touch(s->root, o->path, e);
	return r < 0 ? r : mnt_attach(fd, s->root, o->path, e);
}

static int do_attr(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd fd = in_root(s->root, o->path, O_PATH);
	int r;

	if (fd < 0)
		return fail(e, fd, "change the mount on %s", o->path);
	r = mnt_attr(fd, o->attr, o->clear, 0, o->flag, e);
	return r < 0 ? fail_ctx(e, r, "mount on %s", o->path) : 0;
}

/* Something from inside the container, cloned to be mounted over itself or elsewhere. */
static int clone_fd(int fd, int *ret, struct err *e)
{
	int t = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
		AT_RECURSIVE);

	if (t < 0)
		return fail(e, errno, "clone a mount");
	*ret = t;
	return 0;
}

static int do_readonly(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd at = in_root(s->root, o->path, O_PATH), fd = -1;
	int r;

	if (at == -ENOENT || at == -ENOTDIR)
		return 0;
	r = at < 0 ? fail(e, at, "open") : clone_fd(at, &fd, e);
	if (!r)
		r = mnt_attr(fd, MOUNT_ATTR_RDONLY, 0, 0, true, e);
	if (!r)
		r = mnt_attach(fd, s->root, o->path, e);
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

static int do_mask(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd at = in_root(s->root, o->path, O_PATH), fd = -1;
	struct stat st;
	int r;

	if (at == -ENOENT || at == -ENOTDIR)
		return 0;
	if (at < 0 || fstat(at, &st) < 0)
		return fail(e, at < 0 ? at : errno, "mask %s", o->path);
	r = S_ISDIR(st.st_mode) ? mnt_new("tmpfs", "tmpfs", "mode=0755,size=0",
		MS_RDONLY, &fd, e) : null_device(&fd, e);
	if (!r)
		r = mnt_attach(fd, s->root, o->path, e);
	return r < 0 ? fail_ctx(e, r, "mask %s", o->path) : 0;
}

/* --- the kernel -------------------------------------------------------------------------- */

static int do_lo_up(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo" };

	(void) s, (void) o;
	if (fd < 0 && errno == EAFNOSUPPORT)
		return 0;
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return fail(e, errno, "look at the loopback interface");
	ifr.ifr_flags = (short) (ifr.ifr_flags | IFF_UP);
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return fail(e, errno, "bring the loopback interface up");
	return 0;
}

static int do_hostname(struct init_state *s, const struct op *o, struct err *e)
{
	(void) s;
	if (sethostname(o->data, strlen(o->data)) < 0)
		return fail(e, errno, "set hostname %s", o->data);
	return 0;
}

static int do_domainname(struct init_state *s, const struct op *o, struct err *e)
{
	(void) s;
	if (setdomainname(o->data, strlen(o->data)) < 0)
		return fail(e, errno, "set domainname %s", o->data);
	return 0;
}

/* Files of /proc are written through a procfs of our own, never through the container's paths. */
static int proc_write(struct init_state *s, const char *path, const char *text)
{
	own_fd fd = -1;

	if (s->procfs < 0) {
		int r = mnt_new("proc", "proc", NULL, 0, &s->procfs, NULL);

		if (r < 0)
			return r;
	}
	fd = openat(s->procfs, path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : write_full(fd, text, strlen(text));
}

static int do_sysctl(struct init_state *s, const struct op *o, struct err *e)
{
	char path[256] = "sys/";
	int r;

	if (strlen(o->path) > 200 || strstr(o->path, "..") || strchr(o->path, '/'))
		return fail_msg(e, EINVAL, "sysctl %s: not a name", o->path);
	for (size_t i = 0; o->path[i]; i++)
		path[4 + i] = o->path[i] == '.' ? '/' : o->path[i];
	r = proc_write(s, path, o->data);
	return r < 0 ? fail(e, r, "set sysctl %s", o->path) : 0;
}

static int do_oom(struct init_state *s, const struct op *o, struct err *e)
{
	int r = proc_write(s, "self/oom_score_adj", o->data);

	return r < 0 ? fail(e, r, "set oom_score_adj to %s", o->data) : 0;
}

static int do_rlimit(struct init_state *s, const struct op *o, struct err *e)
{
	struct rlimit want = { .rlim_cur = o->attr, .rlim_max = o->clear }, now;

	(void) s;
	if (setrlimit((int) o->mode, &want) == 0)
		return 0;
	if (!o->flag || getrlimit((int) o->mode, &now) < 0)
		return fail(e, errno, "set %s to %llu:%llu", o->data, (unsigned long long) o->attr,
			(unsigned long long) o->clear);
	if (want.rlim_max > now.rlim_max)
		want.rlim_max = now.rlim_max;
	if (want.rlim_cur > want.rlim_max)
		want.rlim_cur = want.rlim_max;
	if (setrlimit((int) o->mode, &want) < 0)
		return fail(e, errno, "set %s", o->data);
	return 0;
}

static int do_pivot(struct init_state *s, const struct op *o, struct err *e)
{
	if (fchdir(s->root) < 0)
		return fail(e, errno, "enter the container's root");
	if (o->flag) {
		if (chroot(".") < 0 || chdir("/") < 0)
			return fail(e, errno, "change root");
		return 0;
	}
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return fail(e, errno, "pivot_root (--no-pivot helps on an initramfs)");
	if (umount2(".", MNT_DETACH) < 0)
		return fail(e, errno, "detach the host's root");
	if (chdir("/") < 0)
		return fail(e, errno, "enter the container's root");
	return 0;
}

static int do_keyring(struct init_state *s, const struct op *o, struct err *e)
{
	(void) s, (void) o;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "_ses.detrun") < 0)
		return fail(e, errno, "make a session keyring");
	return 0;
}

static int do_console(struct init_state *s, const struct op *o, struct err *e)
{
	return console_make(s->root, s->in->virtual_ids ? 0 : o->uid, &s->master, e);
}

/* Where the program isn't this process, the terminal is for its own session. */
static int do_session(struct init_state *s, const struct op *o, struct err *e)
{
	(void) o;
	if (setsid() < 0)
		return fail(e, errno, "make a session");
	return s->in->spec->process.terminal && !s->in->virtual_ids ? console_control(e) : 0;
}

static int do_umask(struct init_state *s, const struct op *o, struct err *e)
{
	(void) s, (void) e;
	umask(o->mode);
	return 0;
}

/* Below the new root there is no way to the old one but through an fd: see that cwd took none. */
static int do_cwd(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd fd = -1, root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char now[4096];
	int r;

	(void) s;
	if (root < 0)
		return fail(e, errno, "open the container's root");
	fd = in_root(root, o->path, O_PATH | O_DIRECTORY);
	if (fd == -ENOENT) {
		r = in_root_mkdir(root, o->path, 0755, e);
		if (r < 0)
			return r;
		fd = in_root(root, o->path, O_PATH | O_DIRECTORY);
	}
	if (fd < 0)
		return fail(e, fd, "working directory %s", o->path);
	if (fchdir(fd) < 0 || syscall(SYS_getcwd, now, sizeof now) < 0)
		return fail(e, errno, "enter the working directory %s", o->path);
	if (now[0] != '/')
		return fail_msg(e, EPERM, "the working directory %s is outside the container",
			o->path);
	return 0;
}

static op_fn *const ops[] = {
	[OP_PROPAGATION] = do_propagation, [OP_COPY] = do_copy,
	[OP_HIDE] = do_hide,
	[OP_ROOT_OVERLAY] = do_root_overlay, [OP_ROOT_BIND] = do_root_bind,
	[OP_MKDIR] = do_mkdir, [OP_FILE] = do_file,
	[OP_EMPTY] = do_empty, [OP_SYMLINK] = do_symlink, [OP_MOUNT] = do_mount,
	[OP_OVERLAY] = do_overlay, [OP_BIND] = do_bind, [OP_DEVICE] = do_device,
	[OP_ATTR] = do_attr, [OP_MASK] = do_mask, [OP_READONLY] = do_readonly,
	[OP_LO_UP] = do_lo_up, [OP_HOSTNAME] = do_hostname, [OP_DOMAINNAME] = do_domainname,
	[OP_SYSCTL] = do_sysctl, [OP_OOM] = do_oom, [OP_RLIMIT] = do_rlimit,
	[OP_PIVOT] = do_pivot, [OP_KEYRING] = do_keyring, [OP_CONSOLE] = do_console, [OP_SESSION] = do_session,
	[OP_UMASK] = do_umask, [OP_CWD] = do_cwd,
};

int op_run(struct init_state *s, const struct op *o, struct err *e)
{
	int r;

	must(o->kind < ARRAY_LEN(ops) && ops[o->kind]);
	r = ops[o->kind](s, o, e);
	return r < 0 && o->optional ? 0 : r;
}
