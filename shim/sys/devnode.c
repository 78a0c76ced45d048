/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device nodes that are none on disk, for nobody may make them there: those that mknod(2) made, and an
 * image's. The few that every container has are opened in its /dev, by the guest itself, so that they are
 * what they are there. All others have no driver.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/fs.h"

static const struct {
	unsigned major, minor;
	const char *name;
} known[] = {
	{ 1, 3, "null" }, { 1, 5, "zero" }, { 1, 7, "full" }, { 1, 8, "random" }, { 1, 9, "urandom" },
	{ 5, 0, "tty" },
};

static const struct vinode *node_of(struct world *w, const struct stat *st)
{
	const struct vinode *v = S_ISREG(st->st_mode) ? inode_peek(w, st->st_dev, st->st_ino) : NULL;

	return v && v->has_owner && (S_ISCHR(v->mode) || S_ISBLK(v->mode)) ? v : NULL;
}

bool node_is(struct world *w, const struct stat *st)
{
	return node_of(w, st) != NULL;
}

static const char *name_of(const struct vinode *v)
{
	for (size_t i = 0; S_ISCHR(v->mode) && i < ARRAY_LEN(known); i++)
		if (v->rdev == makedev(known[i].major, known[i].minor))
			return known[i].name;
	return NULL;
}

/* The container's /dev, if it has that device. fd or -1. */
static int dev_with(const struct world *w, const char *name, dev_t rdev)
{
	own_fd dev = openat(w->self_root, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (dev < 0 || fstatat(dev, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISCHR(st.st_mode) ||
		st.st_rdev != rdev)
		return -1;
	return take_fd(&dev);
}

/* In the place of @fd. */
static long open_there(struct call *c, int fd, int dev, const char *name, int flags)
{
	uint64_t at = (c->t->regs.rsp - 512) & ~15ull; /* below the red zone */
	long dir = call_give_fd(c, dev), r;

	if (dir < 0)
		return dir;
	r = out_at(c, at, name, strlen(name) + 1);
	if (!r)
		r = call_inject(c, SYS_openat, (uint64_t) dir, at, (unsigned) flags | O_NOFOLLOW, 0);
	call_close_fd(c, (int) dir);
	if (r < 0)
		return r;
	dir = r;
	r = call_inject(c, SYS_dup3, (uint64_t) dir, (uint64_t) fd, (unsigned) flags & O_CLOEXEC, 0);
	call_close_fd(c, (int) dir);
	return r;
}

long node_opened(struct call *c, int fd, const struct stat *st, int flags)
{
	const struct vinode *v = node_of(c->w, st);
	const char *name = v ? name_of(v) : NULL;
	own_fd dev = name ? dev_with(c->w, name, v->rdev) : -1;
	long r = -ENXIO;

	if (dev >= 0)
		r = open_there(c, fd, dev, name, flags & ~(O_CREAT | O_EXCL | O_TRUNC));
	if (r < 0)
		call_close_fd(c, fd);
	return r;
}
