/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/fdpass.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/own.h"

int fd_send(int sock, const void *p, size_t n, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec v = { (void *) p, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct cmsghdr *h;
	ssize_t r;

	if (fd >= 0) {
		m.msg_control = control;
		m.msg_controllen = sizeof control;
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(h), &fd, sizeof fd);
	}
	do
		r = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == (ssize_t) n ? 0 : -EMSGSIZE;
}

ssize_t fd_recv(int sock, void *p, size_t n, int *ret_fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof *ret_fd)];
	struct iovec v = { p, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof control };
	struct cmsghdr *h;
	ssize_t r;

	*ret_fd = -1;
	do
		r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
		h->cmsg_len == CMSG_LEN(sizeof *ret_fd))
		memcpy(ret_fd, CMSG_DATA(h), sizeof *ret_fd);
	return r;
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
