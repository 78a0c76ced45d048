/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write in all its forms, by the supervisor and in full. A bundle's tmpfs is written by the guest itself:
 * what it takes is memory of the container's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"
#include "shim/sys/net.h"
#include "shim/sys/tty.h"

#ifndef RWF_APPEND
#define RWF_APPEND 0x10
#endif
#define CHUNK ((size_t) 1 << 20)
#define TCP_STEP ((size_t) 16384)
#define STAGED_MAX ((size_t) 64 << 20) /* larger writes are known to the trace by their length */

/* ---- files ---- */

static bool in_memory(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* How much a tmpfs of the container's takes is for its programs to know. */
static bool is_full(struct world *w, int fd)
{
	struct stat st;

	return in_memory(fd) && fstat(fd, &st) == 0 && !inode_lent(w, st.st_dev);
}

/* What the host has no room for is no result of the guest's. 0 or @r, which ends the run. */
static long host_failed(struct call *c, int fd, long r)
{
	char name[PATH_MAX], link[32];
	ssize_t n;

	if ((r != -ENOSPC && r != -EDQUOT && r != -EIO) || (r == -ENOSPC && is_full(c->w, fd)))
		return 0;
	snprintf(link, sizeof link, "self/fd/%d", fd);
	n = readlinkat(c->w->host_proc, link, name, sizeof name);
	world_fatal(c->w, (int) -r, "write to %.*s of the container (the host has to have room for it)",
		n < 0 ? 6 : (int) n, n < 0 ? "a file" : name);
	return r;
}

static ssize_t write_some(int fd, const struct xfer *x, const char *p, size_t n, size_t done)
{
	struct iovec v = { (void *) p, n };
	int64_t off = x->off < 0 ? -1 : x->off + (int64_t) done;
	ssize_t r;

	do
		r = x->flags & ~RWF_BENIGN ? pwritev2(fd, &v, 1, off, x->flags & ~RWF_BENIGN)
		    : x->off < 0	   ? write(fd, p, n)
					   : pwrite(fd, p, n, off);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* How many of @n bytes are below RLIMIT_FSIZE. */
static size_t below_limit(struct call *c, const struct xfer *x, size_t n, size_t done)
{
	uint64_t max = rlimit_fsize(c->t->proc), at = (uint64_t) x->off + done;
	int fd = io_of(c->w)->fd;
	struct stat st;

	if (max == RLIM_INFINITY)
		return n;
	if (fcntl(fd, F_GETFL) & O_APPEND || x->flags & RWF_APPEND)
		at = fstat(fd, &st) == 0 ? (uint64_t) st.st_size : 0;
	else if (x->off < 0)
		at = (uint64_t) lseek(fd, 0, SEEK_CUR);
	return at >= max ? 0 : n < max - at ? n : (size_t) (max - at);
}

/* What fits of @n bytes, or -EFBIG; the signal comes when nothing does. */
static long write_room(struct call *c, const struct xfer *x, size_t n, size_t done)
{
	size_t room = below_limit(c, x, n, done);

	if (room || !n)
		return (long) room;
	return done ? -EFBIG : rlimit_exceeded(c);
}

long write_all(struct call *c, const struct xfer *x, const char *p, size_t n, size_t done)
{
	size_t start = done;
	long room = write_room(c, x, n, done);

	if (room < 0)
		return done ? (long) done : room;
	n = (size_t) room;

	while (done - start < n) {
		ssize_t r = write_some(io_of(c->w)->fd, x, p + (done - start), n - (done - start), done);

		if (host_failed(c, io_of(c->w)->fd, r) < 0)
			return r;
		if (r <= 0)
			return done ? (long) done : r;
		done += (size_t) r;
	}
	return (long) done;
}

/* Of what was written the trace has the length alone. */
static void keep_length(struct call *c)
{
	c->out[1] = (struct staged) { .p = call_mem(c, 1), .n = 0 };
}

static long write_huge(struct call *c, const struct xfer *x)
{
	char *p = io_buf(c->w, CHUNK);
	size_t done = 0;

	while (done < x->total) {
		size_t n = x->total - done < CHUNK ? x->total - done : CHUNK;
		long r;

		if (xfer_gather(c, x, done, p, n) < 0)
			return done ? (long) done : -EFAULT;
		r = write_all(c, x, p, n, done);
		if (r < 0 || (size_t) r < done + n)
			return r;
		done += n;
	}
	keep_length(c);
	return (long) done;
}

bool write_takes_memory(const struct call *c, int fd)
{
	return !c->w->o->virtual_ids && in_memory(fd);
}

static long write_memory(struct call *c, const struct xfer *x)
{
	if (x->total > STAGED_MAX)
		keep_length(c);
	else if (!xfer_in(c, x, x->total))
		return -EFAULT;
	if (x->flags & RWF_BENIGN)
		call_karg(c, 5, (uint64_t) (x->flags & ~RWF_BENIGN));
	return call_run_leave(c);
}

static void write_memory_leave(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct stat st;

	if (fd < 0)
		return;
	host_failed(c, fd, c->ret);
	if (c->ret > 0 && fs_look(fd, "", AT_EMPTY_PATH, &st) == 0)
		inode_modified(c->w, inode_of(c->w, &st));
}

static long write_file(struct call *c)
{
	struct io_state *io = io_of(c->w);
	struct xfer x;
	const void *p;
	long r = xfer_load(c, &x);

	if (r < 0)
		return r;
	if (write_takes_memory(c, io->fd) && below_limit(c, &x, x.total, 0) == x.total)
		return write_memory(c, &x);
	if (x.total > STAGED_MAX) {
		r = write_huge(c, &x);
	} else {
		p = xfer_in(c, &x, x.total);
		r = p ? write_all(c, &x, p, x.total, 0) : -EFAULT;
		if (p && !x.total) /* errors of an empty write */
			r = write_some(io->fd, &x, p, 0, 0);
	}
	if (r > 0)
		inode_modified(c->w, inode_of(c->w, &io->st));
	return r;
}

/* ---- other than files ---- */

static long write_gone(struct call *c)
{
	return call_run(c);
}

static long write_nowhere(struct call *c)
{
	struct io_state *io = io_of(c->w);
	struct xfer x;
	long r = xfer_load(c, &x);

	if (r < 0)
		return r;
	if ((fcntl(io->fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	keep_length(c);
	return io->kind == FK_FULL ? -ENOSPC : (long) x.total;
}

static long host_write(struct call *c, int fd, const char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = write(fd, p + done, n - done);

		if (r >= 0)
			done += (size_t) r;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
		else if (outside_blocked(c->w, fd) < 0)
			return -ECANCELED;
	}
	return (long) n;
}

/* What is no file has no offsets, and takes so much at a time. */
static long load_stream(struct call *c, struct xfer *x)
{
	long r = xfer_load(c, x);

	if (r < 0)
		return r;
	if (x->total > STAGED_MAX)
		x->total = STAGED_MAX;
	return x->off >= 0 ? -ESPIPE : 0;
}

static long write_stdout(struct call *c)
{
	struct io_state *io = io_of(c->w);
	const struct stdio *s = stdio_of(c->w, &io->st);
	int host = s->host[io->kind == FK_STDERR ? 2 : 1];
	struct xfer x;
	const void *p;
	long r = load_stream(c, &x);

	if (r < 0)
		return r;
	p = xfer_in(c, &x, x.total);
	if (!p)
		return -EFAULT;
	r = host_write(c, host, p, x.total);
	if (r == -EPIPE)
		world_signal(c->w, c->t, SIGPIPE, false);
	else if (r < 0 && r != -ECANCELED && s == &c->w->std)
		world_fatal(c->w, (int) -r, "write the container's %s",
			io->kind == FK_STDERR ? "standard error" : "standard output");
	return r;
}

ssize_t write_now(int fd, const void *p, size_t n, int send_flags)
{
	ssize_t r;

	do
		r = send_flags ? send(fd, p, n, send_flags | MSG_NOSIGNAL | MSG_DONTWAIT)
			       : write(fd, p, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/*
 * From *@done on, as much as there is room for. TCP is sent in small steps, so that nothing is done of
 * one later than in the other's; what is full is asked once more when all is done.
 */
static long stream_fill(struct world *w, int fd, const char *p, size_t n, int flags, size_t *done)
{
	bool tcp = net_tcp(fd), full = false;
	size_t step = tcp ? TCP_STEP : n;
	long r;

	do {
		r = write_now(fd, p + *done, n - *done < step ? n - *done : step, flags);
		if (tcp)
			net_settle(w);
		if (r <= 0 && (r != -EAGAIN || !tcp || full))
			break;
		full = r <= 0;
		*done += full ? 0 : (size_t) r;
	} while (*done < n);
	return r;
}

/* The part from c->scratch[0] on. What is done stays there while the task is parked. */
long stream_write(struct call *c, int fd, const struct xfer *x, int send_flags)
{
	size_t done = c->again ? c->scratch[0] : 0;
	const char *p = xfer_in(c, x, x->total);
	int flags;
	long r = 0;

	if (!p)
		return -EFAULT;
	flags = nb_begin(fd);
	if (flags < 0)
		return flags;
	r = stream_fill(c->w, fd, p, x->total, send_flags, &done);
	nb_end(fd, flags);
	if (done > (c->again ? c->scratch[0] : 0)) {
		c->w->turn++; /* others may find it when this one stays parked */
		net_sent(c->w);
	}
	c->scratch[0] = done;
	if (r == -EAGAIN && !(flags & O_NONBLOCK) && !(send_flags & MSG_DONTWAIT) && !c->timed_out)
		return io_wait_until(c, net_deadline(c, fd, SO_SNDTIMEO, 1), done ? (int) done : RESTARTSYS);
	if (r == -EPIPE && !(send_flags & MSG_NOSIGNAL))
		world_signal(c->w, c->t, SIGPIPE, false);
	return r < 0 && !done ? r : (long) done;
}

static long write_stream(struct call *c)
{
	struct io_state *io = io_of(c->w);
	struct sockaddr_nl nl;
	struct xfer x;
	long r = load_stream(c, &x);

	if (r < 0)
		return r;
	if (netlink_is(c->w, io->fd, &nl))
		return netlink_send(c, io->fd, &x);
	return stream_write(c, io->fd, &x, 0);
}

static long write_terminal(struct call *c)
{
	return tty_is(c) ? tty_write(c) : pty_write(c);
}

static long write_bad(struct call *c)
{
	(void) c;
	return -EBADF;
}

static long write_proc(struct call *c)
{
	return call_run_leave(c);
}

#define W_ARGS .arg = { FD(fd), IN_BUF(buf, 2), UINT(count), HIDE(offset) }
#define W_ROW(kind, label, pol, fn, text) \
	{ .name = label, .nr = kind, .policy = pol, W_ARGS, .enter = fn, .why = text, \
	  .flags = CACHE_KEEP | MAY_BLOCK }

static const struct row write_sub[] = {
	{ .name = "file", .nr = FK_REG, .policy = EMULATE, W_ARGS, .enter = write_file,
	  .leave = write_memory_leave, .flags = CACHE_KEEP | MAY_BLOCK,
	  .why = "in full, through the same description; the file's times become the virtual now" },
	{ .name = "terminal", .nr = FK_TTY, .policy = EMULATE, W_ARGS, .enter = write_terminal,
	  .leave = tty_leave, .flags = CACHE_KEEP | MAY_BLOCK,
	  .why = "in full, and on to the caller's at once" },
	W_ROW(FK_PIPE, "pipe, socket, eventfd", EMULATE, write_stream,
		"in full; the task waits when the stream is full"),
	W_ROW(FK_STDOUT, "standard output and error", EMULATE, write_stdout,
		"passed on to the caller; the trace has the bytes' digest"),
	W_ROW(FK_STDIN, "standard input", EMULATE, write_bad, "is for reading"),
	W_ROW(FK_NULL, "/dev/null", PASS, write_gone, "goes nowhere, in full"),
	W_ROW(FK_ZERO, "/dev/zero", PASS, write_gone, "goes nowhere, in full"),
	W_ROW(FK_RANDOM, "/dev/random, /dev/urandom", EMULATE, write_nowhere,
		"does not change the seeded stream"),
	W_ROW(FK_FULL, "/dev/full", EMULATE, write_nowhere, "always full"),
	W_ROW(FK_PROC, "/proc", OBSERVE, write_proc, "the few writable files change nothing seen"),
	W_ROW(FK_CGROUP, "cgroups", EMULATE, cgroupfs_write,
		"the container's own cgroups are the supervisor's to keep"),
	W_ROW(FK_SIGNAL, "signalfd", OBSERVE, write_proc, "can't be written"),
};

static long write_enter(struct call *c)
{
	return io_by_fd(c, (int) c->a[0], write_sub, ARRAY_LEN(write_sub));
}

static const struct row rows[] = {
	{ SYS(write, 1), BY_FD, .arg = { FD(fd), IN_BUF(buf, 2), UINT(count) }, .enter = write_enter,
	  .sub = write_sub, .nsub = ARRAY_LEN(write_sub), .flags = NOTIFY | CACHE_KEEP | MAY_BLOCK,
	  .why = "by what the descriptor is" },
	{ SYS(pwrite64, 18), BY_FD, .arg = { FD(fd), IN_BUF(buf, 2), UINT(count), INT(offset) },
	  .enter = write_enter, .sub = write_sub, .nsub = ARRAY_LEN(write_sub), .flags = NOTIFY | CACHE_KEEP,
	  .why = "by what the descriptor is" },
	{ SYS(writev, 20), BY_FD, .arg = { FD(fd), IN_BUF(iov, 2), INT(iovcnt) },
	  .enter = write_enter, .sub = write_sub, .nsub = ARRAY_LEN(write_sub),
	  .flags = NOTIFY | CACHE_KEEP | MAY_BLOCK, .why = "by what the descriptor is" },
	{ SYS(pwritev, 296), BY_FD, .arg = { FD(fd), IN_BUF(iov, 2), INT(iovcnt), INT(offset) },
	  .enter = write_enter, .sub = write_sub, .nsub = ARRAY_LEN(write_sub),
	  .why = "by what the descriptor is" },
	{ SYS(pwritev2, 328), BY_FD, .arg = { FD(fd), IN_BUF(iov, 2), INT(iovcnt), INT(offset),
	  INT(high), UINT(flags) }, .enter = write_enter, .sub = write_sub,
	  .nsub = ARRAY_LEN(write_sub), .flags = MAY_BLOCK, .why = "by what the descriptor is" },
};

FAMILY(write, "Writing");
