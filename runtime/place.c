/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places inside the container's root. A path is walked component by component (but for what can be
 * had without a symlink): each is opened without following it, a symlink's text is put in front of
 * what is left of the path, `..` goes back in the text of what was walked. So nothing outside the
 * root is ever looked at, whatever somebody else does to the tree meanwhile.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/mounts.h"

enum { LINKS_MAX = 40 };

struct walk {
	int root;
	unsigned flags, links;
	mode_t mode;
	char left[8192]; /* of the path */
	struct place *p;
};

int in_root(int root, const char *path, int flags)
{
	while (*path == '/')
		path++;
	return openat_beneath(root, *path ? path : ".", flags, 0,
		RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

void place_drop(struct place *p)
{
	own_fd_drop(&p->fd);
	p->fd = -1;
}

static int go_to(struct walk *w, int fd)
{
	if (fd < 0)
		return fd;
	own_fd_drop(&w->p->fd);
	w->p->fd = fd;
	return 0;
}

static int go_root(struct walk *w)
{
	w->p->path[0] = 0;
	return go_to(w, openat_beneath(w->root, ".", O_PATH | O_DIRECTORY, 0, 0));
}

static int go_up(struct walk *w)
{
	char *slash = strrchr(w->p->path, '/');

	if (!slash)
		return go_root(w);
	*slash = 0;
	if (!w->p->path[0])
		return go_root(w);
	return go_to(w, openat_beneath(w->root, w->p->path + 1, O_PATH | O_DIRECTORY, 0,
		RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS));
}

static int go_down(struct walk *w, int fd, const char *name)
{
	size_t n = strlen(w->p->path);

	if (n + strlen(name) + 2 > sizeof w->p->path) {
		close(fd);
		return -ENAMETOOLONG;
	}
	sprintf(w->p->path + n, "/%s", name);
	return go_to(w, fd);
}

/* The text of the symlink @fd goes in front of what is left. */
static int go_link(struct walk *w, int fd)
{
	char text[sizeof w->left];
	ssize_t n = readlinkat(fd, "", text, sizeof text - 1);
	size_t left = strlen(w->left);

	if (n < 0)
		return -errno;
	if (w->flags & PLACE_PLAIN || ++w->links > LINKS_MAX)
		return -ELOOP;
	if ((size_t) n + left + 2 > sizeof text)
		return -ENAMETOOLONG;
	text[n] = '/';
	memcpy(text + n + 1, w->left, left + 1);
	memcpy(w->left, text, (size_t) n + left + 2);
	return text[0] == '/' ? go_root(w) : 0;
}

static int make(struct walk *w, const char *name, bool last)
{
	int fd;

	w->p->made = last;
	if (!last || !(w->flags & PLACE_FILE))
		return mkdirat(w->p->fd, name, w->mode) < 0 && errno != EEXIST ? -errno : 0;
	fd = openat(w->p->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

static int component(struct walk *w, const char *name, bool last)
{
	const int flags = O_PATH | O_NOFOLLOW;
	own_fd fd = openat_beneath(w->p->fd, name, flags, 0, 0);
	struct stat st;
	int r;

	if (fd == -ENOENT) {
		r = make(w, name, last);
		if (r < 0)
			return r;
		fd = openat_beneath(w->p->fd, name, flags, 0, 0);
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && !(last && w->flags & PLACE_NOFOLLOW))
		return go_link(w, fd);
	if (!S_ISDIR(st.st_mode) && !last)
		return -ENOTDIR;
	return go_down(w, take_fd(&fd), name);
}

/* The next component is cut off what is left. 1: there is none. */
static int next(struct walk *w, char name[256], bool *ret_last)
{
	size_t skip = strspn(w->left, "/"), n = strcspn(w->left + skip, "/");
	const char *rest = w->left + skip + n;

	if (!n)
		return 1;
	if (n > 255)
		return -ENAMETOOLONG;
	memcpy(name, w->left + skip, n);
	name[n] = 0;
	*ret_last = !rest[strspn(rest, "/")];
	memmove(w->left, rest, strlen(rest) + 1);
	return 0;
}

/* Nothing in the text that the kernel would make another of. */
static bool is_plain(const char *path)
{
	return *path == '/' && !strstr(path, "//") && !strstr(path, "/.") && path[strlen(path) - 1] != '/';
}

/* All but the last component in one go, where they are there and no symlink is in the way. */
static int go_first(struct walk *w)
{
	char *last = strrchr(w->left, '/');
	int fd;

	if (last == w->left || !is_plain(w->left) || strlen(w->left) >= sizeof w->p->path)
		return go_root(w);
	*last = 0;
	fd = openat_beneath(w->root, w->left + 1, O_PATH | O_DIRECTORY, 0,
		RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (fd < 0) {
		*last = '/';
		return go_root(w);
	}
	strcpy(w->p->path, w->left);
	memmove(w->left, last + 1, strlen(last + 1) + 1);
	return go_to(w, fd);
}

static int walk(struct walk *w)
{
	char name[256];
	bool last;
	int r = go_first(w);

	while (!r) {
		r = next(w, name, &last);
		if (r)
			break;
		if (!strcmp(name, "."))
			continue;
		if (last && w->flags & PLACE_PARENT) {
			memcpy(w->p->name, name, sizeof name);
			return !strcmp(name, "..") ? -EINVAL : 0;
		}
		r = !strcmp(name, "..") ? go_up(w) : component(w, name, last);
	}
	if (r < 0)
		return r;
	return w->flags & PLACE_PARENT ? -EINVAL : 0;
}

int place_make(int root, const char *path, unsigned flags, mode_t mode, struct place *ret,
	struct err *e)
{
	own_place p = PLACE_INIT;
	struct walk w = { .root = root, .flags = flags, .mode = mode, .p = &p };
	int r;

	if ((size_t) snprintf(w.left, sizeof w.left, "%s", path) >= sizeof w.left)
		return fail(e, ENAMETOOLONG, "%.100s... in the container", path);
	r = walk(&w);
	if (r == -ELOOP && flags & PLACE_PLAIN)
		return fail_msg(e, ELOOP, "%s in the container: a symlink of the root file system "
			"is in its way", path);
	if (r < 0)
		return fail(e, r, "%s %s in the container", flags & PLACE_PARENT ?
			"make the directory of" : flags & PLACE_FILE ? "make" :
			"make directory", path);
	if (!p.path[0])
		strcpy(p.path, "/");
	*ret = p;
	p.fd = -1;
	return 0;
}
