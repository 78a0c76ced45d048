/* SPDX-License-Identifier: Apache-2.0 */
/* detrun start ID */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/hooks.h"
#include "runtime/notify.h"
#include "runtime/opts.h"
#include "runtime/startsock.h"
#include "runtime/state.h"

/* One that fails takes the container with it. */
static int poststart(const char *top, int dir, const struct state *s, struct err *e)
{
	const struct hook_state st = { .id = s->id, .bundle = s->bundle, .status = "running",
		.pid = s->pid, .out = s->hooks_out, .err = s->hooks_err };
	own_spec spec = NULL;
	int r = hooks_load(dir, &spec, e);

	if (!r && spec)
		r = hooks_run(spec, SPEC_HOOK_POSTSTART, &st, e);
	if (r < 0)
		state_destroy(top, dir, s, NULL);
	return r;
}

static int go(int dir, const struct state *s, struct err *e)
{
	own_cleanup(notify_drop) struct notify n = NOTIFY_INIT;
	own_fd pidfd = state_pidfd(s);
	bool ends = false;
	int r = 0;

	n.host = getenv("NOTIFY_SOCKET");
	if (n.host && *n.host && s->mode == DET_OFF)
		r = notify_listen(&n, dir, e);
	if (!r)
		r = startsock_go(dir, &ends, e);
	if (ends) /* an engine deletes at once what did not start, and gives up where it finds it alive */
		state_await_end(s);
	if (!r && pidfd >= 0)
		notify_await(&n, s->pid, pidfd);
	return r;
}

static int start(const char *root, const char *id, struct err *e)
{
	own_free char *top = NULL;
	own_state s = { 0 };
	own_fd dir = -1;
	int r = state_root(root, &top, e);

	if (!r)
		r = state_open(top, id, true, &dir, e);
	if (!r)
		r = state_load(dir, id, &s, e);
	if (r < 0)
		return r;
	if (!state_alive(&s))
		return fail_msg(e, ESRCH, "cannot start a container that has stopped");
	if (s.running)
		return fail_msg(e, EBUSY, "cannot start an already running container");
	r = go(dir, &s, e);
	return r < 0 || !s.hooks ? r : poststart(top, dir, &s, e);
}

int cmd_start(const struct global *g, int argc, char **argv)
{
	const struct opt t[] = { { NULL } };
	struct err e = ERR_INIT;
	int rest, r = opts_parse_anywhere(t, argc, argv, &rest, &e);

	if (r == 1) {
		opts_usage("start", "run the program of a created container", "ID", NULL, t);
		return 0;
	}
	if (!r && argc - rest != 1)
		r = fail_msg(&e, EINVAL, "start: exactly one container ID expected");
	if (!r)
		r = start(g->root, argv[rest], &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0;
}
