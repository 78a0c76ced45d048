/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/priv.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/ns.h"

int pid_began(int pid, unsigned long long *ret)
{
	char path[64], text[1024], *p;
	own_fd fd = -1;
	ssize_t n;

	*ret = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -errno : read_full(fd, text, sizeof text - 1);
	if (n == -ENOENT || n == -ESRCH)
		return 0;
	if (n < 0)
		return (int) n;
	text[n] = 0;
	p = strrchr(text, ')'); /* the name may hold anything */
	if (p && p[1] == ' ' && p[2] != 'Z' && p[2] != 'X')
		sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
			      "%*d %*d %*d %llu", ret);
	return 0;
}

unsigned long long pid_start_time(int pid)
{
	unsigned long long start;

	return pid_began(pid, &start) < 0 ? 0 : start;
}

int pid_is(int pid, unsigned long long start)
{
	unsigned long long now;
	int r = pid_began(pid, &now);

	return r < 0 ? r : now == start;
}

/* --- places ------------------------------------------------------------------------------ */

static char *home(const char *var, const char *below_home)
{
	const char *x = getenv(var), *h = getenv("HOME");
	char *path = NULL;
	int n;

	if (x && *x == '/')
		n = asprintf(&path, "%s/detrun", x);
	else if (h && *h == '/' && access(h, F_OK) == 0) /* a home is not ours to make */
		n = asprintf(&path, "%s/%s/detrun", h, below_home);
	else
		return NULL;
	if (n < 0)
		return NULL;
	if (mkdir_p(AT_FDCWD, path, 0700) < 0 || access(path, W_OK | X_OK) < 0) {
		free(path);
		return NULL;
	}
	return path;
}

char *state_home(void)
{
	return home("XDG_STATE_HOME", ".local/state");
}

char *cache_home(void)
{
	return home("XDG_CACHE_HOME", ".cache");
}

/* A directory of ours alone in a directory of everybody's. */
static char *shared_place(const char *dir)
{
	char *path = NULL;
	struct stat st;

	if (!dir || *dir != '/' || asprintf(&path, "%s/detrun-%u", dir, geteuid()) < 0)
		return NULL;
	if ((mkdir(path, 0700) < 0 && errno != EEXIST) || lstat(path, &st) < 0 ||
		!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077) {
		free(path);
		return NULL;
	}
	return path;
}

/* Overlay's upper layer needs extended attributes, and may not be on an overlay or on NFS. */
static bool fit_for_upper(const char *path)
{
	struct statfs s;

	if (statfs(path, &s) < 0)
		return false;
	switch ((unsigned long) s.f_type) {
	case OVERLAYFS_SUPER_MAGIC:
	case NFS_SUPER_MAGIC:
	case FUSE_SUPER_MAGIC:
	case V9FS_MAGIC:
		return false;
	}
	if (setxattr(path, "user.detrun", "1", 1, 0) < 0)
		return false;
	removexattr(path, "user.detrun");
	return true;
}

/* A few directories to be made and removed again at each run: a disk takes its time for that. */
static char *place_in_memory(void)
{
	struct statfs s;

	if (statfs("/dev/shm", &s) < 0 || (unsigned long) s.f_type != TMPFS_MAGIC)
		return NULL;
	return shared_place("/dev/shm");
}

static char *pick_place(bool in_memory)
{
	char *first = in_memory ? place_in_memory() : NULL;

	if (first)
		return first;

	for (int i = 0; i < 4; i++) {
		char *p = i == 0 ? state_home()
			: shared_place(i == 1 ? getenv("TMPDIR") : i == 2 ? "/var/tmp" : "/tmp");

		if (p && fit_for_upper(p)) {
			free(first);
			return p;
		}
		if (p && !first)
			first = p; /* --overlay=copy and the host's root can do with any */
		else
			free(p);
	}
	return first;
}

/* --- the private directory --------------------------------------------------------------- */

/* Left by a dead run: its process is another or none, and nobody holds its lock. */
static bool is_left_over(int dir, const char *name)
{
	unsigned long long start;
	own_fd fd = -1;
	int pid;

	if (sscanf(name, "%d.%llu", &pid, &start) != 2 || pid_is(pid, start) != 0)
		return false;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void sweep(const char *runs)
{
	own_dir d = opendir(runs);
	struct dirent *ent;

	while (d && (ent = readdir(d))) {
		own_free char *path = NULL;

		if (!is_left_over(dirfd(d), ent->d_name))
			continue;
		if (asprintf(&path, "%s/%s", runs, ent->d_name) >= 0)
			ns_rm_rf(-1, path);
	}
}

int priv_make(bool in_memory, struct priv *ret, struct err *e)
{
	own_free char *place = pick_place(in_memory), *runs = NULL, *path = NULL;
	own_fd lock = -1;

	if (!place)
		return fail_msg(e, EACCES, "no place for private files: neither $XDG_STATE_HOME, "
			"$HOME, $TMPDIR, /var/tmp nor /tmp can be written; set TMPDIR");
	if (asprintf(&runs, "%s/run", place) < 0 ||
		asprintf(&path, "%s/%d.%llu", runs, getpid(), pid_start_time(getpid())) < 0)
		return fail(e, ENOMEM, "make a private directory");
	if (mkdir(runs, 0700) < 0 && errno != EEXIST)
		return fail(e, errno, "make %s", runs);
	sweep(runs);
	if (mkdir(path, 0700) < 0)
		return fail(e, errno, "make %s", path);
	lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0) {
		int r = fail(e, errno, "lock %s", path);

		rmdir(path);
		return r;
	}
	ret->path = take_ptr(path);
	ret->lock = take_fd(&lock);
	return 0;
}

void priv_done(struct priv *p, int userns)
{
	if (p->path)
		ns_rm_rf(userns, p->path);
	free(p->path);
	own_fd_drop(&p->lock);
	*p = PRIV_INIT;
}

int priv_dir(const struct priv *p, const char *name, char **ret, struct err *e)
{
	own_free char *path = NULL;

	if (asprintf(&path, "%s/%s", p->path, name) < 0)
		return fail(e, ENOMEM, "make %s", name);
	if (mkdir(path, 0755) < 0 || chmod(path, 0755) < 0) /* whatever the umask */
		return fail(e, errno, "make %s", path);
	*ret = take_ptr(path);
	return 0;
}
