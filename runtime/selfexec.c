/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/selfexec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/memfd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "runtime/base/own.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define MARK "_DETRUN_CLONE"

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static bool is_sealed(int exe)
{
	int seals = fcntl(exe, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS;
}

static int memory(void)
{
	int fd = memfd_create("detrun", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL) /* before 6.3 all can be executed */
		fd = memfd_create("detrun", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

static int copy(int from, int to)
{
	struct stat st;
	ssize_t n;

	if (fstat(from, &st) < 0)
		return -errno;
	for (off_t left = st.st_size; left > 0; left -= n) {
		n = sendfile(to, from, NULL, (size_t) left);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	return fcntl(to, F_ADD_SEALS, SEALS) < 0 ? -errno : 0;
}

/* A path as overlayfs takes it in a list of layers: with a colon or backslash in it, none. */
static int exe_path(int exe, char dir[PATH_MAX], const char **ret_name)
{
	ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);
	struct stat is, was;
	char *slash;

	dir[n < 0 ? 0 : n] = 0;
	if (*dir != '/' || strpbrk(dir, ":\\,") || fstat(exe, &was) < 0 || lstat(dir, &is) < 0 ||
		is.st_dev != was.st_dev || is.st_ino != was.st_ino)
		return -ENOENT;
	slash = strrchr(dir, '/');
	*slash = 0;
	*ret_name = slash + 1;
	return *dir ? 0 : -ENOENT;
}

/*
 * The file in an overlay of its directory that nothing can be written to: the file system itself is
 * read-only, for everybody and for ever. It takes a second layer; which one makes no difference.
 */
static int overlay(int exe)
{
	own_fd fs = -1, mount = -1;
	char dir[PATH_MAX], layers[PATH_MAX + 8];
	const char *name;
	int fd;

	if (exe_path(exe, dir, &name) < 0)
		return -ENOENT;
	fs = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	snprintf(layers, sizeof layers, "%s:/dev", dir);
	fsconfig(fs, FSCONFIG_SET_STRING, "xino", "off", 0); /* the kernel's log has a line without */
	if (fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", layers, 0) < 0 ||
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
	if (mount < 0)
		return -errno;
	fd = openat(mount, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The same file on a mount of its own, read-only and attached nowhere. */
static int clone_readonly(int exe)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	own_fd fd = open_tree(exe, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &ro, sizeof ro) < 0)
		return -errno;
	return take_fd(&fd);
}

/* That a mount is read-only may change, so who executed us says that it is one of ours. */
static const struct clone {
	const char *name;
	int (*make)(int exe);
} clones[] = {
	{ "overlayfs", overlay },
	{ "a read-only mount", clone_readonly },
};

static const char *which_clone(int exe)
{
	const char *mark = getenv(MARK);
	struct statvfs v;

	if (is_sealed(exe))
		return "memory";
	if (!mark || fstatvfs(exe, &v) < 0 || !(v.f_flag & ST_RDONLY))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(clones); i++)
		if (!strcmp(mark, clones[i].name))
			return clones[i].name;
	return NULL;
}

static void execute_clone(int exe, const struct clone *c, char *const *argv)
{
	own_fd fd = c->make(exe);

	if (fd < 0 || setenv(MARK, c->name, 1) < 0)
		return;
	fexecve(fd, argv, environ);
	unsetenv(MARK);
}

int selfexec(char *const *argv, const char **ret_how, struct err *e)
{
	own_fd exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = -1;
	const char *how;
	int r;

	if (exe < 0)
		return fail(e, errno, "open /proc/self/exe (is /proc mounted?)");
	how = which_clone(exe);
	if (how) {
		unsetenv(MARK);
		prctl(PR_SET_NAME, "detrun", 0, 0, 0); /* it would be the number of a descriptor */
		*ret_how = how;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(clones); i++)
		execute_clone(exe, &clones[i], argv);
	fd = memory();
	if (fd < 0)
		return fail(e, errno, "copy detrun to memory (if vm.memfd_noexec is 2, set it "
			"to 1)");
	r = copy(exe, fd);
	if (r < 0)
		return fail(e, r, "copy detrun to memory");
	fexecve(fd, argv, environ);
	return fail(e, errno, "execute detrun's copy in memory");
}
