/* SPDX-License-Identifier: Apache-2.0 */
/* The operations that init executes before it is ready: the kernel's settings, the process. */
#include "runtime/ops.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/console.h"
#include "runtime/mounts.h"
#include "runtime/netdev.h"

enum { PROC_ROOT_INO = 1 };

/* --- the kernel -------------------------------------------------------------------------- */

static int do_lo_up(struct init_state *s, const struct op *o, struct err *e)
{
	own_fd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo" };

	(void) o;
	if (fd < 0 && errno == EAFNOSUPPORT)
		return 0;
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return fail(e, errno, "look at the loopback interface");
	ifr.ifr_flags = (short) (ifr.ifr_flags | IFF_UP);
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return fail(e, errno, "bring the loopback interface up");
	return s->in->mode == DET_OFF ? 0 : netdev_patient_loopback(e);
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

/*
 * Files of /proc are written through a procfs of our own, never through the container's paths. Where
 * the kernel grants us none (a user namespace that shares the PID namespace), through the host's,
 * which is looked at while the host's root is still ours.
 */
int ops_procfs(struct init_state *s, struct err *e)
{
	own_fd fd = -1;
	struct statfs fs;
	struct stat st;
	int r = s->procfs >= 0 ? 0 : mnt_new("proc", "proc", NULL, 0, &s->procfs, NULL);

	if (!r)
		return 0;
	fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC ||
		fstat(fd, &st) < 0 || st.st_ino != PROC_ROOT_INO)
		return fail_msg(e, ENODEV, "the host's /proc is not a procfs");
	s->procfs = take_fd(&fd);
	return 0;
}

static int proc_write(struct init_state *s, const char *path, const char *text, struct err *e)
{
	own_fd fd = -1;
	int r = ops_procfs(s, e);

	if (r < 0)
		return r;
	fd = openat_beneath(s->procfs, path, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	r = fd < 0 ? fd : write_full(fd, text, strlen(text));
	return r < 0 ? fail(e, r, "write /proc/%s", path) : 0;
}

/* Dots and slashes change places where the first is a dot. */
static int do_sysctl(struct init_state *s, const struct op *o, struct err *e)
{
	char path[256] = "sys/";
	bool swap = o->path[strcspn(o->path, "./")] == '.';
	int r;

	if (strlen(o->path) > 200 || strstr(o->path, "..") || o->path[0] == '/')
		return fail_msg(e, EINVAL, "sysctl %s: not a name", o->path);
	for (size_t i = 0; o->path[i]; i++)
		path[4 + i] = !swap ? o->path[i] : o->path[i] == '.' ? '/' :
			o->path[i] == '/' ? '.' : o->path[i];
	r = proc_write(s, path, o->data, e);
	return r < 0 ? fail_ctx(e, r, "set sysctl %s", o->path) : 0;
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

static int do_keyring(struct init_state *s, const struct op *o, struct err *e)
{
	(void) s, (void) o;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "_ses.detrun") < 0)
		return fail(e, errno, "make a session keyring");
	return 0;
}

/* Where the program isn't this process, the terminal is for its own session. */
static int do_session(struct init_state *s, const struct op *o, struct err *e)
{
	(void) o;
	if (s->in->one_session) /* stand_in() does */
		return 0;
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
		own_place p = PLACE_INIT;

		r = place_make(root, o->path, 0, 0755, &p, e);
		if (r < 0)
			return r;
		fd = take_fd(&p.fd);
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
	[OP_PROPAGATION] = op_propagation, [OP_COPY] = op_copy,
	[OP_HIDE] = op_hide,
	[OP_ROOT_OVERLAY] = op_root_overlay, [OP_ROOT_BIND] = op_root_bind,
	[OP_MKDIR] = op_mkdir, [OP_FILE] = op_file,
	[OP_EMPTY] = op_empty, [OP_SYMLINK] = op_symlink, [OP_MOUNT] = op_mount,
	[OP_OVERLAY] = op_overlay, [OP_BIND] = op_bind, [OP_DEVICE] = op_device,
	[OP_REMOUNT] = op_remount,
	[OP_ATTR] = op_attr, [OP_MASK] = op_mask, [OP_READONLY] = op_readonly,
	[OP_LO_UP] = do_lo_up, [OP_HOSTNAME] = do_hostname, [OP_DOMAINNAME] = do_domainname,
	[OP_SYSCTL] = do_sysctl, [OP_RLIMIT] = do_rlimit,
	[OP_PIVOT] = op_pivot, [OP_KEYRING] = do_keyring, [OP_CONSOLE] = op_console, [OP_SESSION] = do_session,
	[OP_UMASK] = do_umask, [OP_CWD] = do_cwd,
};

int op_run(struct init_state *s, const struct op *o, struct err *e)
{
	int r;

	must(o->kind < ARRAY_LEN(ops) && ops[o->kind]);
	r = ops[o->kind](s, o, e);
	return r < 0 && o->optional ? 0 : r;
}
