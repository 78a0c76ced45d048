/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ptys that the guest has made. A worker of the kernel moves the bytes from one end to the other,
 * echoes them, and turns keys into signals. What a write has led to must not depend on its speed:
 * it is over when the call is. A poll of an end that has nothing to read waits for the worker; of
 * one that has, the count of what can be read is waited for.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/sys/tty.h"

enum {
	HELD = 4095,	/* what a terminal holds for its reader */
	PTS_MAJOR = 136,
	WAIT_US = 50,
	WAITS = 4000,
};

struct pty {
	unsigned nr;
	bool master;
	int fd;	   /* the caller's end, io_by_fd()'s duplicate */
	int other; /* a duplicate of the other end, or -1: nobody inside has it */
};

static bool is_slave(int fd, unsigned nr)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
		st.st_rdev == makedev(PTS_MAJOR + (nr >> 8), nr & 0xff);
}

static bool is_master(int fd, unsigned nr)
{
	unsigned n;

	return ioctl(fd, TIOCGPTN, &n) == 0 && n == nr;
}

static bool number(struct pty *y)
{
	unsigned dev, major;

	y->master = ioctl(y->fd, TIOCGPTN, &y->nr) == 0;
	if (y->master)
		return true;
	if (ioctl(y->fd, TIOCGDEV, &dev) < 0)
		return false;
	major = dev >> 8 & 0xfff;
	y->nr = (major - PTS_MAJOR) << 8 | (dev & 0xff);
	return major >= PTS_MAJOR && major < PTS_MAJOR + 8;
}

/* ---- the other end ---- */

static int take(struct world *w, const struct pty *y, struct task *t, int guest_fd)
{
	int fd = w->ops->getfd(t, guest_fd);

	if (fd >= 0 && !(y->master ? is_slave(fd, y->nr) : is_master(fd, y->nr))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool looks_like_it(struct world *w, const struct pty *y, pid_t pid, int guest_fd)
{
	char path[64], name[64], want[32];
	size_t len;
	ssize_t n;

	snprintf(path, sizeof path, "%d/fd/%d", (int) pid, guest_fd);
	n = readlinkat(w->host_proc, path, name, sizeof name - 1);
	if (n < 0)
		return false;
	name[n] = 0;
	snprintf(want, sizeof want, "/%u", y->nr);
	len = strlen(y->master ? want : "ptmx");
	return (size_t) n >= len && strcmp(name + n - len, y->master ? want : "ptmx") == 0;
}

static int find_in(struct world *w, const struct pty *y, struct task *t)
{
	char path[32];
	own_fd dir = -1;
	own_dir d = NULL;
	struct dirent *e;
	int fd;

	snprintf(path, sizeof path, "%d/fd", (int) t->pid);
	dir = openat(w->host_proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = dir < 0 ? NULL : fdopendir(dir);
	if (!d)
		return -1;
	take_fd(&dir);
	while ((e = readdir(d))) {
		int n = atoi(e->d_name);

		fd = looks_like_it(w, y, t->pid, n) ? take(w, y, t, n) : -1;
		if (fd < 0)
			continue;
		io_of(w)->pty[y->master].pid = t->pid;
		io_of(w)->pty[y->master].fd = n;
		return fd;
	}
	return -1;
}

static int find_other(struct world *w, const struct pty *y)
{
	struct task *t = task_find(w, io_of(w)->pty[y->master].pid);
	int fd = t ? take(w, y, t, io_of(w)->pty[y->master].fd) : -1;

	for (t = w->tasks; t && fd < 0; t = t->next)
		if (t->pid == t->proc->pid)
			fd = find_in(w, y, t);
	return fd;
}

/* ---- what a write leads to ---- */

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static size_t unread(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) < 0 || n < 0 ? 0 : (size_t) n;
}

/* What output processing makes of them. Too much, where it is hard to say: *@sure is false. */
static size_t processed(const struct termios *t, const char *p, size_t n, bool *sure)
{
	size_t more = 0;

	*sure = true;
	if (!(t->c_oflag & OPOST))
		return n;
	*sure = !(t->c_oflag & (ONOCR | XTABS)); /* they go by the column */
	if (!*sure)
		return 8 * n;
	for (size_t i = 0; i < n && t->c_oflag & ONLCR; i++)
		more += p[i] == '\n';
	return n + more;
}

static bool is_key_of(const struct termios *t, char c)
{
	return c == '\177' || c == '\377' || (c && memchr(t->c_cc, c, sizeof t->c_cc));
}

/* Keys that input processing passes on as they are. */
static bool plain(const struct termios *t, const char *p, size_t n)
{
	if (!(t->c_lflag & (ICANON | ISIG)) && !(t->c_iflag & (IXON | IGNCR | PARMRK)))
		return true;
	for (size_t i = 0; i < n; i++)
		if ((p[i] != '\n' && (p[i] & 0xe0) == 0) || is_key_of(t, p[i]))
			return false;
	return true;
}

static void await_count(int fd, size_t want)
{
	for (int i = 0; i < WAITS && want <= HELD && unread(fd) < want; i++)
		usleep(WAIT_US);
}

static ssize_t put(int fd, const char *p, size_t n)
{
	ssize_t r;

	do
		r = write(fd, p, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* What can be read of an end once the worker has come to its end of what was written before. */
static size_t settled(int fd)
{
	return readable(fd) ? unread(fd) : 0;
}

static ssize_t put_master(struct pty *y, const char *p, size_t n)
{
	size_t typed, echo, len;
	struct termios t;
	bool sure = false, known;
	ssize_t r;

	if (y->other < 0)
		return put(y->fd, p, n);
	typed = settled(y->other);
	echo = settled(y->fd);
	n = n < HELD / 4 ? n : HELD / 4;
	known = tcgetattr(y->fd, &t) == 0 && plain(&t, p, n) && !(t.c_lflag & EXTPROC);
	r = put(y->fd, p, n);
	readable(y->other); /* it is typed */
	if (known && r == (ssize_t) n && !(t.c_lflag & ICANON))
		await_count(y->other, typed + n);
	readable(y->fd); /* and echoed */
	len = known ? processed(&t, p, n, &sure) : 0;
	if (known && r == (ssize_t) n && sure && t.c_lflag & ECHO)
		await_count(y->fd, echo + len);
	return r;
}

/* No more than its reader's end can hold at once: nothing is left on the way. */
static ssize_t put_slave(struct pty *y, const char *p, size_t n)
{
	size_t before, len;
	struct termios t;
	bool sure;
	ssize_t r;

	if (y->other < 0 || tcgetattr(y->fd, &t) < 0)
		return put(y->fd, p, n);
	before = settled(y->other);
	while ((len = processed(&t, p, n, &sure)) > HELD - before && n)
		n /= 2;
	if (!n)
		return -EAGAIN;
	r = put(y->fd, p, n);
	readable(y->other);
	if (sure && r == (ssize_t) n)
		await_count(y->other, before + len);
	return r;
}

long pty_write(struct call *c)
{
	size_t done = c->again ? c->scratch[0] : 0, begun = done;
	struct pty y = { .fd = io_of(c->w)->fd };
	own_fd other = number(&y) ? find_other(c->w, &y) : -1;
	struct xfer x;
	const char *p;
	int flags;
	long r = xfer_load(c, &x);

	if (r < 0)
		return r;
	p = xfer_in(c, &x, x.total);
	if (!p)
		return -EFAULT;
	y.other = other;
	flags = nb_begin(y.fd);
	for (r = 1; r > 0 && done < x.total; done += r > 0 ? (size_t) r : 0)
		r = y.master ? put_master(&y, p + done, x.total - done)
			     : put_slave(&y, p + done, x.total - done);
	nb_end(y.fd, flags);
	if (done > begun)
		c->w->turn++;
	c->scratch[0] = done;
	signals_sent(c->w, NULL); /* a key, or SIGTTOU */
	if (r == -EAGAIN && !(flags & O_NONBLOCK))
		return io_wait(c, done ? (int) done : RESTARTSYS);
	return r < 0 && !done ? r : (long) done;
}

bool pty_waits(struct call *c)
{
	struct wait w = { .kind = W_IO, .intr = RESTARTSYS };
	struct pty y = { .fd = io_of(c->w)->fd };
	struct termios t;

	if (!number(&y) || y.master || tcgetattr(y.fd, &t) < 0)
		return false;
	w.deadline = tty_deadline(c, &t);
	if (w.deadline == NO_DEADLINE)
		return false;
	if (!c->timed_out)
		call_block(c, w);
	return true;
}

bool pty_background(struct call *c)
{
	struct pty y = { .fd = io_of(c->w)->fd };
	char text[STAT_MAX], *stat;
	int group, tty, front;

	if (!number(&y) || y.master)
		return false;
	stat = tracee_stat(c->w, c->t->pid, text);
	return stat && sscanf(stat, "%*c %*d %d %*d %d %d", &group, &tty, &front) == 3 &&
	       (dev_t) tty == makedev(PTS_MAJOR + (y.nr >> 8), y.nr & 0xff) && group != front;
}
