/* SPDX-License-Identifier: Apache-2.0 */
/* detrun pause ID, detrun resume ID: freeze all processes of a container, and let them go on. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"
#include "runtime/state.h"

static int freeze(const char *root, const char *id, bool pause, struct err *e)
{
	own_state s = { 0 };
	const char *status;
	int r = state_find(root, id, &s, e);

	if (r < 0)
		return r;
	status = state_status(&s);
	if (pause && strcmp(status, "running") && strcmp(status, "created"))
		return fail_msg(e, EINVAL, "container not running");
	if (!pause && strcmp(status, "paused"))
		return fail_msg(e, EINVAL, "container not paused");
	if (!s.cgroup)
		return fail_msg(e, EOPNOTSUPP, "container %s has no cgroup to freeze", id);
	return cgroup_freeze(s.cgroup, pause, e);
}

static int run(const struct global *g, int argc, char **argv, bool pause)
{
	const struct opt t[] = { { NULL } };
	const char *verb = pause ? "pause" : "resume";
	struct err e = ERR_INIT;
	int rest, r = opts_parse_anywhere(t, argc, argv, &rest, &e);

	if (r == 1) {
		opts_usage(verb, pause ? "freeze all processes of a container" :
			"let the processes of a paused container go on", "ID", NULL, t);
		return 0;
	}
	if (!r && argc - rest != 1)
		r = fail_msg(&e, EINVAL, "%s: exactly one container ID expected", verb);
	if (!r)
		r = freeze(g->root, argv[rest], pause, &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0;
}

int cmd_pause(const struct global *g, int argc, char **argv)
{
	return run(g, argc, argv, true);
}

int cmd_resume(const struct global *g, int argc, char **argv)
{
	return run(g, argc, argv, false);
}
