/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading directories: a list is read whole and sorted by name when reading begins. The
 * description's own offset is where we keep the position: bits of the list's number above, the index
 * below, so that fork, dup, telldir and seekdir need no further care.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"
#include "shim/procview.h"

enum {
	INDEX_BITS = 20, /* with LIST_BITS within procfs's largest offset */
	LIST_BITS = 11,
	LIST_MASK = (1 << LIST_BITS) - 1,
	BIG_BITS = 28, /* of the index in directories of a million entries and more */
	MAX_LISTS = 64, /* kept for readers that stopped half-way */
	CHUNK = 64 << 10,
};

#define BIG (INT64_C(1) << 40)

struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

struct linux_dirent {
	unsigned long d_ino, d_off;
	unsigned short d_reclen;
	char d_name[]; /* and the type in the last byte */
};

struct entry {
	uint32_t name; /* offset in .names */
	uint32_t len;
	uint8_t type;
	uint64_t ino; /* virtual */
};

struct dirlist {
	uint64_t id;
	dev_t dev;
	ino_t ino;
	bool proc; /* on procfs */
	struct entry *e;
	size_t n;
	char *names;
};

static off_t pos_make(const struct dirlist *l, size_t index)
{
	if (l->n >> INDEX_BITS)
		return (off_t) (BIG | (int64_t) (l->id << BIG_BITS) | (int64_t) index);
	return (off_t) (l->id << INDEX_BITS | index);
}

static uint64_t pos_list(off_t pos)
{
	return (uint64_t) pos >> (pos & BIG ? BIG_BITS : INDEX_BITS) & LIST_MASK;
}

static size_t pos_index(off_t pos)
{
	return (size_t) pos & ((1u << (pos & BIG ? BIG_BITS : INDEX_BITS)) - 1);
}

/* The lists are in w->dirs by (0, id); (1, 0) is the last number given. */
static uint64_t next_id(struct world *w)
{
	uint64_t *last = map_get(&w->dirs, 1, 0);
	uint64_t id = ((last ? *last : 0) & LIST_MASK) + 1;

	if (id > LIST_MASK)
		id = 1;
	must_mem(map_put(&w->dirs, 1, 0, id) == 0);
	return id;
}

static void list_free(struct dirlist *l)
{
	if (!l)
		return;
	free(l->e);
	free(l->names);
	free(l);
}

static struct dirlist *list_get(struct world *w, uint64_t id)
{
	uint64_t *p = map_get(&w->dirs, 0, id);

	return p ? (struct dirlist *) (uintptr_t) *p : NULL;
}

static void list_drop(struct world *w, uint64_t id)
{
	struct dirlist *l = list_get(w, id);

	if (!l)
		return;
	map_del(&w->dirs, 0, id);
	list_free(l);
}

static bool is_number(const struct entry *e, const char *name)
{
	return strspn(name, "0123456789") == e->len;
}

/* "." and ".." first, then by bytes; on procfs processes come last, by number. */
static int by_name(const void *a, const void *b, void *ctx)
{
	const struct dirlist *l = ctx;
	const struct entry *x = a, *y = b;
	const char *s = l->names + x->name, *t = l->names + y->name;
	bool dx = strcmp(s, ".") == 0 || strcmp(s, "..") == 0;
	bool dy = strcmp(t, ".") == 0 || strcmp(t, "..") == 0;
	bool nx = l->proc && is_number(x, s), ny = l->proc && is_number(y, t);

	if (dx != dy)
		return dy - dx;
	if (nx != ny)
		return nx - ny;
	if (nx && x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return strcmp(s, t);
}

/* Everything the kernel has, unsorted, as struct linux_dirent64 records. */
static long read_all(int fd, struct buf *b)
{
	for (;;) {
		uint8_t *p = buf_room(b, CHUNK);
		long n;

		if (!p)
			return -ENOMEM;
		n = syscall(SYS_getdents64, fd, p, CHUNK);
		if (n < 0)
			return -errno;
		if (!n)
			return 0;
		b->n += (size_t) n;
	}
}

/*
 * d_ino is the inode's number where the file system is consistent about it. Overlayfs over several
 * file systems may not be: then every entry is looked up. Mount points differ everywhere.
 */
static bool numbers_agree(int fd, dev_t dev, const struct linux_dirent64 *d)
{
	struct statx x;

	if (statx(fd, d->d_name, AT_SYMLINK_NOFOLLOW, STATX_INO, &x) < 0)
		return true;
	if (x.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return true;
	return x.stx_ino == d->d_ino && makedev(x.stx_dev_major, x.stx_dev_minor) == dev;
}

static bool trusted(struct world *w, int fd, dev_t dev, const struct buf *b)
{
	uint64_t *known = map_get(&w->dirs, 2, dev);
	unsigned tries = 16;
	bool ok = true;

	if (known && !*known)
		return false;
	if (known)
		tries = 1;
	for (size_t i = 0; ok && tries && i < b->n; tries--) {
		const struct linux_dirent64 *d = (const void *) (b->p + i);

		i += d->d_reclen;
		if (d->d_name[0] != '.')
			ok = numbers_agree(fd, dev, d);
	}
	must_mem(map_put(&w->dirs, 2, dev, ok) == 0);
	return ok;
}

static struct vinode *inode_at(struct world *w, int fd, dev_t dev, bool trust,
	const struct linux_dirent64 *d)
{
	struct stat st = { .st_dev = dev, .st_ino = d->d_ino };
	bool dotdot = strcmp(d->d_name, "..") == 0;

	if (trust && !dotdot) {
		struct vinode *v = inode_peek(w, dev, d->d_ino);

		if (v && v->ino)
			return v;
		if (!w->o->rootfs || !w->o->rootfs->times_from_image) /* nothing of it is the disk's */
			return inode_of(w, &st);
	}
	if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		st = (struct stat) { .st_dev = dev, .st_ino = d->d_ino };
	return inode_of(w, &st);
}

/* What its entry has of a file: the number, and what it is where that is not the disk's to say. */
static void look_up(struct world *w, int fd, dev_t dev, bool trust, struct entry *e)
{
	const struct linux_dirent64 *d = (const void *) (uintptr_t) e->ino;
	const struct vinode *v = inode_at(w, fd, dev, trust, d);

	e->ino = v->ino;
	if (v->has_owner)
		e->type = IFTODT(v->mode);
}

/* The path below /proc of a guest's directory there: "" for itself, NULL: not known. */
static const char *proc_path(struct call *c, char *buf, size_t n)
{
	char link[64];
	ssize_t got;

	snprintf(link, sizeof link, "%d/fd/%d", (int) c->t->pid, (int) c->a[0]);
	got = readlinkat(c->w->host_proc, link, buf, n - 1);
	if (got < 5 || strncmp(buf, "/proc", 5))
		return NULL;
	buf[got] = 0;
	return buf[5] == '/' ? buf + 6 : "";
}

/* For us it is; a zombie for the kernel, until somebody outside has seen it. */
static bool is_gone(struct world *w, const char *name)
{
	pid_t pid = (pid_t) atoi(name);

	return w->gone.n && map_get(&w->gone, (uint64_t) pid, 0) && !proc_by_vpid(w, pid);
}

/* The canonical machine's procfs has fewer files than the kernel's. */
static bool shown(const struct world *w, const char *proc, const char *name)
{
	char path[512];

	if (!proc || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	snprintf(path, sizeof path, "%s%s%s", proc, *proc ? "/" : "", name);
	return procview_shown(w, path);
}

static void list_fill(struct call *c, int fd, struct dirlist *l, const struct buf *b)
{
	struct world *w = c->w;
	bool trust = trusted(w, fd, l->dev, b);
	char link[512];
	const char *proc = l->proc ? proc_path(c, link, sizeof link) : NULL;
	size_t at = 0;

	for (size_t i = 0; i < b->n;) {
		const struct linux_dirent64 *d = (const void *) (b->p + i);
		struct entry *e = &l->e[l->n];

		i += d->d_reclen;
		if (!shown(c->w, proc, d->d_name) || (proc && !*proc && is_gone(c->w, d->d_name)))
			continue;
		l->n++;
		e->name = (uint32_t) at;
		e->len = (uint32_t) strlen(d->d_name);
		e->type = d->d_type;
		e->ino = (uint64_t) (uintptr_t) d; /* until it is sorted */
		memcpy(l->names + at, d->d_name, e->len + 1);
		at += e->len + 1;
	}
	qsort_r(l->e, l->n, sizeof *l->e, by_name, l);
	for (size_t i = 0; i < l->n; i++)
		look_up(w, fd, l->dev, trust, &l->e[i]);
}

static size_t count(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; n++)
		i += ((const struct linux_dirent64 *) (const void *) (b->p + i))->d_reclen;
	return n;
}

static long list_read(struct call *c, int fd, const struct stat *st, off_t pos,
	struct dirlist **ret)
{
	struct world *w = c->w;
	own_buf b = { 0 };
	struct dirlist *l;
	long r;

	if (pos && lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	r = read_all(fd, &b);
	if (r < 0)
		return r;
	l = calloc(1, sizeof *l);
	must_mem(l);
	l->dev = st->st_dev;
	l->ino = st->st_ino;
	l->proc = w->proc_dev && st->st_dev == w->proc_dev;
	l->e = calloc(count(&b) + 1, sizeof *l->e);
	l->names = malloc(b.n + 1);
	must_mem(l->e && l->names);
	list_fill(c, fd, l, &b);
	l->id = next_id(w);
	list_drop(w, l->id);
	list_drop(w, (l->id - MAX_LISTS) & LIST_MASK);
	must_mem(map_put(&w->dirs, 0, l->id, (uintptr_t) l) == 0);
	*ret = l;
	return 0;
}

/* The list that a position belongs to, read now when reading begins or it is no longer kept. */
static long list_at(struct call *c, int fd, const struct stat *st, off_t pos,
	struct dirlist **ret)
{
	struct dirlist *l = list_get(c->w, pos_list(pos));

	if (pos_index(pos) && l && l->dev == st->st_dev && l->ino == st->st_ino) {
		*ret = l;
		return 0;
	}
	return list_read(c, fd, st, pos, ret);
}

static size_t reclen(const struct entry *e, bool old)
{
	size_t n = old ? offsetof(struct linux_dirent, d_name) + e->len + 2
		       : offsetof(struct linux_dirent64, d_name) + e->len + 1;

	return (n + 7) & ~(size_t) 7;
}

static void put_entry(const struct dirlist *l, size_t i, bool old, uint8_t *p)
{
	const struct entry *e = &l->e[i];
	size_t len = reclen(e, old);

	if (old) {
		struct linux_dirent *d = (void *) p;

		d->d_ino = e->ino;
		d->d_off = i + 1;
		d->d_reclen = (unsigned short) len;
		memcpy(d->d_name, l->names + e->name, e->len);
		p[len - 1] = e->type;
	} else {
		struct linux_dirent64 *d = (void *) p;

		d->d_ino = e->ino;
		d->d_off = (int64_t) i + 1;
		d->d_reclen = (unsigned short) len;
		d->d_type = e->type;
		memcpy(d->d_name, l->names + e->name, e->len);
	}
}

/* Entries from @from on, as many as fit. Bytes, or -errno; *@ret_next: the first one left out. */
static long serve(struct call *c, const struct dirlist *l, size_t from, bool old, size_t *ret_next)
{
	size_t cap = (unsigned) c->a[2], n = 0, to = from;
	uint8_t *p;

	while (to < l->n && n + reclen(&l->e[to], old) <= cap)
		n += reclen(&l->e[to++], old);
	*ret_next = to;
	if (to == from)
		return from < l->n ? -EINVAL : 0;
	p = out(c, 1, n);
	if (!p)
		return -EFAULT;
	for (size_t i = from; i < to; i++) {
		put_entry(l, i, old, p);
		p += reclen(&l->e[i], old);
	}
	return (long) n;
}

static long getdents_common(struct call *c, bool old)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct dirlist *l = NULL;
	struct stat st;
	size_t next;
	off_t pos;
	long r;

	if (fd < 0)
		return fd;
	pos = lseek(fd, 0, SEEK_CUR);
	if (pos < 0 && errno == EBADF) /* O_PATH */
		return -EBADF;
	if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode) || pos < 0)
		return -ENOTDIR;
	r = list_at(c, fd, &st, pos, &l);
	if (r < 0)
		return r;
	r = serve(c, l, pos_index(pos), old, &next);
	if (r >= 0)
		pos = pos_make(l, next);
	if (r <= 0)
		list_drop(c->w, l->id);
	must(lseek(fd, pos, SEEK_SET) == pos);
	return r;
}

static long getdents_enter(struct call *c)
{
	return getdents_common(c, true);
}

static long getdents64_enter(struct call *c)
{
	return getdents_common(c, false);
}

/* ---- the current directory ---- */

static void fs_forget(struct call *c)
{
	struct fsctx *fs = c->t->fs;

	if (fs->cwd >= 0)
		close(fs->cwd);
	fs->cwd = -1;
}

static long chdir_enter(struct call *c)
{
	struct stat st;
	const char *path;
	long r = in_path(c, 0, &path);

	if (r < 0)
		return r;
	if (!fs_may_search(c, AT_FDCWD, path) ||
		(fs_stat(c, AT_FDCWD, path, 0, &st) == 0 && S_ISDIR(st.st_mode) &&
			!fs_may(c, &st, X_OK)))
		return -EACCES;
	return call_run_leave(c);
}

static long fchdir_enter(struct call *c)
{
	struct stat st;

	if (fs_fstat(c, (int) c->a[0], &st) == 0 && S_ISDIR(st.st_mode) && !fs_may(c, &st, X_OK))
		return -EACCES;
	return call_run_leave(c);
}

static void chdir_leave(struct call *c)
{
	if (c->ret == 0)
		fs_forget(c);
}

static void fchdir_leave(struct call *c)
{
	if (c->ret < 0)
		return;
	fs_forget(c);
	c->t->fs->cwd = call_getfd(c, (int) c->a[0]);
	if (c->t->fs->cwd < 0)
		c->t->fs->cwd = -1;
}

static long chroot_enter(struct call *c)
{
	if (fs_ours(c) && c->t->proc->ids.euid)
		return -EPERM;
	return chdir_enter(c);
}

static void chroot_leave(struct call *c)
{
	struct stat st, root;
	const char *path;

	if (c->ret < 0)
		return;
	/* chroot("/") and its like change nothing */
	if (!in_path(c, 0, &path) && fs_peek(c, AT_FDCWD, path, 0, &st) &&
		fstat(c->w->self_root, &root) == 0 && st.st_ino == root.st_ino &&
		st.st_dev == root.st_dev)
		return;
	c->t->fs->chrooted = true;
}

static const struct row rows[] = {
	{ SYS(getdents, 78), EMULATE,
	  .arg = { FD(fd), OUT_RES(buf), UINT(size) },
	  .enter = getdents_enter,
	  .why = "by name, numbers by order of first sight, positions 1, 2, 3 …", .flags = NOTIFY },

	{ SYS(getdents64, 217), EMULATE,
	  .arg = { FD(fd), OUT_RES_AS(buf, 1, dirents64), UINT(size) },
	  .enter = getdents64_enter,
	  .why = "by name, numbers by order of first sight, positions 1, 2, 3 …", .flags = NOTIFY },

	{ SYS(getcwd, 79), PASS,
	  .arg = { OUT_RES(buf), UINT(size) },
	  .why = "a path inside the container" },

	{ SYS(chdir, 80), OBSERVE,
	  .arg = { PATH(path) },
	  .enter = chdir_enter,
	  .leave = chdir_leave,
	  .why = "the supervisor follows where relative paths start" },

	{ SYS(fchdir, 81), OBSERVE,
	  .arg = { FD(fd) },
	  .enter = fchdir_enter,
	  .leave = fchdir_leave,
	  .why = "the supervisor follows where relative paths start" },

	{ SYS(chroot, 161), OBSERVE,
	  .arg = { PATH(path) },
	  .enter = chroot_enter,
	  .leave = chroot_leave,
	  .why = "from then on the kernel looks up this task's paths" },
};

FAMILY(dirs, "Directories");
