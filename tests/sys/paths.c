/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/sysmacros.h>

#include "runtime/base/own.h"
#include "tests/sys/files.h"

TEST(a_change_moves_the_directorys_time)
{
	struct files s;
	struct stat before, after;

	files_up(&s);
	put(&s, "a", "");
	before = look(&s, "");
	EQ(before.st_mtim.tv_nsec, 0);
	EQ(fake_sys(&s.f, "unlink", path(&s, "a")), 0);
	after = look(&s, "");
	OK(after.st_mtim.tv_nsec > 0);
	EQ(after.st_ino, before.st_ino);
	EQ(look(&s, "a").st_ino, 0);
	EQ(fake_sys(&s.f, "unlink", path(&s, "a")), -ENOENT);
	EQ(s.f.nkernel, 0);
	files_down(&s);
}

TEST(a_new_file_is_new_whatever_its_number)
{
	struct files s;
	uint64_t first;
	char buf[256];

	files_up(&s);
	s.f.kernel = -ENOENT; /* it isn't there yet: the kernel makes it */
	EQ(symlink("x", real(&s, "l", buf)), 0);
	first = look(&s, "l").st_ino;
	EQ(fake_sys(&s.f, "unlink", path(&s, "l")), 0);
	memcpy(&s.f.m[0x80], "x", 2);
	EQ(fake_sys(&s.f, "symlink", 0x80, path(&s, "l")), 0);
	OK(look(&s, "l").st_ino > first);
	OK(look(&s, "l").st_mtim.tv_nsec > 0);
	EQ(fake_sys(&s.f, "symlink", 0x80, path(&s, "l")), -EEXIST);
	EQ(s.f.nkernel, 0);
	files_down(&s);
}

TEST(rename_keeps_the_inode)
{
	struct files s;
	struct stat before, after;

	files_up(&s);
	put(&s, "a", "x");
	before = look(&s, "a");
	EQ(fake_sys(&s.f, "rename", path(&s, "a"), path(&s, "b")), 0);
	after = look(&s, "b");
	EQ(after.st_ino, before.st_ino);
	EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	OK(after.st_ctim.tv_nsec > before.st_ctim.tv_nsec);
	EQ(fake_sys(&s.f, "rename", path(&s, "a"), path(&s, "b")), -ENOENT);
	EQ(fake_sys(&s.f, "link", path(&s, "b"), path(&s, "c")), 0);
	EQ(look(&s, "c").st_ino, before.st_ino);
	files_down(&s);
}

TEST(a_missing_file_is_answered_without_the_kernel)
{
	struct files s;

	files_up(&s);
	EQ(fake_sys(&s.f, "openat", (uint64_t) AT_FDCWD, path(&s, "none"), O_RDONLY), -ENOENT);
	EQ(fake_sys(&s.f, "open", path(&s, "none/x"), O_WRONLY | O_TRUNC), -ENOENT);
	EQ(s.f.nkernel, 0);
	files_down(&s);
}

TEST(truncating_is_a_modification)
{
	struct files s;
	own_fd fd = -1;
	struct stat st;
	char buf[256];

	files_up(&s);
	put(&s, "a", "hello");
	fd = open(real(&s, "a", buf), O_RDWR | O_CLOEXEC);
	EQ(look(&s, "a").st_mtim.tv_nsec, 0);
	s.f.kernel = fd;
	EQ(fake_sys(&s.f, "open", path(&s, "a"), O_WRONLY | O_TRUNC), fd);
	OK(look(&s, "a").st_mtim.tv_nsec > 0);
	EQ(fake_sys(&s.f, "ftruncate", (uint64_t) fd, 3), 0);
	EQ(look(&s, "a").st_size, 3);
	EQ(fake_sys(&s.f, "fallocate", (uint64_t) fd, 0, 0, 100), 0);
	EQ(look(&s, "a").st_size, 100);
	EQ(fake_sys(&s.f, "fallocate", (uint64_t) fd, 8, 0, 4096), -EOPNOTSUPP);
	EQ(fake_sys(&s.f, "fallocate", (uint64_t) fd, 0, 0, 1 << 26), 0);
	EQ(fake_sys(&s.f, "fallocate", (uint64_t) fd, 3, 0, 1 << 26), 0); /* a hole is no work */
	EQ(fstat(fd, &st), 0);
	OK(st.st_size == 1 << 26 && st.st_blocks < 1 << 10);
	files_down(&s);
}

TEST(owners_are_virtual)
{
	struct files s;
	struct stat st;
	char buf[256];

	files_up(&s);
	put(&s, "a", "");
	EQ(fake_sys(&s.f, "chmod", path(&s, "a"), 04711), 0);
	EQ(look(&s, "a").st_mode, S_IFREG | 04711);
	EQ(stat(real(&s, "a", buf), &st), 0);
	EQ(st.st_mode, S_IFREG | 0711);
	EQ(fake_sys(&s.f, "chown", path(&s, "a"), 5, 6), 0);
	EQ(look(&s, "a").st_uid, 5);
	EQ(look(&s, "a").st_gid, 6);
	EQ(look(&s, "a").st_mode, S_IFREG | 0711);
	EQ(fake_sys(&s.f, "lchown", path(&s, "a"), (uint64_t) -1, 8), 0);
	EQ(look(&s, "a").st_uid, 5);
	EQ(look(&s, "a").st_gid, 8);
	EQ(fake_sys(&s.f, "chown", path(&s, "b"), 5, 6), -ENOENT);
	EQ(s.f.nkernel, 0);
	files_down(&s);
}

TEST(devices_are_empty_files)
{
	struct files s;
	uint64_t at;

	files_up(&s);
	at = path(&s, "null");
	s.f.kernel = -EROFS;
	EQ(fake_sys(&s.f, "mknod", at, S_IFCHR | 0600, makedev(1, 3)), -EROFS);
	EQ(s.f.k[1], S_IFREG | 0600);
	files_down(&s);
}

TEST(times_are_set_without_the_disk)
{
	struct files s;
	struct timespec *ts = &FAKE_AT(&s.f, struct timespec, 0x2800);
	struct stat st;

	files_up(&s);
	put(&s, "a", "");
	ts[0] = (struct timespec){ .tv_nsec = UTIME_OMIT };
	ts[1] = (struct timespec){ .tv_sec = -5, .tv_nsec = 7 };
	EQ(fake_sys(&s.f, "utimensat", (uint64_t) AT_FDCWD, path(&s, "a"), 0x2800, 0), 0);
	st = look(&s, "a");
	EQ(st.st_mtim.tv_sec, -5);
	EQ(st.st_mtim.tv_nsec, 7);
	EQ(st.st_atim.tv_sec, EPOCH);
	OK(st.st_ctim.tv_sec == EPOCH);
	ts[1].tv_nsec = 1000000000;
	EQ(fake_sys(&s.f, "utimensat", (uint64_t) AT_FDCWD, path(&s, "a"), 0x2800, 0), -EINVAL);
	EQ(fake_sys(&s.f, "utimensat", (uint64_t) AT_FDCWD, path(&s, "b"), 0, 0), -ENOENT);
	EQ(fake_sys(&s.f, "utime", path(&s, "a"), 0), 0);
	EQ(look(&s, "a").st_mtim.tv_sec, EPOCH);
	files_down(&s);
}

TEST(an_open_of_a_fifo_waits_for_the_other_end)
{
	struct files s;
	struct task *other;
	own_fd fd = -1;
	char buf[256];

	files_up(&s);
	EQ(mkfifo(real(&s, "p", buf), 0600), 0);
	other = fake_task(&s.f, NULL, 0);
	EQ(fake_sys(&s.f, "open", path(&s, "p"), O_RDONLY), FAKE_BLOCKED);
	fd = open(buf, O_RDWR | O_CLOEXEC); /* what the kernel would have given */
	s.f.kernel = fd;
	EQ(fake_sys_as(&s.f, other, "open", path(&s, "p"), O_WRONLY), fd);
	EQ(s.f.k[1], O_WRONLY | O_NONBLOCK);
	EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	files_down(&s);
}

TEST(there_are_no_extended_attributes)
{
	struct files s;

	files_up(&s);
	put(&s, "a", "");
	memcpy(&s.f.m[0x80], "user.x", 7);
	EQ(fake_sys(&s.f, "getxattr", path(&s, "a"), 0x80, 0, 0), -ENODATA);
	EQ(fake_sys(&s.f, "setxattr", path(&s, "a"), 0x80, 0x80, 1, 0), -EOPNOTSUPP);
	EQ(fake_sys(&s.f, "listxattr", path(&s, "a"), 0, 0), 0);
	EQ(fake_sys(&s.f, "llistxattr", path(&s, "b"), 0, 0), -ENOENT);
	files_down(&s);
}

CHECK_MAIN
