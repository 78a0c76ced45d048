/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers see of the guest: arguments and outputs, each copied once. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"

enum { ARENA_CHUNK = 1 << 16, PAGE = 4096 };

/*
 * The arena is a chain of chunks, each starting with a pointer to the one before it: memory that
 * was handed out never moves. The first chunk stays for the next call.
 */
void *call_mem(struct call *c, size_t n)
{
	struct world *w = c->w;
	char *p;

	n = (n + 15) & ~(size_t) 15;
	if (!w->arena || w->arena_n + n > w->arena_cap) {
		size_t cap = n + 16 > ARENA_CHUNK ? n + 16 : ARENA_CHUNK;
		char *chunk = malloc(cap);

		must_mem(chunk);
		*(char **) chunk = w->arena;
		w->arena = chunk;
		w->arena_n = 16;
		w->arena_cap = cap;
	}
	p = w->arena + w->arena_n;
	w->arena_n += n;
	return p;
}

static void arena_reset(struct world *w)
{
	while (w->arena && *(char **) w->arena) {
		char *before = *(char **) w->arena;

		free(w->arena);
		w->arena = before;
		w->arena_cap = ARENA_CHUNK;
	}
	w->arena_n = 16;
	if (w->arena && w->arena_cap != ARENA_CHUNK) {
		free(w->arena);
		w->arena = NULL;
	}
}

void call_begin(struct call *c, struct world *w, struct task *t, const struct row *row)
{
	arena_reset(w);
	memset(c->out, 0, sizeof c->out);
	memset(c->path, 0, sizeof c->path);
	memset(&c->wait, 0, sizeof c->wait);
	c->w = w;
	c->t = t;
	c->row = row;
	c->karg = c->leaving = c->quiet = c->gone = c->again = c->timed_out = c->has_mask = false;
	c->tries = 0;
	c->verdict = V_DONE;
	c->ret = 0;
}

void call_again(struct call *c)
{
	arena_reset(c->w);
	memset(c->out, 0, sizeof c->out);
	memset(c->path, 0, sizeof c->path);
	c->row = sys_row(c->nr); /* a sub-row is chosen anew */
	c->verdict = V_DONE;
}

long call_block(struct call *c, struct wait w)
{
	if (!w.deadline)
		w.deadline = NO_DEADLINE;
	c->wait = w;
	c->verdict = V_BLOCK;
	return 0;
}

void call_sigmask(struct call *c, uint64_t mask)
{
	c->has_mask = true;
	c->mask = mask;
}

static long moved(struct call *c, ssize_t got, size_t n)
{
	c->gone |= got == -ESRCH;
	return got == (ssize_t) n ? 0 : -EFAULT;
}

long in_at(struct call *c, uint64_t addr, void *p, size_t n)
{
	return n ? moved(c, c->w->ops->read(c->t, addr, p, n), n) : 0;
}

long out_at(struct call *c, uint64_t addr, const void *p, size_t n)
{
	return n ? moved(c, c->w->ops->write(c->t, addr, p, n), n) : 0;
}

const void *in(struct call *c, unsigned i, size_t n)
{
	void *p = call_mem(c, n);

	if (!c->a[i] || in_at(c, c->a[i], p, n) < 0)
		return NULL;
	c->out[i] = (struct staged){ .p = p, .n = n };
	return p;
}

void *out(struct call *c, unsigned i, size_t n)
{
	uint64_t at = i < 6 ? c->a[i] : c->out[i].at;
	void *p;

	if (!at)
		return NULL;
	p = call_mem(c, n);
	memset(p, 0, n);
	c->out[i] = (struct staged){ .p = p, .n = n, .write = true, .set = true, .at = at };
	return p;
}

void *fix(struct call *c, unsigned i, size_t n)
{
	uint64_t at = i < 6 ? c->a[i] : c->out[i].at;
	void *p;

	if (!at)
		return NULL;
	p = call_mem(c, n);
	if (in_at(c, at, p, n) < 0)
		return NULL;
	c->out[i] = (struct staged){ .p = p, .n = n, .write = true, .set = true, .at = at };
	return p;
}

long call_flush(struct call *c)
{
	for (unsigned i = 0; i < ARRAY_LEN(c->out); i++) {
		struct staged *s = &c->out[i];

		if (s->write && out_at(c, s->at, s->p, s->n) < 0)
			return -EFAULT;
	}
	return 0;
}

long in_str(struct call *c, uint64_t addr, size_t max, const char **ret)
{
	size_t n = 0, cap = 256;
	char *p = call_mem(c, cap);

	if (!addr)
		return -EFAULT;
	for (;;) {
		size_t left = PAGE - (addr + n) % PAGE, want = cap - n;
		char *nul;

		if (want > left)
			want = left;
		if (in_at(c, addr + n, p + n, want) < 0)
			return -EFAULT;
		nul = memchr(p + n, 0, want);
		if (nul) {
			*ret = p;
			return 0;
		}
		n += want;
		if (n >= max)
			return -ENAMETOOLONG;
		if (n == cap) {
			char *q = call_mem(c, cap * 4);

			memcpy(q, p, n);
			p = q;
			cap *= 4;
		}
	}
}

long in_path(struct call *c, unsigned i, const char **ret)
{
	long r;

	if (c->path[i]) {
		*ret = c->path[i];
		return 0;
	}
	r = in_str(c, c->a[i], PATH_MAX, &c->path[i]);
	if (r < 0)
		return r;
	if (strlen(c->path[i]) >= PATH_MAX)
		return -ENAMETOOLONG;
	*ret = c->path[i];
	return 0;
}

/* Status flags of the descriptor, or -errno. */
static long fd_flags(struct call *c, int fd)
{
	char path[64], text[256] = "";
	own_fd info = -1;
	const char *flags;

	snprintf(path, sizeof path, "%d/fdinfo/%d", (int) c->t->pid, fd);
	info = openat(c->w->host_proc, path, O_RDONLY | O_CLOEXEC);
	if (info < 0 || read(info, text, sizeof text - 1) < 0)
		return -errno;
	flags = strstr(text, "flags:");
	return flags ? strtol(flags + strlen("flags:"), NULL, 8) : -EINVAL;
}

/*
 * Before Linux 6.9 a thread's table is had by its leader's pidfd, and not at all once that has ended.
 * Then what it leads to is opened again: a description of its own with the same flags. O_NONBLOCK
 * first, for a pipe would wait for its other end.
 */
static int fd_again(struct call *c, int fd)
{
	const long kept = O_ACCMODE | O_APPEND | O_DIRECTORY | O_PATH;
	long flags = fd_flags(c, fd);
	char path[64];
	int r;

	if (flags < 0)
		return flags == -ENOENT ? -EBADF : (int) flags;
	snprintf(path, sizeof path, "%d/fd/%d", (int) c->t->pid, fd);
	r = openat(c->w->host_proc, path, (int) (flags & kept) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (r < 0)
		world_fatal(c->w, errno, "look at descriptor %d of a thread whose process has lost its "
			"first one (Linux 6.9 or newer can)", fd);
	else if (!(flags & O_PATH))
		fcntl(r, F_SETFL, (int) flags);
	return r < 0 ? -EBADF : r;
}

int call_getfd(struct call *c, int fd)
{
	int r = c->w->ops->getfd(c->t, fd);

	if ((r == -EBADF || r == -ESRCH) && c->t->pid != c->t->proc->pid)
		r = fd_again(c, fd);
	if (r == -EMFILE || r == -ENFILE)
		world_fatal(c->w, -r, "look at a descriptor of the container (raise the hard limit of "
			"open files: ulimit -H -n)");
	return r == -ESRCH ? -EBADF : r;
}

static int task_cwd(struct call *c)
{
	struct fsctx *fs = c->t->fs;
	char path[64];

	if (fs->cwd >= 0)
		return fs->cwd;
	snprintf(path, sizeof path, "%d/cwd", (int) c->t->pid);
	fs->cwd = openat(c->w->host_proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fs->cwd >= 0 ? fs->cwd : -errno;
}

long call_dirfd(struct call *c, int guest_dirfd, const char *path, int *ret_fd)
{
	int fd;

	if (*path == '/') {
		*ret_fd = AT_FDCWD;
		return 0;
	}
	if (guest_dirfd == AT_FDCWD) {
		fd = task_cwd(c);
		if (fd < 0)
			return fd;
		*ret_fd = fd;
		return 0;
	}
	if (c->w->dirfd_tmp >= 0)
		close(c->w->dirfd_tmp);
	c->w->dirfd_tmp = call_getfd(c, guest_dirfd);
	if (c->w->dirfd_tmp < 0)
		return c->w->dirfd_tmp;
	*ret_fd = c->w->dirfd_tmp;
	return 0;
}

void call_note(struct call *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	engine_note(c->w, c->t, text);
}

long call_inject(struct call *c, long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	const uint64_t a[6] = { a0, a1, a2, a3 };
	long ret = -EIO;

	if (tracee_inject(c->t, c->t->regs.rip - 2, nr, a, &ret) < 0)
		return -ESRCH;
	return ret;
}

void call_close_fd(struct call *c, int guest_fd)
{
	call_inject(c, SYS_close, (uint64_t) guest_fd, 0, 0, 0);
}

static int copy_sealed(int from, int to)
{
	own_buf b = { 0 };
	int r = read_fd(from, 64 << 20, &b);

	if (!r)
		r = write_full(to, b.p, b.n);
	if (!r && lseek(to, 0, SEEK_SET) < 0)
		r = -errno;
	if (!r && fcntl(to, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		r = -errno;
	return r;
}

long call_replace_fd(struct call *c, int guest_fd, int host_fd, const char *name)
{
	uint64_t at = (c->t->regs.rsp - 512) & ~15ull; /* below the red zone */
	long mem, r;
	own_fd dup = -1;

	if (out_at(c, at, name, strlen(name) + 1) < 0)
		return -EFAULT;
	mem = call_inject(c, SYS_memfd_create, at, MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0);
	if (mem < 0)
		return mem;
	dup = call_getfd(c, (int) mem);
	r = dup < 0 ? dup : copy_sealed(host_fd, dup);
	if (!r) {
		int fl = (c->nr == SYS_open ? c->a[1] : c->a[2]) & O_CLOEXEC;

		r = call_inject(c, SYS_dup3, (uint64_t) mem, (uint64_t) guest_fd, (uint64_t) fl, 0);
	}
	call_inject(c, SYS_close, (uint64_t) mem, 0, 0, 0);
	return r < 0 ? r : guest_fd;
}

/* What recvmsg(2) wants, in the guest's memory; and, before it, what socketpair(2) gives. */
struct passing {
	struct msghdr msg;
	struct iovec iov;
	char byte;
	int pair[2];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};

static long receive(struct call *c, uint64_t at, int sock)
{
	struct passing p = { .iov = { (void *) (at + offsetof(struct passing, byte)), 1 },
		.msg = { .msg_iov = (void *) (at + offsetof(struct passing, iov)), .msg_iovlen = 1,
			.msg_control = (void *) (at + offsetof(struct passing, control)),
			.msg_controllen = CMSG_SPACE(sizeof(int)) } };
	int fd;
	long r;

	if (out_at(c, at, &p, sizeof p) < 0)
		return -EFAULT;
	r = call_inject(c, SYS_recvmsg, (uint64_t) sock, at, MSG_CMSG_CLOEXEC | MSG_DONTWAIT, 0);
	if (r != 1 || in_at(c, at, &p, sizeof p) < 0)
		return r < 0 ? r : -EIO;
	if (p.msg.msg_controllen < CMSG_LEN(sizeof fd))
		return -EMFILE;
	memcpy(&fd, p.control + CMSG_LEN(0), sizeof fd);
	return fd;
}

long call_give_fd(struct call *c, int host_fd)
{
	uint64_t at = (c->t->regs.rsp - 1024) & ~15ull, pair = at + offsetof(struct passing, pair);
	own_fd dup = -1;
	int s[2];
	long r;

	r = call_inject(c, SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
	if (r < 0 || in_at(c, pair, s, sizeof s) < 0)
		return r < 0 ? r : -EFAULT;
	dup = call_getfd(c, s[0]);
	r = dup < 0 ? dup : fd_send(dup, "", 1, host_fd);
	if (!r)
		r = receive(c, at, s[1]);
	call_close_fd(c, s[0]);
	call_close_fd(c, s[1]);
	return r;
}
