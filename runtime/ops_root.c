/* SPDX-License-Identifier: Apache-2.0 */
/* The operations that make the container's root and the files in it. */
#include "runtime/ops.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "rootfs/rootfs.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/copytree.h"
#include "runtime/hide.h"
#include "runtime/hooks.h"
#include "runtime/hooks.h"
#include "runtime/mounts.h"

int op_propagation(struct init_state *s, const struct op *o, struct err *e)
{
	(void) s;
	if (mount(NULL, "/", NULL, o->propagation, NULL) < 0)
		return fail(e, errno, "change the propagation of the host's mounts");
	return 0;
}

int op_copy(struct init_state *s, const struct op *o, struct err *e)
{
	(void) s;
	return copy_tree(o->source, o->path, e);
}

int op_hide(struct init_state *s, const struct op *o, struct err *e)
{
	(void) s;
	return hide_in_layer(o->source, o->data, o->path, o->flag, e);
}

/* --- roots: attached over the host's "/", which stays visible to us until the pivot ------- */

/* Climb to where the mount of *@fd begins. */
static int mount_root(int *fd)
{
	struct statx here, above;

	for (;;) {
		own_fd up = openat(*fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (up < 0 || statx(*fd, "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_INO, &here) < 0 ||
			statx(up, "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_INO, &above) < 0)
			return -errno;
		if (here.stx_mnt_id != above.stx_mnt_id || here.stx_ino == above.stx_ino)
			return 0;
		close(*fd);
		*fd = take_fd(&up);
	}
}

/*
 * Where the host is to see our mounts, none of the set-up may be among them: the root is attached in
 * its own place, on a mount that is private now, and what is mounted on the host's stays shared.
 */
static int root_attach_shared(struct init_state *s, const struct op *o, int fd, struct err *e)
{
	own_fd at = open(o->source, O_PATH | O_DIRECTORY | O_CLOEXEC), top = -1;
	int r;

	top = at < 0 ? -1 : openat(at, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = top < 0 ? -errno : mount_root(&top);
	if (r < 0)
		return fail(e, r, "look at the mount of %s", o->source);
	r = mnt_attr(top, 0, 0, MS_PRIVATE, false, e);
	if (!r)
		r = mnt_attr(fd, 0, 0, MS_PRIVATE, true, e);
	if (!r)
		r = mnt_put(fd, at, o->source, e);
	if (r < 0)
		return r;
	s->root = fd;
	return 0;
}

static int root_attach(struct init_state *s, int fd, struct err *e)
{
	if (move_mount(fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return fail(e, errno, "attach the container's root");
	s->root = fd;
	return 0;
}

int op_root_overlay(struct init_state *s, const struct op *o, struct err *e)
{
	int fd, r = mnt_overlay(o->source, o->above, o->type, o->data, o->flag, &fd, e);

	return r < 0 ? r : root_attach(s, fd, e);
}

/* Without a mount namespace of its own the container's mounts are on the host's root file system. */
static int root_in_place(struct init_state *s, const struct op *o, int fd, struct err *e)
{
	own_fd at = open(o->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = at < 0 ? fail(e, errno, "open %s", o->source) : mnt_put(fd, at, o->source, e);

	if (!r)
		s->root = fd;
	return r;
}

int op_root_bind(struct init_state *s, const struct op *o, struct err *e)
{
	int fd, r = mnt_clone(o->source, true, true, &fd, e);

	if (r < 0)
		return r;
	if (o->flag)
		return root_in_place(s, o, fd, e);
	/* hooks know the root by its path outside */
	return o->propagation & MS_SHARED || hooks_before_pivot(s->in->spec)
		? root_attach_shared(s, o, fd, e) : root_attach(s, fd, e);
}

/* --- files ------------------------------------------------------------------------------- */

/* Nothing of ours in /dev goes through a symlink: it could lead to where others write. */
static unsigned plain(const char *path)
{
	return strncmp(path, "/dev/", 5) ? 0 : PLACE_PLAIN;
}

int op_mkdir(struct init_state *s, const struct op *o, struct err *e)
{
	own_place p = PLACE_INIT;

	return place_make(s->root, o->path, 0, o->mode, &p, e);
}

int op_file(struct init_state *s, const struct op *o, struct err *e)
{
	own_place p = PLACE_INIT;
	own_fd fd = -1;
	struct stat st;
	int r = place_make(s->root, o->path, PLACE_PARENT, 0755, &p, e);

	if (r < 0)
		return r;
	fd = openat(p.fd, p.name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
		O_CLOEXEC, o->mode);
	r = fd < 0 || fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (!r && ftruncate(fd, 0) < 0)
		r = -errno;
	if (!r)
		r = write_full(fd, o->data, strlen(o->data));
	return r < 0 ? fail(e, r, "write %s in the container", o->path) : 0;
}

int op_symlink(struct init_state *s, const struct op *o, struct err *e)
{
	own_place p = PLACE_INIT;
	int r = place_make(s->root, o->path, PLACE_PARENT | plain(o->path), 0755, &p, e);

	if (r < 0)
		return r;
	if (symlinkat(o->data, p.fd, p.name) < 0 && errno != EEXIST)
		return fail(e, errno, "link %s in the container", o->path);
	return 0;
}

static int empty_dir(int fd)
{
	own_dir d = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 3));
	struct dirent *ent;
	int r = d ? 0 : -errno;

	while (!r && (ent = readdir(d)))
		if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
			r = rm_rf(fd, ent->d_name);
	return r;
}

/* What only root could have read in the image is the same for everybody when it is empty. */
int op_empty(struct init_state *s, const struct op *o, struct err *e)
{
	bool dir = *o->path && o->path[strlen(o->path) - 1] == '/';
	own_fd fd = in_root(s->root, o->path, dir ? O_RDONLY | O_DIRECTORY : O_WRONLY | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(e, fd < 0 ? fd : errno, "empty %s in the container", o->path);
	r = dir ? empty_dir(fd) : S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0 ? -errno : 0;
	if (!r && S_ISREG(st.st_mode))
		r = rootfs_stand_in(s->root, o->path, fd);
	if (!r && futimens(fd, (struct timespec[]) { st.st_atim, st.st_mtim }) < 0)
		r = -errno;
	return r < 0 ? fail(e, r, "empty %s in the container", o->path) : 0;
}

/* --- into it ------------------------------------------------------------------------------ */

static int pivot(bool shared, struct err *e)
{
	own_fd old = shared ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	int r;

	if (shared && old < 0)
		return fail(e, errno, "open the host's root");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return fail(e, errno, "pivot_root (--no-pivot helps on an initramfs)");
	r = shared ? mnt_attr(old, 0, 0, MS_SLAVE, true, e) : 0; /* the host keeps its mounts */
	if (r < 0)
		return r;
	if (umount2(".", MNT_DETACH) < 0)
		return fail(e, errno, "detach the host's root");
	if (chdir("/") < 0)
		return fail(e, errno, "enter the container's root");
	return 0;
}

/*
 * After a chroot the host's mounts are still in the namespace. One procfs or sysfs without anything
 * over it would allow the container to mount another, uncovered one.
 */
static void drop_kernel_mounts(void)
{
	own_file f = fopen("/proc/self/mountinfo", "re");
	own_free char *line = NULL;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0) {
		char path[4096], *dash = strstr(line, " - ");

		if (!dash || (strncmp(dash, " - proc ", 8) && strncmp(dash, " - sysfs ", 9)) ||
			sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1)
			continue;
		if (umount2(path, MNT_DETACH) < 0 && errno == EPERM)
			mount("tmpfs", path, "tmpfs", MS_RDONLY, NULL);
	}
}

int op_pivot(struct init_state *s, const struct op *o, struct err *e)
{
	int r = 0;

	if (fchdir(s->root) < 0)
		return fail(e, errno, "enter the container's root");
	if (o->flag && o->attr)
		drop_kernel_mounts();
	if (!o->flag)
		r = pivot(o->propagation & MS_SHARED, e);
	else if (chroot(".") < 0 || chdir("/") < 0)
		r = fail(e, errno, "change root");
	if (!r && o->propagation && mount(NULL, "/", NULL, o->propagation, NULL) < 0)
		r = fail(e, errno, "rootfsPropagation");
	return r;
}
