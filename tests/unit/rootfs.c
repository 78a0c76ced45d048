/* SPDX-License-Identifier: Apache-2.0 */
/* Tarballs made by hand, many of them hostile, and what becomes of them on disk. */
#include "tests/check.h"
#include "tests/unit/rootfs_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "rootfs/cache.h"
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

static void whole(struct buf *b)
{
	tar_dir(b, "./", 0755);
	tar_file(b, "./a", 0644, "hello, this is more than nothing");
	tar_pax(b, "mtime", "5.5", 3);
	tar_owned(b, "./b", 0600, "two", 3, 4);
	tar_put(b, "./l", '2', 0777, NULL, "a");
}

TEST(every_truncation_is_an_error)
{
	struct buf b = { 0 };

	whole(&b);
	for (size_t n = 0; n <= b.n; n += n % 512 ? 255 : 257) {
		struct fx x = fx_new();

		buf_put(&x.tar, b.p, n);
		EQ(fx_prepare_raw(&x) < 0, true);
		OK(x.e.msg[0] && !strchr(x.e.msg, '\n'));
		fx_untouched(&x);
		fx_free(&x);
	}
	buf_free(&b);
}

TEST(every_flipped_header_byte_is_survived)
{
	struct buf b = { 0 };

	whole(&b);
	for (size_t n = 0; n < b.n; n += 7) {
		struct fx x = fx_new();

		buf_put(&x.tar, b.p, b.n);
		x.tar.p[n] ^= 0x41;
		if (fx_prepare(&x) < 0)
			fx_untouched(&x);
		EQ(names_in(x.outside), 0);
		fx_free(&x);
	}
	buf_free(&b);
}

TEST(what_is_no_archive_says_so)
{
	static const char *const text[] = { "", "hello, world, this is no archive", "#mtree\n./a\n" };

	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		struct fx x = fx_new();

		buf_str(&x.tar, text[i]);
		OK(fx_prepare_raw(&x) < 0);
		HAS(x.e.msg, "test.tar");
		fx_untouched(&x);
		fx_free(&x);
	}
}

TEST(missing_source_is_named)
{
	struct rootfs r;
	struct err e = ERR_INIT;

	EQ(rootfs_prepare("/nonexistent/root", NULL, &r, &e), -ENOENT);
	HAS(e.msg, "/nonexistent/root");
	EQ(rootfs_prepare("/dev/null", NULL, &r, &e), -EINVAL);
	HAS(e.msg, "neither");
}

static void packed(struct fx *x, int format, int filter)
{
	struct archive *a = archive_write_new();
	struct archive_entry *ae = archive_entry_new();
	size_t used = 0;

	archive_write_set_format(a, format);
	archive_write_add_filter(a, filter);
	buf_room(&x->tar, 1 << 20);
	archive_write_open_memory(a, x->tar.p, 1 << 20, &used);
	archive_entry_set_pathname(ae, "dir/file");
	archive_entry_set_filetype(ae, AE_IFREG);
	archive_entry_set_perm(ae, 0644);
	archive_entry_set_size(ae, 5);
	archive_write_header(a, ae);
	archive_write_data(a, "hello", 5);
	archive_entry_free(ae);
	EQ(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	x->tar.n = used;
}

TEST(formats_and_filters)
{
	static const int how[][2] = {
		{ ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP },
		{ ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FILTER_XZ },
		{ ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_ZSTD },
		{ ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FILTER_BZIP2 },
		{ ARCHIVE_FORMAT_CPIO_SVR4_NOCRC, ARCHIVE_FILTER_GZIP },
		{ ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE },
		{ ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE },
	};

	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		struct fx x = fx_new();

		packed(&x, how[i][0], how[i][1]);
		EQ(fx_prepare_raw(&x), 0);
		STREQ(fx_read(&x, "dir/file"), "hello");
		fx_free(&x);
	}
}

/* As a full disk does, a limit on file sizes fails a write in the middle. */
TEST(failed_writes_leave_nothing)
{
	struct fx x = fx_new();
	static char big[100000];
	int status = 0;
	pid_t pid;

	memset(big, 'x', sizeof big - 1);
	tar_file(&x.tar, "small", 0644, "x");
	tar_file(&x.tar, "big", 0644, big);
	tar_end(&x.tar);
	close(fx_tarball(&x));
	pid = fork();
	if (!pid) {
		struct rlimit lim = { 50000, 50000 };

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &lim);
		_exit(fx_open(&x) == -EFBIG && strstr(x.e.msg, "\"big\"") ? 0 : 1);
	}
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
	fx_untouched(&x);
	fx_free(&x);
}

static int make_nothing(void *ctx, int fd, struct err *e)
{
	(void) fd;
	(void) e;
	++*(int *) ctx;
	return 0;
}

TEST(entries_in_use_are_not_pruned)
{
	struct fx x = fx_new();
	own_cache c = CACHE_INIT;
	char path[128];
	int fd, lock, made = 0;

	snprintf(path, sizeof path, "%s/cache", x.dir);
	EQ(cache_open(path, &c, &x.e), 0);
	EQ(cache_get(&c, "dir-1-old", make_nothing, &made, &fd, &lock, &x.e), 0);
	close(fd);
	cache_prune(&c, "dir-1-", "dir-1-new");
	EQ(fx_entries(&x), 2);
	close(lock);
	cache_prune(&c, "dir-2-", "dir-2-new");
	cache_prune(&c, "dir-1-", "dir-1-old");
	EQ(fx_entries(&x), 2);
	cache_prune(&c, "dir-1-", "dir-1-new");
	EQ(fx_entries(&x), 0);
	EQ(cache_get(&c, "dir-1-old", make_nothing, &made, &fd, &lock, &x.e), 0);
	EQ(made, 2);
	close(fd);
	close(lock);
	fx_free(&x);
}

TEST(racing_runs_share_one_entry)
{
	struct fx x = fx_new();
	pid_t pid[6];
	int status, good = 0;

	whole(&x.tar);
	tar_end(&x.tar);
	close(fx_tarball(&x));
	for (size_t i = 0; i < ARRAY_LEN(pid); i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(fx_open(&x) < 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(pid); i++)
		good += waitpid(pid[i], &status, 0) == pid[i] && !status;
	EQ(good, ARRAY_LEN(pid));
	EQ(fx_entries(&x), 2); /* the entry and its lock */
	fx_free(&x);
}

TEST(what_dead_runs_left_is_cleaned)
{
	struct fx x = fx_new();

	EQ(mkdir_p(x.dirfd, "cache/rootfs/.sha256-dead.tmp/root/x", 0700), 0);
	tar_file(&x.tar, "f", 0644, "x");
	EQ(fx_prepare(&x), 0);
	EQ(fx_entries(&x), 2);
	fx_free(&x);
}

CHECK_MAIN
