/* SPDX-License-Identifier: Apache-2.0 */
/* What a namespace that a container joins says of itself. */
#include "runtime/joined.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* What @ask finds out in the namespace, in a process that we can spare. */
static int ask_inside(const char *path, int kind, int (*ask)(char *ret, size_t n), char *ret,
	size_t size)
{
	own_fd ns = open(path, O_RDONLY | O_CLOEXEC), from = -1, to = -1;
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
	memset(ret, 0, size);
	if (!pid)
		_exit(setns(ns, kind) < 0 || ask(ret, size) < 0 || write_full(to, ret, size) < 0);
	own_fd_drop(&to);
	to = -1;
	n = read_full(from, ret, size);
	if (waitpid(pid, &st, 0) < 0 || !WIFEXITED(st) || WEXITSTATUS(st) || n != (ssize_t) size)
		return -EACCES;
	ret[size - 1] = 0;
	return 0;
}

static int read_hostname(char *ret, size_t n)
{
	return gethostname(ret, n);
}

static int read_offsets(char *ret, size_t n)
{
	own_fd fd = open("/proc/self/timens_offsets", O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, ret, n - 1) <= 0 ? -1 : 0;
}

int joined_offsets(struct spec *s)
{
	const struct spec_ns *ns = &s->linux_.ns[SPEC_NS_TIME];
	struct spec_time_offset m = { .present = true }, b = m;
	long long mono, boot;
	char text[256];
	int r;

	if (!ns->present || !ns->path)
		return 0;
	r = ask_inside(ns->path, CLONE_NEWTIME, read_offsets, text, sizeof text);
	if (r < 0)
		return r;
	if (sscanf(text, "monotonic %lld %u boottime %lld %u", &mono, &m.nanosecs, &boot,
		    &b.nanosecs) != 4 || mono < 0 || boot < 0)
		return -EINVAL;
	m.secs = mono;
	b.secs = boot;
	s->linux_.time_monotonic = m;
	s->linux_.time_boottime = b;
	return 0;
}

int shared_hostname(const struct spec *s, char ret[HOST_NAME_MAX + 1])
{
	const struct spec_ns *uts = &s->linux_.ns[SPEC_NS_UTS];

	if (s->hostname || (uts->present && !uts->path))
		return -ENOENT;
	if (uts->path)
		return ask_inside(uts->path, CLONE_NEWUTS, read_hostname, ret, HOST_NAME_MAX + 1);
	return gethostname(ret, HOST_NAME_MAX + 1) < 0 ? -errno : 0;
}
