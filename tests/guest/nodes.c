/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes that a program makes are what they stand for, also behind another root. */
#include <sys/sysmacros.h>

#include "guest.h"

static void node(const char *path, mode_t mode, unsigned ma, unsigned mi)
{
	struct stat st;

	CHECK(mknod(path, mode, makedev(ma, mi)) == 0);
	CHECK(lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == (mode & S_IFMT));
	CHECK(st.st_rdev == makedev(ma, mi) && st.st_size == 0);
	CHECK(mknod(path, mode, makedev(ma, mi)) == -1 && errno == EEXIST);
}

static int opens(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	CHECK(fd == 3); /* the lowest, and nothing is left of what led there */
	return fd;
}

static void null(void)
{
	int fd = opens("dev/null", O_RDWR | O_CREAT | O_TRUNC);
	struct stat st;
	char b[8];

	CHECK(write(fd, "lost", 4) == 4 && lseek(fd, 0, SEEK_SET) == 0 && read(fd, b, 8) == 0);
	CHECK(fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR && !fcntl(fd, F_GETFD));
	close(fd);
	fd = opens("dev/null", O_RDONLY | O_CLOEXEC);
	CHECK(write(fd, "x", 1) == -1 && errno == EBADF && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	close(fd);
	fd = (int) syscall(SYS_openat2, AT_FDCWD, "dev/null", &(uint64_t[3]){ O_WRONLY, 0, 8 /* BENEATH */ }, 24);
	CHECK(fd == 3 && write(fd, "x", 1) == 1);
	close(fd);
	CHECK(open("dev/null", O_RDONLY | O_DIRECTORY) == -1 && errno == ENOTDIR);
	CHECK(open("dev/null", O_WRONLY | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST);
	fd = creat("dev/null", 0600);
	CHECK(fd == 3 && write(fd, "x", 1) == 1);
	close(fd);
	CHECK(stat("dev/null", &st) == 0 && st.st_size == 0 && st.st_rdev == makedev(1, 3));
}

static void others(void)
{
	char b[8] = "1234567", zero[8] = "";
	int fd = opens("dev/zero", O_RDONLY);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	CHECK(p != MAP_FAILED && read(fd, b, 8) == 8 && memcmp(b, zero, 8) == 0);
	close(fd);
	fd = opens("dev/full", O_WRONLY);
	CHECK(write(fd, "x", 1) == -1 && errno == ENOSPC);
	close(fd);
	fd = opens("dev/urandom", O_RDONLY);
	CHECK(read(fd, b, 8) == 8);
	for (int i = 0; i < 8; i++)
		printf("%02x", (unsigned char) b[i]);
	puts("");
	close(fd);
	CHECK(open("dev/tty", O_RDWR) == -1 && errno == ENXIO);
	CHECK(open("dev/sda", O_RDONLY) == -1 && errno == ENXIO);
	CHECK(open("dev/odd", O_RDONLY) == -1 && errno == ENXIO);
	fd = opens("dev/sda", O_PATH);
	close(fd);
}

static void shell(void)
{
	CHECK(system("echo lost >dev/null && echo lost | tee dev/null >/dev/null") == 0);
}

int main(void)
{
	struct stat st;

	CHECK(mkdir("dev", 0755) == 0);
	umask(0);
	node("dev/null", S_IFCHR | 0666, 1, 3);
	node("dev/zero", S_IFCHR | 0666, 1, 5);
	node("dev/full", S_IFCHR | 0666, 1, 7);
	node("dev/urandom", S_IFCHR | 0444, 1, 9);
	node("dev/tty", S_IFCHR | 0666, 5, 0);
	node("dev/sda", S_IFBLK | 0660, 8, 0);
	node("dev/odd", S_IFCHR | 0600, 250, 300);
	null();
	others();
	shell();
	CHECK(link("dev/null", "dev/nil") == 0 && rename("dev/nil", "nil") == 0);
	CHECK(stat("nil", &st) == 0 && st.st_rdev == makedev(1, 3) && unlink("nil") == 0);
	CHECK(chroot(".") == 0);
	null();
	others();
	CHECK(setuid(1000) == 0);
	CHECK(open("dev/null", O_WRONLY) == 3);
	CHECK(close(3) == 0 && open("/dev/odd", O_RDONLY) == -1 && (errno == EACCES || errno == ENXIO));
	puts("nodes");
	return 0;
}
