/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/stat.h>
#include <sys/sysmacros.h>

#include "runtime/base/own.h"
#include "shim/procview.h"
#include "tests/sys/files.h"

TEST(input_files_show_the_epoch)
{
	struct files s;
	struct stat st;

	files_up(&s);
	put(&s, "a", "hello");
	st = look(&s, "a");
	EQ(st.st_mtim.tv_sec, EPOCH);
	EQ(st.st_ctim.tv_nsec, 0);
	EQ(st.st_size, 5);
	EQ(st.st_blocks, 8);
	EQ(st.st_blksize, 4096);
	EQ(st.st_dev, makedev(0, MOUNT_FIRST));
	EQ(s.f.nkernel, 0);
	files_down(&s);
}

static bool known(struct files *s, const struct stat *st)
{
	return inode_peek(&s->f.w, st->st_dev, st->st_ino);
}

TEST(who_can_not_come_back_is_forgotten)
{
	struct stat open_one, other, named;
	struct files s;
	char buf[256];
	own_fd fd = -1;

	files_up(&s);
	s.f.w.host_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	s.f.w.init->pid = getpid();
	put(&s, "a", "");
	put(&s, "b", "");
	put(&s, "c", "");
	fd = open(real(&s, "a", buf), O_RDONLY | O_CLOEXEC);
	EQ(fstat(fd, &open_one), 0);
	EQ(stat(real(&s, "b", buf), &other), 0);
	EQ(stat(real(&s, "c", buf), &named), 0);
	inode_of(&s.f.w, &named);
	EQ(fake_sys(&s.f, "unlink", path(&s, "a")), 0);
	EQ(fake_sys(&s.f, "unlink", path(&s, "b")), 0);
	inode_sweep(&s.f.w); /* what was sent to somebody may be on its way */
	OK(known(&s, &open_one) && known(&s, &other));
	inode_sweep(&s.f.w);
	OK(known(&s, &open_one) && !known(&s, &other) && known(&s, &named));
	close(take_fd(&fd));
	inode_sweep(&s.f.w);
	OK(known(&s, &open_one));
	inode_sweep(&s.f.w);
	OK(!known(&s, &open_one) && known(&s, &named));
	close(s.f.w.host_proc);
	files_down(&s);
}

TEST(numbers_go_by_first_sight)
{
	struct files s;
	char a[256], b[256];

	files_up(&s);
	put(&s, "a", "");
	put(&s, "b", "");
	EQ(link(real(&s, "a", a), real(&s, "c", b)), 0);
	EQ(look(&s, "b").st_ino + 1, look(&s, "a").st_ino);
	EQ(look(&s, "c").st_ino, look(&s, "a").st_ino);
	EQ(look(&s, "c").st_nlink, 2);
	files_down(&s);
}

TEST(directories_have_one_size)
{
	struct files s;
	char buf[256];

	files_up(&s);
	EQ(mkdir(real(&s, "d", buf), 0700), 0);
	EQ(look(&s, "d").st_nlink, 1);
	EQ(look(&s, "d").st_size, 4096);
	files_down(&s);
}

TEST(errors_are_the_kernels)
{
	struct files s;

	files_up(&s);
	put(&s, "a", "");
	EQ(fake_sys(&s.f, "stat", path(&s, "none"), ST), -ENOENT);
	EQ(fake_sys(&s.f, "stat", path(&s, "a/b"), ST), -ENOTDIR);
	EQ(fake_sys(&s.f, "stat", path(&s, "a"), 0), -EFAULT);
	EQ(fake_sys(&s.f, "stat", 0, ST), -EFAULT);
	EQ(fake_sys(&s.f, "fstat", 999, ST), -EBADF);
	EQ(fake_sys(&s.f, "newfstatat", (uint64_t) AT_FDCWD, path(&s, "a"), ST, 0x8000), -EINVAL);
	EQ(s.f.nkernel, 0);
	files_down(&s);
}

TEST(a_missing_target_is_the_kernels_to_judge)
{
	struct files s;
	char buf[256];

	files_up(&s);
	EQ(symlink("/proc/self/nothing", real(&s, "l", buf)), 0);
	s.f.kernel = -ENOENT;
	EQ(fake_sys(&s.f, "stat", path(&s, "l"), ST), -ENOENT);
	EQ(s.f.nkernel, 1);
	files_down(&s);
}

TEST(statx_has_the_same_fields_everywhere)
{
	struct files s;
	struct statx *x = &FAKE_AT(&s.f, struct statx, ST);

	files_up(&s);
	put(&s, "a", "hello");
	EQ(fake_sys(&s.f, "statx", (uint64_t) AT_FDCWD, path(&s, "a"), 0, STATX_SIZE, ST), 0);
	EQ(x->stx_mask, STATX_BASIC_STATS | STATX_BTIME);
	EQ(x->stx_attributes, 0);
	EQ(x->stx_attributes_mask, 0);
	EQ(x->stx_btime.tv_sec, EPOCH);
	EQ(x->stx_size, 5);
	EQ(x->stx_ino, look(&s, "a").st_ino);
	files_down(&s);
}

TEST(access_goes_by_what_stat_shows)
{
	struct files s;
	struct task *t;

	files_up(&s);
	t = s.f.w.init;
	put(&s, "a", "");
	EQ(fake_sys(&s.f, "chmod", path(&s, "a"), 0640), 0);
	EQ(fake_sys(&s.f, "access", path(&s, "a"), R_OK | W_OK), 0);
	EQ(fake_sys(&s.f, "access", path(&s, "a"), X_OK), -EACCES);
	t->proc->ids.ruid = t->proc->ids.rgid = 7;
	EQ(fake_sys(&s.f, "access", path(&s, "a"), R_OK), -EACCES);
	EQ(fake_sys(&s.f, "chown", path(&s, "a"), 0, 7), 0);
	EQ(fake_sys(&s.f, "access", path(&s, "a"), R_OK), 0);
	EQ(fake_sys(&s.f, "access", path(&s, "a"), W_OK), -EACCES);
	EQ(fake_sys(&s.f, "access", path(&s, "b"), F_OK), -ENOENT);
	files_down(&s);
}

TEST(readlink_is_cut_to_the_buffer)
{
	struct files s;
	char buf[256];

	files_up(&s);
	EQ(symlink("target", real(&s, "l", buf)), 0);
	put(&s, "a", "");
	EQ(fake_sys(&s.f, "readlink", path(&s, "l"), 0x3000, 3), 3);
	EQ(memcmp(&s.f.m[0x3000], "tar\0", 4), 0);
	EQ(fake_sys(&s.f, "readlink", path(&s, "l"), 0x3000, 100), 6);
	EQ(fake_sys(&s.f, "readlink", path(&s, "a"), 0x3000, 100), -EINVAL);
	EQ(fake_sys(&s.f, "readlink", path(&s, "l"), 0x3000, 0), -EINVAL);
	files_down(&s);
}

CHECK_MAIN
