/* SPDX-License-Identifier: Apache-2.0 */
/* Tarballs made by hand, many of them hostile, and what becomes of them on disk. */
#include "tests/check.h"
#include "tests/unit/rootfs_tar.h"

#include <sys/sysmacros.h>

#include "rootfs/unpack.h"

TEST(tarball_becomes_files)
{
	struct fx x = fx_new();
	struct stat st, two;
	char *to = NULL;

	tar_dir(&x.tar, "./", 0755);
	tar_dir(&x.tar, "./usr/", 0755);
	tar_file(&x.tar, "./usr/a", 0644, "hello");
	tar_put(&x.tar, "./usr/b", '1', 0644, NULL, "./usr/a");
	tar_put(&x.tar, "./lib", '2', 0777, NULL, "usr/lib");
	tar_put(&x.tar, "./pipe", '6', 0600, NULL, NULL);
	tar_file(&x.tar, "deep/er/c", 0600, "x");
	EQ(fx_prepare(&x), 0);
	OK(x.r.own_ids && x.r.times_from_image && !x.r.private_hidden);
	EQ(fstatat(x.root, "usr/a", &st, 0), 0);
	EQ(st.st_size, 5);
	EQ(st.st_mode, S_IFREG | 0644);
	EQ(st.st_mtim.tv_sec, 1000000);
	EQ(st.st_uid, geteuid());
	EQ(fstatat(x.root, "usr/b", &two, 0), 0);
	EQ(two.st_ino, st.st_ino);
	EQ(read_link(x.root, "lib", &to), 0);
	STREQ(to, "usr/lib");
	free(to);
	EQ(fstatat(x.root, "pipe", &st, 0), 0);
	OK(S_ISFIFO(st.st_mode));
	EQ(fstatat(x.root, "usr", &st, 0), 0);
	EQ(st.st_mode, S_IFDIR | 0755);
	EQ(st.st_mtim.tv_sec, 1000000);
	EQ(fstatat(x.root, "deep/er", &st, 0), 0);
	EQ(st.st_mtim.tv_sec, 0);
	EQ(x.r.nowners, 0);
	fx_free(&x);
}

TEST(tarball_is_unpacked_once)
{
	struct fx x = fx_new();
	struct stat a, b;

	tar_file(&x.tar, "f", 0644, "1");
	EQ(fx_prepare(&x), 0);
	EQ(fstatat(x.root, "f", &a, 0), 0);
	fx_again(&x);
	EQ(fx_prepare(&x), 0);
	EQ(fstatat(x.root, "f", &b, 0), 0);
	EQ(a.st_ino, b.st_ino);
	EQ(a.st_ctim.tv_nsec, b.st_ctim.tv_nsec);
	fx_free(&x);
}

TEST(dotdot_is_refused)
{
	static const char *const names[] = { "../evil", "a/../../evil", "/../evil", "a/..", ".." };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct fx x = fx_new();

		tar_file(&x.tar, names[i], 0644, "evil");
		OK(fx_prepare(&x) < 0);
		HAS(x.e.msg, "\"..\"");
		fx_untouched(&x);
		fx_free(&x);
	}
}

TEST(absolute_names_are_inside)
{
	struct fx x = fx_new();

	tar_file(&x.tar, "//etc/passwd", 0644, "mine");
	EQ(fx_prepare(&x), 0);
	STREQ(fx_read(&x, "etc/passwd"), "mine");
	fx_free(&x);
}

TEST(nothing_goes_through_a_symlink)
{
	static const char types[] = "0125634";

	for (size_t i = 0; i < sizeof types - 1; i++) {
		struct fx x = fx_new();

		tar_file(&x.tar, "f", 0644, "f");
		tar_put(&x.tar, "out", '2', 0777, NULL, x.outside);
		tar_put(&x.tar, "out/evil", types[i], 0644, NULL, "f");
		OK(fx_prepare(&x) < 0);
		HAS(x.e.msg, "symbolic link");
		fx_untouched(&x);
		fx_free(&x);
	}
}

TEST(a_symlink_in_the_way_is_replaced_not_followed)
{
	struct fx x = fx_new();
	char target[4096];
	struct stat st;

	snprintf(target, sizeof target, "%s/victim", x.outside);
	tar_put(&x.tar, "f", '2', 0777, NULL, target);
	tar_file(&x.tar, "f", 0644, "inside");
	tar_put(&x.tar, "d", '2', 0777, NULL, x.outside);
	tar_dir(&x.tar, "d", 0755);
	tar_file(&x.tar, "d/evil", 0644, "inside");
	EQ(fx_prepare(&x), 0);
	STREQ(fx_read(&x, "f"), "inside");
	STREQ(fx_read(&x, "d/evil"), "inside");
	EQ(fstatat(x.root, "d", &st, AT_SYMLINK_NOFOLLOW), 0);
	OK(S_ISDIR(st.st_mode));
	EQ(names_in(x.outside), 0);
	fx_free(&x);
}

TEST(hard_links_stay_inside)
{
	static const char *const to[] = { "../outside/x", "/etc/passwd", "nowhere", "dir", "out/x" };

	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		struct fx x = fx_new();

		tar_dir(&x.tar, "dir", 0755);
		tar_put(&x.tar, "out", '2', 0777, NULL, x.outside);
		tar_put(&x.tar, "l", '1', 0644, NULL, to[i]);
		OK(fx_prepare(&x) < 0);
		HAS(x.e.msg, "refused");
		fx_untouched(&x);
		fx_free(&x);
	}
}

TEST(a_hard_link_to_a_symlink_is_that_symlink)
{
	struct fx x = fx_new();
	struct stat st;

	tar_put(&x.tar, "s", '2', 0777, NULL, "/etc/passwd");
	tar_put(&x.tar, "l", '1', 0644, NULL, "s");
	EQ(fx_prepare(&x), 0);
	EQ(fstatat(x.root, "l", &st, AT_SYMLINK_NOFOLLOW), 0);
	OK(S_ISLNK(st.st_mode));
	fx_free(&x);
}

TEST(the_last_of_two_wins)
{
	struct fx x = fx_new();

	tar_owned(&x.tar, "f", 04755, "one", 5, 6);
	tar_file(&x.tar, "./f", 0644, "two");
	EQ(fx_prepare(&x), 0);
	STREQ(fx_read(&x, "f"), "two");
	EQ(x.r.nowners, 0);
	fx_free(&x);
}

TEST(a_directory_is_not_replaced)
{
	static const char types[] = "01263";

	for (size_t i = 0; i < sizeof types - 1; i++) {
		struct fx x = fx_new();

		tar_file(&x.tar, "f", 0644, "f");
		tar_dir(&x.tar, "d", 0755);
		tar_put(&x.tar, "d", types[i], 0644, NULL, "f");
		OK(fx_prepare(&x) < 0);
		HAS(x.e.msg, "replace a directory");
		fx_untouched(&x);
		fx_free(&x);
	}
}

TEST(a_file_is_no_directory)
{
	struct fx x = fx_new();

	tar_file(&x.tar, "f", 0644, "f");
	tar_file(&x.tar, "f/g", 0644, "g");
	OK(fx_prepare(&x) < 0);
	HAS(x.e.msg, "no directory");
	fx_untouched(&x);
	fx_free(&x);
}

TEST(the_root_stays_a_directory)
{
	static const char types[] = "01263";

	for (size_t i = 0; i < sizeof types - 1; i++) {
		struct fx x = fx_new();

		tar_put(&x.tar, ".", types[i], 0644, NULL, "/etc");
		OK(fx_prepare(&x) < 0);
		fx_untouched(&x);
		fx_free(&x);
	}
}

TEST(devices_are_empty_files_with_an_owner_entry)
{
	struct fx x = fx_new();
	const struct rootfs_owner *o;
	struct stat st;

	tar_dev(&x.tar, "dev/sda", '4', 8, 1);
	tar_dev(&x.tar, "dev/wh", '3', 0, 0);
	EQ(fx_prepare(&x), 0);
	EQ(fstatat(x.root, "dev/sda", &st, AT_SYMLINK_NOFOLLOW), 0);
	EQ(st.st_mode, S_IFREG | 0660);
	EQ(st.st_size, 0);
	o = fx_owner(&x, "dev/sda");
	OK(o);
	EQ(o ? o->mode : 0, S_IFBLK | 0660);
	EQ(o ? o->rdev : 0, makedev(8, 1));
	EQ(fstatat(x.root, "dev/wh", &st, AT_SYMLINK_NOFOLLOW), 0);
	OK(S_ISREG(st.st_mode)); /* never an overlay's whiteout */
	fx_free(&x);
}

TEST(modes_and_owners_that_the_disk_cannot_say)
{
	struct fx x = fx_new();
	const struct rootfs_owner *o;
	struct stat st;

	tar_owned(&x.tar, "su", 04755, "x", 0, 0);
	tar_owned(&x.tar, "shadow", 0000, "x", 0, 42);
	tar_dir(&x.tar, "closed", 0);
	tar_dir(&x.tar, "tmp", 01777);
	tar_dir(&x.tar, "mail", 02775);
	EQ(fx_prepare(&x), 0);
	EQ(x.r.nowners, 4);
	EQ(fstatat(x.root, "su", &st, 0), 0);
	EQ(st.st_mode & 07777, 0755);
	o = fx_owner(&x, "su");
	EQ(o ? o->mode : 0, S_IFREG | 04755);
	EQ(fstatat(x.root, "shadow", &st, 0), 0);
	EQ(st.st_mode & 07777, 0600);
	o = fx_owner(&x, "shadow");
	EQ(o ? o->mode : 0, S_IFREG);
	EQ(o ? o->gid : 0, 42);
	EQ(fstatat(x.root, "closed", &st, 0), 0);
	EQ(st.st_mode & 07777, 0700);
	OK(fx_owner(&x, "closed"));
	EQ(fstatat(x.root, "tmp", &st, 0), 0);
	EQ(st.st_mode & 07777, 01777);
	OK(!fx_owner(&x, "tmp"));
	OK(fx_owner(&x, "mail"));
	fx_free(&x);
}

TEST(owners_survive_a_second_load)
{
	struct fx x = fx_new();
	const struct rootfs_owner *o;

	tar_owned(&x.tar, "a", 0644, "x", 7, 8);
	tar_put(&x.tar, "b", '1', 0644, NULL, "a");
	tar_owned(&x.tar, "with space\nand line", 0644, "x", 9, 10);
	EQ(fx_prepare(&x), 0);
	fx_again(&x);
	EQ(fx_prepare(&x), 0);
	EQ(x.r.nowners, 2);
	o = fx_owner(&x, "b");
	EQ(o ? o->uid : 0, 7);
	o = fx_owner(&x, "with space\nand line");
	EQ(o ? o->gid : 0, 10);
	fx_free(&x);
}

TEST(a_spoilt_owners_list_is_an_error)
{
	struct fx x = fx_new();
	char path[8192];
	int fd;

	tar_owned(&x.tar, "a", 0644, "x", 7, 8);
	EQ(fx_prepare(&x), 0);
	snprintf(path, sizeof path, "%s/../owners", x.r.lower);
	fx_again(&x);
	fd = open(path, O_WRONLY | O_TRUNC);
	EQ(write(fd, "detrun owners 1\0100644 7 8 0 ../a", 32), 32);
	close(fd);
	OK(fx_prepare(&x) < 0);
	HAS(x.e.msg, "damaged");
	fx_free(&x);
}

TEST(impossible_owners_are_refused)
{
	struct fx x = fx_new();

	tar_pax(&x.tar, "uid", "4294967295", 10);
	tar_file(&x.tar, "f", 0644, "x");
	OK(fx_prepare(&x) < 0);
	HAS(x.e.msg, "owner");
	fx_untouched(&x);
	fx_free(&x);
}

TEST(size_bombs_hit_the_limit)
{
	static const char *const sizes[] = { "1099511627776", "9223372036854775807" };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct fx x = fx_new();

		tar_pax(&x.tar, "size", sizes[i], strlen(sizes[i]));
		tar_file(&x.tar, "bomb", 0644, "x");
		OK(fx_prepare(&x) < 0);
		fx_untouched(&x);
		fx_free(&x);
	}
}

TEST(sparse_bombs_hit_the_limit)
{
	struct fx x = fx_new();

	tar_pax(&x.tar, "GNU.sparse.size", "4611686018427387904", 19);
	tar_pax(&x.tar, "GNU.sparse.map", "4611686018427387000,1", 21);
	tar_file(&x.tar, "bomb", 0644, "x");
	OK(fx_prepare(&x) < 0);
	fx_untouched(&x);
	fx_free(&x);
}

TEST(a_sparse_file_keeps_its_holes)
{
	struct fx x = fx_new();
	struct stat st;

	tar_pax2(&x.tar, "GNU.sparse.size", "1048576", "GNU.sparse.map", "524288,5");
	tar_file(&x.tar, "holes", 0644, "hello");
	EQ(fx_prepare(&x), 0);
	EQ(fstatat(x.root, "holes", &st, 0), 0);
	EQ(st.st_size, 1048576);
	OK(st.st_blocks * 512 < 500000);
	fx_free(&x);
}

TEST(many_files_hit_the_limit)
{
	struct unpack_limits lim = { .entries = 3, .bytes = 10 };
	struct attrs attrs = { 0 };
	struct fx x = fx_new();
	int fd;

	for (int i = 0; i < 4; i++)
		tar_dir(&x.tar, (char[]){ (char) ('a' + i), 0 }, 0755);
	tar_end(&x.tar);
	fd = fx_tarball(&x);
	x.root = openat(x.dirfd, "outside", O_RDONLY | O_DIRECTORY);
	OK(unpack(fd, "t", x.root, &lim, &attrs, &x.e) < 0);
	HAS(x.e.msg, "the limit");
	attrs_free(&attrs);
	close(fd);
	fx_free(&x);
}

TEST(huge_pax_headers_are_refused)
{
	struct fx x = fx_new();
	size_t n = 3 << 20;
	char *big = malloc(n + 1);

	memset(big, 'x', n);
	big[n] = 0;
	tar_pax(&x.tar, "SCHILY.xattr.user.big", big, n);
	tar_file(&x.tar, "f", 0644, "x");
	OK(fx_prepare(&x) < 0);
	fx_untouched(&x);
	free(big);
	fx_free(&x);
}

TEST(xattrs_are_not_unpacked)
{
	struct fx x = fx_new();
	char list[256];

	tar_pax(&x.tar, "SCHILY.xattr.user.overlay.opaque", "y", 1);
	tar_dir(&x.tar, "d", 0755);
	EQ(fx_prepare(&x), 0);
	OK(flistxattr(x.root, list, sizeof list) <= 0);
	fx_free(&x);
}

TEST(names_are_bytes)
{
	static const char *const names[] = {
		"latin\xe9", "nfd-e\xcc\x81", "nfc-\xc3\xa9", "\xff\xfe", "tab\there", "\x1b[31m",
	};
	struct fx x = fx_new();
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[64];

		tar_file(&x.tar, names[i], 0644, "x");
		snprintf(path, sizeof path, "pax-%s", names[i]);
		tar_pax(&x.tar, "path", path, strlen(path));
		tar_file(&x.tar, "other", 0644, "x");
	}
	tar_pax(&x.tar, "path", "before\0after", 12);
	tar_file(&x.tar, "other", 0644, "x");
	EQ(fx_prepare(&x), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[64];

		EQ(fstatat(x.root, names[i], &st, 0), 0);
		snprintf(path, sizeof path, "pax-%s", names[i]);
		EQ(fstatat(x.root, path, &st, 0), 0);
	}
	EQ(names_in(x.r.lower), 2 * ARRAY_LEN(names) + 1);
	fx_free(&x);
}

TEST(long_and_deep_names)
{
	struct fx x = fx_new();
	char deep[4096] = "";

	for (int i = 0; i < 257; i++)
		strcat(deep, "d/");
	tar_pax(&x.tar, "path", deep, strlen(deep));
	tar_dir(&x.tar, "other", 0755);
	OK(fx_prepare(&x) < 0);
	HAS(x.e.msg, "too deep");
	fx_untouched(&x);
	fx_free(&x);
}

TEST(times_are_of_a_range_that_disks_have)
{
	static const struct { const char *pax; long long s, ns; } t[] = {
		{ "1234567890.123456789", 1234567890, 123456789 },
		{ "-5", 0, 0 },
		{ "99999999999", INT32_MAX, 0 },
	};
	struct fx x = fx_new();
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		tar_pax(&x.tar, "mtime", t[i].pax, strlen(t[i].pax));
		tar_file(&x.tar, (char[]){ (char) ('a' + i), 0 }, 0644, "x");
	}
	EQ(fx_prepare(&x), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		EQ(fstatat(x.root, (char[]){ (char) ('a' + i), 0 }, &st, 0), 0);
		EQ(st.st_mtim.tv_sec, t[i].s);
		EQ(st.st_mtim.tv_nsec, t[i].ns);
	}
	fx_free(&x);
}

CHECK_MAIN
