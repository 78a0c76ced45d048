/* SPDX-License-Identifier: Apache-2.0 */
/* The order of ready descriptors, and of two processes that wait for one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIPES = 6 };

static void ready(int ep, const char *what, int ms)
{
	struct epoll_event ev[16];
	int n = epoll_wait(ep, ev, 16, ms);

	printf("%s:", what);
	for (int i = 0; i < n; i++)
		printf(" %u/%x", ev[i].data.u32, ev[i].events);
	printf(" (%d%s)\n", n, n < 0 ? strerror(errno) : "");
}

int main(void)
{
	int p[PIPES][2], ep = epoll_create1(EPOLL_CLOEXEC);
	struct pollfd pf[PIPES];
	char b[8];

	setvbuf(stdout, NULL, _IONBF, 0);
	for (unsigned i = 0; i < PIPES; i++) {
		struct epoll_event ev = { .events = EPOLLIN | (i % 2 ? (unsigned) EPOLLET : 0),
			.data.u32 = i };

		if (pipe(p[i]))
			return 1;
		epoll_ctl(ep, EPOLL_CTL_ADD, p[i][0], &ev);
		pf[i] = (struct pollfd){ .fd = p[i][0], .events = POLLIN };
	}
	printf("mounts %d\n", epoll_ctl(ep, EPOLL_CTL_ADD, open("/proc/self/mountinfo", O_RDONLY),
		&(struct epoll_event){ .events = EPOLLPRI }));
	ready(ep, "none", 0);
	for (int i = PIPES - 1; i >= 0; i -= 2)
		if (write(p[i][1], "x", 1) < 0)
			return 1;
	ready(ep, "some", -1);
	ready(ep, "edge is over", 5);
	printf("poll %d:", poll(pf, PIPES, 10));
	for (int i = 0; i < PIPES; i++)
		printf(" %x", (unsigned) pf[i].revents);
	putchar('\n');
	for (int i = 0; i < 3; i++)
		if (!fork()) {
			usleep((unsigned) (3 - i) * 2000);
			_exit(write(p[2 * i][1], "y", 1) != 1);
		}
	for (int i = 0; i < 3; i++) {
		struct epoll_event ev;

		if (epoll_wait(ep, &ev, 1, 1000) == 1) {
			printf("from child: %u\n", ev.data.u32);
			if (read(p[ev.data.u32][0], b, sizeof b) < 0)
				return 1;
		}
	}
	while (wait(NULL) > 0)
		;
	close(p[0][1]);
	ready(ep, "closed", 10);
	return 0;
}
