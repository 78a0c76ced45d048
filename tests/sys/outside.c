/* SPDX-License-Identifier: Apache-2.0 */
/* What comes to the supervisor from outside: commands on its socket, pipes of added processes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/control.h"
#include "tests/check.h"
#include "tests/sys/fake.h"

static int fds_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* A supervisor with its socket in a directory of its own. */
struct lab {
	struct fake f;
	char dir[32];
	int dirfd, before;
	struct control_answer got; /* what the last command was told */
	int got_fds[3];
};

static void lab_up(struct lab *l)
{
	struct err e = ERR_INIT;

	*l = (struct lab) { .dir = "/tmp/detrun-test-XXXXXX" };
	l->before = fds_open();
	must(mkdtemp(l->dir));
	l->dirfd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fake_up(&l->f);
	l->f.opts.maker = -1;
	EQ(unix_listen_at(l->dirfd, "control", SOCK_SEQPACKET, 8, &l->f.opts.control, &e), 0);
	EQ(control_start(&l->f.w, &e), 0);
}

static void lab_free(struct lab *l)
{
	control_end(&l->f.w);
	stdio_end(&l->f.w);
	spin_end(&l->f.w);
	fake_free(&l->f);
	must(rm_rf(AT_FDCWD, l->dir) == 0);
	close(l->dirfd);
	EQ(fds_open(), l->before);
}

static int dial(struct lab *l)
{
	struct err e = ERR_INIT;
	int s = -1;

	EQ(unix_connect_at(l->dirfd, "control", SOCK_SEQPACKET, &s, &e), 0);
	return s;
}

/* One message of @n bytes, then the caller is gone but for its ear; what it was told is in .got. */
static ssize_t say(struct lab *l, const void *p, size_t n, const int *fds, size_t n_fds)
{
	int s = dial(l);
	ssize_t r;

	EQ(fds_send(s, p, n, fds, n_fds), 0);
	shutdown(s, SHUT_WR);
	control_idle(&l->f.w);
	r = fds_recv(s, &l->got, sizeof l->got, l->got_fds, 3);
	close(s);
	return r;
}

static ssize_t ask(struct lab *l, struct control_ask a, const int *fds, size_t n_fds)
{
	return say(l, &a, sizeof a, fds, n_fds);
}

static int text_fd(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	must(fd >= 0 && write_full(fd, text, strlen(text)) == 0);
	return fd;
}

TEST(a_signal_from_outside_is_an_event)
{
	struct lab l;
	pid_t child, none;
	int st = 0;

	lab_up(&l);
	child = fork();
	if (!child)
		for (;;)
			pause();
	none = l.f.w.init->pid;
	l.f.w.init->pid = child;
	EQ(ask(&l, (struct control_ask) { CONTROL_VERSION, CONTROL_KILL, .sig = SIGTERM }, NULL, 0),
		sizeof l.got);
	EQ(l.got.r, 0);
	EQ(l.f.w.nevents, 1);
	EQ(waitpid(child, &st, 0), child);
	EQ(WTERMSIG(st), SIGTERM);
	l.f.w.init->pid = none;
	EQ(ask(&l, (struct control_ask) { CONTROL_VERSION, CONTROL_KILL, .sig = SIGTERM }, NULL, 0),
		sizeof l.got);
	EQ(l.got.r, -ESRCH);
	HAS(l.got.msg, "signal the container");
	lab_free(&l);
}

TEST(another_version_is_told_so)
{
	struct lab l;

	lab_up(&l);
	EQ(ask(&l, (struct control_ask) { .version = CONTROL_VERSION + 1, .op = CONTROL_KILL }, NULL, 0),
		sizeof l.got);
	EQ(l.got.r, -EPROTO);
	HAS(l.got.msg, "another version");
	EQ(say(&l, "x", 1, NULL, 0), sizeof l.got);
	EQ(l.got.r, -EPROTO);
	EQ(l.f.w.nevents, 0);
	lab_free(&l);
}

TEST(a_description_has_to_be_what_it_says)
{
	struct control_ask a = { CONTROL_VERSION, CONTROL_EXEC, .n_json = 2, .n_args = 5 };
	struct lab l;
	int fd;

	lab_up(&l);
	fd = text_fd("{}true"); /* a byte less than it says */
	EQ(ask(&l, a, (int[]) { fd, 0, 1, 2 }, 4), sizeof l.got);
	EQ(l.got.r, -EINVAL);
	a.n_env = UINT32_MAX;
	EQ(ask(&l, a, (int[]) { fd, 0, 1, 2 }, 4), sizeof l.got);
	EQ(l.got.r, -EINVAL);
	a.n_env = 0;
	EQ(ask(&l, a, NULL, 0), sizeof l.got);
	EQ(l.got.r, -EINVAL);
	close(fd);
	OK(!l.f.w.tasks->next);
	lab_free(&l);
}

TEST(strict_takes_no_process_from_outside)
{
	struct control_ask a = { CONTROL_VERSION, CONTROL_EXEC, .n_json = 2, .n_args = 5 };
	struct lab l;
	int fd;

	lab_up(&l);
	fd = text_fd("{}true\0");
	must(write_full(fd, "", 1) == 0);
	l.f.opts.strict = true;
	EQ(ask(&l, a, (int[]) { fd, 0, 1, 2 }, 4), sizeof l.got);
	EQ(l.got.r, -EPERM);
	HAS(l.got.msg, "--determinism=strict");
	close(fd);
	lab_free(&l);
}

TEST(who_asks_and_dies_leaves_nothing)
{
	struct control_ask a = { CONTROL_VERSION, CONTROL_EXEC, .n_json = 2, .n_args = 4 };
	struct lab l;
	int fd;

	lab_up(&l);
	fd = text_fd("{}true");
	EQ(ask(&l, a, (int[]) { fd, 0, 1, 2 }, 4), sizeof l.got);
	EQ(l.got.r, 0);
	for (int i = 0; i < 3; i++) {
		OK(l.got_fds[i] >= 0);
		close(l.got_fds[i]);
	}
	close(fd);
	OK(!l.f.w.tasks->next && l.f.w.nevents == 0);
	OK(l.f.w.std.next);
	stdio_sweep(&l.f.w);
	OK(!l.f.w.std.next);
	lab_free(&l);
}

/* Whatever bytes come, with whatever descriptors: an answer or none, and nothing kept. */
TEST(noise_on_the_socket_is_survived)
{
	unsigned seed = 1;
	struct lab l;

	lab_up(&l);
	for (int i = 0; i < 2000; i++) {
		uint32_t m[sizeof(struct control_ask) / 4 + 4];
		size_t n = sizeof(struct control_ask);
		int fds[4] = { 0, 1, 2, l.dirfd };

		for (size_t k = 0; k < ARRAY_LEN(m); k++)
			m[k] = (uint32_t) rand_r(&seed) >> rand_r(&seed) % 31;
		m[0] = i % 8 ? CONTROL_VERSION : m[0];
		m[1] = i % 4 == 3 ? m[1] : CONTROL_EXEC; /* a KILL would be meant */
		m[1] += m[1] == CONTROL_KILL;
		if (i % 16 == 15)
			n = 1 + (size_t) rand_r(&seed) % sizeof m;
		if (say(&l, m, n, fds, (size_t) i % 5) == sizeof l.got)
			for (int k = 0; k < 3; k++)
				own_fd_drop(&l.got_fds[k]);
	}
	EQ(l.f.w.fatal, 0);
	OK(!l.f.w.tasks->next);
	stdio_sweep(&l.f.w);
	lab_free(&l);
}

/* ---- pipes ---- */

TEST(pipes_go_when_nobody_holds_them)
{
	struct fake f = { 0 };
	struct err e = ERR_INIT;
	int before = fds_open(), guest[3], host[3] = { dup(0), dup(1), dup(2) };
	struct stdio *s;
	struct pollfd p;

	fake_up(&f);
	s = stdio_add(&f.w, host, guest, &e);
	OK(s && s == f.w.std.next && s->is[0] && s->is[1] && s->is[2]);
	EQ(host[0], -1);
	EQ(write(guest[1], "x", 1), 1);
	p = (struct pollfd) { s->pipes[1], POLLIN, 0 };
	EQ(poll(&p, 1, 0), 1);
	stdio_sweep(&f.w);
	OK(f.w.std.next == s && s->pipes[1] >= 0);
	close(guest[1]);
	stdio_sweep(&f.w); /* what was written is for the caller of this to have read before */
	OK(f.w.std.next == s && s->pipes[1] < 0 && s->host[1] < 0 && s->pipes[0] >= 0);
	close(guest[0]);
	close(guest[2]);
	stdio_sweep(&f.w);
	OK(!f.w.std.next);
	EQ(fds_open(), before);
	fake_free(&f);
}

TEST(the_end_takes_all_pipes)
{
	struct fake f = { 0 };
	struct err e = ERR_INIT;
	int before = fds_open(), guest[2][3], host[2][3];

	fake_up(&f);
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 3; k++)
			host[i][k] = dup(k);
		OK(stdio_add(&f.w, host[i], guest[i], &e));
	}
	stdio_end(&f.w);
	OK(!f.w.std.next);
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 3; k++)
			close(guest[i][k]);
	EQ(fds_open(), before);
	fake_free(&f);
}

/* The reader outside sees the end when the last inside is gone, though we live on. */
TEST(the_first_programs_output_ends_with_its_users)
{
	struct fake f = { 0 };
	int out[2], pipe_[2], before = fds_open();
	char c;

	fake_up(&f);
	must(pipe2(out, O_CLOEXEC) == 0 && pipe2(pipe_, O_CLOEXEC) == 0);
	f.w.std = (struct stdio) { .host = { -1, out[1], -1 }, .pipes = { -1, pipe_[0], -1 } };
	stdio_release(&f.w);
	OK(!f.w.std.released[1]);
	close(pipe_[1]);
	stdio_release(&f.w);
	OK(f.w.std.released[1]);
	EQ(read(out[0], &c, 1), 0);
	stdio_release(&f.w);
	close(out[0]);
	close(out[1]);
	close(pipe_[0]);
	EQ(fds_open(), before);
	fake_free(&f);
}

/* ---- waiting ---- */

TEST(nothing_outside_to_wait_for)
{
	struct fake f = { .opts.control = -1 };

	fake_up(&f);
	OK(!outside_idle(&f.w, NO_DEADLINE));
	OK(!outside_idle(&f.w, f.w.now + 1));
	fake_free(&f);
}

TEST(who_waits_for_input_is_tried_when_it_comes)
{
	struct fake f = { .opts.control = -1 };
	struct task *t;
	int p[2];

	t = fake_up(&f);
	must(pipe2(p, O_CLOEXEC) == 0);
	t->state = T_BLOCKED;
	t->c.wait.kind = W_INPUT;
	t->c.wait.key1 = (uint64_t) p[0];
	t->c.row = NULL;
	f.w.init->pidfd = -1;
	OK(!outside_idle(&f.w, f.w.now + 1)); /* its deadline comes first */
	EQ(t->state, T_BLOCKED);
	t->c.wait.kind = W_NONE;
	close(p[0]);
	close(p[1]);
	spin_end(&f.w);
	fake_free(&f);
}

CHECK_MAIN
