/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors, descriptors and waiting: what the input and output families have in common. */
#include "shim/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/own.h"

enum { MAX_RW = 0x7ffff000 };

struct io_state *io_of(struct world *w)
{
	if (!w->io) {
		w->io = calloc(1, sizeof *w->io);
		must_mem(w->io);
		w->io->fd = w->io->watch = w->io->sockets = -1;
	}
	return w->io;
}

void *io_buf(struct world *w, size_t n)
{
	w->big.n = 0;
	must_mem(buf_room(&w->big, n ? n : 1));
	return w->big.p;
}

/* ---- descriptors ---- */

/* Several kinds share a way of being read and written. */
static enum fd_kind kind_class(enum fd_kind k)
{
	switch (k) {
	case FK_DIR:
	case FK_CGROUP: return FK_REG;
	case FK_STDERR: return FK_STDOUT;
	case FK_SOCK:
	case FK_EVENT:
	case FK_TIMER:
	case FK_EPOLL:
	case FK_INOTIFY:
	case FK_TTY:
	case FK_OTHER: return FK_PIPE;
	default: return k;
	}
}

static const struct row *row_of(enum fd_kind k, const struct row *sub, size_t nsub)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < nsub; i++)
			if (sub[i].nr == (int) k)
				return &sub[i];
		k = kind_class(k);
	}
	for (size_t i = 0; i < nsub; i++)
		if (sub[i].nr == FK_PIPE)
			return &sub[i];
	return &sub[nsub - 1];
}

/* Anonymous inodes are told apart by a second look, worth it only when it matters. */
int io_kind(struct call *c, int guest_fd, int fd, struct stat *ret)
{
	struct stat st, *p = ret ? ret : &st;
	int kind = fd_kind_of(c->w, fd, p);

	if (kind == FK_OTHER && !(p->st_mode & S_IFMT) && io_of(c->w)->by_name)
		kind = fd_kind(c, guest_fd, NULL);
	return kind;
}

/* A descriptor known from before whose row leaves the call to the kernel. */
static bool run_known(struct call *c, int guest_fd, const struct row *sub, size_t nsub)
{
	struct io_state *io = io_of(c->w);

	for (unsigned i = 0; i < io->nknown; i++) {
		const struct row *row;

		if (io->known[i].guest != guest_fd || io->known[i].t != c->t)
			continue;
		row = row_of(io->known[i].kind, sub, nsub);
		if (row->policy != PASS)
			return false;
		io->kind = io->known[i].kind;
		c->row = row;
		return true;
	}
	return false;
}

static void remember(struct io_state *io, struct task *t, int guest_fd)
{
	if (io->kind != FK_REG && io->kind != FK_NULL && io->kind != FK_ZERO)
		return;
	for (unsigned i = 0; i < io->nknown; i++)
		if (io->known[i].guest == guest_fd && io->known[i].t == t)
			return;
	if (io->nknown == ARRAY_LEN(io->known))
		io->nknown = 0;
	io->known[io->nknown].t = t;
	io->known[io->nknown].guest = guest_fd;
	io->known[io->nknown++].kind = io->kind;
}

long io_by_fd(struct call *c, int guest_fd, const struct row *sub, size_t nsub)
{
	struct io_state *io = io_of(c->w);
	own_fd fd = -1;
	int kind;
	long r;

	if (run_known(c, guest_fd, sub, nsub))
		return c->row->enter(c);
	fd = call_getfd(c, guest_fd);
	if (fd < 0)
		return fd;
	kind = io_kind(c, guest_fd, fd, &io->st);
	if (kind < 0)
		return kind;
	io->fd = fd;
	io->kind = (enum fd_kind) kind;
	remember(io, c->t, guest_fd);
	c->row = row_of(io->kind, sub, nsub);
	r = c->row->enter(c);
	io->fd = -1;
	return r;
}

void rw_cache_drop(struct world *w)
{
	if (w->io)
		w->io->nknown = 0;
}

int nb_begin(int fd)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl < 0)
		return -errno;
	if (!(fl & O_NONBLOCK) && fcntl(fd, F_SETFL, fl | O_NONBLOCK) < 0)
		return -errno;
	return fl;
}

void nb_end(int fd, int flags)
{
	if (!(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags);
}

long io_signal_enter(struct call *c)
{
	c->w->async = true;
	return call_run(c);
}

long io_wait(struct call *c, int intr)
{
	return call_block(c, (struct wait) { .kind = W_IO, .deadline = NO_DEADLINE, .intr = intr });
}

long io_wait_until(struct call *c, uint64_t deadline, int intr)
{
	if (deadline != NO_DEADLINE && intr == RESTARTSYS)
		intr = -EINTR; /* it would begin anew */
	return call_block(c, (struct wait) { .kind = W_IO, .deadline = deadline, .intr = intr });
}

/* ---- vectors ---- */

static void clamp(struct xfer *x)
{
	x->total = 0;
	for (size_t i = 0; i < x->n; i++) {
		if (x->iov[i].iov_len > MAX_RW - x->total)
			x->iov[i].iov_len = MAX_RW - x->total;
		x->total += x->iov[i].iov_len;
	}
}

long xfer_vec(struct call *c, uint64_t at, uint64_t n, struct xfer *x)
{
	n = (uint32_t) n;
	if (n > UIO_MAXIOV)
		return -EINVAL;
	x->n = n;
	x->iov = call_mem(c, n * sizeof *x->iov);
	if (in_at(c, at, x->iov, n * sizeof *x->iov) < 0)
		return -EFAULT;
	for (size_t i = 0; i < n; i++)
		if ((ssize_t) x->iov[i].iov_len < 0)
			return -EINVAL;
	clamp(x);
	return 0;
}

static long xfer_single(struct call *c, struct xfer *x)
{
	x->iov = call_mem(c, sizeof *x->iov);
	x->n = 1;
	x->iov->iov_base = (void *) c->a[1];
	x->iov->iov_len = c->a[2];
	clamp(x);
	return 0;
}

long xfer_load(struct call *c, struct xfer *x)
{
	*x = (struct xfer) { .off = -1 };
	switch (c->nr) {
	case SYS_pread64:
	case SYS_pwrite64:
		x->off = (int64_t) c->a[3];
		if (x->off < 0)
			return -EINVAL;
		return xfer_single(c, x);
	case SYS_preadv:
	case SYS_pwritev:
		x->off = (int64_t) c->a[3];
		if (x->off < 0)
			return -EINVAL;
		return xfer_vec(c, c->a[1], c->a[2], x);
	case SYS_preadv2:
	case SYS_pwritev2:
		x->off = (int64_t) c->a[3];
		x->flags = (int) c->a[5];
		if (x->off < -1)
			return -EINVAL;
		return xfer_vec(c, c->a[1], c->a[2], x);
	case SYS_readv:
	case SYS_writev: return xfer_vec(c, c->a[1], c->a[2], x);
	default: return xfer_single(c, x);
	}
}

typedef long copy_fn(struct call *c, uint64_t at, char *p, size_t n);

static long copy_in(struct call *c, uint64_t at, char *p, size_t n)
{
	return in_at(c, at, p, n);
}

static long copy_out(struct call *c, uint64_t at, char *p, size_t n)
{
	return out_at(c, at, p, n);
}

static long xfer_copy(struct call *c, const struct xfer *x, size_t skip, char *p, size_t n,
	copy_fn *copy)
{
	for (size_t i = 0; i < x->n && n; i++) {
		size_t len = x->iov[i].iov_len;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		len -= skip;
		if (len > n)
			len = n;
		if (copy(c, (uint64_t) x->iov[i].iov_base + skip, p, len) < 0)
			return -EFAULT;
		skip = 0;
		p += len;
		n -= len;
	}
	return 0;
}

long xfer_gather(struct call *c, const struct xfer *x, size_t skip, void *p, size_t n)
{
	return xfer_copy(c, x, skip, p, n, copy_in);
}

long xfer_scatter(struct call *c, const struct xfer *x, size_t skip, const void *p, size_t n)
{
	return xfer_copy(c, x, skip, (char *) p, n, copy_out);
}

const void *xfer_in(struct call *c, const struct xfer *x, size_t n)
{
	void *p = call_mem(c, n);

	if (xfer_gather(c, x, 0, p, n) < 0)
		return NULL;
	c->out[1] = (struct staged) { .p = p, .n = n };
	return p;
}

long xfer_out(struct call *c, const struct xfer *x, const void *p, size_t n)
{
	void *copy = call_mem(c, n);

	memcpy(copy, p, n);
	if (xfer_scatter(c, x, 0, copy, n) < 0)
		return -EFAULT;
	c->out[1] = (struct staged) { .p = copy, .n = n, .set = true };
	return (long) n;
}
