/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/fdpass.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/own.h"

int fds_send(int sock, const void *p, size_t n, const int *fds, size_t n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof *fds)] = { 0 };
	struct iovec v = { (void *) p, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct cmsghdr *h;
	ssize_t r;

	must(n_fds <= FDS_MAX);
	if (n_fds) {
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof *fds);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n_fds * sizeof *fds);
		memcpy(CMSG_DATA(h), fds, n_fds * sizeof *fds);
	}
	do
		r = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == (ssize_t) n ? 0 : -EMSGSIZE;
}

ssize_t fds_recv(int sock, void *p, size_t n, int *ret_fds, size_t n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof *ret_fds)];
	struct iovec v = { p, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof control };
	struct cmsghdr *h;
	ssize_t r;

	for (size_t i = 0; i < n_fds; i++)
		ret_fds[i] = -1;
	do
		r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
		size_t got = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < got; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			if (i < n_fds)
				ret_fds[i] = fd;
			else
				close(fd); /* more than was asked for */
		}
	}
	return r;
}

int fd_send(int sock, const void *p, size_t n, int fd)
{
	return fds_send(sock, p, n, &fd, fd >= 0);
}

ssize_t fd_recv(int sock, void *p, size_t n, int *ret_fd)
{
	return fds_recv(sock, p, n, ret_fd, 1);
}

static struct sockaddr_un address(int dir, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", dir, name);
	return a;
}

int unix_bind_at(int dir, const char *name, int type, int *ret_fd, struct err *e)
{
	struct sockaddr_un a = address(dir, name);
	own_fd s = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	mode_t old;
	int r;

	if (s < 0)
		return fail(e, errno, "make the %s socket", name);
	old = umask(0177);
	r = bind(s, (struct sockaddr *) &a, sizeof a) < 0 ? -errno : 0;
	umask(old);
	if (r < 0)
		return fail(e, r, "make the %s socket", name);
	*ret_fd = take_fd(&s);
	return 0;
}

int unix_listen_at(int dir, const char *name, int type, int backlog, int *ret_fd, struct err *e)
{
	own_fd s = -1;
	int r = unix_bind_at(dir, name, type, &s, e);

	if (r < 0)
		return r;
	if (listen(s, backlog) < 0)
		return fail(e, errno, "make the %s socket", name);
	*ret_fd = take_fd(&s);
	return 0;
}

int unix_connect_at(int dir, const char *name, int type, int *ret_fd, struct err *e)
{
	struct sockaddr_un a = address(dir, name);
	own_fd s = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (s < 0 || connect(s, (struct sockaddr *) &a, sizeof a) < 0)
		return fail(e, errno, "connect to the container's %s socket", name);
	*ret_fd = take_fd(&s);
	return 0;
}

int unix_connect(const char *path, int *ret_fd, struct err *e)
{
	own_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (fd < 0)
		return fail(e, errno, "make a socket");
	if (strlen(path) >= sizeof a.sun_path)
		return fail(e, ENAMETOOLONG, "connect to %s", path);
	strcpy(a.sun_path, path);
	if (connect(fd, (struct sockaddr *) &a, sizeof a) < 0)
		return fail(e, errno, "connect to %s", path);
	*ret_fd = take_fd(&fd);
	return 0;
}
