/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/upper.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "runtime/base/own.h"

/* The first byte of overlay's xattr, by either of its prefixes: 0 when empty, -1 when not there. */
static int overlay_xattr(int fd, const char *what)
{
	static const char *const prefix[] = { "user", "trusted" };

	for (size_t i = 0; i < ARRAY_LEN(prefix); i++) {
		char name[64], value[256];
		ssize_t n;

		snprintf(name, sizeof name, "%s.overlay.%s", prefix[i], what);
		n = fgetxattr(fd, name, value, sizeof value);
		if (n >= 0)
			return n ? (unsigned char) value[0] : 0;
		if (errno == ERANGE)
			return 0;
	}
	return -1;
}

static int needs_lower(const char *path, const char *what, struct err *e)
{
	return fail_msg(e, EOPNOTSUPP, "%s was written by an overlay with %s: mount it without", path,
		what);
}

bool upper_redirected(int fd)
{
	return overlay_xattr(fd, "redirect") >= 0;
}

static int kind_dir(int fd, const char *path, struct err *e)
{
	if (upper_redirected(fd))
		return needs_lower(path, "redirect_dir", e);
	/* "x" only says that there are whiteouts by xattr inside */
	return overlay_xattr(fd, "opaque") == 'y' ? UPPER_OPAQUE : UPPER_PLAIN;
}

static int kind_file(int fd, const char *path, const struct stat *st, struct err *e)
{
	if (overlay_xattr(fd, "metacopy") >= 0)
		return needs_lower(path, "metacopy", e);
	return !st->st_size && overlay_xattr(fd, "whiteout") >= 0 ? UPPER_WHITEOUT : UPPER_PLAIN;
}

int upper_kind(int dirfd, const char *name, const char *path, const struct stat *st,
	struct err *e)
{
	own_fd fd = -1;

	if (!strncmp(name, ".wh.", 4))
		return fail_msg(e, EINVAL,
			"%s cannot be in a layer: names with .wh. stand for removed files", path);
	if (S_ISCHR(st->st_mode) && !st->st_rdev)
		return UPPER_WHITEOUT;
	if (!S_ISDIR(st->st_mode) && !S_ISREG(st->st_mode))
		return UPPER_PLAIN;
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return fail(e, errno, "open %s", path);
	return S_ISDIR(st->st_mode) ? kind_dir(fd, path, e) : kind_file(fd, path, st, e);
}

static int changed(void *ctx, const struct walk_ent *w, struct err *e)
{
	const struct layer_opts *o = ctx;

	(void) e;
	return o->unchanged(o->ctx, &w->st) ? 0 : -ECANCELED;
}

bool upper_unchanged(const struct walk_ent *w, const struct layer_opts *o)
{
	struct walk below = { .ctx = (void *) o, .visit = changed };
	struct err e = ERR_INIT;
	own_fd fd = -1;

	if (!o->unchanged || !strcmp(w->path, ".") || !o->unchanged(o->ctx, &w->st))
		return false;
	if (!S_ISDIR(w->st.st_mode))
		return true;
	fd = below.rootfd = openat(w->dirfd, w->name,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && walk_tree(&below, &e) == 0;
}
