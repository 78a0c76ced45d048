/* SPDX-License-Identifier: Apache-2.0 */
/* From descriptor to descriptor. Between files and into streams; programs fall back for the rest. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/sys/io.h"

#define MAX_COPY 0x7ffff000u
#define CHUNK ((size_t) 1 << 20)

static long copy_files(struct call *c, int from, int64_t *off_in, int to, int64_t *off_out,
	uint64_t n)
{
	char *p = io_buf(c->w, CHUNK);
	uint64_t done = 0;
	ssize_t r = 0;

	while (done < n) {
		size_t want = n - done < CHUNK ? n - done : CHUNK;
		struct xfer x = { .off = off_out ? *off_out : -1 };

		r = off_in ? pread(from, p, want, *off_in) : read(from, p, want);
		if (r <= 0)
			break;
		io_of(c->w)->fd = to;
		want = (size_t) r;
		r = write_all(c, &x, p, want, 0);
		if (r <= 0)
			return done ? (long) done : r;
		done += (uint64_t) r;
		if (off_in)
			*off_in += r;
		if (off_out)
			*off_out += r;
		if ((size_t) r < want)
			break;
	}
	return r < 0 && !done ? -errno : (long) done;
}

static long copy_between(struct call *c, unsigned in_arg, unsigned out_arg, int64_t *off_in,
	int64_t *off_out, uint64_t n)
{
	own_fd from = call_getfd(c, (int) c->a[in_arg]);
	own_fd to = call_getfd(c, (int) c->a[out_arg]);
	struct stat in_st, st;
	long r;

	if (from < 0 || to < 0)
		return -EBADF;
	if ((fcntl(from, F_GETFL) & O_ACCMODE) == O_WRONLY ||
		(fcntl(to, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (fd_kind_of(c->w, from, &in_st) != FK_REG || fd_kind_of(c->w, to, &st) != FK_REG)
		return -EINVAL;
	if ((off_in && *off_in < 0) || (off_out && *off_out < 0))
		return -EINVAL;
	if (write_takes_memory(c, to)) /* the guest's: programs read and write then */
		return c->nr == SYS_sendfile ? -EINVAL : -EXDEV;
	r = copy_files(c, from, off_in, to, off_out, n < MAX_COPY ? n : MAX_COPY);
	if (r > 0)
		inode_modified(c->w, inode_of(c->w, &st));
	return r;
}

/* An offset argument that may be NULL: the description's own position then. */
static long load_off(struct call *c, unsigned i, int64_t *store, int64_t **ret)
{
	*ret = NULL;
	if (!c->a[i])
		return 0;
	if (in_at(c, c->a[i], store, sizeof *store) < 0)
		return -EFAULT;
	*ret = store;
	return 0;
}

static long save_off(struct call *c, unsigned i, const int64_t *off, long r)
{
	void *p;

	if (!off || r < 0)
		return r;
	p = out(c, i, sizeof *off);
	if (!p)
		return -EFAULT;
	memcpy(p, off, sizeof *off);
	return r;
}

/* The next part of a file, as far as it fits. */
static ssize_t send_some(struct call *c, int from, int64_t *off, int to, uint64_t n)
{
	char *p = io_buf(c->w, CHUNK);
	ssize_t r;

	if (n > CHUNK)
		n = CHUNK;
	r = pread(from, p, n, off ? *off : lseek(from, 0, SEEK_CUR));
	if (r <= 0)
		return r < 0 ? -errno : 0;
	r = write_now(to, p, (size_t) r, 0);
	if (r > 0 && off)
		*off += r;
	else if (r > 0)
		lseek(from, r, SEEK_CUR);
	return r;
}

/* As stream_write(); the offset says how far it is, also while the task is parked. */
static long send_file(struct call *c, int from, int64_t *off, int to, uint64_t n)
{
	uint64_t before = c->again ? c->scratch[0] : 0, done = before;
	int flags = nb_begin(to);
	ssize_t r;

	if (flags < 0)
		return flags;
	do {
		r = send_some(c, from, off, to, n - done);
		if (r > 0)
			done += (uint64_t) r;
	} while (r > 0 && done < n);
	nb_end(to, flags);
	if (done > before)
		c->w->turn++;
	c->scratch[0] = done;
	if (r == -EPIPE)
		world_signal(c->w, c->t, SIGPIPE, false);
	if (r != -EAGAIN || flags & O_NONBLOCK)
		return save_off(c, 2, off, r < 0 && !done ? r : (long) done);
	if (save_off(c, 2, off, 0) < 0 || call_flush(c) < 0)
		return -EFAULT;
	return io_wait(c, done ? (int) done : RESTARTSYS);
}

static bool to_stream(struct call *c, int to)
{
	struct stat st;
	int kind = fd_kind_of(c->w, to, &st);

	return kind == FK_PIPE || kind == FK_SOCK;
}

/* Where it goes to neither a file nor a stream, programs fall back to read and write. */
static long sendfile_enter(struct call *c)
{
	own_fd from = call_getfd(c, (int) c->a[1]);
	own_fd to = call_getfd(c, (int) c->a[0]);
	struct stat st;
	int64_t store, *off;
	long r = load_off(c, 2, &store, &off);

	if (r < 0)
		return r;
	if (from < 0 || to < 0 || !to_stream(c, to) || fd_kind_of(c->w, from, &st) != FK_REG)
		return save_off(c, 2, off, copy_between(c, 1, 0, off, NULL, c->a[3]));
	if ((fcntl(from, F_GETFL) & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if (off && *off < 0)
		return -EINVAL;
	return send_file(c, from, off, to, c->a[3] < MAX_COPY ? c->a[3] : MAX_COPY);
}

/* Directories, and a part of a file to where some of it is. */
static long check_ranges(struct call *c, const int64_t *off_in, const int64_t *off_out, int64_t n)
{
	own_fd from = call_getfd(c, (int) c->a[0]), to = call_getfd(c, (int) c->a[2]);
	struct stat a, b;
	int64_t i, o;

	if (from < 0 || to < 0 || fstat(from, &a) < 0 || fstat(to, &b) < 0)
		return -EBADF;
	if (S_ISDIR(a.st_mode) || S_ISDIR(b.st_mode))
		return -EISDIR;
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino || (fcntl(to, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return 0;
	i = off_in ? *off_in : lseek(from, 0, SEEK_CUR);
	o = off_out ? *off_out : lseek(to, 0, SEEK_CUR);
	if (n > a.st_size - i)
		n = a.st_size - i;
	return n > 0 && o < i + n && i < o + n ? -EINVAL : 0;
}

static long copy_file_range_enter(struct call *c)
{
	int64_t store[2], *off_in, *off_out;
	long r;

	if (c->a[5])
		return -EINVAL;
	if (load_off(c, 1, &store[0], &off_in) < 0 || load_off(c, 3, &store[1], &off_out) < 0)
		return -EFAULT;
	r = check_ranges(c, off_in, off_out, c->a[4] < MAX_COPY ? (int64_t) c->a[4] : MAX_COPY);
	if (r < 0)
		return r;
	return save_off(c, 3, off_out,
		save_off(c, 1, off_in, copy_between(c, 0, 2, off_in, off_out, c->a[4])));
}

static const struct row rows[] = {
	{ SYS(sendfile, 40), EMULATE, .arg = { FD(out), FD(in), PTR(offset), UINT(count) },
	  .enter = sendfile_enter, .flags = MAY_BLOCK, .why = "in full, from file to file or stream; else "
	  "EINVAL, so that programs fall back to read and write" },
	{ SYS(splice, 275), DENY, .arg = { FD(in), PTR(off_in), FD(out), PTR(off_out), UINT(len),
	  UINT(flags) }, .err = EINVAL, .why = "its partial lengths depend on pages; programs fall "
	  "back to read and write" },
	{ SYS(tee, 276), DENY, .arg = { FD(in), FD(out), UINT(len), UINT(flags) }, .err = EINVAL,
	  .why = "as splice" },
	{ SYS(vmsplice, 278), DENY, .arg = { FD(fd), PTR(iov), UINT(n), UINT(flags) }, .err = EINVAL,
	  .why = "as splice" },
	{ SYS(copy_file_range, 326), EMULATE, .arg = { FD(in), PTR(off_in), FD(out), PTR(off_out),
	  UINT(len), UINT(flags) }, .enter = copy_file_range_enter,
	  .why = "in full between files, by the supervisor: no trace of shared extents" },
};

FAMILY(copy, "Copying between descriptors");
