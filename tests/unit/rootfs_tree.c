/* SPDX-License-Identifier: Apache-2.0 */
/* Directories as sources, their manifests, the ids of files. */
#include "tests/check.h"
#include "tests/unit/rootfs_tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "rootfs/tree.h"
#include "runtime/base/hash.h"

static struct made manifest(int at, int dir, struct manifest_opts o)
{
	int fd = openat(at, "m", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct err e = ERR_INIT;
	uint8_t sum[32];
	struct made m = { 0 };

	EQ(manifest_write(dir, &o, fd, m.sum, &e), 0);
	STREQ(e.msg, "");
	lseek(fd, 0, SEEK_SET);
	EQ(read_fd(fd, 1 << 24, &m.text), 0);
	close(fd);
	sha256(m.text.p, m.text.n, sum);
	EQ(memcmp(sum, m.sum, 32), 0);
	buf_cstr(&m.text);
	return m;
}

static const struct manifest_opts plain = { .view = flat, .cache_dir = -1 };

TEST(manifest_does_not_depend_on_the_disk)
{
	struct fx x = fx_new();
	int a = sample(x.dirfd, "a", false), b = sample(x.dirfd, "other/place", true);
	struct made m = manifest(x.dirfd, a, plain), n = manifest(x.dirfd, b, plain);

	STREQ((char *) m.text.p, (char *) n.text.p);
	HAS((char *) m.text.p, "./a\\040b type=file uid=0 gid=0 mode=0644 time=1000.000000000 size=4 ");
	HAS((char *) m.text.p, "./\\377 type=file");
	HAS((char *) m.text.p, " link=a\\040b\\012\n");
	OK(!strstr((char *) m.text.p, "nlink"));
	buf_free(&m.text);
	buf_free(&n.text);
	close(a);
	close(b);
	fx_free(&x);
}

TEST(manifest_shows_each_change)
{
	static const char *const change[] = { "content", "mode", "name", "link" };
	struct fx x = fx_new();
	int dir = sample(x.dirfd, "a", false);
	struct made m = manifest(x.dirfd, dir, plain);

	for (size_t i = 0; i < ARRAY_LEN(change); i++) {
		struct made n;

		if (i == 0)
			put(dir, "b", 0644, "texT");
		else if (i == 1)
			fchmodat(dir, "b", 0640, 0);
		else if (i == 2)
			renameat(dir, "b", dir, "c");
		else if (unlinkat(dir, "link", 0) == 0)
			must(symlinkat("x", dir, "link") == 0);
		n = manifest(x.dirfd, dir, plain);
		if (!memcmp(m.sum, n.sum, 32))
			CHECK_FAIL("a changed %s is not seen", change[i]);
		buf_free(&m.text);
		m = n;
	}
	buf_free(&m.text);
	close(dir);
	fx_free(&x);
}

/* Others write to what the host lends, also while it is listed. */
static void take_away(void *ctx, const char *path, struct stat *st)
{
	const int *dir = ctx;

	(void) st;
	if (!strcmp(path, "a"))
		unlinkat(*dir, "b", 0);
	if (!strcmp(path, "c"))
		unlinkat(*dir, "c", 0);
	if (!strcmp(path, "d"))
		unlinkat(*dir, "d", AT_REMOVEDIR);
}

TEST(manifest_lacks_what_is_taken_away_meanwhile)
{
	struct fx x = fx_new();
	int dir = sub(x.dirfd, "t");
	struct manifest_opts o = { .view = take_away, .ctx = &dir, .cache_dir = -1 };
	struct made m;
	const char *t;

	for (const char *name = "abce"; *name; name++)
		put(dir, (char[]) { *name, 0 }, 0644, "text");
	close(sub(dir, "d"));
	m = manifest(x.dirfd, dir, o);
	t = (char *) m.text.p;
	HAS(t, "./a type=file");
	HAS(t, "./d type=dir");
	HAS(t, "./e type=file");
	OK(!strstr(t, "./b ") && !strstr(t, "./c "));
	buf_free(&m.text);
	close(dir);
	fx_free(&x);
}

TEST(libarchive_reads_the_manifest)
{
	struct fx x = fx_new();
	int dir = sample(x.dirfd, "a", false), n = 0;
	struct made m = manifest(x.dirfd, dir, plain);
	struct archive *a = archive_read_new();
	struct archive_entry *ae;

	archive_read_support_format_mtree(a);
	EQ(archive_read_open_memory(a, m.text.p, m.text.n), ARCHIVE_OK);
	for (; archive_read_next_header(a, &ae) == ARCHIVE_OK; n++) {
		const char *path = archive_entry_pathname(ae);

		EQ(archive_entry_mtime(ae), 1000);
		if (!strcmp(path, "./d/one/f")) {
			EQ(archive_entry_perm(ae), 0755);
			EQ(archive_entry_size(ae), 4);
		}
		if (!strcmp(path, "./link"))
			STREQ(archive_entry_symlink(ae), "a b\n");
	}
	EQ(n, 16);
	archive_read_free(a);
	buf_free(&m.text);
	close(dir);
	fx_free(&x);
}

TEST(manifest_cache_is_only_a_cache)
{
	struct fx x = fx_new();
	int dir = sample(x.dirfd, "a", false);
	struct manifest_opts o = { .view = flat, .cache_dir = sub(x.dirfd, "cache") };
	struct made m, n;
	struct stat st;

	usleep(150000); /* only files at rest are remembered */
	m = manifest(x.dirfd, dir, o);
	EQ(fstatat(o.cache_dir, "digests4", &st, 0), 0);
	n = manifest(x.dirfd, dir, o);
	EQ(memcmp(m.sum, n.sum, 32), 0);
	buf_free(&n.text);
	must(fstatat(dir, "b", &st, 0) == 0);
	put(dir, "b", 0644, "TEXT"); /* same size, and the old mtime */
	utimensat(dir, "b", (struct timespec[]){ st.st_atim, st.st_mtim }, 0);
	n = manifest(x.dirfd, dir, o);
	OK(memcmp(m.sum, n.sum, 32));
	buf_free(&n.text);
	put(dir, "b", 0644, "text");
	put(o.cache_dir, "digests4", 0600, "detrun digests1\0garbage that is not a whole record");
	n = manifest(x.dirfd, dir, o);
	EQ(memcmp(m.sum, n.sum, 32), 0);
	buf_free(&n.text);
	buf_free(&m.text);
	close(o.cache_dir);
	close(dir);
	fx_free(&x);
}

TEST(private_files_are_shown_empty)
{
	struct fx x = fx_new();
	int dir = sub(x.dirfd, "t");
	struct manifest_opts o = { .view = flat, .cache_dir = -1, .private_hidden = true };
	struct made m;

	put(dir, "shadow", 0640, "secret");
	put(dir, "open", 0604, "known");
	close(sub(dir, "root"));
	put(dir, "root/file", 0644, "secret");
	fchmodat(dir, "root", 0711, 0);
	m = manifest(x.dirfd, dir, o);
	HAS((char *) m.text.p, "size=0 sha256=e3b0c44298fc1c149afbf4c8996fb924"
		"27ae41e4649b934ca495991b7852b855\n");
	OK(!strstr((char *) m.text.p, "root/file"));
	HAS((char *) m.text.p, "./open type=file uid=0 gid=0 mode=0604 time=1000.000000000 size=5");
	buf_free(&m.text);
	close(dir);
	fx_free(&x);
}

TEST(skipped_directories_are_listed_without_content)
{
	struct fx x = fx_new();
	int dir = sample(x.dirfd, "a", false);
	static const char *const skip[] = { "d/one", NULL };
	struct manifest_opts o = { .view = flat, .cache_dir = -1, .skip = skip };
	struct made m = manifest(x.dirfd, dir, o);

	HAS((char *) m.text.p, "./d/one type=dir");
	OK(!strstr((char *) m.text.p, "d/one/f"));
	HAS((char *) m.text.p, "./d/two");
	buf_free(&m.text);
	close(dir);
	fx_free(&x);
}

TEST(xattrs_are_comments)
{
	struct fx x = fx_new();
	struct manifest_opts o = { .view = flat, .cache_dir = -1, .xattrs = true };
	int dir = sub(x.dirfd, "t");
	struct made m;
	int fd;

	put(dir, "f", 0644, "x");
	fd = openat(dir, "f", O_RDONLY);
	if (fsetxattr(fd, "user.b", "\1\2", 2, 0) == 0) {
		fsetxattr(fd, "user.a", "v", 1, 0);
		fsetxattr(fd, "user.overlay.origin", "v", 1, 0);
		m = manifest(x.dirfd, dir, o);
		HAS((char *) m.text.p, "# xattr ./f user.a=76\n# xattr ./f user.b=0102\n");
		OK(!strstr((char *) m.text.p, "overlay"));
		buf_free(&m.text);
	}
	close(fd);
	close(dir);
	fx_free(&x);
}

/* A tree of directories so deep that one fd per level would not do. */
TEST(deep_trees_are_walked)
{
	struct fx x = fx_new();
	int dir = sub(x.dirfd, "t"), at = sub(dir, "d"), count = 1;
	struct made m;

	for (; count < 300; count++) {
		int next = sub(at, "d");

		close(at);
		at = next;
	}
	put(at, "f", 0644, "deep");
	close(at);
	m = manifest(x.dirfd, dir, plain);
	HAS((char *) m.text.p, "/d/d/f type=file");
	buf_free(&m.text);
	close(dir);
	fx_free(&x);
}

/* The cause is said, however long the path. */
TEST(a_path_too_long_is_named)
{
	const struct manifest_opts mo = { .view = flat, .cache_dir = -1 };
	struct fx x = fx_new();
	int dir = sub(x.dirfd, "t"), at = sub(dir, "d"), fd;
	uint8_t sum[32];
	char name[251];

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = 0;
	for (int i = 0; i < 17; i++) {
		int next = sub(at, name);

		close(at);
		at = next;
	}
	close(at);
	fd = openat(x.dirfd, "m", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	EQ(manifest_write(dir, &mo, fd, sum, &x.e), -ENAMETOOLONG);
	HAS(x.e.msg, "below d/nnn");
	HAS(x.e.msg, "longer than 4095 bytes");
	close(fd);
	close(dir);
	fx_free(&x);
}

static void copy_of(struct fx *x, const char *path, struct rootfs *r, int *ret)
{
	int entry = sub(x->dirfd, "entry");
	struct attrs attrs = { 0 };
	struct tree t = TREE_INIT;

	*ret = sub(entry, "root");
	EQ(tree_open(path, &t, &x->e), 0);
	EQ(tree_copy(&t, *ret, &attrs, &x->e), 0);
	EQ(attrs_finish(&attrs, *ret, entry, false, &x->e), 0);
	EQ(owners_load(entry, *ret, r, &x->e), 0);
	STREQ(x->e.msg, "");
	attrs_free(&attrs);
	tree_close(&t);
	close(entry);
}

static void by_owners(void *ctx, const char *path, struct stat *st)
{
	const struct rootfs *r = ctx;

	flat(NULL, path, st);
	for (size_t i = 0; i < r->nowners; i++) {
		if (r->owners[i].ino != st->st_ino)
			continue;
		st->st_mode = r->owners[i].mode;
		st->st_rdev = r->owners[i].rdev;
		if (strcmp(path, "."))
			must(!r->owners[i].uid || getuid());
	}
}

TEST(a_copy_looks_like_its_source)
{
	struct manifest_opts in = { .view = flat, .cache_dir = -1, .private_hidden = true };
	struct fx x = fx_new();
	int dir = sample(x.dirfd, "a", false), copy, sock = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct rootfs r = { .lock = -1 };
	struct manifest_opts out = { .view = by_owners, .ctx = &r, .cache_dir = -1 };
	struct stat one, two;
	char path[128];
	struct made m, n;

	put(dir, "shadow", 0640, "secret");
	put(dir, "su", 0644, "program");
	fchmodat(dir, "su", 04755, 0);
	EQ(utimensat(dir, "su", (struct timespec[]) { { 7, 0 }, { 1700000000, 5 } }, 0), 0);
	put(dir, "none", 0, "");
	close(sub(dir, "closed/in"));
	fchmodat(dir, "closed", 0700, 0);
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s/a/sock", x.dir);
	EQ(bind(sock, (struct sockaddr *) &sa, sizeof sa), 0);
	if (!geteuid())
		(void) !mknodat(dir, "null", S_IFCHR | 0666, makedev(1, 3));
	snprintf(path, sizeof path, "%s/a", x.dir);
	copy_of(&x, path, &r, &copy);
	m = manifest(x.dirfd, dir, in);
	n = manifest(x.dirfd, copy, out);
	STREQ((char *) m.text.p, (char *) n.text.p);
	EQ(fstatat(copy, "a", &one, 0) | fstatat(copy, "hard", &two, 0), 0);
	EQ(one.st_ino, two.st_ino);
	EQ(fstatat(copy, "shadow", &one, 0), 0);
	EQ(one.st_size, 0);
	EQ(fstatat(copy, "su", &one, 0), 0);
	EQ(one.st_mode & 07777, 0755);
	EQ(one.st_mtim.tv_sec, 1700000000);
	EQ(one.st_mtim.tv_nsec, 5);
	buf_free(&m.text);
	buf_free(&n.text);
	rootfs_done(&r);
	close(sock);
	close(copy);
	close(dir);
	fx_free(&x);
}

TEST(own_directory_is_used_in_place)
{
	struct fx x = fx_new();
	int dir = sample(x.dirfd, "a", false);
	char path[128], cache[128], **list = NULL;
	struct rootfs_opts o = { .cache = cache };

	put(dir, "shadow", 0600, "secret");
	put(dir, "zero", 0600, "");
	close(sub(dir, "root/in"));
	fchmodat(dir, "root", 0700, 0);
	snprintf(path, sizeof path, "%s/a", x.dir);
	snprintf(cache, sizeof cache, "%s/cache", x.dir);
	EQ(rootfs_prepare(path, &o, &x.r, &x.e), 0);
	STREQ(x.r.lower, path);
	OK(x.r.private_hidden && !x.r.times_from_image && !x.r.copied);
	EQ(x.r.nowners, 0);
	EQ(names_in(cache), 0);
	EQ(rootfs_private_list(&x.r, NULL, &list, &x.e), 0);
	OK(list && list[0] && list[1]);
	STREQ(list ? list[0] : NULL, "root/");
	STREQ(list && list[0] ? list[1] : NULL, "shadow");
	OK(list && list[0] && list[1] && !list[2]);
	rootfs_list_free(list);
	close(dir);
	fx_free(&x);
}

/* As somebody who can't map root's files; nothing larger than 64 KiB can be written. */
static int prepare_as_nobody(const char *path, const struct rootfs_opts *o, struct fx *x)
{
	struct rlimit old, small;
	int r;

	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){ 1 << 16, old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	r = setegid(65534) | seteuid(65534);
	if (!r)
		r = rootfs_prepare(path, o, &x->r, &x->e);
	r |= seteuid(0) | setegid(0);
	setrlimit(RLIMIT_FSIZE, &old);
	return r;
}

TEST(a_copy_goes_before_the_next_one_comes)
{
	struct fx x = fx_new();
	int dir = sub(x.dirfd, "a");
	char path[128], cache[128], big[1 << 17] = "", *first;
	struct rootfs_opts o = { .cache = cache };

	snprintf(path, sizeof path, "%s/a", x.dir);
	snprintf(cache, sizeof cache, "%s/cache", x.dir);
	close(sub(x.dirfd, "cache"));
	if (!geteuid() && !fchmod(x.dirfd, 0755) && !chown(cache, 65534, 65534)) {
		EQ(prepare_as_nobody(path, &o, &x), 0);
		OK(x.r.copied);
		first = strdup(x.r.lower);
		rootfs_done(&x.r);
		EQ(access(first, F_OK), 0);
		memset(big, 'x', sizeof big - 1);
		put(dir, "big", 0644, big);
		OK(prepare_as_nobody(path, &o, &x));
		EQ(access(first, F_OK), -1);
		free(first);
	}
	close(dir);
	fx_free(&x);
}

TEST(ids_follow_the_subordinate_ranges)
{
	struct id_range v[] = { { 1000, 100000, 65536 }, { 1000, 300000, 10 }, { 1001, 165536, 65536 } };
	struct id_table t = { v, ARRAY_LEN(v) };

	EQ(ids_image(&t, 0, 0, 1234), 1234);
	EQ(ids_image(&t, 1000, 1000, 1000), 0);
	EQ(ids_image(&t, 1000, 1000, 100000), 1);
	EQ(ids_image(&t, 1000, 1000, 300001), 65538);
	EQ(ids_image(&t, 100000, 100000, 100042), 42);
	EQ(ids_image(&t, 165536, 165536, 165536), 0);
	OK(ids_mappable(&t, 1000, 1000, 100005) && !ids_mappable(&t, 1000, 1000, 0));
	OK(!ids_mappable(&t, 1001, 1001, 100005));
}

TEST(subuid_files_are_read_strictly)
{
	struct fx x = fx_new();
	struct id_table t = { 0 };
	char path[128];

	put(x.dirfd, "subuid", 0644,
		"1000:100000:65536\nroot:5:6\n\n:::\n7:-1:5\n8:1:99999999999\n9:1\nnobody-there:1:2\n");
	snprintf(path, sizeof path, "%s/subuid", x.dir);
	EQ(ids_load(path, &t, &x.e), 0);
	EQ(t.n, 2);
	EQ(t.n == 2 ? t.v[1].start : 0, 5);
	ids_free(&t);
	EQ(ids_load("/nonexistent", &t, &x.e), 0);
	EQ(t.n, 0);
	fx_free(&x);
}

CHECK_MAIN
