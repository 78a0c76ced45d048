/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read in all its forms. What it is about decides: a file is deterministic by itself, a pipe must not
 * block, standard input is outside. Transfers are of full length.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"
#include "shim/sys/net.h"
#include "shim/sys/tty.h"

#define CHUNK ((size_t) 1 << 20)

static long read_file(struct call *c)
{
	if (c->nr == SYS_preadv2 && c->a[5] & RWF_BENIGN)
		call_karg(c, 5, c->a[5] & ~(uint64_t) RWF_BENIGN);
	return c->karg ? call_run_leave(c) : call_run(c);
}

/* Nothing, or zeroes: the kernel's are the same. */
static long read_zeroes(struct call *c)
{
	return call_run(c);
}

static long read_random(struct call *c)
{
	struct xfer x;
	long r = xfer_load(c, &x);
	void *p;

	if (r < 0)
		return r;
	if (x.total > CHUNK)
		x.total = CHUNK;
	p = io_buf(c->w, x.total);
	task_random(c->t, c->w, p, x.total);
	return xfer_out(c, &x, p, x.total);
}

/* What is there now, without waiting. */
static ssize_t read_now(int fd, void *p, size_t n, int *ret_flags)
{
	ssize_t r;

	*ret_flags = nb_begin(fd);
	if (*ret_flags < 0)
		return *ret_flags;
	do
		r = read(fd, p, n);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		r = -errno;
	nb_end(fd, *ret_flags);
	return r;
}

static long read_stream(struct call *c)
{
	struct io_state *io = io_of(c->w);
	struct timerfd *tf = io->kind == FK_PIPE ? timerfd_by_ino(c->w, io->st.st_ino) : NULL;
	struct xfer x;
	int flags;
	void *p;
	long r = xfer_load(c, &x);

	if (r < 0)
		return r;
	if (x.off >= 0)
		return -ESPIPE;
	if (tf)
		return timerfd_read(c, tf, &x);
	if (x.total > CHUNK)
		x.total = CHUNK;
	p = io_buf(c->w, x.total);
	r = read_now(io->fd, p, S_ISSOCK(io->st.st_mode) ? net_there(io->fd, x.total) : x.total, &flags);
	if (r == -EAGAIN && !(flags & O_NONBLOCK) && io->kind == FK_TTY && pty_waits(c))
		return 0;
	if (r == -EAGAIN && !(flags & O_NONBLOCK) && !c->timed_out)
		return io_wait_read(c, io->fd, net_deadline(c, io->fd, SO_RCVTIMEO, 0));
	if (r > 0 && S_ISSOCK(io->st.st_mode))
		net_set_clock(c, io->fd, NULL);
	if (r > 0 && io->kind == FK_SOCK && net_raw(c->w, io->fd))
		net_raw_canonical(p, (size_t) r);
	if (r > 0 && io->kind == FK_INOTIFY)
		inotify_canonical(io, p, (size_t) r);
	return r < 0 ? r : xfer_out(c, &x, p, (size_t) r);
}

/* The container's own, or one that the guest has made. */
static long read_terminal(struct call *c)
{
	if (tty_is(c))
		return tty_read(c);
	if (!pty_background(c))
		return read_stream(c);
	c->scratch[1] = 0;
	signals_sent(c->w, NULL); /* SIGTTIN, to the group */
	return call_run_leave(c);
}

static long read_stdin(struct call *c)
{
	struct io_state *io = io_of(c->w);
	struct stdio *s;
	struct xfer x;
	long r = xfer_load(c, &x);

	if (r < 0)
		return r;
	if (x.off >= 0)
		return -ESPIPE;
	if (!x.total)
		return 0;
	s = stdio_of(c->w, &io->st);
	if (!stdin_fill(c, s)) {
		if (fcntl(io->fd, F_GETFL) & O_NONBLOCK)
			return -EAGAIN;
		return stdin_wait(c, s, false, NO_DEADLINE, RESTARTSYS);
	}
	r = stdin_read(c, s, &x);
	stdin_sync(s, io->fd);
	return r;
}

/* Only the guest can take its own signals out of the queue: it does when there is one. */
static long read_signal(struct call *c)
{
	struct io_state *io = io_of(c->w);

	if (signalfd_pending(c, (int) c->a[0]) || fcntl(io->fd, F_GETFL) & O_NONBLOCK)
		return call_run_leave(c);
	return call_block(c, (struct wait) { .kind = W_SIGNAL, .deadline = NO_DEADLINE,
		.key1 = signalfd_mask(c, (int) c->a[0]), .key2 = 1, .intr = RESTARTSYS });
}

/* What a handler would be told: nothing of the host's (see canonical_siginfo()). */
static void read_signal_leave(struct call *c)
{
	struct signalfd_siginfo *s;

	if (c->ret < (long) sizeof *s || c->nr != SYS_read)
		return;
	s = fix(c, 1, (size_t) c->ret);
	for (size_t i = 0; s && i < (size_t) c->ret / sizeof *s; i++) {
		if (s[i].ssi_signo == SIGCHLD && s[i].ssi_code > 0) {
			s[i].ssi_utime = s[i].ssi_stime = 0;
		} else if (s[i].ssi_code == SI_USER && !s[i].ssi_pid) {
			s[i].ssi_code = SI_KERNEL;
			s[i].ssi_uid = 0;
		}
	}
}

static long read_bad(struct call *c)
{
	(void) c;
	return -EBADF;
}

/* The same arguments whichever call it is: buffer or vector, the trace keeps what was moved. */
#define R_ARGS .arg = { FD(fd), OUT_RES(buf), UINT(count), HIDE(offset) }
#define R_ROW(kind, label, pol, fn, text) \
	{ .name = label, .nr = kind, .policy = pol, R_ARGS, .enter = fn, .why = text, \
	  .flags = CACHE_KEEP | MAY_BLOCK }

static const struct row read_sub[] = {
	R_ROW(FK_REG, "file", PASS, read_file, "a file's content is a function of the run so far"),
	{ .name = "terminal", .nr = FK_TTY, .policy = OBSERVE, R_ARGS, .enter = read_terminal,
	  .leave = tty_leave, .flags = CACHE_KEEP | MAY_BLOCK,
	  .why = "what is typed is an external input; the kernel's line discipline gives it" },
	R_ROW(FK_PIPE, "pipe, socket, eventfd", EMULATE, read_stream,
		"taken without blocking; the task waits for another one's write"),
	R_ROW(FK_STDIN, "standard input", INPUT, read_stdin,
		"comes from outside: recorded with its bytes, replayed from the trace"),
	R_ROW(FK_STDOUT, "standard output", EMULATE, read_bad, "is for writing"),
	R_ROW(FK_RANDOM, "/dev/random, /dev/urandom", EMULATE, read_random,
		"bytes come from the task's seeded stream"),
	R_ROW(FK_NULL, "/dev/null", PASS, read_zeroes, "always at its end"),
	R_ROW(FK_ZERO, "/dev/zero", PASS, read_zeroes, "zeroes"),
	R_ROW(FK_FULL, "/dev/full", PASS, read_zeroes, "zeroes"),
	R_ROW(FK_PROC, "/proc", PASS, read_file, "what open let through is deterministic"),
	{ .name = "signalfd", .nr = FK_SIGNAL, .policy = FIXUP, R_ARGS, .enter = read_signal,
	  .leave = read_signal_leave, .flags = MAY_BLOCK,
	  .why = "the kernel takes the guest's own pending signals" },
};

static long read_enter(struct call *c)
{
	return io_by_fd(c, (int) c->a[0], read_sub, ARRAY_LEN(read_sub));
}

static const struct row rows[] = {
	{ SYS(read, 0), BY_FD, .arg = { FD(fd), OUT_RES(buf), UINT(count) }, .enter = read_enter,
	  .sub = read_sub, .nsub = ARRAY_LEN(read_sub), .flags = NOTIFY | CACHE_KEEP | MAY_BLOCK,
	  .why = "by what the descriptor is" },
	{ SYS(pread64, 17), BY_FD, .arg = { FD(fd), OUT_RES(buf), UINT(count), INT(offset) },
	  .enter = read_enter, .sub = read_sub, .nsub = ARRAY_LEN(read_sub), .flags = NOTIFY | CACHE_KEEP,
	  .why = "by what the descriptor is" },
	{ SYS(readv, 19), BY_FD, .arg = { FD(fd), OUT_RES(iov), INT(iovcnt) }, .enter = read_enter,
	  .sub = read_sub, .nsub = ARRAY_LEN(read_sub), .flags = NOTIFY | CACHE_KEEP | MAY_BLOCK,
	  .why = "by what the descriptor is" },
	{ SYS(preadv, 295), BY_FD, .arg = { FD(fd), OUT_RES(iov), INT(iovcnt), INT(offset) },
	  .enter = read_enter, .sub = read_sub, .nsub = ARRAY_LEN(read_sub),
	  .why = "by what the descriptor is" },
	{ SYS(preadv2, 327), BY_FD, .arg = { FD(fd), OUT_RES(iov), INT(iovcnt), INT(offset), INT(high),
	  UINT(flags) }, .enter = read_enter, .sub = read_sub, .nsub = ARRAY_LEN(read_sub),
	  .flags = MAY_BLOCK, .why = "by what the descriptor is" },
};

FAMILY(read, "Reading");
