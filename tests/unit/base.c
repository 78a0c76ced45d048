/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/map.h"
#include "runtime/base/own.h"
#include "tests/check.h"

/* A directory of its own for one test; leave with rm_rf(). */
static int tmp_dir(char path[32])
{
	strcpy(path, "/tmp/detrun-unit.XXXXXX");
	must(mkdtemp(path) != NULL);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* --- err ---------------------------------------------------------------------------------- */

TEST(err_says_what_and_why)
{
	struct err e = ERR_INIT;

	EQ(fail(&e, ENOENT, "open %s", "/x"), -ENOENT);
	STREQ(e.msg, "open /x: no such file or directory");
	EQ(e.code, ENOENT);
	EQ(fail(&e, -EPERM, "y"), -EPERM); /* either sign */
	EQ(fail(&e, 0, "z"), -EIO);
	EQ(fail_msg(&e, EINVAL, "bad\nthing"), -EINVAL);
	STREQ(e.msg, "bad thing");
	EQ(fail_ctx(&e, -EINVAL, "in %d", 5), -EINVAL);
	STREQ(e.msg, "in 5: bad thing");
	EQ(fail(NULL, EIO, "x"), -EIO);
	EQ(fail_ctx(NULL, -7, "x"), -7);
}

TEST(err_truncates)
{
	struct err e = ERR_INIT;
	char big[3000];

	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = 0;
	fail(&e, EIO, "%s", big);
	EQ(strlen(e.msg), sizeof e.msg - 1);
	fail_ctx(&e, -EIO, "%s", big);
	EQ(strlen(e.msg), sizeof e.msg - 1);
}

/* --- buf ---------------------------------------------------------------------------------- */

TEST(buf_grows)
{
	own_buf b = { 0 };

	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "%04d", i % 10000);
	EQ(b.n, 40000);
	OK(!memcmp(b.p + 39996, "9999", 4));
	EQ(strlen(buf_cstr(&b)), 40000);
	EQ(b.n, 40000);
	buf_put(&b, NULL, 0);
	EQ(b.n, 40000);
}

TEST(buf_remembers_failure)
{
	own_buf b = { 0 };

	OK(!buf_room(&b, SIZE_MAX / 2 + 1));
	OK(b.failed);
	buf_str(&b, "x");
	EQ(b.n, 0);
	OK(!buf_cstr(&b));
}

TEST(varint_round_trip)
{
	static const uint64_t v[] = { 0, 1, 127, 128, 300, 1u << 21, UINT32_MAX, INT64_MAX,
		UINT64_MAX };

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		own_buf b = { 0 };
		const uint8_t *p;
		uint64_t back;

		buf_varint(&b, v[i]);
		p = b.p;
		OK(varint_get(&p, b.p + b.n, &back) && back == v[i] && p == b.p + b.n);
		p = b.p;
		OK(!varint_get(&p, b.p + b.n - 1, &back) && p == b.p);
	}
}

TEST(varint_refuses_second_spellings)
{
	static const uint8_t overlong[] = { 0x80, 0x00 }, big[] = { 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0x02 }, longer[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
		0x80, 0x80, 0x80, 0x80, 0x01 };
	const uint8_t *p = overlong;
	uint64_t v;

	OK(!varint_get(&p, overlong + sizeof overlong, &v));
	p = big;
	OK(!varint_get(&p, big + sizeof big, &v));
	p = longer;
	OK(!varint_get(&p, longer + sizeof longer, &v));
}

TEST(zigzag_round_trip)
{
	static const int64_t v[] = { 0, -1, 1, INT64_MIN, INT64_MAX };

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		EQ(unzigzag(zigzag(v[i])), v[i]);
	EQ(zigzag(-1), 1);
	EQ(zigzag(1), 2);
}

/* --- map ---------------------------------------------------------------------------------- */

TEST(map_keeps_what_is_put)
{
	struct map m = { 0 };
	size_t i = 0, seen = 0;

	OK(!map_get(&m, 1, 1) && !map_del(&m, 1, 1) && !map_next(&m, &i));
	for (uint64_t k = 0; k < 5000; k++)
		EQ(map_put(&m, k, k * k, k + 1), 0);
	EQ(map_put(&m, 7, 49, 99), 0);
	EQ(m.n, 5000);
	EQ(*map_get(&m, 7, 49), 99);
	OK(!map_get(&m, 7, 50));
	for (uint64_t k = 0; k < 5000; k += 2)
		OK(map_del(&m, k, k * k));
	OK(!map_del(&m, 0, 0));
	for (uint64_t k = 0; k < 5000; k++)
		OK(!map_get(&m, k, k * k) == !(k & 1));
	i = 0;
	while (map_next(&m, &i))
		seen++;
	EQ(seen, 2500);
	map_free(&m);
}

TEST(map_survives_churn)
{
	struct map m = { 0 };

	for (uint64_t k = 0; k < 200000; k++) {
		EQ(map_put(&m, k, 0, k), 0);
		if (k >= 10)
			OK(map_del(&m, k - 10, 0));
	}
	EQ(m.n, 10);
	OK(m.cap <= 1024); /* deleted slots are cleared away, not kept for ever */
	map_free(&m);
}

/* --- hash --------------------------------------------------------------------------------- */

static const char abc_sha256[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(hash_known_answers)
{
	uint8_t d[SHA256_LEN], back[SHA256_LEN];
	char h[SHA256_HEX];
	struct sha256 *s = sha256_new();

	sha256("abc", 3, d);
	STREQ(hex(d, sizeof d, h), abc_sha256);
	EQ(unhex(h, back, sizeof back), 0);
	OK(!memcmp(d, back, sizeof d));
	sha256_start(s);
	sha256_add(s, "a", 1);
	sha256_add(s, "bc", 2);
	sha256_done(s, back);
	OK(!memcmp(d, back, sizeof d));
	sha256_free(s);
	sha256("", 0, d);
	HAS(hex(d, sizeof d, h), "e3b0c44298fc1c149afbf4c8996fb924");
}

TEST(numbers_as_printf_has_them)
{
	static const int64_t v[] = { 0, 7, -1, 1000000007, INT64_MAX, INT64_MIN };

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		own_buf a = { 0 }, b = { 0 };

		buf_int(&a, v[i]);
		buf_byte(&a, ' ');
		buf_uint(&a, (uint64_t) v[i], 16, 0);
		buf_byte(&a, ' ');
		buf_uint(&a, (uint64_t) v[i], 8, 3);
		buf_byte(&a, ' ');
		buf_hex(&a, &v[i], 2);
		buf_printf(&b, "%lld %llx %03llo %02x%02x", (long long) v[i], (unsigned long long) v[i],
			(unsigned long long) v[i], (unsigned) (v[i] & 255), (unsigned) (v[i] >> 8 & 255));
		STREQ(buf_cstr(&a), buf_cstr(&b));
	}
}

TEST(hash_of_a_file)
{
	char path[32], h[SHA256_HEX];
	int dir = tmp_dir(path), fd;
	uint8_t d[SHA256_LEN];

	EQ(write_file(dir, "f", "abc", 3, 0644, NULL), 0);
	fd = openat(dir, "f", O_RDONLY);
	EQ(sha256_fd(fd, d), 0);
	STREQ(hex(d, sizeof d, h), abc_sha256);
	close(fd);
	EQ(sha256_fd(-1, d), -EBADF);
	close(dir);
	EQ(rm_rf(AT_FDCWD, path), 0);
}

TEST(unhex_is_strict)
{
	uint8_t d[2];

	EQ(unhex("0aFf", d, 2), 0);
	EQ(d[0] << 8 | d[1], 0x0aff);
	EQ(unhex("0aF", d, 2), -EINVAL);
	EQ(unhex("0aFff", d, 2), -EINVAL);
	EQ(unhex("0a g", d, 2), -EINVAL);
	EQ(unhex("", d, 2), -EINVAL);
}

/* --- io ----------------------------------------------------------------------------------- */

TEST(io_files)
{
	char path[32];
	int dir = tmp_dir(path);
	own_buf b = { 0 };
	struct err e = ERR_INIT;
	struct stat st;

	EQ(write_file(dir, "f", "one", 3, 0600, &e), 0);
	EQ(write_file(dir, "f", "two!", 4, 0600, &e), 0);
	EQ(read_file(dir, "f", 4, &b, &e), 0);
	STREQ(buf_cstr(&b), "two!");
	EQ(fstatat(dir, "f", &st, 0), 0);
	EQ(st.st_mode & 07777, 0600);
	EQ(read_file(dir, "f", 3, &b, &e), -EFBIG);
	HAS(e.msg, "f is larger than 3 bytes");
	EQ(read_file(dir, "missing", 3, &b, &e), -ENOENT);
	HAS(e.msg, "missing");
	EQ(read_file(dir, ".", 3, &b, &e), -EINVAL);
	EQ(mkfifoat(dir, "fifo", 0600), 0);
	EQ(read_file(dir, "fifo", 3, &b, &e), -EINVAL); /* and does not hang */
	EQ(write_file(dir, "no/such", "x", 1, 0600, &e), -ENOENT);
	close(dir);
	EQ(rm_rf(AT_FDCWD, path), 0);
}

TEST(io_pipes)
{
	char back[8] = "";
	int p[2];

	EQ(pipe(p), 0);
	EQ(write_full(p[1], "abcdef", 6), 0);
	close(p[1]);
	EQ(read_full(p[0], back, 4), 4);
	EQ(read_full(p[0], back, 8), 2);
	EQ(read_full(p[0], back, 8), 0);
	close(p[0]);
	EQ(read_full(-1, back, 1), -EBADF);
	EQ(write_full(-1, "x", 1), -EBADF);
}

TEST(io_trees)
{
	char path[32];
	int dir = tmp_dir(path), fd;
	struct stat st;

	EQ(mkdir_p(dir, "a/b/c", 0755), 0);
	EQ(mkdir_p(dir, "a/b/c", 0755), 0);
	EQ(write_file(dir, "a/b/f", "", 0, 0600, NULL), 0);
	EQ(mkdir_p(dir, "a/b/f/g", 0755), -ENOTDIR);
	/* links are removed, never followed */
	EQ(mkdir_p(dir, "keep", 0755), 0);
	EQ(write_file(dir, "keep/f", "x", 1, 0600, NULL), 0);
	EQ(symlinkat("../keep", dir, "a/link"), 0);
	EQ(fchmodat(dir, "a/b", 0, 0), 0);
	EQ(rm_rf(dir, "a"), 0);
	EQ(fstatat(dir, "a", &st, 0), -1);
	EQ(fstatat(dir, "keep/f", &st, 0), 0);
	EQ(rm_rf(dir, "missing"), 0);
	fd = openat_beneath(dir, "keep/f", O_RDONLY, 0, RESOLVE_BENEATH);
	OK(fd >= 0 && fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	EQ(openat_beneath(dir, "../x", O_RDONLY, 0, RESOLVE_BENEATH), -EXDEV);
	close(dir);
	EQ(rm_rf(AT_FDCWD, path), 0);
}

/* Deeper than descriptors reach, with directories that forbid everything. */
TEST(io_removes_deep_trees)
{
	char path[32];
	int dir = tmp_dir(path), at = dir;

	for (int i = 0; i < 3000; i++) {
		int next;

		must(mkdirat(at, "x", 0700) == 0);
		next = openat(at, "x", O_RDONLY | O_DIRECTORY);
		must(next >= 0);
		if (i % 100 == 0)
			EQ(write_file(at, "f", "", 0, 0600, NULL), 0);
		if (i == 200)
			EQ(fchmod(at, 0500), 0);
		close(at);
		at = next;
	}
	close(at);
	EQ(rm_rf(AT_FDCWD, path), 0);
	EQ(access(path, F_OK), -1);
}

/* --- log ---------------------------------------------------------------------------------- */

/* What log_msg() writes to a file in this format, in a process of its own. */
static char *logged(bool json, bool debug)
{
	char path[32];
	int dir = tmp_dir(path);
	struct buf b = { 0 };
	pid_t pid;

	must(fchdir(dir) == 0);
	pid = fork();
	if (!pid) {
		struct err e = ERR_INIT;

		must(dup2(open("stderr", O_WRONLY | O_CREAT, 0600), STDERR_FILENO) >= 0);
		must(log_setup("log", json, debug, &e) == 0);
		log_debug("hidden?");
		log_error("bad \"%s\"\n", "thing");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	EQ(read_file(dir, "log", 4096, &b, NULL), 0);
	buf_str(&b, "|");
	EQ(read_file(dir, "stderr", 4096, &b, NULL), 0);
	close(dir);
	EQ(chdir("/"), 0);
	EQ(rm_rf(AT_FDCWD, path), 0);
	return buf_cstr(&b);
}

TEST(log_json_is_one_object_per_message)
{
	own_free char *t = logged(true, false);
	char *bar = strchr(t, '|');
	own_json j = NULL;
	struct err e = ERR_INIT;

	STREQ(bar, "|detrun: bad \"thing\"\n\n"); /* who calls by hand sees it too */
	EQ(json_parse(t, (size_t) (bar - t), "log", &j, &e), 0);
	STREQ(json_get_str(j, "level"), "error");
	STREQ(json_get_str(j, "msg"), "bad \"thing\"\n");
	EQ(strlen(json_get_str(j, "time")), strlen("2026-01-02T03:04:05Z"));
}

TEST(log_text_in_a_file)
{
	own_free char *t = logged(false, true);

	OK(!strncmp(t, "time=\"20", 8));
	HAS(t, "level=debug msg=\"hidden?\"\ntime=");
	HAS(t, " level=error msg=\"bad \\\"thing\\\"\\n\"\n|");
}

TEST(log_setup_names_the_file)
{
	struct err e = ERR_INIT;

	EQ(log_setup("/no/such/dir/log", true, false, &e), -ENOENT);
	HAS(e.msg, "/no/such/dir/log");
}

CHECK_MAIN
