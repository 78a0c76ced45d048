/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/supervisable.h"

#include <string.h>
#include <sys/mount.h>

#include "runtime/base/own.h"
#include "runtime/cover.h"

/*
 * The virtual clock, pids and files are made of these two. Who asks for the host's gets his own all
 * the same: what is not the container's stays unseen.
 */
static void own_namespaces(struct spec *s)
{
	static const enum spec_ns_type own[] = { SPEC_NS_PID, SPEC_NS_MOUNT };

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (!s->linux_.ns[own[i]].present)
			spec_add_ns(s, own[i], NULL);
}

/* The host's /proc in the place of the container's: it would show, and number, others. */
static void own_proc(struct spec *s)
{
	struct spec_mount *m = (struct spec_mount *) s->mounts; /* of the spec's own memory */

	for (size_t i = 0; i < s->n_mounts; i++) {
		if (!(m[i].flags & MS_BIND) || !m[i].source || strcmp(m[i].source, "/proc") ||
			strcmp(m[i].destination, "/proc"))
			continue;
		m[i].type = "proc";
		m[i].source = "proc";
		m[i].flags &= ~(unsigned long) (MS_BIND | MS_REC);
		m[i].rec_attr_set = m[i].rec_attr_clear = 0;
	}
}

static bool of_kernel(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && kernels_own(&fs);
}

static bool at_or_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

/* At /proc and /sys themselves the container has a canonical machine's. */
static int check_volumes(const struct spec *s, struct err *e)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];

		if (m->flags & MS_BIND && m->source && !at_or_below(m->destination, "/proc") &&
			!at_or_below(m->destination, "/sys") && of_kernel(m->source))
			return fail_msg(e, EOPNOTSUPP, "mounts[%zu]: what the kernel shows in %s is "
				"different each time: not for a repeatable run (use --determinism=off)",
				i, m->source);
	}
	return 0;
}

int supervisable(struct spec *s, struct err *e)
{
	own_namespaces(s);
	own_proc(s);
	return check_volumes(s, e);
}
