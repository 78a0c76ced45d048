/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a FIFO waits until its other end is opened too. Only one guest task runs at a time, so
 * the kernel must not do that waiting: both ends are opened without blocking, once somebody is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"

/*
 * scratch[0]: our descriptor + 1 that keeps the other end alive until this one is open;
 * scratch[1]: the access mode wanted; scratch[2]: where we are.
 */
enum { WAITING = 1, OPENING = 2 };

static bool has_writer(int dirfd, const char *path)
{
	own_fd fd = openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char b;

	if (fd < 0)
		return true; /* the guest's own open will say why */
	if (poll(&p, 1, 0) > 0)
		return true;
	return read(fd, &b, 1) < 0;
}

static bool has_reader(int dirfd, const char *path)
{
	own_fd fd = openat(dirfd, path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 || errno != ENXIO;
}

static bool waits_for(const struct call *c, const struct task *t, const struct stat *st, int mode)
{
	const struct call *o = &t->c;

	return t != c->t && t->state == T_BLOCKED && o->wait.kind == W_IO && o->row &&
		o->row->leave == c->row->leave && o->scratch[2] == WAITING &&
		o->scratch[1] != (uint64_t) mode && o->wait.key1 == st->st_dev &&
		o->wait.key2 == st->st_ino && !o->scratch[0];
}

/* All who are parked in an open of the other end can go on. */
static bool meets(struct call *c, int fd, const char *path, const struct stat *st, int mode)
{
	bool any = false;

	if (c->scratch[0])
		return true; /* the other end met us */
	if (mode == O_RDONLY ? has_writer(fd, path) : has_reader(fd, path))
		any = true;
	for (struct task *t = c->w->tasks; t; t = t->next) {
		int hold;

		if (!waits_for(c, t, st, mode))
			continue;
		hold = openat(fd, path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (hold < 0)
			break;
		t->c.scratch[0] = (uint64_t) hold + 1;
		any = true;
	}
	return any;
}

long fifo_open(struct call *c, int dirfd, const char *path, const struct stat *st, int flags,
	unsigned flags_arg)
{
	struct wait w = { .kind = W_IO, .key1 = st->st_dev, .key2 = st->st_ino,
		.deadline = NO_DEADLINE, .intr = RESTARTSYS };
	int mode = flags & O_ACCMODE, fd;
	long r;

	if (mode == O_RDWR)
		return call_run_leave(c);
	r = call_dirfd(c, dirfd, path, &fd);
	if (r < 0)
		return r;
	c->scratch[1] = (uint64_t) mode;
	if (!meets(c, fd, path, st, mode)) {
		c->scratch[2] = WAITING;
		return call_block(c, w);
	}
	c->scratch[2] = OPENING;
	call_karg(c, flags_arg, (unsigned) flags | O_NONBLOCK);
	return call_run_leave(c);
}

void fifo_opened(struct call *c)
{
	own_fd fd = -1;

	if (c->scratch[2] != OPENING)
		return;
	c->scratch[2] = 0;
	if (c->ret >= 0) {
		fd = call_getfd(c, (int) c->ret);
		if (fd >= 0)
			fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	}
	if (c->scratch[0])
		close((int) c->scratch[0] - 1);
	c->scratch[0] = 0;
}
