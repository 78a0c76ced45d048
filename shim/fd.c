/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest's descriptor is: found out each time, so that no table has to be kept. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"

static enum fd_kind of_char_device(dev_t rdev)
{
	static const struct {
		unsigned major, minor;
		enum fd_kind kind;
	} known[] = { { 1, 3, FK_NULL }, { 1, 5, FK_ZERO }, { 1, 7, FK_FULL }, { 1, 8, FK_RANDOM },
		{ 1, 9, FK_RANDOM } };
	unsigned ma = major(rdev);

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (rdev == makedev(known[i].major, known[i].minor))
			return known[i].kind;
	return ma == 4 || ma == 5 || (ma >= 136 && ma <= 143) ? FK_TTY : FK_OTHER;
}

static int stdio_index(const struct stdio *s, const struct stat *st)
{
	for (int i = 0; i < 3; i++)
		if (s->is[i] && s->st[i].st_dev == st->st_dev && s->st[i].st_ino == st->st_ino)
			return i;
	return -1;
}

struct stdio *stdio_of(struct world *w, const struct stat *st)
{
	struct stdio *s = &w->std;

	while (s && stdio_index(s, st) < 0)
		s = s->next;
	return s;
}

static enum fd_kind of_pipe(struct world *w, const struct stat *st)
{
	const struct stdio *s = stdio_of(w, st);

	return s ? (enum fd_kind) (FK_STDIN + stdio_index(s, st)) : FK_PIPE;
}

int fd_kind_of(struct world *w, int hostfd, struct stat *ret_st)
{
	struct stat own, *st = ret_st ? ret_st : &own;

	if (fstat(hostfd, st) < 0)
		return -errno;
	if (w->proc_dev && st->st_dev == w->proc_dev)
		return FK_PROC;
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return w->cgroup_dev && st->st_dev == w->cgroup_dev ? FK_CGROUP : FK_REG;
	case S_IFDIR:
		return FK_DIR;
	case S_IFIFO:
		return of_pipe(w, st);
	case S_IFSOCK:
		return FK_SOCK;
	case S_IFCHR:
		return of_char_device(st->st_rdev);
	default:
		return FK_OTHER;
	}
}

/* Anonymous inodes share one stat: the kernel's name for the descriptor tells them apart. */
static enum fd_kind of_anon(struct call *c, int fd)
{
	static const struct {
		const char *name;
		enum fd_kind kind;
	} known[] = { { "anon_inode:[eventfd]", FK_EVENT }, { "anon_inode:[eventpoll]", FK_EPOLL },
		{ "anon_inode:[timerfd]", FK_TIMER }, { "anon_inode:[signalfd]", FK_SIGNAL },
		{ "anon_inode:inotify", FK_INOTIFY } };
	char path[64], name[64];
	ssize_t n;

	snprintf(path, sizeof path, "%d/fd/%d", (int) c->t->pid, fd);
	n = readlinkat(c->w->host_proc, path, name, sizeof name - 1);
	if (n < 0)
		return FK_OTHER;
	name[n] = 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].kind;
	return FK_OTHER;
}

int fd_kind(struct call *c, int fd, struct stat *ret_st)
{
	own_fd dup = call_getfd(c, fd);
	struct stat own, *st = ret_st ? ret_st : &own;
	int kind;

	if (dup < 0)
		return dup;
	kind = fd_kind_of(c->w, dup, st);
	if (kind == FK_OTHER && !(st->st_mode & S_IFMT))
		kind = of_anon(c, fd);
	return kind;
}
