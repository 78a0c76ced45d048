/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ns.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "runtime/base/buf.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

static long sysctl_number(const char *path)
{
	char text[32] = "";
	own_fd fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
		return -1;
	return atol(text);
}

#define APPARMOR "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
#define APPARMOR_CURE "load detrun's AppArmor profile (contrib/apparmor), or set it to 0"

int ns_powerless(int r, struct err *e)
{
	if ((r != -EPERM && r != -EACCES) || sysctl_number(APPARMOR) != 1)
		return r;
	return fail_ctx(e, r, "the user namespace may have no rights, as " APPARMOR " is 1: "
		APPARMOR_CURE);
}

static int refused(int errnum, uint64_t flags, struct err *e)
{
	static const struct {
		const char *path;
		long bad;
		const char *cure;
	} why[] = {
		{ "/proc/sys/kernel/unprivileged_userns_clone", 0, "set it to 1" },
		{ "/proc/sys/user/max_user_namespaces", 0, "raise it" },
		{ APPARMOR, 1, APPARMOR_CURE },
	};

	for (size_t i = 0; flags & CLONE_NEWUSER && i < ARRAY_LEN(why); i++) {
		if (sysctl_number(why[i].path) == why[i].bad)
			return fail_msg(e, errnum, "no user namespace: %s is %ld; %s (as root: "
				"sysctl), or run detrun as root", why[i].path, why[i].bad,
				why[i].cure);
	}
	if (errnum == ENOSPC)
		return fail_msg(e, errnum, "no new namespaces: a limit in /proc/sys/user is "
			"reached, or they are nested too deep; raise it");
	if (flags & CLONE_NEWUSER)
		return fail(e, errnum, "no user namespace: the kernel or a sandbox around us "
			"refuses it; allow it there, or run detrun as root");
	return fail(e, errnum, "no new namespaces; without root a user namespace is needed");
}

pid_t ns_clone(uint64_t flags, int *ret_pidfd, struct err *e)
{
	int none = -1;

	return ns_clone_into(flags, &none, ret_pidfd, e);
}

pid_t ns_clone_into(uint64_t flags, int *cgroup, int *ret_pidfd, struct err *e)
{
	int pidfd = -1;
	struct clone_args a = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uintptr_t) &pidfd,
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD, /* else our own is taken over */
	};
	long pid = -1;

	if (*cgroup >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t) *cgroup;
		pid = syscall(SYS_clone3, &a, sizeof a);
	}
	if (pid < 0) {
		*cgroup = -1;
		a.flags &= ~(uint64_t) CLONE_INTO_CGROUP;
		a.cgroup = 0;
		pid = syscall(SYS_clone3, &a, sizeof a);
	}
	if (pid < 0)
		return refused(errno, flags, e);
	if (pid > 0)
		*ret_pidfd = pidfd;
	return (pid_t) pid;
}

uint64_t ns_flags(const struct spec *s)
{
	uint64_t flags = 0;

	for (int t = 0; t < SPEC_NS_COUNT; t++) {
		const struct spec_ns *n = &s->linux_.ns[t];

		/* the cgroup's starts at the cgroup we are in: init makes it when it is in its own;
		   and time's, whose offsets have to be written before anybody is in it */
		if (n->present && !n->path && t != SPEC_NS_CGROUP && t != SPEC_NS_TIME)
			flags |= (uint64_t) (unsigned) spec_ns_flag((enum spec_ns_type) t);
	}
	return flags;
}

enum ns_how ns_how(const struct spec *s)
{
	const struct spec_ns *ns = s->linux_.ns;
	bool any = false;

	for (int t = 0; t < SPEC_NS_COUNT; t++)
		any |= ns[t].present && ns[t].path;
	if (!any)
		return NS_NONE;
	/* of a process that is there already only these can't be changed; and what is not of a
	   new user namespace can't be joined from inside it */
	return ns[SPEC_NS_PID].path || ns[SPEC_NS_USER].present ? NS_BEFORE : NS_INSIDE;
}

static int open_all(const struct spec *s, int fd[SPEC_NS_COUNT], struct err *e)
{
	for (int t = 0; t < SPEC_NS_COUNT; t++) {
		const struct spec_ns *n = &s->linux_.ns[t];

		if (!n->path)
			continue;
		fd[t] = open(n->path, O_RDONLY | O_CLOEXEC);
		if (fd[t] < 0)
			return fail(e, errno, "open the namespace %s", n->path);
	}
	return 0;
}

static int join(const struct spec *s, enum spec_ns_type t, int *fd, struct err *e)
{
	if (*fd < 0)
		return 0;
	if (setns(*fd, spec_ns_flag(t)) < 0)
		return fail(e, errno, "join the %s namespace %s", spec_ns_name(t),
			s->linux_.ns[t].path);
	close(take_fd(fd));
	return 0;
}

/* Those that belong to our own user namespace are joined before we leave it, the others after. */
static int join_all(const struct spec *s, int fd[SPEC_NS_COUNT], struct err *e)
{
	bool user = fd[SPEC_NS_USER] >= 0;
	int r = 0;

	for (int t = SPEC_NS_USER + 1; t < SPEC_NS_COUNT; t++) {
		r = join(s, (enum spec_ns_type) t, &fd[t], e);
		if (r < 0 && (!user || r != -EPERM))
			return r;
	}
	if (!user)
		return 0;
	r = join(s, SPEC_NS_USER, &fd[SPEC_NS_USER], e);
	for (int t = SPEC_NS_USER + 1; !r && t < SPEC_NS_COUNT; t++)
		r = join(s, (enum spec_ns_type) t, &fd[t], e);
	return r;
}

int ns_join(const struct spec *s, struct err *e)
{
	int fd[SPEC_NS_COUNT], r;

	for (int t = 0; t < SPEC_NS_COUNT; t++)
		fd[t] = -1;
	r = open_all(s, fd, e);
	if (!r)
		r = join_all(s, fd, e);
	for (int t = 0; t < SPEC_NS_COUNT; t++)
		own_fd_drop(&fd[t]);
	return r;
}

/* --- removing what the container's ids own ----------------------------------------------- */

static int wait_child(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int rm_in(int userns, const char *path)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(setns(userns, CLONE_NEWUSER) < 0 ? errno : -rm_rf(AT_FDCWD, path));
	return wait_child(pid);
}

static int rm_in_new(const char *path)
{
	struct idmaps m;
	own_fd wait = -1, go = -1, pidfd = -1;
	int p[2], r;
	pid_t pid;
	char c;

	if (idmaps_own(&m, NULL) < 0 || pipe2(p, O_CLOEXEC) < 0)
		return -EPERM;
	wait = p[0], go = p[1];
	pid = ns_clone(CLONE_NEWUSER, &pidfd, NULL);
	if (pid < 0)
		return -EPERM;
	if (!pid) {
		close(go);
		if (read_full(wait, &c, 1) != 1)
			_exit(EPERM);
		_exit(-rm_rf(AT_FDCWD, path));
	}
	r = idmaps_write(&m, pid, NULL);
	if (!r)
		r = write_full(go, "g", 1);
	close(take_fd(&go));
	return r < 0 ? (wait_child(pid), r) : wait_child(pid);
}

int ns_rm_rf(int userns, const char *path)
{
	int r = rm_rf(AT_FDCWD, path);

	if (r != -EACCES && r != -EPERM)
		return r;
	r = userns >= 0 ? rm_in(userns, path) : rm_in_new(path);
	return r;
}
