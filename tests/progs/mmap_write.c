/* SPDX-License-Identifier: Apache-2.0 */
/* Times of a file that is written through a shared mapping. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void show(const char *what, int fd)
{
	struct stat s;

	fstat(fd, &s);
	printf("%s: m %lld.%09ld c %lld.%09ld size %lld blocks %lld\n", what,
		(long long) s.st_mtim.tv_sec, s.st_mtim.tv_nsec, (long long) s.st_ctim.tv_sec,
		s.st_ctim.tv_nsec, (long long) s.st_size, (long long) s.st_blocks);
}

int main(void)
{
	int fd = open("prog-mmap.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	char *p, b[8] = "";

	if (fd < 0 || ftruncate(fd, 10000)) {
		printf("prog-mmap.tmp: %s\n", strerror(errno));
		return 0;
	}
	show("new", fd);
	p = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		printf("mmap: %s\n", strerror(errno));
		return 0;
	}
	show("mapped", fd);
	usleep(20000);
	memcpy(p + 5000, "hello", 5);
	show("written", fd);
	msync(p, 10000, MS_SYNC);
	show("synced", fd);
	munmap(p, 10000);
	show("unmapped", fd);
	if (pread(fd, b, 5, 5000) == 5)
		printf("read back %s\n", b);
	unlink("prog-mmap.tmp");
	show("unlinked", fd);
	return 0;
}
