/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/ns.h"

/* Root maps every id it has itself. */
static int identity(const char *file, struct spec_idmap *m, unsigned *n, struct err *e)
{
	own_file f = fopen(file, "re");
	unsigned inside, outside, count;

	if (!f)
		return fail(e, errno, "open %s", file);
	for (*n = 0; *n < MAPS_MAX && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3;)
		m[(*n)++] = (struct spec_idmap) { inside, inside, count };
	return *n ? 0 : fail_msg(e, EPERM, "%s is empty: we are in a user namespace without ids",
				file);
}

static bool has_tool(const char *name)
{
	static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin" };
	char path[64];

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		snprintf(path, sizeof path, "%s/%s", dirs[i], name);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

/* The first range of at least 65536 ids that @file gives to this user,
	who may stand there by number. */
static bool sub_range(const char *file, uint32_t *start)
{
	own_file f = fopen(file, "re");
	struct passwd *pw = getpwuid(geteuid());
	char line[512], number[16];

	snprintf(number, sizeof number, "%u", geteuid());
	while (f && fgets(line, sizeof line, f)) {
		char *first = strchr(line, ':'), *count = first ? strchr(first + 1, ':') : NULL;

		if (!count)
			continue;
		*first++ = 0;
		*count++ = 0;
		if (strcmp(line, number) && (!pw || strcmp(line, pw->pw_name)))
			continue;
		if (strtoul(count, NULL, 10) < 65536)
			continue;
		*start = (uint32_t) strtoul(first, NULL, 10);
		return true;
	}
	return false;
}

int idmaps_own(struct idmaps *ret, struct err *e)
{
	struct idmaps m = { .setgroups = true };
	uint32_t uids, gids;
	int r;

	if (geteuid() == 0) {
		r = identity("/proc/self/uid_map", m.uid, &m.n_uid, e);
		if (!r)
			r = identity("/proc/self/gid_map", m.gid, &m.n_gid, e);
		if (r < 0)
			return r;
		*ret = m;
		return 0;
	}
	m.uid[m.n_uid++] = (struct spec_idmap) { 0, geteuid(), 1 };
	m.gid[m.n_gid++] = (struct spec_idmap) { 0, getegid(), 1 };
	if (has_tool("newuidmap") && has_tool("newgidmap") && sub_range("/etc/subuid", &uids) &&
		sub_range("/etc/subgid", &gids)) {
		m.uid[m.n_uid++] = (struct spec_idmap) { 1, uids, 65536 };
		m.gid[m.n_gid++] = (struct spec_idmap) { 1, gids, 65536 };
	} else {
		m.setgroups = false;
	}
	*ret = m;
	return 0;
}

int idmaps_of_spec(const struct spec *s, struct idmaps *ret, struct err *e)
{
	const struct spec_linux *l = &s->linux_;
	struct idmaps m = { .setgroups = true };

	if (!l->n_uid_maps && !l->n_gid_maps)
		return idmaps_own(ret, e);
	if (l->n_uid_maps > MAPS_MAX || l->n_gid_maps > MAPS_MAX)
		return fail_msg(e, E2BIG, "linux.uidMappings: more than %d lines", MAPS_MAX);
	memcpy(m.uid, l->uid_maps, l->n_uid_maps * sizeof *m.uid);
	memcpy(m.gid, l->gid_maps, l->n_gid_maps * sizeof *m.gid);
	m.n_uid = (unsigned) l->n_uid_maps;
	m.n_gid = (unsigned) l->n_gid_maps;
	if (geteuid() != 0 && m.n_gid == 1 && m.gid[0].size == 1)
		m.setgroups = false;
	*ret = m;
	return 0;
}

/* --- writing ----------------------------------------------------------------------------- */

static int map_text(const struct spec_idmap *m, unsigned n, struct buf *b)
{
	for (unsigned i = 0; i < n; i++)
		buf_printf(b, "%u %u %u\n", m[i].container, m[i].host, m[i].size);
	return b->failed ? -ENOMEM : 0;
}

static int proc_put(pid_t pid, const char *name, const void *p, size_t n)
{
	char path[64];
	own_fd fd = -1;
	ssize_t w;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	w = write(fd, p, n); /* the kernel takes a map in one write only */
	return w < 0 ? -errno : (size_t) w == n ? 0 : -EIO;
}

static int run_tool(const char *tool, pid_t pid, const struct spec_idmap *m, unsigned n,
	struct err *e)
{
	char arg[3 * MAPS_MAX + 1][16], *argv[3 * MAPS_MAX + 3];
	unsigned k = 0, a = 0;
	pid_t child;
	int status;

	snprintf(arg[k], sizeof arg[k], "%d", pid);
	argv[a++] = (char *) (uintptr_t) tool;
	argv[a++] = arg[k++];
	for (unsigned i = 0; i < n; i++) {
		const uint32_t v[3] = { m[i].container, m[i].host, m[i].size };

		for (int j = 0; j < 3; j++) {
			snprintf(arg[k], sizeof arg[k], "%u", v[j]);
			argv[a++] = arg[k++];
		}
	}
	argv[a] = NULL;
	child = fork();
	if (child < 0)
		return fail(e, errno, "run %s", tool);
	if (!child) {
		setenv("PATH", "/usr/bin:/bin:/usr/sbin:/usr/local/bin", 1);
		execvp(tool, argv);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail(e, errno, "wait for %s", tool);
	if (status)
		return fail_msg(e, EPERM, "%s refuses the id map: see /etc/subuid and /etc/subgid; "
			"%s has to be set-uid root", tool, tool);
	return 0;
}

static int write_map(const char *file, const char *tool, pid_t pid, const struct spec_idmap *m,
	unsigned n, struct err *e)
{
	own_buf b = { 0 };
	int r = map_text(m, n, &b);

	if (!r)
		r = proc_put(pid, file, b.p, b.n);
	if (r == -EPERM && geteuid() != 0)
		return run_tool(tool, pid, m, n, e);
	return r < 0 ? fail(e, r, "write the container's %s", file) : 0;
}

int idmaps_write(const struct idmaps *m, pid_t pid, struct err *e)
{
	int r;

	if (!m->setgroups) {
		r = proc_put(pid, "setgroups", "deny", 4);
		if (r < 0 && r != -ENOENT)
			return fail(e, r, "deny setgroups in the container");
	}
	r = write_map("uid_map", "newuidmap", pid, m->uid, m->n_uid, e);
	return r < 0 ? r : write_map("gid_map", "newgidmap", pid, m->gid, m->n_gid, e);
}
