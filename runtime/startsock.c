/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/startsock.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/init.h"

#define NAME "start"

enum { BACKLOG = 8 };

int startsock_make(int dir, int *ret_listener, struct err *e)
{
	return unix_listen_at(dir, NAME, SOCK_STREAM, BACKLOG, ret_listener, e);
}

bool startsock_waiting(int dir)
{
	struct stat st;

	return fstatat(dir, NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode);
}

/* The name goes first: however this ends, nobody starts it a second time. */
int startsock_go(int dir, bool *ret_ends, struct err *e)
{
	own_fd s = -1, pids = -1;
	struct init_error ie;
	ssize_t n;
	int r = unix_connect_at(dir, NAME, SOCK_STREAM, &s, e);

	if (r < 0)
		return r;
	if (unlinkat(dir, NAME, 0) < 0)
		return fail(e, errno, "remove the start socket");
	pids = open(LAST_PID_FILE, O_WRONLY | O_CLOEXEC);
	r = fd_send(s, "s", 1, pids);
	if (r < 0)
		return fail(e, r, "start the container's init");
	n = read_full(s, &ie, sizeof ie);
	*ret_ends = n > 0 && (n < (ssize_t) sizeof ie || ie.status);
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

int startsock_await(int listener, int like, int *ret_pids)
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
		else if (fd_recv(c, &byte, 1, ret_pids) == 1)
			return take_fd(&c);
	}
}
