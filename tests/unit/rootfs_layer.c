/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of what changed, and times on disk. */
#include "tests/check.h"
#include "tests/unit/rootfs_tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/sysmacros.h>

#include "rootfs/tree.h"
#include "runtime/base/hash.h"

/* An overlay's upper directory, made without an overlay. */
static int upper(struct fx *x, bool order)
{
	int dir = sample(x->dirfd, order ? "up2" : "up1", order), fd;

	put(dir, "gone-x", 0644, "");
	fd = openat(dir, "gone-x", O_RDONLY);
	if (fsetxattr(fd, "user.overlay.whiteout", "", 0, 0) < 0)
		unlinkat(dir, "gone-x", 0);
	close(fd);
	if (mknodat(dir, "d/gone", S_IFCHR, 0) < 0)
		put(dir, "d/gone", 0644, "");
	fd = openat(dir, "d/two", O_RDONLY);
	fsetxattr(fd, "user.overlay.opaque", "y", 1, 0);
	close(fd);
	fd = openat(dir, "d/one", O_RDONLY);
	fsetxattr(fd, "user.overlay.opaque", "x", 1, 0);
	fsetxattr(fd, "user.mine", "1", 1, 0);
	close(fd);
	return dir;
}

static void layer_view(void *ctx, const char *path, struct stat *st)
{
	(void) ctx;
	st->st_uid = !strcmp(path, "a b") ? 3000000 : 7;
	st->st_gid = 8;
	st->st_mtim = (struct timespec){ 1000, !strcmp(path, "b") ? 500000000 : 0 };
	if (!strcmp(path, "Z")) {
		st->st_mode = S_IFBLK | 0660;
		st->st_rdev = makedev(8, 3);
	}
}

static const struct layer_opts viewed = { .view = layer_view }, plain;

static struct made layer(struct fx *x, int dir)
{
	int fd = openat(x->dirfd, "test.tar", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct made m = { 0 };
	uint8_t sum[32];

	EQ(layer_write(dir, &viewed, fd, m.sum, &x->e), 0);
	STREQ(x->e.msg, "");
	lseek(fd, 0, SEEK_SET);
	EQ(read_fd(fd, 1 << 24, &m.text), 0);
	close(fd);
	sha256(m.text.p, m.text.n, sum);
	EQ(memcmp(sum, m.sum, 32), 0);
	return m;
}

static void names_of(const struct made *m, struct buf *ret)
{
	struct archive *a = archive_read_new();
	struct archive_entry *ae;

	archive_read_support_format_tar(a);
	EQ(archive_read_open_memory(a, m->text.p, m->text.n), ARCHIVE_OK);
	while (archive_read_next_header(a, &ae) == ARCHIVE_OK)
		buf_printf(ret, "%s|", archive_entry_pathname(ae));
	archive_read_free(a);
	buf_cstr(ret);
}

TEST(layers_are_a_function_of_the_files)
{
	struct fx x = fx_new();
	int a = upper(&x, false), b = upper(&x, true);
	struct made m = layer(&x, a), n = layer(&x, b);
	struct buf names = { 0 };
	struct stat st;

	EQ(m.text.n, n.text.n);
	EQ(memcmp(m.sum, n.sum, 32), 0);
	names_of(&m, &names);
	HAS((char *) names.p, "|d/|d/.wh.gone|d/one/|d/one/f|d/two/|");
	if (fstatat(a, "gone-x", &st, 0) == 0) {
		EQ(strncmp((char *) names.p, ".wh.gone-x|Z|a|", 15), 0);
		HAS((char *) names.p, "|d/two/|d/two/.wh..wh..opq|");
		OK(!strstr((char *) names.p, "one/.wh..wh..opq"));
	}
	buf_free(&names);
	buf_free(&m.text);
	buf_free(&n.text);
	close(a);
	close(b);
	fx_free(&x);
}

TEST(a_layer_can_be_unpacked_again)
{
	struct fx x = fx_new();
	int a = upper(&x, false);
	struct made m = layer(&x, a);
	const struct rootfs_owner *o;
	struct stat st, two;

	EQ(fx_open(&x), 0);
	STREQ(fx_read(&x, "d/one/f"), "more");
	o = fx_owner(&x, "a b");
	EQ(o ? o->uid : 0, 3000000);
	o = fx_owner(&x, "Z");
	EQ(o ? o->rdev : 0, makedev(8, 3));
	EQ(fstatat(x.root, "b", &st, 0), 0);
	EQ(st.st_mtim.tv_nsec, 500000000);
	EQ(fstatat(x.root, "a", &st, 0) | fstatat(x.root, "hard", &two, 0), 0);
	EQ(st.st_ino, two.st_ino);
	EQ(fstatat(x.root, "\xff", &st, 0), 0);
	buf_free(&m.text);
	close(a);
	fx_free(&x);
}

TEST(long_names_in_layers)
{
	struct fx x = fx_new();
	int dir = sub(x.dirfd, "up");
	char name[256], path[600];
	struct made m;
	struct stat st;

	memset(name, 'n', 250);
	name[250] = 0;
	close(sub(dir, name));
	snprintf(path, sizeof path, "%s/%s\xff", name, name);
	put(dir, path, 0644, "far");
	must(symlinkat(path, dir, "link") == 0);
	m = layer(&x, dir);
	EQ(fx_open(&x), 0);
	EQ(fstatat(x.root, path, &st, 0), 0);
	EQ(fstatat(x.root, "link", &st, 0), 0);
	EQ(st.st_size, 3);
	buf_free(&m.text);
	close(dir);
	fx_free(&x);
}

TEST(names_that_mean_whiteouts_are_refused)
{
	struct fx x = fx_new();
	int dir = sub(x.dirfd, "up"), out = open("/dev/null", O_WRONLY);
	uint8_t sum[32];

	put(dir, ".wh.passwd", 0644, "");
	EQ(layer_write(dir, &plain, out, sum, &x.e), -EINVAL);
	HAS(x.e.msg, ".wh.passwd");
	close(out);
	close(dir);
	fx_free(&x);
}

TEST(kept_files_are_as_the_view_says)
{
	struct fx x = fx_new();
	int a = upper(&x, false), keep = sub(x.dirfd, "keep");
	struct stat st, two;

	fchmodat(a, "b", 04755, 0);
	EQ(layer_copy(a, &viewed, keep, &x.e), 0);
	STREQ(x.e.msg, "");
	EQ(fstatat(keep, "b", &st, 0), 0);
	EQ(st.st_mode & 07777, 0755);
	EQ(st.st_mtim.tv_sec, 1000);
	EQ(st.st_mtim.tv_nsec, 500000000);
	EQ(fstatat(keep, "d/one", &st, 0), 0);
	EQ(st.st_mtim.tv_sec, 1000);
	EQ(fstatat(keep, "d/.wh.gone", &st, 0), 0);
	EQ(fstatat(keep, "Z", &st, 0), 0);
	OK(S_ISREG(st.st_mode));
	EQ(fstatat(keep, "a", &st, 0) | fstatat(keep, "hard", &two, 0), 0);
	EQ(st.st_ino, two.st_ino);
	close(keep);
	close(a);
	fx_free(&x);
}

TEST(times_are_set_deepest_first)
{
	struct fx x = fx_new();
	int dir = upper(&x, false);
	static const char *const paths[] = { ".", "d", "d/one", "d/one/f", "link", "pipe", "a" };
	struct stat st;

	EQ(rootfs_set_times(dir, flat, NULL, &x.e), 0);
	STREQ(x.e.msg, "");
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		EQ(fstatat(dir, paths[i], &st, AT_SYMLINK_NOFOLLOW), 0);
		EQ(st.st_mtim.tv_sec, 1000);
		EQ(st.st_mtim.tv_nsec, 0);
	}
	close(dir);
	fx_free(&x);
}

CHECK_MAIN
