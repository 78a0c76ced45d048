/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/sdnotify.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/own.h"

enum { MESSAGE_MAX = 4096, BARRIER_MS = 5000 };

int sdnotify_listen(int dir, const char *name, int *ret_fd, struct err *e)
{
	own_fd s = -1;
	int r = unix_bind_at(dir, name, SOCK_DGRAM, &s, e);

	if (r < 0)
		return r;
	if (fchmodat(dir, name, 0777, 0) < 0)
		return fail(e, errno, "open the %s socket to the container", name);
	*ret_fd = take_fd(&s);
	return 0;
}

int sdnotify_connect(const char *to, int *ret_fd, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	own_fd s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = strlen(to);

	if (s < 0)
		return fail(e, errno, "make a socket");
	if (n >= sizeof a.sun_path)
		return fail(e, ENAMETOOLONG, "NOTIFY_SOCKET %s", to);
	memcpy(a.sun_path, to, n);
	if (*to == '@')
		a.sun_path[0] = 0;
	n += offsetof(struct sockaddr_un, sun_path);
	if (connect(s, (struct sockaddr *) &a, (socklen_t) n) < 0)
		return fail(e, errno, "connect to NOTIFY_SOCKET %s", to);
	*ret_fd = take_fd(&s);
	return 0;
}

static bool says_ready(char *text)
{
	for (char *save, *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (!strcmp(l, "READY=1"))
			return true;
	return false;
}

bool sdnotify_take(int from)
{
	char text[MESSAGE_MAX + 1];
	bool ready = false;
	ssize_t n;

	while ((n = recv(from, text, MESSAGE_MAX, MSG_DONTWAIT)) >= 0) {
		text[n] = 0;
		ready = says_ready(text) || ready;
	}
	return ready;
}

int sdnotify_say(int to, pid_t main)
{
	char pid[32];

	snprintf(pid, sizeof pid, "MAINPID=%d", main);
	if (send(to, "READY=1", strlen("READY=1"), MSG_NOSIGNAL) < 0 ||
		send(to, pid, strlen(pid), MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

void sdnotify_barrier(int to)
{
	own_fd in = -1, out = -1;
	struct pollfd p = { .events = 0 };
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	p.fd = in = fds[0];
	out = fds[1];
	if (fd_send(to, "BARRIER=1", strlen("BARRIER=1"), out) < 0)
		return;
	close(take_fd(&out));
	poll(&p, 1, BARRIER_MS);
}
