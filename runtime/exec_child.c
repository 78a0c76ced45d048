/* SPDX-License-Identifier: Apache-2.0 */
/* The further process's own half: from its birth in the container's namespaces to its exec. */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/caps.h"
#include "runtime/console.h"
#include "runtime/exec.h"
#include "runtime/home.h"
#include "runtime/init.h"
#include "runtime/mounts.h"
#include "runtime/program.h"

__attribute__((noreturn))
static void die(const struct exec_child *c, const struct err *e)
{
	struct init_error m = { .status = 255, .e = *e };

	(void) !write_full(c->err, &m, sizeof m);
	_exit(255);
}

static void await(const struct exec_child *c, char want)
{
	char got = 0;

	if (read_full(c->sync, &got, 1) != 1 || got != want)
		_exit(255); /* the parent gave up, and has said why */
}

/* Ids that mean something in the user namespace; where it has no root there is none to become. */
static int become_root(const struct exec_child *c, struct err *e)
{
	if (!(c->joined & CLONE_NEWUSER))
		return 0;
	if (c->setgroups && setgroups(0, NULL) < 0)
		return fail(e, errno, "clear the supplementary groups");
	if ((setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) && errno != EINVAL)
		return fail(e, errno, "become root in the user namespace");
	/* the supervisor attaches to us as the owner of this namespace; meanwhile nobody in it runs */
	if (c->job->control >= 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return fail(e, errno, "stay dumpable");
	return 0;
}

/* The mount namespace's root, unless the container was made without pivot_root. */
static int enter_root(const struct exec_child *c, struct err *e)
{
	struct statx here, there;

	if (statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &here) < 0 ||
		statx(c->root, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &there) < 0)
		return fail(e, errno, "look at the container's root");
	if (here.stx_mnt_id != there.stx_mnt_id || here.stx_ino != there.stx_ino)
		if (fchdir(c->root) < 0 || chroot(".") < 0)
			return fail(e, errno, "enter the container's root");
	return chdir("/") < 0 ? fail(e, errno, "enter the container's root") : 0;
}

static int set_stdio(const struct exec_child *c, struct err *e)
{
	for (int i = 0; i < 3; i++)
		if (c->stdio[i] >= 0 && dup2(c->stdio[i], i) < 0)
			return fail(e, errno, "set up fd %d", i);
	return 0;
}

/* /dev/stdout can be opened anew only by who owns it. Not everything may change hands. */
static int own_stdio(uid_t uid, struct err *e)
{
	for (int fd = 0; fd < 3; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0)
			return fail(e, errno, "look at fd %d", fd);
		if (st.st_uid == uid || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
			continue;
		if (fchown(fd, uid, (gid_t) -1) < 0 && errno != EINVAL && errno != EPERM &&
			errno != EROFS && errno != ENOSYS)
			return fail(e, errno, "give fd %d to user %u", fd, uid);
	}
	return 0;
}

/* A session of its own; with a terminal, its master goes to the parent. */
static int session(const struct exec_child *c, struct err *e)
{
	const struct spec_process *p = &c->job->spec->process;
	own_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), master = -1, slave = -1;
	int r;

	if (setsid() < 0)
		return fail(e, errno, "make a session");
	if (p->terminal) {
		r = console_pty(root, p->user.uid, !c->job->detach, &master, &slave, e);
		if (r < 0)
			return r;
		console_size(slave, p);
		for (int i = 0; i < 3; i++)
			if (dup2(slave, i) < 0)
				return fail(e, errno, "set up fd %d", i);
		r = console_control(e);
	} else {
		r = own_stdio(p->user.uid, e);
	}
	if (!r && c->confine->supervised)
		r = confine_traced(c->confine, e);
	if (!r && fd_send(c->sync, "R", 1, master) < 0)
		_exit(255);
	return r;
}

/* runc's words. An fd of ours in the path could lead out of the container: see that none did. */
static int enter_cwd(const char *path, struct err *e)
{
	own_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	char now[4096];

	if (root < 0)
		return fail(e, errno, "open the container's root");
	fd = in_root(root, path, O_PATH | O_DIRECTORY);
	if (fd < 0 || fchdir(fd) < 0)
		return fail_msg(e, fd < 0 ? -fd : errno,
			"chdir to cwd (\"%s\") set in config.json failed: %s", path,
			fd == -ENOENT ? "no such file or directory"
				: fd == -ENOTDIR ? "not a directory" : strerror(fd < 0 ? -fd : errno));
	if (syscall(SYS_getcwd, now, sizeof now) < 0 || now[0] != '/')
		return fail_msg(e, EPERM, "current working directory is outside of container mount "
			"namespace root -- possible container breakout detected");
	return 0;
}

static int close_rest(unsigned preserve, struct err *e)
{
	if (close_range(3 + preserve, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return fail(e, errno, "close the file descriptors");
	return 0;
}

static int become(const struct exec_child *c, struct err *e)
{
	const struct spec_process *p = &c->job->spec->process;
	int r;

	umask(p->user.has_umask ? p->user.umask : 022);
	r = enter_cwd(p->cwd, e);
	return r < 0 ? r : caps_apply(p, false, c->setgroups, c->confine->supervised, e);
}

void exec_child(const struct exec_child *c)
{
	const struct spec_process *p = &c->job->spec->process;
	struct err e = ERR_INIT;
	char *const *env = NULL;
	char path[4096];
	int r;

	await(c, 'g');
	r = reset_signals(&e);
	if (!r)
		r = set_stdio(c, &e);
	if (!r)
		r = enter_root(c, &e);
	if (!r)
		r = become_root(c, &e);
	if (!r)
		r = session(c, &e);
	if (r < 0)
		die(c, &e);
	await(c, 'G');
	r = become(c, &e);
	if (!r && program_find(p, path, sizeof path, &e))
		r = -ENOENT;
	if (!r && !(env = home_env(p)))
		r = fail(&e, ENOMEM, "make the environment");
	if (!r)
		r = close_rest(c->job->preserve, &e);
	if (!r)
		r = confine_last(c->confine, &e);
	if (!r) {
		execve(path, (char *const *) (uintptr_t) p->args, env);
		program_exec_fail(p->args[0], -errno, &e);
	}
	die(c, &e);
}
