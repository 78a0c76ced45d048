/* SPDX-License-Identifier: Apache-2.0 */
/* Structs as text, and two events compared. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>

#include "shim/show.h"
#include "shim/sys.h"
#include "tests/check.h"

static const char *shown(const struct decoder *d, const void *p, size_t n, bool full, struct buf *b)
{
	b->n = 0;
	return decode_put(d, p, n, full, b) ? buf_cstr(b) : NULL;
}

TEST(stat_brief_and_full)
{
	struct stat st = { .st_ino = 7, .st_mode = S_IFREG | 04755, .st_size = 12, .st_mtim = { 5, 6 },
		.st_dev = 0x801 };
	own_buf b = { 0 };

	STREQ(shown(&dec_stat, &st, sizeof st, false, &b),
		"{st_ino=7, st_mode=S_IFREG|S_ISUID|0755, st_size=12, st_mtime=5, ...}");
	HAS(shown(&dec_stat, &st, sizeof st, true, &b), "{st_dev=makedev(0x8, 0x1), st_ino=7, ");
	HAS((char *) b.p, "st_mtime=5, st_mtime_nsec=6, ");
	OK(!shown(&dec_stat, &st, sizeof st - 1, true, &b));
	EQ(b.n, 0);
}

TEST(arrays)
{
	struct pollfd p[2] = { { 3, POLLIN | POLLHUP, 0 }, { -1, 0, POLLNVAL } };
	struct timespec ts[2] = { { 1, UTIME_NOW }, { 2, 3 } };
	int fds[2] = { 3, 4 };
	own_buf b = { 0 };

	STREQ(shown(&dec_pollfd, p, sizeof p, false, &b),
		"[{fd=3, events=POLLIN|POLLHUP, revents=0}, {fd=-1, events=0, revents=POLLNVAL}]");
	STREQ(shown(&dec_timespecs, ts, sizeof ts, false, &b),
		"[{tv_sec=1, tv_nsec=UTIME_NOW}, {tv_sec=2, tv_nsec=3}]");
	STREQ(shown(&dec_int, fds, sizeof fds, false, &b), "[3, 4]");
	STREQ(shown(&dec_int, fds, 0, false, &b), "[]");
	OK(!shown(&dec_int, fds, 6, false, &b));
}

TEST(wait_status)
{
	own_buf b = { 0 };

	STREQ(shown(&dec_wstatus, &(int){ 3 << 8 }, 4, false, &b),
		"[{WIFEXITED(s) && WEXITSTATUS(s) == 3}]");
	STREQ(shown(&dec_wstatus, &(int){ 11 | 0x80 }, 4, false, &b),
		"[{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}]");
	STREQ(shown(&dec_wstatus, &(int){ 19 << 8 | 0x7f }, 4, false, &b),
		"[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}]");
	STREQ(shown(&dec_wstatus, &(int){ 0xffff }, 4, false, &b), "[{WIFCONTINUED(s)}]");
}

TEST(small_ones)
{
	own_buf b = { 0 };

	STREQ(shown(&dec_mode, &(int){ 0644 }, 4, false, &b), "0644");
	STREQ(shown(&dec_mode, &(int){ 0 }, 4, false, &b), "000");
	STREQ(shown(&dec_mode, &(int){ S_IFDIR | 01777 }, 4, false, &b), "S_IFDIR|S_ISVTX|0777");
	STREQ(shown(&dec_signal, &(long){ 9 }, 8, false, &b), "SIGKILL");
	STREQ(shown(&dec_signal, &(long){ 0 }, 8, false, &b), "0");
	STREQ(shown(&dec_sigset, &(uint64_t){ 1 << 16 | 2 }, 8, false, &b), "[INT CHLD]");
	STREQ(shown(&dec_sigset, &(uint64_t){ ~UINT64_C(256) }, 8, false, &b), "~[KILL]");
	STREQ(shown(&dec_cpumask, "\x05", 1, false, &b), "[0 2]");
	STREQ(shown(&dec_rlimit, &(uint64_t[]){ 5, UINT64_MAX }, 16, false, &b),
		"{rlim_cur=5, rlim_max=RLIM64_INFINITY}");
}

TEST(names_end_where_their_field_does)
{
	struct utsname u;
	own_buf b = { 0 };

	memset(&u, 'x', sizeof u); /* no NUL anywhere */
	memcpy(u.sysname, "Linux", 6);
	HAS(shown(&dec_utsname, &u, sizeof u, true, &b), "{sysname=\"Linux\", nodename=\"xxx");
	EQ(strlen((char *) b.p) < 600, true);
}

TEST(socket_addresses)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80),
		.sin_addr = { htonl(0x7f000001) } };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/tmp/x" };
	own_buf b = { 0 };

	STREQ(shown(&dec_sockaddr, &in, sizeof in, false, &b),
		"{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}");
	HAS(shown(&dec_sockaddr, &in, 4, false, &b), "{sa_family=AF_INET, sa_data=");
	STREQ(shown(&dec_sockaddr, &un, sizeof un, false, &b),
		"{sa_family=AF_UNIX, sun_path=\"/tmp/x\"}");
	un.sun_path[0] = 0;
	STREQ(shown(&dec_sockaddr, &un, 2 + 6, false, &b), "{sa_family=AF_UNIX, sun_path=@\"tmp/x\"}");
	STREQ(shown(&dec_sockaddr, &un, 2, false, &b), "{sa_family=AF_UNIX}");
	STREQ(shown(&dec_sockaddr, "a", 1, false, &b), "\"a\"");
}

TEST(hostile_directories)
{
	uint8_t d[24] = { 1 };
	own_buf b = { 0 };

	d[16] = 24;
	memcpy(d + 19, "abcde", 5); /* no NUL */
	STREQ(shown(&dec_dirents64, d, sizeof d, false, &b),
		"[{d_ino=1, d_off=0, d_type=DT_UNKNOWN, d_name=\"abcde\"}]");
	d[16] = 0;
	STREQ(shown(&dec_dirents64, d, sizeof d, false, &b), "[24 more bytes]");
	d[16] = 25;
	STREQ(shown(&dec_dirents64, d, sizeof d, false, &b), "[24 more bytes]");
	for (int v = 0; v < 256; v++) { /* whatever the bytes are: no more of them is read */
		uint8_t *p = malloc(128);

		memset(p, v, 128);
		for (size_t n = 0; n <= 128; n++) {
			shown(&dec_dirents64, p + 128 - n, n, true, &b);
			shown(&dec_sockaddr, p + 128 - n, n, true, &b);
			shown(&dec_siginfo, p + 128 - n, n, true, &b);
			shown(&dec_pollfd, p + 128 - n, n, true, &b);
		}
		free(p);
	}
}

/* ---- events ---- */

static const char *line(const struct event *ev, struct buf *b)
{
	b->n = 0;
	event_print(ev, 0, sys_event_names(), b);
	return buf_cstr(b);
}

static struct event open_event(uint64_t flags)
{
	struct event ev = { .kind = EV_SYSCALL, .nr = SYS_openat, .task = 1, .has_res = true, .res = 3,
		.nval = 4 };

	ev.val[0] = (struct ev_val){ .type = EV_FD, .i = -100 };
	ev.val[1] = (struct ev_val){ .type = EV_STR, .arg = 1, .p = "/x", .n = 2 };
	ev.val[2] = (struct ev_val){ .type = EV_UINT, .arg = 2, .i = (int64_t) flags };
	ev.val[3] = (struct ev_val){ .type = EV_UINT, .arg = 3, .i = 0644 };
	return ev;
}

TEST(a_mode_counts_when_a_file_is_made)
{
	struct event ev = open_event(O_CLOEXEC);
	own_buf b = { 0 };

	HAS(line(&ev, &b), "openat(AT_FDCWD, \"/x\", O_RDONLY|O_CLOEXEC) = 3");
	ev = open_event(O_RDWR | O_CREAT);
	HAS(line(&ev, &b), "openat(AT_FDCWD, \"/x\", O_RDWR|O_CREAT, 0644) = 3");
	ev = open_event(0);
	HAS(line(&ev, &b), "\"/x\", O_RDONLY) = 3");
}

TEST(outputs_have_their_place)
{
	struct event ev = { .kind = EV_SYSCALL, .nr = SYS_read, .has_res = true, .res = -512, .nval = 2 };
	own_buf b = { 0 };

	ev.val[0] = (struct ev_val){ .type = EV_FD, .i = 3 };
	ev.val[1] = (struct ev_val){ .type = EV_UINT, .arg = 2, .i = 128 };
	HAS(line(&ev, &b), "read(3, ?, 128) = ? ERESTARTSYS");
	ev.val[1].arg = 9; /* no such argument: as they come */
	HAS(line(&ev, &b), "read(3, 128) = ");
}

TEST(a_command_chooses_the_struct)
{
	uint8_t ws[8] = { 24, 0, 80 };
	struct event ev = { .kind = EV_SYSCALL, .nr = SYS_ioctl, .has_res = true, .nval = 3 };
	own_buf b = { 0 };

	ev.val[0] = (struct ev_val){ .type = EV_FD, .i = 1 };
	ev.val[1] = (struct ev_val){ .type = EV_UINT, .arg = 1, .i = 0x5413 };
	ev.val[2] = (struct ev_val){ .type = EV_DATA, .arg = 2, .out = true, .p = ws, .n = sizeof ws };
	HAS(line(&ev, &b), "ioctl(1, TIOCGWINSZ, {ws_row=24, ws_col=80, ws_xpixel=0, ws_ypixel=0}) = 0");
}

TEST(differences_name_their_field)
{
	struct stat a = { .st_size = 1, .st_mode = S_IFREG | 0644 }, c = a;
	struct event x = { .kind = EV_SYSCALL, .nr = SYS_fstat, .has_res = true, .nval = 2 }, y;
	own_buf b = { 0 };

	c.st_size = 2;
	c.st_mode = S_IFREG | 0600;
	x.val[0] = (struct ev_val){ .type = EV_FD, .i = 3 };
	x.val[1] = (struct ev_val){ .type = EV_DATA, .arg = 1, .out = true, .p = &a, .n = sizeof a };
	y = x;
	y.val[1].p = &c;
	y.task = 4;
	EQ(sys_event_diff(&x, &y, &b), 3);
	STREQ(buf_cstr(&b), "  task: expected 0, got 4\n"
		"  argument st, field st_mode: expected S_IFREG|0644, got S_IFREG|0600\n"
		"  argument st, field st_size: expected 1, got 2\n");
	b.n = 0;
	y = x;
	y.nval = 1;
	y.res = -2;
	EQ(sys_event_diff(&x, &y, &b), 2);
	HAS(buf_cstr(&b), ", got nothing\n  result: expected 0, got -1 ENOENT (No such file or directory)\n");
	b.n = 0;
	EQ(sys_event_diff(&x, &x, &b), 0);
	EQ(b.n, 0);
}

TEST(command_lines_are_compared_word_by_word)
{
	struct event x = { .kind = EV_EXEC, .nval = 2 }, y;
	own_buf b = { 0 };

	x.val[0] = (struct ev_val){ .type = EV_STR, .p = "/bin/cc", .n = 7 };
	x.val[1] = (struct ev_val){ .type = EV_DATA, .arg = 1, .p = "cc\0-O2", .n = 7 };
	y = x;
	y.val[1].p = "cc\0-O3";
	EQ(sys_event_diff(&x, &y, &b), 1);
	STREQ(buf_cstr(&b), "  argv[1]: expected \"-O2\", got \"-O3\"\n");
}

CHECK_MAIN
