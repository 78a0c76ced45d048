/* SPDX-License-Identifier: Apache-2.0 */
/* The table of digests: what it remembers of trees of any size. */
#include "tests/check.h"
#include "tests/unit/rootfs_tree.h"

#include "rootfs/digests.h"

enum { FILES = 200000, SMALL = 1000, SIZE_MIN = 16 + (1 << 15) * 8 * 88 };

static struct stat file(unsigned tree, unsigned i)
{
	struct stat st = { .st_dev = 7, .st_ino = i + 1, .st_size = tree, .st_mode = S_IFREG };

	st.st_mtim.tv_sec = st.st_ctim.tv_sec = 1000;
	return st;
}

/* As a manifest does: ask for all, read those that are not known. How many those were. */
static unsigned visit(int dir, unsigned tree, unsigned n)
{
	const struct timespec now = { .tv_sec = 2000 };
	uint8_t sum[32] = { (uint8_t) tree };
	unsigned missed = 0;
	struct digests d;

	digests_open(&d, dir, dir);
	digests_map(&d);
	OK(d.map);
	for (unsigned i = 0; i < n; i++) {
		struct stat st = file(tree, i);
		const struct digest_rec *have = digests_get(&d, &st);

		memcpy(sum + 1, &i, sizeof i);
		if (have && !memcmp(have->sum, sum, sizeof sum))
			continue;
		OK(!have);
		digests_put(&d, &st, &now, sum, 0);
		missed++;
	}
	digests_close(&d);
	return missed;
}

static off_t size(int dir)
{
	struct stat st;

	return fstatat(dir, "digests4", &st, 0) < 0 ? -1 : st.st_size;
}

static unsigned halves(int dir)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_CLOEXEC));
	unsigned n = 0;

	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += !strncmp(e->d_name, "digests4.", 9);
	closedir(d);
	return n;
}

TEST(table_grows_with_the_tree)
{
	struct fx x = fx_new();

	EQ(visit(x.dirfd, 1, SMALL), SMALL);
	EQ(size(x.dirfd), SIZE_MIN);
	EQ(visit(x.dirfd, 2, FILES), FILES);
	OK(size(x.dirfd) > SIZE_MIN);
	OK(visit(x.dirfd, 2, FILES) < FILES / 10); /* what was there has come along */
	OK(visit(x.dirfd, 2, FILES) < FILES / 100);
	OK(visit(x.dirfd, 1, SMALL) < SMALL / 2);
	EQ(halves(x.dirfd), 0);
	fx_free(&x);
}

TEST(others_are_forgotten_first)
{
	struct fx x = fx_new();

	for (unsigned tree = 0; tree < 4; tree++) /* more than there is room for */
		visit(x.dirfd, tree, 100000);
	EQ(size(x.dirfd), SIZE_MIN);
	visit(x.dirfd, 9, 50000);
	EQ(visit(x.dirfd, 9, 50000), 0);
	fx_free(&x);
}

TEST(table_that_cannot_grow_stays)
{
	struct fx x = fx_new();
	char tmp[32];

	visit(x.dirfd, 1, SMALL);
	snprintf(tmp, sizeof tmp, "digests4.%ld", (long) getpid());
	mkdirat(x.dirfd, tmp, 0700);
	visit(x.dirfd, 2, FILES);
	EQ(size(x.dirfd), SIZE_MIN);
	OK(visit(x.dirfd, 2, FILES) < FILES / 2);
	fx_free(&x);
}

TEST(spoilt_table_is_an_empty_one)
{
	struct fx x = fx_new();
	int fd;

	visit(x.dirfd, 1, SMALL);
	fd = openat(x.dirfd, "digests4", O_RDWR | O_CLOEXEC);
	must(ftruncate(fd, SIZE_MIN + 8 * 88) == 0); /* no power of two */
	close(fd);
	EQ(visit(x.dirfd, 1, SMALL), SMALL);
	EQ(size(x.dirfd), SIZE_MIN);
	EQ(visit(x.dirfd, 1, SMALL), 0);
	fx_free(&x);
}

CHECK_MAIN
