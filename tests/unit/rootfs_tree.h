/* SPDX-License-Identifier: Apache-2.0 */
/* Small trees, for the tests of manifests and layers. */
#ifndef DETRUN_TESTS_ROOTFS_TREE_H
#define DETRUN_TESTS_ROOTFS_TREE_H

#include "tests/unit/rootfs_tar.h"

/* All files seem root's and of one time, as in a plain directory. */
static inline void flat(void *ctx, const char *path, struct stat *st)
{
	(void) ctx;
	(void) path;
	st->st_uid = st->st_gid = 0;
	st->st_mtim = (struct timespec){ .tv_sec = 1000 };
}

static inline void put(int dir, const char *path, mode_t mode, const char *text)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write_full(fd, text, strlen(text)) == 0 && fchmod(fd, mode) == 0);
	close(fd);
}

static inline int sub(int dir, const char *name)
{
	int fd;

	must(mkdir_p(dir, name, 0755) == 0);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(fd >= 0);
	return fd;
}

/* A small tree; @order turns round in which order its files are made. */
static inline int sample(int at, const char *name, bool order)
{
	static const char *const names[] = { "b", "a", "ab", "a b", "\xff", "Z", "a.b", "a-b" };
	int dir = sub(at, name);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		put(dir, names[order ? ARRAY_LEN(names) - 1 - i : i], 0644, "text");
	close(sub(dir, order ? "d/two" : "d/one"));
	close(sub(dir, order ? "d/one" : "d/two"));
	put(dir, "d/one/f", 0755, "more");
	must(symlinkat("a b\n", dir, "link") == 0);
	must(mkfifoat(dir, "pipe", 0600) == 0);
	must(linkat(dir, "a", dir, order ? "hard" : "temp", 0) == 0);
	if (!order)
		must(renameat(dir, "temp", dir, "hard") == 0);
	must(fchmodat(dir, "pipe", 0600, 0) == 0);
	return dir;
}

struct made {
	uint8_t sum[32];
	struct buf text;
};

#endif
