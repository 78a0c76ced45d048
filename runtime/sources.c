/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sources.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/own.h"
#include "runtime/mounts.h"
#include "runtime/ns.h"
#include "runtime/ops.h"

struct message {
	int op; /* index of an operation: its fd comes along */
	struct err e;
};
enum { OP_LAST = -1 };

static bool idmapped(const struct op *o)
{
	return o->kind == OP_BIND && (o->ext & (SPEC_MNT_IDMAP | SPEC_MNT_RIDMAP) ||
		(o->mount && (o->mount->n_uid_maps || o->mount->n_gid_maps)));
}

bool sources_late(const struct op *o)
{
	return o->inside && idmapped(o);
}

/* Whom the container's root may be is whom we may be: it gets as far as we do. */
static bool same_ids(const struct spec *s)
{
	return !s->linux_.ns[SPEC_NS_USER].path && !s->linux_.n_uid_maps && !s->linux_.n_gid_maps;
}

static bool wanted(const struct spec *s, const struct op *o)
{
	const struct spec_ns *ns = s->linux_.ns;
	bool ours = ns[SPEC_NS_USER].present && ns[SPEC_NS_MOUNT].present &&
		!ns[SPEC_NS_MOUNT].path && geteuid() == 0;

	if (o->kind == OP_DEVICE)
		return ours && o->flag && o->source;
	return idmapped(o) ||
		(o->kind == OP_BIND && !o->optional && !o->inside && ours && !same_ids(s));
}

bool sources_needed(const struct spec *s, const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (wanted(s, &p->op[i]))
			return true;
	return false;
}

/* --- id maps ------------------------------------------------------------------------------ */

static int maps_of(const struct spec_mount *m, struct idmaps *ret, struct err *e)
{
	if (m->n_uid_maps > MAPS_MAX || m->n_gid_maps > MAPS_MAX)
		return fail_msg(e, E2BIG, "mount %s: more than %d lines of an id map",
			m->destination, MAPS_MAX);
	*ret = (struct idmaps) { .setgroups = true };
	memcpy(ret->uid, m->uid_maps, m->n_uid_maps * sizeof *ret->uid);
	memcpy(ret->gid, m->gid_maps, m->n_gid_maps * sizeof *ret->gid);
	ret->n_uid = (unsigned) m->n_uid_maps;
	ret->n_gid = (unsigned) m->n_gid_maps;
	return 0;
}

static int open_userns(pid_t pid, int *ret, struct err *e)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? fail(e, errno, "open %s", path) : 0;
}

/* A user namespace is made by a process in it, and lives on as a file descriptor. */
static int userns_with(const struct idmaps *m, int *ret, struct err *e)
{
	own_fd pidfd = -1;
	pid_t pid = ns_clone(CLONE_NEWUSER, &pidfd, e);
	int r;

	if (pid < 0)
		return pid;
	if (!pid) {
		for (;;)
			pause();
	}
	r = idmaps_write(m, pid, e);
	if (!r)
		r = open_userns(pid, ret, e);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int userns_of(const struct op *o, pid_t init, int *ret, struct err *e)
{
	struct idmaps m;
	int r;

	if (geteuid() != 0)
		return fail_msg(e, EPERM, "mount on %s: an id map needs root, who owns the file "
			"system of %s", o->path, o->source);
	if (!o->mount || !(o->mount->n_uid_maps || o->mount->n_gid_maps))
		return open_userns(init, ret, e);
	r = maps_of(o->mount, &m, e);
	return r < 0 ? r : userns_with(&m, ret, e);
}

static int idmap(const struct op *o, int fd, int userns, struct err *e)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned) userns };
	unsigned flags = AT_EMPTY_PATH | (o->ext & SPEC_MNT_RIDMAP ? AT_RECURSIVE : 0);

	if (mount_setattr(fd, "", flags, &a, sizeof a) == 0)
		return 0;
	if (errno == EINVAL)
		return fail_msg(e, EINVAL, "failed to set MOUNT_ATTR_IDMAP on %s: invalid argument "
			"(maybe the filesystem used doesn't support idmap mounts on this kernel?)",
			o->source);
	return fail(e, errno, "failed to set MOUNT_ATTR_IDMAP on %s", o->source);
}

/* --- the launcher's child ----------------------------------------------------------------- */

/* The user namespaces first: their maps are written through the /proc that we have now. */
static int make_maps(const struct plan *p, pid_t init, int *userns, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < p->n && !r; i++)
		if (idmapped(&p->op[i]))
			r = userns_of(&p->op[i], init, &userns[i], e);
	return r;
}

static int enter_mounts(pid_t init, struct err *e)
{
	char path[64];
	own_fd fd = -1;

	snprintf(path, sizeof path, "/proc/%d/ns/mnt", init);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(e, errno, "open %s", path);
	return setns(fd, CLONE_NEWNS) < 0 ? fail(e, errno, "join the mounts of process %d", init)
					  : 0;
}

static uint32_t outside(const struct spec_idmap *m, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= m[i].container && id - m[i].container < m[i].size)
			return m[i].host + (id - m[i].container);
	return id ? outside(m, n, 0) : 0;
}

/* Where we may not make one either, init looks for the host's. */
static int give_device(const struct spec *s, const struct op *o, int index, int sock)
{
	const struct spec_linux *l = &s->linux_;
	struct message m = { .op = index };
	own_fd fd = -1;

	if (ops_node(o, outside(l->uid_maps, l->n_uid_maps, o->uid),
		    outside(l->gid_maps, l->n_gid_maps, o->gid), &fd, NULL) < 0)
		return 0;
	return fd_send(sock, &m, sizeof m, fd);
}

static int give_one(const struct op *o, int index, int userns, int sock, struct err *e)
{
	struct message m = { .op = index };
	own_fd fd = -1;
	int r = mnt_clone(o->source, o->flag, !(o->ext & SPEC_MNT_SRC_NOFOLLOW), &fd, e);

	if (r < 0 && o->ext & SPEC_MNT_COPY_SYMLINK)
		return 0;
	if (!r && userns >= 0)
		r = idmap(o, fd, userns, e);
	if (r < 0)
		return fail_ctx(e, r, "error mounting \"%s\" to rootfs at \"%s\"", o->source,
			o->path);
	return fd_send(sock, &m, sizeof m, fd) < 0 ? fail_msg(e, EPIPE, "init is gone") : 0;
}

/* What init has cloned itself. As many requests as there are; fewer if it fails. */
static void serve(const struct plan *p, const int *userns, int sock)
{
	struct message m;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += sources_late(&p->op[i]);
	while (n--) {
		own_fd fd = -1;
		int got = -1;

		if (fd_recv(sock, &m, sizeof m, &got) != sizeof m)
			return;
		fd = got;
		must(m.op >= 0 && (size_t) m.op < p->n);
		m.e = ERR_INIT;
		idmap(&p->op[m.op], fd, userns[m.op], &m.e);
		if (fd_send(sock, &m, sizeof m, -1) < 0)
			return;
	}
}

static int give_each(const struct spec *s, const struct plan *p, const int *userns, int sock,
	struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < p->n && !r; i++) {
		const struct op *o = &p->op[i];

		if (!wanted(s, o) || sources_late(o))
			continue;
		r = o->kind == OP_DEVICE ? give_device(s, o, (int) i, sock)
					 : give_one(o, (int) i, userns[i], sock, e);
	}
	return r;
}

__attribute__((noreturn))
static void giver(const struct spec *s, const struct plan *p, pid_t init, int sock)
{
	struct message last = { .op = OP_LAST };
	int *userns = malloc((p->n + 1) * sizeof *userns), r;

	must_mem(userns);
	memset(userns, -1, p->n * sizeof *userns);
	r = make_maps(p, init, userns, &last.e);
	if (!r && s->linux_.ns[SPEC_NS_MOUNT].present)
		r = enter_mounts(init, &last.e);
	if (!r)
		r = give_each(s, p, userns, sock, &last.e);
	if (fd_send(sock, &last, sizeof last, -1) == 0 && !r)
		serve(p, userns, sock);
	_exit(0);
}

int sources_give(const struct spec *s, const struct plan *p, pid_t init, int sock, int theirs,
	pid_t *ret, struct err *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return fail(e, errno, "fork");
	if (!pid) {
		close(theirs);
		giver(s, p, init, sock);
	}
	*ret = pid;
	return 0;
}

/* --- init --------------------------------------------------------------------------------- */

int sources_take(const struct plan *p, int sock, int **ret, struct err *e)
{
	int *fds = malloc((p->n + 1) * sizeof *fds);
	struct message m;

	must_mem(fds);
	memset(fds, -1, p->n * sizeof *fds);
	*ret = fds;
	for (;;) {
		int fd = -1;
		ssize_t n = fd_recv(sock, &m, sizeof m, &fd);

		if (n != sizeof m)
			return fail_msg(e, EPIPE, "the bind mounts of the launcher don't come");
		if (m.op == OP_LAST)
			return m.e.code ? fail_msg(e, m.e.code, "%s", m.e.msg) : 0;
		must(m.op >= 0 && (size_t) m.op < p->n && fd >= 0);
		fds[m.op] = fd;
	}
}

int sources_idmap(const struct plan *p, int sock, const struct op *o, int fd, struct err *e)
{
	struct message m = { .op = (int) (o - p->op) };
	int none;

	if (fd_send(sock, &m, sizeof m, fd) < 0 || fd_recv(sock, &m, sizeof m, &none) != sizeof m)
		return fail_msg(e, EPIPE, "the id map of %s doesn't come", o->path);
	return m.e.code ? fail_msg(e, m.e.code, "%s", m.e.msg) : 0;
}
