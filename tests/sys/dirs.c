/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>

#include "runtime/base/own.h"
#include "tests/sys/files.h"

#define BUF 0x2800

/* The names in @n bytes that the guest got, each with a blank behind it; checks positions. */
static char *names(struct files *s, long n, long first, char *ret)
{
	char *at = ret;

	*at = 0;
	for (long i = 0; i < n;) {
		struct dirent64 *d = (void *) &s->f.m[BUF + i];

		EQ(d->d_off, ++first);
		at += sprintf(at, "%s ", d->d_name);
		i += d->d_reclen;
	}
	return ret;
}

static int open_dir(struct files *s, const char *name)
{
	char buf[256];

	return open(real(s, name, buf), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static const struct dirent64 *in_list(struct files *s, long n, const char *name)
{
	static const struct dirent64 none;

	for (long i = 0; i < n;) {
		struct dirent64 *d = (void *) &s->f.m[BUF + i];

		if (strcmp(d->d_name, name) == 0)
			return d;
		i += d->d_reclen;
	}
	return &none;
}

TEST(entries_come_by_name)
{
	struct files s;
	own_fd fd = -1;
	char buf[512];
	long n;

	files_up(&s);
	put(&s, "b", "");
	put(&s, "a", "");
	put(&s, "B", "");
	put(&s, ".x", "");
	fd = open_dir(&s, "");
	n = fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 0x400);
	STREQ(names(&s, n, 0, buf), ". .. .x B a b ");
	EQ(in_list(&s, n, "a")->d_ino, look(&s, "a").st_ino);
	EQ(in_list(&s, n, ".")->d_ino, look(&s, "").st_ino);
	EQ(fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 0x400), 0);
	EQ(fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 0x400), 0);
	EQ(s.f.nkernel, 0);
	files_down(&s);
}

TEST(a_device_node_is_no_file)
{
	struct files s;
	own_fd fd = -1;
	struct vinode *v;
	struct stat st;
	char buf[512];
	long n;

	files_up(&s);
	put(&s, "disk", "");
	put(&s, "file", "");
	EQ(stat(real(&s, "disk", buf), &st), 0);
	v = inode_of(&s.f.w, &st);
	v->has_owner = true;
	v->mode = S_IFBLK | 0600;
	fd = open_dir(&s, "");
	n = fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 0x400);
	EQ(in_list(&s, n, "disk")->d_type, DT_BLK);
	EQ(in_list(&s, n, "file")->d_type, DT_REG);
	EQ(in_list(&s, n, "..")->d_type, DT_DIR);
	files_down(&s);
}

TEST(a_small_buffer_gets_them_in_turn)
{
	struct files s;
	own_fd fd = -1;
	char buf[512];
	long n;

	files_up(&s);
	put(&s, "a", "");
	put(&s, "b", "");
	fd = open_dir(&s, "");
	EQ(fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 8), -EINVAL);
	n = fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 48);
	STREQ(names(&s, n, 0, buf), ". .. ");
	put(&s, "aa", ""); /* made meanwhile: not in this list */
	n = fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 24);
	STREQ(names(&s, n, 2, buf), "a ");
	n = fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 48);
	STREQ(names(&s, n, 3, buf), "b ");
	EQ(lseek(fd, 0, SEEK_SET), 0);
	n = fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 0x400);
	STREQ(names(&s, n, 0, buf), ". .. a aa b ");
	EQ(lseek(fd, 3, SEEK_SET), 3); /* seekdir() */
	n = fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 0x400);
	STREQ(names(&s, n, 3, buf), "aa b ");
	files_down(&s);
}

TEST(two_readers_do_not_mix)
{
	struct files s;
	own_fd fd = -1;
	own_fd fd2 = -1;
	char buf[512];
	long n;

	files_up(&s);
	put(&s, "a", "");
	put(&s, "b", "");
	put(&s, "c", "");
	fd = open_dir(&s, "");
	n = fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 72);
	STREQ(names(&s, n, 0, buf), ". .. a ");
	unlink(real(&s, "a", buf));
	fd2 = open_dir(&s, "");
	n = fake_sys(&s.f, "getdents64", (uint64_t) fd2, BUF, 0x400);
	STREQ(names(&s, n, 0, buf), ". .. b c ");
	n = fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 0x400);
	STREQ(names(&s, n, 3, buf), "b c ");
	files_down(&s);
}

TEST(only_directories_are_read)
{
	struct files s;
	own_fd fd = -1;
	own_fd path_fd = -1;
	char buf[256];

	files_up(&s);
	put(&s, "a", "");
	fd = open(real(&s, "a", buf), O_RDONLY | O_CLOEXEC);
	path_fd = open(s.dir, O_PATH | O_CLOEXEC);
	EQ(fake_sys(&s.f, "getdents64", (uint64_t) fd, BUF, 0x400), -ENOTDIR);
	EQ(fake_sys(&s.f, "getdents64", (uint64_t) path_fd, BUF, 0x400), -EBADF);
	EQ(fake_sys(&s.f, "getdents64", 999, BUF, 0x400), -EBADF);
	files_down(&s);
}

CHECK_MAIN
