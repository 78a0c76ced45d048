/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/control.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/own.h"

#define NAME "control"

enum { PATIENCE_S = 60, KILL_PATIENCE_S = 5, BACKLOG = 128 };

/* By way of the directory's descriptor: its path may be longer than an address. */
static struct sockaddr_un address(int dir)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/" NAME, dir);
	return a;
}

int control_listen(int dir, int *ret_fd, struct err *e)
{
	struct sockaddr_un a = address(dir);
	own_fd s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	mode_t old;
	int r;

	if (s < 0)
		return fail(e, errno, "make the control socket");
	old = umask(0177);
	r = bind(s, (struct sockaddr *) &a, sizeof a) < 0 || listen(s, BACKLOG) < 0 ? -errno : 0;
	umask(old);
	if (r < 0)
		return fail(e, r, "make the control socket");
	*ret_fd = take_fd(&s);
	return 0;
}

int control_connect(int dir, int *ret_fd, struct err *e)
{
	const struct timeval patience = { PATIENCE_S, 0 };
	struct sockaddr_un a = address(dir);
	own_fd s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (s < 0 || connect(s, (struct sockaddr *) &a, sizeof a) < 0)
		return fail(e, errno, "connect to the container's supervisor");
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	*ret_fd = take_fd(&s);
	return 0;
}

int control_ask(int fd, const struct control_ask *ask, const int *fds, size_t n, int *ret_fds,
	size_t n_ret, struct err *e)
{
	struct control_answer a = { 0 };
	int r = fds_send(fd, ask, sizeof *ask, fds, n);
	ssize_t got = r < 0 ? r : fds_recv(fd, &a, sizeof a, ret_fds, n_ret);

	if (got != sizeof a)
		return fail(e, got < 0 ? (int) got : EPIPE, "ask the container's supervisor");
	a.msg[sizeof a.msg - 1] = 0;
	return a.r < 0 ? fail_msg(e, -a.r, "%s", a.msg) : 0;
}

int control_kill(int fd, int sig, struct err *e)
{
	const struct control_ask ask = {
		.version = CONTROL_VERSION, .op = CONTROL_KILL, .sig = sig,
	};
	const struct timeval patience = { KILL_PATIENCE_S, 0 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return control_ask(fd, &ask, NULL, 0, NULL, 0, e);
}
