/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file's metadata look like inside: numbers by order of first sight, times of the virtual
 * clock, nothing of the file system below.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/fs.h"
#include "shim/procview.h"

enum {
	FIRST_INO = 1000,	   /* of files */
	FIRST_PROC_INO = 0x10000,  /* of procfs */
	OVERFLOW_ID = 65534,
	DIR_SIZE = 4096,
	BLOCK = 4096,
	PTS_MAJOR = 136,
	TTY_GID = 5,
};

/* Devices as the guest sees them: those of mounts are procmounts.c's. */
#define DEV_SHM	 makedev(0, 1)
#define DEV_PIPE makedev(0, 11)
#define DEV_SOCK makedev(0, 8)
#define DEV_ANON makedev(0, 12)

#define LATEST 4000000000 /* s since 1970: of --epoch, too */

static void add_input(struct world *w, const char *path)
{
	struct stat st;

	while (*path == '/')
		path++;
	if (fstatat(w->self_root, *path ? path : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (st.st_dev == w->ino.root || w->ino.ninput == INODE_DEVS)
		return;
	w->ino.input[w->ino.ninput++] = st.st_dev;
}

static dev_t dev_of_fd(int fd)
{
	own_fd f = fd;
	struct stat st;

	return f >= 0 && fstat(f, &st) == 0 ? st.st_dev : 0;
}

static dev_t dev_of_pipes(void)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return 0;
	close(p[1]);
	return dev_of_fd(p[0]);
}

void inode_look(struct world *w)
{
	static const char *const mounts[] = { "tmp", "run", "dev", "dev/shm", "dev/mqueue", "sys",
		"proc", "dev/pts", "var/tmp", "build" };
	struct inodes *n = &w->ino;
	struct stat st;

	if (n->looked)
		return;
	n->looked = true;
	mounts_learn(w);
	if (fstat(w->self_root, &st) == 0)
		n->root = st.st_dev;
	if (w->o->upper >= 0 && fstat(w->o->upper, &st) == 0)
		n->upper = st.st_dev;
	n->pipe = dev_of_pipes();
	n->sock = dev_of_fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	n->anon = dev_of_fd(eventfd(0, EFD_CLOEXEC));
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++)
		add_input(w, mounts[i]);
	for (const char *const *v = w->o->volumes; v && *v; v++)
		add_input(w, *v);
}

/* A file of the image, not of a volume or of a file system made for this run. */
static bool of_image(const struct world *w, dev_t dev)
{
	if (dev == w->ino.root)
		return true;
	for (unsigned i = 0; i < w->ino.ninput; i++)
		if (w->ino.input[i] == dev)
			return false;
	return major(dev) == 0; /* overlayfs gives lower files devices of their own without xino */
}

bool inode_of_image(struct world *w, dev_t dev)
{
	inode_look(w);
	return of_image(w, dev);
}

static bool is_on(const struct world *w, const char *path, dev_t dev)
{
	struct stat st;

	while (*path == '/')
		path++;
	return fstatat(w->self_root, *path ? path : ".", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == dev;
}

bool inode_lent(struct world *w, dev_t dev)
{
	for (const char *const *v = w->o->volumes; v && *v; v++)
		if (is_on(w, *v, dev))
			return true;
	return is_on(w, ".", dev);
}

static bool kernel_dev(const struct world *w, dev_t dev)
{
	return dev == w->ino.pipe || dev == w->ino.sock || dev == w->ino.anon;
}

static uint64_t ns_of(const struct timespec *t)
{
	return (uint64_t) ((int64_t) t->tv_sec * (int64_t) NSEC + t->tv_nsec);
}

static struct timespec timespec_of(uint64_t ns)
{
	int64_t s = (int64_t) ns / (int64_t) NSEC, n = (int64_t) ns % (int64_t) NSEC;

	if (n < 0) {
		s--;
		n += (int64_t) NSEC;
	}
	return (struct timespec){ .tv_sec = s, .tv_nsec = n };
}

/* The time an input file shows. */
static uint64_t input_time(const struct world *w, const struct stat *st)
{
	uint64_t epoch = w->o->epoch * NSEC, t;

	if (!w->o->rootfs || !w->o->rootfs->times_from_image || !of_image(w, st->st_dev))
		return epoch;
	t = ns_of(&st->st_mtim);
	return (int64_t) t < (int64_t) epoch ? t : epoch;
}

static uint64_t next_number(struct world *w, dev_t dev)
{
	if (w->proc_dev && dev == w->proc_dev)
		return FIRST_PROC_INO + w->ino.next_proc++;
	return FIRST_INO + w->ino.next++;
}

static struct vinode *add(struct world *w, dev_t dev, ino_t ino)
{
	struct vinode *v = calloc(1, sizeof *v);

	must_mem(v);
	v->key = (struct inode_key){ dev, ino };
	must_mem(map_put(&w->ino.map, dev, ino, (uintptr_t) v) == 0);
	w->ino.gone += kernel_dev(w, dev);
	return v;
}

/* By no number any more. */
static void unkey(struct world *w, struct vinode *v)
{
	map_del(&w->ino.map, v->key.dev, v->key.ino);
	if (v->alias.ino)
		map_del(&w->ino.map, v->alias.dev, v->alias.ino);
	v->key = v->alias = (struct inode_key){ 0 };
}

static void rekey(struct world *w, struct vinode *v, dev_t dev, ino_t ino)
{
	unkey(w, v);
	v->key = (struct inode_key){ dev, ino };
	must_mem(map_put(&w->ino.map, dev, ino, (uintptr_t) v) == 0);
}

static void set_nameless(struct world *w, struct vinode *v)
{
	w->ino.gone += !v->nameless;
	v->nameless = true;
}

static struct vinode *add_input_file(struct world *w, const struct stat *st)
{
	struct vinode *v;

	inode_look(w);
	v = add(w, st->st_dev, st->st_ino);
	v->atime = v->mtime = v->ctime = v->btime = input_time(w, st);
	return v;
}

struct vinode *inode_peek(struct world *w, dev_t dev, ino_t ino)
{
	uint64_t *p = map_get(&w->ino.map, dev, ino);

	return p ? (struct vinode *) (uintptr_t) *p : NULL;
}

struct vinode *inode_input(struct world *w, const struct stat *st)
{
	struct vinode *v = inode_peek(w, st->st_dev, st->st_ino);

	return v ? v : add_input_file(w, st);
}

struct vinode *inode_of(struct world *w, const struct stat *st)
{
	struct vinode *v = inode_input(w, st);

	if (!v->ino) /* seeded from the image, first seen by the guest now */
		v->ino = next_number(w, st->st_dev);
	return v;
}

nlink_t inode_links(struct world *w, const struct stat *st)
{
	struct vinode *v = inode_peek(w, st->st_dev, st->st_ino);
	nlink_t elsewhere = v && v->links > v->names ? v->links - v->names : 0;

	return st->st_nlink > elsewhere ? st->st_nlink - elsewhere : 0;
}

uint64_t inode_number(struct world *w, dev_t dev, ino_t ino)
{
	struct stat st = { .st_dev = dev, .st_ino = ino };

	return inode_of(w, &st)->ino;
}

void inode_drop(struct world *w, dev_t dev, ino_t ino)
{
	struct vinode *v = inode_peek(w, dev, ino);

	if (!v)
		return;
	unkey(w, v);
	free(v);
}

void inode_alias(struct world *w, struct vinode *v, dev_t dev, ino_t ino)
{
	if (inode_peek(w, dev, ino) == v)
		return;
	inode_drop(w, dev, ino); /* of a file that is gone */
	if (v->alias.ino)
		map_del(&w->ino.map, v->alias.dev, v->alias.ino);
	v->alias = (struct inode_key){ dev, ino };
	must_mem(map_put(&w->ino.map, dev, ino, (uintptr_t) v) == 0);
}

void inode_unnamed(struct world *w, const struct stat *st)
{
	if (S_ISDIR(st->st_mode) || inode_links(w, st) <= 1)
		set_nameless(w, inode_of(w, st));
}

static void touch(struct world *w, struct vinode *v)
{
	v->touched = w->ino.touched = true;
}

struct vinode *inode_born(struct world *w, const struct stat *st)
{
	struct vinode *v = inode_peek(w, st->st_dev, st->st_ino);

	if (v) { /* the number of a file that is gone, used again below */
		unkey(w, v);
		memset(v, 0, sizeof *v);
		rekey(w, v, st->st_dev, st->st_ino);
	} else {
		v = add(w, st->st_dev, st->st_ino);
	}
	v->own = true;
	v->ino = next_number(w, st->st_dev);
	if (!st->st_nlink)
		set_nameless(w, v);
	v->atime = v->mtime = v->ctime = v->btime = world_real(w);
	touch(w, v);
	return v;
}

void inode_move(struct world *w, const struct stat *before, const struct stat *now)
{
	struct vinode *v = inode_peek(w, before->st_dev, before->st_ino);

	if (!v)
		v = add_input_file(w, before);
	if (v != inode_peek(w, now->st_dev, now->st_ino))
		inode_drop(w, now->st_dev, now->st_ino); /* of a file that is gone */
	v->links = v->names = 0; /* a file of its own now */
	rekey(w, v, now->st_dev, now->st_ino);
}

void inode_copy(struct vinode *to, const struct vinode *from)
{
	struct inode_key key = to->key, alias = to->alias;

	*to = *from;
	to->key = key;
	to->alias = alias;
}

/* Where it was seen first is its place, whichever mounts show it. */
static dev_t place_view(const struct world *w, struct vinode *v, const struct stat *st)
{
	struct mount_view m;

	if (!w->mounts.n)
		return makedev(0, MOUNT_FIRST);
	if (!v->dev && mount_find(w, stat_mount(st), st->st_dev, &m))
		v->dev = m.dev;
	return v->dev ? makedev(0, v->dev) : DEV_SHM; /* memory that is mounted nowhere */
}

void inode_is_proc(struct world *w, const struct stat *st, const struct stat *real)
{
	struct vinode *v = inode_peek(w, st->st_dev, st->st_ino), *r = inode_of(w, real);

	if (!v)
		v = add(w, st->st_dev, st->st_ino);
	inode_look(w);
	place_view(w, r, real);
	inode_copy(v, r);
	v->mode = real->st_mode;
	v->proc = true;
	v->nameless = false;
	set_nameless(w, v);
}

void inode_modified(struct world *w, struct vinode *v)
{
	v->mtime = v->ctime = world_real(w);
	touch(w, v);
}

void inode_changed(struct world *w, struct vinode *v)
{
	v->ctime = world_real(w);
	touch(w, v);
}

void inode_set_times(struct world *w, struct vinode *v, const uint64_t *atime,
	const uint64_t *mtime)
{
	if (atime)
		v->atime = *atime;
	if (mtime)
		v->mtime = *mtime;
	inode_changed(w, v);
}

/* ---- views ---- */

static dev_t dev_view(const struct world *w, struct vinode *v, const struct stat *st)
{
	dev_t dev = st->st_dev;

	if (dev == w->ino.pipe)
		return DEV_PIPE;
	if (dev == w->ino.sock)
		return DEV_SOCK;
	if (dev == w->ino.anon)
		return DEV_ANON;
	return place_view(w, v, st);
}

static bool host_node(const struct stat *st)
{
	static const struct {
		unsigned major, minor;
	} node[] = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 }, { 1, 9 }, { 5, 0 }, { 5, 2 } };

	for (size_t i = 0; S_ISCHR(st->st_mode) && i < ARRAY_LEN(node); i++)
		if (st->st_rdev == makedev(node[i].major, node[i].minor))
			return true;
	return false;
}

/* Owner and mode. @v may be NULL: not seen yet. */
static void owner_view(const struct world *w, const struct vinode *v, struct stat *st)
{
	if (v && v->has_owner) {
		st->st_uid = v->uid;
		st->st_gid = v->gid;
		st->st_mode = v->mode;
		st->st_rdev = v->rdev;
	} else if (S_ISCHR(st->st_mode) && major(st->st_rdev) == PTS_MAJOR) {
		if (w->o->virtual_ids)
			st->st_uid = 0;
		st->st_gid = TTY_GID;
		st->st_mode = S_IFCHR | 0620;
	} else if (host_node(st)) {
		st->st_uid = st->st_gid = 0;
		st->st_mode = S_IFCHR | 0666;
	} else if (kernel_dev(w, st->st_dev)) {
		st->st_uid = st->st_gid = 0;
	} else if (w->o->virtual_ids && (w->o->host_root || !of_image(w, st->st_dev))) {
		st->st_uid = st->st_gid = 0; /* the host's owners are not ours to show */
	} else if (w->o->virtual_ids) {
		if (st->st_uid == OVERFLOW_ID)
			st->st_uid = 0;
		if (st->st_gid == OVERFLOW_ID)
			st->st_gid = 0;
	}
}

static void size_view(struct stat *st)
{
	st->st_blksize = BLOCK;
	if (S_ISDIR(st->st_mode)) {
		st->st_nlink = st->st_nlink != 0; /* it may be gone */
		st->st_size = DIR_SIZE;
		st->st_blocks = DIR_SIZE / 512;
	} else if (S_ISREG(st->st_mode)) {
		st->st_blocks = (st->st_size + BLOCK - 1) / BLOCK * (BLOCK / 512);
	} else {
		st->st_blocks = 0;
	}
}

void inode_view(struct world *w, struct stat *st)
{
	struct vinode *v = inode_of(w, st);
	bool of_proc;

	inode_look(w);
	owner_view(w, v, st);
	st->st_nlink = inode_links(w, st);
	of_proc = v->proc || (w->proc_dev && st->st_dev == w->proc_dev);
	st->st_dev = dev_view(w, v, st);
	st->st_ino = v->ino;
	st->st_atim = timespec_of(v->atime);
	st->st_mtim = timespec_of(v->mtime);
	st->st_ctim = timespec_of(v->ctime);
	size_view(st);
	if (v->proc) {
		st->st_mode = v->mode;
		st->st_nlink = 1;
	}
	if (of_proc)
		st->st_size = st->st_blocks = 0;
	memset(st->__glibc_reserved, 0, sizeof st->__glibc_reserved);
}

static bool below_volume(const struct world *w, const char *path)
{
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	for (const char *const *v = w->o->volumes; v && *v; v++) {
		const char *p = *v + strspn(*v, "/");
		size_t n = strlen(p);

		while (n && p[n - 1] == '/')
			n--;
		if (n && strncmp(path, p, n) == 0 && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

/* A walk of the upper layer meets its own inodes; the table knows those of the whole. */
static bool in_layer(const struct world *w, const char *path, const struct stat *st)
{
	return w->o->upper >= 0 && st->st_dev == w->ino.upper && st->st_dev != w->ino.root &&
		!below_volume(w, path);
}

void inode_manifest_view(void *ctx, const char *path, struct stat *st)
{
	struct world *w = ctx;
	struct stat key = *st;
	struct vinode *v;

	inode_look(w);
	if (in_layer(w, path, st) && fstatat(w->self_root, path, &key, AT_SYMLINK_NOFOLLOW) < 0)
		key = *st;
	v = inode_peek(w, key.st_dev, key.st_ino);
	owner_view(w, v, st);
	st->st_mtim = timespec_of(v ? v->mtime : input_time(w, &key));
	st->st_atim = st->st_ctim = st->st_mtim;
}

/* A file may have names that are not below the root: a copy of the tree would not have them. */
static void count_name(struct world *w, const struct stat *st)
{
	struct vinode *v;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return;
	v = inode_input(w, st);
	v->links = (uint32_t) st->st_nlink;
	v->names++;
}

/* Before anything runs: what is done to a file changes its times on the disk. */
static void keep_time(struct world *w, const char *path, const struct stat *st)
{
	struct vinode *v;
	int64_t s = st->st_mtim.tv_sec;

	if (!w->o->keep_times || (!w->o->host_root && !below_volume(w, path)))
		return;
	v = inode_input(w, st);
	v->mtime = s < 0 ? 0 : s < LATEST ? ns_of(&st->st_mtim) : LATEST * NSEC;
	v->atime = v->ctime = v->btime = v->mtime;
	v->dated = true;
	if (v->mtime > w->ino.newest)
		w->ino.newest = v->mtime;
}

static void date_source(struct world *w, const char *path, const struct stat *st)
{
	own_fd cache = -1;
	char dir[PATH_MAX];

	if (!pyc_undated(w, path, st))
		return;
	if (pyc_cache(path, dir) == 0)
		cache = openat(w->listed, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	pyc_date(w, cache, path, st);
}

void inode_seed_view(void *ctx, const char *path, struct stat *st)
{
	struct world *w = ctx;

	inode_look(w);
	if (!below_volume(w, path))
		seed_owner(w, path, st);
	count_name(w, st);
	keep_time(w, path, st);
	date_source(w, path, st);
	inode_manifest_view(ctx, path, st);
}
