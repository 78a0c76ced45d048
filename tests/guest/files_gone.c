/* SPDX-License-Identifier: Apache-2.0 */
/* More files without names, pipes and sockets than the supervisor keeps in mind: those that are open stay. */
#include <sys/socket.h>

#include "guest.h"

enum { MANY = 9000, TIMES = 3 };

static void many(void)
{
	struct stat st;
	int p[2], fd;

	for (int i = 0; i < MANY; i++) {
		CHECK(pipe(p) == 0 && fstat(p[0], &st) == 0 && close(p[0]) == 0 && close(p[1]) == 0);
		fd = open("t", O_CREAT | O_RDWR, 0644);
		CHECK(fd >= 0 && close(fd) == 0 && unlink("t") == 0);
	}
}

static void same(int fd, const struct stat *was)
{
	struct stat st;

	CHECK(fstat(fd, &st) == 0);
	CHECK(st.st_ino == was->st_ino && st.st_dev == was->st_dev);
	CHECK(st.st_mtim.tv_sec == was->st_mtim.tv_sec && st.st_mtim.tv_nsec == was->st_mtim.tv_nsec);
}

int main(void)
{
	struct stat st[5];
	int fd[5], p[2];

	fd[0] = open("gone", O_CREAT | O_RDWR, 0644);
	CHECK(fd[0] >= 0 && write(fd[0], "x", 1) == 1 && unlink("gone") == 0);
	fd[1] = open("kept", O_CREAT | O_RDWR, 0644);
	CHECK(link("kept", "kept2") == 0 && unlink("kept") == 0 && close(fd[1]) == 0);
	fd[1] = open("kept2", O_RDONLY);
	fd[2] = memfd_create("m", 0);
	CHECK(pipe(p) == 0);
	fd[3] = p[0];
	fd[4] = open(".", O_TMPFILE | O_RDWR, 0644);
	for (int i = 0; i < 5; i++)
		CHECK(fd[i] >= 0 && fstat(fd[i], &st[i]) == 0);
	CHECK(linkat(AT_FDCWD, "/proc/self/fd/7", AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0 || fd[4] != 7);
	CHECK(close(fd[1]) == 0);
	for (int i = 0; i < TIMES; i++)
		many();
	fd[1] = open("kept2", O_RDONLY);
	for (int i = 0; i < 5; i++)
		same(fd[i], &st[i]);
	return 0;
}
