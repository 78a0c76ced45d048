/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, writing, copying, locks. */
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "tests/sys/files.h"

#define BUF 0x200

static int open_in(struct files *s, const char *name, int flags)
{
	char buf[256];

	return open(real(s, name, buf), flags | O_CLOEXEC, 0644);
}

TEST(a_file_is_read_by_the_kernel)
{
	struct files s;
	int fd;

	files_up(&s);
	put(&s, "a", "hello");
	fd = open_in(&s, "a", O_RDONLY);
	s.f.kernel = 5;
	EQ(fake_sys(&s.f, "read", fd, BUF, 10), 5);
	EQ(s.f.nkernel, 1);
	EQ(fake_sys(&s.f, "read", 999, BUF, 10), -EBADF);
	close(fd);
	files_down(&s);
}

TEST(a_write_goes_through_and_makes_a_file_newer)
{
	struct files s;
	char buf[256], text[32] = "";
	struct stat before;
	int fd;

	files_up(&s);
	put(&s, "a", "");
	before = look(&s, "a");
	fd = open_in(&s, "a", O_WRONLY);
	memcpy(&s.f.m[BUF], "hello", 5);
	EQ(fake_sys(&s.f, "write", fd, BUF, 5), 5);
	EQ(fake_sys(&s.f, "pwrite64", fd, BUF + 4, 1, 0), 1);
	EQ(fake_sys(&s.f, "write", fd, BUF, 0), 0);
	EQ(fake_sys(&s.f, "write", fd, 0, 5), -EFAULT);
	EQ(fake_sys(&s.f, "pwrite64", fd, BUF, 5, -1), -EINVAL);
	EQ(s.f.nkernel, 0);
	close(fd);
	fd = open(real(&s, "a", buf), O_RDONLY);
	EQ(read(fd, text, sizeof text), 5);
	STREQ(text, "oello");
	OK(look(&s, "a").st_mtim.tv_nsec > before.st_mtim.tv_nsec);
	EQ(fake_sys(&s.f, "write", fd, BUF, 5), -EBADF);
	close(fd);
	files_down(&s);
}

TEST(vectors_are_gathered_and_scattered)
{
	struct fake f = { 0 };
	struct iovec v[3] = { { (void *) BUF, 2 }, { (void *) (BUF + 100), 0 },
		{ (void *) (BUF + 50), 3 } };
	int p[2];

	fake_up(&f);
	EQ(pipe(p), 0);
	memcpy(&f.m[0x1000], v, sizeof v);
	memcpy(&f.m[BUF], "ab", 2);
	memcpy(&f.m[BUF + 50], "cde", 3);
	EQ(fake_sys(&f, "writev", p[1], 0x1000, 3), 5);
	memset(&f.m[BUF], 0, 64);
	EQ(fake_sys(&f, "readv", p[0], 0x1000, 3), 5);
	EQ(memcmp(&f.m[BUF], "ab", 2), 0);
	EQ(memcmp(&f.m[BUF + 50], "cde", 3), 0);
	EQ(fake_sys(&f, "writev", p[1], 0x1000, 1025), -EINVAL);
	EQ(fake_sys(&f, "readv", p[0], 0x3ff8, 3), -EFAULT);
	fake_free(&f);
}

TEST(an_empty_pipe_waits_for_the_writer)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, NULL, 0);
	int p[2];

	EQ(pipe(p), 0);
	EQ(fake_sys_as(&f, a, "read", p[0], BUF, 10), FAKE_BLOCKED);
	EQ(fcntl(p[0], F_GETFL) & O_NONBLOCK, 0);
	memcpy(&f.m[0x800], "xyz", 3);
	EQ(fake_sys_as(&f, b, "write", p[1], 0x800, 3), 3);
	b->state = T_STOPPED;
	OK(fake_run(&f) == a);
	EQ(fake_result(a), 3);
	EQ(memcmp(&f.m[BUF], "xyz", 3), 0);
	close(p[1]);
	EQ(fake_sys_as(&f, a, "read", p[0], BUF, 10), 0);
	close(p[0]);
	fake_free(&f);
}

TEST(a_nonblocking_pipe_does_not_wait)
{
	struct fake f = { 0 };
	int p[2];

	EQ(pipe2(p, O_NONBLOCK), 0);
	EQ(fake_sys(&f, "read", p[0], BUF, 10), -EAGAIN);
	EQ(fake_sys(&f, "pread64", p[0], BUF, 10, 0), -ESPIPE);
	close(p[0]);
	close(p[1]);
	fake_free(&f);
}

/* The writer is told of the whole, however little the pipe holds. */
TEST(a_full_pipe_takes_all_in_the_end)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, NULL, 0);
	int p[2];

	EQ(pipe(p), 0);
	EQ(fcntl(p[1], F_SETPIPE_SZ, 4096), 4096);
	EQ(fake_sys_as(&f, a, "write", p[1], 0x10, 0x2000), FAKE_BLOCKED);
	EQ(fake_sys_as(&f, b, "read", p[0], 0x10, 0x1000), 0x1000);
	b->state = T_STOPPED;
	f.w.turn++; /* another one ran */
	OK(fake_run(&f) == a);
	EQ(fake_result(a), 0x2000);
	close(p[0]);
	close(p[1]);
	fake_free(&f);
}

TEST(a_pipe_is_as_large_for_root_as_for_others)
{
	struct fake f = { 0 };
	int p[2];

	EQ(pipe(p), 0);
	EQ(fake_sys(&f, "fcntl", p[0], F_SETPIPE_SZ, 5000), 8192);
	EQ(fake_sys(&f, "fcntl", p[0], F_SETPIPE_SZ, 1 << 20), 1 << 20);
	EQ(fake_sys(&f, "fcntl", p[0], F_SETPIPE_SZ, (1 << 20) + 1), -EPERM);
	EQ(fake_sys(&f, "fcntl", p[0], F_SETPIPE_SZ, 1u << 31), -EPERM);
	EQ(fake_sys(&f, "fcntl", p[0], F_SETPIPE_SZ, (uint64_t) -1), -EINVAL);
	close(p[0]);
	close(p[1]);
	fake_free(&f);
}

TEST(devices_answer_by_themselves)
{
	struct fake a = { 0 }, b = { 0 };
	int full = open("/dev/full", O_RDWR), rnd = open("/dev/urandom", O_RDONLY);

	EQ(fake_sys(&a, "write", full, BUF, 10), -ENOSPC);
	EQ(fake_sys(&a, "read", rnd, BUF, 64), 64);
	EQ(fake_sys(&b, "read", rnd, BUF, 64), 64);
	EQ(memcmp(&a.m[BUF], &b.m[BUF], 64), 0);
	OK(memcmp(&a.m[BUF], &a.m[BUF + 32], 32));
	EQ(a.nkernel, 0);
	close(full);
	close(rnd);
	fake_free(&a);
	fake_free(&b);
}

TEST(a_number_that_gets_another_meaning_is_looked_at_again)
{
	struct fake f = { 0 };
	int nul = open("/dev/null", O_RDWR), full = open("/dev/full", O_RDWR);

	fake_sys(&f, "write", nul, BUF, 10); /* the kernel's own */
	fake_sys(&f, "read", nul, BUF, 10);
	EQ(f.nkernel, 2);
	dup2(full, nul);
	fake_sys(&f, "dup2", full, nul);
	EQ(fake_sys(&f, "write", nul, BUF, 10), -ENOSPC);
	close(nul);
	close(full);
	fake_free(&f);
}

TEST(copies_between_files_are_whole)
{
	struct files s;
	int from, to, p[2];
	char text[16];

	files_up(&s);
	put(&s, "a", "0123456789");
	put(&s, "b", "");
	from = open_in(&s, "a", O_RDONLY);
	to = open_in(&s, "b", O_RDWR);
	FAKE_AT(&s.f, int64_t, BUF) = 4;
	EQ(fake_sys(&s.f, "copy_file_range", from, BUF, to, 0, 100, 0), 6);
	EQ(FAKE_AT(&s.f, int64_t, BUF), 10);
	EQ(lseek(from, 0, SEEK_CUR), 0);
	EQ(lseek(to, 0, SEEK_CUR), 6);
	EQ(fake_sys(&s.f, "sendfile", to, from, 0, 3), 3);
	EQ(lseek(from, 0, SEEK_CUR), 3);
	EQ(look(&s, "b").st_size, 9);
	EQ(pipe(p), 0);
	EQ(fake_sys(&s.f, "sendfile", p[1], from, 0, 3), 3);
	EQ(lseek(from, 0, SEEK_CUR), 6);
	EQ(fake_sys(&s.f, "sendfile", p[1], from, BUF, 1 << 20), 0);
	FAKE_AT(&s.f, int64_t, BUF) = 8;
	EQ(fake_sys(&s.f, "sendfile", p[1], from, BUF, 1 << 20), 2);
	EQ(FAKE_AT(&s.f, int64_t, BUF), 10);
	EQ(read(p[0], text, sizeof text), 5);
	EQ(memcmp(text, "34589", 5), 0);
	FAKE_AT(&s.f, int64_t, BUF) = -1;
	EQ(fake_sys(&s.f, "sendfile", p[1], from, BUF, 1), -EINVAL);
	EQ(fake_sys(&s.f, "sendfile", p[1], p[0], 0, 3), -EINVAL);
	EQ(fake_sys(&s.f, "splice", from, 0, p[1], 0, 3, 0), -EINVAL);
	EQ(fake_sys(&s.f, "copy_file_range", to, 0, from, 0, 3, 0), -EBADF);
	files_down(&s);
}

TEST(a_file_goes_into_a_stream_in_full)
{
	static char much[100000], got[sizeof much];
	struct files s;
	struct task *b;
	size_t n = 0;
	int from, p[2];

	files_up(&s);
	b = fake_task(&s.f, NULL, 0);
	memset(much, 'x', sizeof much - 1);
	put(&s, "a", much);
	from = open_in(&s, "a", O_RDONLY);
	EQ(pipe(p), 0);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	FAKE_AT(&s.f, int64_t, BUF) = 0;
	EQ(fake_sys_as(&s.f, b, "sendfile", p[1], from, BUF, sizeof much), FAKE_BLOCKED);
	s.f.w.init->state = T_STOPPED;
	EQ(FAKE_AT(&s.f, int64_t, BUF), read(p[0], got, sizeof got));
	n = (size_t) FAKE_AT(&s.f, int64_t, BUF);
	s.f.w.turn++; /* another one ran */
	OK(fake_run(&s.f) == b);
	EQ(fake_result(b), sizeof much - 1);
	EQ(FAKE_AT(&s.f, int64_t, BUF), sizeof much - 1);
	n += (size_t) read(p[0], got + n, sizeof got - n);
	EQ(n, sizeof much - 1);
	OK(!memcmp(got, much, n));
	files_down(&s);
}

TEST(flock_waits_for_the_other_description)
{
	struct files s;
	struct task *b;
	int x, y;

	files_up(&s);
	b = fake_task(&s.f, NULL, 0);
	put(&s, "lock", "");
	x = open_in(&s, "lock", O_RDWR);
	y = open_in(&s, "lock", O_RDWR);
	EQ(fake_sys(&s.f, "flock", x, LOCK_EX), 0);
	EQ(fake_sys_as(&s.f, b, "flock", y, LOCK_EX | LOCK_NB), -EAGAIN);
	EQ(fake_sys_as(&s.f, b, "flock", y, LOCK_EX), FAKE_BLOCKED);
	EQ(fake_sys(&s.f, "flock", x, LOCK_UN), 0);
	s.f.w.init->state = T_STOPPED;
	OK(fake_run(&s.f) == b);
	EQ(fake_result(b), 0);
	close(x);
	close(y);
	files_down(&s);
}

TEST(unknown_commands_are_refused)
{
	struct fake f = { 0 };
	int fd = open("/dev/null", O_RDWR);

	EQ(fake_sys(&f, "fcntl", fd, F_SETLEASE, F_RDLCK), -EINVAL);
	EQ(fake_sys(&f, "ioctl", fd, 0x5401, BUF), -ENOTTY); /* TCGETS */
	EQ(fake_sys(&f, "ioctl", fd, 0x5412, BUF), -EPERM);  /* TIOCSTI */
	EQ(fake_sys(&f, "ioctl", fd, 0x100005412, BUF), -EPERM);
	EQ(fake_sys(&f, "ioctl", fd, 0x40049409, BUF), -EOPNOTSUPP); /* FICLONE */
	EQ(fake_sys(&f, "ioctl", fd, 0x12345678, BUF), -ENOTTY);
	EQ(f.nkernel, 0);
	close(fd);
	fake_free(&f);
}

CHECK_MAIN
