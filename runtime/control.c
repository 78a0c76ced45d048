/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/control.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/own.h"

#define NAME "control"

enum { PATIENCE_S = 60, KILL_PATIENCE_S = 5, BACKLOG = 128 };

int control_listen(int dir, int *ret_fd, struct err *e)
{
	return unix_listen_at(dir, NAME, SOCK_SEQPACKET, BACKLOG, ret_fd, e);
}

int control_connect(int dir, int *ret_fd, struct err *e)
{
	const struct timeval patience = { PATIENCE_S, 0 };
	int r = unix_connect_at(dir, NAME, SOCK_SEQPACKET, ret_fd, e);

	if (r < 0)
		return r;
	setsockopt(*ret_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
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
