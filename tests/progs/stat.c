/* SPDX-License-Identifier: Apache-2.0 */
/* What stat says of files that are there and of files made now. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void times(const struct stat *s)
{
	printf("  a %lld.%09ld m %lld.%09ld c %lld.%09ld\n", (long long) s->st_atim.tv_sec,
		s->st_atim.tv_nsec, (long long) s->st_mtim.tv_sec, s->st_mtim.tv_nsec,
		(long long) s->st_ctim.tv_sec, s->st_ctim.tv_nsec);
}

static void show(const char *path)
{
	struct stat s;
	struct statx x = { 0 };

	if (lstat(path, &s)) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	printf("%s: dev %x:%x ino %llu mode %o nlink %lu %u:%u rdev %llx size %lld blk %ld %lld\n",
		path, major(s.st_dev), minor(s.st_dev), (unsigned long long) s.st_ino, s.st_mode,
		(unsigned long) s.st_nlink, s.st_uid, s.st_gid, (unsigned long long) s.st_rdev,
		(long long) s.st_size, (long) s.st_blksize, (long long) s.st_blocks);
	times(&s);
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_ALL | 0x1000, &x)) {
		printf("  statx: %s\n", strerror(errno));
		return;
	}
	printf("  statx mask %x attr %llx/%llx blk %u ino %llu mnt %llu birth %lld.%09u\n",
		x.stx_mask, (unsigned long long) x.stx_attributes,
		(unsigned long long) x.stx_attributes_mask, x.stx_blksize,
		(unsigned long long) x.stx_ino, (unsigned long long) x.stx_mnt_id,
		(long long) x.stx_btime.tv_sec, x.stx_btime.tv_nsec);
}

int main(void)
{
	static const char *const there[] = { "/", "/etc", "/etc/passwd", "/usr/bin", "/bin/sh",
		"/tmp", "/dev/null", "/proc", "/proc/self/exe", ".", "/nonexistent" };
	char data[10000] = "x";
	struct stat s;
	int fd;

	for (size_t i = 0; i < sizeof there / sizeof *there; i++)
		show(there[i]);
	fd = open("prog-stat.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	show("prog-stat.tmp");
	if (write(fd, data, sizeof data) < 0)
		perror("write");
	close(fd);
	show("prog-stat.tmp");
	if (mkdir("prog-stat.dir", 0777))
		perror("mkdir");
	show("prog-stat.dir");
	if (rename("prog-stat.tmp", "prog-stat.dir/f"))
		perror("rename");
	show("prog-stat.dir");
	unlink("prog-stat.dir/f");
	rmdir("prog-stat.dir");
	if (!fstat(1, &s))
		printf("stdout: mode %o\n", s.st_mode & S_IFMT);
	return 0;
}
