/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a file of /proc has been opened: what it says is the container's own, or it gets our text in
 * its place, or it is not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/fs.h"
#include "shim/procview.h"

enum { MAX_TEXT = 16 << 20 };

ssize_t procfs_fd_name(struct call *c, int fd, char ret[PATH_MAX])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof path, "%d/fd/%d", (int) c->t->pid, fd);
	n = readlinkat(c->w->host_proc, path, ret, PATH_MAX - 1);
	if (n >= 0)
		ret[n] = 0;
	return n;
}

/* The path below /proc. */
static bool name_of(struct call *c, int fd, char ret[PATH_MAX])
{
	char full[PATH_MAX];
	ssize_t n = procfs_fd_name(c, fd, full);

	if (n < 0)
		return false;
	if (strcmp(full, "/proc") == 0)
		full[n = 5] = '/', full[6] = 0;
	if (strncmp(full, "/proc/", 6) != 0)
		return false;
	memcpy(ret, full + 6, strlen(full + 6) + 1);
	return true;
}

/* "12/task/13/stat" or "12/stat": the number and what follows it. False: not a process's file. */
static bool split_process(const char *name, pid_t *ret_pid, const char **ret_rest)
{
	unsigned pid, tid;
	int n = 0, m = 0;

	if (sscanf(name, "%u/%n", &pid, &n) != 1 || !n)
		return false;
	*ret_pid = (pid_t) pid;
	*ret_rest = name + n;
	if (sscanf(*ret_rest, "task/%u/%n", &tid, &m) == 1 && m) {
		*ret_pid = (pid_t) tid;
		*ret_rest += m;
	}
	return true;
}

static long absent(struct call *c, int fd, long err)
{
	call_close_fd(c, fd);
	return err;
}

long procfs_replace(struct call *c, int fd, const char *name, const struct buf *b)
{
	own_fd mem = memfd_create("proc", MFD_CLOEXEC);
	int r;

	if (mem < 0)
		return absent(c, fd, -EMFILE);
	r = write_full(mem, b->p, b->n);
	if (r < 0 || lseek(mem, 0, SEEK_SET) < 0)
		return absent(c, fd, -EIO);
	return call_replace_fd(c, fd, mem, name);
}

static long opened_machine(struct call *c, int fd, const char *name, bool writes)
{
	own_buf b = { 0 };

	if (!procview_machine(c->w, c->t, name, &b)) {
		call_note(c, "/proc/%s is not there in the container", name);
		return absent(c, fd, -ENOENT);
	}
	if (writes)
		return absent(c, fd, -EACCES);
	return procfs_replace(c, fd, "proc", &b);
}

static const char *name_for(const char *rest)
{
	return !strcmp(rest, "mountinfo") || !strcmp(rest, "mounts") ? PROCFS_MOUNTS : "proc";
}

static long opened_process(struct call *c, int fd, int dup, const char *name, bool writes)
{
	own_buf real = { 0 }, b = { 0 };
	const char *rest;
	pid_t pid;

	if (!split_process(name, &pid, &rest))
		return opened_machine(c, fd, name, writes);
	if (writes) /* what a process tells of itself: comm, oom_score_adj and the like */
		return fd;
	/* not for files whose reading has no end or no meaning; they are passed or absent anyway */
	if (strcmp(rest, "mem") != 0 && strcmp(rest, "pagemap") != 0)
		read_fd(dup, MAX_TEXT, &real);
	if (!buf_cstr(&real))
		return absent(c, fd, -ENOMEM);
	switch (procview_process(c, pid, rest, (const char *) real.p, &b)) {
	case PROC_PASS:
		lseek(dup, 0, SEEK_SET);
		return fd;
	case PROC_TEXT: return procfs_replace(c, fd, name_for(rest), &b);
	case PROC_INPUT:
		return world_input_host(c->w, c->t, &b) < 0 ? absent(c, fd, -EIO)
							    : procfs_replace(c, fd, name_for(rest), &b);
	case PROC_ABSENT: break;
	}
	call_note(c, "/proc/PID/%s is not there in the container", rest);
	return absent(c, fd, -ENOENT);
}

/*
 * To the kernel what is left of a process that has ended belongs to the host's root, and so does our
 * stand-in for init. Whether that is who runs the container may not matter: such files are what they are
 * for anybody else.
 */
static bool is_nobodys(struct call *c, const char *name)
{
	const char *rest;
	struct task *t;
	pid_t pid;

	if (!c->w->o->virtual_ids || !split_process(name, &pid, &rest))
		return false;
	t = task_by_vpid(c->w, pid);
	return !t || t->state == T_GONE || t->quiet;
}

long procfs_failed(struct call *c, long err)
{
	return err == -ESRCH && c->w->o->virtual_ids ? -EACCES : err;
}

long procfs_opened(struct call *c, int fd, const char *path)
{
	own_fd dup = call_getfd(c, fd);
	char name[PATH_MAX];
	struct stat st;
	bool writes;

	(void) path;
	if (dup < 0 || fstat(dup, &st) < 0)
		return fd;
	if (!name_of(c, fd, name))
		return absent(c, fd, -ENOENT);
	if (S_ISDIR(st.st_mode) && !procview_shown(c->w, name))
		return absent(c, fd, -ENOENT);
	writes = (fcntl(dup, F_GETFL) & O_ACCMODE) != O_RDONLY;
	if (is_nobodys(c, name) && (writes || !(st.st_mode & S_IROTH)))
		return absent(c, fd, -EACCES);
	if (S_ISDIR(st.st_mode))
		return fd;
	return opened_process(c, fd, dup, name, writes);
}
