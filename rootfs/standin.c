/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file that only root can read is shown as: nothing, but for the two that programs look accounts up
 * in. Those have a line for everybody who is known, and no password: su(1) of root's asks for no more.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>

#include "rootfs/rootfs.h"
#include "rootfs/walk.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { NAMES_MAX = 1 << 20 };

static const struct {
	const char *path, *names, *rest;
} known[] = {
	{ "etc/shadow", "etc/passwd", ":*:::::::\n" },
	{ "etc/gshadow", "etc/group", ":*::\n" },
};

/* Nothing, where not everybody may read it, too. */
static int read_names(int rootfd, const char *path, struct buf *ret)
{
	own_fd fd = openat_beneath(rootfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || mode_private(st.st_mode) ||
		st.st_size > NAMES_MAX)
		return 0;
	return read_fd(fd, NAMES_MAX, ret);
}

static void put_lines(const struct buf *names, const char *rest, struct buf *ret)
{
	const char *p = (const char *) names->p, *end = p + names->n;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t) (end - p)), *colon;

		nl = nl ? nl : end;
		colon = memchr(p, ':', (size_t) (nl - p));
		if (colon && colon != p) {
			buf_put(ret, p, (size_t) (colon - p));
			buf_str(ret, rest);
		}
		p = nl + 1;
	}
}

static int stand_in(int rootfd, const char *path, struct buf *ret)
{
	own_buf names = { 0 };
	int r;

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(path + strspn(path, "/"), known[i].path))
			continue;
		r = read_names(rootfd, known[i].names, &names);
		if (r < 0)
			return r;
		put_lines(&names, known[i].rest, ret);
	}
	return 0;
}

int rootfs_stand_in(int rootfd, const char *path, int fd)
{
	own_buf text = { 0 };
	int r = stand_in(rootfd, path, &text);

	if (!r && text.failed)
		r = -ENOMEM;
	return r < 0 || !text.n ? r : write_full(fd, text.p, text.n);
}
