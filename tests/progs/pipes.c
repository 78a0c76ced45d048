/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes of reads and writes through pipes of all kinds. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char big[300000];

/* A writer and a reader that disagree on the size of things. */
static void stream(size_t wsize, size_t rsize)
{
	int p[2];
	ssize_t n;
	size_t total = 0, reads = 0, odd = 0;

	if (pipe(p))
		return;
	if (!fork()) {
		close(p[0]);
		for (size_t at = 0; at < sizeof big; at += wsize)
			if (write(p[1], big, at + wsize > sizeof big ? sizeof big - at : wsize) < 0)
				_exit(1);
		_exit(0);
	}
	close(p[1]);
	while ((n = read(p[0], big, rsize)) > 0) {
		total += (size_t) n;
		reads++;
		odd += (size_t) n != rsize;
	}
	close(p[0]);
	wait(NULL);
	printf("write %zu read %zu: %zu bytes, %zu reads, %zu partial\n", wsize, rsize, total, reads,
		odd);
}

static void nonblocking(void)
{
	int p[2], waiting = 0;
	ssize_t n, total = 0;

	if (pipe2(p, O_NONBLOCK | O_CLOEXEC))
		return;
	printf("empty: %zd", read(p[0], big, 1));
	printf(" %s\n", strerror(errno));
	while ((n = write(p[1], big, 10000)) > 0)
		total += n;
	printf("full after %zd: %s\n", total, strerror(errno));
	ioctl(p[0], FIONREAD, &waiting);
	printf("FIONREAD %d, size %d\n", waiting, fcntl(p[0], F_GETPIPE_SZ));
	close(p[0]);
	close(p[1]);
}

static void fifo(void)
{
	char b[16] = "";
	int fd;

	if (mkfifo("prog-pipes.tmp", 0666)) {
		printf("mkfifo: %s\n", strerror(errno));
		return;
	}
	if (!fork()) {
		fd = open("prog-pipes.tmp", O_WRONLY);
		_exit(write(fd, "through", 7) != 7);
	}
	fd = open("prog-pipes.tmp", O_RDONLY);
	printf("fifo: %zd", read(fd, b, sizeof b));
	printf(" %s\n", b);
	close(fd);
	wait(NULL);
	unlink("prog-pipes.tmp");
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	stream(100, 4096);
	stream(4096, 4096);
	stream(300000, 300000);
	stream(5000, 777);
	nonblocking();
	fifo();
	return 0;
}
