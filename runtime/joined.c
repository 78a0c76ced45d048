/* SPDX-License-Identifier: Apache-2.0 */
/* What a namespace that a container joins says of itself. */
#include "runtime/joined.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"

static int joined_hostname(const char *path, char ret[HOST_NAME_MAX + 1])
{
	own_fd ns = open(path, O_RDONLY | O_CLOEXEC), from = -1, to = -1;
	char name[HOST_NAME_MAX + 1] = "";
	int fds[2], st;
	ssize_t n;
	pid_t pid;

	if (ns < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	from = fds[0];
	to = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(setns(ns, CLONE_NEWUTS) < 0 || gethostname(name, sizeof name) < 0 ||
			write_full(to, name, sizeof name) < 0);
	own_fd_drop(&to);
	to = -1;
	n = read_full(from, name, sizeof name);
	if (waitpid(pid, &st, 0) < 0 || !WIFEXITED(st) || WEXITSTATUS(st) || n != sizeof name)
		return -EACCES;
	name[HOST_NAME_MAX] = 0;
	memcpy(ret, name, sizeof name);
	return 0;
}

int shared_hostname(const struct spec *s, char ret[HOST_NAME_MAX + 1])
{
	const struct spec_ns *uts = &s->linux_.ns[SPEC_NS_UTS];

	if (s->hostname || (uts->present && !uts->path))
		return -ENOENT;
	if (uts->path)
		return joined_hostname(uts->path, ret);
	return gethostname(ret, HOST_NAME_MAX + 1) < 0 ? -errno : 0;
}
