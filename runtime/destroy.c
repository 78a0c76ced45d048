/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a container: what it may have left, whoever died when. Each step may find nothing. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/hooks.h"
#include "runtime/state.h"

enum { MOUNTINFO_MAX = 16 << 20, PASSES = 64 };

/* The kernel writes blanks, tabs, newlines and backslashes as octal. */
static void unescape(char *s)
{
	char *o = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*o++ = (char) ((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*o++ = *s;
		}
	}
	*o = 0;
}

/* The last mount point below @rootfs in the text, which is cut up. NULL: none. */
static char *last_below(char *text, const char *rootfs)
{
	size_t n = strlen(rootfs);
	char *save = NULL, *found = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *at = l;

		for (int i = 0; at && i < 4; i++)
			if ((at = strchr(at, ' ')))
				at++;
		if (!at)
			continue;
		at[strcspn(at, " ")] = 0;
		unescape(at);
		if (!strncmp(at, rootfs, n) && at[n] == '/')
			found = at;
	}
	return found;
}

unsigned long long state_mount_of(const char *path)
{
	struct statx x;

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &x) < 0 ||
		!(x.stx_mask & STATX_MNT_ID) ? 0 : x.stx_mnt_id;
}

/* The root itself, unless what is there now is what was there before the container. */
static void unmount_root(const struct state *s)
{
	if (s->root_on && state_mount_of(s->rootfs) != s->root_on)
		umount2(s->rootfs, MNT_DETACH | UMOUNT_NOFOLLOW);
}

/* What a container without a mount namespace of its own has mounted in ours. */
static void unmount_below(const char *rootfs)
{
	for (int i = 0; i < PASSES; i++) {
		own_buf b = { 0 };
		char *at;

		if (read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &b, NULL) < 0 ||
			!buf_cstr(&b))
			return;
		at = last_below((char *) b.p, rootfs);
		if (!at || umount2(at, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return;
	}
}

/* Whatever comes of them, the container goes. */
static void poststop(const struct state *s, const struct spec *spec)
{
	const struct hook_state st = { .id = s->id, .bundle = s->bundle ? s->bundle : "",
		.status = "stopped", .out = s->hooks_out, .err = s->hooks_err };
	struct err e = ERR_INIT;

	hooks_run(spec, SPEC_HOOK_POSTSTOP, &st, &e);
}

/* Who is left after the first process, and the cgroup itself. */
static int empty_cgroup(const struct state *s, struct err *e)
{
	int r = s->cgroup ? cgroup_kill(s->cgroup, e) : 0;

	return r < 0 || !s->cgroup ? r : cgroup_remove(s->cgroup, e);
}

int state_destroy(const char *root, int dir, const struct state *s, struct err *e)
{
	own_spec spec = NULL;
	int r;

	if (s->cgroup && cgroup_frozen(s->cgroup)) /* v1: nobody dies frozen */
		cgroup_freeze(s->cgroup, false, NULL);
	r = state_kill_all(s, e);
	if (!r)
		r = empty_cgroup(s, e);
	if (r < 0)
		return r;
	if (s->shared_mounts && s->rootfs) {
		unmount_below(s->rootfs);
		unmount_root(s);
	}
	if (s->hooks && s->pid)
		hooks_load(dir, &spec, NULL);
	if (spec)
		poststop(s, spec);
	return state_remove(root, s->id, e);
}
