/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/startsock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/init.h"

#define NAME "start"

/* By way of the directory's descriptor: its path may be longer than an address. */
static struct sockaddr_un address(int dir)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/" NAME, dir);
	return a;
}

int startsock_make(int dir, int *ret_listener, struct err *e)
{
	struct sockaddr_un a = address(dir);
	own_fd s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t old;
	int r;

	if (s < 0)
		return fail(e, errno, "make the start socket");
	old = umask(0177);
	r = bind(s, (struct sockaddr *) &a, sizeof a) < 0 || listen(s, 8) < 0 ? -errno : 0;
	umask(old);
	if (r < 0)
		return fail(e, r, "make the start socket");
	*ret_listener = take_fd(&s);
	return 0;
}

bool startsock_waiting(int dir)
{
	struct stat st;

	return fstatat(dir, NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode);
}

/* The name goes first: however this ends, nobody starts it a second time. */
int startsock_go(int dir, struct err *e)
{
	struct sockaddr_un a = address(dir);
	own_fd s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct init_error ie;
	ssize_t n;

	if (s < 0 || connect(s, (struct sockaddr *) &a, sizeof a) < 0)
		return fail(e, errno, "connect to the container's init");
	if (unlinkat(dir, NAME, 0) < 0)
		return fail(e, errno, "remove the start socket");
	if (send(s, "s", 1, MSG_NOSIGNAL) != 1)
		return fail(e, errno, "start the container's init");
	n = read_full(s, &ie, sizeof ie);
	if (n == sizeof ie)
		return fail_msg(e, ie.e.code, "%s", ie.e.msg);
	return n < 0 ? fail(e, (int) n, "the container's init is gone")
		: n > 0 ? fail_msg(e, EIO, "the container's init died while it started") : 0;
}

static bool same_user(int a, int b)
{
	struct ucred x, y;
	socklen_t n = sizeof x, m = sizeof y;

	return getsockopt(a, SOL_SOCKET, SO_PEERCRED, &x, &n) == 0 &&
	       getsockopt(b, SOL_SOCKET, SO_PEERCRED, &y, &m) == 0 && x.uid == y.uid;
}

static void refuse(int c)
{
	struct init_error ie = { 0 };

	fail_msg(&ie.e, EPERM, "only who created the container may start it");
	(void) !write_full(c, &ie, sizeof ie);
}

int startsock_await(int listener, int like)
{
	for (;;) {
		own_fd c = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		char byte;

		if (c < 0 && errno != EINTR && errno != ECONNABORTED)
			return -errno;
		if (c < 0)
			continue;
		if (!same_user(c, like))
			refuse(c);
		else if (read_full(c, &byte, 1) == 1)
			return take_fd(&c);
	}
}
