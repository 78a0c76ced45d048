/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/selfexec.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <stdbool.h>
#include <stdlib.h>
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

/* The same file on a mount of its own, read-only and attached nowhere. Cheaper, if we may. */
static int clone_readonly(int exe)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	own_fd fd = open_tree(exe, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &ro, sizeof ro) < 0)
		return -errno;
	return take_fd(&fd);
}

/* That a mount is read-only may change, so who executed us says that it is one of ours. */
static bool is_clone(int exe)
{
	struct statvfs v;

	return getenv(MARK) && fstatvfs(exe, &v) == 0 && v.f_flag & ST_RDONLY;
}

static void execute_clone(int exe, char *const *argv)
{
	own_fd fd = clone_readonly(exe);

	if (fd < 0 || setenv(MARK, "1", 1) < 0)
		return;
	fexecve(fd, argv, environ);
	unsetenv(MARK);
}

int selfexec(char *const *argv, struct err *e)
{
	own_fd exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = -1;
	int r;

	if (exe < 0)
		return fail(e, errno, "open /proc/self/exe (is /proc mounted?)");
	if (is_sealed(exe) || is_clone(exe)) {
		unsetenv(MARK);
		prctl(PR_SET_NAME, "detrun", 0, 0, 0); /* it would be the number of a descriptor */
		return 0;
	}
	execute_clone(exe, argv);
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
