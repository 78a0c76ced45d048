/* SPDX-License-Identifier: Apache-2.0 */
/* RLIMIT_FSIZE: a file ends there in every way of writing, with SIGXFSZ. */
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "guest.h"

static volatile int came;

static void seen(int s)
{
	(void) s;
	came++;
}

/* It fails, with the signal. */
#define REFUSED(x) do { came = 0; CHECK((x) == -1 && errno == EFBIG); CHECK(came == 1); } while (0)

static off_t size_of(int fd)
{
	struct stat st;

	CHECK(fstat(fd, &st) == 0);
	return st.st_size;
}

static void over(void)
{
	int fd = open("over", O_CREAT | O_RDWR, 0644);

	signal(SIGXFSZ, SIG_DFL);
	CHECK(pwrite(fd, "x", 1, 5000) == -1);
}

int main(void)
{
	struct rlimit l = { 1000, RLIM_INFINITY };
	char b[4096] = { 1 };
	struct iovec v[2] = { { b, 600 }, { b, 600 } };
	int fd = open("file", O_CREAT | O_RDWR, 0644), from = open("from", O_CREAT | O_RDWR, 0644), st;
	int app = open("file", O_WRONLY | O_APPEND);
	loff_t in = 0, out = 900;

	CHECK(fd >= 0 && from >= 0 && write(from, b, 4096) == 4096);
	on(SIGXFSZ, seen, 0);
	CHECK(setrlimit(RLIMIT_FSIZE, &l) == 0);
	l.rlim_cur = 0;
	CHECK(getrlimit(RLIMIT_FSIZE, &l) == 0 && l.rlim_cur == 1000);

	CHECK(write(fd, b, 4096) == 1000 && !came); /* what fits */
	REFUSED(write(fd, b, 1));
	CHECK(write(fd, b, 0) == 0);
	REFUSED(write(app, b, 1));
	REFUSED(pwrite(fd, b, 1, 1000));
	CHECK(pwrite(fd, b, 20, 990) == 10);
	CHECK(ftruncate(fd, 10) == 0 && write(app, b, 2000) == 990);
	CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK(writev(fd, v, 2) == 1000);
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && write(fd, b, 1000) == 1000); /* within is free */

	CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK(copy_file_range(from, &in, fd, &out, 500, 0) == 100);
	in = 0;
	CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 950, SEEK_SET) == 950);
	CHECK(sendfile(fd, from, &in, 100) == 50);

	REFUSED(ftruncate(fd, 1001));
	REFUSED(truncate("file", 1001));
	CHECK(ftruncate(fd, 1000) == 0 && truncate("file", 1000) == 0);
	REFUSED(posix_fallocate(fd, 0, 1001) ? (errno = EFBIG, -1) : 0);
	CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 900) == 0);
	CHECK(size_of(fd) == 1000 && ftruncate(from, 2000) == 0 && size_of(from) == 2000);

	st = wait_of(start(over)); /* inherited, and fatal */
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGXFSZ);
	signal(SIGXFSZ, SIG_IGN);
	CHECK(pwrite(fd, b, 1, 1000) == -1 && errno == EFBIG);
	l.rlim_cur = RLIM_INFINITY;
	CHECK(setrlimit(RLIMIT_FSIZE, &l) == 0);
	CHECK(pwrite(fd, b, 1, 5000) == 1);
	puts("held");
	return 0;
}
