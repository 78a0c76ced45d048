/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged archives, formats and compressions, and the cache of what was unpacked. */
#include "tests/check.h"
#include "tests/unit/rootfs_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "rootfs/cache.h"
#include "rootfs/unpack.h"

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
