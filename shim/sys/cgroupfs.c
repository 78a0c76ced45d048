/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in for cgroups (version 2). Where config.json has them writable, as for a systemd
 * inside, the container makes cgroups of its own and moves processes: who is where is kept here, limits
 * are remembered as they are written. Nothing of it is the host's, so a repeated run finds the same.
 *
 * It is a tmpfs. A new directory gets its files when it is made, a removed one loses them just before;
 * a write is this file's, a read is the kernel's but for lists of processes, which are made at open.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/fs.h"
#include "shim/sys/io.h"

enum { TEXT_MAX = 4096 };

struct vcgroup {
	char *path; /* from the top: "/a/b" */
	ino_t ino;
	struct vcgroup *up;	   /* NULL: the top, which has no struct */
	unsigned here, busy, kids; /* processes in it; in it or below; cgroups below */
	struct vcgroup *next;
};

/* What a new one has; NULL is what its parent hands on. */
static const struct {
	const char *name, *text;
	mode_t mode;
} files[] = {
	{ "cgroup.controllers", NULL, 0444 },
	{ "cgroup.events", "populated 0\nfrozen 0\n", 0444 },
	{ "cgroup.max.depth", "max\n", 0644 },
	{ "cgroup.max.descendants", "max\n", 0644 },
	{ "cgroup.procs", "", 0644 },
	{ "cgroup.subtree_control", "", 0644 },
	{ "cgroup.threads", "", 0644 },
	{ "cgroup.type", "domain\n", 0444 },
	{ "cpu.max", "max 100000\n", 0644 },
	{ "cpu.weight", "100\n", 0644 },
	{ "cpuset.cpus", "\n", 0644 },
	{ "cpuset.mems", "\n", 0644 },
	{ "io.max", "", 0644 },
	{ "io.weight", "default 100\n", 0644 },
	{ "memory.high", "max\n", 0644 },
	{ "memory.low", "0\n", 0644 },
	{ "memory.max", "max\n", 0644 },
	{ "memory.min", "0\n", 0644 },
	{ "memory.oom.group", "0\n", 0644 },
	{ "memory.swap.max", "max\n", 0644 },
	{ "pids.current", "", 0444 },
	{ "pids.max", "max\n", 0644 },
};

/* ---- files, as the supervisor sees them: the guest may have put anything in their place ---- */

static int open_in(const struct world *w, const struct vcgroup *g, const char *name, int flags,
	mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned) (flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	own_free char *path = NULL;
	own_fd fd = -1;
	struct stat st;

	if (asprintf(&path, "%s/%s", g ? g->path + 1 : ".", name) < 0)
		return -ENOMEM;
	fd = (int) syscall(SYS_openat2, w->cgroup_fd, path, &how, sizeof how);
	if (fd < 0)
		return -errno;
	return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) ? take_fd(&fd)
										   : -EINVAL;
}

static void put_text(const struct world *w, const struct vcgroup *g, const char *name,
	const char *text)
{
	own_fd fd = open_in(w, g, name, O_WRONLY, 0);
	struct stat st;

	if (fd < 0 || pwrite(fd, text, strlen(text), 0) < 0 || fstat(fd, &st) < 0)
		return;
	if ((size_t) st.st_size > strlen(text) && ftruncate(fd, (off_t) strlen(text)) < 0)
		return;
}

static bool get_text(const struct world *w, const struct vcgroup *g, const char *name,
	struct buf *b)
{
	own_fd fd = open_in(w, g, name, O_RDONLY, 0);

	return fd >= 0 && read_fd(fd, TEXT_MAX, b) == 0 && buf_cstr(b);
}

/* ---- who is where ---- */

/* Those that wait for an event of the file look again. */
static void populated(struct world *w, const struct vcgroup *g)
{
	put_text(w, g, "cgroup.events", g->busy ? "populated 1\nfrozen 0\n" : "populated 0\nfrozen 0\n");
	w->turn++;
}

void vcgroup_move(struct world *w, struct proc *p, struct vcgroup *to)
{
	struct vcgroup *from = p->cgroup;

	if (from == to)
		return;
	p->cgroup = to;
	if (to)
		to->here++;
	for (struct vcgroup *g = to; g; g = g->up)
		if (!g->busy++)
			populated(w, g);
	if (from)
		from->here--;
	for (struct vcgroup *g = from; g; g = g->up)
		if (!--g->busy)
			populated(w, g);
}

const char *vcgroup_path(const struct proc *p)
{
	return p && p->cgroup ? p->cgroup->path : "/";
}

static bool within(const struct vcgroup *g, const struct vcgroup *top)
{
	while (g && g != top)
		g = g->up;
	return g == top;
}

static struct vcgroup *by_ino(const struct world *w, ino_t ino)
{
	struct vcgroup *g = w->cgroups;

	while (g && g->ino != ino)
		g = g->next;
	return g;
}

/* Of a descriptor's name: the cgroup (NULL: the top) and the file. False: none of ours, or gone. */
static bool look_up(const struct world *w, char *name, struct vcgroup **ret, const char **ret_file)
{
	size_t n = w->cgroup_at ? strlen(w->cgroup_at) : 0;
	char *dir = name + n, *base = strrchr(name, '/');

	if (!n || strncmp(name, w->cgroup_at, n) != 0 || !base || base < dir)
		return false;
	*base = 0;
	*ret_file = base + 1;
	*ret = w->cgroups;
	if (!*dir)
		*ret = NULL;
	while (*ret && strcmp((*ret)->path, dir) != 0)
		*ret = (*ret)->next;
	return *ret || !*dir;
}

/* ---- reading ---- */

static void put_members(struct world *w, const struct vcgroup *g, bool threads, bool count,
	struct buf *b)
{
	unsigned n = 0;

	for (struct task *t = w->tasks; t; t = t->next) {
		if (t->quiet || t->setup || (!threads && t->pid != t->proc->pid))
			continue;
		if (count ? !within(t->proc->cgroup, g) : t->proc->cgroup != g)
			continue;
		n++;
		if (!count)
			buf_printf(b, "%d\n", (int) task_vtid(t));
	}
	if (count)
		buf_printf(b, "%u\n", n);
}

long cgroupfs_opened(struct call *c, int fd)
{
	static const struct {
		const char *name;
		bool threads, count;
	} lists[] = {
		{ "cgroup.procs", false, false },
		{ "cgroup.threads", true, false },
		{ "pids.current", true, true },
		{ "tasks", true, false },
	};
	own_fd dup = call_getfd(c, fd);
	char name[PATH_MAX];
	struct vcgroup *g;
	const char *file;
	own_buf b = { 0 };

	if (dup < 0 || (fcntl(dup, F_GETFL) & O_ACCMODE) != O_RDONLY ||
		procfs_fd_name(c, fd, name) < 0 || !look_up(c->w, name, &g, &file))
		return fd;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (strcmp(file, lists[i].name) != 0)
			continue;
		put_members(c->w, g, lists[i].threads, lists[i].count, &b);
		return procfs_replace(c, fd, "cgroup", &b);
	}
	return fd;
}

/* ---- writing ---- */

static const char *const controllers[] = { "cpuset", "cpu", "io", "memory", "pids" };

static unsigned controller(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(controllers); i++)
		if (strcmp(name, controllers[i]) == 0)
			return 1U << i;
	return 0;
}

static unsigned get_set(const struct world *w, const struct vcgroup *g, const char *file)
{
	own_buf b = { 0 };
	unsigned set = 0;
	char *save;

	if (!get_text(w, g, file, &b))
		return 0;
	for (char *p = strtok_r((char *) b.p, " \n", &save); p; p = strtok_r(NULL, " \n", &save))
		set |= controller(p);
	return set;
}

static void put_set(const struct world *w, const struct vcgroup *g, const char *file, unsigned set)
{
	char text[64] = "";

	for (unsigned i = 0; i < ARRAY_LEN(controllers); i++)
		if (set & 1U << i)
			strcat(strcat(text, *text ? " " : ""), controllers[i]);
	put_text(w, g, file, strcat(text, *text ? "\n" : ""));
}

void vcgroup_added(struct world *w, struct proc *p)
{
	if (w->cgroups && w->init && get_set(w, NULL, "cgroup.subtree_control"))
		vcgroup_move(w, p, w->init->proc->cgroup);
}

/* "+memory -pids": which of them those below have. */
static long hand_on(struct world *w, struct vcgroup *g, char *text)
{
	unsigned have = get_set(w, g, "cgroup.controllers");
	unsigned set = get_set(w, g, "cgroup.subtree_control");
	char *save;

	for (char *p = strtok_r(text, " \n", &save); p; p = strtok_r(NULL, " \n", &save)) {
		unsigned one = controller(p + 1);

		if ((*p != '+' && *p != '-') || !one)
			return -EINVAL;
		if (*p == '+' && !(have & one))
			return -ENOENT;
		set = *p == '+' ? set | one : set & ~one;
	}
	put_set(w, g, "cgroup.subtree_control", set);
	for (const struct vcgroup *k = w->cgroups; k; k = k->next)
		if (k->up == g)
			put_set(w, k, "cgroup.controllers", set);
	return 0;
}

static long move_in(struct call *c, struct vcgroup *g, const char *text)
{
	struct proc *p = c->t->proc;
	char *end;
	long pid = strtol(text, &end, 10);

	if (end == text || *end || pid < 0 || pid > INT32_MAX)
		return -EINVAL;
	if (pid)
		p = proc_by_vpid(c->w, (pid_t) pid);
	if (!p)
		return -ESRCH;
	vcgroup_move(c->w, p, g);
	return 0;
}

static long put_file(struct call *c, struct vcgroup *g, const char *file, char *text)
{
	char line[TEXT_MAX + 2];

	if (!strcmp(file, "cgroup.procs") || !strcmp(file, "tasks"))
		return move_in(c, g, text);
	if (!strcmp(file, "cgroup.threads"))
		return -EOPNOTSUPP;
	if (!strcmp(file, "cgroup.subtree_control"))
		return hand_on(c->w, g, text);
	snprintf(line, sizeof line, "%s\n", text);
	put_text(c->w, g, file, line);
	return 0;
}

long cgroupfs_write(struct call *c)
{
	const struct io_state *io = io_of(c->w);
	char name[PATH_MAX], text[TEXT_MAX + 1];
	struct vcgroup *g;
	struct xfer x;
	const char *file;
	const void *p;
	size_t n;
	long r = xfer_load(c, &x);

	if (r < 0)
		return r;
	if (x.total > TEXT_MAX)
		return -E2BIG;
	p = xfer_in(c, &x, n = x.total);
	if (!p)
		return -EFAULT;
	if ((fcntl(io->fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (procfs_fd_name(c, (int) c->a[0], name) < 0 || !look_up(c->w, name, &g, &file))
		return -ENODEV;
	if (!(io->st.st_mode & 0222))
		return -EINVAL;
	memcpy(text, p, n);
	while (n && isspace((unsigned char) text[n - 1]))
		n--;
	text[n] = 0;
	r = put_file(c, g, file, text + strspn(text, " \t\n"));
	return r < 0 ? r : (long) x.total;
}

/* ---- making and removing ---- */

static void fill(struct world *w, const struct vcgroup *g)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		own_fd fd = open_in(w, g, files[i].name, O_WRONLY | O_CREAT | O_EXCL, files[i].mode);

		if (fd < 0 || fchmod(fd, files[i].mode) < 0)
			continue;
		if (files[i].text)
			put_text(w, g, files[i].name, files[i].text);
		else
			put_set(w, g, files[i].name, get_set(w, g->up, "cgroup.subtree_control"));
	}
}

void cgroupfs_made(struct call *c, int dirfd, const char *path, const struct stat *st)
{
	struct world *w = c->w;
	struct vcgroup *up, *g;
	struct stat dir;
	size_t n = strlen(path);

	if (!fs_peek(c, dirfd, fs_parent(c, path), 0, &dir) || dir.st_dev != w->cgroup_dev)
		return;
	up = by_ino(w, dir.st_ino);
	if (!up && dir.st_ino != w->cgroup_ino)
		return;
	while (n && path[n - 1] == '/')
		n--;
	path = strndupa(path, n);
	g = calloc(1, sizeof *g);
	must_mem(g);
	must_mem(asprintf(&g->path, "%s/%s", up ? up->path : "",
		strrchr(path, '/') ? strrchr(path, '/') + 1 : path) >= 0);
	g->ino = st->st_ino;
	g->up = up;
	g->next = w->cgroups;
	w->cgroups = g;
	if (up)
		up->kids++;
	fill(w, g);
}

static void forget(struct world *w, struct vcgroup *g)
{
	struct vcgroup **at = &w->cgroups;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	if (g->up)
		g->up->kids--;
	free(g->path);
	free(g);
}

long cgroupfs_rmdir(struct call *c, const struct stat *st)
{
	struct vcgroup *g = by_ino(c->w, st->st_ino);
	uid_t uid = c->t->proc->ids.fsuid;
	own_fd dir = -1;
	struct stat now;

	if (!g)
		return st->st_ino == c->w->cgroup_ino ? -EBUSY : 0;
	if (uid && uid != st->st_uid)
		return 0; /* the kernel finds it full */
	if (g->kids || g->busy)
		return -EBUSY;
	dir = open_in(c->w, g, ".", O_RDONLY | O_DIRECTORY, 0);
	if (dir >= 0 && fstat(dir, &now) == 0 && now.st_ino == g->ino)
		for (size_t i = 0; i < ARRAY_LEN(files); i++)
			unlinkat(dir, files[i].name, 0);
	forget(c->w, g);
	return 0;
}

void vcgroups_free(struct world *w)
{
	while (w->cgroups)
		forget(w, w->cgroups);
	if (w->cgroup_fd >= 0)
		close(w->cgroup_fd);
}
