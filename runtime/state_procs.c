/* SPDX-License-Identifier: Apache-2.0 */
/* A container by its name, and its processes. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/base/own.h"
#include "runtime/cgroup.h"
#include "runtime/state.h"

int state_get(const char *root, const char *id, bool lock, int *ret_dir, struct state *ret,
	struct err *e)
{
	own_free char *top = NULL;
	int r = state_root(root, &top, e);

	if (!r)
		r = state_open(top, id, lock, ret_dir, e);
	return r ? r : state_load(*ret_dir, id, ret, e);
}

int state_find(const char *root, const char *id, struct state *ret, struct err *e)
{
	own_fd dir = -1;

	return state_get(root, id, false, &dir, ret, e);
}

static bool same_pidns(const char *pid, const struct stat *want)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%s/ns/pid", pid);
	return stat(path, &st) == 0 && st.st_ino == want->st_ino && st.st_dev == want->st_dev;
}

static int of_namespace(const struct state *s, pid_t **ret, size_t *ret_n, struct err *e)
{
	own_dir d = opendir("/proc");
	own_buf b = { 0 };
	struct dirent *ent;
	struct stat want;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/ns/pid", s->pid);
	if (!d || stat(path, &want) < 0)
		return fail(e, errno, "look for the processes of %s", s->id);
	while ((ent = readdir(d))) {
		pid_t pid = (pid_t) atoi(ent->d_name);

		if (isdigit((unsigned char) *ent->d_name) && same_pidns(ent->d_name, &want))
			buf_put(&b, &pid, sizeof pid);
	}
	if (b.failed)
		return fail(e, ENOMEM, "look for the processes of %s", s->id);
	*ret_n = b.n / sizeof **ret;
	*ret = (pid_t *) (void *) take_ptr(b.p);
	return 0;
}

int state_pids(const struct state *s, pid_t **ret, size_t *ret_n, struct err *e)
{
	if (s->cgroup && cgroup_exists(s->cgroup))
		return cgroup_pids(s->cgroup, ret, ret_n, e);
	*ret = NULL;
	*ret_n = 0;
	return state_alive(s) ? of_namespace(s, ret, ret_n, e) : 0;
}
