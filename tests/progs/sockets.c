/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that never leave the container, and the numbers the kernel picks for them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void inode(const char *what, int fd)
{
	struct stat s;

	if (!fstat(fd, &s))
		printf("%s: ino %llu dev %llx\n", what, (unsigned long long) s.st_ino,
			(unsigned long long) s.st_dev);
}

static void pair(void)
{
	int p[2];
	char b[100];
	struct ucred u = { 0 };
	socklen_t n = sizeof u;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, p)) {
		printf("socketpair: %s\n", strerror(errno));
		return;
	}
	inode("pair", p[0]);
	printf("sent %zd", send(p[0], "hello", 5, 0));
	printf(" got %zd\n", recv(p[1], b, sizeof b, 0));
	if (!getsockopt(p[0], SOL_SOCKET, SO_PEERCRED, &u, &n))
		printf("peer pid %d uid %u gid %u\n", u.pid, u.uid, u.gid);
	close(p[0]);
	close(p[1]);
}

static void autobind(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t n = sizeof a;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (bind(fd, (void *) &a, sizeof(sa_family_t)) || getsockname(fd, (void *) &a, &n))
		printf("autobind: %s\n", strerror(errno));
	else
		printf("autobind: %.*s\n", (int) (n - offsetof(struct sockaddr_un, sun_path)) - 1,
			a.sun_path + 1);
	close(fd);
}

static unsigned port(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof a;

	getsockname(fd, (void *) &a, &n);
	return ntohs(a.sin_port);
}

static void tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), c;
	char b[10] = "";

	if (bind(server, (void *) &a, sizeof a) || listen(server, 1) ||
		getsockname(server, (void *) &a, &n)) {
		printf("tcp: %s\n", strerror(errno));
		return;
	}
	printf("server port %u\n", port(server));
	if (connect(client, (void *) &a, sizeof a)) {
		printf("connect: %s\n", strerror(errno));
		return;
	}
	c = accept(server, (void *) &a, &n);
	printf("client port %u, seen as %u\n", port(client), ntohs(a.sin_port));
	inode("accepted", c);
	printf("write %zd", write(client, "abc", 3));
	printf(" read %zd", read(c, b, sizeof b));
	printf(" %s\n", b);
	close(c);
	close(client);
	close(server);
}

int main(void)
{
	pair();
	autobind();
	autobind();
	tcp();
	tcp();
	return 0;
}
