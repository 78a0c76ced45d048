/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/unpack.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <locale.h>
#include <string.h>

#include "rootfs/libarchive.h"
#include "rootfs/walk.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum {
	INSIDE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	BLOCK = 1 << 17,
	DEPTH = 256, /* of directories */
};

struct unpack {
	struct libarchive lib;
	struct archive *a;
	const char *what;
	int root;
	const struct unpack_limits *lim;
	uint64_t entries, bytes;
	int64_t data_end; /* position in the uncompressed archive after the last file's data */
	struct attrs *attrs;
	struct err *e;
};

/* One entry, its name cleaned. */
struct item {
	struct archive_entry *ae;
	const char *path;
	const char *name; /* last component */
	int dir;	  /* the directory to make it in */
	struct attr attr;
};

int path_clean(const char *in, char *ret, size_t size)
{
	size_t n = 0;
	int depth = 0;

	while (*in) {
		size_t len = strcspn(in, "/");

		if (len == 2 && in[0] == '.' && in[1] == '.')
			return -EINVAL;
		if (len > NAME_MAX || n + len + 2 > size)
			return -ENAMETOOLONG;
		if (len && !(len == 1 && in[0] == '.')) {
			if (++depth > DEPTH)
				return -ENAMETOOLONG;
			if (n)
				ret[n++] = '/';
			memcpy(ret + n, in, len);
			n += len;
		}
		in += len;
		in += *in == '/';
	}
	if (!n)
		ret[n++] = '.';
	ret[n] = 0;
	return 0;
}

static int refuse(struct unpack *u, const char *path, const char *why)
{
	return fail_msg(u->e, EBADMSG, "%s: entry \"%s\" %s: refused", u->what, path, why);
}

static int broken(struct unpack *u, int r, const char *path)
{
	if (r == -ELOOP)
		return refuse(u, path, "goes through a symbolic link");
	if (r == -ENOTDIR)
		return refuse(u, path, "goes through a file that is no directory");
	return fail(u->e, r, "%s: unpack \"%s\"", u->what, path);
}

static int corrupt(struct unpack *u)
{
	const char *why = u->lib.archive_error_string(u->a);

	return fail_msg(u->e, EBADMSG, "%s: not a whole archive (get it again): %s", u->what,
		why ? why : "unknown error");
}

static int clean(struct unpack *u, const char *in, char *ret)
{
	int r = path_clean(in, ret, PATH_MAX);

	if (r == -EINVAL)
		return refuse(u, in, "has \"..\" in its name");
	return r < 0 ? refuse(u, in, "has too long or too deep a name") : 0;
}

/* Directories that the archive lacks but that its names need. */
static int make_parent(struct unpack *u, int *at, const char *name)
{
	struct attr a = { .mode = S_IFDIR | 0755 };
	struct stat st;
	int next, r;
	bool made = mkdirat(*at, name, 0700) == 0;

	if (!made && errno != EEXIST)
		return -errno;
	next = openat_beneath(*at, name, O_PATH | O_DIRECTORY, 0, INSIDE);
	if (next < 0)
		return next;
	own_fd_drop(at);
	*at = next;
	if (!made)
		return 0;
	r = fstat(next, &st) < 0 ? -errno : 0;
	return r ? r : attrs_put(u->attrs, st.st_ino, &a);
}

static int make_parents(struct unpack *u, char *dir)
{
	own_fd at = openat(u->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *save = NULL;
	int r = at < 0 ? -errno : 0;

	for (char *c = strtok_r(dir, "/", &save); !r && c; c = strtok_r(NULL, "/", &save))
		r = make_parent(u, &at, c);
	return r ? r : take_fd(&at);
}

/* Open the directory that @path is in. fd or -errno. */
static int parent_of(struct unpack *u, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	int fd;

	if (slash) {
		memcpy(dir, path, (size_t) (slash - path));
		dir[slash - path] = 0;
	}
	fd = openat_beneath(u->root, dir, O_PATH | O_DIRECTORY, 0, INSIDE);
	if (fd == -ENOENT)
		fd = make_parents(u, dir);
	if (fd >= 0)
		*ret_name = slash ? slash + 1 : path;
	return fd;
}

/* What is there of the same name gives way, as with tar; a directory stays for a directory only. */
static int make_way(struct unpack *u, const struct item *it)
{
	struct stat st;

	if (fstatat(it->dir, it->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : broken(u, -errno, it->path);
	if (S_ISDIR(st.st_mode))
		return refuse(u, it->path, "would replace a directory");
	if (unlinkat(it->dir, it->name, 0) < 0)
		return broken(u, -errno, it->path);
	if (st.st_nlink == 1)
		attrs_del(u->attrs, st.st_ino);
	return 0;
}

/* Note what the disk doesn't say of the file just made. */
static int note(struct unpack *u, const struct item *it)
{
	struct stat st;
	int r;

	if (fstatat(it->dir, it->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return broken(u, -errno, it->path);
	if (!S_ISDIR(it->attr.mode) && !attr_differs(&it->attr)) {
		attrs_del(u->attrs, st.st_ino);
		return 0;
	}
	r = attrs_put(u->attrs, st.st_ino, &it->attr);
	return r ? broken(u, r, it->path) : 0;
}

static int set_time(struct unpack *u, const struct item *it)
{
	struct timespec ts[2] = { it->attr.mtime, it->attr.mtime };

	if (utimensat(it->dir, it->name, ts, AT_SYMLINK_NOFOLLOW) < 0)
		return broken(u, -errno, it->path);
	return note(u, it);
}

static int put_dir(struct unpack *u, const struct item *it)
{
	struct stat st;

	if (mkdirat(it->dir, it->name, 0700) == 0)
		return note(u, it);
	if (errno != EEXIST || fstatat(it->dir, it->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return broken(u, -errno, it->path);
	if (!S_ISDIR(st.st_mode)) {
		int r = make_way(u, it);

		if (r < 0)
			return r;
		if (mkdirat(it->dir, it->name, 0700) < 0)
			return broken(u, -errno, it->path);
	}
	return note(u, it);
}

static int grow(struct unpack *u, const struct item *it, uint64_t bytes)
{
	if (bytes > u->lim->bytes || u->bytes + bytes > u->lim->bytes)
		return fail_msg(u->e, EFBIG, "%s: entry \"%s\" makes the tree larger than %llu MiB, "
			"the limit: leave it out of the archive", u->what, it->path,
			(unsigned long long) (u->lim->bytes >> 20));
	return 0;
}

static int write_at(int fd, const void *p, size_t n, off_t off)
{
	const char *c = p;

	while (n) {
		ssize_t r = pwrite(fd, c, n, off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		c += r;
		off += r;
		n -= (size_t) r;
	}
	return 0;
}

static int put_data(struct unpack *u, const struct item *it, int fd)
{
	uint64_t size = u->lib.archive_entry_size_is_set(it->ae) ? (uint64_t) u->lib.archive_entry_size(it->ae) : 0;
	uint64_t end = 0;
	const void *p;
	size_t n;
	int64_t off;
	int r = grow(u, it, size);

	while (!r) {
		r = u->lib.archive_read_data_block(u->a, &p, &n, &off);
		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK || off < 0)
			return corrupt(u);
		if ((uint64_t) off > u->lim->bytes || grow(u, it, (uint64_t) off + n))
			return grow(u, it, UINT64_MAX);
		r = write_at(fd, p, n, off);
		if (r < 0)
			return broken(u, r, it->path);
		end = (uint64_t) off + n > end ? (uint64_t) off + n : end;
	}
	if (r < 0)
		return r;
	if (size > end && ftruncate(fd, (off_t) size) < 0)
		return broken(u, -errno, it->path);
	u->bytes += size > end ? size : end;
	u->data_end = u->lib.archive_filter_bytes(u->a, 0);
	return 0;
}

static int put_file(struct unpack *u, const struct item *it)
{
	struct timespec ts[2] = { it->attr.mtime, it->attr.mtime };
	own_fd fd = -1;
	int r = make_way(u, it);

	if (r < 0)
		return r;
	fd = openat(it->dir, it->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return broken(u, -errno, it->path);
	if (S_ISREG(it->attr.mode))
		r = put_data(u, it, fd);
	if (r < 0)
		return r;
	if (fchmod(fd, attr_disk_mode(it->attr.mode) & 07777) < 0 || futimens(fd, ts) < 0)
		return broken(u, -errno, it->path);
	return note(u, it);
}

static int put_symlink(struct unpack *u, const struct item *it)
{
	const char *to = u->lib.archive_entry_symlink(it->ae);
	int r;

	if (!to || !*to || strlen(to) >= PATH_MAX)
		return refuse(u, it->path, "is a symbolic link without a usable target");
	r = make_way(u, it);
	if (r < 0)
		return r;
	if (symlinkat(to, it->dir, it->name) < 0)
		return broken(u, -errno, it->path);
	return set_time(u, it);
}

static int put_fifo(struct unpack *u, const struct item *it)
{
	int r = make_way(u, it);

	if (r < 0)
		return r;
	if (mkfifoat(it->dir, it->name, 0600) < 0 ||
		fchmodat(it->dir, it->name, attr_disk_mode(it->attr.mode) & 07777, 0) < 0)
		return broken(u, -errno, it->path);
	return set_time(u, it);
}

/* cpio and old tars give a hard link the data of its file. */
static int link_data(struct unpack *u, const struct item *it)
{
	struct timespec ts[2] = { it->attr.mtime, it->attr.mtime };
	own_fd fd = -1;
	int r;

	if (!u->lib.archive_entry_size_is_set(it->ae) || u->lib.archive_entry_size(it->ae) <= 0)
		return 0;
	fd = openat(it->dir, it->name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return broken(u, -errno, it->path);
	if (ftruncate(fd, 0) < 0)
		return broken(u, -errno, it->path);
	r = put_data(u, it, fd);
	if (!r && futimens(fd, ts) < 0)
		r = broken(u, -errno, it->path);
	return r;
}

static int put_hardlink(struct unpack *u, const struct item *it, const char *raw)
{
	char to[PATH_MAX];
	const char *name;
	own_fd dir = -1;
	struct stat st, old;
	int r = clean(u, raw, to);

	if (r < 0)
		return r;
	dir = open_parent(u->root, to, &name);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dir == -ELOOP ? broken(u, dir, raw) :
			refuse(u, it->path, "is a hard link to a file that is not there");
	if (S_ISDIR(st.st_mode))
		return refuse(u, it->path, "is a hard link to a directory");
	if (fstatat(it->dir, it->name, &old, AT_SYMLINK_NOFOLLOW) < 0 || old.st_ino != st.st_ino) {
		r = make_way(u, it);
		if (r < 0)
			return r;
		if (linkat(dir, name, it->dir, it->name, 0) < 0)
			return broken(u, -errno, it->path);
	}
	return S_ISREG(st.st_mode) ? link_data(u, it) : 0;
}

/* Times that every file system can hold. */
static struct timespec entry_mtime(const struct unpack *u, struct archive_entry *ae)
{
	struct timespec ts = { u->lib.archive_entry_mtime(ae), u->lib.archive_entry_mtime_nsec(ae) };

	if (ts.tv_sec < 0)
		return (struct timespec){ 0 };
	if (ts.tv_sec > INT32_MAX)
		return (struct timespec){ .tv_sec = INT32_MAX };
	if (ts.tv_nsec < 0 || ts.tv_nsec > 999999999)
		ts.tv_nsec = 0;
	return ts;
}

static int entry_attr(struct unpack *u, struct item *it)
{
	int64_t uid = u->lib.archive_entry_uid(it->ae), gid = u->lib.archive_entry_gid(it->ae);

	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return refuse(u, it->path, "has an impossible owner");
	it->attr = (struct attr){
		.mode = (u->lib.archive_entry_filetype(it->ae) & S_IFMT) | (u->lib.archive_entry_perm(it->ae) & 07777),
		.uid = (uint32_t) uid,
		.gid = (uint32_t) gid,
		.mtime = entry_mtime(u, it->ae),
	};
	if (S_ISLNK(it->attr.mode))
		it->attr.mode = S_IFLNK | 0777;
	if (S_ISCHR(it->attr.mode) || S_ISBLK(it->attr.mode))
		it->attr.rdev = u->lib.archive_entry_rdev(it->ae);
	return 0;
}

static int put_item(struct unpack *u, const struct item *it)
{
	const char *hard = u->lib.archive_entry_hardlink(it->ae);

	if (hard)
		return put_hardlink(u, it, hard);
	switch (it->attr.mode & S_IFMT) {
	case S_IFDIR:
		return put_dir(u, it);
	case S_IFREG:
	case S_IFCHR: /* devices are empty files on disk */
	case S_IFBLK:
		return put_file(u, it);
	case S_IFLNK:
		return put_symlink(u, it);
	case S_IFIFO:
		return put_fifo(u, it);
	default:
		return refuse(u, it->path, "is of an unknown type");
	}
}

static int put_entry(struct unpack *u, struct archive_entry *ae)
{
	const char *raw = u->lib.archive_entry_pathname(ae);
	char path[PATH_MAX];
	struct item it = { .ae = ae, .path = path };
	own_fd dir = -1;
	int r;

	if (++u->entries > u->lim->entries)
		return fail_msg(u->e, EFBIG, "%s: more than %llu files, the limit", u->what,
			(unsigned long long) u->lim->entries);
	if (!raw || !*raw)
		return refuse(u, raw ? raw : "?", "has no readable name");
	r = clean(u, raw, path);
	if (!r)
		r = entry_attr(u, &it);
	if (r < 0 || S_ISSOCK(it.attr.mode))
		return r;
	dir = it.dir = parent_of(u, path, &it.name);
	if (dir < 0)
		return broken(u, dir, path);
	if (!strcmp(path, "."))
		return S_ISDIR(it.attr.mode) ? note(u, &it) :
			refuse(u, raw, "would replace the root");
	return put_item(u, &it);
}

/* A tar ends with empty blocks; one that was cut between two files lacks them. */
static int check_end(struct unpack *u)
{
	if (!u->entries)
		return fail_msg(u->e, EBADMSG, "%s: holds no files", u->what);
	if ((u->lib.archive_format(u->a) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR)
		return 0;
	if (u->lib.archive_filter_bytes(u->a, 0) - u->data_end < 512)
		return fail_msg(u->e, EBADMSG,
			"%s: not a whole archive (get it again): it has no end mark", u->what);
	return 0;
}

static int unpack_all(struct unpack *u)
{
	for (;;) {
		struct archive_entry *ae;
		int r = u->lib.archive_read_next_header(u->a, &ae);

		if (r == ARCHIVE_EOF)
			return check_end(u);
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return corrupt(u);
		u->data_end = u->lib.archive_filter_bytes(u->a, 0);
		r = put_entry(u, ae);
		if (r < 0)
			return r;
	}
}

/* Every format but mtree, which names other files of the host, and no filter that runs programs. */
static struct archive *reader_new(const struct libarchive *l)
{
	struct archive *a = l->archive_read_new();

	must_mem(a);
	l->archive_read_support_format_tar(a);
	l->archive_read_support_format_cpio(a);
	l->archive_read_support_format_zip(a);
	l->archive_read_support_format_7zip(a);
	l->archive_read_support_format_iso9660(a);
	l->archive_read_support_format_xar(a);
	l->archive_read_support_format_rar(a);
	l->archive_read_support_format_rar5(a);
	l->archive_read_support_format_cab(a);
	l->archive_read_support_format_lha(a);
	l->archive_read_support_filter_gzip(a);
	l->archive_read_support_filter_bzip2(a);
	l->archive_read_support_filter_xz(a);
	l->archive_read_support_filter_lzma(a);
	l->archive_read_support_filter_lzip(a);
	l->archive_read_support_filter_zstd(a);
	l->archive_read_support_filter_lz4(a);
	l->archive_read_support_filter_compress(a);
	return a;
}

int unpack(int fd, const char *what, int rootfd, const struct unpack_limits *lim,
	struct attrs *attrs, struct err *e)
{
	struct unpack u = {
		.what = what, .root = rootfd, .lim = lim, .attrs = attrs, .e = e,
	};
	locale_t c, old;
	int r = libarchive_load(&u.lib, e);

	if (r < 0)
		return r;
	/* names are bytes: libarchive must not convert them by the caller's locale */
	c = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
	must_mem(c);
	old = uselocale(c);
	u.a = reader_new(&u.lib);
	r = u.lib.archive_read_open_fd(u.a, fd, BLOCK);
	r = r == ARCHIVE_OK ? unpack_all(&u) : corrupt(&u);
	u.lib.archive_read_free(u.a);
	uselocale(old);
	freelocale(c);
	return r;
}
